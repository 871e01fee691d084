import { type Attribution, attribute, type Conflict } from '../../../core/attribution.ts'
import { type Gate, statusOf, type TicketType, withCapacity, type Zone } from '../../../core/event.ts'
import type { GateId, ScanId, TicketId, TypeId, ZoneId } from '../../../core/ids.ts'
import type { Entry } from '../../../core/log.ts'
import type { KnownStanding, KnownState } from '../../../core/snapshot.ts'
import { noStanding, type Standing } from '../../../core/standing.ts'
import type { Logged } from '../../../durable-objects/scans/scan-log.ts'
import type { TicketDetails } from '../../../durable-objects/tickets/ticket-rows.ts'
import type { Evening } from './evening.ts'
import type { Journal } from './journal.ts'
import type { Broken } from './rules.ts'

/** What is kept of one ticket. Whatever is of one zone stands at the zone's place. */
export type TicketFile = {
  no: number
  ticket: TicketDetails
  firstIssuedAt: number
  changes: { at: number; revision: number; ticket: TicketDetails }[]
  standings: (Standing | null)[]
  entries: Entry[][]
  conflicts: Conflict[][]
  /** The standing as devices are told it, made when the first of them is. */
  told: (KnownStanding | null)[]
  state: KnownState | null
}

const noFingerprint = new Uint8Array(8)
const NONE: readonly never[] = []

/** Clocks of machines that take over from each other differ by less. */
const CLOCK_MAY_GO_BACK_MS = 60_000

/**
 * What the Gatekeeper's tables hold, in memory: the log, standings, tickets and conflicts, with no rule in it. A crash takes
 * back through the journal what was not on the disk.
 */
export class Ledger {
  readonly entries: Entry[] = []
  readonly annulled = new Map<number, number>()
  readonly files: TicketFile[]
  readonly inside: number[]
  /** The same of each ticket type, by zone and type. */
  readonly insideOfType: number[]
  readonly gates = new Map<GateId, Gate>()
  revision = 1
  /** What configuration devices know of has this revision. */
  configuredAt = 1
  notBefore = 0
  /** What was decided about tickets, in order. */
  readonly decisions: { revision: number; file: TicketFile }[] = []
  /** With the rule taken out: what somebody looked up a moment ago, and judges by now. */
  stale: { file: TicketFile; zone: number; standing: Standing } | null = null
  readonly #byScan = new Map<ScanId, Logged>()
  readonly #byId = new Map<TicketId, TicketFile>()
  readonly #evening: Evening
  readonly #journal: Journal
  readonly #broken: Broken
  readonly #zoneAt: Map<ZoneId, number>
  readonly #typeOf: Map<string, TicketType>

  constructor(evening: Evening, journal: Journal, broken: Broken) {
    this.#evening = evening
    this.#journal = journal
    this.#broken = broken
    this.#zoneAt = new Map(evening.zones.map(({ id }, i) => [id, i]))
    this.#typeOf = new Map(evening.types.map((type) => [type.id, type]))
    this.inside = evening.zones.map(() => 0)
    this.insideOfType = evening.zones.flatMap(() => evening.types.map(() => 0))
    for (const gate of evening.gates) this.gates.set(gate.id, gate)
    this.files = evening.tickets.map(({ id, type, isPaid }, no) => fileOf(no, id, type, isPaid, evening.zones.length))
    for (const file of this.files) {
      this.#byId.set(file.ticket.id, file)
      if (file.state !== null) this.decisions.push({ revision: this.revision, file })
    }
  }

  file(ticket: TicketId): TicketFile {
    return this.#byId.get(ticket) as TicketFile
  }

  zoneAt(zone: ZoneId): number {
    return this.#zoneAt.get(zone) as number
  }

  get head(): number {
    return this.entries.length
  }

