import { ok, problem, type Result } from '../../core/answers.ts'
import type { EventDetails, TicketType } from '../../core/event.ts'
import type { TicketId } from '../../core/ids.ts'
import type { EventParts } from '../event-parts.ts'
import type { TicketDetails } from './ticket-rows.ts'

/** What is needed to make a ticket's code. */
export type CodeSource = { ticket: TicketDetails; event: EventDetails }

/** What the attendee's page shows. */
export type PageSource = CodeSource & { type: TicketType }

/*
 * What an attendee is told of a ticket: whoever holds its link of this serial. To others there is no such ticket.
 */

/** What a code is made of. */
export function codeByLink({ tickets, configuration }: EventParts, id: TicketId, link: number): Result<CodeSource> {
  const ticket = tickets.get(id)
  return ticket && ticket.link === link ? ok({ ticket, event: configuration.event }) : problem('not_found')
}

/** What the attendee's page shows. */
export function pageByLink({ tickets, configuration }: EventParts, id: TicketId, link: number): Result<PageSource> {
  const ticket = tickets.get(id)
  const type = ticket && configuration.type(ticket.type)
  if (!ticket || !type || ticket.link !== link) return problem('not_found')
  return ok({ ticket, event: configuration.event, type })
}
