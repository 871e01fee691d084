import type { Result } from '../core/answers.ts'
import type { EventId } from '../core/ids.ts'
import type { ImageSource } from '../durable-objects/jobs/images.ts'
import type { Env } from './env.ts'
import { askGatekeeperAlone } from './gatekeepers.ts'
import { takeLookups } from './image-lookups.ts'
import { ringOf } from './key-ring.ts'
import { LeastRecent } from './least-recent.ts'
import { type Link, openLink } from './links.ts'

/** What an image is made of, and of which event. */
export type Sourced = { eventId: EventId; source: ImageSource }

/** An expo's worth of tickets, at a few hundred bytes each. */
const REMEMBERED = 25_000
const remembered = new LeastRecent<Sourced & { version: number }>(REMEMBERED)

/** What the event's Gatekeeper last said: until when nothing of this version has become another. */
const leases = new Map<EventId, { version: number; freshUntil: number }>()

/**
 * Takes a link's ref; gives what its image is made of, or null where the ref is none of ours. What the Gatekeeper said
 * holds for half a second and for all tickets of the event, and it confirms a reissue only when that has run out: so
 * nobody who was told of a new code is shown the old one, and 5,000 people are not 5,000 calls.
 */
export async function sourceByRef(env: Env, ref: string): Promise<Result<Sourced> | null> {
  const known = remembered.get(ref)
  const lease = known && leases.get(known.eventId)
  if (known && lease && lease.version === known.version && Date.now() < lease.freshUntil) {
    return { ok: true, value: known }
  }
  const link = openLink(ringOf(env), ref)
  return link && askAnew(env, ref, link)
}

async function askAnew(env: Env, ref: string, { eventId, ticketId, link }: Link): Promise<Result<Sourced>> {
  const askedAt = Date.now()
  const counted = takeLookups(eventId, askedAt)
  const found = await askGatekeeperAlone(env, eventId, (gatekeeper) => gatekeeper.imageByLink(ticketId, link, counted))
  if (!found.ok) return found
  const { source, lease } = found.value
  const { version } = lease
  const freshUntil = askedAt + lease.freshForMs
  const last = leases.get(eventId)
  // An answer that was overtaken by a newer one says nothing that is to be remembered.
  if (!last || last.version <= version) {
    const isSame = last?.version === version
    leases.delete(eventId)
    leases.set(eventId, { version, freshUntil: isSame ? Math.max(last.freshUntil, freshUntil) : freshUntil })
    if (leases.size > 1000) leases.delete(leases.keys().next().value as EventId)
    remembered.set(ref, { eventId, source, version }, 1)
  }
  return { ok: true, value: { eventId, source } }
}
