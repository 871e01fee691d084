import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Call, nextCall } from './calls.ts'
import { closedLoop, openLoop } from './load.ts'
import { quantile } from './quantile.ts'
import { startServer } from './server.ts'
import { type Stage, setStage, supply } from './stage.ts'

/*
 * What `npm run bench:search` runs: the search at the door with 2,000 and with 200,000 tickets, while scans go on. What
 * counts is how it grows; the latency is the whole call's, of which the Gatekeeper is a part.
 */

const SIZES = [2_000, 200_000]
const SCANS_A_SECOND = 100
const WINDOW = { leadInMs: 500, windowMs: 8_000 }

const server = await startServer()
try {
  const stage = await setStage(server)
  const people = readPeople()
  await supply(stage, (SIZES.length * SCANS_A_SECOND * (WINDOW.leadInMs + WINDOW.windowMs)) / 1000 + 100)
  const measured: { tickets: number; p50: number; p95: number; p99: number; scanP95: number; searches: number }[] = []
  let issued = 0
  for (const tickets of SIZES) {
    issued = await issueNamed(stage, people, issued, tickets)
    measured.push({ tickets, ...(await searchAmongScans(stage, people.slice(0, tickets))) })
  }
  for (const { tickets, p50, p95, p99, scanP95, searches } of measured) {
    const figures = [`p50 ${p50.toFixed(1)}`, `p95 ${p95.toFixed(1)}`, `p99 ${p99.toFixed(1)} ms`].join(', ')
    console.log(`${tickets} tickets: ${searches} searches, ${figures}; scans meanwhile p95 ${scanP95.toFixed(1)} ms`)
  }
  const [small, large] = measured
  if (small && large) console.log(`A hundred times the tickets: ${(large.p95 / small.p95).toFixed(2)} times the p95`)
} finally {
  await server.stop()
}

async function searchAmongScans(stage: Stage, people: string[]) {
  const [searches, scans] = await Promise.all([
    closedLoop(stage.port, 1, () => nextSearch(stage, people), WINDOW),
    openLoop(stage.port, SCANS_A_SECOND, () => nextCall(stage, 'first'), WINDOW),
  ])
  const [p50 = 0, p95 = 0, p99 = 0] = [0.5, 0.95, 0.99].map((q) => quantile(searches.latencies, q))
  return { p50, p95, p99, scanP95: quantile(scans.latencies, 0.95), searches: searches.latencies.length }
}

/** What a person types: the beginning of somebody's name, of one word or of two. */
function nextSearch(stage: Stage, people: string[]): Call {
  const words = (people[(stage.calls * 7919) % people.length] ?? '').split(' ')
  const typed = words.slice(0, 1 + (stage.calls % 2)).map((word) => [...word].slice(0, 4).join(''))
  const device = stage.devices[stage.calls++ % stage.devices.length]
  const path = `/api/hp-scanner/search/${stage.eventId}?q=${encodeURIComponent(typed.join(' '))}`
  return {
    request: `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${device?.staffToken}\r\n\r\n`,
    isRight: ({ status, body }) => status === 200 && body.includes('"ticketId"'),
  }
}

/** Issues tickets until there are so many, to people who share first and last names as people do. */
async function issueNamed(stage: Stage, people: string[], from: number, to: number): Promise<number> {
  for (let first = from; first < to; first += 500) {
    const tickets = Array.from({ length: Math.min(500, to - first) }, (_, i) => ({
      type: 'standard',
      reference: `S-${first + i}`,
      holder: { name: people[(first + i) % people.length], email: `guest${first + i}@example.com` },
    }))
    await stage.api.post(`/api/events/${stage.eventId}/tickets`, { tickets })
    if (first % 20_000 === 0) process.stderr.write(`${first} tickets issued\n`)
  }
  return to
}

/** Every first name of the demo's attendees with every tenth last name; each has at least three letters to search by. */
function readPeople(): string[] {
  const csv = readFileSync(join(import.meta.dirname, '../examples/attendees.csv'), 'utf8')
  const names = csv
    .split('\n')
    .slice(1)
    .map((line) => line.split(',')[2]?.split(' ') ?? [])
    .filter((words) => words.length === 2 && words.every((word) => /^\p{L}{3,}$/u.test(word)))
  const last = [...new Set(names.map(([, word = '']) => word))].filter((_, i) => i % 3 === 0)
  return [...new Set(names.map(([word = '']) => word))].flatMap((first) => last.map((word) => `${first} ${word}`))
}
