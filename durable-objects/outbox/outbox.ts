import { bytesToHex } from '@noble/hashes/utils.js'
import type { EventDetails } from '../../core/event.ts'
import type { EventId, OrganisationId, ScanId, TicketId } from '../../core/ids.ts'
import { eventTagOf } from '../../core/keys.ts'
import type { Entry } from '../../core/log.ts'
import { nextForgetting } from '../../core/retention.ts'
import { tallyOf } from '../../core/tally.ts'
import type { Configuration } from '../event/configuration.ts'
import type { Meta } from '../meta.ts'
import type { ScanLog } from '../scans/scan-log.ts'

/**
 * Entries that go to D1 in one statement. As few as can be, since what is put together for it, and locally D1 itself, holds up
 * the scans of that moment; the more wait, the more go at once, so that a slow D1 is not left behind for ever.
 */
const FEWEST = 64
const MOST = 500
const SHARE = 1 / 20

/** Between two of them whoever stands at a gate comes in. */
const PAUSE_MS = 5

/** Entries that D1 forgets in one statement. */
const FORGOTTEN = 2000

/** One call drains so many batches at most, so that an alarm ends; the next one goes on. */
const BATCHES = 40

/**
 * What D1 has not been told yet. D1 is told at least once, and its keys make the second time do nothing. How far it has
 * the log is its own word: `drained` there moves in the transaction that brings the entries and what they add up to,
 * and only from where these begin, so that nothing is added up twice or left out; `drained` here is a copy of it.
 */
export class Outbox {
  readonly #db: D1Database
  readonly #meta: Meta
  readonly #log: ScanLog
  readonly #configuration: Configuration

  constructor(db: D1Database, meta: Meta, log: ScanLog, configuration: Configuration) {
    this.#db = db
    this.#meta = meta
    this.#log = log
    this.#configuration = configuration
  }

  /** The last entry that D1 is known to have. */
  get told(): number {
    return this.#meta.number('drained')
  }

