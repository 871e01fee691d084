import type { EventDetails, TicketType } from '../../core/event.ts'
import type { TicketFilter } from '../../core/organiser-messages.ts'
import type { EventParts } from '../event-parts.ts'
import type { PaperFilter } from '../tickets/tickets.ts'

/** What goes on paper beside the tickets themselves, and how many those are. */
export type SheetPlan = { event: EventDetails; types: TicketType[]; total: number | null }

export function planSheet({ tickets, configuration }: EventParts, filter: PaperFilter): SheetPlan {
  return { event: configuration.event, types: configuration.types.all(), total: tickets.countForPaper(filter) }
}

/** A page of the tickets that go on paper, without their standings. Revoked ones only where they are asked for. */
export function listForSheet({ tickets }: EventParts, filter: TicketFilter) {
  const { items, nextCursor } = tickets.list(filter)
  return { items: items.filter(({ status }) => status !== 'revoked' || filter.status === 'revoked'), nextCursor }
}
