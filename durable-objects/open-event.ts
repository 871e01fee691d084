import { ok, type Problem, problem, type Result } from '../core/answers.ts'
import type { DeviceId } from '../core/ids.ts'
import type { Misuse } from '../core/webhooks.ts'
import { type Actor, everybody, mayAct, type Proving } from './actor.ts'
import type { Alarm } from './alarm.ts'
import { noteMisuse } from './devices/device-facts.ts'
import type { DeviceStatuses } from './devices/device-status.ts'
import { Proofs } from './devices/proofs.ts'
import type { EventParts } from './event-parts.ts'
import { isBorn } from './schema.ts'

/** What the object lends. Its storage is asked for each time that it is used. */
type Host = {
  storage: () => DurableObjectStorage
  open: () => EventParts
  statuses: DeviceStatuses
  alarm: Alarm
  /** Whether other objects of the event are to be told of something. */
  hasNews: () => boolean
  /** A change has held. */
  changed: () => void
}

/**
 * The event as it is open in memory, for whoever may have it. Whatever is read of it or changed goes through here: `for`
 * reads, `change` changes. Both answer `not_found` for an event that is not there or is somebody else's.
 */
export class OpenEvent {
  readonly #host: Host
  readonly #proofs = new Proofs()
  #parts: EventParts | null = null

  constructor(host: Host) {
    this.#host = host
  }

  /** Whether there is an event in the tables. */
  get isBorn(): boolean {
    return isBorn(this.#host.storage().sql)
  }

  /** The same, without a look-up while it is open. */
  get isThere(): boolean {
    return this.#parts !== null || this.isBorn
  }

  /** Everything that knows something of the event, whoever asks. */
  parts(): EventParts {
    this.#parts ??= this.#host.open()
    return this.#parts
  }

  /** What is in memory may be of what is gone, or ahead of the tables: it is read anew. */
  reread(): void {
    this.#parts = null
  }

  for<T>(actor: Actor, work: (parts: EventParts) => Result<T>): Result<T> {
    const parts = this.allowed(actor)
    return parts.ok ? work(parts.value) : parts
  }

  /** Runs a change in a transaction. One that ends in a problem is taken back whole. */
  change<T>(actor: Actor, work: (parts: EventParts) => Result<T>): Result<T> {
    const { storage, alarm, hasNews, changed } = this.#host
    return this.for(actor, (parts) => {
      try {
        const done = storage().transactionSync(() => {
          const result = work(parts)
          if (!result.ok) throw new Refused(result.problem)
          parts.audit.write(actor.doing, Date.now())
          if (parts.outbox.isDirectoryPending() || parts.notices.takeNew() || hasNews()) alarm.soon()
          return result
        })
        changed()
        return done
      } catch (error) {
        this.reread()
        if (error instanceof Refused) return { ok: false, problem: error.problem }
        throw error
      }
    })
  }

  /** The event's parts, where the event is theirs and their device one of its own. */
  allowed(actor: Actor): Result<EventParts> {
    if (!this.isThere) return problem('not_found')
    const parts = this.parts()
    const allowed = mayAct(actor, parts)
    if (!allowed.ok) return allowed
    if (actor.kind === 'device') {
      const at = Date.now()
      const proven = this.proven(actor, at)
      if (!proven.ok) return proven
      this.#host.statuses.seen(actor.deviceId, at)
    }
    return ok(parts)
  }

  /** Whether a request is the device's own, and not one that was sent before. */
  proven({ deviceId, proof }: Proving, at: number): Result<null> {
    const { devices } = this.parts()
    const taken = this.#proofs.takes(deviceId, devices.get(deviceId)?.signingKey ?? null, proof, at)
    if (taken === 'yes') return ok(null)
    this.noteMisuse(deviceId, taken, at)
    return problem('device_signature_invalid')
  }

  /** Somebody came with a device's staff or device token and without its key. */
  noteMisuse(deviceId: DeviceId, because: Misuse, at: number): void {
    this.change(everybody, (parts) => ok(noteMisuse(parts, deviceId, because, at)))
  }
}

/** Carries a problem out of a transaction, so that it is rolled back. */
class Refused extends Error {
  readonly problem: Problem
  constructor(problem: Problem) {
    super(problem.code)
    this.problem = problem
  }
}
