import { type EventId, uuidAt } from './ids.ts'

/** Where an event's Gatekeeper may run and keep what it has. */
export const jurisdictions = ['eu', 'fedramp'] as const
export type Jurisdiction = (typeof jurisdictions)[number]

/** The place of the version in a UUID's text; the digit after it is free in version 8. */
const VERSION_AT = 14

/**
 * Takes the time, 16 random bytes and where the event is to be kept; gives its id. A jurisdiction is part of an object's
 * address for ever, so it stands in the id: a UUID version 8 (RFC 9562 §5.8), which is one of version 7 but for the
 * digit after the version. Without a jurisdiction it is a version 7.
 */
export function eventIdAt(at: number, random: Uint8Array, jurisdiction: Jurisdiction | null): EventId {
  const id = uuidAt<EventId>(at, random)
  if (jurisdiction === null) return id
  return `${id.slice(0, VERSION_AT)}8${jurisdictions.indexOf(jurisdiction) + 1}${id.slice(VERSION_AT + 2)}` as EventId
}

/** Takes an event's id; gives where it is kept, or null where that is anywhere. */
export function jurisdictionOf(id: EventId): Jurisdiction | null {
  return id[VERSION_AT] === '8' ? (jurisdictions[Number(id[VERSION_AT + 1]) - 1] ?? null) : null
}