  /** How many entries wait, and whether the event itself changed since D1 was told of it. */
  pending(): { entries: number; directory: boolean } {
    return { entries: this.#log.head - this.told, directory: this.isDirectoryPending() }
  }

  /** Asked after each change, so it is one look-up. */
  isDirectoryPending(): boolean {
    return this.#meta.isAhead('directory', 'directory_drained')
  }

  /**
   * Tells D1 what waits now, or as much of it as one turn may; gives whether that was all. What comes meanwhile is left for
   * the next time, or there would be no end to ever smaller batches. Throws what D1 throws; nothing is lost by that.
   *
   * `isOpen` says whether the log that is open in memory is still this one. Where a change did not hold meanwhile it is not,
   * and may have entries in memory that were taken back: what waits is told out of the one that was opened instead.
   */
  async drain(isOpen: () => boolean): Promise<boolean> {
    await this.drainDirectory()
    const upTo = this.#log.head
    for (let batch = 0; batch < BATCHES; batch++) {
      if (batch > 0) await scheduler.wait(PAUSE_MS)
      if (!isOpen()) return false
      // Another drain may have told some of it meanwhile.
      const from = this.told
      if (from >= upTo) return true
      const entries = this.#log.after(from, batchOf(this.#log.head - from))
      if (entries.length === 0) return true
      this.#meta.set('drained', await this.#send(entries, from))
    }
    return false
  }

  /** Takes everything of the event out of D1. */
  async forget(): Promise<void> {
    const event = hex(this.#configuration.event.id)
    const remove = (table: string, column = 'event') =>
      this.#db.prepare(`DELETE FROM ${table} WHERE ${column} = unhex(?)`).bind(event)
    const tables = ['entry', 'tally', 'latency_tally', 'drained'].map((table) => remove(table))
    await this.#db.batch([...tables, remove('event', 'id')])
  }

  /** Takes the next of the event's entries out of D1; gives whether there were none left. What they add up to stays. */
  async forgetEntries(): Promise<boolean> {
    const gone = await this.#db
      .prepare(
        `DELETE FROM entry WHERE event = unhex(?1)
         AND (epoch, seq) IN (SELECT epoch, seq FROM entry WHERE event = unhex(?1) LIMIT ${FORGOTTEN})`,
      )
      .bind(hex(this.#configuration.event.id))
      .run()
    return gone.meta.changes === 0
  }

  async drainDirectory(): Promise<void> {
    const version = this.#meta.number('directory')
    if (version <= this.#meta.number('directory_drained')) return
    await this.#sendEvent(this.#configuration.event, version)
    this.#meta.set('directory_drained', Math.max(version, this.#meta.number('directory_drained')))
  }

  /** Sends the entries after `from`; gives how far D1 has the log now, which another drain may have taken further. */
  async #send(entries: Entry[], from: number): Promise<number> {
    const event = hex(this.#configuration.event.id)
    const epoch = this.#meta.number('epoch')
    const to = entries.at(-1)?.seq ?? from
    const { tallies, latencies } = tallyOf(entries, (seq) => this.#log.at(seq)?.entry ?? null)
    const run = (sql: string, ...values: unknown[]) => this.#db.prepare(sql).bind(event, epoch, ...values)
    const annulments = entries.flatMap(({ verdict, receivedAt }) =>
      verdict.kind === 'annulled' ? [{ seq: verdict.seq, at: receivedAt }] : [],
    )
    // One transaction: an admission is never without its annulment once D1 has that, nor an entry without its tally.
    const results = await this.#db.batch<{ seq: number }>([
      run('INSERT INTO drained (event, epoch, seq) VALUES (unhex(?1), ?2, 0) ON CONFLICT DO NOTHING'),
      run(insertEntries, JSON.stringify(entries.map((entry) => toRow(entry)))),
      ...annulments.map(({ seq, at }) =>
        run('UPDATE entry SET annulled_at = ?4 WHERE event = unhex(?1) AND epoch = ?2 AND seq = ?3', seq, at),
      ),
      run(addTallies, from, JSON.stringify(tallies)),
      run(addLatencies, from, JSON.stringify(latencies)),
      run('UPDATE drained SET seq = ?4 WHERE event = unhex(?1) AND epoch = ?2 AND seq = ?3', from, to),
      run('SELECT seq FROM drained WHERE event = unhex(?1) AND epoch = ?2'),
    ])
    const seq = results.at(-1)?.results[0]?.seq
    if (seq === undefined) throw new Error('D1 did not say how far it has the log')
    return seq
  }

  async #sendEvent(event: EventDetails, version: number): Promise<void> {
    await this.#db
      .prepare(
        `INSERT INTO event (id, tag, organisation, title, starts_at, ends_at, timezone, location, capacity, created_at,
         closed_at, rehearsal_of, forget_at, version)
         VALUES (unhex(?), unhex(?), unhex(?), ?, ?, ?, ?, ?, ?, ?, ?, unhex(?), ?, ?)
         ON CONFLICT (id) DO UPDATE SET title = excluded.title, starts_at = excluded.starts_at,
         ends_at = excluded.ends_at, timezone = excluded.timezone, location = excluded.location,
         capacity = excluded.capacity, closed_at = excluded.closed_at, forget_at = excluded.forget_at, version = excluded.version
         WHERE excluded.version > version`,
      )
      .bind(
        hex(event.id),
        bytesToHex(eventTagOf(event.id)),
        hex(event.organisationId),
        event.title,
        event.startsAt,
        event.endsAt,
        event.timezone,
        event.location,
        event.capacity,
        event.createdAt,
        event.closedAt,
        event.rehearsalOf && hex(event.rehearsalOf),
        nextForgetting(event)?.at ?? null,
        version,
      )
      .run()
  }
}

/** Takes how many entries wait; gives how many of them go next. */
function batchOf(waiting: number): number {
  return Math.min(MOST, Math.max(FEWEST, Math.ceil(waiting * SHARE)))
}

const insertEntries = `INSERT INTO entry (event, epoch, seq, scan, ticket, type, gate, zone, device, staff, direction,
  people, verdict, code, attempt, forced, offline, inside_change, scanned_at, received_at, validation_ms, annuls, admission)
  SELECT unhex(?1), ?2, value->>0, unhex(value->>1), unhex(value->>2), value->>3, value->>4, value->>5, value->>6,
  value->>7, value->>8, value->>9, value->>10, value->>11, value->>12, value->>13, value->>14, value->>15,
  value->>16, value->>17, value->>18, value->>19, value->>20 FROM json_each(?3) WHERE true
  ON CONFLICT (event, epoch, seq) DO NOTHING`

const notYetAddedUp = '(SELECT seq FROM drained WHERE event = unhex(?1) AND epoch = ?2) = ?3'

const addTallies = `INSERT INTO tally (event, scope, key, at, outcome, scans, people, first_at, last_at)
  SELECT unhex(?1), value->>'scope', value->>'key', value->>'at', value->>'outcome', value->>'scans', value->>'people',
  value->>'firstAt', value->>'lastAt' FROM json_each(?4) WHERE ${notYetAddedUp}
  ON CONFLICT (event, scope, key, at, outcome) DO UPDATE SET scans = scans + excluded.scans,
  people = people + excluded.people, first_at = min(first_at, excluded.first_at),
  last_at = max(last_at, excluded.last_at)`

const addLatencies = `INSERT INTO latency_tally (event, scope, key, bucket, scans)
  SELECT unhex(?1), value->>'scope', value->>'key', value->>'bucket', value->>'scans' FROM json_each(?4)
  WHERE ${notYetAddedUp}
  ON CONFLICT (event, scope, key, bucket) DO UPDATE SET scans = scans + excluded.scans`

function toRow(entry: Entry): (string | number | null)[] {
  const { verdict } = entry
  const refusal = verdict.kind === 'refused' ? verdict.refusal : null
  return [
    entry.seq,
    hex(entry.scanId),
    entry.ticketId === null ? null : hex(entry.ticketId),
    entry.type,
    // Nothing that is done by the clock happens at a gate.
    entry.gateId ?? '',
    entry.zone,
    entry.deviceId,
    entry.staffId,
    entry.direction,
    entry.people,
    verdict.kind,
    refusal?.reason ?? null,
    refusal?.reason === 'already_admitted' ? refusal.attempt : null,
    verdict.kind === 'admitted' && verdict.forced !== null ? 1 : 0,
    entry.offline === null ? 0 : 1,
    entry.insideChange,
    entry.scannedAt,
    entry.receivedAt,
    entry.validationMs,
    verdict.kind === 'annulled' ? verdict.seq : null,
    refusal?.reason === 'already_admitted' ? refusal.admission : null,
  ]
}

function hex(id: EventId | OrganisationId | ScanId | TicketId): string {
  return id.replaceAll('-', '')
}
