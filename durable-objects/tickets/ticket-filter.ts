import type { TicketStatus } from '../../core/event.ts'
import type { TicketFilter } from '../../core/organiser-messages.ts'
import type { Configuration } from '../event/configuration.ts'
import { selectTicket } from './ticket-rows.ts'

/** What makes a ticket be of each status. */
export const statusConditions: Record<TicketStatus, string> = {
  revoked: 't.revoked_at IS NOT NULL',
  blocked: 't.revoked_at IS NULL AND t.blocked_at IS NOT NULL',
  unpaid: 't.revoked_at IS NULL AND t.blocked_at IS NULL AND t.paid = 0',
  valid: 't.revoked_at IS NULL AND t.blocked_at IS NULL AND t.paid = 1',
}

/** Whether a list leaves tickets out, so that finding some may take looking at many. */
export function leavesSomeOut({ search, status, type, gate, from, to }: TicketFilter): boolean {
  return [search, status, type, gate, from, to].some((wish) => wish !== undefined)
}

/** The statement for one more ticket than is asked for, in the order of ids, after one key and up to another. */
export function listing(
  filter: TicketFilter,
  configuration: Configuration,
  after: ArrayBuffer,
  lookedAtTo: ArrayBuffer | null,
): { query: string; bindings: SqlStorageValue[] } {
  const where = ['true']
  const bindings: SqlStorageValue[] = [filter.limit + 1]
  const bind = (condition: (place: string) => string, value: SqlStorageValue) => {
    bindings.push(value)
    where.push(condition(`?${bindings.length}`))
  }
  bind((p) => `t.id > ${p}`, after)
  if (lookedAtTo !== null) bind((p) => `t.id <= ${p}`, lookedAtTo)
  if (filter.type !== undefined) bind((p) => `t.type = ${p}`, configuration.types.numberOf(filter.type) ?? -1)
  if (filter.search !== undefined) {
    const columns = ['h.name', 'h.email', 'b.id', 'b.name', 't.reference', 't.short_code']
    // No LIKE: the platform takes no pattern of more than 50 bytes, and an address may be longer.
    const holds = (place: string) => columns.map((column) => `instr(lower(${column}), lower(${place})) > 0`)
    bind((p) => `(${holds(p).join(' OR ')})`, filter.search)
  }
  if (filter.status !== undefined) where.push(statusConditions[filter.status])
  const scanned: string[] = []
  const bindScanned = (condition: (place: string) => string, value: SqlStorageValue) => {
    bindings.push(value)
    scanned.push(condition(`?${bindings.length}`))
  }
  if (filter.gate !== undefined) {
    bindScanned((p) => `e.gate = ${p}`, configuration.gates.numberOf(filter.gate) ?? -1)
  }
  if (filter.from !== undefined) bindScanned((p) => `e.scanned_at >= ${p}`, filter.from)
  if (filter.to !== undefined) bindScanned((p) => `e.scanned_at < ${p}`, filter.to)
  if (scanned.length > 0) {
    where.push(`EXISTS (SELECT 1 FROM entry e WHERE e.ticket = t.id AND ${scanned.join(' AND ')})`)
  }
  return { query: `${selectTicket} WHERE ${where.join(' AND ')} ORDER BY t.id LIMIT ?1`, bindings }
}
