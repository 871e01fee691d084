import { bytesToHex, concatBytes, hexToBytes } from '@noble/hashes/utils.js'
import { base64url } from 'jose'
import type { KeyRing } from '../core/key-ring.ts'
import { deriveSealingKeys, FIRST_KEY_ID, type SealingKeys } from '../core/keys.ts'
import type { OpeningKeys, Seal, Sign, Unseal, VerifySignature } from '../core/token.ts'

/** An event's keys, imported and ready. */
export type EventKeys = {
  sealing: SealingKeys
  sign: Sign
  seal: Seal
  verify: VerifySignature
  unseal: Unseal
  publicKey: Uint8Array
}

/** How many events' keys an isolate keeps. Deriving and importing them again costs about 0.2 ms. */
const KEPT = 256

const kept = new Map<string, Promise<EventKeys>>()

/** Takes the deployment's secret and an event tag; gives its keys, imported once an isolate. */
export function eventKeys(ticketKey: string, eventTag: Uint8Array, keyId: number = FIRST_KEY_ID): Promise<EventKeys> {
  const name = `${bytesToHex(eventTag)} ${keyId} ${ticketKey}`
  const known = kept.get(name)
  if (known) return known
  const made = importKeys(ticketKey, eventTag, keyId)
  kept.set(name, made)
  if (kept.size > KEPT) kept.delete(kept.keys().next().value as string)
  return made
}

/** The keys that an event's new codes are made with. */
export function issuingKeys({ current }: KeyRing, eventTag: Uint8Array): Promise<EventKeys> {
  return eventKeys(current.secret, eventTag, current.id)
}

/** The same for an event that is not expected again: nothing is kept, so that nobody can push out what is. */
export async function importKeys(ticketKey: string, eventTag: Uint8Array, keyId: number): Promise<EventKeys> {
  const sealing = deriveSealingKeys(ticketKey, eventTag, keyId)
  const privateKey = await crypto.subtle.importKey('pkcs8', pkcs8(sealing.signingSeed), 'Ed25519', true, ['sign'])
  const jwk = (await crypto.subtle.exportKey('jwk', privateKey)) as { x?: string }
  const publicKey = base64url.decode(jwk.x ?? '')
  const readKey = await crypto.subtle.importKey('raw', sealing.readKey, 'AES-GCM', false, ['encrypt', 'decrypt'])
  return {
    sealing,
    publicKey,
    sign: async (message) => new Uint8Array(await crypto.subtle.sign('Ed25519', privateKey, message)),
    seal: async (_keys, iv, additionalData, plain) =>
      new Uint8Array(await crypto.subtle.encrypt({ name: 'AES-GCM', iv, additionalData }, readKey, plain)),
    unseal: async (_keys, iv, additionalData, sealed) => {
      try {
        return new Uint8Array(await crypto.subtle.decrypt({ name: 'AES-GCM', iv, additionalData }, readKey, sealed))
      } catch {
        // An OperationError is how WebCrypto says that the authentication tag does not match.
        return null
      }
    },
    // The same message has one signature, so signing anew and comparing accepts no other, in a third of the time.
    verify: async (_keys: OpeningKeys, message, signature) =>
      sameSignature(new Uint8Array(await crypto.subtle.sign('Ed25519', privateKey, message)), signature),
  }
}

/** WebCrypto takes a bare Ed25519 seed only in its PKCS#8 wrapping (RFC 8410 §7). */
function pkcs8(seed: Uint8Array): Uint8Array {
  return concatBytes(hexToBytes('302e020100300506032b657004220420'), seed)
}

/** Takes as long whatever the two have in common. */
function sameSignature(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.reduce((difference, byte, i) => difference | (byte ^ (b[i] ?? 0)), 0) === 0
}
