import { ok, problem, type Recorded, type Result } from '../../core/answers.ts'
import { happeningOf } from '../../core/attribution.ts'
import { type Gate, type TicketType, withCapacity, type Zone } from '../../core/event.ts'
import type { SignedCode } from '../../core/formats.ts'
import { type Direction, directionAt } from '../../core/gate.ts'
import {
  type DeviceId,
  type ScanId,
  type StaffId,
  type TicketId,
  type TypeId,
  uuidAt,
  type ZoneId,
} from '../../core/ids.ts'
import { type Circumstances, judge } from '../../core/judge.ts'
import { lastTimeOfDay, localDay } from '../../core/local-day.ts'
import type { Entry, ScanSource } from '../../core/log.ts'
import type { RoomName } from '../../core/shards.ts'
import { advance, afterClearing, noStanding, type Standing } from '../../core/standing.ts'
import type { TokenWindow } from '../../core/token.ts'
import type { Refusal, Verdict } from '../../core/verdict.ts'
import type { CodeFormats } from '../event/code-formats.ts'
import type { Configuration } from '../event/configuration.ts'
import type { Notices } from '../live/notices.ts'
import type { Conflicts, KnownConflict } from '../offline/conflicts.ts'
import type { Held, Leases } from '../offline/leases.ts'
import type { Rooms } from '../shards/rooms.ts'
import type { TicketDetails } from '../tickets/ticket-rows.ts'
import type { Tickets } from '../tickets/tickets.ts'
import type { Counters } from './counters.ts'
import type { ScanLog } from './scan-log.ts'
import type { Standings } from './standings.ts'
import type { Telling } from './telling.ts'

/** A scan that the Worker has opened and checked. */
export type ScanAsk = {
  scanId: ScanId
  /** How the ticket was found. The token's own times are in seconds since 1970. */
  presented:
    | ({ by: 'token'; ticketId: TicketId; issuedAt: number } & TokenWindow)
    | { by: 'ticket'; ticketId: TicketId }
    /** `shortCode` is what a typed text means where no printed code is spelt so. */
    | { by: 'code'; code: string; shortCode?: string }
    /** `formats` is the version of the event's formats that it was opened with. */
    | { by: 'signed'; signed: SignedCode; formats: number }
  gateId: string
  direction: 'entry' | 'exit' | null
  people: number
  forceReason: string | null
  source: ScanSource | null
  deviceId: DeviceId | null
  staffId: StaffId | null
  /** 8 bytes that stand for what was asked: the same scanId with others is another scan under a used name. */
  fingerprint: Uint8Array
  /** Milliseconds that the Worker and the way here took so far. */
  spentMs: number
}

/** Why a scan was not judged yet: another device holds its ticket, or this object has to be lent some of a room. */
export type Waiting = { held: Held } | { needs: Record<RoomName, number> }

/** A scan that was judged and written. */
export type Judged = { recorded: Recorded; settle: () => void }

/** A person's wish to take an admission back. `newScanId` becomes the name of the annulment in the log. */
export type Annulling = {
  scanId: ScanId
  newScanId: ScanId
  reason: string
  deviceId: DeviceId | null
  staffId: StaffId | null
  isSupervisor: boolean
}

/** Looks up, judges and writes, in one breath. There is no `await` in this file. */
export class Judging {
  readonly #configuration: Configuration
  readonly #tickets: Tickets
  readonly #standings: Standings
  readonly #log: ScanLog
  readonly #counters: Counters
  readonly #telling: Telling
  readonly #formats: CodeFormats
  readonly #notices: Notices
  readonly #conflicts: Conflicts
  readonly #leases: Leases
  readonly #rooms: Rooms

  constructor(
    configuration: Configuration,
    tickets: Tickets,
    standings: Standings,
    log: ScanLog,
    counters: Counters,
    telling: Telling,
    formats: CodeFormats,
    notices: Notices,
    conflicts: Conflicts,
    leases: Leases,
    rooms: Rooms,
  ) {
    this.#configuration = configuration
    this.#tickets = tickets
    this.#standings = standings
    this.#log = log
    this.#counters = counters
    this.#telling = telling
    this.#formats = formats
    this.#notices = notices
    this.#conflicts = conflicts
    this.#leases = leases
    this.#rooms = rooms
  }

