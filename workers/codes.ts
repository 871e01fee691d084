import type { EventId } from '../core/ids.ts'
import { eventTagOf } from '../core/keys.ts'
import { sealToken } from '../core/token.ts'
import type { TicketDetails } from '../durable-objects/tickets.ts'
import type { Env } from './env.ts'
import { eventKeys } from './signing.ts'

/** The text of a ticket's QR code. Made when it is asked for and stored nowhere: the same ticket has the same code. */
export async function codeOf(env: Env, eventId: EventId, ticket: TicketDetails): Promise<string> {
  const { sealing, sign } = await eventKeys(env.TICKET_KEY, eventTagOf(eventId))
  return sealToken(
    {
      ticketId: ticket.id,
      issuedAt: ticket.issuedAt,
      validFrom: seconds(ticket.validFrom),
      validUntil: seconds(ticket.validUntil),
      type: ticket.typeNumber,
      admits: ticket.admits,
    },
    sealing,
    sign,
  )
}

function seconds(at: number | null): number | null {
  return at === null ? null : Math.floor(at / 1000)
}
