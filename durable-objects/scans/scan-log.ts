import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import type { Direction } from '../../core/gate.ts'
import { bytesToUuid, type GateId, type ScanId, type TicketId, uuidToBytes, type ZoneId } from '../../core/ids.ts'
import { type Alone, chain, chainStart, type Entry, type ScanSource } from '../../core/log.ts'
import { countEntry, noStats, type Stats } from '../../core/stats.ts'
import type { Verdict } from '../../core/verdict.ts'
import type { Devices } from '../devices/devices.ts'
import type { Configuration } from '../event/configuration.ts'
import { Meta } from '../meta.ts'

/** An entry and what is kept beside it: how it was found, and what exactly was asked. */
export type Logged = { entry: Entry; cacheHit: boolean; fingerprint: Uint8Array }

/** What an entry is read from; what only `Logged` has beside it is not in it. */
type EntryRow = {
  seq: number
  scan: ArrayBuffer
  ticket: ArrayBuffer | null
  type: number | null
  gate: number
  zone: number
  device: number | null
  staff: number | null
  direction: string
  people: number
  verdict: string
  inside_change: number
  first: number
  source: string | null
  force_reason: string | null
  scanned_at: number
  received_at: number
  validation_ms: number
  offline: string | null
}

type Row = EntryRow & { cache_hit: number; fingerprint: ArrayBuffer; chain: ArrayBuffer }

/** Whoever reads many entries pays for each value of each: no fingerprint and no hash where nobody asks for them. */
const entryColumns = `seq, scan, ticket, type, gate, zone, device, staff, direction, people, verdict, inside_change,
  first, source, force_reason, scanned_at, received_at, validation_ms, offline`

/** The last entry before the first one that is there, its hash, and what all up to it add up to. */
export type LogStart = { seq: number; chain: Uint8Array; stats: Stats }

// The ids go in as one text and come out as they went in, so that a hundred cost one statement.
const selectUnheard = `SELECT value FROM json_each(?) AS asked
  WHERE NOT EXISTS (SELECT 1 FROM entry WHERE scan = unhex(asked.value, '-'))`

/** Stands where an entry happened at no gate. Gates are numbered from 1. */
const NO_GATE = 0

/** So many entries at least are held in memory once they were written. */
const TAIL = 1000

/** Clocks of machines that take over from each other differ by less. */
const CLOCK_MAY_GO_BACK_MS = 60_000

/** Of one millisecond, what a device judged alone counts as the later: whatever is judged after it comes a millisecond on. */
function nextAt(receivedAt: number, wasAlone: boolean): number {
  return receivedAt + (wasAlone ? 1 : 0)
}

/** The log: every scan in order, with its verdict. It is appended to and never changed. */
export class ScanLog {
  readonly #sql: SqlStorage
  readonly #configuration: Configuration
  readonly #devices: Devices
  #head: { seq: number; chain: Uint8Array }
  /** What comes after the last entry is not earlier than this. */
  #notBefore: number
  /** The newest entries, up to the head: the outbox asks for them a moment after they were written. */
  #tail: Entry[] = []

  constructor(sql: SqlStorage, configuration: Configuration, devices: Devices) {
    this.#sql = sql
    this.#configuration = configuration
    this.#devices = devices
    const last = sql.exec<Row>('SELECT * FROM entry ORDER BY seq DESC LIMIT 1').toArray()[0]
    this.#head = last ? { seq: last.seq, chain: new Uint8Array(last.chain) } : this.start
    this.#notBefore = last ? nextAt(last.received_at, last.offline !== null) : 0
  }

  /** The number of the last entry. */
  get head(): number {
    return this.#head.seq
  }

  /**
   * The time of what is judged now. It does not go back where the clock does by a little, as between two machines, so that
   * a ticket's scans are in the order in which they were judged. A clock that was quite wrong is believed when it is set.
   */
  timeAt(now: number): number {
    return this.#notBefore - now > CLOCK_MAY_GO_BACK_MS ? now : Math.max(now, this.#notBefore)
  }

