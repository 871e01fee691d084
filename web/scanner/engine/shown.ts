import type { TicketStatus } from '../../../core/event.ts'
import type { Direction } from '../../../core/gate.ts'
import type { DeviceId, GateId, ScanId, StaffId, TicketId } from '../../../core/ids.ts'
import type { OpenFailure } from '../../../core/token.ts'
import type { RefusalReason } from '../../../core/verdict.ts'

/*
 * What is shown of a scan. The Gatekeeper's answer and this device's own judgement both end here, in one union, so
 * that a screen needs one table. Instants are milliseconds since 1970, counts are people.
 */

export type Shown = {
  scanId: ScanId
  at: number
  /** `device`: the Gatekeeper could not be asked in time, and this device decided alone. */
  judgedBy: 'gatekeeper' | 'device'
  /** The recorded answer to a scan that was answered before. */
  replay: boolean
  gate: NamedGate
  /** null: it was not found out, since nothing could be decided or the code is not ours. */
  direction: Direction | null
  verdict: ShownVerdict
  ticket: ShownTicket | null
  /** Why a supervisor wished to let them in all the same. */
  forceReason: string | null
}

export type NamedGate = { id: GateId; name: string }

/** Whose ticket it is, as far as this is known: alone, a device knows no names unless a supervisor unlocked them. */
export type ShownTicket = {
  id: TicketId
  who: string | null
  typeName: string
  /** How many people the booking or the ticket is for; null where that is not known. */
  quantity: number | null
  status: TicketStatus | null
  notes: string[]
  /** The person at the door should not just wave them through. */
  attention: boolean
}

export type ShownVerdict =
  | {
      kind: 'admitted'
      people: number
      remaining: number
      forced: boolean
      /** The reason that was overruled, where it is known. */
      overruled: RefusalReason | null
      overfull: boolean
    }
  | { kind: 'exited'; people: number }
  /** `visit` is 1 for the ticket's first visit to this place; null where the place does not count. */
  | { kind: 'visited'; people: number; visit: number | null }
  | { kind: 'refused'; refusal: ShownRefusal }
  /** Nobody decided. Nobody is let in by this scan; it may be tried again. */
  | { kind: 'undecided'; because: Undecided }

/** A refusal in the words of the screen: names and instants in place of numbers in a log. */
export type ShownRefusal =
  | { reason: OpenFailure }
  | { reason: 'event_closed'; closedAt: number | null }
  | { reason: 'unknown' }
  | { reason: 'revoked'; revokedAt: number | null; because: string | null; superseded: boolean }
  | { reason: 'blocked' }
  | { reason: 'unpaid' }
  | { reason: 'too_early'; validFrom: number | null }
  | { reason: 'too_late'; validUntil: number | null }
  | { reason: 'wrong_gate'; useGates: NamedGate[] }
  /** `attempt` is 2 for the second presentation. `first` is the admission that this one repeats. */
  | { reason: 'already_admitted'; attempt: number; first: FirstAdmission | null }
  | { reason: 'limit_reached'; limit: number | null }
  | { reason: 'too_soon'; notBefore: number | null }
  | { reason: 'full'; capacity: number | null; inside: number | null }
  | { reason: 'held_elsewhere'; useGates: NamedGate[] }

export type FirstAdmission = {
  at: number
  gate: NamedGate | null
  staffId: StaffId | null
  deviceId: DeviceId | null
  /** It was admitted by this very device. */
  here: boolean
}

/** Why there is no verdict. */
export type Undecided =
  /** There is no network, and the event's policy lets nobody in without. */
  | { reason: 'no_network' }
  /** There is no network, and this device has no snapshot to judge by. */
  | { reason: 'not_ready' }
  /** There has been no network for so long that this device lets nobody in by what it knows. */
  | { reason: 'list_too_old'; since: number }
  /** There is no network, and the event ended more than a day ago. */
  | { reason: 'event_over'; since: number }
  /** The Gatekeeper stopped this device for a while: too many codes that were none. */
  | { reason: 'device_blocked'; until: number | null }
  | { reason: 'device_revoked' }
  | { reason: 'not_enrolled' }
  | { reason: 'unknown_gate' }
  /** The request was refused as it stands: a bug, a missing right, or a scan id used twice. */
  | { reason: 'problem'; code: string; message: string }

// Holds the two unions together: a reason that is new in core does not compile until the screens can show it.
type Missing = Exclude<RefusalReason, ShownRefusal['reason']>
const everyReasonIsShown: Missing extends never ? true : Missing = true
void everyReasonIsShown
