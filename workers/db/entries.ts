import { and, asc, desc, eq, gte, lt, type SQL, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/d1'
import { alias } from 'drizzle-orm/sqlite-core'
import type { EventId } from '../../core/ids.ts'
import type { DuplicatePage, EntryFilter } from '../../core/organiser-messages.ts'
import { entry } from './schema.ts'

/*
 * The entry log in D1, to list and to export. Every list goes on where it was by the key of its last row, so that it
 * neither skips nor repeats one while the outbox adds more.
 */

/** An entry as D1 has it. */
export type EntryRow = typeof entry.$inferSelect

/** What one call looks at where no index has just what is asked for: some milliseconds, and none of them anybody's wait. */
const LOOKED_AT = 20_000

/** Some entries of a list, and where it goes on; null: that is all. */
export type EntryPage = { rows: EntryRow[]; nextCursor: string | null }

/**
 * Entries of an event, the newest scan first, after the cursor. Where entries that an index gives have to be looked at and
 * left out, only so many are in one call: it may give fewer than `limit`, and where to go on.
 */
export async function listEntries(db: D1Database, eventId: EventId, filter: EntryFilter): Promise<EntryPage> {
  const bound = leavesSomeOut(filter) ? await lastLookedAt(db, eventId, filter) : null
  const rows = await drizzle(db)
    .select()
    .from(entry)
    .where(and(eq(entry.event, eventId), ...conditionsOf(filter), before(filter.cursor), downTo(bound)))
    .orderBy(desc(entry.scannedAt), desc(entry.epoch), desc(entry.seq))
    .limit(filter.limit + 1)
  const page = rows.slice(0, filter.limit)
  const last = rows.length > filter.limit ? page.at(-1) : bound
  return { rows: page, nextCursor: last ? cursorOf(last) : null }
}

type Narrowing = 'ticket' | 'gate' | 'code' | 'device' | 'staff' | 'verdict' | 'type'
const narrowings: readonly Narrowing[] = ['ticket', 'gate', 'code', 'device', 'staff', 'verdict', 'type']

/** What an index of the log has together, the narrowest first. */
const indexed: readonly (readonly Narrowing[])[] = [
  ['ticket'],
  ['gate', 'code'],
  ['code'],
  ['device'],
  ['staff'],
  ['gate'],
  ['verdict'],
  [],
]

/** Those of the wishes that an index fulfils; entries that fail the others have to be looked at. */
function servedBy(filter: Pick<EntryFilter, Narrowing>): readonly Narrowing[] {
  const isServed = (wish: Narrowing) =>
    // Most entries are admissions, and no index lists them.
    filter[wish] !== undefined && !(wish === 'verdict' && filter.verdict === 'admitted')
  return indexed.find((wishes) => wishes.every(isServed)) ?? []
}

function leavesSomeOut(filter: EntryFilter): boolean {
  return narrowings.some((wish) => filter[wish] !== undefined && !servedBy(filter).includes(wish))
}

/** The last entry that one call looks at; null where it gets to the end. Read from the index alone. */
async function lastLookedAt(db: D1Database, eventId: EventId, filter: EntryFilter): Promise<EntryPlace | null> {
  const { from, to, cursor } = filter
  const served = Object.fromEntries(servedBy(filter).map((wish) => [wish, filter[wish]]))
  const [last] = await drizzle(db)
    .select({ scannedAt: entry.scannedAt, epoch: entry.epoch, seq: entry.seq })
    .from(entry)
    .where(and(eq(entry.event, eventId), ...conditionsOf({ ...served, from, to }), before(cursor)))
    .orderBy(desc(entry.scannedAt), desc(entry.epoch), desc(entry.seq))
    .limit(1)
    .offset(LOOKED_AT - 1)
  return last ?? null
}

/** Where an entry stands in a list. */
type EntryPlace = Pick<EntryRow, 'scannedAt' | 'epoch' | 'seq'>

/** Where a list of entries goes on after this one. */
function cursorOf({ scannedAt, epoch, seq }: EntryPlace): string {
  return `${scannedAt}.${epoch}.${seq}`
}

/** Where an export is in the log. */
export type Place = { epoch: number; seq: number }

/** Up to `limit` entries after a place in the log, in its order. */
export function entriesAfter(db: D1Database, eventId: EventId, { epoch, seq }: Place, limit: number) {
  return drizzle(db)
    .select()
    .from(entry)
    .where(and(eq(entry.event, eventId), sql`(${entry.epoch}, ${entry.seq}) > (${epoch}, ${seq})`))
    .orderBy(asc(entry.epoch), asc(entry.seq))
    .limit(limit)
}

/** A duplicate and the admission that it repeats, where D1 knows which that was. */
export type DuplicateRow = { duplicate: EntryRow; original: EntryRow | null }

const isDuplicate = eq(entry.code, 'already_admitted')

const original = alias(entry, 'original')
const repeats = and(eq(original.event, entry.event), eq(original.epoch, entry.epoch), eq(original.seq, entry.admission))

/** One page of the duplicates, the newest first. The pages before it are counted off in an index, and their rows not read. */
export async function listDuplicates(db: D1Database, eventId: EventId, page: DuplicatePage): Promise<DuplicateRow[]> {
  const places = duplicatePlaces(db, eventId, page).as('place')
  const rows = await drizzle(db)
    .select({ duplicate: entry, original })
    .from(places)
    .innerJoin(entry, and(eq(entry.event, eventId), eq(entry.epoch, places.epoch), eq(entry.seq, places.seq)))
    .leftJoin(original, repeats)
  return rows.sort((a, b) => newestFirst(a.duplicate, b.duplicate))
}

function duplicatePlaces(db: D1Database, eventId: EventId, { limit, page, gateId }: DuplicatePage) {
  return drizzle(db)
    .select({ epoch: entry.epoch, seq: entry.seq })
    .from(entry)
    .where(and(eq(entry.event, eventId), isDuplicate, gateId === undefined ? undefined : eq(entry.gate, gateId)))
    .orderBy(desc(entry.scannedAt), desc(entry.epoch), desc(entry.seq))
    .limit(limit)
    .offset((page - 1) * limit)
}

function newestFirst(a: EntryRow, b: EntryRow): number {
  return b.scannedAt - a.scannedAt || b.epoch - a.epoch || b.seq - a.seq
}

/** Up to `limit` duplicates scanned after this one, the oldest first. */
export function duplicatesAfter(
  db: D1Database,
  eventId: EventId,
  { scannedAt, epoch, seq }: Place & { scannedAt: number },
  limit: number,
) {
  const after = sql`(${entry.scannedAt}, ${entry.epoch}, ${entry.seq}) > (${scannedAt}, ${epoch}, ${seq})`
  return drizzle(db)
    .select({ duplicate: entry, original })
    .from(entry)
    .leftJoin(original, repeats)
    .where(and(eq(entry.event, eventId), isDuplicate, after))
    .orderBy(asc(entry.scannedAt), asc(entry.epoch), asc(entry.seq))
    .limit(limit)
}

const columns = {
  ticket: entry.ticket,
  gate: entry.gate,
  code: entry.code,
  device: entry.device,
  staff: entry.staff,
  verdict: entry.verdict,
  type: entry.type,
} as const satisfies Record<Narrowing, unknown>

function conditionsOf(filter: Pick<EntryFilter, Narrowing | 'from' | 'to'>): (SQL | undefined)[] {
  const { from, to, verdict } = filter
  const served = servedBy(filter)
  return [
    ...narrowings.map((wish) => {
      const [column, value] = [columns[wish], filter[wish]]
      if (value === undefined) return undefined
      // With a plus in front no index is taken for it: the one that was chosen reads no further than it is meant to.
      return served.includes(wish) ? eq(column, value) : sql`+${column} = ${value}`
    }),
    // Said as well, since SQLite takes the index of all that is no admission only where it sees this very condition.
    served.includes('verdict') && verdict !== undefined ? sql`${entry.verdict} <> 'admitted'` : undefined,
    from === undefined ? undefined : likely(gte(entry.scannedAt, from)),
    to === undefined ? undefined : likely(lt(entry.scannedAt, to)),
  ]
}

/** Says that most rows are so: else SQLite takes a span of time for narrower than one gate or one member of staff. */
function likely(condition: SQL): SQL {
  return sql`likely(${condition})`
}

function downTo(place: EntryPlace | null): SQL | undefined {
  if (place === null) return undefined
  const { scannedAt, epoch, seq } = place
  return likely(sql`(${entry.scannedAt}, ${entry.epoch}, ${entry.seq}) >= (${scannedAt}, ${epoch}, ${seq})`)
}

function before(cursor: string | undefined): SQL | undefined {
  if (cursor === undefined) return undefined
  const [scannedAt, epoch, seq] = cursor.split('.').map(Number)
  return likely(sql`(${entry.scannedAt}, ${entry.epoch}, ${entry.seq}) < (${scannedAt}, ${epoch}, ${seq})`)
}
