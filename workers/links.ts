import { aessiv } from '@noble/ciphers/aes.js'
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { base64url } from 'jose'
import { bytesToUuid, type EventId, type GateId, type TicketId, uuidToBytes } from '../core/ids.ts'
import { deriveKey } from '../core/keys.ts'
import { LeastRecent } from './least-recent.ts'

/** What a public link stands for. `link` is the ticket's serial of it: a new one makes the old link void. */
export type Link = { eventId: EventId; ticketId: TicketId; link: number }

const VERSION = 1
/** Additional data, so that a ticket's link is never taken for a stall's. */
const STALL = utf8ToBytes('stall')

/**
 * Takes what a link stands for; gives the `ref` in its URL: 68 characters that say nothing and cannot be guessed
 * (AES-SIV, RFC 5297, which needs no nonce: the same ticket always has the same link).
 */
export function sealLink(ticketKey: string, { eventId, ticketId, link }: Link): string {
  const serial = Uint8Array.of(link >> 8, link & 255)
  const sealed = aessiv(linkKey(ticketKey)).encrypt(concatBytes(uuidToBytes(eventId), uuidToBytes(ticketId), serial))
  return base64url.encode(concatBytes(Uint8Array.of(VERSION), sealed))
}

/** What a stall's QR code stands for: an attendee who scans it there is noted as a visitor. */
export type StallLink = { eventId: EventId; gateId: GateId }

/** Takes a stall; gives the unguessable text in its QR code's address. */
export function sealStall(ticketKey: string, { eventId, gateId }: StallLink): string {
  const sealed = aessiv(linkKey(ticketKey), STALL).encrypt(concatBytes(uuidToBytes(eventId), utf8ToBytes(gateId)))
  return base64url.encode(concatBytes(Uint8Array.of(VERSION), sealed))
}

/** Takes the text, or the whole address around it; gives the stall, or null where it is none of ours. */
export function openStall(ticketKey: string, text: string): StallLink | null {
  try {
    const bytes = base64url.decode(text.split('/').at(-1) ?? '')
    if (bytes.length < 34 || bytes[0] !== VERSION) return null
    const plain = aessiv(linkKey(ticketKey), STALL).decrypt(bytes.subarray(1))
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
const opened = new LeastRecent<Link>(10_000)

/** Takes a `ref`; gives what it stands for, or null where it is not one of ours. */
export function openLink(ticketKey: string, ref: string): Link | null {
  const name = `${ref} ${ticketKey}`
  const known = opened.get(name)
  if (known) return known
  const link = decryptLink(ticketKey, ref)
  // What is made up is not kept, so that nobody can push out what is.
  if (link !== null) opened.set(name, link, 1)
  return link
}

function decryptLink(ticketKey: string, ref: string): Link | null {
  try {
    const bytes = base64url.decode(ref)
    // One link has one spelling.
    if (bytes.length !== 51 || bytes[0] !== VERSION || base64url.encode(bytes) !== ref) return null
    const plain = aessiv(linkKey(ticketKey)).decrypt(bytes.subarray(1))
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

let kept: { ticketKey: string; key: Uint8Array } | null = null

function linkKey(ticketKey: string): Uint8Array {
  if (kept?.ticketKey !== ticketKey) {
    kept = { ticketKey, key: concatBytes(deriveKey(ticketKey, 'link/mac'), deriveKey(ticketKey, 'link/encrypt')) }
  }
  return kept.key
}
