import { aessiv } from '@noble/ciphers/aes.js'
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { base64url } from 'jose'
import { bytesToUuid, type EventId, type GateId, type TicketId, uuidToBytes } from '../core/ids.ts'
import { type KeyRing, keyWithId, type RingKey } from '../core/key-ring.ts'
import { deriveKey } from '../core/keys.ts'
import { LeastRecent } from './least-recent.ts'

/** What a public link stands for. `link` is the ticket's serial of it: a new one makes the old link void. */
export type Link = { eventId: EventId; ticketId: TicketId; link: number }

/** Additional data, so that a ticket's link is never taken for a stall's. */
const STALL = utf8ToBytes('stall')

/**
 * Takes what a link stands for; gives the `ref` in its URL: 68 characters that say nothing and cannot be guessed
 * (AES-SIV, RFC 5297, which needs no nonce: the same ticket always has the same link). Its first byte is the key's number.
 */
export function sealLink({ current }: KeyRing, { eventId, ticketId, link }: Link): string {
  const serial = Uint8Array.of(link >> 8, link & 255)
  const sealed = aessiv(linkKey(current)).encrypt(concatBytes(uuidToBytes(eventId), uuidToBytes(ticketId), serial))
  return base64url.encode(concatBytes(Uint8Array.of(current.id), sealed))
}

/** What a stall's QR code stands for: an attendee who scans it there is noted as a visitor. */
export type StallLink = { eventId: EventId; gateId: GateId }

/** Takes a stall; gives the unguessable text in its QR code's address. */
export function sealStall({ current }: KeyRing, { eventId, gateId }: StallLink): string {
  const sealed = aessiv(linkKey(current), STALL).encrypt(concatBytes(uuidToBytes(eventId), utf8ToBytes(gateId)))
  return base64url.encode(concatBytes(Uint8Array.of(current.id), sealed))
}

/** Takes the text, or the whole address around it; gives the stall, or null where it is none of ours. */
export function openStall(ring: KeyRing, text: string): StallLink | null {
  try {
    const bytes = base64url.decode(text.split('/').at(-1) ?? '')
    const key = keyWithId(ring, bytes[0] ?? 0)
    if (bytes.length < 34 || !key) return null
    const plain = aessiv(linkKey(key), STALL).decrypt(bytes.subarray(1))
    return {
      eventId: bytesToUuid<EventId>(plain.slice(0, 16)),
      gateId: new TextDecoder().decode(plain.subarray(16)) as GateId,
    }
  } catch {
    // Not base64url, or made up, as above.
    return null
  }
}

/** Links opened lately: opening one again takes as long as all else that a warm image takes. */
const opened = new WeakMap<KeyRing, LeastRecent<Link>>()

/** Takes a `ref`; gives what it stands for, or null where it is not one of ours. */
export function openLink(ring: KeyRing, ref: string): Link | null {
  const ofRing = opened.get(ring) ?? new LeastRecent<Link>(10_000)
  opened.set(ring, ofRing)
  const known = ofRing.get(ref)
  if (known) return known
  const link = decryptLink(ring, ref)
  // What is made up is not kept, so that nobody can push out what is.
  if (link !== null) ofRing.set(ref, link, 1)
  return link
}

function decryptLink(ring: KeyRing, ref: string): Link | null {
  try {
    const bytes = base64url.decode(ref)
    const key = keyWithId(ring, bytes[0] ?? 0)
    // One link has one spelling.
    if (bytes.length !== 51 || !key || base64url.encode(bytes) !== ref) return null
    const plain = aessiv(linkKey(key)).decrypt(bytes.subarray(1))
    return {
      eventId: bytesToUuid<EventId>(plain.slice(0, 16)),
      ticketId: bytesToUuid<TicketId>(plain.slice(16, 32)),
      link: ((plain[32] ?? 0) << 8) | (plain[33] ?? 0),
    }
  } catch {
    // Not base64url, or made up: jose's or noble's word that it is no link of ours.
    return null
  }
}

const kept = new Map<string, Uint8Array>()

/** A deployment has one secret or a few. */
function linkKey({ secret }: RingKey): Uint8Array {
  const known = kept.get(secret)
  if (known) return known
  const key = concatBytes(deriveKey(secret, 'link/mac'), deriveKey(secret, 'link/encrypt'))
  kept.set(secret, key)
  return key
}
