import { found, type Result } from '../../core/answers.ts'
import { type Attribution, attribute, type Conflict } from '../../core/attribution.ts'
import { type TicketType, withCapacity, type Zone } from '../../core/event.ts'
import {
  bytesToUuid,
  type DeviceId,
  type GateId,
  parseUuid,
  type ScanId,
  type TicketId,
  uuidToBytes,
  type ZoneId,
} from '../../core/ids.ts'
import type { Entry } from '../../core/log.ts'
import type { Devices } from '../devices/devices.ts'
import type { Configuration } from '../event/configuration.ts'
import type { EventParts } from '../event-parts.ts'
import type { ScanLog } from '../scans/scan-log.ts'
import type { Standings } from '../scans/standings.ts'
import type { TicketDetails } from '../tickets/ticket-rows.ts'
import type { Tickets } from '../tickets/tickets.ts'

/**
 * A scan whose gate showed something else than the Gatekeeper judges. Without a ticket, somebody was let in with what is
 * none. `settled`: it was a conflict, and with what became known since it is none.
 */
export type KnownConflict = {
  /** Its name in the list: the entry's number, or of a stray admission its scan. */
  id: string
  ticketId: TicketId | null
  scanId: ScanId
  zone: ZoneId | null
  gateId: GateId | null
  deviceId: DeviceId | null
  scannedAt: number
  shown: string
  judged: string
  with: { scanId: ScanId; deviceId: DeviceId | null; gateId: GateId | null; scannedAt: number } | null
  settled: boolean
  /** Somebody has dealt with it. What became otherwise since is open again. */
  handled: Handled | null
}

/** When and by whom a conflict was dealt with, and what they had to say of it. */
export type Handled = { at: number; by: string; note: string | null }

/** Some of them, the newest first, with their places in the log. */
export type ConflictPage = { conflicts: { seq: number; conflict: KnownConflict }[]; strays: KnownConflict[] }

/** Which conflicts somebody wants to see. */
export type ConflictState = 'open' | 'handled' | 'all'

/** Somebody whom a device let in alone with what is no ticket of this event. */
export type StrayAdmission = {
  scanId: ScanId
  reason: string
  gateId: GateId | null
  deviceId: DeviceId | null
  staffId: string | null
  people: number
  scannedAt: number
}

type StrayRow = { scan: ArrayBuffer; reason: string; gate: number; device: number | null; scanned_at: number }

/** SQLite has no UUIDs: the name that such a conflict has in the list, made of the scan's bytes. */
const SCAN_AS_ID = `lower(substr(hex(scan), 1, 8) || '-' || substr(hex(scan), 9, 4) || '-' || substr(hex(scan), 13, 4) || '-' ||
  substr(hex(scan), 17, 4) || '-' || substr(hex(scan), 21))`

type Row = { seq: number; shown: string; judged: string; with_seq: number | null }

/** A log that was forgotten leaves standings and conflicts behind. */
const selectUnscanned = `SELECT value FROM json_each(?) AS asked
  WHERE NOT EXISTS (SELECT 1 FROM entry WHERE ticket = unhex(asked.value, '-'))
  AND NOT EXISTS (SELECT 1 FROM standing WHERE ticket = unhex(asked.value, '-'))
  AND NOT EXISTS (SELECT 1 FROM conflict WHERE ticket = unhex(asked.value, '-'))`

/** What became of tickets that devices judged alone, and where that is not what their gates showed. */
export class Conflicts {
  readonly #sql: SqlStorage
  readonly #configuration: Configuration
  readonly #devices: Devices
  readonly #tickets: Tickets
  readonly #standings: Standings
  readonly #log: ScanLog

  constructor(
    sql: SqlStorage,
    configuration: Configuration,
    devices: Devices,
    tickets: Tickets,
    standings: Standings,
    log: ScanLog,
  ) {
    this.#sql = sql
    this.#configuration = configuration
    this.#devices = devices
    this.#tickets = tickets
    this.#standings = standings
    this.#log = log
  }

  /** How many there are. */
  count(): number {
    return this.#sql
      .exec<{ many: number }>('SELECT (SELECT count(*) FROM conflict) + (SELECT count(*) FROM stray_admission) AS many')
      .one().many
  }

  /** Those of these tickets that nobody ever scanned, looked for all at once. */
  unscanned(tickets: TicketId[]): Set<TicketId> {
    const ids = this.#sql.exec(selectUnscanned, JSON.stringify(tickets)).raw<[TicketId]>()
    return new Set([...ids].map(([id]) => id))
  }

  /** A ticket's entries in a zone, without what was annulled. */
  entriesOf(ticket: TicketId, zone: ZoneId): Entry[] {
    return this.#log.notTakenBack(ticket).filter((entry) => entry.zone === zone)
  }

