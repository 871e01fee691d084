import type { TicketId } from '../core/ids.ts'
import type { Forgetting } from '../core/retention.ts'
import { eraseFrom } from './erasing.ts'
import type { EventParts } from './event-parts.ts'
import type { Meta } from './meta.ts'

/*
 * What is taken away by itself when its time has come, a slice at a time. Each slice is one transaction, which the
 * caller holds, and finds by itself where the one before it stopped.
 */

/** What is forgotten in one slice: some milliseconds of work. */
const TICKETS = 100
const ENTRIES = 1000

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
  meta.set('forget_people_after', nextCursor ?? '')
  if (nextCursor !== null) return false
  for (const staff of configuration.staff.all()) configuration.staff.put({ ...staff, email: null })
  for (const job of jobs.list(1000, null)) jobs.fail(job.id, 'was given up: the event is long over', at)
  sql.exec('DELETE FROM job_chunk')
  return true
}

/** What devices are called, how they did, and what would let them in again. */
function forgetDevices({ devices }: EventParts, sql: SqlStorage, at: number): boolean {
  for (const { id } of devices.all()) devices.forget(id, at)
  for (const table of ['enrolment', 'device_status', 'device_block', 'invalid_code', 'lease', 'recall']) {
    sql.exec(`DELETE FROM ${table}`)
  }
  return true
}

/** In this order: nothing that is still there may lean on what is gone. Sales stay, which name no ticket's person. */
const perTicket = [
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
const tickets = ['code', 'holder', 'search_word', 'ticket', 'booking']

/** The log and all that tells of one ticket, and what staff are called. What it added up to stays. */
function forgetLog({ log, counters, configuration }: EventParts, sql: SqlStorage): boolean {
  counters.save()
  for (const table of perTicket) if (!emptied(sql, table)) return false
  // The last one stays, for its number; a reference in it would say whose ticket it was.
  sql.exec("UPDATE notice SET notice = json_remove(notice, '$.reference')")
  sql.exec('DELETE FROM notice WHERE no < (SELECT max(no) FROM notice)')
  if (!log.forget(ENTRIES)) return false
  for (const table of tickets) if (!emptied(sql, table)) return false
  for (const staff of configuration.staff.all()) configuration.staff.put({ ...staff, name: staff.id, email: null })
  return true
}

/** Empties a table; gives whether it was empty already. */
function emptied(sql: SqlStorage, table: string): boolean {
  if (sql.exec(`SELECT 1 FROM ${table} LIMIT 1`).toArray().length === 0) return true
  sql.exec(`DELETE FROM ${table}`)
  return false
}
