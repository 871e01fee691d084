import type { BucketSize } from './series.ts'

/*
 * What the reports answer, as the command and the console read it. Instants are ISO 8601 in UTC. The Worker's shapes are
 * held to these types where they stand.
 */

type Counts = Record<string, number>

/** What one gate or member of staff did. */
export type ReportItem = {
  name: string
  scans: number
  admitted: number
  exited: number
  visited: number
  refused: Counts
  duplicates: number
  firstScanAt: string | null
  lastScanAt: string | null
  perHour: { at: string; scans: number }[]
  validationTime: { p50: number | null; p95: number | null }
}
export type GateReport = ReportItem & { gateId: string }
export type StaffReport = ReportItem & { staffId: string }

/** People in and out, and scans refused, in equal pieces of time; empty ones too. */
export type SeriesAnswer = { bucket: BucketSize; timezone: string; items: Bucket[] }
export type Bucket = { at: string; admitted: number; exited: number; refused: number }

/** The report after the event. */
export type SummaryAnswer = {
  event: { title: string; startsAt: string; endsAt: string }
  totals: Counts
  zones: { id: string; name: string; inside: number; capacity: number | null }[]
  gates: GateReport[]
  staff: StaffReport[]
  types: { id: string; name: string; tickets: number; people: number; admitted: number }[]
  refusals: Counts
  arrivals: SeriesAnswer
  peak: { at: string; perMinute: number } | null
  offline: { scans: number; conflicts: number }
  latency: { p50: number | null; p95: number | null; p99: number | null }
}

export type ShiftLine = {
  id: string
  staffId: string
  deviceId: string
  startedAt: string
  endedAt: string | null
  scans: number
  admitted: number
}

/** What was taken at the door; the amount in minor units. */
export type TillLine = {
  staffId: string | null
  gateId: string | null
  method: string
  currency: string | null
  sales: number
  people: number
  amount: number
}

export type StallLine = { gateId: string; name: string; visits: number; visitors: number }
