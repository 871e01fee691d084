import { bytesToUuid, type TicketId, uuidToBytes } from '../../core/ids.ts'
import { noStanding, type Standing } from '../../core/standing.ts'

type Row = {
  entries: number
  exits: number
  inside: number
  presented: number
  admission: number | null
  first_at: number | null
  last_at: number | null
  day: number
  entries_today: number
}

const columns = 'entries, exits, inside, presented, admission, first_at, last_at, day, entries_today'

/** A standing is known by its ticket and its zone's number. */
export type StandingKey = { ticketId: TicketId; zone: number }

/** A standing and the zone it is in. */
export type ZoneStanding = { zone: string; standing: Standing }

const selectOne = `SELECT ${columns} FROM standing WHERE ticket = ? AND zone = ?`
const replaceOne = `INSERT OR REPLACE INTO standing (ticket, zone, ${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

/** How many standings are held in memory: the tickets at the doors just now, not the event's. */
const HELD = 4096

/** Where each ticket stands in each zone. Looked up one at a time, so that their number does not matter. */
export class Standings {
  readonly #sql: SqlStorage
  readonly #held = new Map<string, Standing>()
  readonly #clearedAt: Map<number, number>
  readonly #clearings = new Map<number, number[]>()

  constructor(sql: SqlStorage) {
    this.#sql = sql
    const rows = sql.exec<{ zone: number; at: number }>('SELECT zone, at FROM clearing').toArray()
    this.#clearedAt = new Map(rows.map(({ zone, at }) => [zone, at]))
  }

  /** Whether the next `get` needs no look-up. */
  holds(ticket: TicketId, zone: number): boolean {
    return this.#held.has(`${ticket} ${zone}`)
  }

  get(ticket: TicketId, zone: number): Standing {
    return this.stored(ticket, zone) ?? noStanding
  }

  /** What is stored of a ticket in a zone; null where nothing that was to be stored ever happened. */
  stored(ticket: TicketId, zone: number): Standing | null {
    const held = this.#held.get(`${ticket} ${zone}`)
    if (held) return held
    const row = this.#sql.exec<Row>(selectOne, uuidToBytes(ticket), zone).toArray()[0]
    return row ? toStanding(row) : null
  }

  /** The standings of one ticket in every zone it was scanned in. */
  of(ticket: TicketId): { zone: number; standing: Standing }[] {
    return this.#sql
      .exec<Row & { zone: number }>(`SELECT zone, ${columns} FROM standing WHERE ticket = ?`, uuidToBytes(ticket))
      .toArray()
      .map((row) => ({ zone: row.zone, standing: toStanding(row) }))
  }

  /** Up to `limit` stored standings after the one with this key, in the order of their keys. */
  after(key: StandingKey | null, limit: number): (StandingKey & { standing: Standing })[] {
    return this.#sql
      .exec<Row & { ticket: ArrayBuffer; zone: number }>(
        `SELECT ticket, zone, ${columns} FROM standing WHERE (ticket, zone) > (?, ?) ORDER BY ticket, zone LIMIT ?`,
        key === null ? new Uint8Array() : uuidToBytes(key.ticketId),
        key?.zone ?? 0,
        limit,
      )
      .toArray()
      .map((row) => ({
        ticketId: bytesToUuid<TicketId>(new Uint8Array(row.ticket)),
        zone: row.zone,
        standing: toStanding(row),
      }))
  }

  /** When everybody was last taken to have left a zone. */
  clearedAt(zone: number): number | null {
    return this.#clearedAt.get(zone) ?? null
  }

  /** Every time at which everybody was taken to have left a zone, in order. */
  clearings(zone: number): number[] {
    const known = this.#clearings.get(zone)
    if (known) return known
    const rows = this.#sql.exec<{ at: number }>('SELECT at FROM cleared WHERE zone = ? ORDER BY at', zone).toArray()
    const clearings = rows.map(({ at }) => at)
    this.#clearings.set(zone, clearings)
    return clearings
  }

  clear(zone: number, at: number): void {
    this.#sql.exec('INSERT OR REPLACE INTO clearing (zone, at) VALUES (?, ?)', zone, at)
    this.#sql.exec('INSERT OR IGNORE INTO cleared (zone, at) VALUES (?, ?)', zone, at)
    this.#clearedAt.set(zone, at)
    this.#clearings.delete(zone)
  }

  put(ticket: TicketId, zone: number, standing: Standing): void {
    this.#sql.exec(
      replaceOne,
      uuidToBytes(ticket),
      zone,
      standing.entries,
      standing.exits,
      standing.inside,
      standing.presented,
      standing.admission,
      standing.firstAt,
      standing.lastAt,
      standing.day,
      standing.entriesToday,
    )
    this.#hold(`${ticket} ${zone}`, standing)
  }

  #hold(key: string, standing: Standing): void {
    this.#held.delete(key)
    this.#held.set(key, standing)
    if (this.#held.size <= HELD) return
    const oldest = this.#held.keys().next()
    if (!oldest.done) this.#held.delete(oldest.value)
  }
}

function toStanding(row: Row): Standing {
  return {
    entries: row.entries,
    exits: row.exits,
    inside: row.inside,
    presented: row.presented,
    admission: row.admission,
    firstAt: row.first_at,
    lastAt: row.last_at,
    day: row.day,
    entriesToday: row.entries_today,
  }
}
