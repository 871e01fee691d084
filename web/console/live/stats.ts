import type { SeriesAnswer } from '../../../core/report-answers.ts'

export type { WireLiveStats as LiveStats } from '../../../core/live-stats.ts'
export type { GateReport } from '../../../core/report-answers.ts'

/** With each gate's own numbers where they were asked for, one for each of the items. */
export type Series = SeriesAnswer & { gates?: { gateId: string; name: string; admitted: number[] }[] }

export function sumOf(counts: Record<string, number>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0)
}
