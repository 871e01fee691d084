import type { Problem } from '../core/answers.ts'
import type { EventId } from '../core/ids.ts'
import type { OpenFailure } from '../core/token.ts'
import type { Actor } from '../durable-objects/actor.ts'
import type { Env } from './env.ts'
import { askGatekeeper } from './gatekeepers.ts'

/** An isolate believes for so long that a device is blocked: the Gatekeeper is not to feel a flood from it. */
const BELIEVE_MS = 5000

const blocked = new Map<string, { problem: Problem; until: number }>()

/**
 * Notes that a code was not ours; the code itself goes nowhere. Gives the problem to answer with where the device may
 * not go on, for this or for what it showed before.
 */
export async function countInvalid(
  env: Env,
  eventId: EventId,
  actor: Actor,
  reason: OpenFailure,
): Promise<Problem | null> {
  const at = Date.now()
  const name = actor.kind === 'device' ? `${eventId} ${actor.deviceId}` : null
  const known = name === null ? undefined : blocked.get(name)
  if (known && known.until > at) return known.problem
  const counted = await askGatekeeper(env, eventId, (gatekeeper) => gatekeeper.countInvalid(actor, reason, 1, at))
  if (counted.ok) return null
  if (name !== null && counted.problem.code === 'device_blocked') {
    blocked.set(name, { problem: counted.problem, until: at + BELIEVE_MS })
    if (blocked.size > 1000) blocked.delete(blocked.keys().next().value as string)
  }
  return counted.problem
}
