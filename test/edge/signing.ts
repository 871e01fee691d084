import { fromBase64url, toBase64url } from '../../core/base64url.ts'
import { contentDigest, signatureBase, signatureInput } from '../../core/request-signature.ts'
import { type Answer, call } from './api.ts'

/** A device's key as a browser makes it, and what it signs with it. */
export type SigningKey = { pair: CryptoKeyPair; publicKey: string }

export async function newKey(kind: 'Ed25519' | 'P-256' = 'Ed25519'): Promise<SigningKey> {
  const algorithm = kind === 'Ed25519' ? 'Ed25519' : { name: 'ECDSA', namedCurve: 'P-256' }
  const pair = (await crypto.subtle.generateKey(algorithm, false, ['sign', 'verify'])) as CryptoKeyPair
  const raw = (await crypto.subtle.exportKey('raw', pair.publicKey)) as ArrayBuffer
  return { pair, publicKey: toBase64url(new Uint8Array(raw)) }
}

/** What a signed request differs in from what was signed, for those who tamper with it. */
type Signing = { at?: number; nonce?: string; signedPath?: string; signedMethod?: string; body?: unknown }

/** The headers that a device sends. */
export async function signedHeaders(
  { pair }: SigningKey,
  method: string,
  path: string,
  as: string | null,
  { at = Date.now(), nonce = toBase64url(crypto.getRandomValues(new Uint8Array(16))), ...signing }: Signing = {},
): Promise<Record<string, string>> {
  const { pathname, search: query } = new URL(signing.signedPath ?? path, 'https://admit.example')
  const body = signing.body === undefined ? null : new TextEncoder().encode(JSON.stringify(signing.body))
  const digest = body && contentDigest(base64(await crypto.subtle.digest('SHA-256', body)))
  const authorization = as === null ? null : `Bearer ${as}`
  const parts = { method: signing.signedMethod ?? method, path: pathname, query, contentDigest: digest, authorization }
  const params = { created: Math.floor(at / 1000), nonce }
  const how = pair.privateKey.algorithm.name === 'Ed25519' ? 'Ed25519' : { name: 'ECDSA', hash: 'SHA-256' }
  const base = new TextEncoder().encode(signatureBase(parts, params))
  const signature = await crypto.subtle.sign(how, pair.privateKey, base)
  return {
    ...(digest === null ? {} : { 'Content-Digest': digest }),
    'Signature-Input': signatureInput(parts, params),
    Signature: `device=:${base64(signature)}:`,
  }
}

export async function signedCall(
  key: SigningKey,
  method: string,
  path: string,
  options: { as?: string | null; body?: unknown; signing?: Signing } = {},
): Promise<Answer> {
  const { as = null, body, signing = {} } = options
  const headers = await signedHeaders(key, method, path, as, { body, ...signing })
  return call(method, path, { as, headers, ...(body === undefined ? {} : { body }) })
}

/** A device that has signed its enrolment, and signs everything from then on. */
export async function newSigningDevice(event: { path: string; key: string }, key: SigningKey, staffId = 'sam') {
  const invited = await call('POST', `${event.path}/enrolments`, { as: event.key, body: { staffId } })
  const body = { code: invited.body.data.code, deviceName: 'Phone', deviceType: 'mobile', publicKey: key.publicKey }
  const enrolled = await signedCall(key, 'POST', '/api/devices/enrol', { body })
  const { deviceId, deviceToken, staffToken } = enrolled.body.data
  return {
    id: deviceId as string,
    deviceToken: deviceToken as string,
    token: staffToken as string,
    status: enrolled.status,
  }
}

/** The same signature, with its last bit turned. */
export function spoiled(signature: string): string {
  const [, text = ''] = /:(.*):/.exec(signature) ?? []
  const bytes = fromBase64url(text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', ''))
  bytes[63] = (bytes[63] ?? 0) ^ 1
  return `device=:${base64(bytes)}:`
}

function base64(bytes: ArrayBuffer | Uint8Array): string {
  return btoa(String.fromCharCode(...new Uint8Array(bytes)))
}
