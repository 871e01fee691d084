import { importAmongScans, SCANS_A_SECOND, scans } from './import-among-scans.ts'
import { quantile } from './quantile.ts'
import { startServer } from './server.ts'
import { setStage, supply } from './stage.ts'

/*
 * What `npm run bench:import` runs: 25,000 rows imported in one go while people scan at a steady rate, and what the scans
 * feel of it. They are held against the same scans with no import, before and after, on the same server.
 */

const ROWS = Number(process.argv[2] ?? 25_000)
const QUIET = { leadInMs: 500, windowMs: 6_000 }

const server = await startServer()
try {
  const stage = await setStage(server)
  await supply(stage, (SCANS_A_SECOND * (3 * (QUIET.leadInMs + QUIET.windowMs) + 90_000)) / 1000)
  await scans(stage, QUIET)
  const before = await scans(stage, QUIET)
  const { uploading, issuing, uploadMs, perSecond } = await importAmongScans(stage, 'R', ROWS)
  const after = await scans(stage, QUIET)

  const quiet = [...before, ...after]
  console.log(`${ROWS} rows: read and staged in ${(uploadMs / 1000).toFixed(1)} s, issued at ${perSecond} rows/s`)
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
