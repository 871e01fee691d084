import { errors, jwtVerify, SignJWT } from 'jose'
import { type DeviceId, type EventId, parseUuid, type StaffId } from '../core/ids.ts'
import { deriveKey } from '../core/keys.ts'

/** What a staff token says: who is on which device, at which event, with which role. */
export type StaffClaims = {
  eventId: EventId
  staffId: StaffId
  deviceId: DeviceId
  role: 'supervisor' | 'scanner'
  /** Milliseconds since 1970. */
  expiresAt: number
}

const LIFETIME_MS = 12 * 60 * 60 * 1000
const ISSUER = 'admit-one'
const AUDIENCE = 'admit-one/scanner'
const TYPE = 'staff+jwt'
const KEY_ID = 'staff-1'

/** Takes who it is for; gives a JWT (RFC 7519) under HS256, good for twelve hours. */
export async function signStaffToken(
  ticketKey: string,
  claims: Omit<StaffClaims, 'expiresAt'>,
  at: number,
): Promise<{ staffToken: string; expiresAt: number }> {
  const expiresAt = Math.floor((at + LIFETIME_MS) / 1000) * 1000
  const { eventId, staffId, deviceId, role } = claims
  const staffToken = await new SignJWT({ event: eventId, device: deviceId, role })
    .setProtectedHeader({ alg: 'HS256', typ: TYPE, kid: KEY_ID })
    .setIssuer(ISSUER)
    .setAudience(AUDIENCE)
    .setSubject(staffId)
    .setIssuedAt(Math.floor(at / 1000))
    .setExpirationTime(expiresAt / 1000)
    .sign(await signingKey(ticketKey))
  return { staffToken, expiresAt }
}

/** So many verified tokens are remembered by an isolate, since each comes with every scan of its device. */
const REMEMBERED = 2048
const remembered = new Map<string, StaffClaims>()

/** Takes a token; gives what it says, or null where it is not ours or not good any more. One algorithm, one type. */
export async function verifyStaffToken(ticketKey: string, token: string, at: number): Promise<StaffClaims | null> {
  const name = `${ticketKey} ${token}`
  const known = remembered.get(name)
  if (known) return known.expiresAt > at ? known : null
  const claims = await verifyAnew(ticketKey, token, at)
  if (claims === null) return null
  remembered.set(name, claims)
  if (remembered.size > REMEMBERED) remembered.delete(remembered.keys().next().value as string)
  return claims
}

async function verifyAnew(ticketKey: string, token: string, at: number): Promise<StaffClaims | null> {
  try {
    const { payload, protectedHeader } = await jwtVerify(token, await signingKey(ticketKey), {
      algorithms: ['HS256'],
      typ: TYPE,
      issuer: ISSUER,
      audience: AUDIENCE,
      requiredClaims: ['exp', 'iat', 'sub'],
      currentDate: new Date(at),
    })
    const eventId = parseUuid<EventId>(String(payload.event))
    const role = payload.role === 'supervisor' || payload.role === 'scanner' ? payload.role : null
    if (protectedHeader.kid !== KEY_ID || eventId === null || role === null) return null
    return {
      eventId,
      role,
      staffId: payload.sub as StaffId,
      deviceId: String(payload.device) as DeviceId,
      expiresAt: (payload.exp ?? 0) * 1000,
    }
  } catch (error) {
    // Every way in which a token is not good is one of jose's errors.
    if (error instanceof errors.JOSEError) return null
    throw error
  }
}

let kept: { ticketKey: string; key: Promise<CryptoKey> } | null = null

function signingKey(ticketKey: string): Promise<CryptoKey> {
  if (kept?.ticketKey !== ticketKey) {
    const raw = deriveKey(ticketKey, `staff-token/${KEY_ID}`)
    const key = crypto.subtle.importKey('raw', raw, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign', 'verify'])
    kept = { ticketKey, key }
  }
  return kept.key
}
