import { ok } from '../core/answers.ts'
import { nextForgetting } from '../core/retention.ts'
import { everybody } from './actor.ts'
import { DRAIN_AFTER_MS } from './alarm.ts'
import type { Host } from './host.ts'
import { Watch } from './live/watching.ts'
import type { Draining } from './outbox/draining.ts'
import type { AsShard } from './shards/as-shard.ts'
import type { Dividing } from './shards/dividing.ts'
import { TEND_AFTER_MS, type Tending } from './tending.ts'
import type { Courier } from './webhooks/courier.ts'

/** The parts that something is done for by the clock. */
type Parts = { dividing: Dividing; asShard: AsShard; courier: Courier; draining: Draining; tending: Tending }

/** What the object does when it is woken: by its alarm, by the cron sweep, or by whoever calls it after a sleep. */
export class Upkeep {
  readonly #host: Host
  readonly #parts: Parts
  readonly #watch = new Watch()

  constructor(host: Host, parts: Parts) {
    this.#host = host
    this.#parts = parts
  }

  /** The alarm has come: tells whoever is to be told, and does what is due. */
  async alarm(): Promise<void> {
    const { event, alarm } = this.#host
    const { dividing, asShard, draining } = this.#parts
    alarm.came()
    if (draining.isOver || !event.isBorn) return
    if (dividing.shard > 0) return asShard.callForGatekeeper()
    await dividing.catchUp()
    await this.#goRound()
  }

  /** The same for the cron sweep, which so heals a lost alarm, and what it alone looks after. */
  async sweep(): Promise<void> {
    const { event, zones } = this.#host
    const { dividing, asShard } = this.#parts
    if (!event.isBorn) return
    const at = Date.now()
    if (dividing.shard > 0) return asShard.callForGatekeeper()
    await dividing.catchUp()
    zones.look(at)
    event.change(everybody, ({ shifts, warming }) => {
      shifts.endForgotten(at)
      warming.beforeStart(at)
      return ok(null)
    })
    await this.#goRound()
  }

  async #goRound(): Promise<void> {
    const { courier, draining, tending } = this.#parts
    // Not awaited: an endpoint that takes its time must not keep the next alarm from coming.
    this.#host.ctx().waitUntil(courier.run(Date.now()))
    await draining.drain()
    await tending.tendJobs()
    await tending.forgetDue()
    this.#lookAround()
  }

  /** Looks for what nobody's call would bring up, and sees to it that it is looked for again. */
  #lookAround(): void {
    const { event, alarm, statuses, live } = this.#host
    const at = Date.now()
    event.change(everybody, (parts) => {
      const nextAt = this.#watch.look(parts, statuses, (id) => live().heardAt(id), at)
      if (nextAt !== null) alarm.by(nextAt)
      return ok(null)
    })
  }

  /** The object woke up: sees to it that its alarm comes for whatever it left undone. */
  async healAlarm(): Promise<void> {
    const { event, alarm } = this.#host
    const { dividing } = this.#parts
    await alarm.recall()
    const { outbox, webhooks, jobs, configuration } = event.parts()
    const { entries, directory } = outbox.pending()
    if (entries > 0 || directory || webhooks.hasWork() || dividing.hasNews()) alarm.soon()
    if (dividing.shard > 0) return
    if (jobs.isAnyUnfinished()) alarm.by(Date.now() + TEND_AFTER_MS)
    const due = nextForgetting(configuration.event)
    if (due !== null) alarm.by(Math.max(due.at, Date.now() + DRAIN_AFTER_MS))
  }
}
