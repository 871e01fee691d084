import { type Issue, ok, type Result } from '../../core/answers.ts'
import { type Person, saysWho } from '../../core/erasure.ts'
import { statusOf, type TicketStatus, type TicketType } from '../../core/event.ts'
import type { SignedCode } from '../../core/formats.ts'
import { bytesToUuid, parseUuid, type TicketId, type TypeId, uuidToBytes } from '../../core/ids.ts'
import type { NewTicket, TicketFilter } from '../../core/organiser-messages.ts'
import { inNoShard } from '../../core/shards.ts'
import { SHORT_CODE_LENGTH, shortCodeOf } from '../../core/short-code.ts'
import type { Configuration } from '../event/configuration.ts'
import { StandIns } from '../privacy/stand-ins.ts'
import { leavesSomeOut, listing, statusConditions } from './ticket-filter.ts'
import {
  type CodeRow,
  type CodeTicket,
  detailsOf,
  type Row,
  selectByCode,
  selectById,
  selectByIds,
  selectByReference,
  selectByShortCode,
  selectCode,
  type TicketDetails,
  toCode,
} from './ticket-rows.ts'
import { TicketWords } from './ticket-words.ts'

/** Which tickets go on paper. Revoked ones only where they are asked for. */
export type PaperFilter = Pick<TicketFilter, 'search' | 'status' | 'type'>

/** A new ticket and the id it is to have, made by the caller so that the same call may be sent again. */
export type Issuing = { id: TicketId; ticket: NewTicket }

/** Tickets of one type, and the people they are for. */
export type Issued = { typeId: TypeId; tickets: number; people: number }

/** Tickets from one to another in the order of ids, and how many of them are meant. */
export type TicketRange = { from: TicketId; to: TicketId; count: number }

/** What would come of issuing a ticket. */
export type Checked = { kind: 'new' } | { kind: 'exists' } | { kind: 'wrong'; issues: Issue[] }

export type TicketAction = 'revoke' | 'restore' | 'reissue' | 'block' | 'pay'

type Change = {
  at: number
  issued_at: number
  paid: number
  blocked_at: number | null
  revoked_at: number | null
  reason: string | null
}

/** The tickets of one event and the people they belong to. Looked up, never preloaded. */
export class Tickets {
  readonly #sql: SqlStorage
  readonly #configuration: Configuration
  readonly #standIns: StandIns
  readonly #words: TicketWords

  constructor(sql: SqlStorage, configuration: Configuration) {
    this.#sql = sql
    this.#configuration = configuration
    this.#standIns = new StandIns(sql)
    this.#words = new TicketWords(sql)
  }

  get(id: TicketId): TicketDetails | null {
    return this.#one(selectById, uuidToBytes(id))
  }

