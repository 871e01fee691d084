import { type EventId, uuidAt } from './ids.ts'

/** Where an event's Gatekeeper may run and keep what it has. */
export const jurisdictions = ['eu', 'fedramp'] as const
export type Jurisdiction = (typeof jurisdictions)[number]

/** The place of the version in a UUID's text; the digits after it are free in version 8. */
const VERSION_AT = 14

/** Added to the digit of the jurisdiction where the digit after it says among how many shards the event is divided. */
const SHARDED = 8

/** So many objects may judge one event: what one digit can say. */
export const MOST_SHARDS = 16

/**
 * Takes the time, 16 random bytes, where the event is to be kept and among how many shards its tickets are to be divided;
 * gives its id. Both are part of the addresses of its objects for ever, so they stand in the id: a UUID version 8
 * (RFC 9562 §5.8), which is one of version 7 but for the digits after the version. With neither it is a version 7.
 */
export function eventIdAt(at: number, random: Uint8Array, jurisdiction: Jurisdiction | null, shards = 1): EventId {
  const id = uuidAt<EventId>(at, random)
  if (jurisdiction === null && shards === 1) return id
  const where = jurisdiction === null ? 0 : jurisdictions.indexOf(jurisdiction) + 1
  const digits = shards === 1 ? where.toString(16) : (where + SHARDED).toString(16) + (shards - 1).toString(16)
  return `${id.slice(0, VERSION_AT)}8${digits}${id.slice(VERSION_AT + 1 + digits.length)}` as EventId
}

/** Takes an event's id; gives where it is kept, or null where that is anywhere. */
export function jurisdictionOf(id: EventId): Jurisdiction | null {
  return id[VERSION_AT] === '8' ? (jurisdictions[(digitAt(id, VERSION_AT + 1) % SHARDED) - 1] ?? null) : null
}

/**
 * Takes an event's id; gives among how many shards its tickets are divided, 1 where its Gatekeeper judges all of them.
 * Whoever has a scan must know whom to ask without asking anybody.
 */
export function shardsOf(id: EventId): number {
  const isSharded = id[VERSION_AT] === '8' && digitAt(id, VERSION_AT + 1) >= SHARDED
  return isSharded ? digitAt(id, VERSION_AT + 2) + 1 : 1
}

function digitAt(id: EventId, place: number): number {
  return Number.parseInt(id[place] ?? '0', 16)
}
