import { type Cursor, readCursor, writeCursor } from '../../core/cursor.ts'
import { statusOf } from '../../core/event.ts'
import { shardsOf } from '../../core/event-address.ts'
import { bytesToUuid, type TicketId, uuidToBytes } from '../../core/ids.ts'
import type { Lease } from '../../core/lease.ts'
import type { KnownCode, KnownStanding, KnownState, SnapshotHead } from '../../core/snapshot.ts'
import {
  codeHash,
  type PackedRows,
  packCode,
  packRows,
  packStanding,
  packState,
  rowLength,
  type Words,
} from '../../core/snapshot-rows.ts'
import type { Configuration } from '../event/configuration.ts'
import type { Meta } from '../meta.ts'
import type { ScanLog } from '../scans/scan-log.ts'
import type { Standings } from '../scans/standings.ts'
import { takenUpTo } from '../shards/taking-in.ts'

/** The head of a snapshot without what the Gatekeeper has not: the keys are the edge's. */
export type BareHead = Omit<SnapshotHead, 'keys'>

/** Where the reading of a snapshot goes on. */
export type Position =
  | { part: 'standings'; after: Uint8Array | null }
  | { part: 'states'; after: Uint8Array | null }
  | { part: 'codes'; after: string | null }
  | { part: 'changes'; since: Cursor }

/** Some rows of a snapshot, the words they name by number, and where the next ones are. */
export type SnapshotPart = { rows: PackedRows; words: Words; next: Position | null }

/** Rows read in one call: a few milliseconds, so that scans are judged in between. */
const ROWS = 2000

/** A difference over more entries than this costs more than everything anew. */
const MOST_ENTRIES = 20_000

const noRows: PackedRows = { standings: new Uint8Array(), states: new Uint8Array(), codes: new Uint8Array() }

/** What devices carry to judge alone, read in parts: rows that change meanwhile are in the next difference again. */
export class Snapshots {
  readonly #sql: SqlStorage
  readonly #meta: Meta
  readonly #configuration: Configuration
  readonly #standings: Standings
  readonly #log: ScanLog

  constructor(sql: SqlStorage, meta: Meta, configuration: Configuration, standings: Standings, log: ScanLog) {
    this.#sql = sql
    this.#meta = meta
    this.#configuration = configuration
    this.#standings = standings
    this.#log = log
  }