  /** Those of these tickets that are there, looked up at once. */
  withIds(ids: TicketId[]): Map<TicketId, TicketDetails> {
    const rows = this.#sql.exec(selectByIds, JSON.stringify(ids)).raw<Row>()
    return new Map([...rows].map((row) => detailsOf(row, this.#configuration)).map((ticket) => [ticket.id, ticket]))
  }

  /** What the ticket's code is made of, without the people: images are asked for by the thousand. */
  code(id: TicketId): CodeTicket | null {
    const [row] = this.#sql.exec(selectCode, uuidToBytes(id)).raw<CodeRow>()
    return row ? toCode(row) : null
  }

  hasValid(): boolean {
    return this.#count('valid', null) > 0
  }

  /**
   * The valid tickets after one, in helpings in the order of ids: the first and the last of each, and how many there are.
   * Only so many tickets are looked at in one call; `next` is where to go on, null where that was all.
   */
  validRanges(after: TicketId | null, size: number): { ranges: TicketRange[]; next: TicketId | null } {
    const from = cursorToKey(after ?? '')
    const to = this.#idAfter(from, PLANNED)
    // A number is bound as a REAL: divided by that, each ticket would be a helping of its own.
    const ranges = this.#sql
      .exec<{ first: ArrayBuffer; last: ArrayBuffer; count: number }>(
        `SELECT min(id) AS first, max(id) AS last, count(*) AS count FROM
           (SELECT id, (row_number() OVER (ORDER BY id) - 1) / CAST(?1 AS INTEGER) AS helping FROM ticket t
            WHERE id > ?2 AND (?3 IS NULL OR id <= ?3) AND ${statusConditions.valid})
         GROUP BY helping ORDER BY helping`,
        size,
        from,
        to,
      )
      .toArray()
      .map(({ first, last, count }) => ({
        from: bytesToUuid<TicketId>(new Uint8Array(first)),
        to: bytesToUuid<TicketId>(new Uint8Array(last)),
        count,
      }))
    return { ranges, next: to && bytesToUuid<TicketId>(new Uint8Array(to)) }
  }

  /** What the codes of the valid tickets from one to another are made of. */
  validCodes(from: TicketId, to: TicketId): CodeTicket[] {
    const query = selectCode.replace('id = ?', `id BETWEEN ? AND ? AND ${statusConditions.valid} ORDER BY id`)
    return [...this.#sql.exec(query, uuidToBytes(from), uuidToBytes(to)).raw<CodeRow>()].map(toCode)
  }

  /** The ticket that carries a barcode printed elsewhere. */
  withCode(code: string): TicketDetails | null {
    return this.#one(selectByCode, code)
  }

  withShortCode(shortCode: string): TicketDetails | null {
    return this.#one(selectByShortCode, shortCode)
  }

  /** The ticket that a code signed elsewhere names. Where it names two different ones it names none. */
  named({ ticket, code }: Pick<SignedCode, 'ticket' | 'code'>): TicketDetails | null {
    const id = ticket === null ? null : parseUuid<TicketId>(ticket)
    const byName = (id && this.get(id)) ?? (ticket === null ? null : this.#byReference(ticket))
    const byCode = code === null ? null : this.withCode(code)
    return byName !== null && byCode !== null && byName.id !== byCode.id ? null : (byName ?? byCode)
  }

  /** When a ticket was last reissued, in seconds since 1970. */
  reissuedAt(id: TicketId): number | null {
    const row = this.#sql.exec<{ at: number }>('SELECT at FROM reissue WHERE ticket = ?', uuidToBytes(id)).toArray()[0]
    return row?.at ?? null
  }

  /** The id of the ticket that carries a barcode printed elsewhere. */
  byCode(code: string): TicketId | null {
    const row = this.#sql.exec<{ ticket: ArrayBuffer }>('SELECT ticket FROM code WHERE code = ?', code).toArray()[0]
    return row ? bytesToUuid(new Uint8Array(row.ticket)) : null
  }

  /** Whether the event knows any barcode printed elsewhere: where it does not, a text that is no token is rubbish. */
  hasCodes(): boolean {
    return this.#sql.exec('SELECT 1 FROM code LIMIT 1').toArray().length > 0
  }

  /**
   * Issues all of them or, where any is wrong, none. A ticket whose reference exists is given back unchanged. The
   * caller holds the transaction.
   */
  issue(wanted: Issuing[], at: number): Result<{ ticket: TicketDetails; created: boolean }[]> {
    const issues = wanted.flatMap((one, index) => this.#issuesOf(one, index))
    issues.push(...repeated(wanted, 'reference'), ...repeated(wanted, 'code'), ...this.#soldOut(wanted))
    if (issues.length > 0) return { ok: false, problem: { code: 'bad_request', issues } }
    // A device judges a good ticket by its token alone; of these it must hear.
    const isTold = wanted.some(({ ticket }) => ticket.code != null || !ticket.paid)
    const revision = isTold ? this.#configuration.nextRevision() : 0
    const { id: eventId, forgotten } = this.#configuration.event
    // Once the log was forgotten there are no shards any more.
    const placed = (id: TicketId) => (forgotten.log === null ? id : inNoShard(eventId, id))
    return ok(wanted.map(({ id, ticket }) => this.#issueOne({ id: placed(id), ticket }, at, revision)))
  }

  /** What issuing would come to, one by one, each as if it were alone. Writes nothing. */
  check(wanted: Issuing[]): Checked[] {
    return wanted.map((one) => {
      const issues = this.#issuesOf(one, 0)
      if (issues.length > 0) return { kind: 'wrong', issues }
      const { reference } = one.ticket
      return { kind: reference != null && this.#one(selectByReference, reference) ? 'exists' : 'new' }
    })
  }

  /** How many more people this type may be sold to; without a capacity, any number. */
  left(type: TicketType): number {
    if (type.capacity === null) return Number.POSITIVE_INFINITY
    const row = this.#sql.exec<{ people: number }>('SELECT people FROM sold WHERE type = ?', type.number).toArray()[0]
    return type.capacity - (row?.people ?? 0)
  }

  /** How many tickets of each type there are and for how many people, revoked ones left out. */
  issued(): Issued[] {
    return this.#sql
      .exec<{ type: number; tickets: number; people: number }>('SELECT type, tickets, people FROM sold')
      .toArray()
      .flatMap(({ type, tickets, people }) => {
        const known = this.#configuration.types.byNumber(type)
        return known ? [{ typeId: known.id, tickets, people }] : []
      })
  }

  /**
   * Finds tickets by the beginnings of words in the holder's and booking's names and addresses, the references and
   * the short code. All words must be there. Gives at most `limit`, in no particular order.
   */
  search(text: string, limit: number): TicketDetails[] {
    return this.#words.search(text, limit, (id) => this.get(id))
  }

  /** Takes what a person decided about a ticket; gives the ticket as it is now, or null where there is none. */
  act(id: TicketId, action: TicketAction, reason: string | null, newLink: boolean, at: number): TicketDetails | null {
    const key = uuidToBytes(id)
    const before = this.get(id)
    if (!before) return null
    this.#noteState(key, 0, 0)
    if (action === 'revoke' && before.revokedAt === null) this.#countSold(before.typeNumber, -1, -before.admits)
    if (action === 'restore' && before.revokedAt !== null) this.#countSold(before.typeNumber, 1, before.admits)
    switch (action) {
      case 'revoke':
        this.#sql.exec('UPDATE ticket SET revoked_at = ifnull(revoked_at, ?), reason = ? WHERE id = ?', at, reason, key)
        break
      case 'restore':
        this.#sql.exec('UPDATE ticket SET revoked_at = NULL, blocked_at = NULL, reason = NULL WHERE id = ?', key)
        break
      case 'block':
        this.#sql.exec('UPDATE ticket SET blocked_at = ifnull(blocked_at, ?) WHERE id = ?', at, key)
        break
      case 'pay':
        this.#sql.exec('UPDATE ticket SET paid = 1 WHERE id = ?', key)
        break
      case 'reissue':
        // Always later than before, so that two reissues within one second make two different codes.
        this.#sql.exec(
          'UPDATE ticket SET issued_at = max(issued_at + 1, ?), link = link + ? WHERE id = ?',
          Math.floor(at / 1000),
          newLink ? 1 : 0,
          key,
        )
        this.#sql.exec('INSERT OR REPLACE INTO reissue (ticket, at) SELECT id, issued_at FROM ticket WHERE id = ?', key)
        break
    }
    this.#noteState(key, this.#configuration.nextRevision(), at)
    return this.get(id)
  }

  /** Tells how the ticket was at any time, whatever was decided about it since. */
  history(ticket: TicketDetails): (at: number) => TicketDetails {
    const changes = this.#sql
      .exec<Change>('SELECT * FROM ticket_change WHERE ticket = ? ORDER BY revision', uuidToBytes(ticket.id))
      .toArray()
    return (at) => {
      const then = changes.findLast((change) => change.at <= at) ?? changes[0]
      return then ? { ...ticket, ...stateOf(then) } : ticket
    }
  }

  /** Keeps the state that a ticket has from `at` on. What it was before the first change is kept once, as revision 0. */
  #noteState(key: Uint8Array, revision: number, at: number): void {
    this.#sql.exec(
      `INSERT OR IGNORE INTO ticket_change (ticket, revision, at, issued_at, paid, blocked_at, revoked_at, reason)
       SELECT id, ?, ?, issued_at, paid, blocked_at, revoked_at, reason FROM ticket WHERE id = ?`,
      revision,
      at,
      key,
    )
  }

  inBooking(id: string): TicketId[] {
    const query = 'SELECT t.id FROM booking b JOIN ticket t ON t.booking = b.no WHERE b.id = ?'
    return this.#sql
      .exec<{ id: ArrayBuffer }>(query, id)
      .toArray()
      .map((row) => bytesToUuid<TicketId>(new Uint8Array(row.id)))
  }

  /** Takes the holder away, and every text about the ticket that may name them. The caller holds the transaction. */
  eraseHolder(id: TicketId): void {
    const key = uuidToBytes(id)
    this.#rewrite([id], ({ reference, holder, booking }) => {
      this.#sql.exec('DELETE FROM holder WHERE ticket = ?', key)
      this.#sql.exec('UPDATE ticket SET note = NULL, reason = NULL WHERE id = ?', key)
      this.#sql.exec('UPDATE ticket_change SET reason = NULL WHERE ticket = ?', key)
      this.#eraseReference(id, reference, holder, booking)
    })
  }

  /** Takes the person of a booking away from it and from all of its tickets. The caller holds the transaction. */
  eraseBooking(id: string): void {
    this.#rewrite(this.inBooking(id), ({ id: ticket, reference, booking }) => {
      this.#eraseReference(ticket, reference, booking)
      const keptId = booking && !StandIns.is(id) && saysWho(id, booking) ? this.#standIns.make(id) : id
      this.#sql.exec('UPDATE booking SET id = ?, name = NULL, email = NULL WHERE id = ?', keptId, id)
    })
  }

  #eraseReference(id: TicketId, reference: string | null, ...people: (Person | null)[]): void {
    if (reference === null || StandIns.is(reference) || !saysWho(reference, ...people)) return
    this.#sql.exec('UPDATE ticket SET reference = ? WHERE id = ?', this.#standIns.make(reference), uuidToBytes(id))
  }

  /** Changes tickets in what they are found by. */
  #rewrite(ids: TicketId[], change: (ticket: TicketDetails) => void): void {
    const before = ids.flatMap((id) => this.get(id) ?? [])
    for (const ticket of before) this.#words.remove(ticket)
    for (const ticket of before) change(ticket)
    for (const { id } of before) this.#words.add(this.get(id) as TicketDetails)
  }

  #byReference(reference: string): TicketDetails | null {
    const found = this.#one(selectByReference, reference)
    const standIn = found ? null : this.#standIns.known(reference)
    return standIn === null ? found : this.#one(selectByReference, standIn)
  }

