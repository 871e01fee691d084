import { type AloneUntil, aloneUntil } from './alone-until.ts'
import { covers, holdsScan, readCursor } from './cursor.ts'
import {
  type EventDetails,
  type Gate,
  MAIN_ZONE,
  type Ticket,
  type TicketType,
  withCapacity,
  type Zone,
} from './event.ts'
import { type Direction, directionAt } from './gate.ts'
import type { GateId, TicketId, TypeId, ZoneId } from './ids.ts'
import { type Circumstances, judge } from './judge.ts'
import { homeGate, type Lease, leaseGates } from './lease.ts'
import { lastTimeOfDay, localDay } from './local-day.ts'
import type { KnownCode, KnownStanding, KnownState, SnapshotHead } from './snapshot.ts'
import { toStanding } from './snapshot-bytes.ts'
import { advance, afterClearing, type Happening, noStanding, type Standing } from './standing.ts'
import type { Claims } from './token.ts'
import { canBeForced, type Refusal, type Verdict } from './verdict.ts'

/** What a device carries: its snapshot, with what was told since. `KnownTickets` is one. */
export type Knowledge = {
  readonly head: SnapshotHead
  standing(ticketId: TicketId, zone: ZoneId): KnownStanding | null
  state(ticketId: TicketId): KnownState | null
  byCode(hash: Uint8Array): KnownCode | null
}

/** How a ticket was presented to a device. `ticket`: it was found by name, with what is known of it from there. */
export type PresentedAlone =
  | { by: 'token'; claims: Claims }
  | { by: 'code'; hash: Uint8Array }
  | { by: 'ticket'; ticket: TicketOutline }

/** What a ticket is, apart from what has happened to it. Instants are milliseconds since 1970. */
export type TicketOutline = {
  id: TicketId
  type: TypeId
  admits: number
  validFrom: number | null
  validUntil: number | null
  note?: string | null
  requiresAttention?: boolean
}

/**
 * One scan of this device's own. `seq` is its number in the log of whoever judges the ticket, null as long as it has none;
 * `knownTo` is the cursor of the list that the device had when it was made, null where it had none or did not keep it.
 */
export type OwnScan = {
  zone: ZoneId
  gateId: GateId
  at: number
  people: number
  what: 'entered' | 'left' | 'visited' | 'presented_again'
  seq: number | null
  knownTo: string | null
}

/** What a device knows of a ticket by itself: its own scans of it, in order, and what it promised the Gatekeeper. */
export type OwnKnowledge = {
  scans: readonly OwnScan[]
  /** The Gatekeeper called the ticket back: it may be admitted elsewhere now, and never again by this device alone. */
  isGone: boolean
  /** As it stands in this device's storage. */
  lease: Lease | null
}

export type AskedAlone = {
  gate: Gate
  direction: 'entry' | 'exit' | null
  people: number
  forced: boolean
  /** Milliseconds since 1970. */
  at: number
  /** When all that the device knows was last true. */
  knownAt: number
}

/** Why somebody who would be let in is not: the event's policy lets nobody in without a network, or not for so long. */
export type NotAlone = { because: 'policy' } | Pick<AloneUntil, 'because' | 'since'>

/** What a device decided alone. */
export type JudgedAlone = {
  ticket: Ticket
  direction: Direction
  verdict: Verdict | ({ kind: 'undecided' } & NotAlone)
  /** Where and when the ticket was admitted first, as far as this device knows. */
  first: { at: number; gateId: GateId | null; here: boolean } | null
}

/** Takes what was presented; gives the ticket as this device knows it, or null where it knows none. */
export function ticketAlone(presented: PresentedAlone, known: Knowledge): Ticket | null {
  const outline = outlineOf(presented, known)
  if (outline === null) return null
  const state = known.state(outline.id)
  return {
    id: outline.id,
    type: outline.type,
    admits: outline.admits,
    issuedAt: state?.validSince ?? 0,
    validFrom: outline.validFrom,
    validUntil: outline.validUntil,
    paid: state?.status !== 'unpaid',
    blockedAt: state?.status === 'blocked' ? state.at : null,
    revokedAt: state?.status === 'revoked' ? state.at : null,
    // The organiser's words may name somebody: they stay with the Gatekeeper.
    reason: null,
    note: outline.note ?? null,
    requiresAttention: outline.requiresAttention ?? false,
  }
}

