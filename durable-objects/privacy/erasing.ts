import { ok, problem, type Result } from '../../core/answers.ts'
import { samePerson } from '../../core/erasure.ts'
import type { TicketId } from '../../core/ids.ts'
import { type EventParts, factsOf, type TicketFacts } from '../event-parts.ts'
import type { TicketDetails } from '../tickets/ticket-rows.ts'
import type { Erasure } from './erasures.ts'

/**
 * Takes the person away from a ticket, and from its booking where that is the same person, the last of its tickets
 * with one, or wished. The ticket, its standing and the log stay as they are. The caller holds the transaction.
 */
export function erasePerson(
  parts: EventParts,
  id: TicketId,
  { booking: alsoBooking, by }: { booking: boolean; by: string },
  at: number,
): Result<{ facts: TicketFacts; erasure: Erasure }> {
  const { tickets, erasures, audit } = parts
  const before = tickets.get(id)
  if (!before) return problem('not_found')
  const { booking, holder } = before
  const isLast = booking !== null && tickets.inBooking(booking.id).every((other) => other === id || erasures.of(other))
  const erasesBooking = booking !== null && (alsoBooking || isLast || samePerson(holder, booking))
  eraseFrom(parts, before, erasesBooking)
  const erasure = erasures.note(id, erasesBooking, by, at)
  const fields = erasesBooking ? ['holder', 'booking'] : ['holder']
  audit.about(
    { kind: 'ticket', id },
    fields.map((field) => ({ field })),
  )
  const now = tickets.get(id)
  return now ? ok({ facts: factsOf(parts, now), erasure }) : problem('not_found')
}

/** Takes whoever is named out of a ticket and, where wished, out of its booking. The caller holds the transaction. */
export function eraseFrom({ tickets, notices }: EventParts, before: TicketDetails, alsoBooking: boolean): void {
  const booking = alsoBooking ? before.booking : null
  const affected = booking ? tickets.inBooking(booking.id).flatMap((other) => tickets.get(other) ?? []) : [before]
  tickets.eraseHolder(before.id)
  if (booking) tickets.eraseBooking(booking.id)
  for (const ticket of affected) {
    const reference = tickets.get(ticket.id)?.reference ?? null
    if (reference !== ticket.reference) notices.setReference(ticket.id, reference)
  }
}
