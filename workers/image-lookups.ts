import type { EventId } from '../core/ids.ts'
import type { Lookups } from '../durable-objects/jobs/images.ts'

/** A tally costs the Gatekeeper a commit, so an isolate brings one along at most this often. */
const TELL_EVERY_MS = 5000

const counting = new Map<EventId, Lookups>()
const toldAt = new Map<EventId, number>()

/** Notes whether an image was found in a cache. */
export function countLookup(eventId: EventId, wasHit: boolean): void {
  const counted = counting.get(eventId) ?? { hits: 0, misses: 0 }
  if (wasHit) counted.hits++
  else counted.misses++
  counting.set(eventId, counted)
}

/**
 * What there is to bring along with the next call to the event's Gatekeeper: null where it is nothing, or too soon. What
 * is lost on the way stays lost: these are statistics.
 */
export function takeLookups(eventId: EventId, at: number, atOnce = false): Lookups | null {
  const counted = counting.get(eventId)
  if (!counted || (!atOnce && at < (toldAt.get(eventId) ?? 0) + TELL_EVERY_MS)) return null
  counting.delete(eventId)
  toldAt.set(eventId, at)
  // An event that nobody has asked for since is not in a hurry.
  if (toldAt.size > 1000) toldAt.delete(toldAt.keys().next().value as EventId)
  return counted
}
