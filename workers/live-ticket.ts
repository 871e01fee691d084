import { errors, jwtVerify, SignJWT } from 'jose'
import type { EventId } from '../core/ids.ts'
import { deriveKey } from '../core/keys.ts'
import type { Caller } from './access.ts'

/** A browser cannot send a header with a socket, so it brings a ticket that is good once and for half a minute. */
const LIFETIME_MS = 30_000
const AUDIENCE = 'admit-one/live'
const TYPE = 'live+jwt'

/** What a one-time ticket says: who asked for it, and for which event. `nonce` makes it one-time. */
export type LiveTicket = { caller: Caller; eventId: EventId; nonce: string }

export async function signLiveTicket(
  ticketKey: string,
  caller: Caller,
  eventId: EventId,
  at: number,
): Promise<{ ticket: string; expiresAt: number }> {
  const expiresAt = Math.ceil((at + LIFETIME_MS) / 1000) * 1000
  const ticket = await new SignJWT({ caller, event: eventId })
    .setProtectedHeader({ alg: 'HS256', typ: TYPE })
    .setAudience(AUDIENCE)
    .setJti(crypto.randomUUID())
    .setExpirationTime(expiresAt / 1000)
    .sign(deriveKey(ticketKey, 'live-ticket'))
  return { ticket, expiresAt }
}

/** Takes a ticket; gives what it says, or null where it is not ours or too old. Whether it was used the Gatekeeper knows. */
export async function verifyLiveTicket(ticketKey: string, ticket: string, at: number): Promise<LiveTicket | null> {
  try {
    const { payload } = await jwtVerify(ticket, deriveKey(ticketKey, 'live-ticket'), {
      algorithms: ['HS256'],
      typ: TYPE,
      audience: AUDIENCE,
      requiredClaims: ['exp', 'jti'],
      currentDate: new Date(at),
    })
    return { caller: payload.caller as Caller, eventId: payload.event as EventId, nonce: String(payload.jti) }
  } catch (error) {
    // Every way in which a ticket is not good is one of jose's errors.
    if (error instanceof errors.JOSEError) return null
    throw error
  }
}