/**
 * Judges a ticket with what a device carries, by the Gatekeeper's own rules. What a device cannot know — how many are
 * inside — is left out; what the event's policy forbids it alone comes on top. An exit is never refused.
 */
export function judgeAlone(
  asked: AskedAlone,
  presented: PresentedAlone,
  ticket: Ticket,
  known: Knowledge,
  own: OwnKnowledge,
): JudgedAlone {
  const { event, policy, ticketTypes, gates } = known.head
  const { gate, at } = asked
  const zone = zoneOf(event, gate.zone)
  const standing = standingAlone(ticket, zone, known, own.scans, at)
  const direction = directionAt(gate, asked.direction, standing)
  const type = ticketTypes.find(({ id }) => id === ticket.type) ?? typeUnknownHere(ticket)
  const around: Circumstances = {
    event,
    policy,
    type: { ...type, capacity: null },
    zone: { ...zone, capacity: null },
    inside: 0,
    insideOfType: 0,
    gates,
  }
  const claims = presented.by === 'token' ? presented.claims : null
  const presentation = {
    direction,
    people: asked.people,
    at,
    day: localDay(at, event.timezone),
    tokenIssuedAt: claims?.issuedAt ?? null,
    tokenWindow: claims,
    forced: asked.forced,
  }
  const verdict = judge(ticket, gate, standing, around, presentation)
  const isEntry = verdict.kind === 'admitted' && direction === 'entry'
  return {
    ticket,
    direction,
    verdict: isEntry ? whatPolicyAllows(verdict, asked, ticket, known, own) : verdict,
    first: firstAdmission(ticket.id, gate.zone, known, own.scans),
  }
}

/** Takes a snapshot's standing of a ticket and this device's own scans that are not in it; gives the two together. */
export function standingAlone(
  ticket: Pick<Ticket, 'id' | 'admits'>,
  zone: Zone,
  known: Knowledge,
  own: readonly OwnScan[],
  at: number,
): Standing {
  const { timezone } = known.head.event
  const inSnapshot = known.standing(ticket.id, zone.id)
  const clearedAt = lastClearing(zone, known, at)
  const lastDay = inSnapshot?.lastAt == null ? 0 : localDay(inSnapshot.lastAt, timezone)
  let standing = inSnapshot === null ? noStanding : toStanding(inSnapshot, null, lastDay)
  for (const scan of notInSnapshot(own, ticket.id, zone.id, known)) {
    // One who went out once makes room for one, however often that is heard.
    if (scan.what === 'left' && mayBeIn(scan, inSnapshot, known.head.cursor)) continue
    standing = advance(
      // Everybody may have left between two of these scans.
      afterClearing(standing, clearedAt !== null && clearedAt <= scan.at ? clearedAt : null),
      happeningOf(scan, ticket.admits, zone, timezone),
    )
  }
  return afterClearing(standing, clearedAt)
}

function outlineOf(presented: PresentedAlone, known: Knowledge): TicketOutline | null {
  switch (presented.by) {
    case 'ticket':
      return presented.ticket
    case 'code': {
      const code = known.byCode(presented.hash)
      return code && { ...code, id: code.ticketId }
    }
    case 'token': {
      const { claims } = presented
      const type = known.head.ticketTypes.find(({ number }) => number === claims.type)
      // With rotating codes the window in the token is the code's, within the ticket's own.
      const window = known.head.policy.rotatingCodes ? { validFrom: null, validUntil: null } : claims
      return {
        id: claims.ticketId,
        type: type?.id ?? ('' as TypeId),
        admits: claims.admits,
        validFrom: window.validFrom === null ? null : window.validFrom * 1000,
        validUntil: window.validUntil === null ? null : window.validUntil * 1000,
      }
    }
  }
}

function whatPolicyAllows(
  verdict: Extract<Verdict, { kind: 'admitted' }>,
  { gate, forced, at, knownAt }: AskedAlone,
  ticket: Ticket,
  known: Knowledge,
  own: OwnKnowledge,
): JudgedAlone['verdict'] {
  const { policy } = known.head
  if (policy.offline === 'never') return { kind: 'undecided', because: 'policy' }
  const until = aloneUntil(known.head, knownAt)
  if (at >= until.at) return { kind: 'undecided', because: until.because, since: until.since }
  switch (policy.offline) {
    case 'admit':
      return verdict
    case 'strict': {
      const refusal = notOurs(ticket, gate, known, own)
      if (refusal === null) return verdict
      // A supervisor's word goes over it, and the verdict says that it did.
      if (forced && canBeForced(refusal.reason)) return { ...verdict, forced: verdict.forced ?? refusal }
      return { kind: 'refused', refusal }
    }
  }
}

