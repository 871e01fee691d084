import { sha256 } from '@noble/hashes/sha2.js'
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { type Attribution, shownAs } from '../../core/attribution.ts'
import type { Gate } from '../../core/event.ts'
import type { Direction } from '../../core/gate.ts'
import { bytesToUuid, type ScanId, type TicketId, uuidToBytes } from '../../core/ids.ts'
import type { Alone, Entry } from '../../core/log.ts'
import { afterClearing, noStanding } from '../../core/standing.ts'
import type { OpenFailure } from '../../core/token.ts'
import type { Refusal, RefusalReason, Verdict } from '../../core/verdict.ts'
import type { EventParts } from '../event-parts.ts'
import type { ScanAsk } from '../scans/judging.ts'
import type { Logged } from '../scans/scan-log.ts'
import type { TicketDetails } from '../tickets/ticket-rows.ts'
import type { KnownConflict } from './conflicts.ts'

/** What a device showed. `code` null: a reason that we do not know. */
export type ShownAlone =
  | { kind: 'admitted' | 'exited' | 'visited' }
  | { kind: 'refused'; code: RefusalReason | 'untold' | null }

/** A scan that a device judged alone, opened by the Worker. */
export type SyncedScan = {
  ask: ScanAsk
  shown: ShownAlone
  /** Why the code is no ticket of this event; null where it may be one. */
  invalid: OpenFailure | null
  /** By the device's clock, in milliseconds since 1970, and how it knows. */
  scannedAt: number
  clock: Alone['clock']
  sequence: number | null
}

/** What came of it. `recorded` is the entry that stands for it, where there is one. */
export type SyncOutcome = {
  outcome: 'ok' | 'duplicate' | 'conflict' | 'refused' | 'replayed'
  code: string | null
  conflict: KnownConflict | null
  recorded: RecordedAlone | null
  annulledAt: number | null
}

/** Of an entry, what its device is told. */
export type RecordedAlone = { seq: number; scanId: ScanId; scannedAt: number; verdict: { kind: Verdict['kind'] } }

/** What came of some scans, in their order, and what is to be told of it. */
type Synced = { outcomes: SyncOutcome[]; conflicts: KnownConflict[] }

/** Scans that bear on each other: of one ticket in one zone, or one alone that is of no ticket. */
export type SyncGroup = TicketGroup | { ticket: null; scans: SyncedScan[] }
type TicketGroup = { ticket: TicketDetails; gate: Gate; scans: SyncedScan[] }

/** Puts scans that bear on each other together. Gives for each group the places of its scans as well. */
export function groupScans(parts: EventParts, scans: SyncedScan[]): { group: SyncGroup; places: number[] }[] {
  const groups = new Map<string, { group: SyncGroup; places: number[] }>()
  const find = finder(parts, scans)
  scans.forEach((scan, place) => {
    const gate = parts.configuration.gates.get(scan.ask.gateId)
    const ticket = scan.invalid === null && gate ? find(scan.ask.presented) : null
    const key = ticket && gate ? `${ticket.id} ${gate.zone}` : `no ticket ${place}`
    const known = groups.get(key)
    if (known) {
      known.group.scans.push(scan)
      known.places.push(place)
    } else {
      groups.set(key, {
        group: ticket && gate ? { ticket, gate, scans: [scan] } : { ticket: null, scans: [scan] },
        places: [place],
      })
    }
  })
  return [...groups.values()]
}

/** Tickets that are named by their ids are looked up all at once, and others one by one. */
function finder({ tickets, judging }: EventParts, scans: SyncedScan[]) {
  const known = tickets.withIds(
    scans.flatMap(({ ask: { presented } }) => ('ticketId' in presented ? presented.ticketId : [])),
  )
  return (presented: ScanAsk['presented']): TicketDetails | null =>
    'ticketId' in presented ? (known.get(presented.ticketId) ?? null) : judging.find(presented)
}

/**
 * Scans and tickets of which nothing is in the log yet, as of most that a device brings home: nothing more has to be looked
 * up of them. Whoever writes something of one takes it out.
 */
type Unheard = { scans: Set<ScanId>; tickets: Set<TicketId> }

/**
 * Writes down what gates did alone, and judges it beside that. Nothing that a gate showed is refused or changed: where the
 * Gatekeeper judges otherwise there is a conflict. The caller holds the transaction; should it not hold, memory is read
 * anew. Gives what came of each group's scans, and all conflicts.
 */
