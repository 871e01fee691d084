import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { type Call, nextCall } from './calls.ts'
import type { Heard, Listening } from './listeners.ts'
import { openLoop } from './load.ts'
import { median, quantile } from './quantile.ts'
import { startServer } from './server.ts'
import { type Stage, setStage, supply } from './stage.ts'

/*
 * What `npm run bench:live` runs: scans at a steady rate, with nobody, a hundred and five hundred people watching the
 * event, in turn on the same server; what the scans feel of it, and how long a scan takes to reach those who watch.
 */

const LISTENERS = [0, 100, 500]
const SCANS_A_SECOND = 100
const WINDOW = { leadInMs: 1000, windowMs: 6000 }
const ROUNDS = Number(process.argv[2] ?? 3)
const READERS = 10

type Round = { p50: number; p95: number; p99: number; reachMs: number[]; messages: number }

const server = await startServer()
try {
  const stage = await setStage(server)
  await supply(stage, (SCANS_A_SECOND * 9 * (ROUNDS * LISTENERS.length + 1)) | 0)
  await round(stage, 0)
  const rounds = new Map(LISTENERS.map((count): [number, Round[]] => [count, []]))
  for (let i = 0; i < ROUNDS; i++) for (const count of LISTENERS) rounds.get(count)?.push(await round(stage, count))
  for (const [count, of] of rounds) report(count, of, rounds.get(0) ?? [])
} finally {
  await server.stop()
}

async function round(stage: Stage, count: number): Promise<Round> {
  const listeners = count === 0 ? null : await listen(stage, count)
  const sentAt = new Map<string, number>()
  const { latencies } = await openLoop(stage.port, SCANS_A_SECOND, () => noted(sentAt, stage), WINDOW)
  // The last batch is told within a quarter of a second.
  await sleep(500)
  const heard = await listeners?.stop()
  const reachMs = (heard?.scans ?? []).map(([scanId, at]) => at - (sentAt.get(scanId) ?? Number.NaN))
  if (heard && reachMs.length !== sentAt.size * READERS) {
    throw new Error(`${READERS} readers heard of ${reachMs.length} scans, and there were ${sentAt.size}`)
  }
  const [p50 = 0, p95 = 0, p99 = 0] = [0.5, 0.95, 0.99].map((q) => quantile(latencies, q))
  return { p50, p95, p99, reachMs, messages: heard?.messages ?? 0 }
}

function noted(sentAt: Map<string, number>, stage: Stage): Call {
  const call = nextCall(stage, 'first')
  const scanId = /"scanId":"([^"]+)"/.exec(call.request)?.[1]
  if (scanId !== undefined) sentAt.set(scanId, Date.now())
  return call
}

async function listen({ api, eventId }: Stage, count: number) {
  const tickets: string[] = []
  for (let i = 0; i < count; i++) {
    type Ticket = { data: { ticket: string } }
    tickets.push((await api.post<Ticket>('/api/hp-scanner/live-tickets', { eventId })).data.ticket)
  }
  const address = `${api.url.replace('http', 'ws')}/api/hp-scanner/live/${eventId}`
  const workerData: Listening = { address, tickets, readers: READERS }
  const worker = new Worker(new URL('./listeners.ts', import.meta.url), { workerData })
  await once(worker, 'message')
  const stop = async (): Promise<Heard> => {
    const heard = once(worker, 'message')
    worker.postMessage('stop')
    return (await heard)[0]
  }
  return { stop }
}

function report(count: number, rounds: Round[], alone: Round[]): void {
  const of = (pick: (round: Round) => number) => median(rounds.map(pick)).toFixed(1)
  const ratio = median(rounds.map(({ p95 }, i) => p95 / (alone[i]?.p95 ?? Number.NaN))).toFixed(2)
  console.log(
    `${count} listeners: scans p50 ${of(({ p50 }) => p50)}, p95 ${of(({ p95 }) => p95)}, p99 ${of(({ p99 }) => p99)} ms; p95 ratio ${ratio}`,
  )
  if (count === 0) return
  const [p50, p95, max] = [0.5, 0.95, 1].map((q) => of(({ reachMs }) => quantile(reachMs, q)))
  const perSecond = (median(rounds.map(({ messages }) => messages)) * 1000) / (WINDOW.leadInMs + WINDOW.windowMs)
  console.log(`  scan to listener: p50 ${p50}, p95 ${p95}, max ${max} ms; ${Math.round(perSecond)} messages a second`)
}