  /** The log, as whoever judges sees it. */
  readonly log = {
    head: 0,
    timeAt: (now: number): number =>
      this.notBefore - now > CLOCK_MAY_GO_BACK_MS ? now : Math.max(now, this.notBefore),
    known: (scanId: ScanId): Logged | null =>
      this.#broken === 'onceByScanId' ? null : (this.#byScan.get(scanId) ?? null),
    unheard: (scanIds: ScanId[]): Set<ScanId> => new Set(scanIds.filter((id) => !this.log.known(id))),
    annulledAt: (seq: number): number | null => this.annulled.get(seq) ?? null,
    annul: (seq: number, _by: number, at: number): void => {
      if (this.#broken === 'annulledOnce') return
      this.annulled.set(seq, at)
      this.#journal.wrote(() => this.annulled.delete(seq))
    },
    isAdmitted: (ticket: TicketId): boolean =>
      this.file(ticket).entries.some((all) =>
        all.some(({ seq, verdict }) => verdict.kind === 'admitted' && !this.annulled.has(seq)),
      ),
    append: (scan: Omit<Entry, 'seq'>): { entry: Entry; settle: () => void } => {
      const entry = scan as Entry
      entry.seq = this.entries.length + 1
      this.#append(entry)
      return { entry, settle: () => {} }
    },
  }

  readonly standings = {
    holds: () => true,
    get: (ticket: TicketId, zone: number): Standing => {
      const file = this.file(ticket)
      const { stale } = this
      if (stale !== null && stale.file === file && stale.zone === zone) return stale.standing
      return file.standings[zone] ?? noStanding
    },
    put: (ticket: TicketId, zone: number, standing: Standing): void => {
      const file = this.file(ticket)
      const [before, toldBefore] = [file.standings[zone] ?? null, file.told[zone] ?? null]
      const isCredit = this.#broken === 'noCredit' && before?.inside === 0 && standing.exits > before.exits
      file.standings[zone] = isCredit ? { ...standing, entries: standing.entries - 1, inside: -1 } : standing
      file.told[zone] = null
      this.#journal.wrote(() => {
        file.standings[zone] = before
        file.told[zone] = toldBefore
      })
    },
    clearedAt: () => null,
    clearings: () => NONE,
  }

  readonly tickets = {
    get: (ticket: TicketId): TicketDetails | null => {
      const { ticket: found } = this.file(ticket)
      const isOpen = this.#broken === 'revokedIsRefused'
      return isOpen ? { ...found, paid: true, revokedAt: null, blockedAt: null, issuedAt: 0 } : found
    },
    withIds: (ids: TicketId[]): Map<TicketId, TicketDetails> => new Map(ids.map((id) => [id, this.file(id).ticket])),
    reissuedAt: () => null,
    hasCodes: () => false,
  }

  readonly conflicts = {
    unscanned: (tickets: TicketId[]): Set<TicketId> =>
      new Set(tickets.filter((id) => this.file(id).entries.every(({ length }) => length === 0))),
    entriesOf: (ticket: TicketId, zone: ZoneId): Entry[] =>
      (this.file(ticket).entries[this.zoneAt(zone)] ?? []).filter(({ seq }) => !this.annulled.has(seq)),
    attribute: (
      { id }: TicketDetails,
      zone: ZoneId,
      entries: Entry[] = this.conflicts.entriesOf(id, zone),
    ): Attribution => this.attribute(this.file(id), this.zoneAt(zone), entries),
    settle: ({ id }: TicketDetails, zoneId: ZoneId, { standing, conflicts }: Attribution) => {
      const [file, zone] = [this.file(id), this.zoneAt(zoneId)]
      if (this.#broken !== 'aloneBears') this.standings.put(id, zone, standing)
      const before = file.conflicts[zone] ?? []
      const [first, ...others] = conflicts
      const isLost = this.#broken === 'conflictIsKept' && first !== undefined && first.seq % 3 === 0
      file.conflicts[zone] = isLost ? others : conflicts
      this.#journal.wrote(() => {
        file.conflicts[zone] = before
      })
      return []
    },
    of: (seq: number): Conflict | null => {
      const entry = this.entries[seq - 1]
      if (!entry || entry.ticketId === null) return null
      const all = this.file(entry.ticketId).conflicts[this.zoneAt(entry.zone)] ?? []
      return all.find((conflict) => conflict.seq === seq) ?? null
    },
    hasStray: () => false,
  }

  /** What becomes of a ticket with these entries, by the shipped rule. */
  attribute(file: TicketFile, zone: number, entries: Iterable<Entry>): Attribution {
    const { event } = this.#evening
    return attribute(this.#broken === null ? entries : this.#distorted(entries), {
      ticketAt: (at) => (file.changes.findLast((change) => change.at <= at) ?? file.changes[0] ?? file).ticket,
      type: this.type(file.ticket.type),
      zone: this.zone(zone),
      event,
      policy: event.policy,
      gates: this.gates,
      clearedAt: NONE,
    })
  }

  /** Where people of a type in a zone are counted. */
  typeAt(zone: ZoneId, type: TypeId): number {
    return this.zoneAt(zone) * this.#evening.types.length + this.type(type).number - 1
  }

  type(id: string): TicketType {
    return this.#typeOf.get(id) as TicketType
  }

  zone(at: number): Zone {
    return withCapacity(this.#evening.zones[at] as Zone, this.#evening.event)
  }

  /** Where a ticket stands, as devices are told it; null where nothing that was to be stored ever happened. */
  standingTold(file: TicketFile, zone: number): KnownStanding | null {
    const standing = file.standings[zone]
    if (!standing) return null
    const known = file.told[zone]
    if (known) return known
    const { entries, exits, inside, presented, entriesToday: today, firstAt, lastAt, admission } = standing
    const gateId = admission === null ? null : (this.entries[admission - 1]?.gateId ?? null)
    const zoneId = this.zone(zone).id
    const told = {
      ticketId: file.ticket.id,
      zone: zoneId,
      entries,
      exits,
      inside,
      presented,
      today,
      firstAt,
      lastAt,
      gateId,
    }
    file.told[zone] = told
    return told
  }

  /** Keeps what an organiser decided about a ticket. */
  decide(file: TicketFile, change: Partial<TicketDetails>, at: number): number {
    const [ticket, state, changes, revision] = [file.ticket, file.state, file.changes, this.revision]
    this.revision += 1
    const next = { ...ticket, ...change }
    file.ticket = { ...next, status: statusOf(next) }
    const first = changes.length === 0 ? [{ at: 0, revision: 0, ticket }] : []
    file.changes = [...changes, ...first, { at, revision: this.revision, ticket: file.ticket }]
    const { revokedAt, blockedAt, issuedAt, status } = file.ticket
    const isReissued = issuedAt > file.firstIssuedAt
    file.state = {
      ticketId: ticket.id,
      at: revokedAt ?? blockedAt ?? at,
      status: status === 'valid' && isReissued ? 'superseded' : status,
      validSince: issuedAt,
    }
    this.decisions.push({ revision: this.revision, file })
    this.#journal.wrote(() => {
      this.decisions.pop()
      file.ticket = ticket
      file.state = state
      file.changes = changes
      this.revision = revision
    })
    return this.revision
  }

  /** Opens, changes or closes a way in. */
  putGate(gate: Gate): void {
    const [before, revision, configuredAt] = [this.gates.get(gate.id), this.revision, this.configuredAt]
    this.gates.set(gate.id, gate)
    this.revision += 1
    this.configuredAt = this.revision
    this.#journal.wrote(() => {
      if (before) this.gates.set(gate.id, before)
      else this.gates.delete(gate.id)
      this.revision = revision
      this.configuredAt = configuredAt
    })
  }

  #append(entry: Entry): void {
    const { entries, notBefore } = this
    const zone = this.zoneAt(entry.zone)
    const mine = this.file(entry.ticketId as TicketId).entries[zone] as Entry[]
    entries.push(entry)
    this.log.head = entries.length
    mine.push(entry)
    const replaced = this.#byScan.get(entry.scanId)
    this.#byScan.set(entry.scanId, { entry, cacheHit: true, fingerprint: noFingerprint })
    const ofType = this.typeAt(entry.zone, entry.type as TypeId)
    this.inside[zone] = (this.inside[zone] as number) + entry.insideChange
    this.insideOfType[ofType] = (this.insideOfType[ofType] as number) + entry.insideChange
    this.notBefore = entry.receivedAt + (entry.offline === null ? 0 : 1)
    this.#journal.wrote(() => {
      entries.pop()
      this.log.head = entries.length
      mine.pop()
      if (replaced) this.#byScan.set(entry.scanId, replaced)
      else this.#byScan.delete(entry.scanId)
      this.inside[zone] = (this.inside[zone] as number) - entry.insideChange
      this.insideOfType[ofType] = (this.insideOfType[ofType] as number) - entry.insideChange
      this.notBefore = notBefore
    })
  }

  /** What a rule that was taken out makes of entries that are judged again. */
  #distorted(entries: Iterable<Entry>): Iterable<Entry> {
    switch (this.#broken) {
      case 'judgedByUse':
        return [...entries].map((entry) => (isOwnAdmission(entry) ? { ...entry, offline: asIfAlone } : entry))
      case 'allTimesInOrder':
        return [...entries].map((entry) => ({ ...entry, scannedAt: entry.receivedAt }))
      default:
        return entries
    }
  }
}

