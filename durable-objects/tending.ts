import { ok, problem, type Result } from '../core/answers.ts'
import type { Doing } from '../core/audit.ts'
import type { Job } from '../core/job.ts'
import { type Forgetting, NETWORK_KEPT_MS, nextForgetting } from '../core/retention.ts'
import { everybody } from './actor.ts'
import type { Host } from './host.ts'
import type { JobRunner } from './jobs/job-running.ts'
import type { WarmPlan } from './jobs/warming.ts'
import { log } from './logging.ts'
import { forgetSlice } from './privacy/forgetting.ts'
import type { Dividing } from './shards/dividing.ts'

/** It is looked after jobs so soon after something that may need it. */
export const TEND_AFTER_MS = 10_000
/** Slices that are forgotten in one go, and when it goes on after them. */
const FORGOTTEN_AT_ONCE = 50
const FORGET_AGAIN_MS = 1000

/** What is done because its time has come, and not because somebody asked: jobs that stall, images, forgetting. */
export class Tending {
  readonly #host: Host
  readonly #jobs: JobRunner
  readonly #dividing: Dividing

  constructor(host: Host, jobs: JobRunner, dividing: Dividing) {
    this.#host = host
    this.#jobs = jobs
    this.#dividing = dividing
  }

  async tendJobs(): Promise<void> {
    const { alarm, named } = this.#host
    const at = Date.now()
    try {
      await this.#warmWhereDue(at)
      const nextAt = await this.#jobs.tend(at)
      if (nextAt !== null) alarm.by(Math.max(nextAt, at + 1))
    } catch (error) {
      log('error', 'jobs: could not be looked after', { ...named(), error })
      alarm.by(at + TEND_AFTER_MS)
    }
  }

  /** Forgets what has been kept for as long as it may be, and sees to it that this goes on. */
  async forgetDue(): Promise<void> {
    const { event, group, alarm, named } = this.#host
    const at = Date.now()
    try {
      this.#forgetNetworks(at)
      const networkAt = event.parts().audit.oldestNetworkAt()
      if (networkAt !== null) alarm.by(networkAt + NETWORK_KEPT_MS)
      // Up to which entry D1 is known to have none left.
      let goneInD1 = -1
      for (let slice = 0; slice < FORGOTTEN_AT_ONCE; slice++) {
        const due = nextForgetting(event.parts().configuration.event)
        if (due === null) return this.#dissolveForgotten()
        if (due.at > at) return alarm.by(due.at)
        const { head } = event.parts().log
        if (due.what === 'log' && goneInD1 !== head) {
          // Only what D1 has is taken away here, and it goes there first.
          const isLogTold = event.parts().outbox.pending().entries === 0
          if (!isLogTold || !(await event.parts().outbox.forgetEntries())) continue
          goneInD1 = head
        }
        // With the scans that wait, and before those that come while it is written down.
        await group.run(() => this.#forgetSlice(due.what, at))
      }
      alarm.by(at + FORGET_AGAIN_MS)
    } catch (error) {
      log('error', 'retention: not everything could be forgotten', { ...named(), error })
      alarm.by(at + TEND_AFTER_MS)
    }
  }

  async #dissolveForgotten(): Promise<void> {
    if (this.#host.event.parts().configuration.event.forgotten.log !== null) await this.#dividing.dissolve()
  }

  #forgetSlice(what: Forgetting, at: number): void {
    const doing: Doing = {
      kind: `${what}.forgotten`,
      by: { kind: 'system', id: 'system' },
      network: null,
      requestId: null,
    }
    const { ctx, meta } = this.#host
    this.#host.event.change({ ...everybody, doing }, (parts) => {
      const { configuration, audit } = parts
      const { event } = configuration
      // The sweep may have come in between and done it.
      const isDone = nextForgetting(event)?.what !== what
      const isLast = !isDone && forgetSlice(what, parts, ctx().storage.sql, meta, at)
      if (isLast) configuration.setEvent({ ...event, forgotten: { ...event.forgotten, [what]: at } })
      if (isLast) audit.about({ kind: 'event', id: event.id })
      else audit.aboutNothing()
      return ok(null)
    })
    this.#host.event.reread()
  }

  #forgetNetworks(at: number): void {
    const oldestAt = this.#host.event.parts().audit.oldestNetworkAt()
    if (oldestAt === null || oldestAt + NETWORK_KEPT_MS > at) return
    this.#host.event.change(everybody, ({ audit }) => {
      audit.forgetNetworks(at - NETWORK_KEPT_MS)
      return ok(null)
    })
  }

  /** Puts a job of warming together, some tickets at a time beside the scans that wait, and has it done. */
  async warm(plan: WarmPlan): Promise<Result<Job>> {
    const { event, group } = this.#host
    for (let rest: WarmPlan | null = plan; rest !== null; ) {
      const now: WarmPlan = rest
      const planned = await group.run(() => event.change(everybody, ({ warming }) => ok(warming.plan(now, Date.now()))))
      if (!planned.ok) return planned
      rest = planned.value
    }
    const job = event.parts().jobs.get(plan.id)
    if (job === null) return problem('not_found')
    await this.#jobs.send(event.parts().configuration.event.id, job)
    return ok(job)
  }

  async #warmWhereDue(at: number): Promise<void> {
    const { event, alarm } = this.#host
    const begun = event.change(everybody, ({ warming }) => {
      const plan = warming.beginDue(at)
      if (warming.dueAt !== null) alarm.by(warming.dueAt)
      return ok(plan)
    })
    if (begun.ok && begun.value) await this.warm(begun.value)
  }
}
