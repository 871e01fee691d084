import { log } from '../durable-objects/logging.ts'
import { eventsAround, forgetWrongCodes } from './db/directory.ts'
import type { Env } from './env.ts'
import { askGatekeeper } from './gatekeepers.ts'

/** Runs by cron: asks each current event's Gatekeeper to tell D1 what it has, so that a lost alarm cannot hurt. */
export async function sweep(env: Env, at: number): Promise<void> {
  await forgetWrongCodes(env.DB, at)
  for (const eventId of await eventsAround(env.DB, at)) {
    try {
      await askGatekeeper(env, eventId, (gatekeeper) => gatekeeper.flush())
    } catch (error) {
      // One event that does not answer must not keep the others waiting.
      log('error', 'sweep: a Gatekeeper did not answer', { eventId, error })
    }
  }
}
