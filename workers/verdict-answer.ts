import type { Recorded } from '../core/answers.ts'
import type { ScanId } from '../core/ids.ts'
import type { OpenFailure } from '../core/token.ts'
import type { Refusal, RefusalReason, Verdict } from '../core/verdict.ts'
import { type Answer, respond } from './answer.ts'
import { iso } from './shapes.ts'

/** Each refusal's HTTP status, its title and its sentence for a person. */
const refusals: Record<RefusalReason, readonly [status: number, error: string, message: string]> = {
  unreadable: [400, 'Invalid QR code', 'This is not a ticket for this event.'],
  forged: [400, 'Invalid QR code', 'This is not a ticket for this event.'],
  wrong_event: [400, 'Invalid QR code', 'This ticket is for another event.'],
  event_closed: [403, 'Event closed', 'The event is closed. Nobody is let in any more.'],
  unknown: [400, 'Invalid QR code', 'No ticket has this code.'],
  revoked: [403, 'Ticket revoked', 'This ticket was revoked.'],
  blocked: [403, 'Ticket on hold', 'This ticket is on hold.'],
  unpaid: [402, 'Ticket not paid', 'This ticket is not paid yet.'],
  too_early: [400, 'QR code not valid yet', 'This ticket is not valid yet.'],
  too_late: [400, 'QR code expired', 'This ticket is not valid any more.'],
  wrong_gate: [403, 'Wrong gate', 'This ticket is not for this gate.'],
  already_admitted: [409, 'Duplicate scan', 'This ticket was admitted already.'],
  limit_reached: [409, 'Entry limit reached', 'This ticket has no entries left.'],
  too_soon: [409, 'Too soon', 'This ticket was admitted only a moment ago.'],
  full: [409, 'Zone full', 'There is no room left.'],
  held_elsewhere: [409, 'Ticket held by another gate', 'Only another gate may admit this ticket now.'],
}

/** A refusal's sentence for a person; null for a code that is none. */
export function refusalWords(code: string): string | null {
  return Object.hasOwn(refusals, code) ? refusals[code as RefusalReason][2] : null
}

const admissions = {
  admitted: 'Entry granted',
  exited: 'Exit recorded',
  visited: 'Visit recorded',
} as const

export function answerScan(recorded: Recorded): Response {
  return respond(tellScan(recorded))
}

/**
 * Takes a recorded scan, and whether its number is asked for; gives the contract's answer to it. The same record always
 * gives the same answer.
 */
export function tellScan(recorded: Recorded, isNumbered = false): Answer {
  const answer = tellVerdict(recorded)
  if (isNumbered) answer.body.data.judgeSeq = recorded.entry.seq
  return answer
}

type Told = Answer & { body: { data: { entryLogId: string; judgeSeq?: number } } }

function tellVerdict(recorded: Recorded): Told {
  const { entry, replay } = recorded
  const { verdict } = entry
  const common = { scanId: entry.scanId, replay, validationTime: entry.validationMs, cacheHit: recorded.cacheHit }
  if (isAdmission(verdict)) {
    const data = {
      entryLogId: recorded.entryId,
      ticketId: entry.ticketId,
      booking: bookingOf(recorded),
      scan: scanOf(recorded),
    }
    const body = { success: true, message: admissions[verdict.kind], verdict: verdict.kind, ...common, data }
    return { status: 200, body }
  }
  if (verdict.kind === 'refused') return tellRefused(recorded, verdict.refusal)
  throw new Error(`entry ${entry.seq} is no answer to a scan`)
}

function tellRefused(recorded: Recorded, refusal: Refusal): Told {
  const { entry, replay } = recorded
  const common = { scanId: entry.scanId, replay, validationTime: entry.validationMs, cacheHit: recorded.cacheHit }
  const [status, error, message] = refusals[refusal.reason]
  const { notes = [], attention = false } = recorded.ticket ?? {}
  const data = {
    entryLogId: recorded.entryId,
    ...(recorded.ticket
      ? {
          ticketId: recorded.ticket.id,
          ticketStatus: recorded.ticket.status,
          booking: bookingOf(recorded),
          notes,
          attention,
        }
      : {}),
    ...detailsOf(refusal, recorded),
  }
  const body = { success: false, verdict: 'refused', error, code: refusal.reason, message, ...common, data }
  return { status, body }
}

