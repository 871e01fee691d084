declare const brand: unique symbol
type Id<Name extends string> = string & { readonly [brand]: Name }

/** UUIDs in their lower-case text form (RFC 9562). */
export type OrganisationId = Id<'organisation'>
export type EventId = Id<'event'>
export type TicketId = Id<'ticket'>
export type ScanId = Id<'scan'>
export type JobId = Id<'job'>

/** The organiser's own words, unique within one event: 1 to 64 characters. */
export type TypeId = Id<'ticket type'>
export type GateId = Id<'gate'>
export type ZoneId = Id<'zone'>
export type StaffId = Id<'staff'>
export type DeviceId = Id<'device'>

type Uuid = OrganisationId | EventId | TicketId | ScanId | JobId

const uuidShape = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** What an organiser may call a gate, a type, a zone or a member of staff. */
export const wordShape = /^[\p{L}\p{N}][\p{L}\p{N}\p{M} ._~:+@-]{0,63}$/u

/** Takes any text; gives the UUID in lower case, or null where it is not one. */
export function parseUuid<T extends Uuid>(text: string): T | null {
  const lower = text.toLowerCase()
  return uuidShape.test(lower) ? (lower as T) : null
}

/** Takes a UUID; gives its 16 bytes. Throws a RangeError for what is none, which is a bug of the caller. */
export function uuidToBytes(id: Uuid): Uint8Array {
  const bytes = new Uint8Array(16)
  let at = 0
  for (let i = 0; i < 16; i++) {
    if (i === 4 || i === 6 || i === 8 || i === 10) at += 1
    const value = (digitOf(id, at) << 4) | digitOf(id, at + 1)
    if (value < 0) throw new RangeError(`"${id}" is no UUID`)
    bytes[i] = value
    at += 2
  }
  return bytes
}

/** Takes 16 bytes; gives the UUID. Throws a RangeError for any other length, which is a bug of the caller. */
export function bytesToUuid<T extends Uuid>(bytes: Uint8Array): T {
  if (bytes.length !== 16) throw new RangeError(`a UUID has 16 bytes, not ${bytes.length}`)
  const pair = (i: number) => pairs[bytes[i] as number] as string
  const quad = (i: number) => pair(i) + pair(i + 1)
  return `${quad(0)}${quad(2)}-${quad(4)}-${quad(6)}-${quad(8)}-${quad(10)}${quad(12)}${quad(14)}` as T
}

/** Each scan turns a dozen ids over, so the digits are looked up here and no text is made on the way. */
const pairs = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** The value of a hexadecimal digit; negative where there is none. */
function digitOf(text: string, at: number): number {
  const code = text.charCodeAt(at)
  if (code >= 48 && code <= 57) return code - 48
  if (code >= 97 && code <= 102) return code - 87
  return code >= 65 && code <= 70 ? code - 55 : -1
}

/**
 * Takes the time in milliseconds and 16 random bytes; gives a UUID version 7 (RFC 9562 §5.7), which sorts by
 * the time it was made, so that tickets issued together lie together in storage.
 */
export function uuidAt<T extends Uuid>(at: number, random: Uint8Array): T {
  const bytes = random.slice(0, 16)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, Math.floor(at / 2 ** 32))
  view.setUint32(2, at % 2 ** 32)
  view.setUint8(6, 0x70 | (view.getUint8(6) & 0x0f))
  view.setUint8(8, 0x80 | (view.getUint8(8) & 0x3f))
  return bytesToUuid<T>(bytes)
}
