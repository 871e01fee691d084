import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { connect } from '../cli/api.ts'
import type { TicketId } from '../core/ids.ts'
import { searchWords } from '../core/search.ts'
import { openToken, sealToken, unsealHere } from '../core/token.ts'
import { type Call, nextCall } from './calls.ts'
import { countCpu } from './cpu.ts'
import type { Filled, Filling } from './filling.ts'
import { closedLoop } from './load.ts'
import { median } from './quantile.ts'
import { type Server, startServer } from './server.ts'
import { type Stage, setStage } from './stage.ts'

/*
 * What `npm run bench:growth` runs: what a scan, a search, a snapshot, a cold start and the memory cost where nobody came yet,
 * and with up to a million tickets that are in. All events stand on one server and take turns in every round, so that what
 * else goes on is in all of them alike; the server's CPU time counts more than the clock. `--quick` ends at 200,000, and
 * `--sizes 0,1000000` takes others, `--scans` measures nothing but scans. The first size is the one that the others are held against.
 */

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    sizes: { type: 'string' },
    /** Nothing but scans. */
    scans: { type: 'boolean', default: false },
  },
})
const USUAL = options.quick ? [0, 20_000, 200_000] : [0, 20_000, 200_000, 1_000_000]
const SIZES = options.sizes?.split(',').map(Number) ?? USUAL
const ROUNDS = Number(options.rounds ?? (options.quick ? 2 : 3))
/** Tickets of each event for the bench to scan. */
const FRESH = options.quick ? 8_000 : 20_000
const CONNECTIONS = 10
const WINDOW = { leadInMs: 100, windowMs: 300 }
/** Scans of each event in a round, in turn: what goes on beside lasts longer than a window. */
const TURNS = 3
const COLD_STARTS = 4
/** Scans between a snapshot and the difference from it. */
const BETWEEN = 200
const DIFFERENCES = 10
const TAKES_LONG = { tries: 1, timeoutMs: 600_000 }

/** One of the events, and what was measured of it by the name under which it is told. */
type Sized = { size: number; stage: Stage; cursor: string; filled: Filled; figures: Map<string, number[]> }

const stateDir = mkdtempSync(join(tmpdir(), 'admit-one-bench-'))
let server = await startServer(stateDir)
const events: Sized[] = []
// Thrown where nobody waits, on a socket: the server must not be left behind.
process.once('uncaughtException', async (error) => {
  process.stderr.write(`The bench failed: ${error}\n`)
  await server.stop()
  process.exit(1)
})
try {
  const people = readPeople()
  for (const size of SIZES) events.push(await setEvent(server, size, people))
  for (let round = 0; round <= ROUNDS; round++) {
    await measureScans(server.pid)
    if (!options.scans) for (const event of events) await measure(event, server.pid, people)
    // The first round is the compiler's and the disk's.
    if (round === 0) for (const { figures } of events) figures.clear()
    process.stderr.write(`round ${round} of ${ROUNDS}\n`)
  }
  if (!options.scans) await measureOnce()
  print()
} finally {
  await server.stop()
  rmSync(stateDir, { recursive: true, force: true })
}

/** One turn goes forth and the next back, so that what grows slower or faster does so for all. */
async function measureScans(pid: number): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) {
    for (const event of turn % 2 === 0 ? events : events.toReversed()) {
      const { stage } = event
      await under(event, 'first scan', pid, CONNECTIONS, () => nextCall(stage, 'first'))
      await under(event, 'duplicate', pid, CONNECTIONS, () => scatteredDuplicate(stage))
    }
  }
}

async function measureOnce(): Promise<void> {
  for (const event of events) await snapshotWhole(event, server.pid)
  for (const event of events) {
    await server.stop()
    server = await startServer(stateDir)
    await measureMemory(event, server)
  }
}

async function measure(event: Sized, pid: number, people: Filling['people']): Promise<void> {
  const { stage } = event
  await under(event, 'search for a name', pid, 1, () => search(stage, nameOf(stage, people)))
  await under(event, 'search for what all have', pid, 1, () => search(stage, `${nameOf(stage, people)} example`))
  await under(event, 'list, first page', pid, 1, () => list(stage, ''))
  await under(event, 'list, search of nobody', pid, 1, () => list(stage, '&search=nobody-at-all'))
  await measureDifference(event, pid)
  for (let i = 0; i < COLD_STARTS; i++) {
    await stage.api.post(`/bench/evict/${stage.eventId}`, {})
    note(event, 'cold start, ms', await timed(stage))
    note(event, 'the scan after it, ms', await timed(stage))
  }
  await stage.api.post(`/bench/settle/${stage.eventId}`, {}, TAKES_LONG)
}

async function under(event: Sized, name: string, pid: number, connections: number, next: () => Call): Promise<void> {
  const cpu = countCpu(pid)
  const { perSecond, calls } = await closedLoop(event.stage.port, connections, next, WINDOW)
  const used = cpu()
  note(event, `${name}, a second`, perSecond)
  if (used) note(event, `${name}, µs of CPU`, (used.serverMs * 1000) / calls)
}

