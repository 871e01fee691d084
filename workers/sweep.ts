import type { EventId } from '../core/ids.ts'
import { NETWORK_KEPT_MS } from '../core/retention.ts'
import { everybody } from '../durable-objects/actor.ts'
import { log } from '../durable-objects/logging.ts'
import { forgetOrganisationNetworks } from './db/audit.ts'
import { eventsAround, eventsToForget, forgetWrongCodes, rehearsalsBefore } from './db/directory.ts'
import type { Env } from './env.ts'
import { askGatekeeper } from './gatekeepers.ts'

/** Whoever rehearses takes the copy away afterwards; one that was left behind is taken away after a day. */
const KEPT_REHEARSAL_MS = 24 * 60 * 60 * 1000

/**
 * Runs by cron: asks the Gatekeeper of each event that is on, or has kept something long enough, to do what its alarm
 * would, so that a lost alarm cannot hurt.
 */
export async function sweep(env: Env, at: number): Promise<void> {
  await forgetWrongCodes(env.DB, at)
  await forgetOrganisationNetworks(env.DB, at - NETWORK_KEPT_MS)
  for (const eventId of new Set([...(await eventsAround(env.DB, at)), ...(await eventsToForget(env.DB, at))])) {
    await each(eventId, () => askGatekeeper(env, eventId, (gatekeeper) => gatekeeper.flush()))
  }
  for (const { id, of } of await rehearsalsBefore(env.DB, at - KEPT_REHEARSAL_MS)) {
    await each(id, () => askGatekeeper(env, id, (gatekeeper) => gatekeeper.endRehearsal(everybody, of)))
  }
}

/** One event that does not answer must not keep the others waiting. */
async function each(eventId: EventId, ask: () => Promise<unknown>): Promise<void> {
  try {
    await ask()
  } catch (error) {
    log('error', 'sweep: a Gatekeeper did not answer', { eventId, error })
  }
}