export function sync(
  parts: EventParts,
  groups: SyncGroup[],
  now: number,
): { outcomes: SyncOutcome[][]; conflicts: KnownConflict[] } {
  const unheard: Unheard = {
    scans: parts.log.unheard(groups.flatMap(({ scans }) => scans.map(({ ask }) => ask.scanId))),
    tickets: parts.conflicts.unscanned(groups.flatMap(({ ticket }) => ticket?.id ?? [])),
  }
  const synced = groups.map((group) => {
    const at = parts.log.timeAt(now)
    const one =
      group.ticket === null ? syncWithoutTicket(parts, group.scans, unheard, at) : syncTicket(parts, group, unheard, at)
    for (const conflict of one.conflicts) tellOf(parts, conflict, at)
    return one
  })
  return {
    outcomes: synced.map(({ outcomes }) => outcomes),
    conflicts: synced.flatMap(({ conflicts }) => conflicts),
  }
}

function syncTicket(parts: EventParts, group: TicketGroup, unheard: Unheard, at: number): Synced {
  const { ticket, gate, scans } = group
  const isFirst = unheard.tickets.delete(ticket.id)
  const conflicts: KnownConflict[] = []
  const places = scans.map((scan) => place(parts, scan, unheard, at, conflicts))
  const known = places.flatMap(({ outcome }) => outcome ?? [])
  if (known.length === places.length) return { outcomes: known, conflicts }
  const drafts = places
    .flatMap(({ draft }) => draft ?? [])
    .filter(({ scanId }, i, all) => all.findIndex((draft) => draft.scanId === scanId) === i)
  const written = write(parts, group, drafts, isFirst, at)
  conflicts.push(...parts.conflicts.settle(ticket, gate.zone, written.attribution, parts.log.head, !isFirst))
  const outcomes = places.map(({ draft, outcome }) => {
    if (draft === null) return outcome
    const entry = written.entries.find(({ scanId }) => scanId === draft.scanId)
    if (!entry) throw new Error('a scan was neither known nor written')
    if (drafts.includes(draft)) return outcomeOf(parts, entry, written.attribution)
    // It stood twice in the batch.
    const first = drafts.find(({ scanId }) => scanId === draft.scanId) as Draft
    const isSame = sameBytes(first.scan.ask.fingerprint, draft.scan.ask.fingerprint)
    return isSame ? replay(parts, entry) : refused('scan_id_conflict')
  })
  return { outcomes, conflicts }
}

/** A scan that is to be written. `scanId` is not the device's where it amends what was written under that. */
type Draft = { scan: SyncedScan; scanId: ScanId; amends: ScanId | null }

type Placed = { draft: Draft; outcome: null } | { draft: null; outcome: SyncOutcome }

/** Whether a scan is new, or what was recorded of it. */
function place(parts: EventParts, scan: SyncedScan, unheard: Unheard, at: number, conflicts: KnownConflict[]): Placed {
  const known = knownOf(parts, scan.ask.scanId, unheard)
  if (!known) return { draft: { scan, scanId: scan.ask.scanId, amends: null }, outcome: null }
  if (!sameBytes(known.fingerprint, scan.ask.fingerprint)) return { draft: null, outcome: refused('scan_id_conflict') }
  return amend(parts, known, scan, at, conflicts)
}

/** What is in the log of a scan that is about to be written, if it is not. */
function knownOf(parts: EventParts, scanId: ScanId, unheard: Unheard): Logged | null {
  return unheard.scans.delete(scanId) ? null : parts.log.known(scanId)
}

/**
 * The Gatekeeper judged this scan, but its answer never came and the gate did otherwise: what the gate did counts. An
 * admission that nobody was let in by is taken back, and somebody who was let in is written down. Only the device that
 * scanned it can know.
 */