async function measureDifference(event: Sized, pid: number): Promise<void> {
  for (let i = 0; i < BETWEEN; i++) await timed(event.stage)
  const cpu = countCpu(pid)
  const startedAt = performance.now()
  let cursor = event.cursor
  for (let i = 0; i < DIFFERENCES; i++) cursor = (await snapshot(event.stage, event.cursor)).cursor
  note(event, `difference of ${BETWEEN}, ms`, (performance.now() - startedAt) / DIFFERENCES)
  const used = cpu()
  if (used) note(event, `difference of ${BETWEEN}, ms of CPU`, used.serverMs / DIFFERENCES)
  event.cursor = (await snapshot(event.stage, cursor)).cursor
}

async function snapshotWhole(event: Sized, pid: number): Promise<void> {
  const cpu = countCpu(pid)
  const startedAt = performance.now()
  const { bytes } = await snapshot(event.stage, null)
  note(event, 'whole snapshot, ms', performance.now() - startedAt)
  const used = cpu()
  if (used) note(event, 'whole snapshot, ms of CPU', used.serverMs)
  note(event, 'whole snapshot, MB', bytes / 1e6)
}

/** The first scan after the server started, and what the runtime holds after a few hundred more. */
async function measureMemory(event: Sized, { port, pid, url }: Server): Promise<void> {
  event.stage = { ...event.stage, port, api: connect(url, event.stage.key) }
  // A call of another event's has the Worker compiled, so that what is left is the Gatekeeper's.
  const other = events.find(({ stage }) => stage.eventId !== event.stage.eventId)
  if (other) await fetch(`${url}/api/hp-scanner/search/${other.stage.eventId}?q=nobody`, asDevice(other.stage))
  note(event, 'first scan after a start, ms', await timed(event.stage))
  const { windowMs } = WINDOW
  await closedLoop(port, CONNECTIONS, () => nextCall(event.stage, 'first'), { leadInMs: 0, windowMs })
  note(event, 'memory of the runtime, MB', memoryMb(pid))
}

function print(): void {
  const names = [...new Set(events.flatMap(({ figures }) => [...figures.keys()]))]
  const of = ({ figures }: Sized, name: string) => median(figures.get(name) ?? [])
  const line = (name: string, cells: string[]) => name.padEnd(38) + cells.map((cell) => cell.padStart(18)).join('')
  console.log(
    `Medians of ${ROUNDS} rounds; in brackets that of the ratios to none. ${FRESH} more tickets an event are the bench's own.\n`,
  )
  console.log(
    line(
      'tickets that are in',
      SIZES.map((size) => size.toLocaleString('en')),
    ),
  )
  for (const name of names) {
    const none = events[0]?.figures.get(name) ?? []
    const cells = events.map((event) => {
      const value = of(event, name)
      const digits = value < 10 ? 2 : value < 100 ? 1 : 0
      const ratios = (event.figures.get(name) ?? []).map((figure, i) => figure / (none[i] ?? Number.NaN))
      return `${value.toFixed(digits)} (${median(ratios).toFixed(2)})`
    })
    console.log(line(name, cells))
  }
  const perTicket = (of: (filled: Filled) => number) =>
    events.map(({ size, filled }) => (size === 0 ? '–' : (of(filled) / size).toFixed(0)))
  console.log(
    line(
      'standing, bytes a ticket',
      perTicket(({ standingBytes }) => standingBytes),
    ),
  )
  console.log(
    line(
      'all of the database, bytes a ticket',
      perTicket(({ databaseBytes }) => databaseBytes),
    ),
  )
}

function note({ figures }: Sized, name: string, value: number): void {
  figures.set(name, [...(figures.get(name) ?? []), value])
}

/** An event in which one ticket was scanned by a call, and the rest are made to be like it. */
async function setEvent(server: Server, size: number, people: Filling['people']): Promise<Sized> {
  const startedAt = performance.now()
  const stage = await setStage(server)
  const opened = await openToken(stage.idleToken, [stage.keys.sealing], stage.keys.verify, unsealHere)
  if (!opened.ok) throw new Error(`the server gave a code that is ${opened.reason}`)
  // A million are in, and the bench's own come on top.
  await stage.api.patch(`/api/events/${stage.eventId}`, { capacity: 2_000_000 })
  stage.fresh = [stage.idleToken]
  await timed(stage)
  const madeAt = Date.now() - 86_400_000
  const filling: Filling = { scanned: size, fresh: FRESH, madeAt, people }
  const { data: filled } = await stage.api.post<{ data: Filled }>(
    `/bench/fill-event/${stage.eventId}`,
    filling,
    TAKES_LONG,
  )
  await stage.api.post(`/bench/evict/${stage.eventId}`, {})
  const every = Math.floor((size + FRESH) / FRESH)
  const seal = (no: number) =>
    sealToken({ ...opened.claims, ticketId: idOf(madeAt, no) }, stage.keys.sealing, stage.keys.sign)
  stage.fresh = shuffled(await Promise.all(Array.from({ length: FRESH }, (_, i) => seal(i * every))))
  // Those that are in already, from all over the event; the bench's own where there is none.
  const isIn = Array.from({ length: Math.min(size, FRESH / 4) }, (_, i) => Math.floor((i * size) / (FRESH / 4)))
  stage.used = await Promise.all(isIn.map((no) => seal(no % every === 0 ? no + 1 : no)))
  const { cursor } = await snapshot(stage, null)
  process.stderr.write(`${size} filled in ${((performance.now() - startedAt) / 1000).toFixed(0)} s\n`)
  return { size, stage, cursor, filled, figures: new Map() }
}