  /** Where the log begins: after the entries that were forgotten, with what they added up to. */
  get start(): LogStart {
    const stored = new Meta(this.#sql).text('log_start')
    if (stored === null) return { seq: 0, chain: chainStart, stats: noStats() }
    const { seq, chain: hex, stats } = JSON.parse(stored) as { seq: number; chain: string; stats: Stats }
    return { seq, chain: hexToBytes(hex), stats: { ...noStats(), ...stats } }
  }

  /**
   * Forgets the oldest entries, up to `limit`; gives whether none is left. The chain goes on from the last of them. The
   * caller holds the transaction, and knows that D1 has them.
   */
  forget(limit: number): boolean {
    const { seq, stats, ...start } = this.start
    const old = this.stored(seq, limit)
    const last = old.at(-1)
    if (!last) return true
    for (const { entry } of old) countEntry(stats, entry)
    const now = { ...start, seq: last.entry.seq, chain: bytesToHex(last.chain), stats }
    new Meta(this.#sql).set('log_start', JSON.stringify(now))
    this.#sql.exec('DELETE FROM entry WHERE seq <= ?', last.entry.seq)
    this.#tail = []
    return false
  }

  /** The recorded answer to a scan, if it ever arrived. */
  known(scanId: ScanId): Logged | null {
    const row = this.#sql.exec<Row>('SELECT * FROM entry WHERE scan = ?', uuidToBytes(scanId)).toArray()[0]
    return row ? this.#logged(row) : null
  }

  /** Those of these scans that never arrived, looked for all at once. */
  unheard(scanIds: ScanId[]): Set<ScanId> {
    const ids = this.#sql.exec(selectUnheard, JSON.stringify(scanIds)).raw<[ScanId]>()
    return new Set([...ids].map(([id]) => id))
  }

  at(seq: number): Logged | null {
    const row = this.#sql.exec<Row>('SELECT * FROM entry WHERE seq = ?', seq).toArray()[0]
    return row ? this.#logged(row) : null
  }

  /** Up to `limit` entries after `seq`, in order. */
  after(seq: number, limit: number): Entry[] {
    const from = seq + 1 - (this.#tail[0]?.seq ?? Number.POSITIVE_INFINITY)
    if (from >= 0) return this.#tail.slice(from, from + limit)
    const entries = this.#sql
      .exec<EntryRow>(`SELECT ${entryColumns} FROM entry WHERE seq > ? ORDER BY seq LIMIT ?`, seq, limit)
      .toArray()
      .map((row) => this.#entry(row))
    // After waking up, several ask for the newest entries: whoever reads up to the head has read them for all.
    const isNewest = entries.length > this.#tail.length && entries.at(-1)?.seq === this.#head.seq
    if (isNewest) this.#tail = entries.slice(-2 * TAIL)
    return entries
  }

  /** Which tickets were shown in which zones by up to `limit` entries after `seq`, each once. */
  shownAfter(seq: number, limit: number): { ticketId: TicketId; zone: ZoneId }[] {
    const from = seq + 1 - (this.#tail[0]?.seq ?? Number.POSITIVE_INFINITY)
    const shown = new Map<string, { ticketId: TicketId; zone: ZoneId }>()
    const add = (ticketId: TicketId, zone: ZoneId) => shown.set(`${ticketId} ${zone}`, { ticketId, zone })
    if (from >= 0) {
      for (const { ticketId, zone } of this.#tail.slice(from, from + limit)) if (ticketId !== null) add(ticketId, zone)
      return [...shown.values()]
    }
    const rows = this.#sql.exec<{ ticket: ArrayBuffer; zone: number }>(
      'SELECT DISTINCT ticket, zone FROM entry WHERE seq > ? AND seq <= ? AND ticket IS NOT NULL',
      seq,
      seq + limit,
    )
    for (const { ticket, zone } of rows) {
      add(bytesToUuid<TicketId>(new Uint8Array(ticket)), this.#configuration.zones.byNumber(zone)?.id as ZoneId)
    }
    return [...shown.values()]
  }

  /** Up to `limit` entries after `seq`, in order, with what is kept beside them. */
  loggedAfter(seq: number, limit: number): Logged[] {
    const query = 'SELECT * FROM entry WHERE seq > ? ORDER BY seq LIMIT ?'
    return this.#sql
      .exec<Row>(query, seq, limit)
      .toArray()
      .map((row) => this.#logged(row))
  }

  /** Up to `limit` entries after `seq` as they are stored, in order, with the hash that stands beside each. */
  stored(seq: number, limit: number): { entry: Entry; chain: Uint8Array }[] {
    return this.#sql
      .exec<Row>('SELECT * FROM entry WHERE seq > ? ORDER BY seq LIMIT ?', seq, limit)
      .toArray()
      .map((row) => ({ entry: this.#logged(row).entry, chain: new Uint8Array(row.chain) }))
  }

  /** The gate of an entry. */
  gateOf(seq: number): GateId | null {
    const held = this.#tail[seq - (this.#tail[0]?.seq ?? Number.POSITIVE_INFINITY)]
    if (held) return held.gateId
    const row = this.#sql.exec<{ gate: number }>('SELECT gate FROM entry WHERE seq = ?', seq).toArray()[0]
    return row ? (this.#configuration.gates.byNumber(row.gate)?.id ?? null) : null
  }

  /** When an admission was taken back, if it was. */
  annulledAt(seq: number): number | null {
    const row = this.#sql.exec<{ at: number }>('SELECT at FROM annulment WHERE seq = ?', seq).toArray()[0]
    return row?.at ?? null
  }

  /** Notes that the admission `seq` was taken back by the entry `by`. The caller holds the transaction. */
  annul(seq: number, by: number, at: number): void {
    this.#sql.exec('INSERT INTO annulment (seq, by_seq, at) VALUES (?, ?, ?)', seq, by, at)
  }

  /** The newest entries of one ticket, in order. */
  of(ticket: TicketId, limit: number): Entry[] {
    // A limit that is bound has SQLite prepare the statement anew each time; there are three different ones.
    return this.#sql
      .exec<EntryRow>(
        `SELECT ${entryColumns} FROM entry WHERE ticket = ? ORDER BY seq DESC LIMIT ${limit}`,
        uuidToBytes(ticket),
      )
      .toArray()
      .map((row) => this.#entry(row))
      .reverse()
  }

  /** The entries of one ticket that were not taken back, in order. */
  notTakenBack(ticket: TicketId): Entry[] {
    return this.#sql
      .exec<EntryRow>(
        `SELECT ${entryColumns} FROM entry e WHERE ticket = ?
         AND NOT EXISTS (SELECT 1 FROM annulment a WHERE a.seq = e.seq) ORDER BY seq`,
        uuidToBytes(ticket),
      )
      .toArray()
      .map((row) => this.#entry(row))
  }

  /** Whether a ticket was admitted anywhere and that was not taken back. */
  isAdmitted(ticket: TicketId): boolean {
    const admissions = `SELECT 1 FROM entry e WHERE e.ticket = ? AND e.verdict->>'kind' = 'admitted'
      AND NOT EXISTS (SELECT 1 FROM annulment a WHERE a.seq = e.seq) LIMIT 1`
    return this.#sql.exec(admissions, uuidToBytes(ticket)).toArray().length > 0
  }

  /** Gives the entry its number and writes it. `settle` is called when the transaction around it has held. */
  append(scan: Omit<Entry, 'seq'>, cacheHit: boolean, fingerprint: Uint8Array): { entry: Entry; settle: () => void } {
    const entry: Entry = { ...scan, seq: this.#head.seq + 1 }
    const link = chain(this.#head.chain, entry)
    const { zones, gates, types, staff } = this.#configuration
    this.#sql.exec(
      `INSERT INTO entry (seq, scan, ticket, type, gate, zone, device, staff, direction, people, verdict, inside_change,
       first, source, force_reason, scanned_at, received_at, validation_ms, cache_hit, fingerprint, chain, offline)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      entry.seq,
      uuidToBytes(entry.scanId),
      entry.ticketId === null ? null : uuidToBytes(entry.ticketId),
      entry.type === null ? null : (types.numberOf(entry.type) ?? null),
      entry.gateId === null ? NO_GATE : (gates.numberOf(entry.gateId) ?? NO_GATE),
      zones.numberOf(entry.zone) ?? 0,
      entry.deviceId === null ? null : (this.#devices.get(entry.deviceId)?.no ?? null),
      entry.staffId === null ? null : (staff.numberOf(entry.staffId) ?? null),
      entry.direction,
      entry.people,
      JSON.stringify(entry.verdict),
      entry.insideChange,
      entry.first ? 1 : 0,
      entry.source,
      entry.forceReason,
      entry.scannedAt,
      entry.receivedAt,
      entry.validationMs,
      cacheHit ? 1 : 0,
      fingerprint,
      link,
      entry.offline && JSON.stringify(entry.offline),
    )
    const head = { seq: entry.seq, chain: link }
    const settle = () => {
      this.#head = head
      const next = nextAt(entry.receivedAt, entry.offline !== null)
      // What a shard judged some time ago does not turn the clock back.
      this.#notBefore = this.#notBefore - next > CLOCK_MAY_GO_BACK_MS ? next : Math.max(next, this.#notBefore)
      this.#tail.push(entry)
      if (this.#tail.length > 2 * TAIL) this.#tail.splice(0, TAIL)
    }
    return { entry, settle }
  }

  #logged(row: Row): Logged {
    return { cacheHit: row.cache_hit === 1, fingerprint: new Uint8Array(row.fingerprint), entry: this.#entry(row) }
  }

  #entry(row: EntryRow): Entry {
    const { zones, gates, types, staff } = this.#configuration
    const gate = gates.byNumber(row.gate)
    const zone = zones.byNumber(row.zone)
    if (!zone) throw new Error(`entry ${row.seq} names zone ${row.zone}, which is not there`)
    return {
      seq: row.seq,
      scanId: bytesToUuid<ScanId>(new Uint8Array(row.scan)),
      ticketId: row.ticket === null ? null : bytesToUuid<TicketId>(new Uint8Array(row.ticket)),
      type: row.type === null ? null : (types.byNumber(row.type)?.id ?? null),
      gateId: gate?.id ?? null,
      zone: zone.id,
      deviceId: row.device === null ? null : (this.#devices.byNumber(row.device)?.id ?? null),
      staffId: row.staff === null ? null : (staff.byNumber(row.staff)?.id ?? null),
      direction: row.direction as Direction,
      people: row.people,
      verdict: JSON.parse(row.verdict) as Verdict,
      insideChange: row.inside_change,
      first: row.first === 1,
      source: row.source as ScanSource | null,
      forceReason: row.force_reason,
      scannedAt: row.scanned_at,
      receivedAt: row.received_at,
      validationMs: row.validation_ms,
      offline: row.offline === null ? null : (JSON.parse(row.offline) as Alone),
    }
  }
}
