import { aessiv } from '@noble/ciphers/aes.js'
import { concatBytes } from '@noble/hashes/utils.js'
import { base64url } from 'jose'
import { bytesToUuid, type EventId, type TicketId, uuidToBytes } from '../core/ids.ts'
import { deriveKey } from '../core/keys.ts'

/** What a public link stands for. `link` is the ticket's serial of it: a new one makes the old link void. */
export type Link = { eventId: EventId; ticketId: TicketId; link: number }

const VERSION = 1

/**
 * Takes what a link stands for; gives the `ref` in its URL: 68 characters that say nothing and cannot be guessed
 * (AES-SIV, RFC 5297, which needs no nonce: the same ticket always has the same link).
 */
export function sealLink(ticketKey: string, { eventId, ticketId, link }: Link): string {
  const serial = Uint8Array.of(link >> 8, link & 255)
  const sealed = aessiv(linkKey(ticketKey)).encrypt(concatBytes(uuidToBytes(eventId), uuidToBytes(ticketId), serial))
  return base64url.encode(concatBytes(Uint8Array.of(VERSION), sealed))
}

/** Takes a `ref`; gives what it stands for, or null where it is not one of ours. */
export function openLink(ticketKey: string, ref: string): Link | null {
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
