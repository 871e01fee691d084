import type { EventId } from '../core/ids.ts'
import { eventTagOf } from '../core/keys.ts'
import { sealToken } from '../core/token.ts'
import type { CodeTicket } from '../durable-objects/tickets.ts'
import type { Env } from './env.ts'
import { eventKeys } from './signing.ts'

/**
 * The text of a ticket's QR code, and the only place where one is made. Made when it is asked for and stored nowhere:
 * the same ticket has the same code.
 */
export async function codeOf(env: Env, eventId: EventId, ticket: CodeTicket): Promise<string> {
  const { sealing, sign } = await eventKeys(env.TICKET_KEY, eventTagOf(eventId))
  return sealToken(
    {
      ticketId: ticket.id,
      issuedAt: ticket.issuedAt,
      validFrom: fromSecond(ticket.validFrom),
      validUntil: untilSecond(ticket.validUntil),
      type: ticket.typeNumber,
      admits: ticket.admits,
    },
    sealing,
    sign,
  )
}

/** A token's seconds go from 1970 to 2106. What begins before that has no beginning, and what ends after it no end. */
const LAST_SECOND = 0xffff_ffff

function fromSecond(at: number | null): number | null {
  return at === null || at < 1000 ? null : Math.min(LAST_SECOND, Math.floor(at / 1000))
}

function untilSecond(at: number | null): number | null {
  return at === null || at > LAST_SECOND * 1000 ? null : Math.max(1, Math.floor(at / 1000))
}