/** As `bench/worker/fill-event.ts` spells it. */
function idOf(madeAt: number, no: number): TicketId {
  const hex = (value: number, length: number) => value.toString(16).padStart(length, '0')
  const all = `${hex(madeAt + no, 12)}7${hex(no % 4096, 3)}8${hex(no, 15)}`
  return all.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-') as TicketId
}

function shuffled<T>(values: T[]): T[] {
  for (let i = values.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1))
    const [a, b] = [values[i] as T, values[j] as T]
    values[i] = b
    values[j] = a
  }
  return values
}

/** A code that is in, from anywhere in the event rather than of those just scanned. */
function scatteredDuplicate(stage: Stage): Call {
  const token = stage.used[(stage.calls * 7919) % stage.used.length] ?? ''
  return nextCall({ ...stage, calls: stage.calls++, used: [token] }, 'duplicate')
}

function nameOf(stage: Stage, people: Filling['people']): string {
  const { words } = people[(stage.calls++ * 7919) % people.length] ?? { words: [] }
  return words.map((word) => [...word].slice(0, 4).join('')).join(' ')
}

function search(stage: Stage, text: string): Call {
  const { staffToken = '' } = stage.devices[stage.calls % stage.devices.length] ?? {}
  return get(`/api/hp-scanner/search/${stage.eventId}?q=${encodeURIComponent(text)}`, staffToken, '"ticketId"')
}

function list({ eventId, key }: Stage, query: string): Call {
  return get(`/api/events/${eventId}/tickets?limit=50${query}`, key, '"items"')
}

function get(path: string, credential: string, expected: string): Call {
  return {
    request: `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${credential}\r\n\r\n`,
    isRight: ({ status, body }) => status === 200 && body.includes(expected),
  }
}

/** Milliseconds that the next first scan takes, all alone. */
async function timed(stage: Stage): Promise<number> {
  const { request, isRight } = nextCall(stage, 'first')
  const [head = '', body = ''] = request.split('\r\n\r\n')
  const url = `${stage.api.url}${head.split(' ')[1]}`
  const { headers } = asDevice(stage)
  const startedAt = performance.now()
  const response = await fetch(url, {
    method: 'POST',
    headers: { ...headers, 'Content-Type': 'application/json' },
    body: body.replace(/"gateId":"\w+"/, `"gateId":"${stage.devices[0]?.gateId}"`),
  })
  const text = await response.text()
  const took = performance.now() - startedAt
  if (!isRight({ status: response.status, head: '', body: text })) throw new Error(`a wrong answer: ${text}`)
  return took
}

async function snapshot(stage: Stage, since: string | null): Promise<{ cursor: string; bytes: number }> {
  const query = since === null ? '' : `?since=${since}`
  const { headers } = asDevice(stage)
  const response = await fetch(`${stage.api.url}/api/hp-scanner/snapshot/${stage.eventId}${query}`, {
    headers: { ...headers, Accept: 'application/octet-stream' },
  })
  const bytes = (await response.arrayBuffer()).byteLength
  const cursor = /^W\/"([\d.]+)-/.exec(response.headers.get('ETag') ?? '')?.[1]
  if (response.status !== 200 || cursor === undefined) throw new Error(`a snapshot failed with ${response.status}`)
  return { cursor, bytes }
}

function asDevice({ devices }: Stage): { headers: Record<string, string> } {
  return { headers: { Authorization: `Bearer ${devices[0]?.staffToken}` } }
}

/** What the processes of the server hold; 0 where the machine does not tell. */
function memoryMb(serverPid: number): number {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  const held = pids.map((pid) => {
    try {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8')
      const isRuntime = /^Name:\s+workerd/m.test(status) && status.includes(`PPid:\t${serverPid}\n`)
      return isRuntime ? Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) : 0
    } catch {
      // It ended while we looked.
      return 0
    }
  })
  return held.reduce((sum, kb) => sum + kb, 0) / 1024
}

/** First names with last names of the demo's attendees, and the words that each is found by. */
function readPeople(): Filling['people'] {
  const csv = readFileSync(join(import.meta.dirname, '../examples/attendees.csv'), 'utf8')
  const names = csv
    .split('\n')
    .slice(1)
    .map((line) => line.split(',')[2] ?? '')
  const usable = [...new Set(names)].filter((name) => /^\p{L}{4,} \p{L}{4,}$/u.test(name))
  return usable.slice(0, 500).map((name) => ({ name, words: searchWords(name) }))
}
