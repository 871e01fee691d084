import { type DeviceId, type EventId, parseUuid, type StaffId } from '../core/ids.ts'
import type { KeyRing } from '../core/key-ring.ts'
import { signOwn, type TokenKind, verifyOwn } from './own-jwt.ts'

/** What a staff token says: who is on which device, at which event, with which role. */
export type StaffClaims = {
  eventId: EventId
  staffId: StaffId
  deviceId: DeviceId
  role: 'supervisor' | 'scanner'
  /** The public key that requests with this token must be signed with; null where its device has none. */
  signingKey: string | null
  /** Milliseconds since 1970. */
  expiresAt: number
}

const kind: TokenKind = {
  type: 'staff+jwt',
  audience: 'admit-one/scanner',
  purpose: 'staff-token',
  prefix: 'staff',
  lifetimeMs: 12 * 60 * 60 * 1000,
}

/** Takes who it is for; gives the token, good for twelve hours. */
export async function signStaffToken(
  ring: KeyRing,
  { eventId, staffId, deviceId, role, signingKey }: Omit<StaffClaims, 'expiresAt'>,
  at: number,
): Promise<{ staffToken: string; expiresAt: number }> {
  const bound = signingKey === null ? {} : { key: signingKey }
  const claims = { event: eventId, device: deviceId, role, ...bound, sub: staffId }
  const { token, expiresAt } = await signOwn(kind, ring, claims, at)
  return { staffToken: token, expiresAt }
}

/** So many verified tokens are remembered by an isolate, since each comes with every scan of its device. */
const REMEMBERED = 2048
const remembered = new WeakMap<KeyRing, Map<string, StaffClaims>>()

/** Takes a token; gives what it says, or null where it is not ours or not good any more. */
export async function verifyStaffToken(ring: KeyRing, token: string, at: number): Promise<StaffClaims | null> {
  const ofRing = remembered.get(ring) ?? new Map<string, StaffClaims>()
  remembered.set(ring, ofRing)
  const known = ofRing.get(token)
  if (known) return known.expiresAt > at ? known : null
  const claims = await verifyAnew(ring, token, at)
  if (claims === null) return null
  ofRing.set(token, claims)
  if (ofRing.size > REMEMBERED) ofRing.delete(ofRing.keys().next().value as string)
  return claims
}

async function verifyAnew(ring: KeyRing, token: string, at: number): Promise<StaffClaims | null> {
  const claims = await verifyOwn(kind, ring, token, at)
  if (claims === null) return null
  const eventId = parseUuid<EventId>(String(claims.event))
  const role = claims.role === 'supervisor' || claims.role === 'scanner' ? claims.role : null
  const signingKey = claims.key ?? null
  if (eventId === null || role === null || typeof claims.device !== 'string') return null
  if (signingKey !== null && typeof signingKey !== 'string') return null
  return {
    eventId,
    role,
    staffId: claims.sub as StaffId,
    deviceId: claims.device as DeviceId,
    signingKey,
    expiresAt: claims.exp * 1000,
  }
}
