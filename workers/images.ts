import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { base64url } from 'jose'
import type { EventId } from '../core/ids.ts'
import { eventTagOf } from '../core/keys.ts'
import { defaultQrStyle, type QrStyle, qrPng, qrSvg } from '../core/qr.ts'
import type { ImageSource } from '../durable-objects/jobs/images.ts'
import { log } from '../durable-objects/logging.ts'
import { codeOf, shownCode } from './codes.ts'
import type { Env } from './env.ts'
import { LeastRecent } from './least-recent.ts'

export type Format = 'svg' | 'png'

/** Which image is meant. */
export type ImageAsk = { eventId: EventId; source: ImageSource; format: Format; style: QrStyle }

export type Image = { bytes: Uint8Array; etag: string; cached: boolean }

/** A quarter of what an isolate may use: about 7,000 SVGs or 20,000 PNGs, and never more than this. */
const MEMORY_BYTES = 32 * 1024 * 1024
/** What an entry takes beside its bytes: two objects, a buffer, a key. */
const ENTRY_BYTES = 700
/** Rendering takes a millisecond, so a cache that does not answer soon has nothing. */
const KV_PATIENCE_MS = 250
/** An image never changes under its key, so a location may keep what it has read. */
const KV_LOCAL_SECONDS = 3600

const inMemory = new LeastRecent<{ bytes: Uint8Array; etag: string }>(MEMORY_BYTES)

/**
 * The image from this isolate's memory, else from KV, else rendered and put into both. Throws a RangeError for a PNG of
 * too few pixels. The code's claims stand for the code in memory: the same claims have the same code, and most answers
 * so cost no signature. A code that rotates is drawn each time and kept nowhere.
 */
export async function imageOf(env: Env, ctx: ExecutionContext, ask: ImageAsk, code?: string): Promise<Image> {
  const { eventId, source, format, style } = ask
  if (source.rotating) {
    const text = code ?? (await shownCode(env, eventId, source.ticket, true, Date.now())).text
    return { bytes: await render(text, format, style), etag: '', cached: false }
  }
  const { generation, clears } = source
  const name = nameOf(ask)
  const memoryKey = `${generation}.${clears}:${name}`
  const known = inMemory.get(memoryKey)
  if (known) return { ...known, cached: true }
  const text = code ?? (await codeOf(env, eventId, source.ticket))
  const key = kvPrefix(eventId, generation, text) + styleName(format, style)
  const isKept = isUsual(style)
  const fromKv = isKept ? await readKv(env, key) : null
  const bytes = fromKv ?? (await render(text, format, style))
  if (!fromKv && isKept) ctx.waitUntil(keepInKv(env, key, bytes))
  const etag = etagOf(ask)
  inMemory.set(memoryKey, { bytes, etag }, bytes.length + ENTRY_BYTES)
  return { bytes, etag, cached: fromKv !== null }
}

/** The same for the same image, and known without it. */
export function etagOf(ask: ImageAsk): string {
  return `"${base64url.encode(sha256(utf8ToBytes(`qr:v1:${nameOf(ask)}`)).subarray(0, 12))}"`
}

/**
 * What the keys in KV begin with: of all images of an event, or of one code. The code's hash is in it, so that a
 * reissued ticket can never show its old image; the generation, so that one step clears them all.
 */
export function kvPrefix(eventId: EventId, generation: number, code?: string): string {
  const event = `qr:v1:${base64url.encode(eventTagOf(eventId))}:${generation}:`
  return code === undefined ? event : `${event}${base64url.encode(sha256(utf8ToBytes(code)))}:`
}

/** Draws an image and puts it into KV, whether it is there or not. Throws what KV throws. */
export async function warmImage(env: Env, ask: ImageAsk, code: string, keepUntil: number | null): Promise<void> {
  const usual = secondsToKeep(env)
  if (usual === 0) return
  const seconds = keepUntil === null ? 0 : Math.ceil((keepUntil - Date.now()) / 1000)
  const bytes = await render(code, ask.format, ask.style)
  const key = kvPrefix(ask.eventId, ask.source.generation, code) + styleName(ask.format, ask.style)
  await putInKv(env, key, bytes, Math.max(usual, seconds))
}

function nameOf({ eventId, source: { ticket }, format, style }: ImageAsk): string {
  const { id, issuedAt, validFrom, validUntil, typeNumber, admits } = ticket
  return `${eventId}:${id}:${issuedAt}:${validFrom}:${validUntil}:${typeNumber}:${admits}:${styleName(format, style)}`
}

/** Sizes that KV keeps. */
const usualSizes = [128, 200, 256, 300, 342, 400, 500, 512, 600, 800, 1000, 1024]

/**
 * Whoever has a ticket's link may ask for a billion different images of it. KV keeps those in black and white in the usual
 * sizes, two dozen a ticket at most; any other is drawn when it is asked for, in a millisecond.
 */
function isUsual({ size, margin, ecc, dark, light }: QrStyle): boolean {
  const usual = defaultQrStyle
  const isPlain = dark === usual.dark && light === usual.light
  return usualSizes.includes(size) && margin === usual.margin && ecc === usual.ecc && isPlain
}

function styleName(format: Format, { size, margin, ecc, dark, light }: QrStyle): string {
  return `${format}:${size}:${margin}:${ecc}:${dark}:${light}`
}

async function render(code: string, format: Format, style: QrStyle): Promise<Uint8Array> {
  return format === 'svg' ? utf8ToBytes(qrSvg(code, style)) : qrPng(code, style, deflate)
}

async function deflate(raw: Uint8Array): Promise<Uint8Array> {
  const stream = new Blob([raw]).stream().pipeThrough(new CompressionStream('deflate'))
  return new Uint8Array(await new Response(stream).arrayBuffer())
}

/** What KV has; null also where it fails or keeps one waiting: it is only a cache. */
async function readKv(env: Env, key: string): Promise<Uint8Array | null> {
  if (secondsToKeep(env) === 0) return null
  const read = tryKv(() => env.QR_IMAGES.get(key, { type: 'arrayBuffer', cacheTtl: KV_LOCAL_SECONDS }))
  const kept = await Promise.race([read, scheduler.wait(KV_PATIENCE_MS)])
  return kept ? new Uint8Array(kept) : null
}

async function keepInKv(env: Env, key: string, bytes: Uint8Array): Promise<void> {
  const seconds = secondsToKeep(env)
  if (seconds > 0) await tryKv(() => putInKv(env, key, bytes, seconds))
}

async function putInKv(env: Env, key: string, bytes: Uint8Array, seconds: number): Promise<void> {
  await env.QR_IMAGES.put(key, bytes, { expirationTtl: seconds, metadata: { bytes: bytes.length } })
}

/** What KV answers, or null where it does not: whoever asks does without. */
export async function tryKv<T>(ask: () => Promise<T>): Promise<T | null> {
  try {
    return await ask()
  } catch (error) {
    log('warn', 'KV did not answer; images are drawn anew', { error })
    return null
  }
}

/** KV takes no less than a minute. A setting that is no number is taken for the usual day. */
function secondsToKeep({ QR_CACHE_SECONDS }: Env): number {
  const seconds = Number(QR_CACHE_SECONDS || 'none')
  if (!Number.isFinite(seconds)) return 86_400
  return seconds <= 0 ? 0 : Math.max(60, Math.floor(seconds))
}
