import { ok, problem, type Recorded, type Result } from '../../core/answers.ts'
import type { TicketId } from '../../core/ids.ts'
import type { TicketFilter } from '../../core/organiser-messages.ts'
import { issuedChanges, ticketChanges } from '../audit/audit-changes.ts'
import { type EventParts, factsOf, type TicketFacts } from '../event-parts.ts'
import type { TicketDetails } from './ticket-rows.ts'
import type { Issuing, TicketAction } from './tickets.ts'

/** A scan of a ticket is told of with it; more than so many are in the log. */
const MOST_SCANS = 100

/** What a person decides about a ticket. */
export type Decision = { action: TicketAction; reason: string | null; newLink: boolean }

/** Issues tickets, as an organiser asks for it. The caller holds the transaction. */
export function issueTickets(
  parts: EventParts,
  wanted: Issuing[],
  at: number,
): Result<(TicketFacts & { created: boolean })[]> {
  const issued = parts.tickets.issue(wanted, at)
  if (!issued.ok) return issued
  issuedChanges(parts.audit, issued.value)
  return ok(issued.value.map(({ ticket, created }) => ({ ...factsOf(parts, ticket), created })))
}

/** Does what a person decided about a ticket, for the very next scan. The caller holds the transaction. */
export function decide(
  parts: EventParts,
  id: TicketId,
  { action, reason, newLink }: Decision,
  at: number,
): Result<TicketFacts> {
  const was = parts.tickets.get(id)
  const ticket = parts.tickets.act(id, action, reason, newLink, parts.log.timeAt(at))
  if (!was || !ticket) return problem('not_found')
  ticketChanges(parts.audit, was, ticket, reason !== null)
  if (action === 'revoke' && was.revokedAt === null) tellRevoked(parts, ticket, at)
  if (action === 'reissue') parts.images.outdate()
  return ok(factsOf(parts, ticket))
}

function tellRevoked({ notices }: EventParts, { id, reference, type }: TicketDetails, at: number): void {
  notices.raise({ kind: 'ticket.revoked', ticketId: id, reference, type }, at)
}

/** A ticket, where it stands and what was scanned of it. */
export function ticketWithScans(parts: EventParts, id: TicketId): Result<TicketFacts & { scans: Recorded[] }> {
  const ticket = parts.tickets.get(id)
  if (!ticket) return problem('not_found')
  const scans = parts.log
    .of(id, MOST_SCANS)
    .map((entry) => parts.telling.fromLog({ entry, cacheHit: false, fingerprint: new Uint8Array() }))
  return ok({ ...factsOf(parts, ticket), scans })
}

/** A page of tickets and where they stand. */
export function listTickets(parts: EventParts, filter: TicketFilter) {
  const { items, nextCursor } = parts.tickets.list(filter)
  return { items: items.map((ticket) => factsOf(parts, ticket)), nextCursor }
}

/** Enough to find somebody's ticket by name. */
export type Person = Pick<TicketDetails, 'type' | 'shortCode' | 'reference'> & {
  ticketId: TicketId
  name: string | null
}

/** A page of whose tickets they are. */
export function listPeople({ tickets }: EventParts, cursor: TicketId | undefined, limit: number) {
  const { items, nextCursor } = tickets.list({ cursor, limit })
  return { items: items.map(personOf), nextCursor }
}

function personOf({ id, type, shortCode, reference, holder, booking }: TicketDetails): Person {
  return { ticketId: id, name: holder.name ?? booking?.name ?? null, type, shortCode, reference }
}
