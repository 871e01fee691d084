import { hkdf } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { type EventId, uuidToBytes } from './ids.ts'

/** The first key id. Rotating an event's keys takes the next; the old one stays good for opening until retired. */
export const FIRST_KEY_ID = 1

/** Everything needed to make tickets of one event. It never leaves the edge. */
export type SealingKeys = {
  keyId: number
  /** 6 bytes: stands for the event in the token's header. */
  eventTag: Uint8Array
  /** 32 bytes: AES-256-GCM. A device holds it too. */
  readKey: Uint8Array
  /** 32 bytes: HMAC-SHA256, makes the nonce. */
  nonceKey: Uint8Array
  /** 32 bytes: the seed of the Ed25519 signing key (RFC 8032 §5.1.5). */
  signingSeed: Uint8Array
}

/** Takes an event; gives the 6 bytes that stand for it in a token. They say nothing about the event. */
export function eventTagOf(eventId: EventId): Uint8Array {
  return sha256(concatBytes(utf8ToBytes('admit-one/event-tag/v1\0'), uuidToBytes(eventId))).slice(0, 6)
}

/**
 * Takes the deployment's secret `TICKET_KEY` as text, an event tag of 6 bytes and a key id from 0 to 255; gives
 * that event's keys (HKDF-SHA256, RFC 5869, one expansion a purpose). The same in, the same out: nothing is stored.
 */
export function deriveSealingKeys(ticketKey: string, eventTag: Uint8Array, keyId: number): SealingKeys {
  const derive = (purpose: string) =>
    deriveKey(ticketKey, concatBytes(utf8ToBytes(`ticket/${purpose}\0`), eventTag, Uint8Array.of(keyId)))
  return { keyId, eventTag, readKey: derive('read'), nonceKey: derive('nonce'), signingSeed: derive('sign') }
}

/** Takes the secret and what the key is for; gives 32 bytes. Different purposes give unrelated keys. */
export function deriveKey(secret: string, purpose: string | Uint8Array): Uint8Array {
  const info = typeof purpose === 'string' ? utf8ToBytes(purpose) : purpose
  return hkdf(sha256, utf8ToBytes(secret), utf8ToBytes('admit-one/v1'), info, 32)
}