function amend(parts: EventParts, known: Logged, scan: SyncedScan, at: number, conflicts: KnownConflict[]): Placed {
  const { entry } = known
  const { ask, shown } = scan
  const replayed = () => ({ draft: null, outcome: replay(parts, entry) })
  const isOwn = entry.offline === null && entry.deviceId !== null && entry.deviceId === ask.deviceId
  if (!isOwn || entry.verdict.kind === shown.kind) return replayed()
  if (entry.verdict.kind === 'admitted' && parts.log.annulledAt(entry.seq) === null) {
    const annulled = parts.judging.annul(
      {
        scanId: ask.scanId,
        newScanId: derivedId(ask.scanId, 'taken back'),
        reason: 'the answer did not reach the gate, which let nobody in',
        deviceId: ask.deviceId,
        staffId: ask.staffId,
        isSupervisor: true,
      },
      at,
    )
    if (!annulled.ok) throw new Error(`an admission could not be taken back: ${annulled.problem.code}`)
    annulled.value.settle()
    conflicts.push(...annulled.value.conflicts)
  }
  if (shown.kind === 'refused') return replayed()
  const scanId = derivedId(ask.scanId, 'what the gate did')
  const before = parts.log.known(scanId)
  if (before) return { draft: null, outcome: replay(parts, before.entry) }
  return { draft: { scan, scanId, amends: ask.scanId }, outcome: null }
}

/** A scan id that follows from another one, so that the same thing written twice is written once. */
function derivedId(scanId: ScanId, why: string): ScanId {
  return bytesToUuid<ScanId>(sha256(concatBytes(uuidToBytes(scanId), utf8ToBytes(why))).slice(0, 16))
}

/** Writes what is new of a ticket in a zone. `isFirst`: nothing is there of it yet. */
function write(
  parts: EventParts,
  { ticket, gate }: TicketGroup,
  drafts: Draft[],
  isFirst: boolean,
  at: number,
): { entries: Entry[]; attribution: Attribution } {
  const { standings, configuration } = parts
  const zoneNumber = configuration.zones.numberOf(gate.zone) ?? 0
  const before = isFirst
    ? noStanding
    : afterClearing(standings.get(ticket.id, zoneNumber), standings.clearedAt(zoneNumber))
  const known = isFirst ? [] : parts.conflicts.entriesOf(ticket.id, gate.zone)
  const planned = drafts.map((draft, i) => {
    const entry = entryOf(parts, ticket, draft, parts.log.head + 1 + i, at)
    return isUntold(parts, draft) ? withReason(parts, ticket, entry) : entry
  })
  const attribution = parts.conflicts.attribute(ticket, gate.zone, [...known, ...planned])
  let left = attribution.standing.inside - before.inside
  const cameFirst =
    before.entries === 0 && attribution.standing.entries > 0 && !parts.judging.isAdmittedElsewhere(ticket.id)
  const visitedFirst = !known.some(({ verdict }) => verdict.kind === 'visited')
  const firstOf = (kind: 'admitted' | 'visited') => planned.findIndex(({ verdict }) => verdict.kind === kind)
  const first = { admitted: cameFirst ? firstOf('admitted') : -1, visited: visitedFirst ? firstOf('visited') : -1 }
  const written = planned.map(({ seq, ...scan }, i) => {
    const isLast = i === planned.length - 1
    const insideChange = isLast ? left : insideChangeOf(scan.verdict)
    left -= insideChange
    const draft = drafts[i] as Draft
    return parts.judging.append(
      {
        ...scan,
        verdict: inFull(parts, scan.verdict, attribution.judged.get(seq) ?? null),
        insideChange,
        first: i === first.admitted || i === first.visited,
      },
      draft.scan.ask.fingerprint,
    )
  })
  return { entries: written, attribution }
}

/** People in or out, as far as one entry alone tells; what the whole ticket comes to is made up for by the last one. */
function insideChangeOf(verdict: Verdict): number {
  if (verdict.kind === 'admitted') return verdict.people
  return verdict.kind === 'exited' ? -verdict.people : 0
}

function entryOf(
  parts: EventParts,
  ticket: TicketDetails,
  { scan, scanId, amends }: Draft,
  seq: number,
  at: number,
): Entry {
  const { ask, shown, clock, sequence } = scan
  const gate = parts.configuration.gates.get(ask.gateId) as Gate
  const { presented } = ask
  const token =
    presented.by === 'token'
      ? { issuedAt: presented.issuedAt, validFrom: presented.validFrom, validUntil: presented.validUntil }
      : null
  return {
    seq,
    scanId,
    ticketId: ticket.id,
    type: ticket.type,
    gateId: gate.id,
    zone: gate.zone,
    deviceId: ask.deviceId,
    staffId: ask.staffId,
    direction: directionOf(gate, ask.direction, shown),
    people: ask.people,
    verdict: verdictOf(gate, shown, ask.people),
    insideChange: 0,
    first: false,
    source: ask.source,
    forceReason: ask.forceReason,
    scannedAt: timeOf(scan, at),
    receivedAt: at,
    validationMs: 0,
    offline: { sequence, token, clock, amends },
  }
}

