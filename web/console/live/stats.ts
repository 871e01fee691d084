export type { WireLiveStats as LiveStats } from '../../../core/live-stats.ts'

export type Bucket = { at: string; admitted: number; exited: number; refused: number }
export type Series = {
  bucket: 'minute' | '5min' | 'hour'
  timezone: string
  items: Bucket[]
  /** Each gate's own numbers, one for each of the items. */
  gates?: { gateId: string; name: string; admitted: number[] }[]
}

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
