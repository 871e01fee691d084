import { ok, problem, type Result } from '../core/answers.ts'
import type { Doing } from '../core/audit.ts'
import type { DeviceId, OrganisationId, StaffId } from '../core/ids.ts'
import type { EventParts } from './event-parts.ts'

/** For whom a call is made. The Worker has checked who they are; whose event it is, only the Gatekeeper knows. */
export type Actor = (
  | { kind: 'admin' }
  | { kind: 'organisation'; organisationId: OrganisationId }
  | { kind: 'device'; deviceId: DeviceId; staffId: StaffId; tokenHash: Uint8Array | null; proof?: Proof }
) & {
  /** What they do, where that is a change that the audit log tells of. */
  doing?: Doing
}

/**
 * How a device showed that a request is its own, beside its staff token: by a signature that the Worker has verified with
 * this key, or by a socket that it opened so, or with a one-time ticket that it fetched so.
 */
export type Proof = { by: 'key'; key: string; nonce: string; createdAt: number; requestId: string } | { by: 'socket' }

/** A device that says a request is its own. */
export type Proving = Pick<Extract<Actor, { kind: 'device' }>, 'deviceId' | 'proof'>

/** Whoever holds a secret that says what it is for: a link, an enrolment code. */
export const everybody: Actor = { kind: 'admin' }

/** The same actor, for a step of something that is told of as a whole. */
export function quietly({ doing: _, ...actor }: Actor): Actor {
  return actor as Actor
}

/** Whether the event is theirs, and their device still one of its own and not blocked. */
export function mayAct(actor: Actor, { configuration, devices, limits }: EventParts): Result<null> {
  switch (actor.kind) {
    case 'admin':
      return ok(null)
    case 'organisation':
      return configuration.event.organisationId === actor.organisationId ? ok(null) : problem('not_found')
    case 'device': {
      const device = devices.get(actor.deviceId)
      if (!device || device.revokedAt !== null) return problem('device_revoked')
      const isCurrent = actor.tokenHash === null || devices.hasToken(actor.deviceId, actor.tokenHash, Date.now())
      if (!isCurrent) return problem('device_token_invalid')
      const blockedUntil = limits.blockedUntil(actor.deviceId, Date.now())
      return blockedUntil === null ? ok(null) : { ok: false, problem: { code: 'device_blocked', blockedUntil } }
    }
  }
}
