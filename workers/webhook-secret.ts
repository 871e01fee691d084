import { aessiv } from '@noble/ciphers/aes.js'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { type EventId, uuidToBytes } from '../core/ids.ts'
import type { KeyRing } from '../core/key-ring.ts'
import { deriveKey } from '../core/keys.ts'
import { openWithAny } from './secrets.ts'

const PREFIX = 'whsec_'

/** Gives the text of a new secret with 256 random bits, as the Standard Webhooks specification writes them. */
export function newWebhookSecret(): string {
  return PREFIX + toBase64(crypto.getRandomValues(new Uint8Array(32)))
}

/** Takes a secret's text, which has its shape; gives what is stored of it: nothing to whoever lacks `TICKET_KEY`. */
export function sealSecret({ current }: KeyRing, eventId: EventId, webhookId: string, secret: string): Uint8Array {
  return box(current.secret, eventId, webhookId).encrypt(fromBase64(secret.slice(PREFIX.length)))
}

/** Takes what `sealSecret` gave; gives the bytes to sign with. Throws where it was sealed with none of these keys. */
export function openSecret(ring: KeyRing, eventId: EventId, webhookId: string, sealed: Uint8Array): Uint8Array {
  return openWithAny(ring, ({ secret }) => box(secret, eventId, webhookId).decrypt(sealed))
}

/** Takes the bytes of the secrets and a message; gives the value of `webhook-signature`, one signature a secret. */
export function signMessage(secrets: Uint8Array[], messageId: string, seconds: number, body: string): string {
  const signed = utf8ToBytes(`${messageId}.${seconds}.${body}`)
  return secrets.map((secret) => `v1,${toBase64(hmac(sha256, secret, signed))}`).join(' ')
}

// AES-SIV needs no nonce, and the same secret seals to the same bytes: the same call twice is seen to be the same.
function box(ticketKey: string, eventId: EventId, webhookId: string) {
  const key = concatBytes(deriveKey(ticketKey, 'webhook/mac'), deriveKey(ticketKey, 'webhook/encrypt'))
  return aessiv(key, concatBytes(uuidToBytes(eventId), utf8ToBytes(webhookId)))
}

function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
}

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
}
