import { withCapacity } from '../core/event.ts'
import type { JobKind, JobState } from '../core/job.ts'
import { countOf } from '../core/stats.ts'
import type { EventParts } from './event-parts.ts'
import type { Webhook } from './webhooks/webhooks.ts'

/** What one event has to say to whoever watches the system: numbers, and words of the organiser's. */
export type Measured = {
  title: string
  /** Entries of the log by the kind of verdict; refusals by reason. */
  verdicts: Record<string, number>
  refused: Record<string, number>
  offline: number
  admittedPeople: number
  admittedTickets: number
  zones: { id: string; inside: number; capacity: number | null }[]
  gates: { id: string; admitted: number }[]
  /** Scans by the bucket of `core/tally.ts`. */
  latency: Record<string, number>
  /** Entries that D1 lacks, and when the oldest of them arrived. */
  pending: number
  pendingSince: number | null
  devices: { enrolled: number; revoked: number }
  jobs: { kind: JobKind; state: JobState; count: number }[]
  notices: Record<string, number>
  webhooks: Pick<Webhook, 'id' | 'state' | 'failingSince' | 'pending' | 'behind' | 'failed'>[]
}

/** More gates than these have no line of their own: each line is kept for years by whoever collects them. */
const MOST_GATES = 200

/** Of so many jobs the states are told, the newest ones. */
const MOST_JOBS = 200

export function measure(parts: EventParts): Measured {
  const { configuration, counters, outbox, log, devices, jobs, notices, webhooks } = parts
  const { event } = configuration
  const { stats } = counters
  const pending = outbox.pending().entries
  const all = devices.all()
  const revoked = all.filter(({ revokedAt }) => revokedAt !== null).length
  return {
    title: event.title,
    verdicts: stats.verdicts,
    refused: stats.refused,
    offline: stats.offline,
    admittedPeople: stats.admitted,
    admittedTickets: stats.tickets,
    zones: event.zones.map((zone) => {
      return { id: zone.id, inside: counters.inside(zone.id), capacity: withCapacity(zone, event).capacity }
    }),
    gates: configuration.gates
      .all()
      .slice(0, MOST_GATES)
      .map(({ id }) => ({ id, admitted: countOf(stats.byGate, id) })),
    latency: stats.latency,
    pending,
    pendingSince: pending > 0 ? (log.at(log.head - pending + 1)?.entry.receivedAt ?? null) : null,
    devices: { enrolled: all.length - revoked, revoked },
    jobs: jobStates(jobs.list(MOST_JOBS, null)),
    notices: notices.counts(),
    webhooks: webhooks.all(),
  }
}

function jobStates(jobs: { kind: JobKind; state: JobState }[]): Measured['jobs'] {
  const counts = new Map<string, Measured['jobs'][number]>()
  for (const { kind, state } of jobs) {
    const known = counts.get(`${kind} ${state}`) ?? { kind, state, count: 0 }
    counts.set(`${kind} ${state}`, { ...known, count: known.count + 1 })
  }
  return [...counts.values()]
}
