import { type EventDetails, withCapacity } from './event.ts'
import type { TypeId } from './ids.ts'
import { countOf, type Stats } from './stats.ts'
import { latencyQuantile } from './tally.ts'

/** What the doors look like at one moment, before it is put into words. Instants are milliseconds since 1970. */
export type Doors = {
  event: EventDetails
  stats: Stats
  /** Tickets and the people on them, by ticket type; revoked ones left out. */
  issued: { typeId: TypeId; tickets: number; people: number }[]
  /** People scanned and admitted in the last minute. */
  perMinute: number
  /** Entries that D1 lacks, and when the oldest of them arrived. */
  pending: number
  pendingSince: number | null
}

/** The contract's `liveStats`. */
export type WireLiveStats = {
  totalEntries: number | null
  cacheCount: number
  pendingEntries: number
  lagMs: number
  occupancyPercentage: string
  inside: number
  admittedTickets: number
  totalTickets: number
  totalPeople: number
  checkInRate: number
  duplicateAttempts: number
  refusals: Record<string, number>
  gateCounts: Record<string, number>
  staffCounts: Record<string, number>
  typeCounts: Record<string, number>
  deviceCounts: Record<string, number>
  zones: { id: string; name: string; inside: number; capacity: number | null }[]
  perMinute: number
  minutesToLast: number | null
  latency: { p50: number | null; p95: number | null; p99: number | null }
}

/** Takes the doors, the people admitted as far as D1 has the log (null: not known) and the time; gives the contract's words. */
export function toWireLiveStats(doors: Doors, inD1: number | null, at: number): WireLiveStats {
  const { event, stats, issued, perMinute, pending, pendingSince } = doors
  const totalTickets = issued.reduce((sum, { tickets }) => sum + tickets, 0)
  const people = issued.reduce((sum, type) => sum + type.people, 0)
  const inside = Object.values(stats.inside).reduce((sum, count) => sum + Math.max(0, count), 0)
  const room = event.capacity ?? people
  const buckets = Object.entries(stats.latency).map(([bucket, scans]) => [Number(bucket), scans] as const)
  return {
    totalEntries: inD1,
    cacheCount: stats.admitted,
    pendingEntries: pending,
    lagMs: pendingSince === null ? 0 : Math.max(0, at - pendingSince),
    occupancyPercentage: (room > 0 ? (100 * inside) / room : 0).toFixed(2),
    inside,
    admittedTickets: stats.tickets,
    totalTickets,
    totalPeople: people,
    // A ticket that was revoked inside was admitted, and is not among those that are good.
    checkInRate: totalTickets > 0 ? Math.min(100, Math.round((10_000 * stats.tickets) / totalTickets) / 100) : 0,
    duplicateAttempts: countOf(stats.refused, 'already_admitted'),
    refusals: stats.refused,
    gateCounts: stats.byGate,
    staffCounts: stats.byStaff,
    typeCounts: stats.byType,
    deviceCounts: stats.byDevice,
    zones: event.zones.map((zone) => ({
      id: zone.id,
      name: zone.name,
      inside: Math.max(0, countOf(stats.inside, zone.id)),
      capacity: withCapacity(zone, event).capacity,
    })),
    perMinute,
    minutesToLast: perMinute > 0 ? Math.round((10 * stillToCome(people, totalTickets, stats)) / perMinute) / 10 : null,
    latency: {
      p50: latencyQuantile(buckets, 0.5),
      p95: latencyQuantile(buckets, 0.95),
      p99: latencyQuantile(buckets, 0.99),
    },
  }
}

/**
 * People with a ticket who were not seen yet, at least. Whoever comes in again, or into a second zone, counts as admitted
 * anew; so where that happened, it is the tickets never admitted that say more.
 */
function stillToCome(people: number, tickets: number, { admitted, tickets: admittedTickets }: Stats): number {
  return Math.max(0, people - admitted, tickets - admittedTickets)
}
