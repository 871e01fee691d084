import type { Entry } from '../../core/log.ts'
import type { ScanLog } from './scan-log.ts'

const MINUTE_S = 60

/** So many entries are read at most to know the last minute after waking up. */
const LOOK_BACK = 3000

/**
 * How many people were scanned and admitted in the last minute, by the second. Filled from the log when it is first asked
 * for. It is the scan's own time that counts: what a device brings along that was cut off for an hour is no rush now.
 */
export class Pace {
  readonly #log: ScanLog
  readonly #seconds = new Map<number, number>()
  #isOpen = false

  constructor(log: ScanLog) {
    this.#log = log
  }

  count(entry: Entry): void {
    if (this.#isOpen) this.#add(entry)
  }

  /** People admitted in the minute that ends at `at`, milliseconds since 1970, less those taken back. */
  perMinute(at: number): number {
    if (!this.#isOpen) {
      this.#isOpen = true
      for (const entry of this.#log.after(Math.max(0, this.#log.head - LOOK_BACK), LOOK_BACK)) this.#add(entry)
    }
    const now = Math.floor(at / 1000)
    let people = 0
    for (const [second, count] of this.#seconds) {
      if (second <= now - MINUTE_S) this.#seconds.delete(second)
      else people += count
    }
    return Math.max(0, people)
  }

  #add({ verdict, people, scannedAt, receivedAt }: Entry): void {
    switch (verdict.kind) {
      case 'admitted':
        this.#change(scannedAt, receivedAt, people)
        return
      case 'annulled':
        this.#change(this.#log.at(verdict.seq)?.entry.scannedAt ?? 0, receivedAt, -people)
        return
      case 'exited':
      case 'visited':
      case 'refused':
      case 'everyone_out':
        return
    }
  }

  #change(scannedAt: number, heardAt: number, people: number): void {
    if (heardAt - scannedAt >= MINUTE_S * 1000) return
    const second = Math.floor(scannedAt / 1000)
    this.#seconds.set(second, (this.#seconds.get(second) ?? 0) + people)
    // Nobody asks for long: what is over is dropped here too.
    if (this.#seconds.size > 2 * MINUTE_S) this.#seconds.delete(Math.min(...this.#seconds.keys()))
  }
}
