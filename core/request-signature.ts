/*
 * How a device signs its requests: HTTP Message Signatures (RFC 9421) in one fixed form, so that nothing about it is
 * negotiable. What is covered follows from the request: method, path and query always, `Content-Digest` (RFC 9530) where
 * there is a body, `Authorization` where there is one. The key is the device's own and says its algorithm by its length.
 */

/** What of a request is signed. `path` and `query` as in a URL, `query` with its `?`. */
export type SignedParts = {
  method: string
  path: string
  query: string
  /** The value of `Content-Digest`; null where there is no body. */
  contentDigest: string | null
  authorization: string | null
}

/** When it was made, in seconds since 1970, and what makes it one of a kind. */
export type SignatureParams = { created: number; nonce: string }

/** So far may a request's time be from the server's. */
export const SIGNATURE_WINDOW_MS = 60_000

/** Takes base64url of a public key; gives its kind: bare Ed25519, or an uncompressed point of P-256. Anything else: null. */
export function keyKind(publicKey: string): 'Ed25519' | 'P-256' | null {
  if (/^[\w-]{42}[AEIMQUYcgkosw048]$/.test(publicKey)) return 'Ed25519'
  // 65 bytes, the first of which is 4.
  return /^B[A-P][\w-]{84}[AEIMQUYcgkosw048]$/.test(publicKey) ? 'P-256' : null
}

/** The value of `Signature-Input`. */
export function signatureInput(parts: SignedParts, params: SignatureParams): string {
  return `device=${signatureParams(parts, params)}`
}

/** The text that is signed, in UTF-8 (RFC 9421 §2.5). */
export function signatureBase(parts: SignedParts, params: SignatureParams): string {
  const lines = componentsOf(parts).map(([name, value]) => `"${name}": ${value}`)
  return [...lines, `"@signature-params": ${signatureParams(parts, params)}`].join('\n')
}

/** The value of `Content-Digest` for the SHA-256 of a body, in base64. */
export function contentDigest(sha256: string): string {
  return `sha-256=:${sha256}:`
}

/**
 * Takes the values of `Signature-Input` and `Signature`, and what was asked; gives when it was signed and the signature in
 * base64, or null where it is not of our form or does not cover exactly what it has to.
 */
export function readSignature(
  input: string,
  signature: string,
  parts: SignedParts,
): (SignatureParams & { signature: string }) | null {
  const [, created = '', nonce = ''] = /;created=([1-9]\d{0,11});nonce="([\w-]{16,64})"$/.exec(input) ?? []
  const [, bytes] = /^device=:([A-Za-z0-9+/]{86}==):$/.exec(signature) ?? []
  const params = { created: Number(created), nonce }
  if (bytes === undefined || input !== signatureInput(parts, params)) return null
  const isDigest = parts.contentDigest === null || /^sha-256=:[A-Za-z0-9+/]{43}=:$/.test(parts.contentDigest)
  return isDigest ? { ...params, signature: bytes } : null
}

function signatureParams(parts: SignedParts, { created, nonce }: SignatureParams): string {
  const names = componentsOf(parts).map(([name]) => `"${name}"`)
  return `(${names.join(' ')});created=${created};nonce="${nonce}"`
}

function componentsOf({ method, path, query, contentDigest, authorization }: SignedParts): [string, string][] {
  return [
    ['@method', method],
    ['@path', path],
    ['@query', query === '' ? '?' : query],
    ...(contentDigest === null ? [] : [['content-digest', contentDigest] as [string, string]]),
    ...(authorization === null ? [] : [['authorization', authorization] as [string, string]]),
  ]
}
