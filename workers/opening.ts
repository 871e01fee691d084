import type { EventId } from '../core/ids.ts'
import { eventTagOf } from '../core/keys.ts'
import { type Claims, type OpenFailure, openToken, readHeader } from '../core/token.ts'
import { eventKeys, importKeys } from './signing.ts'

/** What the text of a code turned out to be. A `code` was printed elsewhere, or is rubbish: the Gatekeeper knows. */
export type OpenedScan =
  | { kind: 'token'; claims: Claims }
  | { kind: 'code'; code: string }
  | { kind: 'invalid'; reason: OpenFailure }

/** Takes the text of a code and the event at whose gate it was shown; gives what it is. */
export async function openScan(ticketKey: string, eventId: EventId, text: string): Promise<OpenedScan> {
  const trimmed = text.trim()
  const header = readHeader(trimmed)
  if (header === null) {
    return /^[\x20-\x7e]{4,128}$/.test(trimmed)
      ? { kind: 'code', code: trimmed }
      : { kind: 'invalid', reason: 'unreadable' }
  }
  const { sealing, verify, unseal } = await eventKeys(ticketKey, tagOf(eventId))
  const opened = await openToken(trimmed, [sealing], verify, unseal)
  if (opened.ok) return { kind: 'token', claims: opened.claims }
  if (opened.reason !== 'wrong_event') return { kind: 'invalid', reason: opened.reason }
  // The edge can tell another event's ticket from one that only claims to be; a device alone cannot.
  const foreign = await importKeys(ticketKey, header.eventTag, header.keyId)
  const elsewhere = await openToken(trimmed, [foreign.sealing], foreign.verify, foreign.unseal)
  return { kind: 'invalid', reason: elsewhere.ok ? 'wrong_event' : 'forged' }
}

const tags = new Map<EventId, Uint8Array>()

function tagOf(eventId: EventId): Uint8Array {
  const known = tags.get(eventId)
  if (known) return known
  const tag = eventTagOf(eventId)
  tags.set(eventId, tag)
  return tag
}
