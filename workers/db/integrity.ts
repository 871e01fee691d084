import { and, asc, desc, eq, gt, lte } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/d1'
import type { EventId } from '../../core/ids.ts'
import type { Place } from './entries.ts'
import { drained, entry } from './schema.ts'

/** How far D1 says that it has the event's log, and under which epoch. */
export async function drainedInD1(db: D1Database, eventId: EventId): Promise<Place> {
  const rows = await drizzle(db)
    .select({ epoch: drained.epoch, seq: drained.seq })
    .from(drained)
    .where(eq(drained.event, eventId))
    .orderBy(desc(drained.epoch))
    .limit(1)
  return rows[0] ?? { epoch: 1, seq: 0 }
}

/** What D1 has of the entries of an epoch after `from` up to `to`, in order. */
export function entriesInD1(db: D1Database, eventId: EventId, epoch: number, from: number, to: number) {
  const { seq, scan, ticket, gate, zone, people, verdict, code, scannedAt } = entry
  return drizzle(db)
    .select({ seq, scan, ticket, gate, zone, people, verdict, code, scannedAt })
    .from(entry)
    .where(and(eq(entry.event, eventId), eq(entry.epoch, epoch), gt(seq, from), lte(seq, to)))
    .orderBy(asc(seq))
}
