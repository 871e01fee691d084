import { bytesToUuid, type TicketId, uuidToBytes } from '../../core/ids.ts'
import type { DeliveryFilter } from '../../core/organiser-messages.ts'
import { entryIdOf } from '../../core/shards.ts'
import {
  entryPayload,
  noticePayload,
  retryDelayMs,
  type WebhookKind,
  type WebhookPayload,
} from '../../core/webhooks.ts'
import type { Configuration } from '../event/configuration.ts'
import type { Notices } from '../live/notices.ts'
import type { Meta } from '../meta.ts'
import type { ScanLog } from '../scans/scan-log.ts'
import type { Tickets } from '../tickets/tickets.ts'

export type DeliveryState = 'pending' | 'delivered' | 'failed'

/** One thing told to one webhook. */
export type Delivery = {
  no: number
  messageId: string
  kind: WebhookKind
  ticketId: TicketId | null
  entryId: string | null
  state: DeliveryState
  attempts: number
  madeAt: number
  triedAt: number | null
  dueAt: number | null
  /** The HTTP status of the last attempt, and what was wrong with it in a word. */
  status: number | null
  problem: string | null
}

/** A delivery as it is sent. */
export type Letter = { no: number; messageId: string; body: string }

/** How the attempt at one letter went. `untried`: it was left where it is, for another time. */
export type Outcome =
  | { no: number; kind: 'delivered'; status: number }
  | { no: number; kind: 'failed'; status: number | null; problem: string; retryAfterMs: number | null }
  | { no: number; kind: 'untried' }

/** An entry or a notice on its way to becoming a delivery. `kind` null: nobody is told of such. */
export type Happening = { from: 'entry' | 'notice'; number: number; kind: string | null; ticketId: TicketId | null }

type DeliveryRow = {
  no: number
  kind: string
  entry: number | null
  notice: number | null
  ticket: ArrayBuffer | null
  state: string
  attempts: number
  due_at: number | null
  made_at: number
  tried_at: number | null
  status: number | null
  problem: string | null
}

/** Deliveries that are done are kept until there are so many newer ones. */
const KEPT = 10_000

/** What each webhook was told and is to be told: a row for every delivery. There is no `await` in this file. */
export class Deliveries {
  readonly #sql: SqlStorage
  readonly #meta: Meta
  readonly #configuration: Configuration
  readonly #tickets: Tickets
  readonly #log: ScanLog
  readonly #notices: Notices

  constructor(
    sql: SqlStorage,
    meta: Meta,
    configuration: Configuration,
    tickets: Tickets,
    log: ScanLog,
    notices: Notices,
  ) {
    this.#sql = sql
    this.#meta = meta
    this.#configuration = configuration
    this.#tickets = tickets
    this.#log = log
    this.#notices = notices
  }

  /** The newest first. */
  list(webhook: number, { limit, cursor, state }: DeliveryFilter): { items: Delivery[]; nextCursor: string | null } {
    const rows = this.#sql
      .exec<DeliveryRow>(
        `SELECT * FROM delivery WHERE webhook = ? AND no < ? AND (?3 IS NULL OR state = ?3) ORDER BY no DESC LIMIT ?4`,
        webhook,
        cursor ?? Number.MAX_SAFE_INTEGER,
        state ?? null,
        limit + 1,
      )
      .toArray()
    const items = rows.slice(0, limit).map((row) => this.#delivery(webhook, row))
    return { items, nextCursor: rows.length > limit ? String(items.at(-1)?.no) : null }
  }

  get(webhook: number, no: number): { delivery: Delivery; payload: WebhookPayload } | null {
    const row = this.#row(webhook, no)
    const payload = row && this.#payload(row)
    return row && payload ? { delivery: this.#delivery(webhook, row), payload } : null
  }

  /** Has a delivery made again, whatever became of it. */
  replay(webhook: number, no: number, at: number): Delivery | null {
    this.#sql.exec(
      "UPDATE delivery SET state = 'pending', attempts = 0, due_at = ? WHERE webhook = ? AND no = ?",
      at,
      webhook,
      no,
    )
    const row = this.#row(webhook, no)
    return row ? this.#delivery(webhook, row) : null
  }

  /** The same for all that were given up. Gives how many there are. */
  replayFailed(webhook: number, at: number): number {
    const replayed = this.failed(webhook)
    this.#sql.exec(
      "UPDATE delivery SET state = 'pending', attempts = 0, due_at = ? WHERE webhook = ? AND state = 'failed'",
      at,
      webhook,
    )
    return replayed
  }

