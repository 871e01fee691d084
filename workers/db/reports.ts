import { and, asc, eq, gte, lt, sql, sum } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/d1'
import type { EventId, GateId } from '../../core/ids.ts'
import type { TallyScope } from '../../core/tally.ts'
import { latencyTally, tally } from './schema.ts'

/*
 * What the reports read of D1: sums that the outbox wrote with the entries, so that no report reads the entries again.
 */

/** Milliseconds since 1970, from the first to before the last. */
export type Span = { from: number; to: number }

/** People admitted and not taken back, as far as D1 has the log. */
export async function admittedInD1(db: D1Database, eventId: EventId): Promise<number> {
  const rows = await drizzle(db)
    .select({ people: sum(tally.people).mapWith(Number) })
    .from(tally)
    .where(and(of(eventId, 'gate'), eq(tally.outcome, 'admitted')))
  return rows[0]?.people ?? 0
}

/** How many scans were duplicates, of the event or of one gate. */
export async function countDuplicates(db: D1Database, eventId: EventId, gateId?: string): Promise<number> {
  const rows = await drizzle(db)
    .select({ scans: sum(tally.scans).mapWith(Number) })
    .from(tally)
    .where(and(of(eventId, 'gate', gateId), eq(tally.outcome, 'already_admitted')))
  return rows[0]?.scans ?? 0
}

/** By key and outcome. */
export function totalsOf(db: D1Database, eventId: EventId, scope: TallyScope, key?: string) {
  return drizzle(db)
    .select({
      key: tally.key,
      outcome: tally.outcome,
      scans: sum(tally.scans).mapWith(Number),
      people: sum(tally.people).mapWith(Number),
      firstAt: sql<number>`min(${tally.firstAt})`,
      lastAt: sql<number>`max(${tally.lastAt})`,
    })
    .from(tally)
    .where(of(eventId, scope, key))
    .groupBy(tally.key, tally.outcome)
}

/** Scans by key and bucket, in the order of time. */
export function scansOverTime(db: D1Database, eventId: EventId, scope: TallyScope, key?: string) {
  return drizzle(db)
    .select({ key: tally.key, at: tally.at, scans: sum(tally.scans).mapWith(Number) })
    .from(tally)
    .where(of(eventId, scope, key))
    .groupBy(tally.key, tally.at)
    .orderBy(asc(tally.key), asc(tally.at))
}

/** What the event had by bucket of `sizeMs`, which are whole minutes, at most a quarter of an hour. */
export function eventOverTime(db: D1Database, eventId: EventId, sizeMs: number, { from, to }: Span) {
  return drizzle(db)
    .select(overTime(sizeMs))
    .from(tally)
    .where(and(of(eventId, 'event', ''), gte(tally.at, from), lt(tally.at, to)))
    .groupBy(sql`bucket`)
    .orderBy(sql`bucket`)
}

/** The same by gate, in the order of time: an index finds each gate's own minutes of the span. */
export function gatesOverTime(db: D1Database, eventId: EventId, gates: GateId[], sizeMs: number, { from, to }: Span) {
  const isOneOfThem = sql`${tally.key} IN (SELECT value FROM json_each(${JSON.stringify(gates)}))`
  return drizzle(db)
    .select({ key: tally.key, ...overTime(sizeMs), visited: peopleOf('visited') })
    .from(tally)
    .where(and(of(eventId, 'gate-minute'), isOneOfThem, gte(tally.at, from), lt(tally.at, to)))
    .groupBy(tally.key, sql`bucket`)
    .orderBy(tally.key, sql`bucket`)
}

function overTime(sizeMs: number) {
  return {
    at: sql<number>`${tally.at} / ${sql.raw(String(sizeMs))} * ${sql.raw(String(sizeMs))}`.as('bucket'),
    admitted: peopleOf('admitted'),
    exited: peopleOf('exited'),
    refused: sql<number>`sum(CASE WHEN ${tally.outcome} IN ('admitted', 'exited', 'visited') THEN 0 ELSE ${tally.scans} END)`,
  }
}

function peopleOf(outcome: string) {
  return sql<number>`sum(CASE ${tally.outcome} WHEN ${outcome} THEN ${tally.people} ELSE 0 END)`
}

/** The minutes of the first and the last scan, or null where nobody was scanned. */
export async function activeSpan(db: D1Database, eventId: EventId): Promise<Span | null> {
  const end = (order: 'ASC' | 'DESC') =>
    drizzle(db)
      .select({ at: tally.at })
      .from(tally)
      .where(of(eventId, 'event', ''))
      .orderBy(order === 'ASC' ? asc(tally.at) : sql`${tally.at} DESC`)
      .limit(1)
  const [[first], [last]] = await Promise.all([end('ASC'), end('DESC')])
  return first && last ? { from: first.at, to: last.at } : null
}

/** How many scans took about so long, by key. */
export function latenciesOf(db: D1Database, eventId: EventId, scope: TallyScope, key?: string) {
  const { event, scope: itsScope, key: itsKey, bucket, scans } = latencyTally
  return drizzle(db)
    .select({ key: itsKey, bucket, scans })
    .from(latencyTally)
    .where(and(eq(event, eventId), eq(itsScope, scope), key === undefined ? undefined : eq(itsKey, key)))
}

function of(eventId: EventId, scope: TallyScope, key?: string) {
  return and(eq(tally.event, eventId), eq(tally.scope, scope), key === undefined ? undefined : eq(tally.key, key))
}
