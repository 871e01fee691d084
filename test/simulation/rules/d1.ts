import type { Entry } from '../../../core/log.ts'
import { tallyOf } from '../../../core/tally.ts'
import type { Broken } from './rules.ts'

export type D1Row = { entry: Entry; isAnnulled: boolean }
export type Sum = { scans: number; people: number }

/** One batch for D1: the entries after `from`. */
export type Telling = { from: number; to: number; entries: readonly Entry[]; at: (seq: number) => Entry | null }

/** What D1 holds of the event, and does with a batch however often it comes: in one transaction, as its SQL has it. */
export class D1 {
  readonly rows: D1Row[] = []
  /** Scans and people of the event by their outcome. */
  readonly sums = new Map<string, Sum>()
  isAway = false
  #drained = 0
  readonly #broken: Broken

  constructor(broken: Broken) {
    this.#broken = broken
  }

  /** Takes a batch; gives how far it has the log. */
  take({ from, to, entries, at }: Telling): number {
    for (const entry of entries) this.rows[entry.seq - 1] ??= { entry, isAnnulled: false }
    if (this.#broken !== 'annulmentToD1') {
      for (const { verdict } of entries) {
        const row = verdict.kind === 'annulled' ? this.rows[verdict.seq - 1] : undefined
        if (row) row.isAnnulled = true
      }
    }
    if (this.#drained === from || this.#broken === 'addedUpOnce') {
      for (const { scope, outcome, scans, people } of tallyOf(entries, at).tallies) {
        if (scope !== 'event') continue
        const sum = this.sums.get(outcome)
        if (sum) {
          sum.scans += scans
          sum.people += people
        } else this.sums.set(outcome, { scans, people })
      }
    }
    if (this.#drained === from) this.#drained = to
    return this.#drained
  }
}
