import type { TicketId } from '../../core/ids.ts'
import type { Forgetting } from '../../core/retention.ts'
import type { EventParts } from '../event-parts.ts'
import type { Meta } from '../meta.ts'
import { eraseFrom } from './erasing.ts'

/*
 * What is taken away by itself when its time has come, a slice at a time. Each slice is one transaction, which the
 * caller holds, and finds by itself where the one before it stopped.
 */

/** What is forgotten in one slice: a few milliseconds of work, since scans are judged in between. */
const TICKETS = 20
const ENTRIES = 50
const ROWS = 250

/** Takes the next slice of something away; gives whether that was the last. */
export function forgetSlice(what: Forgetting, parts: EventParts, sql: SqlStorage, meta: Meta, at: number): boolean {
  switch (what) {
    case 'people':
      return forgetPeople(parts, sql, meta, at)
    case 'devices':
      return forgetDevices(parts, sql, at)
    case 'log':
      return forgetLog(parts, sql)
  }
}

/** Names, addresses and free texts of everybody with a ticket; what an import left lying; the addresses of staff. */
function forgetPeople(parts: EventParts, sql: SqlStorage, meta: Meta, at: number): boolean {
  const { tickets, configuration, jobs } = parts
  const after = (meta.text('forget_people_after') ?? '') as TicketId
  const { items, nextCursor } = tickets.list({ limit: TICKETS, cursor: after })
  for (const ticket of items) {
    const { booking } = tickets.get(ticket.id) ?? ticket
    eraseFrom(parts, ticket, booking !== null && (booking.name !== null || booking.email !== null))
  }
  // At the end it stays there until the rest is done, too.
  meta.set('forget_people_after', nextCursor ?? items.at(-1)?.id ?? after)
  if (nextCursor !== null) return false
  for (const job of jobs.list(1000, null)) jobs.fail(job.id, 'was given up: the event is long over', at)
  if (!emptied(sql, 'job_chunk')) return false
  meta.set('forget_people_after', '')
  for (const staff of configuration.staff.all()) configuration.staff.put({ ...staff, email: null })
  return true
}

/** What devices are called, how they did, and what would let them in again. */
function forgetDevices({ devices }: EventParts, sql: SqlStorage, at: number): boolean {
  if (!perDevice.every((table) => emptied(sql, table))) return false
  for (const { id } of devices.all()) devices.forget(id, at)
  return true
}

/** The tables that are emptied, by the key of their rows. */
const keys = {
  annulment: 'seq',
  booking: 'no',
  code: 'code',
  conflict: 'seq',
  delivery: 'webhook, no',
  device_block: 'device',
  device_status: 'device',
  enrolment: 'code_hash',
  handled_conflict: 'id',
  holder: 'ticket',
  invalid_code: 'device, reason, minute',
  job_chunk: 'job, no',
  lease: 'gate',
  notice: 'no',
  recall: 'gate, ticket',
  reissue: 'ticket',
  search_word: 'word, ticket',
  shift: 'id',
  standing: 'ticket, zone',
  stray_admission: 'scan',
  ticket: 'id',
  ticket_change: 'ticket, revision',
} as const
type Emptied = keyof typeof keys

const perDevice: readonly Emptied[] = ['enrolment', 'device_status', 'device_block', 'invalid_code', 'lease', 'recall']

/** In this order: nothing that is still there may lean on what is gone. Sales stay, which name no ticket's person. */
const perTicket: readonly Emptied[] = [
  'conflict',
  'handled_conflict',
  'stray_admission',
  'standing',
  'annulment',
  'ticket_change',
  'reissue',
  'shift',
  'delivery',
]
const tickets: readonly Emptied[] = ['code', 'holder', 'search_word', 'ticket', 'booking']

/** The log and all that tells of one ticket, and what staff are called. What it added up to stays. */
function forgetLog({ log, counters, configuration }: EventParts, sql: SqlStorage): boolean {
  counters.save()
  if (!perTicket.every((table) => emptied(sql, table))) return false
  // The last one stays, for its number; a reference in it would say whose ticket it was.
  if (!emptied(sql, 'notice', 'no < (SELECT max(no) FROM notice)')) return false
  sql.exec("UPDATE notice SET notice = json_remove(notice, '$.reference')")
  if (!log.forget(ENTRIES)) return false
  if (!tickets.every((table) => emptied(sql, table))) return false
  for (const staff of configuration.staff.all()) configuration.staff.put({ ...staff, name: staff.id, email: null })
  return true
}

/** Takes the next rows out of a table; gives whether there were none left. */
function emptied(sql: SqlStorage, table: Emptied, which = 'true'): boolean {
  const key = keys[table]
  const { rowsWritten } = sql.exec(
    `DELETE FROM ${table} WHERE (${key}) IN (SELECT ${key} FROM ${table} WHERE ${which} LIMIT ?)`,
    ROWS,
  )
  return rowsWritten === 0
}
