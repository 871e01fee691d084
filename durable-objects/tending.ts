import { ok, problem, type Result } from '../core/answers.ts'
import type { Doing } from '../core/audit.ts'
import type { Job } from '../core/job.ts'
import { type Forgetting, NETWORK_KEPT_MS, nextForgetting } from '../core/retention.ts'
import { type Actor, everybody } from './actor.ts'
import type { CommitGroup } from './commit-group.ts'
import type { EventParts } from './event-parts.ts'
import { forgetSlice } from './forgetting.ts'
import type { JobRunner } from './job-running.ts'
import { log } from './logging.ts'
import type { Meta } from './meta.ts'
import type { WarmPlan } from './warming.ts'

/** What the Gatekeeper lends to what is done by the alarm. */
type Host = {
  sql: SqlStorage
  meta: Meta
  parts: () => EventParts
  change: <T>(actor: Actor, work: (parts: EventParts) => Result<T>) => Result<T>
  /** What is in memory may be of what is gone: it is read anew. */
  reread: () => void
  group: CommitGroup
  jobs: JobRunner
  wakeAt: (at: number) => void
  /** Takes away what other objects have of the event. */
  dissolve: () => Promise<void>
  named: () => { eventId?: string }
}

/** It is looked after jobs so soon after something that may need it. */
export const TEND_AFTER_MS = 10_000
/** Slices that are forgotten in one go, and when it goes on after them. */
const FORGOTTEN_AT_ONCE = 50
const FORGET_AGAIN_MS = 1000

/** What is done because its time has come, and not because somebody asked: jobs that stall, images, forgetting. */
export class Tending {
  readonly #host: Host

  constructor(host: Host) {
    this.#host = host
  }

  async tendJobs(): Promise<void> {
    const { jobs, wakeAt, named } = this.#host
    const at = Date.now()
    try {
      await this.#warmWhereDue(at)
      const nextAt = await jobs.tend(at)
      if (nextAt !== null) wakeAt(Math.max(nextAt, at + 1))
    } catch (error) {
      log('error', 'jobs: could not be looked after', { ...named(), error })
      wakeAt(at + TEND_AFTER_MS)
    }
  }

  /** Forgets what has been kept for as long as it may be, and sees to it that this goes on. */
  async forgetDue(): Promise<void> {
    const { parts, group, wakeAt, named } = this.#host
    const at = Date.now()
    try {
      this.#forgetNetworks(at)
      const networkAt = parts().audit.oldestNetworkAt()
      if (networkAt !== null) wakeAt(networkAt + NETWORK_KEPT_MS)
      // Up to which entry D1 is known to have none left.
      let goneInD1 = -1
      for (let slice = 0; slice < FORGOTTEN_AT_ONCE; slice++) {
        const due = nextForgetting(parts().configuration.event)
        if (due === null) return this.#dissolveForgotten()
        if (due.at > at) return wakeAt(due.at)
        const { head } = parts().log
        if (due.what === 'log' && goneInD1 !== head) {
          // Only what D1 has is taken away here, and it goes there first.
          const isLogTold = parts().outbox.pending().entries === 0
          if (!isLogTold || !(await parts().outbox.forgetEntries())) continue
          goneInD1 = head
        }
        // With the scans that wait, and before those that come while it is written down.
        await group.run(() => this.#forgetSlice(due.what, at))
      }
      wakeAt(at + FORGET_AGAIN_MS)
    } catch (error) {
      log('error', 'retention: not everything could be forgotten', { ...named(), error })
      wakeAt(at + TEND_AFTER_MS)
    }
  }

  async #dissolveForgotten(): Promise<void> {
    if (this.#host.parts().configuration.event.forgotten.log !== null) await this.#host.dissolve()
  }

  #forgetSlice(what: Forgetting, at: number): void {
    const doing: Doing = {
      kind: `${what}.forgotten`,
      by: { kind: 'system', id: 'system' },
      network: null,
      requestId: null,
    }
    const { sql, meta } = this.#host
    this.#host.change({ ...everybody, doing }, (parts) => {
      const { configuration, audit } = parts
      const { event } = configuration
      // The sweep may have come in between and done it.
      const isDone = nextForgetting(event)?.what !== what
      const isLast = !isDone && forgetSlice(what, parts, sql, meta, at)
      if (isLast) configuration.setEvent({ ...event, forgotten: { ...event.forgotten, [what]: at } })
      if (isLast) audit.about({ kind: 'event', id: event.id })
      else audit.aboutNothing()
      return ok(null)
    })
    this.#host.reread()
  }

  #forgetNetworks(at: number): void {
    const oldestAt = this.#host.parts().audit.oldestNetworkAt()
    if (oldestAt === null || oldestAt + NETWORK_KEPT_MS > at) return
    this.#host.change(everybody, ({ audit }) => {
      audit.forgetNetworks(at - NETWORK_KEPT_MS)
      return ok(null)
    })
  }

  /** Puts a job of warming together, some tickets at a time beside the scans that wait, and has it done. */
  async warm(plan: WarmPlan): Promise<Result<Job>> {
    const { parts, change, group, jobs } = this.#host
    for (let rest: WarmPlan | null = plan; rest !== null; ) {
      const now: WarmPlan = rest
      const planned = await group.run(() => change(everybody, ({ warming }) => ok(warming.plan(now, Date.now()))))
      if (!planned.ok) return planned
      rest = planned.value
    }
    const job = parts().jobs.get(plan.id)
    if (job === null) return problem('not_found')
    await jobs.send(parts().configuration.event.id, job)
    return ok(job)
  }

  async #warmWhereDue(at: number): Promise<void> {
    const { change, wakeAt } = this.#host
    const begun = change(everybody, ({ warming }) => {
      const plan = warming.beginDue(at)
      if (warming.dueAt !== null) wakeAt(warming.dueAt)
      return ok(plan)
    })
    if (begun.ok && begun.value) await this.warm(begun.value)
  }
}
