import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { type Api, connect } from '../cli/api.ts'
import { followJob, type Job } from '../cli/follow-job.ts'
import { type EventId, parseUuid, type TicketId } from '../core/ids.ts'
import type { Call } from './calls.ts'
import { countCpu } from './cpu.ts'
import { type Peer, startPeer } from './image-peer.ts'
import { closedLoop, openLoop } from './load.ts'
import { describeMachine } from './machine.ts'
import { median, quantile } from './quantile.ts'
import { startServer } from './server.ts'

/*
 * What `npm run bench:images` runs: QR images cold and warm, ours and those of Express with `qrcode` and Redis, in turn
 * in each round; then both at a fixed thousand a second; then how fast an event is warmed.
 */

type Format = 'svg' | 'png'

/** One of the two that are compared. `asked` is how many of the cold refs were used up since all was last cleared. */
type Side = { name: string; port: number; pid: number; clear: () => Promise<void>; asked: number }

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    processes: { type: 'string', default: '1' },
  },
})
const ROUNDS = values.quick ? 2 : 3
const TICKETS = 12_000
/** As many as open their ticket in the same minute. */
const WARM = values.quick ? 500 : 5_000
/** More than one window takes. */
const MOST_COLD = 6_000
const CONNECTIONS = 64
const SETTLE_MS = 1500
const COLD = { leadInMs: 200, windowMs: values.quick ? 800 : 1500 }
const STEADY = { leadInMs: 500, windowMs: values.quick ? 1000 : 2000 }

/** Answers from a cache that was to be empty, or not from one that was to be full: told, so that nobody is deceived. */
let astray = 0

const server = await startServer()
let peer: Peer | null = null
try {
  const api = await newApi()
  const eventId = await newEvent(api)
  const refs = await issueTickets(api, eventId, TICKETS)
  const ours: Side = {
    name: 'Admit One',
    port: server.port,
    pid: server.pid,
    clear: async () => void (await api.delete(`/api/events/${eventId}/qr-cache`)),
    asked: 0,
  }
  peer = await startPeer(new Map(refs.map((ref, i) => [ref, tokenLike(i)])), Number(values.processes))
  if (!peer) console.log('Express + qrcode + Redis: skipped, there is no redis-server on this machine')
  const sides = peer ? [ours, { name: 'Express', asked: 0, ...peer }] : [ours]

  console.log(machineLine())
  for (const format of ['svg', 'png'] as const) await compareClosed(sides, format, refs)
  for (const format of ['svg', 'png'] as const) await compareOpen(sides, format, refs.slice(0, WARM))
  for (const formats of [['svg'], ['svg', 'png']]) await measureWarming(api, eventId, formats)
  console.log(`${astray} answers came cold instead of warm, or warm instead of cold`)
} finally {
  await peer?.stop()
  await server.stop()
}

async function compareClosed(sides: Side[], format: Format, refs: string[]): Promise<void> {
  const cold: number[][] = []
  const warm: number[][] = []
  const cpu: number[][] = []
  for (const side of sides) await startAnew(side, format, refs)
  for (let round = 0; round <= ROUNDS; round++) {
    const figures = { cold: [0, 0], warm: [0, 0], cpu: [0, 0] }
    for (const index of round % 2 === 0 ? [0, 1] : [1, 0]) {
      const side = sides[index]
      if (!side) continue
      figures.cold[index] = await measureCold(side, format, refs)
      // What was cold has taken the place of what was warm, and is perhaps still on its way to KV.
      await sleep(SETTLE_MS)
      await fill(side, refs.slice(0, WARM), format)
      const used = countCpu(side.pid)
      const load = await closedLoop(side.port, CONNECTIONS, inTurn(refs.slice(0, WARM), format, 'hit'), STEADY)
      figures.warm[index] = load.perSecond
      figures.cpu[index] = ((used()?.serverMs ?? Number.NaN) * 1000) / load.calls
    }
    if (round === 0) continue
    cold.push(figures.cold)
    warm.push(figures.warm)
    cpu.push(figures.cpu)
  }
  tell(`${format} cold, images a second`, sides, cold)
  tell(`${format} warm, images a second`, sides, warm)
  console.log(`  CPU µs an image: ${sides.map(({ name }, i) => `${name} ${column(cpu, i).toFixed(0)}`).join(', ')}`)
}

/** Images that nobody asked for yet. */
async function measureCold(side: Side, format: Format, refs: string[]): Promise<number> {
  if (WARM + side.asked > refs.length - MOST_COLD) await startAnew(side, format, refs)
  const load = await closedLoop(side.port, CONNECTIONS, inTurn(refs.slice(WARM + side.asked), format, 'miss'), COLD)
  side.asked += load.calls
  return load.perSecond
}

/** Empties a side's cache and asks for each of the warm images once. */
async function startAnew(side: Side, format: Format, refs: string[]): Promise<void> {
  await side.clear()
  side.asked = 0
  await fill(side, refs.slice(0, WARM), format)
}

