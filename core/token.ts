import { gcm } from '@noble/ciphers/aes.js'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { decodeBase32, encodeBase32 } from './base32.ts'
import { bytesToUuid, type TicketId, uuidToBytes } from './ids.ts'
import type { SealingKeys } from './keys.ts'

/*
 * The text inside the QR, version 1: `A1` and 131 bytes in base32, 212 characters, QR version 8-M.
 *
 *   header  8   version 1 · key id 1 · event tag 6
 *   nonce  12   HMAC-SHA256(nonce key, header ‖ claims), its first 12 bytes
 *   sealed 47   AES-256-GCM(read key, claims, additional data = header) with its 16-byte tag
 *   sig    64   Ed25519 over "admit-one/ticket/v1\0" ‖ header ‖ nonce ‖ sealed
 *   claims 31   ticket id 16 · issued at 4 · valid from 4 · valid until 4 · type 2 · admits 1, big-endian
 */

const PREFIX = 'A1'
const VERSION = 1
const HEADER = 8
const NONCE = 12
const SEALED = 47
const SIGNED = HEADER + NONCE + SEALED
const TOKEN = SIGNED + 64
const DOMAIN = utf8ToBytes('admit-one/ticket/v1\0')

/** The length of every token of this version, in characters. */
export const TOKEN_LENGTH = PREFIX.length + Math.ceil((TOKEN * 8) / 5)

/** What a token says of a ticket. No personal data. */
export type Claims = {
  ticketId: TicketId
  /** Seconds since 1970, as are the next two. */
  issuedAt: number
  /** null: no limit. */
  validFrom: number | null
  validUntil: number | null
  /** The ticket type's number within its event, 0 to 65,535. */
  type: number
  /** How many people it admits, 1 to 255. */
  admits: number
}

/** When a token is good by itself. */
export type TokenWindow = Pick<Claims, 'validFrom' | 'validUntil'>

/** What is needed to open the tokens of one event with one key id. A device holds this and can make no ticket. */
export type OpeningKeys = { keyId: number; eventTag: Uint8Array; readKey: Uint8Array }

/** Signs with the event's Ed25519 key; gives 64 bytes. WebCrypto's, handed in, since it is many times faster. */
export type Sign = (message: Uint8Array) => Promise<Uint8Array>

/** Verifies 64 bytes strictly (RFC 8032 §5.1.7) with the public key of these opening keys. */
export type VerifySignature = (keys: OpeningKeys, message: Uint8Array, signature: Uint8Array) => Promise<boolean>

/** Decrypts what was sealed; null where its tag does not agree. WebCrypto's where there is one, else `unsealHere`. */
export type Unseal = (
  keys: OpeningKeys,
  nonce: Uint8Array,
  header: Uint8Array,
  sealed: Uint8Array,
) => Promise<Uint8Array | null>

/** Encrypts and gives the 47 bytes with their tag. WebCrypto's is handed in where there is one. */
export type Seal = (
  keys: SealingKeys,
  nonce: Uint8Array,
  header: Uint8Array,
  plain: Uint8Array,
) => Uint8Array | Promise<Uint8Array>

/** Why a text is not a ticket of this event. `forged` looks like one of ours and is not. */
export type OpenFailure = 'unreadable' | 'forged' | 'wrong_event'

/** What stands in the clear at the head of a token, and all of its bytes. */
export type Header = { keyId: number; eventTag: Uint8Array; bytes: Uint8Array }

export type Opened = { ok: true; claims: Claims } | { ok: false; reason: OpenFailure }

/** Takes claims and the event's keys; gives the token. The same claims always give the same token. */
export async function sealToken(claims: Claims, keys: SealingKeys, sign: Sign, seal: Seal = sealHere): Promise<string> {
  const header = concatBytes(Uint8Array.of(VERSION, keys.keyId), keys.eventTag)
  const plain = encodeClaims(claims)
  const nonce = hmac(sha256, keys.nonceKey, concatBytes(header, plain)).slice(0, NONCE)
  const signed = concatBytes(header, nonce, await seal(keys, nonce, header, plain))
  const signature = await sign(concatBytes(DOMAIN, signed))
  return PREFIX + encodeBase32(concatBytes(signed, signature))
}

