import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { base64url } from 'jose'

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
