import type { DeviceId, GateId, StaffId } from './ids.ts'
import type { OpenFailure } from './token.ts'

/** Why someone may not come in, in order of precedence: when several apply, the first is given. */
export const refusalReasons = [
  'unreadable',
  'forged',
  'wrong_event',
  'event_closed',
  'unknown',
  'revoked',
  'blocked',
  'unpaid',
  'too_early',
  'too_late',
  'wrong_gate',
  'already_admitted',
  'limit_reached',
  'too_soon',
  'full',
  'held_elsewhere',
] as const

export type RefusalReason = (typeof refusalReasons)[number]

/** A refusal and what makes it understood. Instants are milliseconds since 1970. */
export type Refusal =
  | { reason: OpenFailure }
  | { reason: 'event_closed'; closedAt: number }
  | { reason: 'unknown' }
  | { reason: 'revoked'; revokedAt: number; because: string | null; superseded: boolean }
  | { reason: 'blocked' }
  | { reason: 'unpaid' }
  | { reason: 'too_early'; validFrom: number }
  | { reason: 'too_late'; validUntil: number }
  | { reason: 'wrong_gate'; useGates: GateId[] }
  /** `attempt` is 2 for the second presentation; `admission` is the log's number of the one that counted. */
  | { reason: 'already_admitted'; attempt: number; admission: number | null }
  | { reason: 'limit_reached'; limit: number }
  | { reason: 'too_soon'; notBefore: number }
  | { reason: 'full'; capacity: number; inside: number }
  | { reason: 'held_elsewhere'; useGates: GateId[] }

/** The answer to a scan. A refusal is an answer too. Counts are people. */
export type Verdict =
  | { kind: 'admitted'; people: number; remaining: number; forced: Refusal | null; overfull: boolean }
  | { kind: 'exited'; people: number }
  /** `visit` is 1 for the ticket's first visit to this place. */
  | { kind: 'visited'; people: number; visit: number }
  | { kind: 'refused'; refusal: Refusal }
  /** Not an answer to a scan but an entry of its own: an admission was taken back. It names whose it was. */
  | { kind: 'annulled'; seq: number; staffId: StaffId | null; deviceId: DeviceId | null }
  /** Everybody was taken to have left the zone, as it is set for each day. */
  | { kind: 'everyone_out' }

/** Whether a supervisor may overrule it: everything below `unknown`. */
export function canBeForced(reason: RefusalReason): boolean {
  return refusalReasons.indexOf(reason) > refusalReasons.indexOf('unknown')
}
