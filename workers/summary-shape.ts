import { z } from 'zod'
import type { ReportItem, SeriesAnswer, SummaryAnswer } from '../core/report-answers.ts'
import { bucketSizes } from '../core/series.ts'
import { eventShape } from './shapes.ts'

/* What the report after the event says: as JSON, and what is put on paper. */

const counts = z.record(z.string(), z.int())
const milliseconds = z.number().nullable()

/** What one gate or member of staff did. */
export const reportItem = z.object({
  name: z.string(),
  scans: z.int(),
  admitted: z.int(),
  exited: z.int(),
  visited: z.int(),
  refused: counts,
  duplicates: z.int(),
  firstScanAt: z.iso.datetime().nullable(),
  lastScanAt: z.iso.datetime().nullable(),
  perHour: z.array(z.object({ at: z.iso.datetime(), scans: z.int() })),
  validationTime: z.object({ p50: milliseconds, p95: milliseconds }),
}) satisfies z.ZodType<ReportItem>

export const seriesShape = z.object({
  bucket: z.enum(bucketSizes),
  timezone: z.string(),
  items: z.array(z.object({ at: z.iso.datetime(), admitted: z.int(), exited: z.int(), refused: z.int() })),
}) satisfies z.ZodType<SeriesAnswer>

export const summaryShape = z.object({
  event: eventShape,
  totals: counts,
  zones: z.array(z.object({ id: z.string(), name: z.string(), inside: z.int(), capacity: z.int().nullable() })),
  gates: z.array(reportItem.extend({ gateId: z.string() })),
  staff: z.array(reportItem.extend({ staffId: z.string() })),
  types: z.array(z.object({ id: z.string(), name: z.string(), tickets: z.int(), people: z.int(), admitted: z.int() })),
  refusals: counts,
  arrivals: seriesShape,
  peak: z.object({ at: z.iso.datetime(), perMinute: z.int() }).nullable(),
  offline: z.object({ scans: z.int(), conflicts: z.int() }),
  latency: z.object({ p50: milliseconds, p95: milliseconds, p99: milliseconds }),
}) satisfies z.ZodType<SummaryAnswer>
export type Summary = z.output<typeof summaryShape>
