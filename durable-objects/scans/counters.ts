import type { Gate } from '../../core/event.ts'
import type { GateId } from '../../core/ids.ts'
import type { Entry } from '../../core/log.ts'
import { countEntry, countOf, noStats, type Stats } from '../../core/stats.ts'
import { Patterns } from '../live/patterns.ts'
import type { Meta } from '../meta.ts'
import { Pace } from './pace.ts'
import type { ScanLog } from './scan-log.ts'

/** What a stall was visited: in all, and by different tickets. */
export type StallVisits = { gateId: GateId; name: string; visits: number; visitors: number }

/** So many entries are counted again at most when the object wakes up. */
const SAVE_EVERY = 1000

/** The running sum of the log: in memory, over a stored sum and the entries that came after it. */
export class Counters {
  readonly #meta: Meta
  readonly #stats: Stats
  readonly #pace: Pace
  readonly patterns: Patterns
  #saved: number

  constructor(meta: Meta, log: ScanLog) {
    this.#meta = meta
    this.#pace = new Pace(log)
    this.patterns = new Patterns(log)
    const stored = meta.text('stats')
    // What was stored before a sum was added starts that sum at nothing.
    this.#stats = stored === null ? noStats() : { ...noStats(), ...JSON.parse(stored) }
    this.#saved = this.#stats.seq
    for (
      let more = log.after(this.#saved, SAVE_EVERY);
      more.length > 0;
      more = log.after(this.#stats.seq, SAVE_EVERY)
    ) {
      for (const entry of more) countEntry(this.#stats, entry)
    }
  }

  get stats(): Stats {
    return this.#stats
  }

  inside(zone: string): number {
    return countOf(this.#stats.inside, zone)
  }

  insideOfType(zone: string, type: string): number {
    const { insideByType } = this.#stats
    return Object.hasOwn(insideByType, zone) ? countOf(insideByType[zone] ?? {}, type) : 0
  }

  /** Each checkpoint's visits. One that nobody came to yet is there with none. */
  visits(gates: Gate[]): StallVisits[] {
    const { visits, visitors } = this.#stats
    return gates
      .filter(({ kind }) => kind === 'checkpoint')
      .map(({ id, name }) => ({ gateId: id, name, visits: countOf(visits, id), visitors: countOf(visitors, id) }))
  }

  /** Scans, people admitted and duplicates, so far, on one device. */
  ofDevice(device: string): { scans: number; admitted: number; duplicates: number } {
    const { scansByDevice, byDevice, duplicatesByDevice } = this.#stats
    return {
      scans: countOf(scansByDevice, device),
      admitted: countOf(byDevice, device),
      duplicates: countOf(duplicatesByDevice, device),
    }
  }

  /** People admitted in the minute that ends at `at`. */
  perMinute(at: number): number {
    return this.#pace.perMinute(at)
  }

  count(entry: Entry): void {
    countEntry(this.#stats, entry)
    this.#pace.count(entry)
    this.patterns.count(entry)
    if (this.#stats.seq - this.#saved >= SAVE_EVERY) this.save()
  }

  save(): void {
    if (this.#stats.seq === this.#saved) return
    this.#meta.set('stats', JSON.stringify(this.#stats))
    this.#saved = this.#stats.seq
  }
}