  /**
   * Gives the recorded answer to a scan that is known, and judges and writes one that is not. The caller holds the
   * transaction and calls `settle` when it has held. Where nothing is against it but that another device holds the ticket,
   * or that this object may fill no more of a room, `askFirst` has nothing written: the holder, or whoever has more room,
   * is to be asked, and the scan to be judged again.
   */
  record(ask: ScanAsk, at: number, askFirst?: false): Result<Judged>
  record(ask: ScanAsk, at: number, askFirst: boolean): Result<Judged | Waiting>
  record(ask: ScanAsk, now: number, askFirst = false): Result<Judged | Waiting> {
    const at = this.#log.timeAt(now)
    const known = this.#log.known(ask.scanId)
    if (known) {
      return sameBytes(known.fingerprint, ask.fingerprint)
        ? ok({ recorded: this.#telling.again(known), settle: () => {} })
        : problem('scan_id_conflict')
    }
    const gate = this.#configuration.gates.get(ask.gateId)
    if (!gate) return problem('unknown_gate')
    // A format that was switched off or given another secret a moment ago opens nothing any more.
    if (ask.presented.by === 'signed' && ask.presented.formats !== this.#formats.version) {
      return problem('formats_changed')
    }
    const ticket = this.find(ask.presented)
    return ok(ticket ? this.#recordTicket(ask, gate, ticket, at, askFirst) : this.#recordUnknown(ask, gate, at))
  }

  /**
   * Takes an admission back: for standing, counts and capacity it never was, and in the log both stand. Gives the
   * admission, and the conflicts that it was in or that others are in for it. The caller holds the transaction and calls
   * `settle` when it has held.
   */
  annul(
    annulling: Annulling,
    now: number,
  ): Result<{ recorded: Recorded; settle: () => void; conflicts: KnownConflict[] }> {
    const at = this.#log.timeAt(now)
    const logged = this.#log.known(annulling.scanId)
    if (!logged) return problem('not_found')
    const admission = logged.entry
    const ticket = admission.ticketId === null ? null : this.#tickets.get(admission.ticketId)
    if (admission.verdict.kind !== 'admitted' || !ticket) return problem('not_admitted')
    if (this.#log.annulledAt(admission.seq) !== null) return problem('already_annulled')
    const no = mayNotAnnul(annulling, admission, at)
    if (no) return problem(no)
    const zoneNumber = this.#configuration.zones.numberOf(admission.zone) ?? 0
    const standing = this.#standing(ticket.id, zoneNumber)
    this.#log.annul(admission.seq, this.#log.head + 1, at)
    const attribution = this.#conflicts.attribute(ticket, admission.zone)
    const conflicts = this.#conflicts.settle(ticket, admission.zone, attribution, this.#log.head + 1)
    const next = attribution.standing
    const { settle } = this.#append({
      ...admission,
      scanId: annulling.newScanId,
      deviceId: annulling.deviceId,
      staffId: annulling.staffId,
      verdict: { kind: 'annulled', seq: admission.seq, staffId: admission.staffId, deviceId: admission.deviceId },
      insideChange: next.inside - standing.inside,
      first: standing.entries > 0 && next.entries === 0 && !this.isAdmittedElsewhere(ticket.id),
      forceReason: annulling.reason,
      scannedAt: at,
      receivedAt: at,
      validationMs: 0,
      offline: null,
    })
    return ok({ recorded: this.#telling.fromLog(logged), settle, conflicts })
  }

  /**
   * Takes everybody to have left the zones for which it is that time of day. The caller holds the transaction; should it
   * not hold, memory is read anew.
   */
  clearZones(at: number): void {
    const { event, zones } = this.#configuration
    for (const zone of event.zones) {
      if (zone.everyoneOutAt === null) continue
      const number = zones.numberOf(zone.id) ?? 0
      const dueAt = lastTimeOfDay(at, zone.everyoneOutAt, event.timezone)
      if (dueAt <= Math.max(this.#standings.clearedAt(number) ?? 0, event.createdAt)) continue
      this.#standings.clear(number, dueAt)
      this.#rooms.cleared(zone.id)
      this.#configuration.reconfigured()
      this.#append({
        ...everyoneOut(zone.id, this.#log.timeAt(at), dueAt),
        insideChange: -this.#counters.inside(zone.id),
      }).settle()
    }
  }

  #recordTicket(ask: ScanAsk, gate: Gate, ticket: TicketDetails, at: number, askFirst: boolean): Judged | Waiting {
    const { event, zones } = this.#configuration
    const zoneNumber = zones.numberOf(gate.zone) ?? 0
    const type = this.#configuration.type(ticket.type) as TicketType
    const zone = withCapacity(zones.byNumber(zoneNumber) as Zone, event)
    const cacheHit = this.#standings.holds(ticket.id, zoneNumber)
    const standing = this.#standing(ticket.id, zoneNumber)
    const direction = directionAt(gate, ask.direction, standing)
    const day = localDay(at, event.timezone)
    const share = { ticketId: ticket.id, type: type.id, zone: zone.id }
    const held = direction === 'entry' ? this.#leases.heldAgainst(share, ask.deviceId) : null
    const room = this.#rooms.own(zone.id, null)
    const roomOfType = this.#rooms.own(zone.id, type.id)
    const around: Circumstances = {
      event,
      policy: event.policy,
      type: roomOfType.capacity === type.capacity ? type : { ...type, capacity: roomOfType.capacity },
      zone: room.capacity === zone.capacity ? zone : { ...zone, capacity: room.capacity },
      inside: room.inside,
      insideOfType: roomOfType.inside,
      gates: this.#configuration.gates.all(),
      heldBy: held?.gateId ?? null,
    }
    const judged = judge(narrowed(ticket, ask.presented), gate, standing, around, {
      direction,
      people: ask.people,
      at,
      day,
      tokenIssuedAt: this.#issuedAt(ask.presented, ticket),
      tokenWindow: ask.presented.by === 'token' ? ask.presented : null,
      forced: ask.forceReason !== null,
    })
    if (held !== null && askFirst && isHeld(judged)) return { held }
    const needs = this.#rooms.areShared && lacksRoom(judged) ? this.#rooms.needed(zone.id, type.id, ask.people) : null
    if (needs !== null && askFirst) return { needs }
    const verdict = needs === null ? judged : this.#ofWholeRooms(judged, zone.id, type.id, needs)
    const seq = this.#log.head + 1
    const happening = happeningOf(verdict, { admits: ticket.admits, reentry: zone.reentry, at, day, seq })
    const next = happening ? advance(standing, happening) : standing
    if (next !== standing) this.#standings.put(ticket.id, zoneNumber, next)
    return this.#write(ask, gate, direction, verdict, at, cacheHit, {
      ticket,
      insideChange: next.inside - standing.inside,
      first:
        verdict.kind === 'visited'
          ? next.presented === 1
          : standing.entries === 0 && next.entries > 0 && !this.isAdmittedElsewhere(ticket.id),
    })
  }

  /** The ticket that was presented, if there is one. */
  find(presented: ScanAsk['presented']): TicketDetails | null {
    switch (presented.by) {
      case 'token':
      case 'ticket':
        return this.#tickets.get(presented.ticketId)
      case 'code':
        return (
          this.#tickets.withCode(presented.code) ??
          (presented.shortCode === undefined ? null : this.#tickets.withShortCode(presented.shortCode))
        )
      case 'signed':
        return this.#tickets.named(presented.signed)
    }
  }

  /** When the code was made, where that can make it an older one of a reissued ticket. */
  #issuedAt(presented: ScanAsk['presented'], ticket: TicketDetails): number | null {
    if (presented.by === 'token') return presented.issuedAt
    if (presented.by !== 'signed') return null
    // The shop may have signed it long before it had the ticket issued here: only a reissue supersedes it.
    const reissuedAt = this.#tickets.reissuedAt(ticket.id)
    const madeAt = presented.signed.madeAt ?? 0
    return reissuedAt !== null && madeAt < reissuedAt ? 0 : null
  }

  /** What is full is told as everybody sees it, and not as this object's part of it. */
  #ofWholeRooms(verdict: Verdict, zone: ZoneId, type: TypeId, needs: Record<RoomName, number>): Verdict {
    const { capacity, inside } = this.#rooms.whole(zone, zone in needs ? null : type)
    const whole = { reason: 'full' as const, capacity: capacity ?? 0, inside }
    if (verdict.kind === 'refused' && verdict.refusal.reason === 'full') return { ...verdict, refusal: whole }
    return verdict.kind === 'admitted' && verdict.forced?.reason === 'full' ? { ...verdict, forced: whole } : verdict
  }

