import type { KeyRing } from '../core/key-ring.ts'
import { signOwn, type TokenKind, verifyOwn } from './own-jwt.ts'
import { hashSecret } from './secrets.ts'

/**
 * Whose session it is: an organisation's key, which may be revoked meanwhile; a member's, whom Cloudflare Access vouched
 * for; or the deployment key's of that time.
 */
export type SessionHolder =
  | { kind: 'key'; keyId: string }
  | { kind: 'member'; memberId: string; until: number }
  | { kind: 'admin'; of: string }

const COOKIE = '__Host-session'
const kind: TokenKind = {
  type: 'session+jwt',
  audience: 'admit-one/console',
  purpose: 'session',
  prefix: 'session',
  lifetimeMs: 12 * 60 * 60 * 1000,
}

/** A short text that another deployment key has another of, so that changing the key ends the sessions made with it. */
export function markOf(adminKey: string): string {
  return Array.from(hashSecret(`session ${adminKey}`).slice(0, 8), (byte) => byte.toString(16).padStart(2, '0')).join(
    '',
  )
}

/**
 * Takes whose session it is; gives the `Set-Cookie` that begins it (RFC 6265bis), good for twelve hours, or for as long
 * as Access vouches for a member.
 */
export async function beginSession(ring: KeyRing, holder: SessionHolder, at: number): Promise<string> {
  const vouchedForMs = holder.kind === 'member' ? Math.max(0, holder.until - at) : kind.lifetimeMs
  const lifetimeMs = Math.min(kind.lifetimeMs, vouchedForMs)
  const claims = { kind: holder.kind, sub: subjectOf(holder) }
  const { token } = await signOwn({ ...kind, lifetimeMs }, ring, claims, at)
  return `${COOKIE}=${token}; Path=/; Max-Age=${Math.floor(lifetimeMs / 1000)}; HttpOnly; Secure; SameSite=Strict`
}

function subjectOf(holder: SessionHolder): string {
  switch (holder.kind) {
    case 'key':
      return holder.keyId
    case 'member':
      return holder.memberId
    case 'admin':
      return holder.of
  }
}

export const endSession = `${COOKIE}=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Strict`

/**
 * Takes a request; gives whose session came with it, or null where none did or it is not good any more. A request that
 * changes something and comes from a page elsewhere has none, whatever the browser sent along.
 */
export async function readSession(ring: KeyRing, request: Request, at: number): Promise<SessionHolder | null> {
  const token = cookieOf(request)
  if (token === undefined || !comesFromOurselves(request)) return null
  const claims = await verifyOwn(kind, ring, token, at)
  switch (claims?.kind) {
    case 'admin':
      return { kind: 'admin', of: claims.sub }
    case 'member':
      return { kind: 'member', memberId: claims.sub, until: claims.exp * 1000 }
    case 'key':
      return { kind: 'key', keyId: claims.sub }
    default:
      return null
  }
}

function cookieOf(request: Request): string | undefined {
  const cookies = (request.headers.get('Cookie') ?? '').split(';').map((cookie) => cookie.trim())
  return cookies.find((cookie) => cookie.startsWith(`${COOKIE}=`))?.slice(COOKIE.length + 1)
}

/** Browsers say where a request comes from; SameSite=Strict holds those that do not. */
export function comesFromOurselves(request: Request): boolean {
  const site = request.headers.get('Sec-Fetch-Site')
  if (request.method === 'GET' || request.method === 'HEAD') return site !== 'cross-site'
  const origin = request.headers.get('Origin')
  const isOwnOrigin = origin === null || origin === new URL(request.url).origin
  return isOwnOrigin && (site === null || site === 'same-origin' || site === 'none')
}
