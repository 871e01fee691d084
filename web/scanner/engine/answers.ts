import type { TicketStatus } from '../../../core/event.ts'
import type { Direction } from '../../../core/gate.ts'
import type { DeviceId, GateId, ScanId, StaffId, TicketId } from '../../../core/ids.ts'
import { type RefusalReason, refusalReasons } from '../../../core/verdict.ts'
import type { FirstAdmission, NamedGate, Shown, ShownRefusal, ShownTicket, ShownVerdict } from './shown.ts'
import { instant, list, number, oneOf, record, text, texts, type Wire } from './wire.ts'

/** What the device knows of a scan by itself, whoever answers it. */
export type Asked = {
  scanId: ScanId
  gate: NamedGate
  people: number
  at: number
  deviceId: DeviceId
  forceReason: string | null
}

const statuses: readonly TicketStatus[] = ['valid', 'unpaid', 'blocked', 'revoked']
const directions: readonly Direction[] = ['entry', 'exit', 'visit']

/** Takes the Gatekeeper's answer to a scan; gives what is shown of it. */
export function shownAnswer(body: Wire, asked: Asked): Shown {
  const data = record(body.data)
  const scan = record(data.scan)
  const gate = { id: text<GateId>(scan.gateId) ?? asked.gate.id, name: text(scan.gateName) ?? asked.gate.name }
  return {
    scanId: asked.scanId,
    at: instant(scan.scannedAt) ?? asked.at,
    judgedBy: 'gatekeeper',
    replay: body.replay === true,
    gate,
    direction: oneOf(scan.direction, directions),
    verdict: verdictOf(body, data, scan, asked),
    ticket: ticketOf(data, scan),
    forceReason: asked.forceReason,
  }
}

/** Takes an answer about a scan; gives the scan's number in the log of whoever judged it, null where it is in none. */
export function seqOf(answer: Wire): number | null {
  const seq = number(answer.judgeSeq) ?? Number(text(answer.entryLogId) ?? Number.NaN)
  return Number.isSafeInteger(seq) ? seq : null
}

function verdictOf(body: Wire, data: Wire, scan: Wire, asked: Asked): ShownVerdict {
  const people = number(scan.admitted) || asked.people
  switch (body.verdict) {
    case 'admitted':
      return {
        kind: 'admitted',
        people,
        remaining: number(scan.remaining) ?? 0,
        forced: scan.forced === true,
        overruled: null,
        overfull: scan.overfull === true,
      }
    case 'exited':
      return { kind: 'exited', people: asked.people }
    case 'visited':
      return { kind: 'visited', people: asked.people, visit: number(scan.visit) }
    default:
      return withoutAdmission(body, data, asked)
  }
}

function withoutAdmission(body: Wire, data: Wire, asked: Asked): ShownVerdict {
  const reason = oneOf(body.code, refusalReasons)
  if (reason !== null) return { kind: 'refused', refusal: refusalOf(reason, data, asked.deviceId) }
  switch (body.code) {
    case 'device_blocked':
      return { kind: 'undecided', because: { reason: 'device_blocked', until: instant(data.blockedUntil) } }
    case 'unknown_gate':
      return { kind: 'undecided', because: { reason: 'unknown_gate' } }
    default: {
      const code = text(body.code) ?? 'unknown'
      return { kind: 'undecided', because: { reason: 'problem', code, message: text(body.message) ?? '' } }
    }
  }
}

function refusalOf(reason: RefusalReason, data: Wire, ownDevice: DeviceId): ShownRefusal {
  switch (reason) {
    case 'unreadable':
    case 'forged':
    case 'wrong_event':
    case 'unknown':
    case 'blocked':
    case 'unpaid':
      return { reason }
    case 'event_closed':
      return { reason, closedAt: instant(data.closedAt) }
    case 'revoked': {
      const superseded = data.superseded === true
      return { reason, revokedAt: instant(data.revokedAt), because: text(data.reason), superseded }
    }
    case 'too_early':
      return { reason, validFrom: instant(data.validFrom) }
    case 'too_late':
      return { reason, validUntil: instant(data.validUntil) }
    case 'wrong_gate':
    case 'held_elsewhere':
      return { reason, useGates: list(data.useGates).map(namedGate) }
    case 'already_admitted':
      return { reason, attempt: number(data.duplicateAttemptNumber) ?? 2, first: firstOf(data.originalScan, ownDevice) }
    case 'limit_reached':
      return { reason, limit: number(data.limit) }
    case 'too_soon':
      return { reason, notBefore: instant(data.notBefore) }
    case 'full':
      return { reason, capacity: number(data.capacity), inside: number(data.inside) }
  }
}

function firstOf(value: unknown, ownDevice: DeviceId): FirstAdmission | null {
  const original = record(value)
  const at = instant(original.scannedAt)
  if (at === null) return null
  const gateId = text<GateId>(original.gateId)
  const deviceId = text<DeviceId>(original.deviceId)
  return {
    at,
    gate: gateId && { id: gateId, name: text(original.gateName) ?? gateId },
    staffId: text<StaffId>(original.staffId),
    deviceId,
    here: deviceId === ownDevice,
  }
}

function ticketOf(data: Wire, scan: Wire): ShownTicket | null {
  const id = text<TicketId>(data.ticketId)
  if (id === null) return null
  const booking = record(data.booking)
  return {
    id,
    who: text(booking.userName),
    typeName: text(booking.ticketType) ?? '',
    quantity: number(booking.quantity),
    status: oneOf(scan.ticketStatus ?? data.ticketStatus, statuses),
    notes: texts(scan.notes ?? data.notes),
    attention: (scan.attention ?? data.attention) === true,
  }
}

function namedGate(value: unknown): NamedGate {
  const gate = record(value)
  const id = text<GateId>(gate.gateId) ?? ('' as GateId)
  return { id, name: text(gate.gateName) ?? id }
}
