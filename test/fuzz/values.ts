import type { Chance } from '../chance.ts'
import type { Schema } from './operations.ts'

/** Words that mean something to the event that is asked about, by the name of the field that takes them. */
export type Words = Record<string, readonly unknown[]>

/** Takes a schema and the name of its field; gives a value that it allows, mostly one that means something. */
export function validValue(schema: Schema, name: string, words: Words, chance: Chance): unknown {
  const known = Object.hasOwn(words, name) ? words[name] : undefined
  if (known && chance.happens(0.9)) return chance.of(known)
  const choice = schema.anyOf ?? schema.oneOf
  if (choice) return validValue(chance.of(choice), name, words, chance)
  if ('const' in schema) return schema.const
  if (schema.enum) return chance.of(schema.enum)
  const type = Array.isArray(schema.type) ? chance.of(schema.type) : schema.type
  switch (type) {
    case 'object':
      return validObject(schema, words, chance)
    case 'array':
      return Array.from({ length: Math.max(schema.minItems ?? 0, chance.between(0, 2)) }, () =>
        validValue(schema.items ?? {}, name, words, chance),
      )
    case 'string':
      return validText(schema, chance)
    case 'integer':
      return validNumber(schema, chance)
    case 'number':
      return validNumber(schema, chance) + chance.of([0, 0.5])
    case 'boolean':
      return chance.happens(0.5)
    case 'null':
      return null
    default:
      return chance.of([null, 'text', 5, {}, []])
  }
}

function validObject(schema: Schema, words: Words, chance: Chance): Record<string, unknown> {
  const properties = Object.entries(schema.properties ?? {})
  return Object.fromEntries(
    properties
      .filter(([name]) => schema.required?.includes(name) || chance.happens(0.5))
      .map(([name, inner]) => [name, validValue(inner, name, words, chance)]),
  )
}

function validText({ format, minLength = 0, maxLength = 40 }: Schema, chance: Chance): string {
  if (format === 'date-time') return new Date(1_790_000_000_000 + chance.between(-1e9, 1e9)).toISOString()
  if (format === 'uuid') return uuid(chance)
  if (format === 'email') return `guest${chance.between(1, 99)}@example.com`
  const text = chance.of([
    'x',
    'Ada Lovelace',
    'GATE-A',
    '2026-11-21T10:00:00.000Z',
    '12:30',
    'https://example.com/hook',
  ])
  return text.padEnd(minLength, '-').slice(0, Math.max(minLength, Math.min(maxLength, 200)))
}

function validNumber({ minimum, maximum }: Schema, chance: Chance): number {
  const from = Math.ceil(minimum ?? 0)
  const to = Math.floor(maximum ?? from + 1000)
  return chance.of([from, to, chance.between(from, Math.min(to, from + 1000))])
}

export function uuid(chance: Chance): string {
  const hex = Array.from(chance.bytes(16), (byte) => byte.toString(16).padStart(2, '0')).join('')
  return hex.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, '$1-$2-4$3-8$4-$5').slice(0, 36)
}
