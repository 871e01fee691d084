import { createHash } from 'node:crypto'
import { globSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { bytesToUuid, type EventId, type ScanId, type TicketId, uuidToBytes } from '../../core/ids.ts'
import type { Entry } from '../../core/log.ts'
import type { Standing } from '../../core/standing.ts'
import type { Stats } from '../../core/stats.ts'

/*
 * What the server wrote to the disk, read from its files and not by asking it. The files may be in use; they are
 * opened for reading only.
 */

/** What one Gatekeeper holds. `stats` is its running sum as it was last saved, null where it never was. */
export type Stored = {
  log: { entry: Entry; chain: Uint8Array }[]
  standings: Pick<Standing, 'entries' | 'exits' | 'inside' | 'presented'>[]
  /** The numbers of the entries that are conflicts. */
  conflicts: number[]
  stats: Stats | null
}

/** One row of D1's entry log, its columns as they are there and its ids as text. */
export type D1Row = {
  seq: number
  scan: string
  ticket: string | null
  type: string | null
  gate: string
  zone: string
  device: string | null
  staff: string | null
  direction: string
  people: number
  verdict: string
  code: string | null
  attempt: number | null
  forced: number
  offline: number
  inside_change: number
  scanned_at: number
  received_at: number
  validation_ms: number
}

export function readGatekeeper(stateDir: string, eventId: string): Stored {
  return readingGatekeeper(stateDir, eventId, readStored)
}

/** The number of the last entry that the Gatekeeper has noted as told to D1. */
export function readDrained(stateDir: string, eventId: string): number {
  return readingGatekeeper(stateDir, eventId, (db) => Number(metaOf(db, 'drained') ?? 0))
}

/** Every ticket of an event, with whose it is. */
export function readTickets(stateDir: string, eventId: string): { reference: string | null; name: string | null }[] {
  return readingGatekeeper(stateDir, eventId, (db) =>
    rows(db, 'SELECT t.reference, h.name FROM ticket t LEFT JOIN holder h ON h.ticket = t.id ORDER BY t.id'),
  )
}

export function readD1(stateDir: string, eventId: string): D1Row[] {
  return readingD1(stateDir, (db) => readRows(db, eventId as EventId))
}

/** The number of the last entry that D1 has. */
export function readD1Head(stateDir: string, eventId: string): number {
  const select = 'SELECT max(seq) AS head FROM entry WHERE event = ?'
  const find = (db: DatabaseSync) => rows<{ head: number | null }>(db, select, uuidToBytes(eventId as EventId))
  return readingD1(stateDir, find)[0]?.head ?? 0
}

/** What an event's Gatekeeper and D1 hold, but for what they note by themselves now and then. */
export class Contents {
  readonly #files: DatabaseSync[]
  /** The digest of each file as it was last read, with SQLite's own number for that state of it. */
  readonly #known = new Map<DatabaseSync, { version: number; digest: string }>()

  constructor(stateDir: string, eventId: string) {
    const gatekeepers = databases(join(stateDir, 'do')).filter((file) => reading(file, (db) => isOf(db, eventId)))
    const d1 = databases(join(stateDir, 'd1')).filter((file) => reading(file, (db) => hasTable(db, 'entry')))
    this.#files = [...gatekeepers, ...d1].map((file) => new DatabaseSync(file, { readOnly: true, timeout: 5000 }))
  }

  /** A short text that is another one as soon as any row is. */
  digest(): string {
    return this.#files.map((db) => this.#digestOf(db)).join(' ')
  }

  /** The number changes with every commit of somebody else, so a file that nobody wrote to is not read again. */
  #digestOf(db: DatabaseSync): string {
    const [{ data_version: version } = { data_version: 0 }] = rows<{ data_version: number }>(db, 'PRAGMA data_version')
    const known = this.#known.get(db)
    if (known?.version === version) return known.digest
    const digest = digestOf(db)
    this.#known.set(db, { version, digest })
    return digest
  }

  close(): void {
    for (const db of this.#files) db.close()
  }
}

function digestOf(db: DatabaseSync): string {
  const hash = createHash('sha256')
  for (const name of tablesOf(db)) {
    const select = db.prepare(`SELECT * FROM "${name}"`)
    select.setReadBigInts(true)
    for (const row of select.iterate()) hash.update(JSON.stringify(row, textOf))
  }
  return hash.digest('hex')
}

/** When a device was last heard of, how far D1 was told, when the alarm is set to. */
const notedByThemselves = ['device_status', 'meta', '_cf_METADATA']

function tablesOf(db: DatabaseSync): string[] {
  const all = rows<{ name: string }>(db, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
  return all.map(({ name }) => name).filter((name) => !notedByThemselves.includes(name))
}

function textOf(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value
}

function readingGatekeeper<T>(stateDir: string, eventId: string, work: (db: DatabaseSync) => T): T {
  for (const file of databases(join(stateDir, 'do'))) {
    const found = reading(file, (db) => (isOf(db, eventId) ? { value: work(db) } : null))
    if (found) return found.value
  }
  throw new Error(`no Gatekeeper of ${eventId} in ${stateDir}`)
}

function readingD1<T>(stateDir: string, work: (db: DatabaseSync) => T): T {
  for (const file of databases(join(stateDir, 'd1'))) {
    const found = reading(file, (db) => (hasTable(db, 'entry') ? { value: work(db) } : null))
    if (found) return found.value
  }
  throw new Error(`no D1 with an entry log in ${stateDir}`)
}

function databases(dir: string): string[] {
  return globSync('**/*.sqlite', { cwd: dir }).map((file) => join(dir, file))
}

function reading<T>(file: string, work: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(file, { readOnly: true, timeout: 5000 })
  try {
    // One transaction, so that all of it is of one moment.
    db.exec('BEGIN')
    return work(db)
  } finally {
    db.close()
  }
}

function rows<T>(db: DatabaseSync, sql: string, ...bindings: (string | Uint8Array)[]): T[] {
  return db.prepare(sql).all(...bindings) as T[]
}

function hasTable(db: DatabaseSync, name: string): boolean {
  return rows(db, "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", name).length > 0
}

function isOf(db: DatabaseSync, eventId: string): boolean {
  return (
    hasTable(db, 'standing') && (JSON.parse(metaOf(db, 'event') ?? 'null') as { id: string } | null)?.id === eventId
  )
}

function metaOf(db: DatabaseSync, key: string): string | null {
  return rows<{ value: string | number }>(db, 'SELECT value FROM meta WHERE key = ?', key)[0]?.value.toString() ?? null
}

function readStored(db: DatabaseSync): Stored {
  return {
    log: rows<LogRow>(db, selectLog).map((row) => ({ entry: toEntry(row), chain: row.chain })),
    standings: rows(db, 'SELECT entries, exits, inside, presented FROM standing'),
    conflicts: rows<{ seq: number }>(db, 'SELECT seq FROM conflict').map(({ seq }) => seq),
    stats: JSON.parse(metaOf(db, 'stats') ?? 'null'),
  }
}

type LogRow = Record<'gate' | 'zone' | 'direction' | 'verdict', string> &
  Record<'type' | 'device' | 'staff' | 'source' | 'force_reason' | 'offline', string | null> &
  Record<'seq' | 'people' | 'inside_change' | 'first' | 'scanned_at' | 'received_at' | 'validation_ms', number> & {
    scan: Uint8Array
    ticket: Uint8Array | null
    chain: Uint8Array
  }

const selectLog = `SELECT e.seq, e.scan, e.ticket, e.direction, e.people, e.verdict, e.inside_change, e.first, e.source,
  e.force_reason, e.scanned_at, e.received_at, e.validation_ms, e.chain, e.offline, t.id AS type, g.id AS gate, z.id AS zone,
  d.id AS device, s.id AS staff
  FROM entry e JOIN gate g ON g.no = e.gate JOIN zone z ON z.no = e.zone LEFT JOIN ticket_type t ON t.no = e.type
  LEFT JOIN device d ON d.no = e.device LEFT JOIN staff s ON s.no = e.staff ORDER BY e.seq`

function toEntry(row: LogRow): Entry {
  return {
    seq: row.seq,
    scanId: bytesToUuid<ScanId>(row.scan),
    ticketId: row.ticket && bytesToUuid<TicketId>(row.ticket),
    type: row.type as Entry['type'],
    gateId: row.gate as Entry['gateId'],
    zone: row.zone as Entry['zone'],
    deviceId: row.device as Entry['deviceId'],
    staffId: row.staff as Entry['staffId'],
    direction: row.direction as Entry['direction'],
    people: row.people,
    verdict: JSON.parse(row.verdict),
    insideChange: row.inside_change,
    first: row.first === 1,
    source: row.source as Entry['source'],
    forceReason: row.force_reason,
    scannedAt: row.scanned_at,
    receivedAt: row.received_at,
    validationMs: row.validation_ms,
    offline: row.offline === null ? null : JSON.parse(row.offline),
  }
}

function readRows(db: DatabaseSync, eventId: EventId): D1Row[] {
  type Row = Omit<D1Row, 'scan' | 'ticket'> & { scan: Uint8Array; ticket: Uint8Array | null }
  return rows<Row>(
    db,
    `SELECT seq, scan, ticket, type, gate, zone, device, staff, direction, people, verdict, code, attempt, forced, offline,
     inside_change, scanned_at, received_at, validation_ms FROM entry WHERE event = ? ORDER BY epoch, seq`,
    uuidToBytes(eventId),
  ).map((row) => ({ ...row, scan: bytesToUuid(row.scan), ticket: row.ticket && bytesToUuid(row.ticket) }))
}