/**
 * Takes the text of a QR code in either case, the keys that open this event's tokens (one a key id), the verifier and
 * what decrypts; gives the claims, or why it is not a ticket of this event. Throws nothing for any text.
 */
export async function openToken(
  text: string,
  keys: readonly OpeningKeys[],
  verifySignature: VerifySignature,
  unseal: Unseal,
): Promise<Opened> {
  const header = readHeader(text)
  return header === null ? { ok: false, reason: 'unreadable' } : openRead(header, keys, verifySignature, unseal)
}

/** The same for what `readHeader` gave. */
export async function openRead(
  header: Header,
  keys: readonly OpeningKeys[],
  verifySignature: VerifySignature,
  unseal: Unseal,
): Promise<Opened> {
  const ours = keys.filter((candidate) => sameBytes(candidate.eventTag, header.eventTag))
  if (ours.length === 0) return { ok: false, reason: 'wrong_event' }
  const key = ours.find((candidate) => candidate.keyId === header.keyId)
  const plain = key && (await unseal(key, ...partsOf(header.bytes)))
  if (!key || !plain) return { ok: false, reason: 'forged' }
  const message = concatBytes(DOMAIN, header.bytes.subarray(0, SIGNED))
  const genuine = await verifySignature(key, message, header.bytes.subarray(SIGNED))
  const claims = genuine ? decodeClaims(plain) : null
  return claims ? { ok: true, claims } : { ok: false, reason: 'forged' }
}

/** Takes any text; gives what stands in the clear at the head of a token, or null where it has not a token's shape. */
export function readHeader(text: string): Header | null {
  if (text.length !== TOKEN_LENGTH || !/^[Aa]1/.test(text)) return null
  const bytes = decodeBase32(text.slice(PREFIX.length))
  if (bytes === null || bytes.length !== TOKEN || bytes[0] !== VERSION) return null
  return { keyId: bytes[1] ?? 0, eventTag: bytes.slice(2, HEADER), bytes }
}

function partsOf(bytes: Uint8Array): [nonce: Uint8Array, header: Uint8Array, sealed: Uint8Array] {
  const sealedAt = HEADER + NONCE
  return [bytes.subarray(HEADER, sealedAt), bytes.subarray(0, HEADER), bytes.subarray(sealedAt, SIGNED)]
}

const sealHere: Seal = ({ readKey }, nonce, header, plain) => gcm(readKey, nonce, header).encrypt(plain)

/** Decrypts without WebCrypto. A phone has that and leaves this, and the library under it, out of what it loads. */
export const unsealHere: Unseal = async ({ readKey }, nonce, header, sealed) => {
  try {
    return gcm(readKey, nonce, header).decrypt(sealed)
  } catch {
    // noble throws where the authentication tag does not match: the token was changed or made up.
    return null
  }
}

function encodeClaims(claims: Claims): Uint8Array {
  const bytes = new Uint8Array(31)
  const view = new DataView(bytes.buffer)
  bytes.set(uuidToBytes(claims.ticketId))
  view.setUint32(16, claims.issuedAt)
  view.setUint32(20, claims.validFrom ?? 0)
  view.setUint32(24, claims.validUntil ?? 0)
  view.setUint16(28, claims.type)
  view.setUint8(30, claims.admits)
  return bytes
}

function decodeClaims(bytes: Uint8Array): Claims | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const admits = view.getUint8(30)
  if (admits === 0) return null
  return {
    ticketId: bytesToUuid<TicketId>(bytes.slice(0, 16)),
    issuedAt: view.getUint32(16),
    validFrom: view.getUint32(20) || null,
    validUntil: view.getUint32(24) || null,
    type: view.getUint16(28),
    admits,
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}
