import { z } from 'zod'
import { ok, type Result } from '../../core/answers.ts'
import { withCapacity } from '../../core/event.ts'
import { startOfLocalHour } from '../../core/local-day.ts'
import { type BucketSize, seriesOf } from '../../core/series.ts'
import { countOf } from '../../core/stats.ts'
import { latencyQuantile, MINUTE_MS } from '../../core/tally.ts'
import type { Live } from '../../durable-objects/live/doors.ts'
import type { TillLine } from '../../durable-objects/tickets/sales.ts'
import { reaches } from '../access.ts'
import { eventOverTime, latenciesOf, scansOverTime, totalsOf } from '../db/reports.ts'
import { askGatekeeperAlone } from '../gatekeepers.ts'
import { fileName } from '../paper/sheet.ts'
import { summaryPdf } from '../paper/summary.ts'
import { answerProblem } from '../problems.ts'
import { type Call, route, success } from '../route.ts'
import { iso, isoOrNull, showEvent } from '../shapes.ts'
import { reportItem, type Summary, summaryShape } from '../summary-shape.ts'
import { caughtUp } from './analytics.ts'

const tag = 'Reports'

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
    handle: (call) => report(call, 'staff', 'staffId', call.query.staffId),
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
    handle: (call) => report(call, 'gate', 'gateId', call.query.gateId),
  }),

  route({
    method: 'get',
    path: '/api/hp-scanner/summary/{eventId}',
    summary: 'The report after the event; as a PDF with format=pdf or Accept: application/pdf',
    tag,
    role: 'viewer',
    limit: 'report',
    query: z.object({ format: z.enum(['json', 'pdf']).optional() }),
    answer: summaryShape,
    handle: answerSummary,
  }),
]

type ReportItem = z.output<typeof reportItem>

type ReportCall = Pick<Call<unknown, unknown>, 'env' | 'eventId' | 'actor' | 'at'>

async function report<K extends string>(
  call: ReportCall,
  scope: 'gate' | 'staff',
  idName: K,
  only: string | undefined,
): Promise<Response> {
  const live = await caughtUp(call)
  if (!live.ok) return answerProblem(live.problem)
  const items = await reportItems(call, live.value, scope, idName, only)
  return success({ items, nextCursor: null, timezone: live.value.event.timezone })
}

/** One item for each gate or member of staff there is, whether anybody was scanned there or not. */
async function reportItems<K extends string>(
  { env, eventId }: ReportCall,
  live: Live,
  scope: 'gate' | 'staff',
  idName: K,
  only?: string,
): Promise<(ReportItem & Record<K, string>)[]> {
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
      const item: ReportItem = {
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
      return { [idName]: id as string, ...item } as ReportItem & Record<K, string>
    })
}

type SummaryCall = Call<unknown, { format?: 'json' | 'pdf' | undefined }>

async function answerSummary(call: SummaryCall): Promise<Response> {
  const live = await caughtUp(call)
  if (!live.ok) return answerProblem(live.problem)
  const summary = await summarise(call, live.value)
  if (!wantsPdf(call)) return success(summary)
  const till = await tillOf(call)
  if (!till.ok) return answerProblem(till.problem)
  const pdf = await summaryPdf(summary, till.value, call.at)
  const name = `${fileName({ reference: live.value.event.title, shortCode: 'report' })}.pdf`
  return new Response(pdf, {
    headers: {
      'Content-Type': 'application/pdf',
      'Cache-Control': 'private, no-store',
      Vary: 'Accept',
      'Content-Disposition': `attachment; filename="report.pdf"; filename*=UTF-8''${encodeURIComponent(name)}`,
    },
  })
}

/** What the address says counts for more than what the browser would like. */
function wantsPdf({ query, request }: SummaryCall): boolean {
  return query.format ? query.format === 'pdf' : (request.headers.get('Accept') ?? '').includes('application/pdf')
}

/** What was taken at the door, which not everybody may see who may see how many came. */
async function tillOf({ env, eventId, actor, caller }: SummaryCall): Promise<Result<TillLine[] | null>> {
  if (!reaches(caller.role, 'supervisor')) return ok(null)
  return askGatekeeperAlone(env, eventId, (gatekeeper) => gatekeeper.till(actor))
}

async function summarise(call: ReportCall, live: Live): Promise<Summary> {
  const { env, eventId } = call
  const { event, stats, issued, types } = live
  const [gates, staff, minutes] = await Promise.all([
    reportItems(call, live, 'gate', 'gateId'),
    reportItems(call, live, 'staff', 'staffId'),
    eventOverTime(env.DB, eventId, MINUTE_MS, always),
  ])
  const [first, last] = [minutes[0], minutes.at(-1)]
  const span =
    first && last ? { from: first.at, to: last.at + MINUTE_MS } : { from: event.startsAt, to: event.startsAt }
  const bucket = bucketFor(span.to - span.from)
  const tickets = issued.reduce((sum, type) => sum + type.tickets, 0)
  const buckets = Object.entries(stats.latency).map(([number, scans]) => [Number(number), scans] as const)
  return {
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
      items: seriesOf(minutes, ['admitted', 'exited', 'refused'], span, bucket, event.timezone).map((item) => ({
        ...item,
        at: iso(item.at),
      })),
    },
    peak: peakOf(minutes),
    offline: { scans: stats.offline, conflicts: live.conflicts },
    latency: {
      p50: latencyQuantile(buckets, 0.5),
      p95: latencyQuantile(buckets, 0.95),
      p99: latencyQuantile(buckets, 0.99),
    },
  }
}

const always = { from: 0, to: Number.MAX_SAFE_INTEGER }

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
