import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { parseBase64url } from './base64url.ts'
import type { EventId } from './ids.ts'
import { member, parseSignedObject, type SignedObject } from './signed-object.ts'
import type { OpenFailure } from './token.ts'

/*
 * Codes that somebody else's ticket shop signed. docs/integrating.md says for an integrator what is said here in code.
 */

export const formatNames = ['hmac-json', 'jwt'] as const
export type FormatName = (typeof formatNames)[number]

/** What an event says of a format that is switched on. */
export type FormatSettings = {
  /** What the shop calls this event, beside our own id. */
  externalEventId: string | null
  /** How long a code is good for after its `timestamp` or `iat`, in milliseconds; null: for ever. */
  maxAgeMs: number | null
}

/** What is needed to open one format's codes: one secret, or two while one replaces the other. */
export type FormatKey = FormatSettings & { format: FormatName; secrets: readonly Uint8Array[] }

/** What a signed code says of a ticket. It is judged like any other; the window narrows the ticket's own. */
export type SignedCode = {
  /** Our ticket id, or the reference under which the shop had it issued. */
  ticket: string | null
  /** The barcode that the ticket carries. */
  code: string | null
  /** Seconds since 1970: a ticket reissued later supersedes it. null: not said. */
  madeAt: number | null
  /** Milliseconds since 1970; null: no limit. */
  validFrom: number | null
  validUntil: number | null
}

export type OpenedFormat = { ok: true; signed: SignedCode } | { ok: false; reason: OpenFailure }

/** Shorter secrets can be guessed from one code (RFC 7518 §3.2). */
export const SECRET_MIN_BYTES = 32

/** The outer shape of each format. A device only tells them apart, and loads nothing that opens them. */
const shapes: Record<FormatName, (text: string) => boolean> = {
  'hmac-json': (text) => text.startsWith('{') && text.endsWith('}'),
  jwt: (text) => /^[\w-]+\.[\w-]*\.[\w-]*$/.test(text),
}

/** What opens each format. Our own token stands in `core/token.ts`, since opening it is asynchronous. */
const openers: Record<FormatName, (text: string, key: FormatKey, eventId: EventId) => OpenedFormat> = {
  'hmac-json': openHmacJson,
  jwt: openJwt,
}

/** Takes any text; gives the format whose shape it has, or null. Nothing is said yet of whether it is genuine. */
export function formatOf(text: string): FormatName | null {
  return formatNames.find((name) => shapes[name](text)) ?? null
}

/**
 * Takes a text, the key of the format whose shape it has, and the event at whose gate it was shown; gives what it says
 * of a ticket, or why it is none of this event. Synchronous, the same on every runtime; throws nothing for any text.
 */
export function openFormat(text: string, key: FormatKey, eventId: EventId): OpenedFormat {
  return openers[key.format](text, key, eventId)
}

const unreadable: OpenedFormat = { ok: false, reason: 'unreadable' }
const forged: OpenedFormat = { ok: false, reason: 'forged' }
const wrongEvent: OpenedFormat = { ok: false, reason: 'wrong_event' }

/** The first line of what is signed, so that no signature made for anything else is one of a ticket. */
const HMAC_JSON_DOMAIN = 'admit-one/hmac-json/v1'

/** How far a shop's clock may be ahead of ours where codes have an age. */
const CLOCK_AHEAD_MS = 5 * 60 * 1000

/** The fields of the HMAC-signed JSON that the signature is over, in their order. */
export type HmacJsonFields = {
  ticketId: string
  eventId: string
  guestId: string
  ticketCode: string
  /** Milliseconds since 1970. */
  timestamp: number
}

/** Takes the fields, an absent one as an empty text; gives what is signed: a line each, without one at the end. */
export function hmacJsonMessage({ ticketId, eventId, guestId, ticketCode, timestamp }: HmacJsonFields): string {
  return [HMAC_JSON_DOMAIN, ticketId, eventId, guestId, ticketCode, String(timestamp)].join('\n')
}

/** Takes what is signed; gives the first 8 hexadecimal digits of its SHA-256, which tell a misread code from a forged one. */
export function hmacJsonChecksum(message: string): string {
  return bytesToHex(sha256(utf8ToBytes(message)).slice(0, 4))
}

function openHmacJson(text: string, key: FormatKey, eventId: EventId): OpenedFormat {
  const object = parseSignedObject(text)
  const fields = object && hmacJsonFields(object)
  if (!object || !fields) return unreadable
  const message = hmacJsonMessage(fields)
  const [checksum, signature] = [member(object, 'checksum'), member(object, 'signature')]
  if (typeof checksum !== 'string' || checksum.toLowerCase() !== hmacJsonChecksum(message)) return unreadable
  const mac = typeof signature === 'string' ? decodeMac(signature) : null
  if (mac === null) return unreadable
  if (!isSignedBy(key.secrets, message, mac)) return forged
  if (!isOurs(fields.eventId, key, eventId)) return wrongEvent
  const { ticketId, ticketCode, timestamp } = fields
  const named = { ticket: ticketId || null, code: ticketCode || null, madeAt: Math.floor(timestamp / 1000) }
  return { ok: true, signed: { ...named, ...windowOf(timestamp, key) } }
}

function hmacJsonFields(object: SignedObject): HmacJsonFields | null {
  const [ticketId, eventId, guestId, ticketCode] = ['ticketId', 'eventId', 'guestId', 'ticketCode'].map((name) =>
    word(member(object, name)),
  )
  const timestamp = member(object, 'timestamp')
  if (ticketId == null || eventId == null || guestId == null || ticketCode == null) return null
  if (ticketId === '' && ticketCode === '') return null
  return isInstant(timestamp) ? { ticketId, eventId, guestId, ticketCode, timestamp } : null
}

