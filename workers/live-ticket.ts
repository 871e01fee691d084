import type { EventId } from '../core/ids.ts'
import type { KeyRing } from '../core/key-ring.ts'
import type { Caller } from './access.ts'
import { signOwn, type TokenKind, verifyOwn } from './own-jwt.ts'

/** A browser cannot send a header with a socket, so it brings a ticket that is good once and for half a minute. */
const kind: TokenKind = {
  type: 'live+jwt',
  audience: 'admit-one/live',
  purpose: 'live-ticket',
  prefix: 'live',
  lifetimeMs: 30_000,
}

/** What a one-time ticket says: who asked for it, and for which event. `nonce` makes it one-time. */
export type LiveTicket = { caller: Caller; eventId: EventId; nonce: string }

export async function signLiveTicket(
  ring: KeyRing,
  caller: Caller,
  eventId: EventId,
  at: number,
): Promise<{ ticket: string; expiresAt: number }> {
  const claims = { caller, event: eventId, sub: crypto.randomUUID() }
  const { token, expiresAt } = await signOwn(kind, ring, claims, at)
  return { ticket: token, expiresAt }
}

/** Takes a ticket; gives what it says, or null where it is not ours or too old. Whether it was used the Gatekeeper knows. */
export async function verifyLiveTicket(ring: KeyRing, ticket: string, at: number): Promise<LiveTicket | null> {
  const claims = await verifyOwn(kind, ring, ticket, at)
  return claims && { caller: claims.caller as Caller, eventId: claims.event as EventId, nonce: claims.sub }
}
