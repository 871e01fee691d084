import { found, ok, problem, type Result } from '../../core/answers.ts'
import { differences } from '../../core/audit.ts'
import type { JobId } from '../../core/ids.ts'
import type { Job } from '../../core/job.ts'
import { type Actor, quietly } from '../actor.ts'
import type { Host } from '../host.ts'
import { TEND_AFTER_MS, type Tending } from '../tending.ts'
import type { JobRunner } from './job-running.ts'
import type { NewJob, Part } from './jobs.ts'
import type { ImageFormat } from './warming.ts'

/** Jobs as they are ordered: put together part by part and then done, or given up. */
export class JobOrders {
  readonly #host: Host
  readonly #runner: JobRunner
  readonly #tending: Tending

  constructor(host: Host, runner: JobRunner, tending: Tending) {
    this.#host = host
    this.#runner = runner
    this.#tending = tending
  }

  /** Begins to put a job together; the parts follow, and then it is queued. Asked twice, it is one job. */
  open(actor: Actor, job: NewJob, at: number): Result<Job> {
    const { event, alarm } = this.#host
    return event.change(quietly(actor), ({ jobs }) => {
      jobs.open(job, at)
      alarm.by(at + TEND_AFTER_MS)
      return found(jobs.get(job.id))
    })
  }

  /** Adds the next part to a job, counted from 0; false where it was given up meanwhile. */
  add(actor: Actor, id: JobId, no: number, part: Part, at: number): Result<boolean> {
    return this.#host.event.change(quietly(actor), ({ jobs }) => ok(jobs.add(id, no, part, at)))
  }

  /** All of a job is there: has it done. */
  async queue(actor: Actor, id: JobId, about: Job['about'], at: number): Promise<Result<Job>> {
    const { event, alarm } = this.#host
    const queued = event.change(actor, ({ jobs, configuration, audit }) => {
      jobs.queue(id, about, at)
      alarm.by(at + TEND_AFTER_MS)
      const job = jobs.get(id)
      if (about.dryRun === true) audit.aboutNothing()
      else audit.about({ kind: 'job', id }, differences({}, { rows: job?.total ?? 0 }))
      return job ? ok({ job, eventId: configuration.event.id }) : problem('not_found')
    })
    if (!queued.ok) return queued
    await this.#runner.send(queued.value.eventId, queued.value.job)
    return ok(queued.value.job)
  }

  /** Has the images of all valid tickets drawn and kept, as a job. */
  async warm(actor: Actor, id: JobId, formats: ImageFormat[], at: number): Promise<Result<Job>> {
    const { event, alarm } = this.#host
    const begun = event.change(actor, ({ warming, audit }) => {
      alarm.by(at + TEND_AFTER_MS)
      audit.about({ kind: 'job', id }, differences({}, { formats }))
      return ok(warming.begin(id, formats, at))
    })
    return begun.ok ? this.#tending.warm(begun.value) : begun
  }

  /** Gives a job up for a reason; without one, it is taken away as if it had never been. */
  drop(actor: Actor, id: JobId, reason: string | null, at: number): Result<null> {
    const { event, alarm } = this.#host
    return event.change(quietly(actor), ({ jobs }) => {
      if (reason === null) jobs.remove(id)
      else jobs.fail(id, reason, at)
      alarm.soon()
      return ok(null)
    })
  }
}
