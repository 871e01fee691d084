import type { Gate, TicketType } from '../../core/event.ts'
import type { Doors } from '../../core/live-stats.ts'
import type { Staff } from '../event/configuration.ts'
import type { EventParts } from '../event-parts.ts'

/** What the doors look like now. */
export function doorsNow({ configuration, counters, outbox, tickets, log }: EventParts, at: number): Doors {
  const pending = outbox.pending().entries
  return {
    event: configuration.event,
    stats: counters.stats,
    issued: tickets.issued(),
    perMinute: counters.perMinute(at),
    pending,
    pendingSince: pending > 0 ? (log.at(log.head - pending + 1)?.entry.receivedAt ?? null) : null,
  }
}

/** The event as it is now: its words, its sums, and what D1 has not been told. */
export type Live = Doors & {
  gates: Gate[]
  staff: Staff[]
  types: TicketType[]
  /** Scans of which something else was shown than is judged. */
  conflicts: number
}

/** What the doors look like now, and the words for it. */
export function liveNow(parts: EventParts, at: number): Live {
  const { gates, staff, types } = parts.configuration
  const words = { gates: gates.all(), staff: staff.all(), types: types.all() }
  return { ...doorsNow(parts, at), ...words, conflicts: parts.conflicts.count() }
}
