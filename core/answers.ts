import type { TicketStatus } from './event.ts'
import type { DeviceId, GateId, StaffId, TicketId } from './ids.ts'
import type { Entry } from './log.ts'

/** A ticket as the person at the door needs it. */
export type TicketBrief = {
  id: TicketId
  typeName: string
  status: TicketStatus
  admits: number
  holderName: string | null
  booking: { id: string; name: string | null; quantity: number | null } | null
  notes: string[]
  attention: boolean
}

/** A scan with its verdict and everything that is told of it; instants are milliseconds since 1970. */
export type Recorded = {
  entry: Entry
  /** The entry's name in the world: unique within the event. */
  entryId: string
  /** This scan was answered before, and this is that answer. */
  replay: boolean
  cacheHit: boolean
  eventTitle: string
  gateName: string | null
  /** When this admission was taken back, if it was. */
  annulledAt: number | null
  ticket: TicketBrief | null
  /** The admission that a duplicate repeats. */
  original: {
    scannedAt: number
    gateId: GateId | null
    gateName: string | null
    staffId: StaffId | null
    deviceId: DeviceId | null
  } | null
  useGates: { gateId: GateId; gateName: string }[]
}

/** A request that cannot be judged or done, as a value. Its words and its HTTP status are in `workers/problems.ts`. */
export type Problem =
  | { code: 'bad_request'; issues: Issue[] }
  | { code: 'not_found' }
  | { code: 'unknown_gate' }
  | { code: 'unreadable_code' }
  | { code: 'formats_changed' }
  | { code: 'scan_id_conflict' }
  | { code: 'not_admitted' }
  | { code: 'already_annulled' }
  | { code: 'too_late_to_annul' }
  | { code: 'supervisor_needed' }
  | { code: 'device_mismatch' }
  | { code: 'device_token_invalid' }
  | { code: 'device_revoked' }
  | { code: 'device_signature_invalid' }
  | { code: 'device_blocked'; blockedUntil: number }
  | { code: 'rate_limited'; waitMs: number }
  | { code: 'enrolment_unknown' }
  | { code: 'enrolment_used' }
  | { code: 'live_ticket_used' }

/** A problem that its code says all of. */
type PlainProblem = Exclude<Problem['code'], 'bad_request' | 'device_blocked' | 'rate_limited'>

/** One field that is wrong. `index` is its place where the request held a list. */
export type Issue = { index?: number; field: string; message: string }

export type Result<T> = { ok: true; value: T } | { ok: false; problem: Problem }

export const ok = <T>(value: T): Result<T> => ({ ok: true, value })

export const problem = (code: PlainProblem): Result<never> => ({ ok: false, problem: { code } })

/** What was looked up, where it is there. */
export const found = <T>(value: T | null): Result<T> => (value === null ? problem('not_found') : ok(value))

export const badRequest = (...issues: Issue[]): Result<never> => ({
  ok: false,
  problem: { code: 'bad_request', issues },
})
