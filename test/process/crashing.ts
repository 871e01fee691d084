import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Answer,
  type Device,
  inParallel,
  issue,
  issuePrinted,
  openVenue,
  type ScanAnswer,
  untilAnswered,
  type Venue,
} from './client.ts'
import { type Acked, checkHistory, substance, type Violation } from './history.ts'
import { type Crowd, Load, randomFrom } from './load.ts'
import { type Server, startServer } from './server.ts'
import { readD1, readD1Head, readDrained, readGatekeeper } from './stored.ts'

/** `worker` is a broken one. `between`: so many answers at least from one kill to the next. `again`: how many of them are asked for again. */
export type Plan = {
  worker?: string
  kills: number
  seed: number
  tickets?: number
  between?: number
  again?: number
  crowd?: Partial<Crowd>
}

export type Outcome = {
  /** What was asked for again after a restart and had another answer, or none. */
  forgotten: Violation[]
  /** What the checker found in the end. */
  violations: Violation[]
  acked: number
  /** Of which those that gates had judged alone and brought home. */
  synced: number
  admitted: number
  duplicates: number
  /** For each kill, how many answers there were since the one before, and how many calls were under way. */
  ackedBefore: number[]
  underWayAt: number[]
  /** Kills that came between D1's yes and the outbox's note of it. */
  toldAgain: number
  /** Whether, after the last kill, all that was logged got to D1 with nobody scanning any more. */
  drainedAlone: boolean
  /** Scans that had no answer in all that, and got one in the end. */
  settled: number
  /** Entries that are conflicts, since two gates let somebody in with one ticket. */
  conflicts: number
}

const DEVICES = 8

/** Lets stewards work at a server, kills it again and again, and holds what they were told against what it kept. */
export async function crash(plan: Plan): Promise<Outcome> {
  const { worker, kills, seed, tickets = 3000, crowd = {} } = plan
  const server = await startServer(worker ? { worker } : {})
  try {
    const venue = await openVenue(server.url, { devices: DEVICES, tickets: 0 })
    const printed = await issuePrinted(venue.organiser, venue.path, tickets)
    venue.tickets.push(...(await issue(venue.organiser, venue.path, 100)), ...printed)
    const load = new Load(venue, { clients: 24, cutOff: 2, pauseMs: 60, seed, ...crowd })
    const duringKills = await killAgainAndAgain(server, venue, load, plan)

    if (kills === 0) await untilAnswers(load, 500)
    await load.stop()
    const settled = await load.settle()
    // A server that writes late and is not killed has the time that it takes: what it wrote after its last alarm is
    // told by the sweep, which comes once a minute.
    if (kills === 0) await untilDrained(server, venue, countsOf(load).acked, 120_000)
    else await untilDrained(server, venue)
    await server.stop()
    const stored = readGatekeeper(server.stateDir, venue.eventId)
    const violations = checkHistory(load.told, stored, readD1(server.stateDir, venue.eventId))
    return { ...duringKills, ...countsOf(load), settled, conflicts: stored.conflicts.length, violations }
  } finally {
    await server.remove()
  }
}

async function killAgainAndAgain(server: Server, venue: Venue, load: Load, plan: Plan) {
  const { kills, seed, between = 20, again = Number.POSITIVE_INFINITY } = plan
  const random = randomFrom(seed)
  const seen: Pick<Outcome, 'forgotten' | 'ackedBefore' | 'underWayAt' | 'toldAgain' | 'drainedAlone'> = {
    forgotten: [],
    ackedBefore: [],
    underWayAt: [],
    toldAgain: 0,
    drainedAlone: false,
  }
  let asked = 0
  for (let kill = 1; kill <= kills; kill++) {
    const answered = load.answered
    await untilAnswers(load, answered + between + 1)
    // Every other kill comes when it may, and those between as soon as the outbox has got anything done.
    if (kill % 2 === 1) await sleep(random() * 1000)
    else await untilOutboxMoves(server, venue)
    seen.underWayAt.push(load.underWay)
    await server.kill9()
    seen.ackedBefore.push(load.answered - answered)
    if (isDrainCutOff(server, venue)) seen.toldAgain++

    const isLast = kill === kills
    if (isLast) await load.stop()
    await server.restart()
    if (isLast) seen.drainedAlone = await untilDrained(server, venue)
    const toAsk = load.acked.slice(asked).slice(-again)
    asked = load.acked.length
    seen.forgotten.push(...(await askAgain(venue, toAsk)))
  }
  return seen
}