/** Under `strict`: why this device may not admit the ticket alone, or null where it may. */
function notOurs(ticket: Ticket, gate: Gate, known: Knowledge, { lease, isGone }: OwnKnowledge): Refusal | null {
  const { gates, ticketTypes } = known.head
  const shared = { ticketId: ticket.id, type: ticket.type, zone: gate.zone }
  const home = homeGate(lease?.gates ?? leaseGates(gates, ticketTypes), shared)
  const isHeld = lease?.state === 'held' && home === lease.gateId
  // Whoever does not know what was decided before the lease began knows too little to use it.
  const isCurrent = lease?.cursor != null && covers(known.head.cursor, lease.cursor)
  if (isHeld && isCurrent && !isGone) return null
  return { reason: 'held_elsewhere', useGates: home === null || home === gate.id ? [] : [home] }
}

/** A ticket's scans here that the snapshot does not hold yet, in the order they were made. */
function notInSnapshot(own: readonly OwnScan[], ticket: TicketId, zone: ZoneId, { head }: Knowledge): OwnScan[] {
  const cursor = readCursor(head.cursor)
  const isIn = ({ seq }: OwnScan) => seq !== null && cursor !== null && holdsScan(cursor, head.event.id, ticket, seq)
  return own.filter((scan) => scan.zone === zone && !isIn(scan))
}

/**
 * Whether the snapshot may hold an exit that has no number yet: the Gatekeeper wrote it down and its answer was lost. It
 * cannot where it is as old as when they went out, or where fewer went out of the zone by it.
 */
function mayBeIn({ seq, people, knownTo }: OwnScan, inSnapshot: KnownStanding | null, cursor: string): boolean {
  if (seq !== null || inSnapshot === null || inSnapshot.exits < people) return false
  const [then, now] = [knownTo === null ? null : readCursor(knownTo), readCursor(cursor)]
  return then === null || now === null || then.epoch !== now.epoch || then.seq < now.seq
}

function happeningOf(scan: OwnScan, admits: number, zone: Zone, timezone: string): Happening {
  const { at, people } = scan
  const day = localDay(at, timezone)
  const seq = scan.seq ?? 0
  switch (scan.what) {
    case 'entered':
      return { kind: 'entered', people, admits, reentry: zone.reentry, at, day, seq }
    case 'left':
      return { kind: 'left', people, at }
    case 'visited':
      return { kind: 'visited', people, at, day, seq }
    case 'presented_again':
      return { kind: 'presented_again' }
  }
}

/** When all were last taken to have left the zone: what the snapshot says, or a time of day that has passed since. */
function lastClearing(zone: Zone, known: Knowledge, at: number): number | null {
  const { event, everyoneOut } = known.head
  const told = everyoneOut.find((one) => one.zone === zone.id)?.at ?? null
  if (zone.everyoneOutAt === null) return told
  const due = lastTimeOfDay(at, zone.everyoneOutAt, event.timezone)
  return due <= event.createdAt ? told : Math.max(told ?? 0, due)
}

function firstAdmission(id: TicketId, zone: ZoneId, known: Knowledge, own: readonly OwnScan[]): JudgedAlone['first'] {
  const inSnapshot = known.standing(id, zone)
  const here = own.find((scan) => scan.what === 'entered' && scan.zone === zone)
  if (here && (inSnapshot?.firstAt == null || here.at <= inSnapshot.firstAt)) {
    return { at: here.at, gateId: here.gateId, here: true }
  }
  return inSnapshot?.firstAt == null ? null : { at: inSnapshot.firstAt, gateId: inSnapshot.gateId, here: false }
}

function zoneOf(event: EventDetails, id: ZoneId): Zone {
  const zone = event.zones.find((one) => one.id === id)
  return zone ? withCapacity(zone, event) : { id, name: id, capacity: null, reentry: 'none', everyoneOutAt: null }
}

/** A genuine ticket of a type newer than the snapshot: it goes to `main`, by the gates that take every type. */
function typeUnknownHere({ type, admits }: Ticket): TicketType {
  const nothing = { validFrom: null, validUntil: null, capacity: null, price: null, note: null }
  return { id: type, number: 0, name: '', admits, zones: [MAIN_ZONE], requiresAttention: false, ...nothing }
}
