import { setTimeout as sleep } from 'node:timers/promises'
import type { WireLiveStats } from '../../core/live-stats.ts'
import type { Connection } from '../connection.ts'
import { follow } from '../monitor/feed.ts'

const DRAINED_WITHIN_MS = 60_000
/** A change of the numbers is told within a quarter of a second. */
const QUIET_MS = 2000

/** Listens to an event while something goes on there: how far the reports are behind, and when they are not any more. */
export class LagWatch {
  /** The longest that the oldest entry waited for the reports. */
  longestMs = 0
  #stats: WireLiveStats | null = null
  #heardAt = 0
  readonly #stop = new AbortController()
  readonly #listening: Promise<void>

  constructor(connection: Connection) {
    const hear: Parameters<typeof follow>[1]['hear'] = (message) => {
      if (message.type !== 'stats') return
      this.#stats = message.data
      this.#heardAt = performance.now()
      this.longestMs = Math.max(this.longestMs, message.data.lagMs)
    }
    this.#listening = follow(connection, { hear, link: () => {} }, this.#stop.signal)
    // Whoever is told of it waits for the end; until then it must not count as nobody's.
    this.#listening.catch(() => {})
  }

  /** Waits until the reports have all of it; gives how long that took, or null where they do not come so far. */
  async untilDrained(stop: AbortSignal): Promise<number | null> {
    const from = performance.now()
    for (; performance.now() < from + DRAINED_WITHIN_MS; await sleep(100, undefined, { signal: stop })) {
      // What was told before now may be of before the last scan; where nothing new is told, nothing is new.
      const isNew = this.#heardAt > from - 300 || performance.now() > from + QUIET_MS
      if (this.#stats?.pendingEntries === 0 && isNew) return Math.max(0, this.#heardAt - from)
    }
    return null
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await this.#listening
  }
}