/** Asks once more for each answer, by its scanId or by sending the scan again: it must be the same. */
async function askAgain(venue: Venue, acked: Acked[]): Promise<Violation[]> {
  const once = [...new Map(acked.map((ack) => [ack.scan.scanId, ack])).values()]
  const found = await inParallel([...once.entries()], 16, async ([i, ack]) => {
    const device = venue.devices[i % DEVICES] as Device
    const path = `/api/hp-scanner/scans/${ack.scan.scanId}`
    return compare(
      ack,
      await untilAnswered(() => (i % 2 === 0 ? device.scan(ack.scan) : device.send<ScanAnswer>('GET', path))),
    )
  })
  return found.flat()
}

function compare(ack: Acked, again: Answer<ScanAnswer> | null): Violation[] {
  if (again?.status === 404) return [{ rule: 'lost', detail: `scan ${ack.scan.scanId} is not known any more` }]
  if (again?.body.replay === true && substance(again) === substance(ack)) return []
  return [{ rule: 'answered differently', detail: `${substance(ack)}, then ${again?.status} ${again?.text}` }]
}

/** Whether the killed server had told D1 of entries without noting that it had. */
function isDrainCutOff(server: Server, venue: Venue): boolean {
  return readD1Head(server.stateDir, venue.eventId) > readDrained(server.stateDir, venue.eventId)
}

async function untilOutboxMoves(server: Server, venue: Venue): Promise<void> {
  const told = () => [readD1Head(server.stateDir, venue.eventId), readDrained(server.stateDir, venue.eventId)].join()
  const before = told()
  for (const deadline = Date.now() + 60_000; told() === before; await sleep(2)) {
    if (Date.now() > deadline) throw new Error('the outbox did not drain')
  }
}

export async function untilAnswers(load: Load, count: number): Promise<void> {
  for (const deadline = Date.now() + 60_000; load.answered < count; await sleep(10)) {
    if (Date.now() > deadline) throw new Error(`only ${load.answered} answers instead of ${count}`)
  }
}

/**
 * Waits until D1 has as many entries as the log and the log, of so many at least, does not grow; gives whether it came to
 * that. What the Gatekeeper holds to be told it tells nobody any more, so that nothing is waited for then.
 */
export async function untilDrained(server: Server, venue: Venue, least = 0, patienceMs = 30_000): Promise<boolean> {
  let last = -1
  for (const deadline = Date.now() + patienceMs; Date.now() < deadline; await sleep(400)) {
    const { log } = readGatekeeper(server.stateDir, venue.eventId)
    const isWhole = log.length === last && last >= least
    const noted = readDrained(server.stateDir, venue.eventId)
    const inD1 = readD1(server.stateDir, venue.eventId).length
    if (isWhole && inD1 === last) return true
    if (isWhole && inD1 < last && noted >= (log.at(-1)?.entry.seq ?? 0)) return false
    last = log.length
  }
  return false
}

function countsOf(load: Load): Pick<Outcome, 'acked' | 'synced' | 'admitted' | 'duplicates'> {
  const verdicts = new Map(load.acked.map(({ scan, body }) => [scan.scanId, body.verdict]))
  const admitted = [...verdicts.values()].filter((verdict) => verdict === 'admitted').length
  const synced = load.synced.length
  return { acked: verdicts.size + synced, synced, admitted, duplicates: verdicts.size - admitted }
}

/** The rules that were broken, each once. */
export function rulesOf(violations: Violation[]): string[] {
  return [...new Set(violations.map(({ rule }) => rule))]
}

export function inWords({ forgotten, violations, ackedBefore, underWayAt, ...counts }: Outcome): string {
  const byRule = Object.entries(Object.groupBy([...forgotten, ...violations], ({ rule }) => rule))
  return JSON.stringify({ ...counts, found: byRule.map(([rule, found]) => `${rule}: ${found?.length}`) })
}
