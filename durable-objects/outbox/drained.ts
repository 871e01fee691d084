import type { Entry } from '../../core/log.ts'
import type { Counters } from '../scans/counters.ts'
import type { ScanLog } from '../scans/scan-log.ts'
import type { Outbox } from './outbox.ts'

/** Entries read in one go. */
const PART = 1000

/**
 * How many people were admitted as far as D1 has the log: the number that D1 itself would give. What waits is read once,
 * when it is first asked for; after that each entry is added as it reaches D1.
 */
export class Drained {
  readonly #log: ScanLog
  readonly #outbox: Outbox
  readonly #counters: Counters
  #known: { seq: number; admitted: number } | null = null

  constructor(log: ScanLog, outbox: Outbox, counters: Counters) {
    this.#log = log
    this.#outbox = outbox
    this.#counters = counters
  }

  admitted(): number {
    const seq = this.#log.head - this.#outbox.pending().entries
    if (this.#known === null) {
      const { stats } = this.#counters
      this.#known = { seq, admitted: stats.admitted - this.#between(seq, stats.seq) }
    } else if (this.#known.seq !== seq) {
      this.#known = { seq, admitted: this.#known.admitted + this.#between(this.#known.seq, seq) }
    }
    return this.#known.admitted
  }

  /** People admitted, less those taken back, after `from` and up to `to`. */
  #between(from: number, to: number): number {
    let people = 0
    for (let seq = from; seq < to; seq += PART) {
      for (const entry of this.#log.after(seq, Math.min(PART, to - seq))) people += admittedBy(entry)
    }
    return people
  }
}

function admittedBy({ verdict, people }: Entry): number {
  if (verdict.kind === 'admitted') return people
  return verdict.kind === 'annulled' ? -people : 0
}
