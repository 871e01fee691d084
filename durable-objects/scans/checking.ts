import type { Attribution, Shown } from '../../core/attribution.ts'
import type { TicketId } from '../../core/ids.ts'
import { chain, type Entry } from '../../core/log.ts'
import { entryIdOf } from '../../core/shards.ts'
import { afterClearing, type Standing } from '../../core/standing.ts'
import { countEntry, type Stats } from '../../core/stats.ts'
import type { EventParts } from '../event-parts.ts'
import type { StandingKey } from './standings.ts'

/** Something that does not hold. `detail` is a sentence for a person. */
export type Discrepancy = {
  invariant: 'sequence' | 'chain' | 'counts' | 'standing' | 'once_only' | 'd1' | 'audit'
  ticketId?: string
  entryId?: string
  detail: string
}

/** How far the log was checked: what stood there, and what it adds up to so far. */
export type LogMark = { seq: number; chain: Uint8Array; stats: Stats }

/** A part of the log that was checked. `mark` is null once the head was reached. */
export type LogSlice = {
  entries: Entry[]
  discrepancies: Discrepancy[]
  mark: LogMark | null
  /** How many entries were forgotten, because their time had come. */
  forgotten: number
}

/** Some of the standings, checked. `next` is null after the last. */
export type StandingSlice = { tickets: number; discrepancies: Discrepancy[]; next: StandingKey | null }

/** So many at a time hold the Gatekeeper up for a few milliseconds; scans come between. */
const ENTRIES = 250
const STANDINGS = 100

/**
 * Checks the next slice of the log: numbered without a gap, each hash the hash of what stands there, and in the end
 * the same sums as the running ones.
 */
export function checkLog({ log, counters, configuration }: EventParts, begin: LogMark | null): LogSlice {
  const from = begin ?? log.start
  const discrepancies: Discrepancy[] = []
  const stored = log.stored(from.seq, ENTRIES)
  const mark = { ...from }
  for (const { entry, chain: link } of stored) {
    const entryId = entryIdOf(configuration.event.id, entry)
    if (entry.seq !== mark.seq + 1) {
      discrepancies.push({ invariant: 'sequence', entryId, detail: `follows entry ${mark.seq}` })
    }
    if (!sameBytes(chain(mark.chain, entry), link)) {
      discrepancies.push({ invariant: 'chain', entryId, detail: 'is not what its hash was made of' })
    }
    countEntry(mark.stats, entry)
    mark.seq = entry.seq
    mark.chain = link
  }
  const isDone = mark.seq >= log.head
  if (isDone && stableText(mark.stats) !== stableText(counters.stats)) {
    discrepancies.push({ invariant: 'counts', detail: differingCounts(mark.stats, counters.stats) })
  }
  return {
    entries: stored.map(({ entry }) => entry),
    discrepancies,
    mark: isDone ? null : mark,
    forgotten: log.start.seq,
  }
}

/** Checks the next slice of standings against the log. */
export function checkStandings(parts: EventParts, from: StandingKey | null): StandingSlice {
  const { standings, tickets, configuration, conflicts } = parts
  const discrepancies: Discrepancy[] = []
  const slice = standings.after(from, STANDINGS)
  for (const { ticketId, zone: number, standing } of slice) {
    const zone = configuration.zones.byNumber(number)
    const ticket = tickets.get(ticketId)
    if (!ticket || !zone) {
      discrepancies.push({ invariant: 'standing', ticketId, detail: 'has a standing and is not there' })
      continue
    }
    const attribution = conflicts.attribute(ticket, zone.id)
    const told = attribution.standing
    const clearedAt = standings.clearedAt(number)
    if (!sameStanding(afterClearing(told, clearedAt), afterClearing(standing, clearedAt))) {
      discrepancies.push({
        invariant: 'standing',
        ticketId,
        detail: `in ${zone.id} is ${inWords(standing)}; its log says ${inWords(told)}`,
      })
    }
    discrepancies.push(...twiceIn(parts, ticketId, attribution))
  }
  const last = slice.at(-1)
  return {
    tickets: slice.length,
    discrepancies,
    next: slice.length < STANDINGS || !last ? null : { ticketId: last.ticketId, zone: last.zone },
  }
}

/** Admissions for which there was no room left on the ticket, and of which no conflict tells. */
function twiceIn(
  { conflicts, log, configuration }: EventParts,
  ticketId: TicketId,
  attribution: Attribution,
): Discrepancy[] {
  return attribution.conflicts
    .filter(({ seq, shown, judged }) => shown === 'admitted' && usedUp.includes(judged) && conflicts.of(seq) === null)
    .flatMap(({ seq }) => log.at(seq)?.entry ?? [])
    .map((entry) => ({
      invariant: 'once_only',
      ticketId,
      entryId: entryIdOf(configuration.event.id, entry),
      detail: `admitted ${entry.people} where the ticket was used up`,
    }))
}

const usedUp: readonly Shown[] = ['already_admitted', 'limit_reached']

function sameStanding(a: Standing, b: Standing): boolean {
  return (['entries', 'exits', 'inside', 'presented', 'admission', 'firstAt', 'lastAt'] as const).every(
    (field) => a[field] === b[field],
  )
}

function inWords({ entries, exits, inside, presented }: Standing): string {
  return `${entries} in, ${exits} out, ${inside} inside, presented ${presented} times`
}

function differingCounts(told: Stats, running: Stats): string {
  const names = (Object.keys(told) as (keyof Stats)[]).filter(
    (name) => stableText(told[name]) !== stableText(running[name]),
  )
  return names
    .map((name) => `${name} is ${stableText(running[name])}; the log adds up to ${stableText(told[name])}`)
    .join('; ')
}

/** The same text whatever the order in which fields were written, and without sums that are nothing. */
function stableText(value: unknown): string {
  return JSON.stringify(value, (_, inner) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(
          Object.entries(inner)
            .filter(([, count]) => count !== 0)
            .sort(([a], [b]) => (a < b ? -1 : 1)),
        )
      : inner,
  )
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}
