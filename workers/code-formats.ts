import { aessiv } from '@noble/ciphers/aes.js'
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import type { FormatKey, FormatName } from '../core/formats.ts'
import { type EventId, uuidToBytes } from '../core/ids.ts'
import type { KeyRing } from '../core/key-ring.ts'
import { deriveKey } from '../core/keys.ts'
import { everybody } from '../durable-objects/actor.ts'
import type { SealedFormats } from '../durable-objects/event/code-formats.ts'
import type { Env } from './env.ts'
import { askGatekeeperAlone } from './gatekeepers.ts'
import { ringOf } from './key-ring.ts'
import { openWithAny } from './secrets.ts'

/** An event's formats, ready to open codes with. */
export type OpenFormats = { version: number; keys: FormatKey[]; fetchedAt: number }

/** So long an isolate opens codes with what it was told. The Gatekeeper says so at once when that is not true any more. */
const KEPT_MS = 30_000

/** A code that does not open may be of a secret set a moment ago. The Gatekeeper is asked so often at most. */
const ASK_AGAIN_MS = 1000

/** How many events' formats an isolate keeps. */
const KEPT = 256

const kept = new Map<EventId, OpenFormats>()

/** Gives an event's formats; our own tokens never come here. An event that does not exist has none. */
export async function formatsOf(env: Env, eventId: EventId, maxAgeMs: number = KEPT_MS): Promise<OpenFormats> {
  const now = Date.now()
  const known = kept.get(eventId)
  if (known && now - known.fetchedAt < maxAgeMs) return known
  const sealed = await askGatekeeperAlone(env, eventId, (gatekeeper) => gatekeeper.codeFormats(everybody))
  const opened = sealed.ok ? unsealAll(ringOf(env), eventId, sealed.value) : { version: 0, keys: [] }
  const made = { ...opened, fetchedAt: now }
  kept.delete(eventId)
  kept.set(eventId, made)
  if (kept.size > KEPT) kept.delete(kept.keys().next().value as EventId)
  return made
}

/** The same, asked anew where the Gatekeeper was not asked within the last second. */
export function newerFormatsOf(env: Env, eventId: EventId): Promise<OpenFormats> {
  return formatsOf(env, eventId, ASK_AGAIN_MS)
}

export function forgetFormats(eventId: EventId): void {
  kept.delete(eventId)
}

/**
 * Takes a shop's secret; gives what is stored of it: AES-SIV (RFC 5297) under a key of the deployment's, bound to the
 * event and the format. The same secret is always sealed alike, so that one can see whether it is the same.
 */
export function sealFormatSecret(
  { current }: KeyRing,
  eventId: EventId,
  format: FormatName,
  secret: Uint8Array,
): Uint8Array {
  return cipher(current.secret, eventId, format).encrypt(secret)
}

function unsealAll(ring: KeyRing, eventId: EventId, { version, formats }: SealedFormats) {
  const keys = formats.map(({ format, secret, previous, externalEventId, maxAgeMs }): FormatKey => {
    const sealed = previous === null ? [secret] : [secret, previous]
    const secrets = sealed.map((one) =>
      openWithAny(ring, ({ secret: ours }) => cipher(ours, eventId, format).decrypt(one)),
    )
    return { format, externalEventId, maxAgeMs, secrets }
  })
  return { version, keys }
}

function cipher(ticketKey: string, eventId: EventId, format: FormatName) {
  const key = concatBytes(deriveKey(ticketKey, 'format/mac'), deriveKey(ticketKey, 'format/encrypt'))
  return aessiv(key, concatBytes(uuidToBytes(eventId), utf8ToBytes(format)))
}
