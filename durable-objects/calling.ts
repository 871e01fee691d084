import type { Result } from '../core/answers.ts'
import { jurisdictionOf } from '../core/event-address.ts'
import type { EventId } from '../core/ids.ts'
import { shardName } from '../core/shards.ts'
import type { Actor } from './actor.ts'
import type { Gatekeeper } from './gatekeeper.ts'
import { log } from './logging.ts'

/**
 * A Gatekeeper's methods as they are seen from elsewhere. The platform's own stub type takes unions apart; what is sent is
 * plain data, so a promise of what the method gives says it all.
 */
export type Stub = {
  [Name in Exclude<keyof Gatekeeper, keyof DurableObject | `__${string}`>]: Gatekeeper[Name] extends (
    ...given: infer Given
  ) => infer Gives
    ? (...given: Given) => Promise<Awaited<Gives>>
    : never
} & Pick<Fetcher, 'fetch'>

/** Where Gatekeepers are to be found. */
export type Gatekeepers = DurableObjectNamespace<Gatekeeper>

/** What is thrown in one object comes over to another as a message, and this is how it is known there. */
const NOT_KNOWN = 'not known yet: '

/** The answer is not known: the same request may be sent again. */
export class Unavailable extends Error {
  constructor(why: string, options?: ErrorOptions) {
    super(`${NOT_KNOWN}${why}`, options)
  }

  /** Whether an error is one, also where another object threw it. */
  static is(error: unknown): boolean {
    return error instanceof Error && error.message.includes(NOT_KNOWN)
  }
}

const ATTEMPTS = 4
const FIRST_WAIT_MS = 20

/**
 * Calls an event's Gatekeeper, or one of its shards. Where the platform says that a call may be sent again, it is, with a
 * new stub and a growing wait; never on overload. Every call must therefore be one that may arrive twice. Where an object
 * is first asked for, and with which hint, is where it lives for ever: only the call that makes the event has one.
 */
export async function callGatekeeper<T>(
  gatekeepers: Gatekeepers,
  address: { eventId: EventId; shard: number },
  call: (stub: Stub) => Promise<T>,
  locationHint?: DurableObjectLocationHint,
): Promise<T> {
  const name = shardName(address.eventId, address.shard)
  for (let attempt = 1; ; attempt++) {
    try {
      const found = gatekeepersAt(gatekeepers, address.eventId)
      return await call(found.getByName(name, locationHint ? { locationHint } : {}) as unknown as Stub)
    } catch (error) {
      if (!isPassing(error)) throw error
      if (isOverloaded(error) || attempt === ATTEMPTS) throw new Unavailable(String(error), { cause: error })
      await scheduler.wait(FIRST_WAIT_MS * 2 ** attempt * (0.5 + Math.random()))
    }
  }
}

/** A gate must not stand still because of a count: a scan waits for it no longer than this. */
const COUNTED_WITHIN_MS = 700

/**
 * Has a scan of a device counted by the shard that counts it. Null where that does not answer: whoever judges the scan is
 * to count it then, so that a device has somewhat more for as long as the object is away.
 */
export function countScan(
  gatekeepers: Gatekeepers,
  address: { eventId: EventId; shard: number },
  actor: Actor,
): Promise<Result<null> | null> {
  const counted = callGatekeeper(gatekeepers, address, (stub) => stub.spend(actor, 'scan', Date.now())).catch(
    (error: unknown) => {
      log('warn', 'limits: a shard did not count a scan', { ...address, error })
      return null
    },
  )
  return Promise.race([counted, scheduler.wait(COUNTED_WITHIN_MS).then(() => null)])
}

/** Those of the jurisdiction that the id names: of the same name elsewhere there is another object. */
function gatekeepersAt(gatekeepers: Gatekeepers, eventId: EventId): Gatekeepers {
  const jurisdiction = jurisdictionOf(eventId)
  if (jurisdiction === null) return gatekeepers
  try {
    return gatekeepers.jurisdiction(jurisdiction)
  } catch (error) {
    // On a computer of one's own everything is in one place. Cloudflare's own runtime never says this.
    if (String(error).includes('not implemented in workerd')) return gatekeepers
    throw error
  }
}

type PlatformError = { retryable?: boolean; overloaded?: boolean; durableObjectReset?: boolean; remote?: boolean }

/** Whether the platform broke the call, in contrast to our own code. */
function isPassing(error: unknown): boolean {
  const { retryable, overloaded, durableObjectReset } = error as PlatformError
  return retryable === true || overloaded === true || durableObjectReset === true
}

function isOverloaded(error: unknown): boolean {
  return (error as PlatformError).overloaded === true
}
