import type { Outcome } from './deliveries.ts'
import type { Parcel, Webhooks } from './webhooks.ts'

/** What the courier needs of the Gatekeeper around it. */
export type Around = {
  webhooks: () => Webhooks
  /** Runs work in a transaction. */
  transact: <T>(work: (webhooks: Webhooks) => T) => T
  /** Hands a parcel to the Worker, which sends it. */
  send: (parcel: Parcel) => Promise<Outcome[]>
  /** Has the courier called again at this time, or before. */
  wakeBy: (at: number) => void
  /** Says that the Worker itself failed. */
  failed: (error: unknown) => void
}

/** Should this object die while a parcel is on its way, its letters are sent again so much later. */
const LOST_AFTER_MS = 60_000

/** After the Worker itself failed, and not the endpoint. */
const AGAIN_AFTER_MS = 15_000

/**
 * Takes what is to be told to the Worker and notes how it fared. Each webhook is served on its own, so that a slow
 * endpoint holds up nobody; none is waited for by a scan or by the outbox. Memory holds only who is being served:
 * whatever is not noted as done is sent again.
 */
export class Courier {
  readonly #around: Around
  readonly #underWay = new Set<number>()

  constructor(around: Around) {
    this.#around = around
  }

  /** Serves every webhook that is not being served. Throws nothing. */
  async run(at: number): Promise<void> {
    const idle = this.#around
      .webhooks()
      .live()
      .filter((no) => !this.#underWay.has(no))
    await Promise.all(idle.map((no) => this.#serve(no, at)))
  }

  async #serve(no: number, at: number): Promise<void> {
    this.#underWay.add(no)
    try {
      await this.#sendWhatIsDue(no, at)
      const dueAt = this.#around.webhooks().nextDueAt(no, Date.now())
      if (dueAt !== null) this.#around.wakeBy(dueAt)
    } catch (error) {
      // The Worker failed, or we did: the endpoint is not to blame, so nothing is noted against it.
      this.#around.failed(error)
      this.#around.wakeBy(Date.now() + AGAIN_AFTER_MS)
    } finally {
      this.#underWay.delete(no)
    }
  }

  async #sendWhatIsDue(no: number, at: number): Promise<void> {
    for (let now = at; ; now = Date.now()) {
      const hasMore = this.#around.transact((webhooks) => webhooks.look(no, now))
      const parcel = this.#around.webhooks().parcel(no, now)
      if (parcel) {
        this.#around.wakeBy(now + LOST_AFTER_MS)
        const outcomes = await this.#around.send(parcel)
        this.#around.transact((webhooks) => webhooks.settle(no, outcomes, Date.now(), Math.random))
      } else if (hasMore) {
        // Nothing in what was looked at is for this one; scans go first, then the next piece.
        await scheduler.wait(0)
      } else return
    }
  }
}
