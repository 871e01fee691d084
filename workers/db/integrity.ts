import { and, asc, eq, gt, lte } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/d1'
import type { EventId } from '../../core/ids.ts'
import { drained, entry } from './schema.ts'

/** How far D1 says that it has the event's log. */
export async function drainedInD1(db: D1Database, eventId: EventId): Promise<number> {
  const rows = await drizzle(db).select({ seq: drained.seq }).from(drained).where(eq(drained.event, eventId))
  return rows[0]?.seq ?? 0
}

/** What D1 has of the entries after `from` up to `to`, in order. */
export function entriesInD1(db: D1Database, eventId: EventId, from: number, to: number) {
  const { seq, scan, ticket, gate, zone, people, verdict, code, scannedAt } = entry
  return drizzle(db)
    .select({ seq, scan, ticket, gate, zone, people, verdict, code, scannedAt })
    .from(entry)
    .where(and(eq(entry.event, eventId), gt(seq, from), lte(seq, to)))
    .orderBy(asc(seq))
}
