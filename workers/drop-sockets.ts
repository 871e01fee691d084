import type { OrganisationId } from '../core/ids.ts'
import { log } from '../durable-objects/logging.ts'
import { currentEventsOf } from './db/directory.ts'
import type { Env } from './env.ts'
import { askGatekeeperAlone } from './gatekeepers.ts'

/** Closes what listens with a key that was revoked, or for a member who is none any more. */
export async function dropSockets(env: Env, organisationId: OrganisationId, id: string, at: number): Promise<void> {
  const events = await currentEventsOf(env.DB, organisationId, at)
  const told = await Promise.allSettled(
    events.map((eventId) => askGatekeeperAlone(env, eventId, (gatekeeper) => gatekeeper.dropKey(id))),
  )
  const missed = told.filter(({ status }) => status === 'rejected').length
  if (missed > 0) log('error', 'live: sockets of a revoked key may still be open', { count: missed })
}