  /** The barcode printed elsewhere that a ticket carries. */
  codeOf(id: TicketId): string | null {
    const row = this.#sql.exec<{ code: string }>('SELECT code FROM code WHERE ticket = ?', uuidToBytes(id)).toArray()[0]
    return row?.code ?? null
  }

  /**
   * Gives up to `limit` tickets in the order they were issued, after `cursor`. Of a list that leaves some out only so many
   * tickets are looked at in one call, so that no scan waits for it: it may give fewer, and the cursor to go on from.
   */
  list(filter: TicketFilter): { items: TicketDetails[]; nextCursor: TicketId | null } {
    const after = cursorToKey(filter.cursor ?? '')
    const lookedAtTo = leavesSomeOut(filter) ? this.#idAfter(after, LOOKED_AT) : null
    const { query, bindings } = listing(filter, this.#configuration, after, lookedAtTo)
    const rows = [...this.#sql.exec(query, ...bindings).raw<Row>()]
    const items = rows.slice(0, filter.limit).map((row) => detailsOf(row, this.#configuration))
    if (rows.length > filter.limit) return { items, nextCursor: items.at(-1)?.id ?? null }
    return { items, nextCursor: lookedAtTo && bytesToUuid<TicketId>(new Uint8Array(lookedAtTo)) }
  }

  /** How many tickets go on paper; null where counting them would take as long as finding them. */
  countForPaper({ search, status, type }: PaperFilter): number | null {
    if (search !== undefined) return null
    const number = type === undefined ? null : (this.#configuration.types.numberOf(type) ?? -1)
    return status === undefined
      ? this.#count(null, number) - this.#count('revoked', number)
      : this.#count(status, number)
  }

  /** How many tickets there are of a status and a type; null: of any. */
  #count(status: TicketStatus | null, type: number | null): number {
    const query = `SELECT coalesce(sum(tickets), 0) AS count FROM ticket_count
      WHERE (?1 IS NULL OR status = ?1) AND (?2 IS NULL OR type = ?2)`
    return this.#sql.exec<{ count: number }>(query, status, type).one().count
  }

  /** The id that stands `count` tickets after this one; null where there are not so many. */
  #idAfter(key: ArrayBuffer, count: number): ArrayBuffer | null {
    const query = 'SELECT id FROM ticket WHERE id > ? ORDER BY id LIMIT 1 OFFSET ?'
    return this.#sql.exec<{ id: ArrayBuffer }>(query, key, count - 1).toArray()[0]?.id ?? null
  }

  #one(query: string, value: SqlStorageValue | Uint8Array): TicketDetails | null {
    const [row] = this.#sql.exec(query, value).raw<Row>()
    return row ? detailsOf(row, this.#configuration) : null
  }

  #issuesOf({ id, ticket }: Issuing, index: number): Issue[] {
    const issues: Issue[] = []
    if (!this.#configuration.type(ticket.type)) {
      issues.push({ index, field: 'type', message: `the event has no ticket type "${ticket.type}"` })
    }
    if (ticket.validFrom != null && ticket.validUntil != null && ticket.validFrom > ticket.validUntil) {
      issues.push({ index, field: 'validUntil', message: 'must not be before validFrom' })
    }
    const owner = ticket.code == null ? null : this.byCode(ticket.code)
    const isSame = ticket.reference != null && this.#byReference(ticket.reference)?.id === owner
    if (owner !== null && owner !== id && !isSame) {
      issues.push({ index, field: 'code', message: 'another ticket has this code' })
    }
    return issues
  }

  #issueOne({ id, ticket }: Issuing, at: number, revision: number): { ticket: TicketDetails; created: boolean } {
    const known = (ticket.reference == null ? null : this.#byReference(ticket.reference)) ?? this.get(id)
    // A known id is this very call sent again: its tickets are as new as they were then.
    if (known) return { ticket: known, created: known.id === id }
    const type = this.#configuration.type(ticket.type) as TicketType
    const key = uuidToBytes(id)
    this.#sql.exec(
      `INSERT INTO ticket (id, type, admits, issued_at, valid_from, valid_until, paid, note, attention, short_code,
       reference, booking, link) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)`,
      key,
      type.number,
      ticket.admits ?? type.admits,
      Math.floor(at / 1000),
      wholeSecond(ticket.validFrom),
      wholeSecond(ticket.validUntil),
      ticket.paid ? 1 : 0,
      ticket.note ?? null,
      ticket.requiresAttention ? 1 : 0,
      this.#newShortCode(),
      ticket.reference ?? null,
      this.#bookingNumber(ticket.booking),
    )
    if (ticket.holder?.name != null || ticket.holder?.email != null) {
      const { name = null, email = null } = ticket.holder
      this.#sql.exec('INSERT INTO holder (ticket, name, email) VALUES (?, ?, ?)', key, name, email)
    }
    this.#countSold(type.number, 1, ticket.admits ?? type.admits)
    if (ticket.code != null) this.#sql.exec('INSERT INTO code (code, ticket) VALUES (?, ?)', ticket.code, key)
    if (ticket.code != null || !ticket.paid) this.#noteState(key, revision, at)
    const issued = this.get(id) as TicketDetails
    this.#words.add(issued)
    return { ticket: issued, created: true }
  }

  #countSold(type: number, tickets: number, people: number): void {
    this.#sql.exec(
      `INSERT INTO sold (type, tickets, people) VALUES (?, ?, ?)
       ON CONFLICT (type) DO UPDATE SET tickets = tickets + excluded.tickets, people = people + excluded.people`,
      type,
      tickets,
      people,
    )
  }

  /** Names the items for which there is no room left in their type, counting those before them in the same request. */
  #soldOut(wanted: Issuing[]): Issue[] {
    const asked = new Map<TypeId, number>()
    return wanted.flatMap(({ id, ticket }, index) => {
      const type = this.#configuration.type(ticket.type)
      const isKnown = ticket.reference != null && this.#byReference(ticket.reference) !== null
      if (!type || type.capacity === null || isKnown || this.get(id)) return []
      const people = (asked.get(type.id) ?? 0) + (ticket.admits ?? type.admits)
      asked.set(type.id, people)
      return people > this.left(type) ? [{ index, field: 'type', message: `"${type.id}" is sold out` }] : []
    })
  }

  #bookingNumber(booking: NewTicket['booking']): number | null {
    if (booking == null) return null
    const id = this.#bookingIdOf(booking.id)
    const renamed = this.#inBookingOfAnother(id, booking)
    const { no } = this.#sql
      .exec<{ no: number }>(
        `INSERT INTO booking (id, name, email, quantity) VALUES (?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET name = ifnull(excluded.name, name), email = ifnull(excluded.email, email),
         quantity = ifnull(excluded.quantity, quantity) RETURNING no`,
        id,
        booking.name ?? null,
        booking.email ?? null,
        booking.quantity ?? null,
      )
      .one()
    for (const ticket of renamed) {
      this.#words.remove(ticket)
      this.#words.add(this.get(ticket.id) ?? ticket)
    }
    return no
  }

  /** A booking whose person was erased goes by a stand-in. */
  #bookingIdOf(id: string): string {
    const standIn = this.#standIns.known(id)
    const isErased =
      standIn !== null && this.#sql.exec('SELECT 1 FROM booking WHERE id = ?', standIn).toArray().length > 0
    return isErased ? standIn : id
  }

  /** The tickets of a booking that is about to be another person's, as they are still. */
  #inBookingOfAnother(id: string, { name, email }: NonNullable<NewTicket['booking']>): TicketDetails[] {
    const query = 'SELECT name, email FROM booking WHERE id = ?'
    const known = this.#sql.exec<{ name: string | null; email: string | null }>(query, id).toArray()[0]
    const isOther = known && ((name != null && name !== known.name) || (email != null && email !== known.email))
    return isOther ? this.inBooking(id).flatMap((ticket) => this.get(ticket) ?? []) : []
  }

  #newShortCode(): string {
    for (;;) {
      const code = shortCodeOf(crypto.getRandomValues(new Uint8Array(SHORT_CODE_LENGTH)))
      if (this.#sql.exec('SELECT 1 FROM ticket WHERE short_code = ?', code).toArray().length === 0) return code
    }
  }
}

/** A list looks at so many tickets in one call: a few milliseconds. */
const LOOKED_AT = 1000

/** So many tickets are put into helpings in one call: a few milliseconds. */
const PLANNED = 5000

function stateOf(change: Change) {
  const state = {
    issuedAt: change.issued_at,
    paid: change.paid === 1,
    blockedAt: change.blocked_at,
    revokedAt: change.revoked_at,
    reason: change.reason,
  }
  return { ...state, status: statusOf(state) }
}

function repeated(wanted: Issuing[], field: 'reference' | 'code'): Issue[] {
  const seen = new Set<string>()
  return wanted.flatMap(({ ticket }, index) => {
    const value = ticket[field]
    if (value == null) return []
    if (seen.has(value)) return [{ index, field, message: 'stands twice in this request' }]
    seen.add(value)
    return []
  })
}

function wholeSecond(at: number | null | undefined): number | null {
  return at == null ? null : Math.floor(at / 1000) * 1000
}

function cursorToKey(cursor: string): ArrayBuffer {
  const hex = cursor.replaceAll('-', '').padEnd(32, '0').slice(0, 32)
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16) || 0).buffer
}
