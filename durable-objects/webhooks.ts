import { badRequest, ok, problem, type Result } from '../core/answers.ts'
import { bytesToUuid, type TicketId, uuidToBytes } from '../core/ids.ts'
import type { Entry } from '../core/log.ts'
import type { DeliveryFilter } from '../core/messages.ts'
import { entryIdOf } from '../core/shards.ts'
import {
  entryPayload,
  GIVE_UP_AFTER_MS,
  holdMs,
  kindOfEntry,
  noticePayload,
  retryDelayMs,
  type WebhookKind,
  type WebhookPayload,
} from '../core/webhooks.ts'
import type { Configuration } from './configuration.ts'
import type { Meta } from './meta.ts'
import type { Noticed, Notices } from './notices.ts'
import type { ScanLog } from './scan-log.ts'
import type { Tickets } from './tickets.ts'

/** An organiser's endpoint. Instants are milliseconds since 1970. Its secrets are sealed by the Worker. */
export type Webhook = {
  no: number
  id: string
  url: string
  events: WebhookKind[]
  createdAt: number
  state: 'active' | 'failing' | 'disabled'
  /** When its failures without a success between them began. */
  failingSince: number | null
  disabledAt: number | null
  disabledBecause: 'failing' | 'gone' | null
  succeededAt: number | null
  /** Until when a second, older secret signs too. */
  oldSecretUntil: number | null
  /** Deliveries that are to come, entries and notices that were not looked at yet, and deliveries given up. */
  pending: number
  behind: number
  failed: number
}

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

export type SealedSecrets = { secret: Uint8Array; oldSecret: Uint8Array | null }

/** Everything that the Worker needs to send: it knows nothing of the event beside. */
export type Parcel = {
  eventId: string
  webhookId: string
  url: string
  secrets: SealedSecrets
  letters: { no: number; messageId: string; body: string }[]
}

/** How the attempt at one letter went. `untried`: it was left where it is, for another time. */
export type Outcome =
  | { no: number; kind: 'delivered'; status: number }
  | { no: number; kind: 'failed'; status: number | null; problem: string; retryAfterMs: number | null }
  | { no: number; kind: 'untried' }

/** What an organiser wants of a webhook; `secret` where a new one was given, `made` for where it has none yet. */
export type WebhookWish = { url: string; events: WebhookKind[]; secret: Uint8Array | null; made: Uint8Array }

type WebhookRow = {
  no: number
  id: string
  url: string
  kinds: string
  secret: ArrayBuffer
  old_secret: ArrayBuffer | null
  old_secret_until: number | null
  created_at: number
  seen_entry: number
  seen_notice: number
  made: number
  failures: number
  failing_since: number | null
  hold_until: number | null
  succeeded_at: number | null
  disabled_at: number | null
  disabled_because: string | null
}

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

const MOST_WEBHOOKS = 20

/** An old secret goes on signing for so long after it was replaced. */
const ROTATION_MS = 24 * 60 * 60 * 1000

/** So many wait in the table at most; what comes after them waits in the log, where it costs nothing. */
const MOST_PENDING = 500

/** Entries and notices that are looked at in one breath: scans go in between. */
const LOOK_AT = 200

/** Letters handed over at once, while all is well. */
const PARCEL = 24

/** Deliveries that are done are kept until there are so many newer ones. */
const KEPT = 10_000

/**
 * The webhooks of the event and what each was told. The log and the notices are the source: a webhook has a watermark in
 * each and a row for every delivery past it. There is no `await` in this file.
 */
export class Webhooks {
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

  all(): Webhook[] {
    return this.#rows().map((row) => this.#details(row))
  }

  get(id: string): Webhook | null {
    const row = this.#byId(id)
    return row ? this.#details(row) : null
  }

  secretsOf(id: string, at: number): SealedSecrets | null {
    const row = this.#byId(id)
    return row ? secretsIn(row, at) : null
  }

