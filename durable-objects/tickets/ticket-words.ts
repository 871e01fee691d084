import { bytesToUuid, type TicketId, uuidToBytes } from '../../core/ids.ts'
import { MADE_REFERENCE } from '../../core/reference.ts'
import { searchWords } from '../../core/search.ts'
import type { TicketDetails } from './ticket-rows.ts'

/** So many tickets are looked at in one call: a few milliseconds. */
const LOOKED_AT = 1000

/** A beginning that more words than this have is common. To skip so many takes less than a millisecond. */
const COMMON = 10_000

/** What tickets are found by: the words of the people, the references and the short code, each beside its ticket. */
export class TicketWords {
  readonly #sql: SqlStorage

  constructor(sql: SqlStorage) {
    this.#sql = sql
  }

  /** Makes a ticket findable by what it says now. */
  add(ticket: TicketDetails): void {
    for (const word of findableWords(ticket)) {
      this.#sql.exec('INSERT OR IGNORE INTO search_word (word, ticket) VALUES (?, ?)', word, uuidToBytes(ticket.id))
    }
  }

  /** Makes a ticket unfindable, given as it was when it was made findable. */
  remove(ticket: TicketDetails): void {
    for (const word of findableWords(ticket)) {
      this.#sql.exec('DELETE FROM search_word WHERE word = ? AND ticket = ?', word, uuidToBytes(ticket.id))
    }
  }

  /** Finds tickets by the beginnings of words, which all must be there. Gives at most `limit`, in no particular order. */
  search(text: string, limit: number, get: (id: TicketId) => TicketDetails | null): TicketDetails[] {
    // More words than this narrow nothing down, and each takes two of a statement's parameters.
    const words = searchWords(text).slice(0, 8)
    const common = words.length > 1 ? words.filter((word) => this.#isCommon(word)) : []
    const others = words.filter((word) => !common.includes(word))
    const narrowing = others.length > 0 ? others : words.slice(0, 1)
    const found: TicketDetails[] = []
    const ids = this.#having(narrowing, common.length > 0 ? LOOKED_AT : limit)
    for (const id of ids) {
      const ticket = get(id)
      if (ticket && hasWords(ticket, common)) found.push(ticket)
      if (found.length === limit) return found
    }
    if (common.length === 0 || ids.length < LOOKED_AT) return found
    return this.#having(words, limit).flatMap((id) => get(id) ?? [])
  }

  /**
   * Whether so many tickets have a word that begins so that listing them takes longer than asking a few whether they do:
   * the domain that everybody has their address at.
   */
  #isCommon(word: string): boolean {
    const query = 'SELECT 1 FROM search_word WHERE word >= ? AND word < ? LIMIT 1 OFFSET ?'
    return this.#sql.exec(query, word, `${word}\u{10ffff}`, COMMON).toArray().length > 0
  }

  /** Up to `limit` tickets that have words beginning with each of these. */
  #having(words: string[], limit: number): TicketId[] {
    if (words.length === 0) return []
    const each = 'SELECT ticket FROM search_word WHERE word >= ? AND word < ?'
    // Not one INTERSECT after the other: the platform takes no more than five.
    const others = words.slice(1).map(() => ` AND ticket IN (${each})`)
    return this.#sql
      .exec<{ ticket: ArrayBuffer }>(
        `SELECT DISTINCT ticket FROM search_word WHERE word >= ? AND word < ?${others.join('')} LIMIT ?`,
        ...words.flatMap((word) => [word, `${word}\u{10ffff}`]),
        limit,
      )
      .toArray()
      .map(({ ticket }) => bytesToUuid<TicketId>(new Uint8Array(ticket)))
  }
}

function findableWords({ holder, booking, reference, shortCode }: TicketDetails): string[] {
  const { id, name, email } = booking ?? {}
  const named = reference?.startsWith(MADE_REFERENCE) ? null : reference
  return searchWords(holder.name, holder.email, id, name, email, named, shortCode)
}

function hasWords(ticket: TicketDetails, beginnings: string[]): boolean {
  const words = beginnings.length > 0 ? findableWords(ticket) : []
  return beginnings.every((beginning) => words.some((word) => word.startsWith(beginning)))
}