  #recordUnknown(ask: ScanAsk, gate: Gate, at: number) {
    const direction = directionAt(gate, ask.direction, noStanding)
    const { closedAt } = this.#configuration.event
    const refusal: Refusal =
      closedAt !== null && direction !== 'exit' ? { reason: 'event_closed', closedAt } : { reason: 'unknown' }
    const nothing = { ticket: null, insideChange: 0, first: false }
    return this.#write(ask, gate, direction, { kind: 'refused', refusal }, at, false, nothing)
  }

  #write(
    ask: ScanAsk,
    gate: Gate,
    direction: Direction,
    verdict: Verdict,
    at: number,
    cacheHit: boolean,
    outcome: { ticket: TicketDetails | null; insideChange: number; first: boolean },
  ): { recorded: Recorded; settle: () => void } {
    const { ticket, insideChange, first } = outcome
    const { entry, settle } = this.#append(
      {
        scanId: ask.scanId,
        ticketId: ticket?.id ?? null,
        type: ticket?.type ?? null,
        gateId: gate.id,
        zone: gate.zone,
        deviceId: ask.deviceId,
        staffId: ask.staffId,
        direction,
        people: ask.people,
        verdict,
        insideChange,
        first,
        source: ask.source,
        forceReason: ask.forceReason,
        scannedAt: at,
        receivedAt: at,
        validationMs: Math.round(ask.spentMs * 10) / 10,
        offline: null,
      },
      cacheHit,
      ask.fingerprint,
    )
    return { recorded: this.#telling.first(entry, cacheHit, ticket), settle }
  }

  /** Writes an entry that is judged already. The caller holds the transaction; should it not hold, memory is read anew. */
  append(scan: Omit<Entry, 'seq'>, fingerprint: Uint8Array, cacheHit = false): Entry {
    const { entry, settle } = this.#append(scan, cacheHit, fingerprint)
    settle()
    return entry
  }

  /** Whether a ticket that is admitted nowhere in one zone is so in another. */
  isAdmittedElsewhere(ticket: TicketId): boolean {
    return this.#configuration.event.zones.length > 1 && this.#log.isAdmitted(ticket)
  }

  /** Why something presented that is no ticket of the event is none. */
  reasonWithoutTicket(presented: ScanAsk['presented']): 'unreadable' | 'unknown' {
    return presented.by === 'code' && !this.#tickets.hasCodes() ? 'unreadable' : 'unknown'
  }

  #append(scan: Omit<Entry, 'seq'>, cacheHit = false, fingerprint: Uint8Array = new Uint8Array(8)) {
    const { entry, settle } = this.#log.append(scan, cacheHit, fingerprint)
    this.#notices.ofEntry(entry, this.#counters.inside(entry.zone))
    return {
      entry,
      settle: () => {
        settle()
        this.#counters.count(entry)
      },
    }
  }

  #standing(ticket: TicketId, zone: number): Standing {
    return afterClearing(this.#standings.get(ticket, zone), this.#standings.clearedAt(zone))
  }
}

