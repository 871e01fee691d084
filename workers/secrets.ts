import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { base64url } from 'jose'
import type { KeyRing, RingKey } from '../core/key-ring.ts'

/** Takes a prefix that says what it is for; gives a secret with 256 random bits. */
export function newSecret(prefix: string): string {
  return prefix + base64url.encode(crypto.getRandomValues(new Uint8Array(32)))
}

/** What is stored of a secret. Our secrets are random and long, so one SHA-256 without salt is enough. */
export function hashSecret(secret: string): Uint8Array {
  return sha256(utf8ToBytes(secret))
}

/** Compares without telling by its time how much agreed. */
export function sameSecret(a: string, b: string): boolean {
  return a.length === b.length && crypto.subtle.timingSafeEqual(hashSecret(a), hashSecret(b))
}

/** Opens what was sealed with one of the deployment's secrets, which is bound not to open with another; throws where with none. */
export function openWithAny<T>(ring: KeyRing, open: (key: RingKey) => T): T {
  let failure: unknown
  for (const key of ring.all) {
    try {
      return open(key)
    } catch (error) {
      // noble throws where the authentication tag does not match: it was sealed with another of them.
      failure = error
    }
  }
  throw failure
}
