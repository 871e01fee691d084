import { bytesToUuid, type TicketId, uuidToBytes } from '../../core/ids.ts'

/** That the person of a ticket was erased. It names the ticket and whoever did it, never the person. */
export type Erasure = { no: number; ticketId: TicketId; booking: boolean; by: string; at: number }

type Row = { no: number; ticket: ArrayBuffer; booking: number; by: string; at: number }

/** The record of whose person was erased. It stays. */
export class Erasures {
  readonly #sql: SqlStorage

  constructor(sql: SqlStorage) {
    this.#sql = sql
  }

  of(ticket: TicketId): Erasure | null {
    const row = this.#sql.exec<Row>('SELECT * FROM erasure WHERE ticket = ?', uuidToBytes(ticket)).toArray()[0]
    return row ? toErasure(row) : null
  }

  /** Notes it once: a person who is erased again was erased then. Whether the booking went too may come later. */
  note(ticket: TicketId, booking: boolean, by: string, at: number): Erasure {
    const row = this.#sql
      .exec<Row>(
        `INSERT INTO erasure (ticket, booking, by, at) VALUES (?, ?, ?, ?)
         ON CONFLICT (ticket) DO UPDATE SET booking = max(booking, excluded.booking) RETURNING *`,
        uuidToBytes(ticket),
        booking ? 1 : 0,
        by,
        at,
      )
      .one()
    return toErasure(row)
  }

  /** Up to `limit` of them after a number, in the order in which they were done. */
  list(after: number, limit: number): Erasure[] {
    const query = 'SELECT * FROM erasure WHERE no > ? ORDER BY no LIMIT ?'
    return this.#sql.exec<Row>(query, after, limit).toArray().map(toErasure)
  }
}

function toErasure({ no, ticket, booking, by, at }: Row): Erasure {
  return { no, ticketId: bytesToUuid<TicketId>(new Uint8Array(ticket)), booking: booking === 1, by, at }
}