/** Whether nothing but another device's hold is against it, a supervisor's word or not. */
function isHeld(verdict: Verdict): boolean {
  const refusal = verdict.kind === 'refused' ? verdict.refusal : verdict.kind === 'admitted' ? verdict.forced : null
  return refusal?.reason === 'held_elsewhere'
}

function lacksRoom(verdict: Verdict): boolean {
  if (verdict.kind === 'refused') return verdict.refusal.reason === 'full'
  return verdict.kind === 'admitted' && (verdict.overfull || verdict.forced?.reason === 'full')
}

/** The ticket as a signed code shows it: good for no longer than both of them say. */
function narrowed(ticket: TicketDetails, presented: ScanAsk['presented']): TicketDetails {
  if (presented.by !== 'signed') return ticket
  const { validFrom, validUntil } = presented.signed
  return {
    ...ticket,
    validFrom: validFrom === null ? ticket.validFrom : Math.max(validFrom, ticket.validFrom ?? validFrom),
    validUntil: validUntil === null ? ticket.validUntil : Math.min(validUntil, ticket.validUntil ?? validUntil),
  }
}

function everyoneOut(zone: ZoneId, at: number, dueAt: number): Omit<Entry, 'seq'> {
  return {
    scanId: uuidAt<ScanId>(at, crypto.getRandomValues(new Uint8Array(16))),
    ticketId: null,
    type: null,
    gateId: null,
    zone,
    deviceId: null,
    staffId: null,
    direction: 'exit',
    people: 0,
    verdict: { kind: 'everyone_out' },
    insideChange: 0,
    first: false,
    source: null,
    forceReason: null,
    scannedAt: dueAt,
    receivedAt: at,
    validationMs: 0,
    offline: null,
  }
}

/** Within this long, whoever let somebody in may take it back on the same device. */
const ANNUL_WITHIN_MS = 15 * 60 * 1000

function mayNotAnnul({ deviceId, isSupervisor }: Annulling, admission: Entry, at: number) {
  if (isSupervisor) return null
  if (deviceId === null || deviceId !== admission.deviceId) return 'supervisor_needed' as const
  return at - admission.receivedAt > ANNUL_WITHIN_MS ? ('too_late_to_annul' as const) : null
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}
