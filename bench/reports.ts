import { median } from './quantile.ts'
import { type ReportName, reportCalls, setReportStage, timeReport } from './report-calls.ts'
import { startServer } from './server.ts'

/*
 * What `npm run bench:reports` runs: every report, page and list of an event whose log has a million entries in D1, and of one
 * in the same database where nobody came. What counts is the time each takes and how it grows; the fastest call is the one
 * that whatever else ran on the machine disturbed least.
 */

const ENTRIES = Number(process.argv[2] ?? 1_000_000)
const ROUNDS = 15

const server = await startServer()
try {
  const stage = await setReportStage(server, ENTRIES)
  const times = new Map<string, { full: number[]; empty: number[] }>()
  for (let round = 0; round <= ROUNDS; round++) {
    for (const name of Object.keys(reportCalls) as ReportName[]) {
      const known = times.get(name) ?? { full: [], empty: [] }
      times.set(name, known)
      for (const which of ['empty', 'full'] as const) {
        const ms = await timeReport(stage, name, which)
        // The first round is the compiler's.
        if (round > 0) known[which].push(ms)
      }
    }
  }
  console.log(
    `${ENTRIES.toLocaleString('en')} entries; milliseconds of ${ROUNDS} calls, from asking to the last byte\n`,
  )
  const line = (name: string, ...cells: string[]) => name.padEnd(46) + cells.map((cell) => cell.padStart(9)).join('')
  console.log(line('', 'nobody', 'nobody', 'full', 'full', 'ratio of'))
  console.log(line('call', 'fastest', 'median', 'fastest', 'median', 'medians'))
  for (const [name, { full, empty }] of times) {
    const cells = [Math.min(...empty), median(empty), Math.min(...full), median(full), median(full) / median(empty)]
    console.log(line(name, ...cells.map((cell) => cell.toFixed(1))))
  }
} finally {
  await server.stop()
}
