import type { EventId } from '../core/ids.ts'
import type { RefusalReason } from '../core/verdict.ts'
import type { Actor } from '../durable-objects/actor.ts'
import { log } from '../durable-objects/logging.ts'
import type { Env } from './env.ts'
import { askGatekeeper } from './gatekeepers.ts'

/** Counts gather this long in an isolate before the Gatekeeper hears of them: it is not to feel a flood of them. */
const GATHER_MS = 1000

type Count = { eventId: EventId; actor: Actor; reason: RefusalReason; count: number }

let gathering = new Map<string, Count>()

/**
 * Notes that a code was not ours. The code itself goes nowhere; the Gatekeeper is told how many there were, after the
 * answer and at most once a second from here.
 */
export function countInvalid(
  env: Env,
  ctx: ExecutionContext,
  eventId: EventId,
  actor: Actor,
  reason: RefusalReason,
): void {
  const first = gathering.size === 0
  const name = `${eventId} ${actor.kind === 'device' ? actor.deviceId : actor.kind} ${reason}`
  const known = gathering.get(name)
  gathering.set(name, { eventId, actor, reason, count: (known?.count ?? 0) + 1 })
  if (first) ctx.waitUntil(tell(env))
}

async function tell(env: Env): Promise<void> {
  await scheduler.wait(GATHER_MS)
  const counts = [...gathering.values()]
  gathering = new Map()
  const at = Date.now()
  const told = await Promise.allSettled(
    counts.map(({ eventId, actor, reason, count }) =>
      askGatekeeper(env, eventId, (gatekeeper) => gatekeeper.countInvalid(actor, reason, count, at)),
    ),
  )
  const lost = told.filter(({ status }) => status === 'rejected').length
  if (lost > 0) log('error', 'counts of invalid codes were lost', { count: lost })
}
