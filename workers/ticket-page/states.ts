import type { EventDetails, Ticket, TicketType } from '../../core/event.ts'
import { statusOf } from '../../core/event.ts'

/** What the attendee has to know of the ticket, the gravest first. A revoked one stays so whatever the event does. */
export type TicketState =
  | { kind: 'valid' | 'unpaid' | 'blocked' | 'revoked' | 'closed' }
  | { kind: 'notYet' | 'over'; at: number }

/** Takes a ticket, its type, its event and the time; gives the state that its page shows. */
export function stateOf(ticket: Ticket, type: TicketType, event: EventDetails, now: number): TicketState {
  const status = statusOf(ticket)
  if (status === 'revoked') return { kind: 'revoked' }
  if (event.closedAt !== null) return { kind: 'closed' }
  if (status !== 'valid') return { kind: status }
  const from = Math.max(ticket.validFrom ?? 0, type.validFrom ?? 0)
  const until = Math.min(ticket.validUntil ?? Number.POSITIVE_INFINITY, type.validUntil ?? Number.POSITIVE_INFINITY)
  if (now < from) return { kind: 'notYet', at: from }
  return now > until ? { kind: 'over', at: until } : { kind: 'valid' }
}
