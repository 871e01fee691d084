import { median, quantile } from './quantile.ts'
import { startServer } from './server.ts'
import { type Stage, setStage, supply } from './stage.ts'
import { watchedScans } from './watched-scans.ts'

/*
 * What `npm run bench:live` runs: scans at a steady rate, with nobody, a hundred and five hundred people watching the
 * event, in turn on the same server; what the scans feel of it, and how long a scan takes to reach those who watch.
 */

const LISTENERS = [0, 100, 500]
const SCANS_A_SECOND = 100
const WINDOW = { leadInMs: 1000, windowMs: 6000 }
const ROUNDS = Number(process.argv[2] ?? 3)

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
  const { latencies, reachMs, messages } = await watchedScans(stage, count, SCANS_A_SECOND, WINDOW)
  const [p50 = 0, p95 = 0, p99 = 0] = [0.5, 0.95, 0.99].map((q) => quantile(latencies, q))
  return { p50, p95, p99, reachMs, messages }
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
