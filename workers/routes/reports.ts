import { z } from 'zod'
import { withCapacity } from '../../core/event.ts'
import { startOfLocalHour } from '../../core/local-day.ts'
import { type BucketSize, seriesOf } from '../../core/series.ts'
import { countOf } from '../../core/stats.ts'
import { latencyQuantile, MINUTE_MS } from '../../core/tally.ts'
import type { Live } from '../../durable-objects/gatekeeper.ts'
import { activeSpan, eventOverTime, latenciesOf, scansOverTime, totalsOf } from '../db/reports.ts'
import { answerProblem } from '../problems.ts'
import { type Call, route, success } from '../route.ts'
import { eventShape, iso, isoOrNull, showEvent } from '../shapes.ts'
import { caughtUp, readSeries, seriesShape } from './analytics.ts'

const tag = 'Reports'

const counts = z.record(z.string(), z.int())
const milliseconds = z.number().nullable()

const reportItem = z.object({
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
})

const reportOf = <K extends string>(id: K) =>
  z.object({ items: z.array(reportItem.extend({ [id]: z.string() })), nextCursor: z.null(), timezone: z.string() })

export const reportRoutes = [
  route({
    method: 'get',
    path: '/api/hp-scanner/staff-report/{eventId}',
    summary: 'What each member of staff scanned',
    tag,
    role: 'viewer',
    limit: 'report',
    query: z.object({ staffId: z.string().max(64).optional() }),
    answer: reportOf('staffId'),
    handle: (call) => report(call, 'staff', call.query.staffId),
  }),

  route({
    method: 'get',
    path: '/api/hp-scanner/gate-report/{eventId}',
    summary: 'What was scanned at each gate',
    tag,
    role: 'viewer',
    limit: 'report',
    query: z.object({ gateId: z.string().max(64).optional() }),
    answer: reportOf('gateId'),
    handle: (call) => report(call, 'gate', call.query.gateId),
  }),

  route({
    method: 'get',
    path: '/api/hp-scanner/summary/{eventId}',
    summary: 'The report after the event',
    tag,
    role: 'viewer',
    limit: 'report',
    answer: z.object({
      event: eventShape,
      totals: counts,
      zones: z.array(z.object({ id: z.string(), name: z.string(), inside: z.int(), capacity: z.int().nullable() })),
      gates: z.array(reportItem.extend({ gateId: z.string() })),
      staff: z.array(reportItem.extend({ staffId: z.string() })),
      types: z.array(
        z.object({ id: z.string(), name: z.string(), tickets: z.int(), people: z.int(), admitted: z.int() }),
      ),
      refusals: counts,
      arrivals: seriesShape,
      peak: z.object({ at: z.iso.datetime(), perMinute: z.int() }).nullable(),
      offline: z.object({ scans: z.int(), conflicts: z.int() }),
      latency: z.object({ p50: milliseconds, p95: milliseconds, p99: milliseconds }),
    }),
    handle: summarise,
  }),
]

type ReportCall = Pick<Call<unknown, unknown>, 'env' | 'eventId' | 'actor' | 'at'>

async function report(call: ReportCall, scope: 'gate' | 'staff', only: string | undefined) {
  const live = await caughtUp(call)
  if (!live.ok) return answerProblem(live.problem)
  const items = await reportItems(call, live.value, scope, only)
  return success({ items, nextCursor: null, timezone: live.value.event.timezone })
}

/** One item for each gate or member of staff there is, whether anybody was scanned there or not. */
async function reportItems({ env, eventId }: ReportCall, live: Live, scope: 'gate' | 'staff', only?: string) {
  const { timezone } = live.event
  const [totals, hours, latencies] = await Promise.all([
    totalsOf(env.DB, eventId, scope, only),
    scansOverTime(env.DB, eventId, scope, only),
    latenciesOf(env.DB, eventId, scope, only),
  ])
  const [totalsBy, hoursBy, latenciesBy] = [byKey(totals), byKey(hours), byKey(latencies)]
  const all = scope === 'gate' ? live.gates : live.staff
  return all
    .filter(({ id }) => only === undefined || id === only)
    .map(({ id, name }) => {
      const own = totalsBy.get(id) ?? []
      const times = (latenciesBy.get(id) ?? []).map(({ bucket, scans }) => [bucket, scans] as const)
      const refused = Object.fromEntries(
        own.filter(({ outcome }) => !isPassage(outcome)).map(({ outcome, scans }) => [outcome, scans]),
      )
      return {
        [`${scope}Id`]: id,
        name,
        scans: own.reduce((sum, { scans }) => sum + scans, 0),
        admitted: peopleOf(own, 'admitted'),
        exited: peopleOf(own, 'exited'),
        visited: peopleOf(own, 'visited'),
        refused,
        duplicates: countOf(refused, 'already_admitted'),
        firstScanAt: isoOrNull(own.length > 0 ? Math.min(...own.map(({ firstAt }) => firstAt)) : null),
        lastScanAt: isoOrNull(own.length > 0 ? Math.max(...own.map(({ lastAt }) => lastAt)) : null),
        perHour: perHour(hoursBy.get(id) ?? [], timezone),
        validationTime: { p50: latencyQuantile(times, 0.5), p95: latencyQuantile(times, 0.95) },
      }
    })
}

