import type { EventDetails, Gate, TicketType } from './event.ts'
import type { EventId } from './ids.ts'
import { nothingForgotten } from './retention.ts'

/** What a rehearsal begins with: the event's settings, ticket types and gates, and nobody's ticket. */
export type Rehearsal = { event: EventDetails; types: TicketType[]; gates: Gate[] }

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
const LONGEST_TITLE = 200

/**
 * Takes an event and what it is made of; gives an event of its own that is on now and judges as that one will. What
 * depends on the day is left out, or nobody could come in today: when types are good, and when a zone is cleared. Codes
 * do not rotate, so that those who rehearse need not fetch each one anew.
 */
export function rehearsalOf({ event, types, gates }: Rehearsal, id: EventId, at: number): Rehearsal {
  return {
    event: {
      ...event,
      id,
      title: `Rehearsal of ${event.title}`.slice(0, LONGEST_TITLE),
      startsAt: at - MINUTE_MS,
      endsAt: at + DAY_MS,
      zones: event.zones.map((zone) => ({ ...zone, everyoneOutAt: null })),
      policy: { ...event.policy, rotatingCodes: false },
      rehearsalOf: event.id,
      createdAt: at,
      closedAt: null,
      forgotten: nothingForgotten,
    },
    types: types.map((type) => ({ ...type, validFrom: null, validUntil: null })),
    gates,
  }
}
