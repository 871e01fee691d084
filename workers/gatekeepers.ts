import type { Recorded, Result } from '../core/answers.ts'
import { shardsOf } from '../core/event-address.ts'
import type { EventId } from '../core/ids.ts'
import type { LimitedCall } from '../core/limits.ts'
import { counterOf, shardOf } from '../core/shards.ts'
import type { Actor } from '../durable-objects/actor.ts'
import { callGatekeeper, countScan, type Stub, Unavailable } from '../durable-objects/calling.ts'
import type { ScanAsk } from '../durable-objects/scans/judging.ts'
import type { Env } from './env.ts'

export { Unavailable } from '../durable-objects/calling.ts'

/**
 * Asks the event's Gatekeeper something. Of a divided event it hears first what its shards have judged, and they hear
 * what was changed before anybody is answered; where that fails, the answer is not known, and the call may be sent again.
 */
export async function askGatekeeper<T>(
  { GATEKEEPER }: Pick<Env, 'GATEKEEPER'>,
  eventId: EventId,
  call: (stub: Stub) => Promise<T>,
  locationHint?: DurableObjectLocationHint,
): Promise<T> {
  const ask = <U>(given: (stub: Stub) => Promise<U>) =>
    callGatekeeper(GATEKEEPER, { eventId, shard: 0 }, given, locationHint)
  if (shardsOf(eventId) === 1) return ask(call)
  await ask((stub) => stub.gather()).catch(unavailable)
  const answer = await ask(call)
  await ask((stub) => stub.scatter()).catch(unavailable)
  return answer
}

/** Whatever kept a shard from being heard or told: it may be sent again, and holds as soon as all have heard of it. */
function unavailable(error: unknown): never {
  throw new Unavailable('not all shards of the event could be reached', { cause: error })
}

/**
 * Asks the event's Gatekeeper alone: what its shards neither know better, nor judge by. Nothing is heard before and nothing
 * told after it, so it costs one call however many shards there are, and is answered though one of them is away.
 */
export function askGatekeeperAlone<T>(
  { GATEKEEPER }: Pick<Env, 'GATEKEEPER'>,
  eventId: EventId,
  call: (stub: Stub) => Promise<T>,
): Promise<T> {
  return callGatekeeper(GATEKEEPER, { eventId, shard: 0 }, call)
}

/**
 * Has a scan judged by whoever judges its ticket. Which ticket a code printed elsewhere is of, the Gatekeeper knows. The
 * scans of a device are counted in one place, which is asked first where it is another.
 */
export async function askJudge(
  { GATEKEEPER }: Pick<Env, 'GATEKEEPER'>,
  eventId: EventId,
  actor: Actor,
  ask: ScanAsk,
): Promise<Result<Recorded>> {
  const { presented } = ask
  const shard = 'ticketId' in presented ? shardOf(eventId, presented.ticketId) : 0
  const judgedBy = (judge: number, countAs: LimitedCall | null) =>
    callGatekeeper(GATEKEEPER, { eventId, shard: judge }, async (stub) => {
      const [result] = await stub.record(actor, [ask], countAs)
      if (!result) throw new Error('a scan was given no answer')
      return result
    })
  const counter = actor.kind === 'device' && shard > 0 ? counterOf(eventId, actor.deviceId) : shard
  const counted = counter === shard ? null : await countScan(GATEKEEPER, { eventId, shard: counter }, actor)
  const isRefused = counted !== null && !counted.ok
  const result = isRefused ? counted : await judgedBy(shard, counted === null ? 'scan' : null)
  // Of an event that was forgotten the shards are gone, and the Gatekeeper judges what there still is.
  const isGone = shard > 0 && !result.ok && result.problem.code === 'not_found'
  return isGone ? judgedBy(0, 'scan') : result
}
