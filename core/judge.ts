import type { EventDetails, Gate, Policy, Ticket, TicketType, Zone } from './event.ts'
import { admitsType, type Direction, gatesFor } from './gate.ts'
import type { GateId } from './ids.ts'
import { ROTATING_LIFE_MS } from './rotation.ts'
import type { Standing } from './standing.ts'
import type { TokenWindow } from './token.ts'
import { canBeForced, type Refusal, type Verdict } from './verdict.ts'

/** One presentation of a ticket, with its direction settled. */
export type Presentation = {
  direction: Direction
  people: number
  /** The scan's own time in milliseconds since 1970, and its local day as days since 1970. */
  at: number
  day: number
  /** Seconds since 1970, from the token; null where the ticket was found by a printed code or a search. */
  tokenIssuedAt: number | null
  /** The token's own window; null where no token was shown. It bears on events with rotating codes only. */
  tokenWindow: TokenWindow | null
  /** A supervisor's wish to let them in all the same. */
  forced: boolean
}

/** What the event knows that bears on the ticket at this gate. */
export type Circumstances = {
  event: Pick<EventDetails, 'closedAt'>
  policy: Policy
  type: TicketType
  zone: Zone
  /** People in the zone now, and people of this ticket type in it. */
  inside: number
  insideOfType: number
  gates: Iterable<Gate>
  /** The gate whose device alone may admit the ticket now, where that is another one. */
  heldBy?: GateId | null
}

/**
 * The only place where entry is decided, at the edge and on a phone alone. Takes what was looked up; gives the
 * verdict. It is total: every combination has an answer, and the first refusal in the order of precedence is given.
 */
export function judge(
  ticket: Ticket,
  gate: Gate,
  standing: Standing,
  around: Circumstances,
  presented: Presentation,
): Verdict {
  // People are never trapped inside: no rule refuses an exit.
  if (presented.direction === 'exit') return { kind: 'exited', people: presented.people }
  return verdictOn(firstRefusal(ticket, gate, standing, around, presented), ticket, standing, around, presented)
}

/**
 * Takes what the Gatekeeper has admitted; gives the verdict on it by how much of the ticket was used up, which it may not
 * have known then. All other rules it had as they stood, and they may be others since.
 */
export function judgeUse(
  ticket: Ticket,
  standing: Standing,
  around: Circumstances,
  presented: Presentation & { direction: 'entry' },
): Verdict {
  return verdictOn(entryUsedUp(ticket, standing, around, presented), ticket, standing, around, presented)
}

function verdictOn(
  refusal: Refusal | null,
  ticket: Ticket,
  standing: Standing,
  around: Circumstances,
  presented: Presentation,
): Verdict {
  if (refusal !== null && !(presented.forced && canBeForced(refusal.reason))) return { kind: 'refused', refusal }
  if (presented.direction === 'visit') {
    return { kind: 'visited', people: presented.people, visit: standing.presented + 1 }
  }
  return {
    kind: 'admitted',
    people: presented.people,
    remaining: Math.max(0, ticket.admits - peopleCounted(standing, around.zone) - presented.people),
    forced: refusal,
    overfull: fullRoom(around, presented.people) !== null,
  }
}

function firstRefusal(
  ticket: Ticket,
  gate: Gate,
  standing: Standing,
  around: Circumstances,
  presented: Presentation,
): Refusal | null {
  return (
    eventClosed(around) ??
    ticketState(ticket, presented.tokenIssuedAt) ??
    outsideWindow(ticket, around.type, presented.at) ??
    staleCode(around.policy, presented) ??
    wrongGate(gate, around, presented.direction) ??
    // A visit is counted on its own; the rules about coming in do not bear on it.
    (presented.direction === 'visit' ? null : entryUsedUp(ticket, standing, around, presented))
  )
}

function eventClosed({ event }: Circumstances): Refusal | null {
  return event.closedAt === null ? null : { reason: 'event_closed', closedAt: event.closedAt }
}

function ticketState(ticket: Ticket, tokenIssuedAt: number | null): Refusal | null {
  if (ticket.revokedAt !== null) {
    return { reason: 'revoked', revokedAt: ticket.revokedAt, because: ticket.reason, superseded: false }
  }
  if (tokenIssuedAt !== null && tokenIssuedAt < ticket.issuedAt) {
    return { reason: 'revoked', revokedAt: ticket.issuedAt * 1000, because: null, superseded: true }
  }
  if (ticket.blockedAt !== null) return { reason: 'blocked' }
  return ticket.paid ? null : { reason: 'unpaid' }
}