  /** How far the event has come. */
  cursor(): Cursor {
    const cursor = { seq: this.#log.head, revision: this.#configuration.revision, epoch: this.#meta.number('epoch') }
    const shards = shardsOf(this.#configuration.event.id)
    if (shards === 1) return cursor
    return { ...cursor, shards: Array.from({ length: shards }, (_, i) => takenUpTo(this.#sql, i + 1)) }
  }

  /** The head of a snapshot, or of the difference from `since` where there can be one, and where its rows begin. */
  begin(since: string | null, lease: Lease | null, at: number): { head: BareHead; first: Position } {
    const { event, types, gates, zones } = this.#configuration
    const known = since === null ? null : this.#usable(readCursor(since))
    const head = {
      event,
      ticketTypes: types.all(),
      gates: gates.all(),
      policy: event.policy,
      everyoneOut: event.zones.flatMap(({ id }) => {
        const clearedAt = this.#standings.clearedAt(zones.numberOf(id) ?? 0)
        return clearedAt === null ? [] : [{ zone: id, at: clearedAt }]
      }),
      cursor: writeCursor(this.cursor()),
      full: known === null,
      serverTime: at,
      lease,
    }
    return { head, first: known ? { part: 'changes', since: known } : { part: 'standings', after: null } }
  }

  /** The rows from a position on. */
  read(position: Position): SnapshotPart {
    const { zones, gates, types } = this.#configuration
    const words = { zones: zones.ids(), gates: gates.ids(), types: types.ids() }
    return { words, ...this.#read(position) }
  }

  /** Every standing that an entry after `seq` has changed. */
  standingsSince(seq: number): KnownStanding[] {
    return this.#log.shownAfter(seq, MOST_ENTRIES).flatMap(({ ticketId, zone }) => {
      // Refused before anything was stored of it: the whole snapshot does not have it either.
      const standing = this.#standings.stored(ticketId, this.#configuration.zones.numberOf(zone) ?? 0)
      if (standing === null) return []
      const { entries, exits, inside, presented, entriesToday: today, firstAt, lastAt, admission } = standing
      const gateId = admission === null ? null : this.#log.gateOf(admission)
      return { ticketId, zone, entries, exits, inside, presented, today, firstAt, lastAt, gateId }
    })
  }

  /** Every ticket about which something was decided after `revision`. */
  statesSince(revision: number): KnownState[] {
    return this.#states(
      'WHERE t.id IN (SELECT ticket FROM ticket_change WHERE revision > ?) ORDER BY t.id',
      revision,
    ).map(({ ticket, ...state }) => ({ ticketId: bytesToUuid<TicketId>(ticket), ...state }))
  }

  /** Whether a difference from there can be told. */
  canTellFrom({ seq, revision, epoch }: Cursor): boolean {
    const now = this.cursor()
    return epoch === now.epoch && seq <= now.seq && revision <= now.revision && now.seq - seq <= MOST_ENTRIES
  }

  #usable(cursor: Cursor | null): Cursor | null {
    return cursor !== null && this.canTellFrom(cursor) ? cursor : null
  }

  #read(position: Position): Omit<SnapshotPart, 'words'> {
    switch (position.part) {
      case 'standings':
        return this.#readStandings(position.after)
      case 'states':
        return this.#readStates(position.after)
      case 'codes':
        return this.#readCodes(position.after)
      case 'changes':
        return this.#readChanges(position.since)
    }
  }

  #readStandings(after: Uint8Array | null): Omit<SnapshotPart, 'words'> {
    type Row = [
      ArrayBuffer,
      number,
      number,
      number,
      number,
      number,
      number,
      number | null,
      number | null,
      number | null,
    ]
    const columns = `s.ticket, s.zone, s.entries, s.exits, s.inside, s.presented, s.entries_today, s.first_at, s.last_at,
      e.gate FROM standing s LEFT JOIN entry e ON e.seq = s.admission`
    const order = 'ORDER BY s.ticket, s.zone LIMIT ?'
    const cursor =
      after === null
        ? this.#sql.exec(`SELECT ${columns} ${order}`, ROWS)
        : this.#sql.exec(
            `SELECT ${columns} WHERE (s.ticket, s.zone) > (?, ?) ${order}`,
            after.slice(0, 16),
            new DataView(after.buffer, after.byteOffset).getUint16(16),
            ROWS,
          )
    const rows = [...cursor.raw<Row>()]
    const standings = packRows(
      rowLength.standing,
      rows.map(
        ([ticket, zone, entries, exits, inside, presented, today, firstAt, lastAt, gate]) =>
          (view: DataView) => {
            const counts = { entries, exits, inside, presented, today, firstAt, lastAt }
            packStanding(view, new Uint8Array(ticket), zone, gate ?? 0, counts)
          },
      ),
    )
    const next: Position =
      rows.length === ROWS
        ? { part: 'standings', after: standings.slice(-rowLength.standing, -rowLength.standing + 18) }
        : { part: 'states', after: null }
    return { rows: { ...noRows, standings }, next }
  }

  #readStates(after: Uint8Array | null): Omit<SnapshotPart, 'words'> {
    const read = this.#states(
      'WHERE t.id IN (SELECT DISTINCT ticket FROM ticket_change WHERE ticket > ? ORDER BY ticket LIMIT ?) ORDER BY t.id',
      after ?? Uint8Array.of(0),
      ROWS,
    )
    const last = read.at(-1)
    const next: Position =
      read.length === ROWS && last ? { part: 'states', after: last.ticket } : { part: 'codes', after: null }
    return { rows: { ...noRows, states: packStates(read.filter(({ status }) => status !== 'valid')) }, next }
  }

  #readCodes(after: string | null): Omit<SnapshotPart, 'words'> {
    const read = this.#codes('WHERE c.code > ? ORDER BY c.code LIMIT ?', after ?? '', ROWS)
    const last = read.at(-1)
    const next: Position | null = read.length === ROWS && last ? { part: 'codes', after: last.code } : null
    return { rows: { ...noRows, codes: packCodes(read) }, next }
  }

  #readChanges({ seq, revision }: Cursor): Omit<SnapshotPart, 'words'> {
    const { zones, gates } = this.#configuration
    const standings = this.standingsSince(seq)
    const changed = 'WHERE t.id IN (SELECT ticket FROM ticket_change WHERE revision > ?) ORDER BY'
    const rows = {
      standings: packRows(
        rowLength.standing,
        standings.map((known) => (view: DataView) => {
          const gate = known.gateId === null ? 0 : (gates.numberOf(known.gateId) ?? 0)
          packStanding(view, uuidToBytes(known.ticketId), zones.numberOf(known.zone) ?? 0, gate, known)
        }),
      ),
      states: packStates(this.#states(`${changed} t.id`, revision)),
      codes: packCodes(this.#codes(`${changed} c.code`, revision)),
    }
    return { rows, next: null }
  }

  #states(where: string, ...values: (Uint8Array | number)[]): StateRow[] {
    type Row = {
      id: ArrayBuffer
      issued_at: number
      paid: number
      blocked_at: number | null
      revoked_at: number | null
      first_issued_at: number
      changed_at: number
    }
    return this.#sql
      .exec<Row>(
        `SELECT t.id, t.issued_at, t.paid, t.blocked_at, t.revoked_at,
         (SELECT issued_at FROM ticket_change WHERE ticket = t.id ORDER BY revision LIMIT 1) AS first_issued_at,
         (SELECT at FROM ticket_change WHERE ticket = t.id ORDER BY revision DESC LIMIT 1) AS changed_at
         FROM ticket t ${where}`,
        ...values,
      )
      .toArray()
      .map((row) => {
        const status = statusOf({ revokedAt: row.revoked_at, blockedAt: row.blocked_at, paid: row.paid === 1 })
        const isReissued = row.issued_at > row.first_issued_at
        return {
          ticket: new Uint8Array(row.id),
          at: row.revoked_at ?? row.blocked_at ?? row.changed_at,
          status: status === 'valid' && isReissued ? 'superseded' : status,
          validSince: row.issued_at,
        }
      })
  }

  #codes(where: string, ...values: (string | number)[]): CodeRow[] {
    type Row = {
      code: string
      ticket: ArrayBuffer
      type: number
      admits: number
      valid_from: number | null
      valid_until: number | null
    }
    return this.#sql
      .exec<Row>(
        `SELECT c.code, c.ticket, t.type, t.admits, t.valid_from, t.valid_until
         FROM code c JOIN ticket t ON t.id = c.ticket ${where}`,
        ...values,
      )
      .toArray()
      .map(({ code, ticket, type, admits, valid_from: validFrom, valid_until: validUntil }) => {
        return { code, ticket: new Uint8Array(ticket), type, admits, validFrom, validUntil }
      })
  }
}

type StateRow = Omit<KnownState, 'ticketId'> & { ticket: Uint8Array }
type CodeRow = Pick<KnownCode, 'admits' | 'validFrom' | 'validUntil'> & {
  code: string
  ticket: Uint8Array
  type: number
}

function packStates(rows: StateRow[]): Uint8Array {
  return packRows(
    rowLength.state,
    rows.map((row) => (view: DataView) => packState(view, row.ticket, row)),
  )
}

function packCodes(rows: CodeRow[]): Uint8Array {
  return packRows(
    rowLength.code,
    rows.map((row) => (view: DataView) => packCode(view, codeHash(row.code), row.ticket, row.type, row)),
  )
}