/** Never later than it arrived. */
function timeOf({ scannedAt }: SyncedScan, at: number): number {
  return Math.min(at, Math.round(scannedAt))
}

function directionOf(gate: Gate, asked: 'entry' | 'exit' | null, shown: ShownAlone): Direction {
  if (gate.kind === 'checkpoint') return 'visit'
  if (shown.kind !== 'refused') return shown.kind === 'exited' ? 'exit' : 'entry'
  return asked ?? (gate.kind === 'exit' ? 'exit' : 'entry')
}

/** What the gate did, in the fewest words that say what it did to the ticket. */
function verdictOf(gate: Gate, shown: ShownAlone, people: number): Verdict {
  // A refusal for no reason that we know is one that only being cut off explains.
  if (shown.kind === 'refused') {
    const reason = shown.code === null || shown.code === 'untold' ? 'held_elsewhere' : shown.code
    return { kind: 'refused', refusal: bare(reason) }
  }
  if (gate.kind === 'checkpoint') return { kind: 'visited', people, visit: 1 }
  if (shown.kind === 'exited') return { kind: 'exited', people }
  return { kind: 'admitted', people, remaining: 0, forced: null, overfull: false }
}

/** Whether a device said no without saying why, where being cut off is no reason to. */
function isUntold({ configuration }: EventParts, { scan: { shown } }: Draft): boolean {
  return shown.kind === 'refused' && shown.code === 'untold' && configuration.event.policy.offline === 'admit'
}

/**
 * The reason for a bare "refused": what is wrong with the ticket by itself, and else that the device knew of an earlier scan.
 * It goes by no other scan, so that the same comes of it whatever arrives first.
 */
function withReason(parts: EventParts, ticket: TicketDetails, entry: Entry): Entry {
  const judged = parts.conflicts.attribute(ticket, entry.zone, [entry]).judged.get(entry.seq)
  const refusal = judged?.kind === 'refused' ? judged.refusal : bare('already_admitted')
  return { ...entry, verdict: { kind: 'refused', refusal } }
}

/** The same with what the Gatekeeper knows of it. Kind, people and reason stay as they were shown. */
function inFull(parts: EventParts, shown: Verdict, judged: Verdict | null): Verdict {
  if (judged === null || judged.kind !== shown.kind) return shown
  if (shown.kind === 'admitted' && judged.kind === 'admitted') {
    return { ...shown, remaining: judged.remaining, forced: judged.forced }
  }
  if (shown.kind === 'visited' && judged.kind === 'visited') return { ...shown, visit: judged.visit }
  if (shown.kind !== 'refused' || judged.kind !== 'refused') return shown
  return judged.refusal.reason === shown.refusal.reason ? written(parts, judged) : shown
}

/** An admission that is not written yet has no number to be told by. */
function written(parts: EventParts, verdict: Extract<Verdict, { kind: 'refused' }>): Verdict {
  const { refusal } = verdict
  if (refusal.reason !== 'already_admitted' || (refusal.admission ?? 0) <= parts.log.head) return verdict
  return { kind: 'refused', refusal: { ...refusal, admission: null } }
}

function bare(reason: RefusalReason): Refusal {
  switch (reason) {
    case 'unreadable':
    case 'forged':
    case 'wrong_event':
    case 'unknown':
    case 'blocked':
    case 'unpaid':
      return { reason }
    case 'event_closed':
      return { reason, closedAt: 0 }
    case 'revoked':
      return { reason, revokedAt: 0, because: null, superseded: false }
    case 'too_early':
      return { reason, validFrom: 0 }
    case 'too_late':
      return { reason, validUntil: 0 }
    case 'wrong_gate':
    case 'held_elsewhere':
      return { reason, useGates: [] }
    case 'already_admitted':
      return { reason, attempt: 2, admission: null }
    case 'limit_reached':
      return { reason, limit: 0 }
    case 'too_soon':
      return { reason, notBefore: 0 }
    case 'full':
      return { reason, capacity: 0, inside: 0 }
  }
}

