import { z } from 'zod'
import type { Gate } from '../../core/event.ts'
import { toWireLiveStats } from '../../core/live-stats.ts'
import { type BucketSize, bucketSizes, nextBucket, seriesOf, startOfBucket } from '../../core/series.ts'
import { MINUTE_MS, QUARTER_MS } from '../../core/tally.ts'
import { log } from '../../durable-objects/logging.ts'
import { activeSpan, admittedInD1, eventOverTime, gatesOverTime, type Span } from '../db/reports.ts'
import { askGatekeeper } from '../gatekeepers.ts'
import { answerProblem, badRequestResponse } from '../problems.ts'
import { type Call, route, success } from '../route.ts'
import { iso } from '../shapes.ts'
import { seriesShape } from '../summary-shape.ts'

const tag = 'Statistics'

const counts = z.record(z.string(), z.int())
const milliseconds = z.number().nullable()

export const liveStatsShape = z.object({
  totalEntries: z.int().nullable().describe('people admitted, as far as D1 has the log; null while D1 is away'),
  cacheCount: z.int().describe("people admitted, the Gatekeeper's live number"),
  pendingEntries: z.int().describe('entries that D1 has not been told of yet'),
  lagMs: z.int().describe('how long the oldest of them has waited'),
  occupancyPercentage: z.string().describe('people inside by capacity, or by people with a ticket where there is none'),
  inside: z.int(),
  admittedTickets: z.int().describe('tickets admitted at least once, each counted once'),
  totalTickets: z.int().describe('tickets that were not revoked'),
  totalPeople: z.int().describe('people whom these tickets admit: the ceiling of the arrivals'),
  checkInRate: z
    .number()
    .min(0)
    .max(100)
    .describe(
      'admitted tickets in per cent of those that were not revoked; 100 at most, though some were revoked inside',
    ),
  duplicateAttempts: z.int(),
  refusals: counts,
  gateCounts: counts,
  staffCounts: counts,
  typeCounts: counts,
  deviceCounts: counts,
  zones: z.array(z.object({ id: z.string(), name: z.string(), inside: z.int(), capacity: z.int().nullable() })),
  perMinute: z.int().describe('people admitted in the last minute, by when they were scanned'),
  minutesToLast: z
    .number()
    .nullable()
    .describe('until everybody with a ticket is in, at the rate of the last minute; null while nobody comes'),
  latency: z.object({ p50: milliseconds, p95: milliseconds, p99: milliseconds }),
})

const numbers = z.array(z.int())
const gateSeries = z
  .object({
    gateId: z.string(),
    name: z.string(),
    admitted: numbers,
    exited: numbers,
    visited: numbers,
    refused: numbers,
  })
  .describe('one number for each of the items, in their order')

const instant = z.iso
  .datetime({ offset: true, error: 'must be an ISO 8601 instant' })
  .transform((text) => Date.parse(text))

const SeriesQuery = z.object({
  bucket: z.enum(bucketSizes).default('5min'),
  from: instant.optional(),
  to: instant.optional(),
  by: z.enum(['gate']).optional().describe('adds each gate’s own numbers, to be stacked'),
})

/** A week of minutes. More is nobody's chart; of each gate's own, a day's. */
const MAX_BUCKETS = 10_080
const MAX_BUCKETS_BY_GATE = 1_440

export const analyticsRoutes = [
  route({
    method: 'get',
    path: '/api/hp-scanner/analytics/{eventId}',
    summary: 'The doors as they are now',
    tag,
    role: 'viewer',
    limit: 'report',
    answer: z.object({
      event: z.object({
        id: z.string(),
        title: z.string(),
        date: z.iso.datetime(),
        location: z.string().nullable(),
        capacity: z.int().nullable(),
      }),
      liveStats: liveStatsShape,
      timestamp: z.iso.datetime(),
    }),
    async handle({ env, eventId, actor, at }) {
      const live = await caughtUp({ env, eventId, actor, at })
      if (!live.ok) return answerProblem(live.problem)
      const { id, title, startsAt, location, capacity } = live.value.event
      return success({
        event: { id, title, date: iso(startsAt), location, capacity },
        liveStats: toWireLiveStats(live.value, await totalEntries(env.DB, eventId), at),
        timestamp: iso(at),
      })
    },
  }),

  route({
    method: 'get',
    path: '/api/hp-scanner/analytics/{eventId}/series',
    summary: 'Admissions, exits and refusals over time; an hour is one of the event’s time zone',
    tag,
    role: 'viewer',
    limit: 'report',
    query: SeriesQuery,
    answer: seriesShape.extend({
      gates: z.array(gateSeries).optional().describe('with by=gate: the gates that had a scan in the span'),
    }),
    handle: showSeries,
  }),
]

