/*
 * Reads what came over the network, field by field. What is not there, or is of another kind, reads as null: a newer
 * server may say more or less than this app knows. Schemas would do the same for a third of the app's whole size.
 */

export type Wire = { readonly [field: string]: unknown }

export function record(value: unknown): Wire {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Wire) : {}
}

export function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

/** A text; brands are given by the caller, who knows what the field is. */
export function text<T extends string = string>(value: unknown): T | null {
  return typeof value === 'string' ? (value as T) : null
}

export function texts(value: unknown): string[] {
  return list(value).filter((one) => typeof one === 'string')
}

export function number(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null
}

/** An ISO 8601 text or milliseconds, as milliseconds since 1970. */
export function instant(value: unknown): number | null {
  const at = typeof value === 'string' ? Date.parse(value) : value
  return number(at)
}

export function oneOf<T extends string>(value: unknown, words: readonly T[]): T | null {
  return words.find((word) => word === value) ?? null
}

/** JSON as an object, or null where the bytes are none: a portal's login page, say. */
export function parseJson(bytes: Uint8Array): Wire | null {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes))
    return typeof value === 'object' && value !== null ? record(value) : null
  } catch {
    // A SyntaxError: whoever answered was not our server.
    return null
  }
}
