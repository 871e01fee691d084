import type { Recorded } from '../../core/answers.ts'
import type { TicketId } from '../../core/ids.ts'
import { foldText, searchWords } from '../../core/search.ts'
import { personChanges } from '../audit/audit-changes.ts'
import type { Staff } from '../event/configuration.ts'
import { type EventParts, factsOf } from '../event-parts.ts'
import type { ExportedTicket } from '../tickets/exporting.ts'
import type { TicketDetails } from '../tickets/ticket-rows.ts'
import { eraseFrom } from './erasing.ts'

/** What an event holds about somebody, by their address. */
export type Holding = {
  event: { id: string; title: string; startsAt: number; endsAt: number }
  tickets: (ExportedTicket & { reason: string | null; scans: Recorded[] })[]
  staff: Staff[]
}

/** More tickets than this of one person are not told of in one answer. */
const MOST = 200

/** Everything that stands here about whoever has this address: as holder, as who booked, as staff. That it was asked for is told. */
export function holdingOf(parts: EventParts, email: string): Holding {
  const { configuration, tickets, log, telling, audit } = parts
  const { id, title, startsAt, endsAt } = configuration.event
  const named = ticketsOf(parts, email)
  personChanges(audit, named)
  return {
    event: { id, title, startsAt, endsAt },
    tickets: named.map((ticket) => ({
      ...factsOf(parts, ticket),
      code: tickets.codeOf(ticket.id),
      reason: ticket.reason,
      scans: log
        .of(ticket.id, MOST)
        .map((entry) => telling.fromLog({ entry, cacheHit: false, fingerprint: new Uint8Array() })),
    })),
    staff: configuration.staff.all().filter((one) => isSame(one.email, email)),
  }
}

/** Takes whoever has this address out of the tickets and bookings that name it. The caller holds the transaction. */
export function eraseEverywhere(parts: EventParts, email: string, by: string, at: number): TicketId[] {
  const named = ticketsOf(parts, email)
  for (const { id } of named) {
    // As it is now: the ticket before may have been of the same booking.
    const ticket = parts.tickets.get(id)
    if (!ticket) continue
    const { holder, booking } = ticket
    const booked = isSame(booking?.email ?? null, email)
    if (isSame(holder.email, email) || holder.email === null) eraseFrom(parts, ticket, booked)
    else if (booking) parts.tickets.eraseBooking(booking.id)
    parts.erasures.note(id, booked, by, at)
  }
  personChanges(parts.audit, named)
  return named.map(({ id }) => id)
}

/** Found by the words of the address, and then by all of it. */
function ticketsOf({ tickets }: EventParts, email: string): TicketDetails[] {
  if (searchWords(email).length === 0) return []
  return tickets
    .search(email, MOST)
    .filter(({ holder, booking }) => isSame(holder.email, email) || isSame(booking?.email ?? null, email))
}

function isSame(known: string | null, email: string): boolean {
  return known !== null && foldText(known.trim()) === foldText(email.trim())
}