/** Everything a header may say. What else there is would ask for a key, an algorithm or a rule of the code's own choosing. */
const headerNames = ['alg', 'typ', 'kid']

function openJwt(text: string, key: FormatKey, eventId: EventId): OpenedFormat {
  const [head = '', payload = '', signature = ''] = text.split('.')
  const header = decodeObject(head)
  const mac = parseBase64url(signature)
  if (!header || mac === null) return unreadable
  // The algorithm is ours to say, not the code's. `kid` is read by nobody.
  if (member(header, 'alg') !== 'HS256' || Object.keys(header).some((name) => !headerNames.includes(name)))
    return forged
  const typ = member(header, 'typ')
  if (typ !== undefined && !(typeof typ === 'string' && typ.toUpperCase() === 'JWT')) return forged
  if (!isSignedBy(key.secrets, `${head}.${payload}`, mac)) return forged
  const claims = decodeObject(payload)
  return claims ? readClaims(claims, key, eventId) : unreadable
}

function readClaims(claims: SignedObject, key: FormatKey, eventId: EventId): OpenedFormat {
  const events = [member(claims, 'eventId'), member(claims, 'aud')].filter((named) => named !== undefined)
  const isHere = events.length > 0 && events.every((named) => namesUs(named, key, eventId))
  if (!isHere) return wrongEvent
  const ticket = word(member(claims, 'ticketId') ?? member(claims, 'sub'))
  const code = word(member(claims, 'code'))
  const times = [member(claims, 'iat'), member(claims, 'nbf'), member(claims, 'exp')]
  if (ticket === null || code === null || !times.every((time) => time === undefined || isSecond(time)))
    return unreadable
  if (ticket === '' && code === '') return unreadable
  const [iat, nbf, exp] = times as (number | undefined)[]
  const aged = iat === undefined ? noWindow(key) : windowOf(iat * 1000, key)
  return {
    ok: true,
    signed: {
      ticket: ticket || null,
      code: code || null,
      madeAt: iat === undefined ? null : Math.floor(iat),
      validFrom: latest(aged.validFrom, nbf === undefined ? null : Math.ceil(nbf * 1000)),
      // At `exp` itself the code is not good any more (RFC 7519 §4.1.4).
      validUntil: earliest(aged.validUntil, exp === undefined ? null : Math.ceil(exp * 1000) - 1),
    },
  }
}

function namesUs(named: unknown, key: FormatKey, eventId: EventId): boolean {
  if (Array.isArray(named)) return named.some((one) => typeof one === 'string' && isOurs(one, key, eventId))
  const one = word(named)
  return one !== null && isOurs(one, key, eventId)
}

function isOurs(named: string, { externalEventId }: FormatKey, eventId: EventId): boolean {
  return named.toLowerCase() === eventId || (externalEventId !== null && named === externalEventId)
}

type Window = { validFrom: number | null; validUntil: number | null }

function windowOf(madeAt: number, { maxAgeMs }: FormatKey): Window {
  if (maxAgeMs === null) return { validFrom: null, validUntil: null }
  return { validFrom: Math.floor(madeAt) - CLOCK_AHEAD_MS, validUntil: Math.floor(madeAt) + maxAgeMs }
}

/** A code that does not say when it was made is as old as can be where codes have an age. */
function noWindow(key: FormatKey): Window {
  return windowOf(0, key)
}

function latest(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.max(a, b)
}

function earliest(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.min(a, b)
}

/** A name of something: a text of at most 200 characters in one line, or a whole number. Empty where it is absent. */
function word(value: unknown): string | null {
  if (value === undefined || value === null) return ''
  if (typeof value === 'number') return Number.isSafeInteger(value) ? String(value) : null
  const isWord = typeof value === 'string' && value.length <= 200 && value.isWellFormed() && !/\p{Cc}/u.test(value)
  return isWord ? value : null
}

/** The last instant that a JavaScript date can hold. */
const LAST_INSTANT_MS = 8.64e15

function isInstant(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= LAST_INSTANT_MS
}

/** A NumericDate (RFC 7519 §2): seconds, perhaps with a fraction. */
function isSecond(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= LAST_INSTANT_MS / 1000
}

function decodeObject(part: string): SignedObject | null {
  const bytes = parseBase64url(part)
  const text = bytes && decodeUtf8(bytes)
  return text === null ? null : parseSignedObject(text)
}

function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return decodeURIComponent(bytesToHex(bytes).replace(/../g, '%$&'))
  } catch {
    // A URIError is how it says that this is no UTF-8.
    return null
  }
}

/** 64 hexadecimal digits, or the same 32 bytes in base64url. */
function decodeMac(text: string): Uint8Array | null {
  return /^[0-9a-fA-F]{64}$/.test(text) ? hexToBytes(text) : parseBase64url(text)
}

/** Every secret is tried, whichever it is that signed it, so that the time taken tells nothing. */
function isSignedBy(secrets: readonly Uint8Array[], message: string, mac: Uint8Array): boolean {
  const bytes = utf8ToBytes(message)
  return secrets.map((secret) => sameMac(hmac(sha256, secret, bytes), mac)).includes(true)
}

/** Takes as long whatever the two have in common. */
function sameMac(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.reduce((difference, byte, i) => difference | (byte ^ (b[i] ?? 0)), 0) === 0
}
