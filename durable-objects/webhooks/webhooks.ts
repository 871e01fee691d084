import { badRequest, found, ok, problem, type Result } from '../../core/answers.ts'
import type { Entry } from '../../core/log.ts'
import type { DeliveryFilter } from '../../core/organiser-messages.ts'
import { GIVE_UP_AFTER_MS, holdMs, kindOfEntry, type WebhookKind, type WebhookPayload } from '../../core/webhooks.ts'
import type { Configuration } from '../event/configuration.ts'
import type { Noticed, Notices } from '../live/notices.ts'
import type { Meta } from '../meta.ts'
import type { ScanLog } from '../scans/scan-log.ts'
import type { Tickets } from '../tickets/tickets.ts'
import { Deliveries, type Delivery, type Happening, type Letter, type Outcome } from './deliveries.ts'

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

export type SealedSecrets = { secret: Uint8Array; oldSecret: Uint8Array | null }

/** Everything that the Worker needs to send: it knows nothing of the event beside. */
export type Parcel = {
  eventId: string
  webhookId: string
  url: string
  secrets: SealedSecrets
  letters: Letter[]
}

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

const MOST_WEBHOOKS = 20

/** An old secret goes on signing for so long after it was replaced. */
const ROTATION_MS = 24 * 60 * 60 * 1000

/** So many wait in the table at most; what comes after them waits in the log, where it costs nothing. */
const MOST_PENDING = 500

/** Entries and notices that are looked at in one breath: scans go in between. */
const LOOK_AT = 200

/** Letters handed over at once, while all is well. */
const PARCEL = 24

/**
 * The webhooks of the event and what each was told. The log and the notices are the source: a webhook has a watermark in
 * each, and a delivery is made of everything past it that it wants to hear of. There is no `await` in this file.
 */
export class Webhooks {
  readonly #sql: SqlStorage
  readonly #configuration: Configuration
  readonly #deliveries: Deliveries
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
    this.#deliveries = new Deliveries(sql, meta, configuration, tickets, log, notices)
    this.#configuration = configuration
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

  /** Deliveries of a webhook, the newest first. */
  deliveries(id: string, filter: DeliveryFilter): Result<{ items: Delivery[]; nextCursor: string | null }> {
    const webhook = this.#byId(id)
    return webhook ? ok(this.#deliveries.list(webhook.no, filter)) : problem('not_found')
  }

  delivery(id: string, no: number): Result<{ delivery: Delivery; payload: WebhookPayload }> {
    const webhook = this.#byId(id)
    return found(webhook ? this.#deliveries.get(webhook.no, no) : null)
  }

  /** Has a delivery made again, under the same message id, whatever became of it. */
  replay(id: string, no: number, at: number): Result<Delivery> {
    const webhook = this.#byId(id)
    return found(webhook ? this.#deliveries.replay(webhook.no, no, at) : null)
  }

  /** The same for all that were given up. Gives how many there are. */
  replayFailed(id: string, at: number): Result<number> {
    const webhook = this.#byId(id)
    return webhook ? ok(this.#deliveries.replayFailed(webhook.no, at)) : problem('not_found')
  }

  remove(id: string): Result<null> {
    const row = this.#byId(id)
    if (!row) return problem('not_found')
    this.#deliveries.removeAll(row.no)
    this.#sql.exec('DELETE FROM webhook WHERE no = ?', row.no)
    return ok(null)
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
        row.disabled_at === null &&
        (row.seen_entry < entry || row.seen_notice < notice || this.#deliveries.pending(row.no) > 0),
    )
  }

  /** Thinks of what happened since, a little at a time; gives whether there is more. The caller holds the transaction. */
  look(no: number, at: number): boolean {
    const webhook = this.#byNumber(no)
    if (!webhook || webhook.disabled_at !== null) return false
    const room = MOST_PENDING - this.#deliveries.pending(webhook.no)
    if (room <= 0) return false
    const limit = Math.min(room, LOOK_AT)
    const entries = this.#log.after(webhook.seen_entry, limit)
    const notices = this.#notices.after(webhook.seen_notice, limit)
    if (entries.length === 0 && notices.length === 0) return false
    const happenings = inOrder(entries, notices).slice(0, limit)
    const kinds = new Set(JSON.parse(webhook.kinds) as string[])
    const wanted = happenings.filter(({ kind }) => kind !== null && kinds.has(kind))
    for (const [i, happening] of wanted.entries()) this.#deliveries.make(no, webhook.made + i + 1, happening, at)
    const seen = (from: 'entry' | 'notice') => happenings.findLast((happening) => happening.from === from)?.number
    this.#sql.exec(
      'UPDATE webhook SET seen_entry = ?, seen_notice = ?, made = made + ? WHERE no = ?',
      seen('entry') ?? webhook.seen_entry,
      seen('notice') ?? webhook.seen_notice,
      wanted.length,
      no,
    )
    this.#deliveries.forgetOld(no, webhook.made + wanted.length)
    return true
  }

  /**
   * What is to be sent now: of each ticket only the oldest, so that a receiver hears of its entry before its exit; and
   * a single letter while the endpoint fails. null: nothing.
   */
  parcel(no: number, at: number): Parcel | null {
    const webhook = this.#byNumber(no)
    if (!webhook || webhook.disabled_at !== null || (webhook.hold_until ?? 0) > at) return null
    const letters = this.#deliveries.due(no, at, webhook.failures > 0 ? 1 : PARCEL)
    if (letters.length === 0) return null
    const { id: webhookId, url } = webhook
    return { eventId: this.#configuration.event.id, webhookId, url, secrets: secretsIn(webhook, at), letters }
  }

  /** When there is something to do next; null: when something happens. */
  nextDueAt(no: number, at: number): number | null {
    const webhook = this.#byNumber(no)
    if (!webhook || webhook.disabled_at !== null) return null
    const dueAt = this.#deliveries.nextDueAt(no, at)
    return dueAt === null ? null : Math.max(dueAt, webhook.hold_until ?? 0)
  }

  /** Notes how the letters of a parcel fared. The caller holds the transaction. `random` is from 0 to 1. */
  settle(no: number, outcomes: Outcome[], at: number, random: () => number): void {
    const webhook = this.#byNumber(no)
    if (!webhook) return
    for (const outcome of outcomes) this.#deliveries.settle(no, outcome, at, random)
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

  #disable(webhook: WebhookRow, because: 'failing' | 'gone', at: number): void {
    this.#sql.exec('UPDATE webhook SET disabled_at = ?, disabled_because = ? WHERE no = ?', at, because, webhook.no)
    this.#deliveries.giveUp(webhook.no)
    this.#notices.raise({ kind: 'webhook.disabled', webhook: webhook.id, because }, at)
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

  #details(row: WebhookRow): Webhook {
    const isDisabled = row.disabled_at !== null
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
      pending: this.#deliveries.pending(row.no),
      behind: isDisabled ? 0 : this.#log.head - row.seen_entry + (this.#notices.head - row.seen_notice),
      failed: this.#deliveries.failed(row.no),
    }
  }
}

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
