import { capacityOfLounge, type Evening, end, inside, iso, MINUTE, type Row, type Verdict } from './script.ts'

/*
 * What must be told of a scripted evening: each number once more, as a plain sum over its rows.
 */

/** The live numbers, of all that is over. */
export function expectedLive({ rows, tickets }: Evening, phones: readonly { id: string }[]) {
  const good = tickets.filter(({ state }) => state !== 'revoked')
  const totalPeople = good.reduce((sum, { admits }) => sum + admits, 0)
  const admitted = people(rows, 'admitted')
  const admittedTickets = new Set(rows.filter(isIn).map(({ ticket }) => ticket)).size
  const perMinute = people(
    rows.filter(({ at, offline }) => at > end - MINUTE && !offline),
    'admitted',
  )
  const insideOf = (zone: 'main' | 'lounge' | 'stall') =>
    tickets.reduce((sum, { moves }) => sum + inside(moves, zone), 0)
  const all = insideOf('main') + insideOf('lounge')
  const toCome = Math.max(0, totalPeople - admitted, good.length - admittedTickets)
  return {
    totalEntries: admitted,
    cacheCount: admitted,
    pendingEntries: 0,
    lagMs: 0,
    occupancyPercentage: ((100 * all) / 1000).toFixed(2),
    inside: all,
    admittedTickets,
    totalTickets: good.length,
    totalPeople,
    checkInRate: Math.round((10_000 * admittedTickets) / good.length) / 100,
    duplicateAttempts: refusals(rows).already_admitted,
    refusals: refusals(rows),
    gateCounts: counts(rows, ({ gate }) => gate, 'admitted'),
    staffCounts: counts(rows, ({ staff }) => staff, 'admitted'),
    typeCounts: counts(rows, ({ ticket }) => ticket?.type ?? '', 'admitted'),
    deviceCounts: counts(rows, ({ device }) => phones[device]?.id ?? '', 'admitted'),
    zones: [
      { id: 'main', name: 'Hall', inside: insideOf('main'), capacity: null },
      { id: 'lounge', name: 'Lounge', inside: insideOf('lounge'), capacity: capacityOfLounge },
      { id: 'stall', name: 'Stall', inside: 0, capacity: null },
    ],
    perMinute,
    minutesToLast: perMinute > 0 ? Math.round((10 * toCome) / perMinute) / 10 : null,
  }
}

/** One line of a report by gate or by member of staff. In Kolkata an hour begins at half past. */
export function expectedReport(own: Row[]) {
  const times = own.map(({ at }) => at).sort((a, b) => a - b)
  const hourOf = (at: number) => Math.floor((at - 30 * MINUTE) / (60 * MINUTE)) * 60 * MINUTE + 30 * MINUTE
  const hours = [...new Set(times.map(hourOf))]
  return {
    scans: own.length,
    admitted: people(own, 'admitted'),
    exited: people(own, 'exited'),
    visited: people(own, 'visited'),
    refused: refusals(own),
    duplicates: refusals(own).already_admitted ?? 0,
    firstScanAt: times[0] === undefined ? null : iso(times[0]),
    lastScanAt: times[0] === undefined ? null : iso(times.at(-1) ?? 0),
    perHour: hours.map((at) => ({ at: iso(at), scans: times.filter((time) => hourOf(time) === at).length })),
  }
}

const isIn = ({ verdict, annulled }: Row) => verdict === 'admitted' && !annulled

/** People of one verdict, without those who were taken back. */
export function people(own: Row[], verdict: Verdict): number {
  return own.filter((row) => row.verdict === verdict && !row.annulled).reduce((sum, row) => sum + row.people, 0)
}

/** People of one verdict by whatever stands in their rows. */
export function counts(own: Row[], keyOf: (row: Row) => string, verdict: Verdict): Record<string, number> {
  const groups = Map.groupBy(
    own.filter((row) => row.verdict === verdict && !row.annulled),
    keyOf,
  )
  return Object.fromEntries([...groups].map(([key, some]) => [key, people(some, verdict)]))
}

/** How many were refused for what. */
export function refusals(own: Row[]): Record<string, number> {
  const groups = Map.groupBy(
    own.filter(({ code }) => code !== null),
    ({ code }) => code ?? '',
  )
  return Object.fromEntries([...groups].map(([code, some]) => [code, some.length]))
}
