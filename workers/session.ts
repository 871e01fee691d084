import { errors, jwtVerify, SignJWT } from 'jose'
import { deriveKey } from '../core/keys.ts'
import { hashSecret } from './secrets.ts'

/** Whose session it is: an organisation's key, which may be revoked meanwhile, or the deployment key of that time. */
export type SessionHolder = { kind: 'key'; keyId: string } | { kind: 'admin'; of: string }

const COOKIE = '__Host-session'
const LIFETIME_S = 12 * 60 * 60
const ISSUER = 'admit-one'
const AUDIENCE = 'admit-one/console'
const TYPE = 'session+jwt'
const KEY_ID = 'session-1'

/** A short text that another deployment key has another of, so that changing the key ends the sessions made with it. */
export function markOf(adminKey: string): string {
  return Array.from(hashSecret(`session ${adminKey}`).slice(0, 8), (byte) => byte.toString(16).padStart(2, '0')).join(
    '',
  )
}

/** Takes whose session it is; gives the `Set-Cookie` that begins it (RFC 6265bis), good for twelve hours. */
export async function beginSession(ticketKey: string, holder: SessionHolder, at: number): Promise<string> {
  const now = Math.floor(at / 1000)
  const token = await new SignJWT({ kind: holder.kind })
    .setProtectedHeader({ alg: 'HS256', typ: TYPE, kid: KEY_ID })
    .setIssuer(ISSUER)
    .setAudience(AUDIENCE)
    .setSubject(holder.kind === 'key' ? holder.keyId : holder.of)
    .setIssuedAt(now)
    .setExpirationTime(now + LIFETIME_S)
    .sign(await signingKey(ticketKey))
  return `${COOKIE}=${token}; Path=/; Max-Age=${LIFETIME_S}; HttpOnly; Secure; SameSite=Strict`
}

export const endSession = `${COOKIE}=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Strict`

/**
 * Takes a request; gives whose session came with it, or null where none did or it is not good any more. A request that
 * changes something and comes from a page elsewhere has none, whatever the browser sent along.
 */
export async function readSession(ticketKey: string, request: Request, at: number): Promise<SessionHolder | null> {
  const token = cookieOf(request)
  if (token === undefined || !comesFromOurselves(request)) return null
  try {
    const { payload, protectedHeader } = await jwtVerify(token, await signingKey(ticketKey), {
      algorithms: ['HS256'],
      typ: TYPE,
      issuer: ISSUER,
      audience: AUDIENCE,
      requiredClaims: ['sub', 'iat', 'exp'],
      currentDate: new Date(at),
    })
    if (protectedHeader.kid !== KEY_ID || payload.sub === undefined) return null
    if (payload.kind === 'admin') return { kind: 'admin', of: payload.sub }
    return payload.kind === 'key' ? { kind: 'key', keyId: payload.sub } : null
  } catch (error) {
    // jose throws for whatever is not a good token of ours.
    if (error instanceof errors.JOSEError) return null
    throw error
  }
}

function cookieOf(request: Request): string | undefined {
  const cookies = (request.headers.get('Cookie') ?? '').split(';').map((cookie) => cookie.trim())
  return cookies.find((cookie) => cookie.startsWith(`${COOKIE}=`))?.slice(COOKIE.length + 1)
}

/** Browsers say where a request comes from; SameSite=Strict holds those that do not. */
function comesFromOurselves(request: Request): boolean {
  const site = request.headers.get('Sec-Fetch-Site')
  if (request.method === 'GET' || request.method === 'HEAD') return site !== 'cross-site'
  const origin = request.headers.get('Origin')
  const isOwnOrigin = origin === null || origin === new URL(request.url).origin
  return isOwnOrigin && (site === null || site === 'same-origin' || site === 'none')
}

let kept: { ticketKey: string; key: CryptoKey } | null = null

async function signingKey(ticketKey: string): Promise<CryptoKey> {
  if (kept?.ticketKey === ticketKey) return kept.key
  const bytes = deriveKey(ticketKey, 'session')
  const key = await crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign', 'verify'])
  kept = { ticketKey, key }
  return key
}