const isOwnAdmission = ({ offline, verdict }: Entry) => offline === null && verdict.kind === 'admitted'
const asIfAlone = { sequence: null, token: null, clock: 'anchored', amends: null } as const

function fileOf(
  no: number,
  id: TicketId,
  { id: type, admits, number }: TicketType,
  paid: boolean,
  zones: number,
): TicketFile {
  const ticket: TicketDetails = {
    id,
    type,
    admits,
    issuedAt: ISSUED_AT,
    validFrom: null,
    validUntil: null,
    paid,
    blockedAt: null,
    revokedAt: null,
    reason: null,
    note: null,
    requiresAttention: false,
    status: paid ? 'valid' : 'unpaid',
    shortCode: '',
    reference: null,
    holder: { name: null, email: null },
    booking: null,
    link: 0,
    typeNumber: number,
  }
  return {
    no,
    ticket,
    firstIssuedAt: ISSUED_AT,
    changes: [],
    standings: Array.from({ length: zones }, () => null),
    entries: Array.from({ length: zones }, () => []),
    conflicts: Array.from({ length: zones }, () => []),
    told: Array.from({ length: zones }, () => null),
    // A device judges a good ticket by its token alone; of these it must hear.
    state: paid ? null : { ticketId: id, at: 0, status: 'unpaid', validSince: ISSUED_AT },
  }
}

/** In seconds, before the doors opened. */
export const ISSUED_AT = 800_000