function outsideWindow(ticket: Ticket, type: TicketType, at: number): Refusal | null {
  const validFrom = Math.max(ticket.validFrom ?? Number.NEGATIVE_INFINITY, type.validFrom ?? Number.NEGATIVE_INFINITY)
  const validUntil = Math.min(
    ticket.validUntil ?? Number.POSITIVE_INFINITY,
    type.validUntil ?? Number.POSITIVE_INFINITY,
  )
  if (at < validFrom) return { reason: 'too_early', validFrom }
  if (at > validUntil) return { reason: 'too_late', validUntil }
  return null
}

/** A phone's clock, a slow scan and the way here take this long at most from a rotating code's life. */
const ROTATING_TOLERANCE_MS = 5_000

/** With rotating codes only a code of this moment counts: an older one is a picture of somebody's screen, or a print. */
function staleCode({ rotatingCodes }: Policy, { tokenWindow, tokenIssuedAt, at }: Presentation): Refusal | null {
  if (!rotatingCodes || tokenWindow === null) return null
  const { validFrom, validUntil } = tokenWindow
  const from = (validFrom ?? 0) * 1000
  const until = (validUntil ?? Number.POSITIVE_INFINITY) * 1000
  // One that lives for longer never rotated. It was good for nothing from the day it was made.
  if (until - from > ROTATING_LIFE_MS) return { reason: 'too_late', validUntil: (tokenIssuedAt ?? 0) * 1000 }
  if (at < from - ROTATING_TOLERANCE_MS) return { reason: 'too_early', validFrom: from }
  if (at > until + ROTATING_TOLERANCE_MS) return { reason: 'too_late', validUntil: until }
  return null
}

function wrongGate(gate: Gate, { type, gates }: Circumstances, direction: Direction): Refusal | null {
  const mismatch = direction === 'entry' ? !admitsType(gate, type) : !(gate.accepts?.includes(type.id) ?? true)
  return mismatch ? { reason: 'wrong_gate', useGates: gatesFor(type, gate, gates).map((other) => other.id) } : null
}

function entryUsedUp(
  ticket: Ticket,
  standing: Standing,
  around: Circumstances,
  presented: Presentation,
): Refusal | null {
  const { policy, zone } = around
  const left = ticket.admits - peopleCounted(standing, zone)
  if (left <= 0) {
    return { reason: 'already_admitted', attempt: standing.presented + 1, admission: standing.admission }
  }
  if (presented.people > left) return { reason: 'limit_reached', limit: ticket.admits }
  return overLimits(standing, policy, presented) ?? full(around, presented.people) ?? heldElsewhere(around)
}

/** How many of the ticket's people are used up: those ever let in, those inside now, or none, as the zone has it. */
function peopleCounted(standing: Standing, zone: Zone): number {
  switch (zone.reentry) {
    case 'none':
      return standing.entries
    case 'after_exit':
      return standing.inside
    case 'unlimited':
      return 0
  }
}

function overLimits(standing: Standing, policy: Policy, presented: Presentation): Refusal | null {
  if (policy.maxEntries !== null && standing.entries + presented.people > policy.maxEntries) {
    return { reason: 'limit_reached', limit: policy.maxEntries }
  }
  const today = standing.day === presented.day ? standing.entriesToday : 0
  if (policy.entriesPerDay !== null && today + presented.people > policy.entriesPerDay) {
    return { reason: 'limit_reached', limit: policy.entriesPerDay }
  }
  if (policy.minMinutesBetween !== null && standing.lastAt !== null) {
    const notBefore = standing.lastAt + policy.minMinutesBetween * 60_000
    if (presented.at < notBefore) return { reason: 'too_soon', notBefore }
  }
  return null
}

function full(around: Circumstances, people: number): Refusal | null {
  if (around.policy.full === 'warn') return null
  const room = fullRoom(around, people)
  return room && { reason: 'full', ...room }
}

function heldElsewhere({ heldBy = null }: Circumstances): Refusal | null {
  return heldBy === null ? null : { reason: 'held_elsewhere', useGates: [heldBy] }
}

/** The room that has no place for so many more: the zone, or what of it is meant for this ticket type. */
function fullRoom(around: Circumstances, people: number): { capacity: number; inside: number } | null {
  const rooms = [
    { capacity: around.zone.capacity, inside: around.inside },
    { capacity: around.type.capacity, inside: around.insideOfType },
  ]
  for (const { capacity, inside } of rooms) {
    if (capacity !== null && inside + people > capacity) return { capacity, inside }
  }
  return null
}