async function compareOpen(sides: Side[], format: Format, refs: string[]): Promise<void> {
  for (const side of sides) await fill(side, refs, format)
  const latencies: number[][] = sides.map(() => [])
  for (let round = 0; round < ROUNDS; round++) {
    for (const [index, side] of sides.entries()) {
      latencies[index]?.push(...(await openLoop(side.port, 1000, inTurn(refs, format, 'hit'), STEADY)).latencies)
    }
  }
  for (const [index, { name }] of sides.entries()) {
    const [p50, p95, p99] = [0.5, 0.95, 0.99].map((q) => quantile(latencies[index] ?? [], q).toFixed(1))
    console.log(`${format} warm at 1,000 a second, ${name}: p50 ${p50}, p95 ${p95}, p99 ${p99} ms`)
  }
}

/** How fast a job draws all of an event and puts it into KV. */
async function measureWarming(api: Api, eventId: EventId, formats: string[]): Promise<void> {
  await api.delete(`/api/events/${eventId}/qr-cache`)
  const used = countCpu(server.pid)
  const { data } = await api.post<{ data: { job: Job } }>(`/api/events/${eventId}/qr-cache/warm`, { formats })
  const { done, failed, perSecond } = await followJob(api, eventId, data.job, 'warming')
  const micros = ((used()?.serverMs ?? Number.NaN) * 1000) / done
  console.log(
    `warming ${formats.join(' and ')}: ${done} codes (${failed} failed), ${Math.round(perSecond)} codes a second, ` +
      `${micros.toFixed(0)} µs of CPU each`,
  )
}

function tell(what: string, sides: Side[], rounds: number[][]): void {
  const shown = sides.map(({ name }, index) => `${name} ${column(rounds, index).toFixed(0)}`)
  const ratio = median(rounds.map(([ours = 0, theirs = 0]) => ours / theirs))
  console.log(`${what}: ${shown.join(', ')}${sides.length > 1 ? `, ratio ${ratio.toFixed(2)}` : ''}`)
}

function column(rounds: number[][], index: number): number {
  return median(rounds.map((round) => round[index] ?? Number.NaN))
}

/** Asks for each image once, so that it is warm whatever the server does behind its answer. */
async function fill(side: Side, refs: string[], format: Format): Promise<void> {
  const next = inTurn(refs, format, null)
  let asked = 0
  const window = { leadInMs: 0, windowMs: 100 }
  while (asked < refs.length) asked += (await closedLoop(side.port, CONNECTIONS, next, window)).calls
}

function inTurn(refs: string[], format: Format, cache: 'hit' | 'miss' | null): () => Call {
  let at = 0
  return () => {
    const path = `/qr/${refs[at++ % refs.length]}.${format}`
    return {
      request: `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`,
      isRight: ({ status, head }) => {
        if (cache !== null && !head.includes(`x-cache: ${cache}`)) astray++
        return status === 200
      },
    }
  }
}

/** As long as a code of ours, of the same alphabet. */
function tokenLike(seed: number): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  let state = seed + 1
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return alphabet[state >>> 27]
  }
  return `A1${Array.from({ length: 210 }, next).join('')}`
}

async function newApi(): Promise<Api> {
  type Created = { data: { key: string } }
  const { key } = (await connect(server.url, server.adminKey).post<Created>('/api/organisations', { name: 'Bench' }))
    .data
  return connect(server.url, key)
}

async function newEvent(api: Api): Promise<EventId> {
  const { event } = (
    await api.post<{ data: { event: { id: string } } }>('/api/events', {
      title: 'Bench',
      // Not within a day: the event would warm itself in the middle of a measurement.
      startsAt: new Date(Date.now() + 72 * 3_600_000).toISOString(),
      endsAt: new Date(Date.now() + 80 * 3_600_000).toISOString(),
      timezone: 'Europe/Berlin',
    })
  ).data
  const eventId = parseUuid<EventId>(event.id)
  if (eventId === null) throw new Error(`the server named an event "${event.id}"`)
  await api.put(`/api/events/${eventId}/ticket-types/standard`, { name: 'Standard' })
  return eventId
}

/** Gives the refs in the addresses of the tickets' images. */
async function issueTickets(api: Api, eventId: EventId, count: number): Promise<string[]> {
  const refs: string[] = []
  while (refs.length < count) {
    const tickets = Array.from({ length: 500 }, (_, i) => ({
      type: 'standard',
      holder: { name: `Guest ${i}`, email: `guest${i}@example.com` },
    }))
    const issued = await api.post<{ data: { tickets: { id: TicketId; qr: { svg: string } }[] } }>(
      `/api/events/${eventId}/tickets`,
      { tickets },
    )
    refs.push(...issued.data.tickets.map(({ qr }) => /qr\/(.+)\.svg/.exec(qr.svg)?.[1] ?? ''))
  }
  return refs
}

function machineLine(): string {
  const { cores, cpu, node, workerd } = describeMachine()
  return `${cores} cores (${cpu}), node ${node}, workerd ${workerd}; medians of ${ROUNDS} rounds`
}