  /** Tells from these entries what became of a ticket in a zone. */
  attribute(ticket: TicketDetails, zoneId: ZoneId, entries: Entry[] = this.entriesOf(ticket.id, zoneId)): Attribution {
    const { event, zones, gates } = this.#configuration
    return attribute(entries, {
      ticketAt: this.#tickets.history(ticket),
      type: this.#configuration.type(ticket.type) as TicketType,
      zone: withCapacity(zones.get(zoneId) as Zone, event),
      event,
      policy: event.policy,
      gates,
      clearedAt: this.#standings.clearings(zones.numberOf(zoneId) ?? 0),
    })
  }

  /**
   * Keeps what became of a ticket in a zone: its standing, and its conflicts in place of those before, if it may have
   * had any. Gives the conflicts that are new, have changed or are settled. The caller holds the transaction, in which the
   * entry with the number `broughtBy` is written: whoever knows the log up to there and had no socket was not told of them.
   */
  settle(
    ticket: TicketDetails,
    zoneId: ZoneId,
    { standing, conflicts }: Attribution,
    broughtBy: number,
    mayHaveHad: boolean = true,
  ): KnownConflict[] {
    const zone = this.#configuration.zones.numberOf(zoneId) ?? 0
    this.#standings.put(ticket.id, zone, standing)
    const before = mayHaveHad ? this.#rowsOf(ticket.id, zone) : []
    const isSame = (row: Row, now: Conflict) =>
      row.seq === now.seq && row.shown === now.shown && row.judged === now.judged && row.with_seq === now.with
    const gone = before.filter((row) => !conflicts.some((now) => isSame(row, now)))
    const fresh = conflicts.filter((now) => !before.some((row) => isSame(row, now)))
    for (const { seq } of gone) {
      this.#sql.exec('DELETE FROM conflict WHERE seq = ?', seq)
      this.reopen(String(seq))
    }
    for (const { seq, shown, judged, with: other } of fresh) {
      this.#sql.exec(
        'INSERT INTO conflict (seq, ticket, zone, shown, judged, with_seq, brought_by) VALUES (?, ?, ?, ?, ?, ?, ?)',
        seq,
        uuidToBytes(ticket.id),
        zone,
        shown,
        judged,
        other,
        broughtBy,
      )
    }
    const settled = gone.filter(({ seq }) => !conflicts.some((now) => now.seq === seq))
    return [
      ...fresh.map((now) => this.#known(now, false)),
      ...settled.map(({ with_seq, ...row }) => this.#known({ ...row, with: with_seq }, true)),
    ]
  }

  /** The conflict that an entry is in, if any. */
  of(seq: number): KnownConflict | null {
    const row = this.#sql.exec<Row>('SELECT * FROM conflict WHERE seq = ?', seq).toArray()[0]
    return row ? this.#known({ ...row, with: row.with_seq }, false) : null
  }

  /** Notes that somebody has dealt with one; null where there is no such conflict. The caller holds the transaction. */
  handle(id: string, handled: Handled): KnownConflict | null {
    if (!this.get(id)) return null
    const { at, by, note } = handled
    this.#sql.exec('INSERT OR REPLACE INTO handled_conflict (id, at, by, note) VALUES (?, ?, ?, ?)', id, at, by, note)
    return this.get(id)
  }

  /** Takes that back. */
  reopen(id: string): KnownConflict | null {
    this.#sql.exec('DELETE FROM handled_conflict WHERE id = ?', id)
    return this.get(id)
  }

  /** By its name in the list. */
  get(id: string): KnownConflict | null {
    if (/^\d{1,15}$/.test(id)) return this.of(Number(id))
    const scanId = parseUuid<ScanId>(id)
    const row = scanId && this.#strayRows('all', 1, uuidToBytes(scanId))[0]
    return row ? this.#stray(row) : null
  }

  /** A page of conflicts; with the first page, admissions that belong to no ticket. */
  page(before: number | null, limit: number, state: ConflictState): ConflictPage {
    return { conflicts: this.list(before, limit, state), strays: before === null ? this.strays(limit, state) : [] }
  }

  /** Up to `limit` conflicts with a ticket, the newest entries first, before `before`. */
  list(before: number | null, limit: number, state: ConflictState): { seq: number; conflict: KnownConflict }[] {
    return this.#sql
      .exec<Row>(
        `SELECT conflict.* FROM conflict LEFT JOIN handled_conflict AS handled ON handled.id = CAST(seq AS TEXT)
         WHERE seq < ? AND (?2 = 'all' OR (handled.id IS NULL) = (?2 = 'open')) ORDER BY seq DESC LIMIT ?3`,
        before ?? Number.MAX_SAFE_INTEGER,
        state,
        limit,
      )
      .toArray()
      .map((row) => ({ seq: row.seq, conflict: this.#known({ ...row, with: row.with_seq }, false) }))
  }

  /** The newest conflicts, up to `limit`, that an entry after `seq` brought about: of one device, or all for null. */
  since(seq: number, limit: number, device: DeviceId | null): KnownConflict[] {
    const no = device === null ? null : (this.#devices.get(device)?.no ?? 0)
    return this.#sql
      .exec<Row>(
        `SELECT * FROM conflict AS c WHERE max(seq, ifnull(with_seq, 0), brought_by) > ?1
         AND (?2 IS NULL OR EXISTS (SELECT 1 FROM entry WHERE seq IN (c.seq, c.with_seq) AND device = ?2))
         ORDER BY seq DESC LIMIT ${limit}`,
        seq,
        no,
      )
      .toArray()
      .reverse()
      .map((row) => this.#known({ ...row, with: row.with_seq }, false))
  }

  /** Those without a ticket, the newest first: a device that lets them in is broken or in bad hands, so they are few. */
  strays(limit: number, state: ConflictState): KnownConflict[] {
    return this.#strayRows(state, limit, null).map((row) => this.#stray(row))
  }

  #strayRows(state: ConflictState, limit: number, scan: Uint8Array | null): StrayRow[] {
    return this.#sql
      .exec<StrayRow>(
        `SELECT stray.* FROM stray_admission AS stray LEFT JOIN handled_conflict AS handled
         ON handled.id = ${SCAN_AS_ID}
         WHERE (?1 = 'all' OR (handled.id IS NULL) = (?1 = 'open')) AND (?2 IS NULL OR scan = ?2)
         ORDER BY received_at DESC LIMIT ?3`,
        state,
        scan,
        limit,
      )
      .toArray()
  }

  #stray(row: StrayRow): KnownConflict {
    const scanId = bytesToUuid<ScanId>(new Uint8Array(row.scan))
    const gate = this.#configuration.gates.byNumber(row.gate)
    return {
      id: scanId,
      ticketId: null,
      scanId,
      zone: gate?.zone ?? null,
      gateId: gate?.id ?? null,
      deviceId: row.device === null ? null : (this.#devices.byNumber(row.device)?.id ?? null),
      scannedAt: row.scanned_at,
      shown: 'admitted',
      judged: row.reason,
      with: null,
      settled: false,
      handled: this.#handled(scanId),
    }
  }

  #handled(id: string): Handled | null {
    const row = this.#sql.exec<Handled>('SELECT at, by, note FROM handled_conflict WHERE id = ?', id).toArray()[0]
    return row ?? null
  }

  /** Whether such a scan was noted already. */
  hasStray(scanId: ScanId): boolean {
    return this.#sql.exec('SELECT 1 FROM stray_admission WHERE scan = ?', uuidToBytes(scanId)).toArray().length > 0
  }

  addStray(stray: StrayAdmission, at: number): KnownConflict {
    const { gates, staff } = this.#configuration
    this.#sql.exec(
      `INSERT INTO stray_admission (scan, reason, gate, device, staff, people, scanned_at, received_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      uuidToBytes(stray.scanId),
      stray.reason,
      stray.gateId === null ? 0 : (gates.numberOf(stray.gateId) ?? 0),
      stray.deviceId === null ? null : (this.#devices.get(stray.deviceId)?.no ?? null),
      stray.staffId === null ? null : (staff.numberOf(stray.staffId) ?? null),
      stray.people,
      stray.scannedAt,
      at,
    )
    const { scanId, gateId, deviceId, scannedAt, reason } = stray
    const zone = gateId === null ? null : (gates.get(gateId)?.zone ?? null)
    const scan = { ticketId: null, scanId, zone, gateId, deviceId, scannedAt }
    return { id: scanId, ...scan, shown: 'admitted', judged: reason, with: null, settled: false, handled: null }
  }

  #rowsOf(ticket: TicketId, zone: number): Row[] {
    return this.#sql
      .exec<Row>('SELECT * FROM conflict WHERE ticket = ? AND zone = ?', uuidToBytes(ticket), zone)
      .toArray()
  }

  #known(conflict: Pick<Row, 'seq' | 'shown' | 'judged'> & { with: number | null }, settled: boolean): KnownConflict {
    const { seq, shown, judged } = conflict
    const entry = this.#log.at(seq)?.entry
    if (!entry) throw new Error(`a conflict names entry ${seq}, which is not there`)
    const other = conflict.with === null ? null : (this.#log.at(conflict.with)?.entry ?? null)
    const { ticketId, zone } = entry
    const id = String(seq)
    const what = { shown, judged, with: other && scanOf(other), settled }
    return { id, ticketId, zone, ...scanOf(entry), ...what, handled: this.#handled(id) }
  }
}

/** Notes that somebody has dealt with a conflict, or with null that it is open again. The caller holds the transaction. */
export function handleConflict(
  { conflicts, audit }: EventParts,
  id: string,
  handled: Handled | null,
): Result<KnownConflict> {
  audit.about({ kind: 'conflict', id }, handled?.note ? [{ field: 'note' }] : [])
  return found(conflicts.get(id) && (handled ? conflicts.handle(id, handled) : conflicts.reopen(id)))
}

/** Under the name that its device knows it by. */
function scanOf({ scanId, offline, deviceId, gateId, scannedAt }: Entry) {
  return { scanId: offline?.amends ?? scanId, deviceId, gateId, scannedAt }
}
