import type { EventId } from '../core/ids.ts'
import { eventTagOf } from '../core/keys.ts'
import { turnAt } from '../core/rotation.ts'
import { sealToken, type TokenWindow } from '../core/token.ts'
import type { CodeTicket } from '../durable-objects/tickets/ticket-rows.ts'
import type { Env } from './env.ts'
import { ringOf } from './key-ring.ts'
import { issuingKeys } from './signing.ts'

/** The code that a ticket shows at a moment. `turn` is null where the event's codes do not rotate. */
export type ShownCode = { text: string; turn: { validFrom: number; validUntil: number; nextAt: number } | null }

/** Takes a ticket, whether its event's codes rotate, and the time in milliseconds since 1970; gives what is shown of it then. */
export async function shownCode(
  env: Env,
  eventId: EventId,
  ticket: CodeTicket,
  rotates: boolean,
  at: number,
): Promise<ShownCode> {
  if (!rotates) return { text: await codeOf(env, eventId, ticket), turn: null }
  const { window, nextAt } = turnAt(ticket, at)
  const [validFrom, validUntil] = [clamped(window.validFrom), clamped(window.validUntil)]
  const text = await sealed(env, eventId, ticket, { validFrom, validUntil })
  return { text, turn: { validFrom: validFrom * 1000, validUntil: validUntil * 1000, nextAt } }
}

/**
 * The text of a ticket's QR code. Made when it is asked for and stored nowhere: the same ticket has the same code. Where
 * codes rotate it admits nobody, and `shownCode` is what counts.
 */
export function codeOf(env: Env, eventId: EventId, ticket: CodeTicket): Promise<string> {
  const window = { validFrom: fromSecond(ticket.validFrom), validUntil: untilSecond(ticket.validUntil) }
  return sealed(env, eventId, ticket, window)
}

async function sealed(env: Env, eventId: EventId, ticket: CodeTicket, window: TokenWindow): Promise<string> {
  const { sealing, sign, seal } = await issuingKeys(ringOf(env), tagOf(eventId))
  const { id: ticketId, issuedAt, typeNumber: type, admits } = ticket
  return sealToken({ ticketId, issuedAt, ...window, type, admits }, sealing, sign, seal)
}

let latest: { eventId: EventId; tag: Uint8Array } | null = null

/** Codes are made of one event after the other, not of many in turn. */
function tagOf(eventId: EventId): Uint8Array {
  if (latest?.eventId !== eventId) latest = { eventId, tag: eventTagOf(eventId) }
  return latest.tag
}

/** A token's seconds go from 1970 to 2106. What begins before that has no beginning, and what ends after it no end. */
const LAST_SECOND = 0xffff_ffff

function fromSecond(at: number | null): number | null {
  return at === null || at < 1000 ? null : Math.min(LAST_SECOND, Math.floor(at / 1000))
}

function untilSecond(at: number | null): number | null {
  return at === null || at > LAST_SECOND * 1000 ? null : Math.max(1, Math.floor(at / 1000))
}

/** A rotating code always has both ends. */
function clamped(second: number): number {
  return Math.min(LAST_SECOND, Math.max(1, Math.floor(second)))
}
