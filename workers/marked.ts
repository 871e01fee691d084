import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { concatBytes } from '@noble/hashes/utils.js'
import type { KeyRing } from '../core/key-ring.ts'
import { deriveKey } from '../core/keys.ts'

/*
 * Secrets that somebody brings before anybody knows who they are, an enrolment code or a device token, end in a mark of
 * ours. What was made up is told by it at the edge: it is looked up nowhere, and no Gatekeeper hears of it. A mark opens
 * nothing by itself.
 */

/** What a marked secret is for: the mark of one is none for the other. */
export type MarkedFor = 'enrolment' | 'device'

/** Takes what the secret says; gives it with random bytes and a mark behind it. */
export function newMarked(ring: KeyRing, what: MarkedFor, said: Uint8Array, random: number, mark: number): Uint8Array {
  const body = concatBytes(said, crypto.getRandomValues(new Uint8Array(random)))
  return concatBytes(body, markOf(ring.current.secret, what, body, mark))
}

/** Whether the mark, so many bytes long, is of one of the deployment's secrets, past ones too. */
export function isMarked(ring: KeyRing, what: MarkedFor, bytes: Uint8Array, mark: number): boolean {
  const body = bytes.slice(0, -mark)
  const own = bytes.slice(-mark)
  return ring.all.some(({ secret }) => crypto.subtle.timingSafeEqual(markOf(secret, what, body, mark), own))
}

function markOf(secret: string, what: MarkedFor, body: Uint8Array, length: number): Uint8Array {
  return hmac(sha256, deriveKey(secret, `marked/${what}`), body).slice(0, length)
}