function syncWithoutTicket(parts: EventParts, scans: SyncedScan[], unheard: Unheard, at: number): Synced {
  const conflicts: KnownConflict[] = []
  const outcomes = scans.map((scan): SyncOutcome => {
    const { ask, shown } = scan
    const known = knownOf(parts, ask.scanId, unheard)
    if (known) return replay(parts, known.entry)
    if (parts.conflicts.hasStray(ask.scanId)) return { ...refused('unknown'), outcome: 'replayed' }
    const gate = parts.configuration.gates.get(ask.gateId) ?? null
    const reason = gate === null ? 'unknown_gate' : (scan.invalid ?? parts.judging.reasonWithoutTicket(ask.presented))
    if (shown.kind === 'admitted' || shown.kind === 'visited') {
      const { scanId, deviceId, staffId, people } = ask
      const scannedAt = timeOf(scan, at)
      const stray = { scanId, reason, gateId: gate?.id ?? null, deviceId, staffId, people, scannedAt }
      const conflict = parts.conflicts.addStray(stray, at)
      conflicts.push(conflict)
      return { outcome: 'conflict', code: reason, conflict, recorded: null, annulledAt: null }
    }
    if (reason !== 'unknown' || gate === null) {
      if (reason !== 'unknown_gate') parts.limits.noteInvalidThen(ask.deviceId, reason, timeOf(scan, at))
      return refused(reason)
    }
    const entry = { ...entryOfNobody(scan, gate), scannedAt: timeOf(scan, at), receivedAt: at }
    return { ...refused('unknown'), recorded: recordedOf(parts.judging.append(entry, ask.fingerprint)) }
  })
  return { outcomes, conflicts }
}

function entryOfNobody({ ask, shown, clock, sequence }: SyncedScan, gate: Gate) {
  return {
    scanId: ask.scanId,
    ticketId: null,
    type: null,
    gateId: gate.id,
    zone: gate.zone,
    deviceId: ask.deviceId,
    staffId: ask.staffId,
    direction: directionOf(gate, ask.direction, shown),
    people: ask.people,
    verdict: { kind: 'refused', refusal: { reason: 'unknown' } } satisfies Verdict,
    insideChange: 0,
    first: false,
    source: ask.source,
    forceReason: ask.forceReason,
    validationMs: 0,
    offline: { sequence, token: null, clock, amends: null },
  }
}

function outcomeOf(parts: EventParts, entry: Entry, { judged, conflicts }: Attribution): SyncOutcome {
  const conflict = conflicts.some(({ seq }) => seq === entry.seq) ? parts.conflicts.of(entry.seq) : null
  const common = { conflict, recorded: recordedOf(entry), annulledAt: null }
  if (conflict !== null) return { ...common, outcome: 'conflict', code: conflict.judged }
  if (entry.verdict.kind !== 'refused') return { ...common, outcome: 'ok', code: null }
  const shown = shownAs(entry.verdict)
  const now = judged.get(entry.seq)
  const isDuplicate = shown === 'already_admitted' || (now !== undefined && shownAs(now) === 'already_admitted')
  return isDuplicate
    ? { ...common, outcome: 'duplicate', code: 'already_admitted' }
    : { ...common, outcome: 'refused', code: shown }
}

function replay(parts: EventParts, entry: Entry): SyncOutcome {
  return {
    outcome: 'replayed',
    code: entry.verdict.kind === 'refused' ? entry.verdict.refusal.reason : null,
    conflict: parts.conflicts.of(entry.seq),
    recorded: recordedOf(entry),
    annulledAt: parts.log.annulledAt(entry.seq),
  }
}

function recordedOf({ seq, scanId, scannedAt, verdict: { kind } }: Entry): RecordedAlone {
  return { seq, scanId, scannedAt, verdict: { kind } }
}

/** Nothing is known of this scan: it may be sent again. */
export function notSynced(): SyncOutcome {
  return refused('internal')
}

function refused(code: string): SyncOutcome {
  return { outcome: 'refused', code, conflict: null, recorded: null, annulledAt: null }
}

/** Whoever asked to hear of conflicts is told of a new one; one that is settled needs nobody's attention. */
export function tellOf({ notices }: EventParts, conflict: KnownConflict, at: number): void {
  if (conflict.settled) return
  const { ticketId, scanId, shown, judged, gateId, deviceId } = conflict
  const details = { scanId, shown, judged, gateId, deviceId, withScanId: conflict.with?.scanId ?? null }
  notices.raise({ kind: 'scan.conflict', ticketId, details }, at)
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}
