import { base64url, errors, type JWTPayload, jwtVerify, SignJWT } from 'jose'
import { type KeyRing, vouchingKeys } from '../core/key-ring.ts'
import { deriveKey } from '../core/keys.ts'

/** What sets one kind of the tokens that we make for ourselves apart: none is ever taken for another. */
export type TokenKind = {
  /** The header's `typ`. */
  type: string
  audience: string
  /** What its key is derived for. The header's `kid` is `prefix` and the number of the secret. */
  purpose: string
  prefix: string
  lifetimeMs: number
}

const ISSUER = 'admit-one'
const LONGEST = 2000
/** Three parts of base64url, the last of them 32 bytes in their one spelling. */
const shape = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/

/** Takes a kind and what to say, with `sub`; gives a JWT (RFC 7519) under HS256 and until when it is good. */
export async function signOwn(
  kind: TokenKind,
  { current }: KeyRing,
  claims: JWTPayload & { sub: string },
  at: number,
): Promise<{ token: string; expiresAt: number }> {
  const expiresAt = Math.floor((at + kind.lifetimeMs) / 1000) * 1000
  const token = await new SignJWT(claims)
    .setProtectedHeader(headerOf(kind, current.id))
    .setIssuer(ISSUER)
    .setAudience(kind.audience)
    .setIssuedAt(Math.floor(at / 1000))
    .setExpirationTime(expiresAt / 1000)
    .sign(await keyOf(kind, current))
  return { token, expiresAt }
}

/**
 * Takes a token; gives what it says, or null where it is not of this kind, not ours or not good any more. A header chooses
 * nothing: it is one of the few texts that we write ourselves, or the token is none.
 */
export async function verifyOwn(
  kind: TokenKind,
  ring: KeyRing,
  token: string,
  at: number,
): Promise<(JWTPayload & { sub: string; exp: number }) | null> {
  const [, header, payload] = (token.length <= LONGEST && shape.exec(token)) || []
  const key = vouchingKeys(ring).find(({ id }) => header === encoded(headerOf(kind, id)))
  if (!key || payload === undefined) return null
  try {
    const { payload: claims } = await jwtVerify(token, await keyOf(kind, key), {
      algorithms: ['HS256'],
      typ: kind.type,
      issuer: ISSUER,
      audience: kind.audience,
      requiredClaims: ['sub', 'iat', 'exp'],
      maxTokenAge: kind.lifetimeMs / 1000,
      currentDate: new Date(at),
    })
    const { sub, exp } = claims
    // What says something twice reads otherwise than it is written.
    if (sub === undefined || exp === undefined || encoded(claims) !== payload) return null
    return { ...claims, sub, exp }
  } catch (error) {
    // Every way in which a token is not good is one of jose's errors.
    if (error instanceof errors.JOSEError) return null
    throw error
  }
}

function headerOf({ type, prefix }: TokenKind, id: number) {
  return { alg: 'HS256', typ: type, kid: `${prefix}-${id}` }
}

function encoded(json: object): string {
  return base64url.encode(JSON.stringify(json))
}

const kept = new Map<string, Promise<CryptoKey>>()

/** Imported once an isolate: there are a few kinds and a few secrets. */
function keyOf({ purpose, prefix }: TokenKind, { id, secret }: KeyRing['current']): Promise<CryptoKey> {
  const name = `${purpose} ${id} ${secret}`
  const known = kept.get(name)
  if (known) return known
  const raw = deriveKey(secret, `${purpose}/${prefix}-${id}`)
  const key = crypto.subtle.importKey('raw', raw, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign', 'verify'])
  kept.set(name, key)
  return key
}
