import type { Recorded, TicketBrief } from '../../core/answers.ts'
import type { TicketStatus } from '../../core/event.ts'
import type { GateId } from '../../core/ids.ts'
import type { Entry } from '../../core/log.ts'
import { entryIdOf } from '../../core/shards.ts'
import type { Verdict } from '../../core/verdict.ts'
import type { Configuration } from '../event/configuration.ts'
import type { TicketDetails } from '../tickets/ticket-rows.ts'
import type { Tickets } from '../tickets/tickets.ts'
import type { Logged, ScanLog } from './scan-log.ts'

/** Tells of a scan everything that the person at the door is to know: names in place of ids. */
export class Telling {
  readonly #configuration: Configuration
  readonly #tickets: Tickets
  readonly #log: ScanLog

  constructor(configuration: Configuration, tickets: Tickets, log: ScanLog) {
    this.#configuration = configuration
    this.#tickets = tickets
    this.#log = log
  }

  /** A scan that was judged just now. */
  first(entry: Entry, cacheHit: boolean, ticket: TicketDetails | null): Recorded {
    return this.#tell(entry, ticket, { cacheHit, replay: false, annulledAt: null })
  }

  /** The recorded answer, for whoever asks again. */
  again(logged: Logged): Recorded {
    return { ...this.fromLog(logged), replay: true }
  }

  /** An entry as it stands in the log. */
  fromLog({ entry, cacheHit }: Logged): Recorded {
    const ticket = entry.ticketId === null ? null : this.#tickets.get(entry.ticketId)
    const annulledAt = entry.verdict.kind === 'admitted' ? this.#log.annulledAt(entry.seq) : null
    return this.#tell(entry, ticket, { cacheHit, replay: false, annulledAt })
  }

  #tell(
    entry: Entry,
    ticket: TicketDetails | null,
    rest: Pick<Recorded, 'cacheHit' | 'replay' | 'annulledAt'>,
  ): Recorded {
    const refusal = entry.verdict.kind === 'refused' ? entry.verdict.refusal : null
    const useGates = refusal !== null && 'useGates' in refusal ? refusal.useGates : []
    return {
      ...rest,
      entry,
      entryId: entryIdOf(this.#configuration.event.id, entry),
      eventTitle: this.#configuration.event.title,
      gateName: this.#gateName(entry.gateId),
      ticket: ticket && this.#brief(ticket, statusWhenJudged(entry.verdict, ticket.status)),
      original: refusal?.reason === 'already_admitted' ? this.#original(refusal.admission) : null,
      useGates: useGates.map((gateId) => ({ gateId, gateName: this.#gateName(gateId) ?? gateId })),
    }
  }

  #original(seq: number | null): Recorded['original'] {
    const entry = seq === null ? null : this.#log.at(seq)?.entry
    if (!entry) return null
    const { scannedAt, gateId, staffId, deviceId } = entry
    return { scannedAt, gateId, gateName: this.#gateName(gateId), staffId, deviceId }
  }

  #brief(ticket: TicketDetails, status: TicketStatus): TicketBrief {
    const type = this.#configuration.type(ticket.type)
    const { id, admits, holder, booking } = ticket
    return {
      id,
      typeName: type?.name ?? ticket.type,
      status,
      admits,
      holderName: holder.name ?? booking?.name ?? null,
      booking: booking && { id: booking.id, name: booking.name, quantity: booking.quantity },
      notes: [ticket.note, type?.note ?? null].filter((note) => note !== null),
      attention: ticket.requiresAttention || (type?.requiresAttention ?? false),
    }
  }

  #gateName(id: GateId | null): string | null {
    return id === null ? null : (this.#configuration.gate(id)?.name ?? id)
  }
}

/** An answer that is given again says what the ticket was then, whatever became of it since. */
function statusWhenJudged(verdict: Verdict, now: TicketStatus): TicketStatus {
  if (verdict.kind === 'exited') return now
  const refusal = verdict.kind === 'refused' ? verdict.refusal : verdict.kind === 'admitted' ? verdict.forced : null
  switch (refusal?.reason) {
    case 'revoked':
      return refusal.superseded ? 'valid' : 'revoked'
    case 'blocked':
    case 'unpaid':
      return refusal.reason
    default:
      return 'valid'
  }
}
