import type { EventId } from '../core/ids.ts'
import { jurisdictionOf } from '../core/jurisdiction.ts'
import type { Gatekeeper } from '../durable-objects/gatekeeper.ts'
import type { Env } from './env.ts'

/**
 * The Gatekeeper's methods as they are seen from here. The platform's own stub type takes unions apart; what is sent is
 * plain data, so a promise of what the method gives says it all.
 */
type Stub = {
  [Name in Exclude<keyof Gatekeeper, keyof DurableObject | `__${string}`>]: Gatekeeper[Name] extends (
    ...given: infer Given
  ) => infer Gives
    ? (...given: Given) => Promise<Awaited<Gives>>
    : never
}

/** The answer is not known: the same request may be sent again. */
export class Unavailable extends Error {}

const ATTEMPTS = 4
const FIRST_WAIT_MS = 20

/**
 * Calls the event's Gatekeeper. Where the platform says that a call may be sent again, it is, with a new stub and a
 * growing wait; never on overload. Every call must therefore be one that may arrive twice. Where an object is first
 * asked for, and with which hint, is where it lives for ever: only the call that makes the event has one.
 */
export async function askGatekeeper<T>(
  env: Env,
  eventId: EventId,
  call: (stub: Stub) => Promise<T>,
  locationHint?: DurableObjectLocationHint,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call(
        gatekeepersAt(env, eventId).getByName(eventId, locationHint ? { locationHint } : {}) as unknown as Stub,
      )
    } catch (error) {
      if (!isPassing(error)) throw error
      if (isOverloaded(error) || attempt === ATTEMPTS) throw new Unavailable(String(error), { cause: error })
      await scheduler.wait(FIRST_WAIT_MS * 2 ** attempt * (0.5 + Math.random()))
    }
  }
}

/** Those of the jurisdiction that the id names: of the same name elsewhere there is another object. */
function gatekeepersAt({ GATEKEEPER }: Env, eventId: EventId): Env['GATEKEEPER'] {
  const jurisdiction = jurisdictionOf(eventId)
  if (jurisdiction === null) return GATEKEEPER
  try {
    return GATEKEEPER.jurisdiction(jurisdiction)
  } catch (error) {
    // On a computer of one's own everything is in one place. Cloudflare's own runtime never says this.
    if (String(error).includes('not implemented in workerd')) return GATEKEEPER
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
