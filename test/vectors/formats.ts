import { utf8ToBytes } from '@noble/hashes/utils.js'
import { type FormatKey, type FormatName, formatOf, type OpenedFormat, openFormat } from '../../core/formats.ts'
import type { EventId } from '../../core/ids.ts'
import type { Check } from './check.ts'
import vectors from './formats.json' with { type: 'json' }

const eventId = vectors.eventId as EventId
const secrets = vectors.secrets.map((secret) => utf8ToBytes(secret))

export const keyOf = (format: FormatName, more: Partial<FormatKey> = {}): FormatKey => ({
  format,
  secrets,
  externalEventId: vectors.externalEventId,
  maxAgeMs: null,
  ...more,
})

/** null where the text has not the shape of the format. */
export function open(format: FormatName, text: string, more: Partial<FormatKey> = {}): OpenedFormat | null {
  return formatOf(text) === format ? openFormat(text, keyOf(format, more), eventId) : null
}

export type Case = { name: string; text: string; expected: { ok: boolean; signed?: unknown } | null }

export const corpora: [FormatName, Case[]][] = [
  ['jwt', vectors.jwt],
  ['hmac-json', vectors.hmacJson],
]

/** That each code of the corpus opens to what it says, or does not open. */
export function formatChecks(format: FormatName, cases: Case[]): Check[] {
  return cases.map(({ name, text, expected }) => ({ name, given: () => open(format, text), expected }))
}
