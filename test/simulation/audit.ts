import { everybody } from '../../durable-objects/actor.ts'
import type { Gatekeeper } from '../../durable-objects/gatekeeper.ts'
import type { LogMark, LogSlice, StandingSlice } from '../../durable-objects/scans/checking.ts'
import type { StandingKey } from '../../durable-objects/scans/standings.ts'
import { Violation } from './checker.ts'
import type { Evening } from './evening.ts'
import { importOf } from './event.ts'
import { must } from './must.ts'

/** When everybody is connected again and nothing is under way: all that is kept is put before those who watched. */
export function audit({ server, checker, among, scenario }: Evening): void {
  const { gatekeeper, d1 } = server
  const entries = must(gatekeeper.entries(everybody, 0, 1_000_000))
  const { conflicts } = must(gatekeeper.listConflicts(everybody, null, 1_000_000, 'all'))
  const standings = standingsOf(gatekeeper)
  checker.compare({
    entries,
    conflicts: new Set(conflicts.map(({ seq }) => seq)),
    d1: d1.entries(),
    tallies: d1.tallies(),
    inside: must(gatekeeper.stats(everybody)).stats.inside,
    standings: (ticketId) => standings.get(ticketId) ?? [],
    judgeOf: (ticketId) => among?.judgeOf(ticketId) ?? 0,
    judgedAs: among?.judgedAs() ?? new Map(),
  })
  among?.compare(entries)
  if (scenario.importedRows > 0) compareImport(gatekeeper, scenario.importedRows)
  compareOwnChecks(gatekeeper)
}

/** A device keeps no more conflicts. */
const MOST_CONFLICTS = 100

/** Of a conflict both gates are told, however they were connected when it came to be. Gives those that have not been, in words. */
export function conflictsUntold({ server: { gatekeeper }, phones }: Pick<Evening, 'server' | 'phones'>): string[] {
  const { conflicts } = must(gatekeeper.listConflicts(everybody, null, 1_000_000, 'all'))
  return phones
    .filter((phone) => phone.isOn && phone.conflicts.length < MOST_CONFLICTS)
    .flatMap(({ caller: { deviceId }, conflicts: told }) =>
      conflicts
        .filter(({ conflict }) => [conflict.deviceId, conflict.with?.deviceId].includes(deviceId))
        .filter(({ conflict: { scanId } }) => !told.includes(scanId))
        .map(({ conflict }) => `${deviceId} was not told of the conflict ${JSON.stringify(conflict)}`),
    )
}

/** Where each ticket stands, as the organiser is told. */
function standingsOf(gatekeeper: Gatekeeper) {
  const { items } = must(gatekeeper.listTickets(everybody, { limit: 1_000_000 }))
  return new Map(
    items.map(({ ticket, standings }) => [ticket.id, standings.map(({ zone, standing }) => ({ zone, ...standing }))]),
  )
}

/** Every row became a ticket, once, however often its message came. */
function compareImport(gatekeeper: Gatekeeper, rows: number): void {
  const job = importOf(gatekeeper)
  if (job.state !== 'done' || job.done !== rows) throw new Violation(`the import is ${JSON.stringify(job)}`)
  const { created = 0, existed = 0 } = job.outcome
  if (created !== rows || existed > 0) throw new Violation(`${created} rows imported, ${existed} twice`)
}

/** The organiser's own button: the log with its hashes and sums, and each standing against it. */
function compareOwnChecks(gatekeeper: Gatekeeper): void {
  const found: unknown[] = []
  for (let mark: LogMark | null = null, isDone = false; !isDone; isDone = mark === null) {
    const slice: LogSlice = must(gatekeeper.checkLog(everybody, mark))
    found.push(...slice.discrepancies)
    mark = slice.mark
  }
  for (let from: StandingKey | null = null, isDone = false; !isDone; isDone = from === null) {
    const slice: StandingSlice = must(gatekeeper.checkStandings(everybody, from))
    found.push(...slice.discrepancies)
    from = slice.next
  }
  if (found.length > 0) throw new Violation(`the integrity report says ${JSON.stringify(found[0])}`)
}
