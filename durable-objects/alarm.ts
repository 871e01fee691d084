/** What is changed goes to D1 so soon, all of it together. */
export const DRAIN_AFTER_MS = 2000
const OVERDUE_MS = 30_000

/** The object's storage, asked for each time that it is used. */
type Storage = () => Pick<DurableObjectStorage, 'setAlarm' | 'getAlarm' | 'deleteAlarm'>

/** The one alarm of an object. The outbox, the jobs and the webhooks share it; each says anew when it needs it next. */
export class Alarm {
  readonly #storage: Storage
  /** When it is to come, in milliseconds since 1970; null where none is set. */
  #at: number | null = null

  constructor(storage: Storage) {
    this.#storage = storage
  }

  /** Sees that it comes by then. */
  by(at: number): void {
    // An alarm long past its time has been seen never to come; it is set anew.
    const isComing = this.#at !== null && this.#at <= at && Date.now() < this.#at + OVERDUE_MS
    if (isComing) return
    this.#at = at
    // Not awaited: it is written in the same breath as the entry it is for, and the output gate waits for both.
    void this.#storage().setAlarm(at)
  }

  /** Sees that it comes soon, for what is to be told to others. */
  soon(delayMs: number = DRAIN_AFTER_MS): void {
    this.by(Date.now() + delayMs)
  }

  /** It has come, and is not set any more. */
  came(): void {
    this.#at = null
  }

  /** Learns, in an object that woke up, when it is to come. */
  async recall(): Promise<void> {
    this.#at = await this.#storage().getAlarm()
  }

  async cancel(): Promise<void> {
    this.#at = null
    await this.#storage().deleteAlarm()
  }
}