async function totalEntries(db: D1Database, eventId: Call<unknown, unknown>['eventId']): Promise<number | null> {
  try {
    return await admittedInD1(db, eventId)
  } catch (error) {
    // D1 is away. The doors go on, and so does the view of them.
    log('error', 'analytics: D1 did not answer', { error })
    return null
  }
}

async function showSeries(call: Call<unknown, z.output<typeof SeriesQuery>>) {
  const { env, eventId, query } = call
  const live = await caughtUp(call)
  if (!live.ok) return answerProblem(live.problem)
  const { event, gates } = live.value
  const { timezone } = event
  const active = await activeSpan(env.DB, eventId)
  const from = query.from ?? active?.from ?? query.to ?? event.startsAt
  const to = query.to ?? Math.max(from, (active?.to ?? from - MINUTE_MS) + MINUTE_MS)
  if (to < from) return badRequestResponse([{ field: 'to', message: 'must not be before from' }])
  const most = query.by === 'gate' ? MAX_BUCKETS_BY_GATE : MAX_BUCKETS
  if ((to - from) / bucketMs[query.bucket] > most) {
    return badRequestResponse([{ field: 'bucket', message: `makes more than ${most} of this span` }])
  }
  const [items, byGate] = await Promise.all([
    readSeries(env.DB, eventId, { from, to }, query.bucket, timezone),
    query.by === 'gate' ? readGateSeries(env.DB, eventId, gates, { from, to }, query.bucket, timezone) : null,
  ])
  return success({
    bucket: query.bucket,
    timezone,
    items: items.map((item) => ({ ...item, at: iso(item.at) })),
    ...(byGate === null ? {} : { gates: byGate }),
  })
}

const bucketMs: Record<BucketSize, number> = { minute: MINUTE_MS, '5min': 5 * MINUTE_MS, hour: 60 * MINUTE_MS }

/** Reads whole buckets, from the one in which the span begins to the one in which it ends. */
async function readSeries(
  db: D1Database,
  eventId: Call<unknown, unknown>['eventId'],
  span: Span,
  size: BucketSize,
  timezone: string,
) {
  const whole = wholeBuckets(span, size, timezone)
  const counted = await eventOverTime(db, eventId, readSize(size), whole)
  return seriesOf(counted, ['admitted', 'exited', 'refused'], whole, size, timezone)
}

/** The same of each gate that had a scan in the span, a list for each number. */
async function readGateSeries(
  db: D1Database,
  eventId: Call<unknown, unknown>['eventId'],
  gates: Gate[],
  span: Span,
  size: BucketSize,
  timezone: string,
) {
  const whole = wholeBuckets(span, size, timezone)
  const ids = gates.map(({ id }) => id)
  const counted = Map.groupBy(await gatesOverTime(db, eventId, ids, readSize(size), whole), ({ key }) => key)
  return gates.flatMap(({ id, name }) => {
    const own = counted.get(id)
    if (!own) return []
    const series = seriesOf(own, ['admitted', 'exited', 'visited', 'refused'], whole, size, timezone)
    return {
      gateId: id,
      name,
      admitted: series.map(({ admitted }) => admitted),
      exited: series.map(({ exited }) => exited),
      visited: series.map(({ visited }) => visited),
      refused: series.map(({ refused }) => refused),
    }
  })
}

function wholeBuckets({ from, to }: Span, size: BucketSize, timezone: string): Span {
  return {
    from: startOfBucket(from, size, timezone),
    to: to > from ? nextBucket(startOfBucket(to - 1, size, timezone), size, timezone) : from,
  }
}

/** What is read at once: every zone's hours begin at a quarter of one. */
function readSize(size: BucketSize): number {
  return Math.min(bucketMs[size], QUARTER_MS)
}

/** The event as it is now, once D1 has been told what its Gatekeeper has. */
export async function caughtUp({
  env,
  eventId,
  actor,
  at,
}: Pick<Call<unknown, unknown>, 'env' | 'eventId' | 'actor' | 'at'>) {
  const told = await askGatekeeper(env, eventId, (gatekeeper) => gatekeeper.catchUp(actor))
  return told.ok ? askGatekeeper(env, eventId, (gatekeeper) => gatekeeper.live(actor, at)) : told
}
