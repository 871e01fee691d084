import { readdirSync, readFileSync } from 'node:fs'
import { nextCall } from './calls.ts'
import { openLoop } from './load.ts'
import { quantile } from './quantile.ts'
import { startServer } from './server.ts'
import { type Stage, setStage, supply } from './stage.ts'

/*
 * What `npm run bench:exports` runs: a log of a million entries and some ten thousand tickets, exported while scans go on.
 * What counts is that the server's memory does not grow with what is exported, and that scans do not wait for it.
 */

const ENTRIES = 1_000_000
const TICKETS = 20_000
const SCANS_A_SECOND = 100
const WINDOW = { leadInMs: 500, windowMs: 6_000 }

const server = await startServer()
try {
  const stage = await setStage(server)
  // Every scan is of a ticket of its own; issued before, as it would be.
  await supply(stage, Math.max(TICKETS, (4 * SCANS_A_SECOND * (WINDOW.leadInMs + WINDOW.windowMs)) / 1000 + 100))
  await stage.api.post(`/bench/fill/${stage.eventId}`, { entries: ENTRIES }, { tries: 1, timeoutMs: 600_000 })
  console.log(`Scans, ${SCANS_A_SECOND} a second, with no export: p95 ${(await scanP95(stage)).toFixed(1)} ms`)
  for (const name of ['entries.csv', 'entries.ndjson', 'tickets.csv']) await measure(stage, name)
} finally {
  await server.stop()
}

async function measure(stage: Stage, name: string): Promise<void> {
  // Once alone, for its speed and memory; then again and again while scans are measured.
  const { lines, bytes, seconds, memory } = await exportOnce(stage, name)
  const quarter = (i: number) => memory[Math.min(memory.length - 1, Math.floor((i * memory.length) / 4))] ?? 0
  const speed = `${lines} lines, ${(bytes / 1e6).toFixed(0)} MB in ${seconds.toFixed(1)} s, ${Math.round(lines / seconds)} lines a second`
  const peak = Math.max(...memory)
  console.log(`${name}: ${speed}; memory ${[0, 1, 2, 3, 4].map(quarter).join(' → ')} MB, at most ${peak} MB`)
  const over = { isOver: false }
  const exporting = exportUntil(stage, name, over)
  const p95 = await scanP95(stage)
  over.isOver = true
  await exporting
  console.log(`Scans, ${SCANS_A_SECOND} a second, beside ${name}: p95 ${p95.toFixed(1)} ms`)
}

async function scanP95(stage: Stage): Promise<number> {
  const scans = await openLoop(stage.port, SCANS_A_SECOND, () => nextCall(stage, 'first'), WINDOW)
  return quantile(scans.latencies, 0.95)
}

async function exportUntil(stage: Stage, name: string, over: { isOver: boolean }): Promise<void> {
  while (!over.isOver) await exportOnce(stage, name, over)
}

async function exportOnce(stage: Stage, name: string, over = { isOver: false }) {
  const startedAt = performance.now()
  const response = await fetch(`${stage.api.url}/api/events/${stage.eventId}/exports/${name}`, {
    headers: { authorization: `Bearer ${stage.key}` },
  })
  if (!response.ok || !response.body) throw new Error(`${name}: ${response.status} ${await response.text()}`)
  const memory = [serverMemoryMb()]
  let [lines, bytes, lookedAt] = [0, 0, startedAt]
  for await (const chunk of response.body) {
    bytes += chunk.length
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines++
    if (performance.now() - lookedAt > 100) {
      lookedAt = performance.now()
      memory.push(serverMemoryMb())
    }
    if (over.isOver) break
  }
  return { lines, bytes, memory, seconds: (performance.now() - startedAt) / 1000 }
}

/** What workerd holds in memory, its database's pages included. */
function serverMemoryMb(): number {
  const kb = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => statusOf(pid))
    .filter((status) => new RegExp(`^PPid:\\s+${server.pid}$`, 'm').test(status) && /^Name:\s+workerd/m.test(status))
    .map((status) => Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0))
  return Math.round(Math.max(0, ...kb) / 1024)
}

function statusOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8')
  } catch {
    // It ended while we looked.
    return ''
  }
}
