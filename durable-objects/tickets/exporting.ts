import type { TicketId } from '../../core/ids.ts'
import { type EventParts, factsOf, type TicketFacts } from '../event-parts.ts'

/** A ticket with everything that is known of it, the barcode printed elsewhere included. */
export type ExportedTicket = TicketFacts & { code: string | null }

/** Up to `limit` tickets after a cursor. Asked for in small pages, so that no scan waits for an export. */
export function exportTickets(parts: EventParts, cursor: TicketId | undefined, limit: number) {
  const { items, nextCursor } = parts.tickets.list({ limit, cursor })
  const exported = items.map(
    (ticket): ExportedTicket => ({ ...factsOf(parts, ticket), code: parts.tickets.codeOf(ticket.id) }),
  )
  return { items: exported, nextCursor }
}
