/** What a rehearsal showed. Times are in milliseconds. */
export type Figures = {
  planned: number
  /** Scans that were answered while somebody stood there, from when they came to when they knew. */
  answered: number
  waits: { p50: number; p95: number; p99: number; max: number }
  /** Answered later than a scanner waits before it decides alone. */
  late: number
  /** Never answered, though asked again and again. */
  unanswered: number
  /** Answered otherwise than the event's rules say. */
  wrong: { kind: string; got: string; scans: number }[]
  outcomes: Record<string, number>
  /** Scans for which a device had asked more than it may. */
  limited: number
  /** Scans that this computer sent later than they were due, because it was too busy itself. */
  overdue: number
  synced: { scans: number; conflicts: number; refused: number }
  /** The longest that the reports were behind, and how long they took at the end; null: they did not come up to date. */
  lagMs: number
  drainedMs: number | null
  people: { told: number; counted: number }
  integrity: { ok: boolean; entries: number; discrepancies: number }
}

/** How long a scanner waits for an answer before it decides alone. */
export const PATIENCE_MS = 1500

/** Takes waits in any order; gives the usual one and the long ones. */
export function waitsOf(waits: readonly number[]): Figures['waits'] {
  const sorted = Float64Array.from(waits).sort()
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) }
}
