import type { Host } from '../host.ts'
import { log } from '../logging.ts'

const FIRST_RETRY_MS = 1000
const LAST_RETRY_MS = 5000

/** Tells D1 what the outbox holds, and sees to it that this goes on. */
export class Draining {
  readonly #host: Host
  /** What is being told to D1 just now; nothing more is once the event is taken away. */
  readonly #underWay = new Set<Promise<void>>()
  #isOver = false
  /** How often D1 failed since it last took anything. */
  #failures = 0

  constructor(host: Host) {
    this.#host = host
  }

  /** Whether the event is being taken away. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** Tells D1 what it has not been told. Where it does not take that, it is told again later. */
  async drain(): Promise<void> {
    if (this.#isOver) return
    const drain = this.#tellD1()
    this.#underWay.add(drain)
    await drain.finally(() => this.#underWay.delete(drain))
  }

  /** Takes the event out of D1, and tells it nothing of it any more. */
  async end(): Promise<void> {
    this.#isOver = true
    try {
      // What is on its way to D1 now would otherwise arrive there after the rest was taken away.
      await Promise.allSettled(this.#underWay)
      await this.#host.event.parts().outbox.forget()
    } catch (error) {
      this.#isOver = false
      throw error
    }
  }

  async #tellD1(): Promise<void> {
    const { event, alarm, statuses, live, named } = this.#host
    let isAll = false
    let told = 0
    try {
      const { outbox } = event.parts()
      told = outbox.told
      isAll = await outbox.drain(() => event.parts().outbox === outbox)
      this.#failures = 0
      event.parts().counters.save()
      statuses.save()
      // D1 has more now, and those who watch the lag want to know.
      live().wake()
    } catch (error) {
      // D1 is away. Entry does not depend on it; the entries stay here and are sent again.
      log('error', 'outbox: D1 did not take the entries', { ...named(), error })
      // First of all, should the storage be what fails.
      alarm.soon(LAST_RETRY_MS)
      this.#failures = event.parts().outbox.told > told ? 1 : this.#failures + 1
      alarm.soon(Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** (this.#failures - 1)))
      return
    }
    const { entries, directory } = event.parts().outbox.pending()
    if (entries === 0 && !directory) return
    // What came meanwhile waits for its own turn, with all that comes until then.
    if (isAll) alarm.soon()
    else alarm.soon(1)
  }
}
