import { parseArgs } from 'node:util'
import type { Api } from '../cli/api.ts'
import { followJob, type Job } from '../cli/follow-job.ts'
import type { EventId } from '../core/ids.ts'
import { countCpu } from './cpu.ts'
import {
  type Format,
  fill,
  type ImageStage,
  imageCalls,
  measureCold,
  measureWarm,
  type Side,
  setImageStage,
  startAnew,
  warmRefs,
  warmUp,
} from './image-stage.ts'
import { openLoop } from './load.ts'
import { describeMachine } from './machine.ts'
import { median, quantile } from './quantile.ts'
import { startServer } from './server.ts'

/*
 * What `npm run bench:images` runs: QR images cold and warm, ours and those of Express with `qrcode` and Redis, in turn
 * in each round; then both at a fixed thousand a second; then how fast an event is warmed.
 */

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    processes: { type: 'string', default: '1' },
  },
})
const ROUNDS = values.quick ? 2 : 3
const SIZES = { tickets: 12_000, warm: values.quick ? 500 : 5_000, mostCold: 6_000 }
const COLD = { leadInMs: 200, windowMs: values.quick ? 800 : 1500 }
const STEADY = { leadInMs: 500, windowMs: values.quick ? 1000 : 2000 }

const server = await startServer()
let stage: ImageStage | null = null
try {
  stage = await setImageStage(server, { ...SIZES, processes: Number(values.processes) })
  const { api, eventId, sides } = stage
  if (sides.length === 1) console.log('Express + qrcode + Redis: skipped, there is no redis-server on this machine')

  console.log(machineLine())
  for (const format of ['svg', 'png'] as const) await compareClosed(stage, format)
  for (const format of ['svg', 'png'] as const) await compareOpen(stage, format)
  for (const formats of [['svg'], ['svg', 'png']]) await measureWarming(api, eventId, formats)
  console.log(`${stage.astray} answers came cold instead of warm, or warm instead of cold`)
} finally {
  await stage?.stop()
  await server.stop()
}

async function compareClosed(stage: ImageStage, format: Format): Promise<void> {
  const { sides } = stage
  const cold: number[][] = []
  const warm: number[][] = []
  const cpu: number[][] = []
  for (const side of sides) await startAnew(stage, side, format)
  for (let round = 0; round <= ROUNDS; round++) {
    const figures = { cold: [0, 0], warm: [0, 0], cpu: [0, 0] }
    for (const index of round % 2 === 0 ? [0, 1] : [1, 0]) {
      const side = sides[index]
      if (!side) continue
      figures.cold[index] = (await measureCold(stage, side, format, COLD)).perSecond
      await warmUp(stage, side, format)
      const used = countCpu(side.pid)
      const load = await measureWarm(stage, side, format, STEADY)
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

async function compareOpen(stage: ImageStage, format: Format): Promise<void> {
  const { sides } = stage
  for (const side of sides) await fill(stage, side, format)
  const latencies: number[][] = sides.map(() => [])
  for (let round = 0; round < ROUNDS; round++) {
    for (const [index, side] of sides.entries()) {
      const next = imageCalls(stage, warmRefs(stage), format, 'hit')
      latencies[index]?.push(...(await openLoop(side.port, 1000, next, STEADY)).latencies)
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

function machineLine(): string {
  const { cores, cpu, node, workerd } = describeMachine()
  return `${cores} cores (${cpu}), node ${node}, workerd ${workerd}; medians of ${ROUNDS} rounds`
}