async function summarise(call: ReportCall) {
  const { env, eventId } = call
  const live = await caughtUp(call)
  if (!live.ok) return answerProblem(live.problem)
  const { event, stats, issued, types } = live.value
  const active = await activeSpan(env.DB, eventId)
  const span = active ? { from: active.from, to: active.to + MINUTE_MS } : { from: event.startsAt, to: event.startsAt }
  const bucket = bucketFor(span.to - span.from)
  const [gates, staff, arrivals, minutes] = await Promise.all([
    reportItems(call, live.value, 'gate'),
    reportItems(call, live.value, 'staff'),
    readSeries(env.DB, eventId, span, bucket, event.timezone),
    eventOverTime(env.DB, eventId, MINUTE_MS, span),
  ])
  const tickets = issued.reduce((sum, type) => sum + type.tickets, 0)
  const buckets = Object.entries(stats.latency).map(([number, scans]) => [Number(number), scans] as const)
  return success({
    event: showEvent(event),
    totals: {
      tickets,
      people: issued.reduce((sum, type) => sum + type.people, 0),
      scans: stats.scans,
      admitted: stats.admitted,
      admittedTickets: stats.tickets,
      noShows: Math.max(0, tickets - stats.tickets),
      exited: stats.exited,
      visited: stats.visited,
      refused: Object.values(stats.refused).reduce((sum, count) => sum + count, 0),
      duplicates: countOf(stats.refused, 'already_admitted'),
    },
    zones: event.zones.map((zone) => ({
      id: zone.id,
      name: zone.name,
      inside: Math.max(0, countOf(stats.inside, zone.id)),
      capacity: withCapacity(zone, event).capacity,
    })),
    gates,
    staff,
    types: types.map(({ id, name }) => {
      const type = issued.find(({ typeId }) => typeId === id)
      return { id, name, tickets: type?.tickets ?? 0, people: type?.people ?? 0, admitted: countOf(stats.byType, id) }
    }),
    refusals: stats.refused,
    arrivals: {
      bucket,
      timezone: event.timezone,
      items: arrivals.map((item) => ({ ...item, at: iso(item.at) })),
    },
    peak: peakOf(minutes),
    offline: { scans: stats.offline, conflicts: live.value.conflicts },
    latency: {
      p50: latencyQuantile(buckets, 0.5),
      p95: latencyQuantile(buckets, 0.95),
      p99: latencyQuantile(buckets, 0.99),
    },
  })
}

/** A curve of a few dozen to a few hundred points. */
function bucketFor(spanMs: number): BucketSize {
  const hours = spanMs / (60 * MINUTE_MS)
  if (hours <= 2) return 'minute'
  return hours <= 24 ? '5min' : 'hour'
}

function peakOf(minutes: { at: number; admitted: number }[]) {
  const busiest = minutes.reduce<{ at: number; admitted: number } | null>(
    (best, minute) => (minute.admitted > (best?.admitted ?? 0) ? minute : best),
    null,
  )
  return busiest && { at: iso(busiest.at), perMinute: busiest.admitted }
}

/** From the hour of the first scan to the hour of the last, empty ones included. */
function perHour(quarters: { at: number; scans: number }[], timezone: string) {
  const [first, last] = [quarters[0], quarters.at(-1)]
  if (!first || !last) return []
  const span = { from: startOfLocalHour(first.at, timezone), to: last.at + 1 }
  return seriesOf(quarters, ['scans'], span, 'hour', timezone).map(({ at, scans }) => ({ at: iso(at), scans }))
}

function isPassage(outcome: string): boolean {
  return outcome === 'admitted' || outcome === 'exited' || outcome === 'visited'
}

function peopleOf(totals: { outcome: string; people: number }[], outcome: string): number {
  return totals.find((total) => total.outcome === outcome)?.people ?? 0
}

function byKey<T extends { key: string }>(rows: T[]): Map<string, T[]> {
  const map = new Map<string, T[]>()
  for (const row of rows) {
    const own = map.get(row.key)
    if (own) own.push(row)
    else map.set(row.key, [row])
  }
  return map
}
