import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { nextCall } from './calls.ts'
import type { Flooded, Flooding, Forged } from './flooder.ts'
import { openLoop } from './load.ts'
import { median, quantile } from './quantile.ts'
import { startServer } from './server.ts'
import { type Stage, setStage, settle, supply } from './stage.ts'

/*
 * What `npm run bench:flood` runs: twenty devices that scan, with nobody else there, and while 10,000 requests come that
 * have no good credential, in turn on the same server; and whether the event's Gatekeeper was told anything by those.
 */

const SCANS_A_SECOND = 20
const FLOOD = { count: 10_000, perSecond: 500 }
/**
 * Until an address is shut out, each of its calls is counted by the platform's Rate Limiting. That counts in memory, but
 * locally it commits each count to the disk that the scans commit to as well: these seconds say nothing of the platform.
 */
const leadInMs = Number(process.argv[3] ?? 4000)
const WINDOW = { leadInMs, windowMs: (FLOOD.count / FLOOD.perSecond) * 1000 - leadInMs }
const ROUNDS = Number(process.argv[2] ?? 3)

const server = await startServer()
try {
  const stage = await setStage(server)
  const perRound = (SCANS_A_SECOND * (WINDOW.leadInMs + WINDOW.windowMs)) / 1000
  await supply(stage, perRound * (2 * ROUNDS + 1))
  const [quiet, flooded]: [number[][], number[][]] = [[], []]
  let told: Flooded | undefined
  for (let i = 0; i < ROUNDS; i++) {
    quiet.push(await scans(stage))
    const worker = flood(stage)
    const [latencies, [done]] = await Promise.all([scans(stage), once(worker, 'message')])
    flooded.push(latencies)
    told = done as Flooded
  }
  await expectUntouched(stage, perRound * 2 * ROUNDS)
  report(quiet, flooded, told)
} finally {
  await server.stop()
}

async function scans(stage: Stage): Promise<number[]> {
  return (await openLoop(stage.port, SCANS_A_SECOND, () => nextCall(stage, 'first'), WINDOW)).latencies
}

function flood(stage: Stage): Worker {
  const workerData: Flooding = { port: stage.port, ...FLOOD, forged: forgedCalls(stage) }
  return new Worker(new URL('./flooder.ts', import.meta.url), { workerData })
}

/** What somebody makes up who has seen a ticket, a staff token and a link, and has none that is good. */
function forgedCalls({ eventId, devices, idleToken }: Stage): Forged[] {
  const [head, claims] = (devices[0]?.staffToken ?? '').split('.')
  const json = { 'Content-Type': 'application/json' }
  const scan = JSON.stringify({ qrPayload: idleToken, gateId: 'G1', eventId })
  const post = (path: string, headers: Record<string, string>, body: string) => {
    return { method: 'POST', path, headers: { ...json, ...headers }, body }
  }
  const token = `a1_dev_${eventId.replaceAll('-', '')}_{i}`
  return [
    post('/api/hp-scanner/validate-qr', {}, scan),
    post('/api/hp-scanner/validate-qr', { Authorization: `Bearer ${head}.${claims}.{i}` }, scan),
    post('/api/hp-scanner/validate-qr', { Authorization: 'Bearer a1_org_{i}' }, scan),
    post('/api/devices/enrol', {}, '{"code":"ABCDEFGHIJKLMNOPQRSTUVWX{i}","deviceName":"x","deviceType":"mobile"}'),
    post('/api/devices/token', {}, JSON.stringify({ deviceId: 'x', deviceToken: token })),
    post('/api/session', {}, '{"key":"a1_org_{i}"}'),
    { method: 'GET', path: `/api/hp-scanner/snapshot/${eventId}`, headers: {} },
    { method: 'GET', path: '/t/AQ{i}', headers: {} },
    { method: 'GET', path: '/qr/AQ{i}.svg', headers: {} },
  ]
}

/** The log has the scans of the devices, all admitted, and nothing was counted as a code that is none. */
async function expectUntouched(stage: Stage, admitted: number): Promise<void> {
  await settle(stage)
  const path = `/api/hp-scanner/analytics/${stage.eventId}`
  const { liveStats } = (await stage.api.get<{ data: { liveStats: Record<string, unknown> } }>(path)).data
  const { cacheCount, refusals } = liveStats
  if (cacheCount !== admitted || JSON.stringify(refusals) !== '{}') {
    throw new Error(`the Gatekeeper has ${cacheCount} of ${admitted} admissions, and ${JSON.stringify(refusals)}`)
  }
}

function report(quiet: number[][], flooded: number[][], told: Flooded | undefined): void {
  for (const q of [0.5, 0.95, 0.99]) {
    const [before, during] = [quiet, flooded].map((rounds) => rounds.map((one) => quantile(one, q)))
    const ratio = median((during ?? []).map((ms, i) => ms / (before?.[i] ?? Number.NaN)))
    const [a, b] = [before, during].map((one) => median(one ?? []).toFixed(1))
    console.log(`scans p${q * 100}: ${a} ms with nobody else, ${b} ms in the flood; ratio ${ratio.toFixed(2)}`)
  }
  const statuses = Object.entries(told?.byStatus ?? {}).map(([status, times]) => `${times} × ${status}`)
  const perSecond = Math.round((FLOOD.count * 1000) / (told?.tookMs ?? Number.NaN))
  console.log(`the flood: ${FLOOD.count} requests, ${perSecond} a second, answered ${statuses.join(', ')}`)
  console.log('the Gatekeeper was told of the scans and of nothing else')
}
