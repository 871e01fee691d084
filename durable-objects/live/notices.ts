import { type AlertKind, toWireAlert, type WireAlert } from '../../core/alerts.ts'
import { withCapacity } from '../../core/event.ts'
import type { DeviceId, TicketId } from '../../core/ids.ts'
import type { Entry } from '../../core/log.ts'
import type { Notice } from '../../core/webhooks.ts'
import type { Configuration } from '../event/configuration.ts'
import type { EventParts } from '../event-parts.ts'

/** A notice with its number, 1, 2, 3 …, and when it was. */
export type Noticed = { no: number; at: number; notice: Notice }

type Row = { no: number; at: number; notice: string }

/** From this share of its capacity on, a zone is nearly full. */
const NEARLY = 0.9

/** A zone at its capacity sees one go and one come all evening; that is told once in so long. */
const FULL_AGAIN_AFTER_MS = 5 * 60_000

/** What happened beside the log and is worth telling. Whoever raises one holds the transaction that it happens in. */
export class Notices {
  readonly #sql: SqlStorage
  readonly #configuration: Configuration
  #isAnyNew = false

  constructor(sql: SqlStorage, configuration: Configuration) {
    this.#sql = sql
    this.#configuration = configuration
  }

  /** The number of the last one. */
  get head(): number {
    return this.#sql.exec<{ no: number | null }>('SELECT max(no) AS no FROM notice').one().no ?? 0
  }

  raise(notice: Notice, at: number): void {
    this.#isAnyNew = true
    this.#sql.exec('INSERT INTO notice (kind, at, notice) VALUES (?, ?, ?)', notice.kind, at, JSON.stringify(notice))
  }

  /** Takes an entry that is being written and how many were inside its zone before it; raises what follows from it. */
  ofEntry(entry: Entry, insideBefore: number): void {
    if (entry.insideChange <= 0) return
    const { event } = this.#configuration
    const zone = this.#configuration.zone(entry.zone)
    const capacity = zone ? withCapacity(zone, event).capacity : null
    if (capacity === null) return
    const inside = insideBefore + entry.insideChange
    const crossed = (line: number) => insideBefore < line && inside >= line
    const isFull = crossed(capacity)
    if (!isFull && (inside >= capacity || !crossed(Math.ceil(NEARLY * capacity)))) return
    const kind = isFull ? 'zone.full' : 'zone.nearly_full'
    const last = this.lastAt(kind, 'zone', entry.zone)
    if (last !== null && entry.receivedAt < last + FULL_AGAIN_AFTER_MS) return
    this.raise({ kind, zone: entry.zone, capacity, inside }, entry.receivedAt)
  }

  /** When one of a kind was last raised, in all or of one thing. */
  lastAt(
    kind: Notice['kind'],
    field: 'zone' | 'deviceId' | 'gateId' | 'ticketId' | null = null,
    value = '',
  ): number | null {
    return this.#sql
      .exec<{ at: number | null }>(
        "SELECT max(at) AS at FROM notice WHERE kind = ? AND (?2 IS NULL OR notice->>('$.' || ?2) = ?3)",
        kind,
        field,
        value,
      )
      .one().at
  }

  /** When it was last told that nothing is heard of a device. */
  lastSilenceOf(deviceId: DeviceId): number | null {
    return this.#sql
      .exec<{ at: number | null }>(
        `SELECT max(at) AS at FROM notice, json_each(notice.notice, '$.deviceIds')
         WHERE notice.kind = 'device.silent' AND value = ?`,
        deviceId,
      )
      .one().at
  }

  /** Up to `limit` notices of these kinds before `no`, the newest first. */
  before(no: number, kinds: readonly Notice['kind'][], limit: number): Noticed[] {
    return this.#sql
      .exec<Row>(
        'SELECT * FROM notice WHERE no < ? AND kind IN (SELECT value FROM json_each(?)) ORDER BY no DESC LIMIT ?',
        no,
        JSON.stringify(kinds),
        limit,
      )
      .toArray()
      .map(noticed)
  }

  /** Up to `limit` notices of these kinds that are about a device, the newest first. */
  ofDevice(deviceId: DeviceId, kinds: readonly Notice['kind'][], limit: number): Noticed[] {
    return this.#sql
      .exec<Row>(
        `SELECT * FROM notice WHERE kind IN (SELECT value FROM json_each(?))
         AND (notice->>'deviceId' = ?2 OR EXISTS (SELECT 1 FROM json_each(notice.notice, '$.deviceIds') WHERE value = ?2))
         ORDER BY no DESC LIMIT ?`,
        JSON.stringify(kinds),
        deviceId,
        limit,
      )
      .toArray()
      .map(noticed)
  }

  /** Whether any was raised since this was last asked. Where the transaction did not hold, that is once too often. */
  takeNew(): boolean {
    const isAnyNew = this.#isAnyNew
    this.#isAnyNew = false
    return isAnyNew
  }

  get(no: number): Noticed | null {
    const row = this.#sql.exec<Row>('SELECT * FROM notice WHERE no = ?', no).toArray()[0]
    return row ? noticed(row) : null
  }

  /** Up to `limit` notices after `no`, in order. */
  after(no: number, limit: number): Noticed[] {
    return this.#sql
      .exec<Row>('SELECT * FROM notice WHERE no > ? ORDER BY no LIMIT ?', no, limit)
      .toArray()
      .map(noticed)
  }

  /** How many there were of each kind. */
  counts(): Record<string, number> {
    const rows = this.#sql.exec<{ kind: string; n: number }>('SELECT kind, count(*) AS n FROM notice GROUP BY kind')
    return Object.fromEntries([...rows].map(({ kind, n }) => [kind, n]))
  }

  /** Gives a ticket's notices the reference that it has now: the one before said who somebody was. */
  setReference(ticket: TicketId, reference: string | null): void {
    this.#sql.exec(
      `UPDATE notice SET notice = json_set(notice, '$.reference', ?)
       WHERE notice->>'ticketId' = ? AND notice->>'reference' IS NOT NULL`,
      reference,
      ticket,
    )
  }
}

function noticed({ no, at, notice }: Row): Noticed {
  return { no, at, notice: JSON.parse(notice) as Notice }
}

/** What somebody should look at, the newest first. */
export function alertsBefore(
  { notices, configuration }: EventParts,
  before: number,
  kinds: readonly AlertKind[],
  limit: number,
): WireAlert[] {
  return notices
    .before(before, kinds, limit)
    .flatMap(({ no, notice, at }) => toWireAlert(configuration.event.id, no, notice, at) ?? [])
}
