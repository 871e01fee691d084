import { nextCall } from './calls.ts'
import { openLoop } from './load.ts'
import { quantile } from './quantile.ts'
import { startServer } from './server.ts'
import { type Stage, setStage, supply } from './stage.ts'

/*
 * What `npm run bench:import` runs: 25,000 rows imported in one go while people scan at a steady rate, and what the scans
 * feel of it. They are held against the same scans with no import, before and after, on the same server.
 */

const ROWS = Number(process.argv[2] ?? 25_000)
const SCANS_A_SECOND = 100
const QUIET_MS = 6_000
const WINDOW_MS = 1_000

type Job = { id: string; state: string; total: number; done: number; failed: number; perSecond: number }

const server = await startServer()
try {
  const stage = await setStage(server)
  await supply(stage, (SCANS_A_SECOND * (3 * QUIET_MS + 90_000)) / 1000)
  await scans(stage, QUIET_MS)
  const before = await scans(stage, QUIET_MS)
  const { uploading, issuing, uploadMs, job } = await importAmongScans(stage)
  const after = await scans(stage, QUIET_MS)
  if (job.state !== 'done' || job.done !== ROWS) throw new Error(`the import ended as ${JSON.stringify(job)}`)

  const quiet = [...before, ...after]
  console.log(`${ROWS} rows: read and staged in ${(uploadMs / 1000).toFixed(1)} s, issued at ${job.perSecond} rows/s`)
  for (const [name, latencies] of Object.entries({ 'no import': quiet, uploading, issuing })) {
    const [p50 = 0, p95 = 0, p99 = 0] = [0.5, 0.95, 0.99].map((q) => quantile(latencies, q))
    const figures = `p50 ${p50.toFixed(1)}, p95 ${p95.toFixed(1)}, p99 ${p99.toFixed(1)}, max ${Math.max(...latencies).toFixed(1)} ms`
    console.log(
      `scans, ${name}: ${latencies.length}, ${figures}; p95 ratio ${(p95 / quantile(quiet, 0.95)).toFixed(2)}`,
    )
  }
} finally {
  await server.stop()
}

async function importAmongScans(stage: Stage) {
  const startedAt = performance.now()
  let uploadMs = 0
  const uploaded = upload(stage).then((job) => {
    uploadMs = performance.now() - startedAt
    return job
  })
  const uploading: number[] = []
  while (uploadMs === 0) uploading.push(...(await scans(stage, WINDOW_MS, 0)))
  const { id } = await uploaded
  const issuing: number[] = []
  for (;;) {
    const { data } = await stage.api.get<{ data: { job: Job } }>(`/api/events/${stage.eventId}/jobs/${id}`)
    if (data.job.state === 'done' || data.job.state === 'failed') return { uploading, issuing, uploadMs, job: data.job }
    issuing.push(...(await scans(stage, WINDOW_MS, 0)))
  }
}

async function scans(stage: Stage, windowMs: number, leadInMs = 500): Promise<number[]> {
  return (await openLoop(stage.port, SCANS_A_SECOND, () => nextCall(stage, 'first'), { leadInMs, windowMs })).latencies
}

async function upload({ api, key, eventId }: Stage): Promise<Job> {
  const rows = Array.from(
    { length: ROWS },
    (_, i) => `R-${i},standard,"Lovelace, Ada ${i}",ada${i}@example.com,B-${i >> 1},yes,Row ${i % 40}`,
  )
  const response = await fetch(`${api.url}/api/events/${eventId}/imports`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'text/csv' },
    body: `reference,type,name,email,booking id,paid,note\n${rows.join('\n')}\n`,
  })
  const { data } = (await response.json()) as { data: { job: Job } }
  return data.job
}