  /**
   * Makes or changes a webhook; one that was given up goes on where it stopped. `secretIsMade` says that it lives
   * by the secret that was made for it, which is told once.
   */
  put(id: string, wish: WebhookWish, at: number): Result<{ webhook: Webhook; secretIsMade: boolean; isNew: boolean }> {
    const known = this.#byId(id)
    if (!known && this.#rows().length >= MOST_WEBHOOKS) {
      return badRequest({ field: 'id', message: `an event has at most ${MOST_WEBHOOKS} webhooks` })
    }
    if (known) this.#change(known, wish, at)
    else this.#add(id, wish, at)
    const row = this.#byId(id) as WebhookRow
    // The same call that arrives twice must not hide the secret that its first arrival made.
    const secretIsMade = wish.secret === null && sameBytes(new Uint8Array(row.secret), wish.made)
    return ok({ webhook: this.#details(row), secretIsMade, isNew: !known || secretIsMade })
  }

  /** Signs with a new secret from now on, and with the present one too for a day. */
  rotate(id: string, secret: Uint8Array, at: number): Result<Webhook> {
    const row = this.#byId(id)
    if (!row) return problem('not_found')
    this.#setSecret(row, secret, at)
    return ok(this.get(id) as Webhook)
  }

  remove(id: string): Result<null> {
    const row = this.#byId(id)
    if (!row) return problem('not_found')
    this.#sql.exec('DELETE FROM delivery WHERE webhook = ?', row.no)
    this.#sql.exec('DELETE FROM webhook WHERE no = ?', row.no)
    return ok(null)
  }

  /** Deliveries of a webhook, the newest first. */
  deliveries(
    id: string,
    { limit, cursor, state }: DeliveryFilter,
  ): Result<{ items: Delivery[]; nextCursor: string | null }> {
    const webhook = this.#byId(id)
    if (!webhook) return problem('not_found')
    const rows = this.#sql
      .exec<DeliveryRow>(
        `SELECT * FROM delivery WHERE webhook = ? AND no < ? AND (?3 IS NULL OR state = ?3) ORDER BY no DESC LIMIT ?4`,
        webhook.no,
        cursor ?? Number.MAX_SAFE_INTEGER,
        state ?? null,
        limit + 1,
      )
      .toArray()
    const items = rows.slice(0, limit).map((row) => this.#delivery(webhook, row))
    return ok({ items, nextCursor: rows.length > limit ? String(items.at(-1)?.no) : null })
  }

  delivery(id: string, no: number): Result<{ delivery: Delivery; payload: WebhookPayload }> {
    const webhook = this.#byId(id)
    const row = webhook && this.#deliveryRow(webhook, no)
    const payload = row && this.#payload(row)
    if (!webhook || !row || !payload) return problem('not_found')
    return ok({ delivery: this.#delivery(webhook, row), payload })
  }

  /** Has a delivery made again, under the same message id, whatever became of it. */
  replay(id: string, no: number, at: number): Result<Delivery> {
    const webhook = this.#byId(id)
    const row = webhook && this.#deliveryRow(webhook, no)
    if (!webhook || !row) return problem('not_found')
    this.#sql.exec(
      "UPDATE delivery SET state = 'pending', attempts = 0, due_at = ? WHERE webhook = ? AND no = ?",
      at,
      webhook.no,
      no,
    )
    return ok(this.#delivery(webhook, this.#deliveryRow(webhook, no) as DeliveryRow))
  }

  /** The same for all that were given up. Gives how many there are. */
  replayFailed(id: string, at: number): Result<number> {
    const webhook = this.#byId(id)
    if (!webhook) return problem('not_found')
    const replayed = this.#details(webhook).failed
    this.#sql.exec(
      "UPDATE delivery SET state = 'pending', attempts = 0, due_at = ? WHERE webhook = ? AND state = 'failed'",
      at,
      webhook.no,
    )
    return ok(replayed)
  }

  /** The numbers of those that were not given up. */
  live(): number[] {
    return this.#sql
      .exec<{ no: number }>('SELECT no FROM webhook WHERE disabled_at IS NULL')
      .toArray()
      .map(({ no }) => no)
  }

  /** Whether anybody is still to be told of anything. */
  hasWork(): boolean {
    const [entry, notice] = [this.#log.head, this.#notices.head]
    return this.#rows().some(
      (row) =>
        row.disabled_at === null && (row.seen_entry < entry || row.seen_notice < notice || this.#pending(row.no) > 0),
    )
  }

  /** Thinks of what happened since, a little at a time; gives whether there is more. The caller holds the transaction. */
  look(no: number, at: number): boolean {
    const webhook = this.#byNumber(no)
    if (!webhook || webhook.disabled_at !== null) return false
    const room = MOST_PENDING - this.#pending(webhook.no)
    if (room <= 0) return false
    const limit = Math.min(room, LOOK_AT)
    const entries = this.#log.after(webhook.seen_entry, limit)
    const notices = this.#notices.after(webhook.seen_notice, limit)
    if (entries.length === 0 && notices.length === 0) return false
    const happenings = inOrder(entries, notices).slice(0, limit)
    const kinds = new Set(JSON.parse(webhook.kinds) as string[])
    const wanted = happenings.filter(({ kind }) => kind !== null && kinds.has(kind))
    for (const [i, happening] of wanted.entries()) this.#make(webhook, webhook.made + i + 1, happening, at)
    const seen = (from: 'entry' | 'notice') => happenings.findLast((happening) => happening.from === from)?.number
    this.#sql.exec(
      'UPDATE webhook SET seen_entry = ?, seen_notice = ?, made = made + ? WHERE no = ?',
      seen('entry') ?? webhook.seen_entry,
      seen('notice') ?? webhook.seen_notice,
      wanted.length,
      no,
    )
    this.#forgetOld(webhook.no, webhook.made + wanted.length)
    return true
  }

  /**
   * What is to be sent now: of each ticket only the oldest, so that a receiver hears of its entry before its exit; and
   * a single letter while the endpoint fails. null: nothing.
   */
  parcel(no: number, at: number): Parcel | null {
    const webhook = this.#byNumber(no)
    if (!webhook || webhook.disabled_at !== null || (webhook.hold_until ?? 0) > at) return null
    const { due } = this.#waiting(webhook.no, at, webhook.failures > 0 ? 1 : PARCEL)
    if (due.length === 0) return null
    return {
      eventId: this.#configuration.event.id,
      webhookId: webhook.id,
      url: webhook.url,
      secrets: secretsIn(webhook, at),
      letters: due.map((row) => ({
        no: row.no,
        messageId: this.#messageId(webhook.no, row),
        // What it tells of is in the log, which forgets nothing.
        body: JSON.stringify(this.#payload(row)),
      })),
    }
  }

  /** When there is something to do next; null: when something happens. */
  nextDueAt(no: number, at: number): number | null {
    const webhook = this.#byNumber(no)
    if (!webhook || webhook.disabled_at !== null) return null
    const { due, nextDueAt } = this.#waiting(webhook.no, at, 1)
    const dueAt = due.length > 0 ? at : nextDueAt
    return dueAt === null ? null : Math.max(dueAt, webhook.hold_until ?? 0)
  }

  /** Notes how the letters of a parcel fared. The caller holds the transaction. `random` is from 0 to 1. */
  settle(no: number, outcomes: Outcome[], at: number, random: () => number): void {
    const webhook = this.#byNumber(no)
    if (!webhook) return
    for (const outcome of outcomes) this.#settleOne(no, outcome, at, random)
    if (outcomes.some(({ kind }) => kind === 'delivered')) {
      this.#sql.exec(
        'UPDATE webhook SET failures = 0, failing_since = NULL, hold_until = NULL, succeeded_at = ? WHERE no = ?',
        at,
        no,
      )
      return
    }
    const failed = outcomes.filter((outcome) => outcome.kind === 'failed')
    if (failed.length === 0) return
    const failures = webhook.failures + 1
    const failingSince = webhook.failing_since ?? at
    this.#sql.exec(
      'UPDATE webhook SET failures = ?, failing_since = ?, hold_until = ? WHERE no = ?',
      failures,
      failingSince,
      at + holdMs(failures),
      no,
    )
    const isGone = failed.some(({ status }) => status === 410)
    if (isGone) this.#disable(webhook, 'gone', at)
    else if (at - failingSince >= GIVE_UP_AFTER_MS) this.#disable(webhook, 'failing', at)
  }

  #add(id: string, wish: WebhookWish, at: number): void {
    this.#sql.exec(
      'INSERT INTO webhook (id, url, kinds, secret, created_at, seen_entry, seen_notice) VALUES (?, ?, ?, ?, ?, ?, ?)',
      id,
      wish.url,
      JSON.stringify(wish.events),
      wish.secret ?? wish.made,
      at,
      this.#log.head,
      this.#notices.head,
    )
  }

  #change(known: WebhookRow, { url, events, secret }: WebhookWish, at: number): void {
    this.#sql.exec('UPDATE webhook SET url = ?, kinds = ? WHERE no = ?', url, JSON.stringify(events), known.no)
    if (secret !== null) this.#setSecret(known, secret, at)
    // Whoever says anew where to send wants it tried now.
    this.#sql.exec(
      `UPDATE webhook SET failures = 0, failing_since = NULL, hold_until = NULL, disabled_at = NULL,
       disabled_because = NULL WHERE no = ?`,
      known.no,
    )
  }

  #setSecret(row: WebhookRow, secret: Uint8Array, at: number): void {
    if (sameBytes(new Uint8Array(row.secret), secret)) return
    this.#sql.exec(
      'UPDATE webhook SET old_secret = secret, old_secret_until = ?, secret = ? WHERE no = ?',
      at + ROTATION_MS,
      secret,
      row.no,
    )
  }

  #make(webhook: WebhookRow, no: number, happening: Happening, at: number): void {
    const { kind, from, number, ticketId } = happening
    this.#sql.exec(
      `INSERT INTO delivery (webhook, no, kind, entry, notice, ticket, state, attempts, due_at, made_at)
       VALUES (?, ?, ?, ?, ?, ?, 'pending', 0, ?, ?)`,
      webhook.no,
      no,
      kind,
      from === 'entry' ? number : null,
      from === 'notice' ? number : null,
      ticketId === null ? null : uuidToBytes(ticketId),
      at,
      at,
    )
  }

  #settleOne(webhook: number, outcome: Outcome, at: number, random: () => number): void {
    if (outcome.kind === 'untried') return
    const row = this.#deliveryRow({ no: webhook }, outcome.no)
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

  #disable(webhook: WebhookRow, because: 'failing' | 'gone', at: number): void {
    this.#sql.exec('UPDATE webhook SET disabled_at = ?, disabled_because = ? WHERE no = ?', at, because, webhook.no)
    this.#sql.exec(
      "UPDATE delivery SET state = 'failed', due_at = NULL WHERE webhook = ? AND due_at IS NOT NULL",
      webhook.no,
    )
    this.#notices.raise({ kind: 'webhook.disabled', webhook: webhook.id, because }, at)
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

  #pending(webhook: number): number {
    const { n } = this.#sql
      .exec<{ n: number }>(
        'SELECT count(*) AS n FROM delivery INDEXED BY delivery_due WHERE webhook = ? AND due_at IS NOT NULL',
        webhook,
      )
      .one()
    return n
  }

  #forgetOld(webhook: number, made: number): void {
    this.#sql.exec('DELETE FROM delivery WHERE webhook = ? AND no <= ? AND due_at IS NULL', webhook, made - KEPT)
  }

  #rows(): WebhookRow[] {
    return this.#sql.exec<WebhookRow>('SELECT * FROM webhook ORDER BY no').toArray()
  }

  #byId(id: string): WebhookRow | undefined {
    return this.#sql.exec<WebhookRow>('SELECT * FROM webhook WHERE id = ?', id).toArray()[0]
  }

  #byNumber(no: number): WebhookRow | undefined {
    return this.#sql.exec<WebhookRow>('SELECT * FROM webhook WHERE no = ?', no).toArray()[0]
  }

  #deliveryRow(webhook: { no: number }, no: number): DeliveryRow | undefined {
    return this.#sql
      .exec<DeliveryRow>('SELECT * FROM delivery WHERE webhook = ? AND no = ?', webhook.no, no)
      .toArray()[0]
  }

  #details(row: WebhookRow): Webhook {
    const isDisabled = row.disabled_at !== null
    const { n: failed } = this.#sql
      .exec<{ n: number }>("SELECT count(*) AS n FROM delivery WHERE webhook = ? AND state = 'failed'", row.no)
      .one()
    return {
      no: row.no,
      id: row.id,
      url: row.url,
      events: JSON.parse(row.kinds) as WebhookKind[],
      createdAt: row.created_at,
      state: isDisabled ? 'disabled' : row.failing_since !== null ? 'failing' : 'active',
      failingSince: row.failing_since,
      disabledAt: row.disabled_at,
      disabledBecause: row.disabled_because as Webhook['disabledBecause'],
      succeededAt: row.succeeded_at,
      oldSecretUntil: row.old_secret_until,
      pending: this.#pending(row.no),
      behind: isDisabled ? 0 : this.#log.head - row.seen_entry + (this.#notices.head - row.seen_notice),
      failed,
    }
  }

  /** An entry whose time was over is gone; its number is what is left of it. */
  #entryId(seq: number): string {
    const scanId = this.#log.at(seq)?.entry.scanId ?? String(seq)
    return entryIdOf(this.#configuration.event.id, { seq, scanId })
  }

  #delivery(webhook: WebhookRow, row: DeliveryRow): Delivery {
    return {
      no: row.no,
      messageId: this.#messageId(webhook.no, row),
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

/** An entry or a notice on its way to becoming a delivery. `kind` null: nobody is told of such. */
type Happening = { from: 'entry' | 'notice'; number: number; kind: string | null; ticketId: TicketId | null }

/** Both sources by the time they were written down. Each keeps its own order, whatever the clock did. */
function inOrder(entries: Entry[], notices: Noticed[]): Happening[] {
  const happenings: Happening[] = []
  const waiting = [...notices]
  for (const entry of entries) {
    while (waiting[0] && waiting[0].at < entry.receivedAt) happenings.push(ofNotice(waiting.shift() as Noticed))
    happenings.push({ from: 'entry', number: entry.seq, kind: kindOfEntry(entry), ticketId: entry.ticketId })
  }
  return [...happenings, ...waiting.map(ofNotice)]
}

function ofNotice({ no, notice }: Noticed): Happening {
  return { from: 'notice', number: no, kind: notice.kind, ticketId: 'ticketId' in notice ? notice.ticketId : null }
}

function secretsIn(row: WebhookRow, at: number): SealedSecrets {
  const isOldGood = row.old_secret !== null && (row.old_secret_until ?? 0) > at
  return {
    secret: new Uint8Array(row.secret),
    oldSecret: isOldGood ? new Uint8Array(row.old_secret as ArrayBuffer) : null,
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}