/**
 * The answer to a code that never reached the Gatekeeper. `unreadable` and `forged` answer alike to the byte, their
 * time included: which step refused a code is nobody's business but the log's.
 */
export function tellInvalid(reason: OpenFailure, scanId: ScanId): Answer {
  const code = reason === 'wrong_event' ? 'wrong_event' : 'unreadable'
  const [status, error, message] = refusals[code]
  const common = { scanId, replay: false, validationTime: 0, cacheHit: false }
  return { status, body: { success: false, verdict: 'refused', error, code, message, ...common } }
}

/** The answer to a sale that came to nothing: why nobody could be let in, with nothing logged and nothing sold. */
export function answerUnsold(refusal: Refusal, useGates: Recorded['useGates'], scanId: ScanId): Response {
  const [status, error, message] = refusals[refusal.reason]
  const data = detailsOf(refusal, { original: null, useGates })
  return Response.json(
    { success: false, verdict: 'refused', error, code: refusal.reason, message, scanId, validationTime: 0, data },
    { status },
  )
}

function isAdmission(verdict: Verdict): verdict is Extract<Verdict, { kind: keyof typeof admissions }> {
  return verdict.kind in admissions
}

function bookingOf({ ticket, eventTitle }: Recorded) {
  if (!ticket) return null
  return {
    id: ticket.booking?.id ?? null,
    eventName: eventTitle,
    userName: ticket.holderName,
    ticketType: ticket.typeName,
    quantity: ticket.booking?.quantity ?? ticket.admits,
  }
}

export function scanOf({ entry, gateName, ticket }: Recorded) {
  const { verdict } = entry
  return {
    gateId: entry.gateId,
    gateName,
    staffId: entry.staffId,
    scannedAt: iso(entry.scannedAt),
    ticketStatus: ticket?.status ?? null,
    direction: entry.direction,
    zone: entry.zone,
    admitted: verdict.kind === 'admitted' ? verdict.people : 0,
    remaining: verdict.kind === 'admitted' ? verdict.remaining : 0,
    forced: verdict.kind === 'admitted' && verdict.forced !== null,
    attention: ticket?.attention ?? false,
    notes: ticket?.notes ?? [],
    ...(verdict.kind === 'visited' ? { visit: verdict.visit } : {}),
  }
}

function detailsOf(
  refusal: Refusal,
  { original, useGates }: Pick<Recorded, 'original' | 'useGates'>,
): Record<string, unknown> {
  switch (refusal.reason) {
    case 'unreadable':
    case 'forged':
    case 'wrong_event':
    case 'unknown':
    case 'blocked':
    case 'unpaid':
      return {}
    case 'event_closed':
      return { closedAt: iso(refusal.closedAt) }
    case 'revoked':
      return {
        revokedAt: iso(refusal.revokedAt),
        ...(refusal.because === null ? {} : { reason: refusal.because }),
        ...(refusal.superseded ? { superseded: true } : {}),
      }
    case 'too_early':
      return { validFrom: iso(refusal.validFrom) }
    case 'too_late':
      return { validUntil: iso(refusal.validUntil) }
    case 'wrong_gate':
    case 'held_elsewhere':
      return { useGates }
    case 'already_admitted':
      return {
        duplicateAttemptNumber: refusal.attempt,
        originalScan: original && { ...original, scannedAt: iso(original.scannedAt) },
      }
    case 'limit_reached':
      return { limit: refusal.limit }
    case 'too_soon':
      return { notBefore: iso(refusal.notBefore) }
    case 'full':
      return { capacity: refusal.capacity, inside: refusal.inside }
  }
}
