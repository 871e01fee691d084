import { sha256 } from '@noble/hashes/sha2.js'
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { happeningOf } from '../../core/attribution.ts'
import { bytesToUuid, type ScanId, uuidToBytes } from '../../core/ids.ts'
import { localDay } from '../../core/local-day.ts'
import type { Entry } from '../../core/log.ts'
import { advance, afterClearing } from '../../core/standing.ts'
import type { Verdict } from '../../core/verdict.ts'
import { noteRefusal } from '../devices/device-facts.ts'
import type { EventParts } from '../event-parts.ts'
import type { KnownConflict } from '../offline/conflicts.ts'
import { tellOf } from '../offline/syncing.ts'
import type { Logged } from '../scans/scan-log.ts'
import type { TicketDetails } from '../tickets/ticket-rows.ts'

/** How far a shard's log was taken in. */
export function takenUpTo(sql: SqlStorage, shard: number): number {
  const query = 'SELECT max(seq) AS seq FROM taken WHERE shard = ?'
  return sql.exec<{ seq: number | null }>(query, shard).one().seq ?? 0
}

/** So many rows are forgotten in one go. */
const FORGOTTEN_AT_ONCE = 5000

/** Forgets how far shards were taken in that are gone, a slice at a time; gives whether there was anything. */
export function forgetTaken(sql: SqlStorage): boolean {
  const some = 'SELECT shard, seq FROM taken LIMIT ?'
  return sql.exec(`DELETE FROM taken WHERE (shard, seq) IN (${some})`, FORGOTTEN_AT_ONCE).rowsWritten > 0
}

/**
 * Takes entries that a shard has judged into the event's one log, with what they mean for standings, counts and
 * conflicts. Nothing is judged here: the verdict is the shard's, and what follows from it is what followed there. Gives the
 * conflicts to tell of. The caller holds the transaction; should it not hold, memory is read anew.
 */
export function takeIn(parts: EventParts, sql: SqlStorage, shard: number, handed: Logged[]): KnownConflict[] {
  const from = takenUpTo(sql, shard)
  const own = ownNumber(sql, shard)
  const conflicts = new Map<string, KnownConflict>()
  const written: Entry[] = []
  for (const logged of handed.filter(({ entry }) => entry.seq > from)) {
    // A zone is cleared here too, by the same clock on the wall, and stands in this log once.
    const taken = logged.entry.verdict.kind === 'everyone_out' ? null : takeInOne(parts, logged, own)
    for (const conflict of taken?.conflicts ?? []) conflicts.set(conflict.id, conflict)
    if (taken) written.push(taken.entry)
    sql.exec('INSERT INTO taken (shard, seq, own) VALUES (?, ?, ?)', shard, logged.entry.seq, taken?.entry.seq ?? 0)
  }
  parts.rooms.changedElsewhere(written)
  const now = handed.at(-1)?.entry.receivedAt ?? 0
  for (const conflict of conflicts.values()) tellOf(parts, conflict, now)
  return [...conflicts.values()]
}

/** What an entry of the shard's log is numbered in this one. */
function ownNumber(sql: SqlStorage, shard: number): (seq: number) => number {
  return (seq) => {
    const row = sql.exec<{ own: number }>('SELECT own FROM taken WHERE shard = ? AND seq = ?', shard, seq).toArray()[0]
    if (!row) throw new Error(`entry ${seq} of shard ${shard} is named before it was taken in`)
    return row.own
  }
}

type Taken = { entry: Entry; conflicts: KnownConflict[] }

function takeInOne(parts: EventParts, logged: Logged, own: (seq: number) => number): Taken {
  const entry = renumbered(logged.entry, parts, own)
  const ticket = entry.ticketId === null ? null : parts.tickets.get(entry.ticketId)
  if (ticket === null) {
    const written = parts.judging.append(entry, logged.fingerprint, logged.cacheHit)
    noteRefusal(parts, written)
    return { entry: written, conflicts: [] }
  }
  if (entry.verdict.kind === 'annulled') parts.log.annul(entry.verdict.seq, parts.log.head + 1, entry.receivedAt)
  const isAttributed = entry.verdict.kind === 'annulled' || entry.offline !== null
  if (!isAttributed) advanceStanding(parts, ticket, entry)
  const written = parts.judging.append(entry, logged.fingerprint, logged.cacheHit)
  if (!isAttributed) {
    noteRefusal(parts, written)
    return { entry: written, conflicts: [] }
  }
  const attribution = parts.conflicts.attribute(ticket, entry.zone)
  return { entry: written, conflicts: parts.conflicts.settle(ticket, entry.zone, attribution, written.seq) }
}

function advanceStanding(parts: EventParts, ticket: TicketDetails, entry: Omit<Entry, 'seq'>): void {
  const { configuration, standings, log } = parts
  const zone = configuration.zones.numberOf(entry.zone) ?? 0
  const { reentry = 'none' } = configuration.zones.get(entry.zone) ?? {}
  const at = entry.scannedAt
  const day = localDay(at, configuration.event.timezone)
  const happening = happeningOf(entry.verdict, { admits: ticket.admits, reentry, at, day, seq: log.head + 1 })
  if (happening === null) return
  const standing = afterClearing(standings.get(ticket.id, zone), standings.clearedAt(zone))
  standings.put(ticket.id, zone, advance(standing, happening))
}

/** The entry as this log has it: those that it names have other numbers here. */
function renumbered({ seq: _, ...entry }: Entry, parts: EventParts, own: (seq: number) => number): Omit<Entry, 'seq'> {
  const { standings, configuration, log } = parts
  const clearedAt = standings.clearedAt(configuration.zones.numberOf(entry.zone) ?? 0)
  const hasLeft = clearedAt !== null && entry.receivedAt <= clearedAt
  return {
    ...entry,
    // Two tickets of two shards under one scanId: each was judged by itself, and both stand.
    scanId: log.known(entry.scanId) === null ? entry.scanId : anotherId(entry.scanId, entry.ticketId ?? ''),
    verdict: withOwnNumbers(entry.verdict, own),
    // Everybody who had come by then was counted out already.
    insideChange: hasLeft ? 0 : entry.insideChange,
  }
}

function withOwnNumbers(verdict: Verdict, own: (seq: number) => number): Verdict {
  if (verdict.kind === 'annulled') return { ...verdict, seq: own(verdict.seq) }
  if (verdict.kind !== 'refused' || verdict.refusal.reason !== 'already_admitted') return verdict
  const { refusal } = verdict
  return { ...verdict, refusal: { ...refusal, admission: refusal.admission === null ? null : own(refusal.admission) } }
}

function anotherId(scanId: ScanId, ticket: string): ScanId {
  return bytesToUuid<ScanId>(sha256(concatBytes(uuidToBytes(scanId), utf8ToBytes(ticket))).slice(0, 16))
}
