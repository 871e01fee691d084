import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
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
import { Load, randomFrom } from './load.ts'
import { type Server, startServer } from './server.ts'
import { readD1, readD1Head, readDrained, readGatekeeper } from './stored.ts'

const control = 'test/process/controls/ack-before-write.ts'

describe('kill -9 of the whole server while stewards are scanning', () => {
  test('threat 03: ten times loses no answered scan, lets no ticket in twice, and D1 has exactly the log', async (context) => {
    const outcome = await crash({ kills: 10, seed: 20261121 })
    await context.annotate(inWords(outcome))
    expect(outcome.forgotten.slice(0, 5)).toEqual([])
    expect(outcome.violations.slice(0, 5)).toEqual([])
    expect(outcome.drainedAlone).toBe(true)
    // Otherwise it was no test: scans were answered before each kill, and others were under way.
    expect(Math.min(...outcome.ackedBefore)).toBeGreaterThan(20)
    expect(sum(outcome.underWayAt)).toBeGreaterThan(0)
    expect(outcome.admitted).toBeGreaterThan(200)
    expect(outcome.duplicates).toBeGreaterThan(100)
    expect(outcome.settled).toBeGreaterThan(0)
  })
})

describe('a server that answers before it writes', () => {
  test('threat 31: is found out by the same test, as having lost what it answered', async (context) => {
    const outcome = await crash({ worker: control, kills: 2, seed: 20261122 })
    await context.annotate(inWords(outcome))
    expect(rulesOf(outcome.forgotten)).toContain('lost')
    expect(rulesOf(outcome.violations)).toContain('lost')
  })

  test('is not found out while nobody kills it, so that it was the kill that was seen', async (context) => {
    const outcome = await crash({ worker: control, kills: 0, seed: 20261123 })
    await context.annotate(inWords(outcome))
    expect(outcome.violations.slice(0, 5)).toEqual([])
    expect(outcome.admitted).toBeGreaterThan(200)
  })
})

type Plan = { worker?: string; kills: number; seed: number }

type Outcome = {
  /** What was asked for again after a restart and had another answer, or none. */
  forgotten: Violation[]
  /** What the checker found in the end. */
  violations: Violation[]
  acked: number
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
}

const CLIENTS = 24
const DEVICES = 8

/** Lets stewards work at a server, kills it again and again, and holds what they were told against what it kept. */
async function crash({ worker, kills, seed }: Plan): Promise<Outcome> {
  const server = await startServer(worker ? { worker } : {})
  try {
    const venue = await openVenue(server.url, { devices: DEVICES, tickets: 0 })
    const printed = await issuePrinted(venue.organiser, venue.path, 4500)
    venue.tickets.push(...(await issue(venue.organiser, venue.path, 200)), ...printed)
    const load = new Load(venue, CLIENTS, seed)
    const duringKills = await killAgainAndAgain(server, venue, load, kills, randomFrom(seed))

    if (kills === 0) await untilAcked(load, 500)
    await load.stop()
    const settled = await load.settle()
    await untilDrained(server, venue)
    await server.stop()
    const { log } = readGatekeeper(server.stateDir, venue.eventId)
    const violations = checkHistory(load.acked, log, readD1(server.stateDir, venue.eventId))
    return { ...duringKills, ...countsOf(load.acked), settled, violations }
  } finally {
    await server.remove()
  }
}

async function killAgainAndAgain(server: Server, venue: Venue, load: Load, kills: number, random: () => number) {
  const seen: Pick<Outcome, 'forgotten' | 'ackedBefore' | 'underWayAt' | 'toldAgain' | 'drainedAlone'> = {
    forgotten: [],
    ackedBefore: [],
    underWayAt: [],
    toldAgain: 0,
    drainedAlone: false,
  }
  let asked = 0
  for (let kill = 1; kill <= kills; kill++) {
    const acked = load.acked.length
    await untilAcked(load, acked + 21)
    // Every other kill comes when it may, and those between as soon as the outbox has got anything done.
    if (kill % 2 === 1) await sleep(random() * 1000)
    else await untilOutboxMoves(server, venue)
    seen.underWayAt.push(load.underWay)
    await server.kill9()
    seen.ackedBefore.push(load.acked.length - acked)
    if (isDrainCutOff(server, venue)) seen.toldAgain++

    const isLast = kill === kills
    if (isLast) await load.stop()
    await server.restart()
    if (isLast) seen.drainedAlone = await untilDrained(server, venue)
    const toAsk = load.acked.slice(asked)
    asked += toAsk.length
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
  for (const deadline = Date.now() + 10_000; told() === before; await sleep(1)) {
    if (Date.now() > deadline) throw new Error('the outbox did not drain')
  }
}

async function untilAcked(load: Load, count: number): Promise<void> {
  for (const deadline = Date.now() + 30_000; load.acked.length < count; await sleep(20)) {
    if (Date.now() > deadline) throw new Error(`only ${load.acked.length} answers instead of ${count}`)
  }
}

/** Waits until D1 has as many entries as the log and the log does not grow any more; gives whether it came to that. */
async function untilDrained(server: Server, venue: Venue): Promise<boolean> {
  let last = -1
  for (const deadline = Date.now() + 30_000; Date.now() < deadline; await sleep(400)) {
    const { log } = readGatekeeper(server.stateDir, venue.eventId)
    if (log.length === last && readD1(server.stateDir, venue.eventId).length === last) return true
    last = log.length
  }
  return false
}

function countsOf(acked: Acked[]): Pick<Outcome, 'acked' | 'admitted' | 'duplicates'> {
  const verdicts = new Map(acked.map(({ scan, body }) => [scan.scanId, body.verdict]))
  const admitted = [...verdicts.values()].filter((verdict) => verdict === 'admitted').length
  return { acked: verdicts.size, admitted, duplicates: verdicts.size - admitted }
}

function sum(numbers: number[]): number {
  return numbers.reduce((a, b) => a + b, 0)
}

function rulesOf(violations: Violation[]): string[] {
  return [...new Set(violations.map(({ rule }) => rule))]
}

function inWords({ forgotten, violations, ...counts }: Outcome): string {
  const byRule = Object.entries(Object.groupBy([...forgotten, ...violations], ({ rule }) => rule))
  return JSON.stringify({ ...counts, found: byRule.map(([rule, found]) => `${rule}: ${found?.length}`) })
}
