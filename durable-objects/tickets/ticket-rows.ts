import { statusOf, type Ticket, type TicketStatus } from '../../core/event.ts'
import { bytesToUuid, type TicketId, type TypeId } from '../../core/ids.ts'
import type { Configuration } from '../event/configuration.ts'

/** A ticket with the person and everything else that an organiser sees of it. Instants are milliseconds since 1970. */
export type TicketDetails = Ticket & {
  status: TicketStatus
  shortCode: string
  reference: string | null
  holder: { name: string | null; email: string | null }
  booking: { id: string; name: string | null; email: string | null; quantity: number | null } | null
  /** The serial of the link to the attendee's page. */
  link: number
  typeNumber: number
}

/** What a ticket's code is made of. */
export type CodeTicket = Pick<
  TicketDetails,
  'id' | 'typeNumber' | 'admits' | 'issuedAt' | 'validFrom' | 'validUntil' | 'link'
>

/** In the order of `selectTicket`: a tuple, since naming twenty columns costs as much as finding them. */
export type Row = [
  id: ArrayBuffer,
  number: number,
  admits: number,
  issuedAt: number,
  validFrom: number | null,
  validUntil: number | null,
  paid: number,
  blockedAt: number | null,
  revokedAt: number | null,
  reason: string | null,
  note: string | null,
  attention: number,
  shortCode: string,
  reference: string | null,
  link: number,
  holderName: string | null,
  holderEmail: string | null,
  bookingId: string | null,
  bookingName: string | null,
  bookingEmail: string | null,
  bookingQuantity: number | null,
]

export const selectTicket = `SELECT t.id, t.type, t.admits, t.issued_at, t.valid_from, t.valid_until, t.paid, t.blocked_at,
  t.revoked_at, t.reason, t.note, t.attention, t.short_code, t.reference, t.link,
  h.name AS holder_name, h.email AS holder_email, b.id AS booking_id, b.name AS booking_name,
  b.email AS booking_email, b.quantity AS booking_quantity
  FROM ticket t LEFT JOIN holder h ON h.ticket = t.id LEFT JOIN booking b ON b.no = t.booking`

// Whole and made once: the runtime finds its prepared statement by the text.
export const selectById = `${selectTicket} WHERE t.id = ?`
export const selectByIds = `${selectTicket} WHERE t.id IN (SELECT unhex(value, '-') FROM json_each(?))`
export const selectByReference = `${selectTicket} WHERE t.reference = ?`
export const selectByCode = `${selectTicket} JOIN code c ON c.ticket = t.id WHERE c.code = ?`
export const selectByShortCode = `${selectTicket} WHERE t.short_code = ?`

/** A ticket from its row. */
export function detailsOf(row: Row, { types }: Configuration): TicketDetails {
  const [id, number, admits, issuedAt, validFrom, validUntil, paid, blockedAt, revokedAt, reason, note, ...rest] = row
  const [attention, shortCode, reference, link, holderName, holderEmail, ...booking] = rest
  const [bookingId, bookingName, bookingEmail, bookingQuantity] = booking
  return {
    id: bytesToUuid<TicketId>(new Uint8Array(id)),
    type: types.byNumber(number)?.id ?? ('' as TypeId),
    typeNumber: number,
    admits,
    issuedAt,
    validFrom,
    validUntil,
    paid: paid === 1,
    blockedAt,
    revokedAt,
    reason,
    note,
    requiresAttention: attention === 1,
    status: statusOf({ revokedAt, blockedAt, paid: paid === 1 }),
    shortCode,
    reference,
    link,
    holder: { name: holderName, email: holderEmail },
    booking:
      bookingId === null ? null : { id: bookingId, name: bookingName, email: bookingEmail, quantity: bookingQuantity },
  }
}

/** What a ticket's code is made of, and the row it comes from. */
export const selectCode = 'SELECT id, type, admits, issued_at, valid_from, valid_until, link FROM ticket t WHERE id = ?'
export type CodeRow = [ArrayBuffer, number, number, number, number | null, number | null, number]

export function toCode([id, typeNumber, admits, issuedAt, validFrom, validUntil, link]: CodeRow): CodeTicket {
  return { id: bytesToUuid(new Uint8Array(id)), typeNumber, admits, issuedAt, validFrom, validUntil, link }
}