  make(webhook: number, no: number, { kind, from, number, ticketId }: Happening, at: number): void {
    this.#sql.exec(
      `INSERT INTO delivery (webhook, no, kind, entry, notice, ticket, state, attempts, due_at, made_at)
       VALUES (?, ?, ?, ?, ?, ?, 'pending', 0, ?, ?)`,
      webhook,
      no,
      kind,
      from === 'entry' ? number : null,
      from === 'notice' ? number : null,
      ticketId === null ? null : uuidToBytes(ticketId),
      at,
      at,
    )
  }

  /** What is to be sent now, so many letters at most: of each ticket only the oldest. */
  due(webhook: number, at: number, limit: number): Letter[] {
    return this.#waiting(webhook, at, limit).due.map((row) => ({
      no: row.no,
      messageId: this.#messageId(webhook, row),
      // What it tells of is in the log, which forgets nothing.
      body: JSON.stringify(this.#payload(row)),
    }))
  }

  /** When something is to be sent; null where nothing waits. */
  nextDueAt(webhook: number, at: number): number | null {
    const { due, nextDueAt } = this.#waiting(webhook, at, 1)
    return due.length > 0 ? at : nextDueAt
  }

  /** Notes how one letter fared. `random` is from 0 to 1. */
  settle(webhook: number, outcome: Outcome, at: number, random: () => number): void {
    if (outcome.kind === 'untried') return
    const row = this.#row(webhook, outcome.no)
    if (!row) return
    const attempts = row.attempts + 1
    const delay = outcome.kind === 'delivered' ? null : retryDelayMs(attempts, outcome.retryAfterMs, random())
    const state: DeliveryState = outcome.kind === 'delivered' ? 'delivered' : delay === null ? 'failed' : 'pending'
    this.#sql.exec(
      `UPDATE delivery SET state = ?, attempts = ?, due_at = ?, tried_at = ?, status = ?, problem = ?
       WHERE webhook = ? AND no = ?`,
      state,
      attempts,
      delay === null ? null : at + delay,
      at,
      outcome.status,
      outcome.kind === 'delivered' ? null : outcome.problem,
      webhook,
      outcome.no,
    )
  }

  /** Sends none of what waits any more. */
  giveUp(webhook: number): void {
    this.#sql.exec(
      "UPDATE delivery SET state = 'failed', due_at = NULL WHERE webhook = ? AND due_at IS NOT NULL",
      webhook,
    )
  }

  removeAll(webhook: number): void {
    this.#sql.exec('DELETE FROM delivery WHERE webhook = ?', webhook)
  }

  /** Forgets what is done, once so many were made. */
  forgetOld(webhook: number, made: number): void {
    this.#sql.exec('DELETE FROM delivery WHERE webhook = ? AND no <= ? AND due_at IS NULL', webhook, made - KEPT)
  }

  /** How many wait. */
  pending(webhook: number): number {
    const query = 'SELECT count(*) AS n FROM delivery INDEXED BY delivery_due WHERE webhook = ? AND due_at IS NOT NULL'
    return this.#sql.exec<{ n: number }>(query, webhook).one().n
  }

  /** How many were given up. */
  failed(webhook: number): number {
    const query = "SELECT count(*) AS n FROM delivery WHERE webhook = ? AND state = 'failed'"
    return this.#sql.exec<{ n: number }>(query, webhook).one().n
  }

  /** The oldest `limit` that are due and whose ticket has none before them, and when the next of the others will be. */
  #waiting(webhook: number, at: number, limit: number): { due: DeliveryRow[]; nextDueAt: number | null } {
    const due: DeliveryRow[] = []
    const tickets = new Set<string>()
    let nextDueAt: number | null = null
    const rows = this.#sql.exec<DeliveryRow>(
      'SELECT * FROM delivery INDEXED BY delivery_due WHERE webhook = ? AND due_at IS NOT NULL ORDER BY no',
      webhook,
    )
    for (const row of rows) {
      const ticket = row.ticket === null ? null : bytesToUuid<TicketId>(new Uint8Array(row.ticket))
      const isBehindAnother = ticket !== null && tickets.has(ticket)
      if (ticket !== null) tickets.add(ticket)
      if (isBehindAnother) continue
      const dueAt = row.due_at ?? 0
      if (dueAt <= at) due.push(row)
      else nextDueAt = Math.min(nextDueAt ?? dueAt, dueAt)
      if (due.length === limit) break
    }
    return { due, nextDueAt }
  }

  #payload(row: DeliveryRow): WebhookPayload | null {
    const { event } = this.#configuration
    if (row.notice !== null) {
      const noticed = this.#notices.get(row.notice)
      return noticed && noticePayload(event.id, noticed.notice, noticed.at)
    }
    const entry = row.entry === null ? undefined : this.#log.at(row.entry)?.entry
    if (!entry) return null
    const ticket = entry.ticketId === null ? null : this.#tickets.get(entry.ticketId)
    return entryPayload(event.id, row.kind as WebhookKind, entry, {
      reference: ticket?.reference ?? null,
      gateName: entry.gateId === null ? null : (this.#configuration.gate(entry.gateId)?.name ?? null),
    })
  }

  /** The same for every attempt, and no other delivery's: event, webhook, and which entry of which log or notice. */
  #messageId(webhook: number, { entry, notice }: Pick<DeliveryRow, 'entry' | 'notice'>): string {
    const event = this.#configuration.event.id.replaceAll('-', '')
    const what = entry === null ? `n${notice}` : `e${this.#meta.number('epoch')}-${entry}`
    return `msg_${event}_${webhook}_${what}`
  }

  #row(webhook: number, no: number): DeliveryRow | undefined {
    return this.#sql.exec<DeliveryRow>('SELECT * FROM delivery WHERE webhook = ? AND no = ?', webhook, no).toArray()[0]
  }

  /** An entry whose time was over is gone; its number is what is left of it. */
  #entryId(seq: number): string {
    const scanId = this.#log.at(seq)?.entry.scanId ?? String(seq)
    return entryIdOf(this.#configuration.event.id, { seq, scanId })
  }

  #delivery(webhook: number, row: DeliveryRow): Delivery {
    return {
      no: row.no,
      messageId: this.#messageId(webhook, row),
      kind: row.kind as WebhookKind,
      ticketId: row.ticket === null ? null : bytesToUuid<TicketId>(new Uint8Array(row.ticket)),
      entryId: row.entry === null ? null : this.#entryId(row.entry),
      state: row.state as DeliveryState,
      attempts: row.attempts,
      madeAt: row.made_at,
      triedAt: row.tried_at,
      dueAt: row.due_at,
      status: row.status,
      problem: row.problem,
    }
  }
}
