import type { Doors } from '../core/live-stats.ts'
import type { EventParts } from './event-parts.ts'

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
