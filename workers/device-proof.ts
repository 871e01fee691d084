import { utf8ToBytes } from '@noble/hashes/utils.js'
import { fromBase64url } from '../core/base64url.ts'
import type { DeviceId, EventId } from '../core/ids.ts'
import {
  keyKind,
  readSignature,
  SIGNATURE_WINDOW_MS,
  type SignedParts,
  signatureBase,
} from '../core/request-signature.ts'
import type { Proof } from '../durable-objects/actor.ts'
import type { Env } from './env.ts'
import { askGatekeeperAlone } from './gatekeepers.ts'
import { LeastRecent } from './least-recent.ts'
import { problemResponse } from './problems.ts'

/** Why a request of a device that has a key is not taken for its own. `stale`: its time is too far from ours. */
export type Unproven = { by: 'nothing'; because: 'unsigned' | 'forged' | 'stale' }

/** Takes a request and the device's public key; gives what the Gatekeeper has to know of its signature, or what is wrong. */
export async function proofOf(request: Request, publicKey: string, at: number): Promise<Proof | Unproven> {
  const { headers } = request
  const [input, signature] = [headers.get('Signature-Input'), headers.get('Signature')]
  if (input === null || signature === null) return { by: 'nothing', because: 'unsigned' }
  const parts = partsOf(request)
  const read = readSignature(input, signature, parts)
  if (read === null) return { by: 'nothing', because: 'forged' }
  const { created, nonce } = read
  // Only what is signed is believed, the time included.
  if (!(await isSigned(publicKey, parts, read))) return { by: 'nothing', because: 'forged' }
  if (Math.abs(created * 1000 - at) > SIGNATURE_WINDOW_MS) return { by: 'nothing', because: 'stale' }
  return { by: 'key', key: publicKey, nonce, createdAt: created * 1000, requestId: crypto.randomUUID() }
}

/** A device is told so once in a while at most, however often somebody tries. */
const TELL_EVERY_MS = 10_000
const told = new LeastRecent<number>(1000)

/** The answer to a request that is not a device's own; the event's organisers are told, but for a clock that is wrong. */
export async function refuseUnproven(
  env: Env,
  { eventId, deviceId }: { eventId: EventId; deviceId: DeviceId },
  { because }: Unproven,
  at: number,
): Promise<Response> {
  if (because === 'stale') return staleSignature(at)
  if ((told.get(deviceId) ?? 0) <= at - TELL_EVERY_MS) {
    told.set(deviceId, at, 1)
    await askGatekeeperAlone(env, eventId, (gatekeeper) => gatekeeper.noteMisuse(deviceId, because, at))
  }
  return problemResponse('device_signature_invalid')
}

/** With our time the device can sign anew. */
export function staleSignature(at: number): Response {
  return problemResponse('device_signature_stale', { data: { serverTime: new Date(at).toISOString() } })
}

function partsOf(request: Request): SignedParts {
  const { pathname: path, search: query } = new URL(request.url)
  const { headers, method } = request
  const hasBody = request.body !== null && headers.get('Content-Length') !== '0'
  return {
    method,
    path,
    query,
    // A body without a digest is not covered, and no digest matches an empty text.
    contentDigest: hasBody ? (headers.get('Content-Digest') ?? '') : null,
    authorization: headers.get('Authorization'),
  }
}

async function isSigned(
  publicKey: string,
  parts: SignedParts,
  { signature, ...params }: NonNullable<ReturnType<typeof readSignature>>,
): Promise<boolean> {
  const key = await imported(publicKey)
  if (key === null) return false
  const algorithm = key.algorithm.name === 'Ed25519' ? 'Ed25519' : { name: 'ECDSA', hash: 'SHA-256' }
  const bytes = Uint8Array.from(atob(signature), (character) => character.charCodeAt(0))
  return crypto.subtle.verify(algorithm, key, bytes, utf8ToBytes(signatureBase(parts, params)))
}

/** As many devices as an isolate may see in one evening. */
const keys = new LeastRecent<Promise<CryptoKey | null>>(4096)

function imported(publicKey: string): Promise<CryptoKey | null> {
  const known = keys.get(publicKey)
  if (known) return known
  const key = importKey(publicKey)
  keys.set(publicKey, key, 1)
  return key
}

/** Takes a public key as a device gives it; gives it ready, or null where it is none. */
async function importKey(publicKey: string): Promise<CryptoKey | null> {
  const kind = keyKind(publicKey)
  if (kind === null) return null
  const algorithm = kind === 'Ed25519' ? 'Ed25519' : { name: 'ECDSA', namedCurve: 'P-256' }
  try {
    return await crypto.subtle.importKey('raw', fromBase64url(publicKey), algorithm, false, ['verify'])
  } catch {
    // A DataError: these bytes are no point of the curve.
    return null
  }
}
