import { type FormatName, formatOf, openFormat, type SignedCode } from '../core/formats.ts'
import type { EventId } from '../core/ids.ts'
import { type KeyRing, keyWithId } from '../core/key-ring.ts'
import { eventTagOf } from '../core/keys.ts'
import type { ScanSource } from '../core/log.ts'
import { readShortCode } from '../core/short-code.ts'
import { type Claims, type OpenFailure, openRead, readHeader } from '../core/token.ts'
import { formatsOf, newerFormatsOf, type OpenFormats } from './code-formats.ts'
import type { Env } from './env.ts'
import { ringOf } from './key-ring.ts'
import { eventKeys, importKeys } from './signing.ts'

/** What the text of a code turned out to be. A `code` was printed elsewhere, or is rubbish: the Gatekeeper knows. */
export type OpenedScan =
  | { kind: 'token'; claims: Claims }
  | { kind: 'code'; code: string; shortCode?: string }
  /** Signed by somebody else; `formats` is the version of the event's formats that opened it. */
  | { kind: 'signed'; signed: SignedCode; formats: number }
  | { kind: 'invalid'; reason: OpenFailure }

/**
 * Takes the text of a code, the event at whose gate it was shown and where the text came from; gives what it is, in
 * whatever format the event takes. The Gatekeeper is asked for these formats only where the text looks like one of them.
 */
export async function openShown(
  env: Env,
  eventId: EventId,
  text: string,
  source: ScanSource | null,
): Promise<OpenedScan> {
  const trimmed = text.trim()
  const format = formatOf(trimmed)
  if (format !== null) {
    const signed = await openSigned(env, eventId, trimmed, format)
    if (signed) return signed
  }
  const opened = await openScan(ringOf(env), eventId, trimmed)
  const shortCode = opened.kind === 'code' && source === 'manual' ? readShortCode(opened.code) : null
  return opened.kind === 'code' && shortCode !== null ? { ...opened, shortCode } : opened
}

/** null: the event takes no such format, or the text is not of it after all. */
async function openSigned(env: Env, eventId: EventId, text: string, format: FormatName): Promise<OpenedScan | null> {
  const first = openWith(await formatsOf(env, eventId), text, format, eventId)
  if (first?.kind === 'signed') return first
  // The format, or the secret it was signed with, may be newer than what this isolate knows.
  return openWith(await newerFormatsOf(env, eventId), text, format, eventId)
}

function openWith(known: OpenFormats, text: string, format: FormatName, eventId: EventId): OpenedScan | null {
  const key = known.keys.find((one) => one.format === format)
  const opened = key && openFormat(text, key, eventId)
  if (!opened || (!opened.ok && opened.reason === 'unreadable')) return null
  return opened.ok
    ? { kind: 'signed', signed: opened.signed, formats: known.version }
    : { kind: 'invalid', reason: opened.reason }
}

/** Takes the text of a code and the event at whose gate it was shown; gives what it is among our own kinds. */
export async function openScan(ring: KeyRing, eventId: EventId, text: string): Promise<OpenedScan> {
  const trimmed = text.trim()
  const header = readHeader(trimmed)
  if (header === null) {
    return /^[\x20-\x7e]{4,128}$/.test(trimmed)
      ? { kind: 'code', code: trimmed }
      : { kind: 'invalid', reason: 'unreadable' }
  }
  const key = keyWithId(ring, header.keyId)
  if (!key) return { kind: 'invalid', reason: 'forged' }
  const { sealing, verify, unseal } = await eventKeys(key.secret, tagOf(eventId), key.id)
  const opened = await openRead(header, [sealing], verify, unseal)
  if (opened.ok) return { kind: 'token', claims: opened.claims }
  if (opened.reason !== 'wrong_event') return { kind: 'invalid', reason: opened.reason }
  // The edge can tell another event's ticket from one that only claims to be; a device alone cannot.
  const foreign = await importKeys(key.secret, header.eventTag, header.keyId)
  const elsewhere = await openRead(header, [foreign.sealing], foreign.verify, foreign.unseal)
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
