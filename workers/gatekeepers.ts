import { shardsOf } from '../core/event-address.ts'
import type { EventId } from '../core/ids.ts'
import { shardOf } from '../core/shards.ts'
import { callGatekeeper, type Stub } from '../durable-objects/calling.ts'
import type { ScanAsk } from '../durable-objects/judging.ts'
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
  await ask((stub) => stub.gather())
  const answer = await ask(call)
  await ask((stub) => stub.scatter())
  return answer
}

/** Has a scan judged by whoever judges its ticket. Which ticket a code printed elsewhere is of, the Gatekeeper knows. */
export function askJudge<T>(
  { GATEKEEPER }: Pick<Env, 'GATEKEEPER'>,
  eventId: EventId,
  { presented }: Pick<ScanAsk, 'presented'>,
  call: (stub: Stub) => Promise<T>,
): Promise<T> {
  const shard = 'ticketId' in presented ? shardOf(eventId, presented.ticketId) : 0
  return callGatekeeper(GATEKEEPER, { eventId, shard }, call)
}
