/** The contract's `liveStats`. */
export type LiveStats = {
  /** null while D1 is away. */
  totalEntries: number | null
  cacheCount: number
  pendingEntries: number
  lagMs: number
  occupancyPercentage: string
  inside: number
  admittedTickets: number
  totalTickets: number
  checkInRate: number
  duplicateAttempts: number
  refusals: Record<string, number>
  gateCounts: Record<string, number>
  zones: { id: string; name: string; inside: number; capacity: number | null }[]
  perMinute: number
  minutesToLast: number | null
  latency: { p50: number | null; p95: number | null; p99: number | null }
}

export type Bucket = { at: string; admitted: number; exited: number; refused: number }
export type Series = { bucket: 'minute' | '5min' | 'hour'; timezone: string; items: Bucket[] }

export type GateReport = {
  gateId: string
  name: string
  scans: number
  admitted: number
  exited: number
  visited: number
  refused: Record<string, number>
  duplicates: number
  firstScanAt: string | null
  lastScanAt: string | null
  perHour: { at: string; scans: number }[]
}

export function sumOf(counts: Record<string, number>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0)
}
