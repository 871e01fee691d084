import { countCpu } from '../cpu.ts'
import { median } from '../quantile.ts'
import { type ReportName, type ReportStage, setReportStage, timeReport } from '../report-calls.ts'
import { inTurn, type Reading, type SetTrial } from './trial.ts'

/** What an organiser looks at; `npm run bench:reports` has all there is. */
const names: ReportName[] = [
  'live numbers',
  'series, all by 5 minutes, each gate',
  'gate report',
  'staff report',
  'summary',
  'duplicates',
  'entries',
  'entries refused',
]

const wholly = { entries: 100_000, calls: 5 }
const quickly = { entries: 100_000, calls: 3 }

/** Reports and lists of an event with a log and of one where nobody came, in the same database. */
export const setReports: SetTrial = async (server, isQuick) => {
  const { entries, calls } = isQuick ? quickly : wholly
  const stage = await setReportStage(server, entries)
  const measure = async (round: number) => {
    const cpuUsed = countCpu(server.pid)
    const readings: Reading[] = []
    for (const name of names) readings.push(await measureCall(stage, name, calls, round))
    return { readings, cpu: cpuUsed() }
  }
  return {
    name: 'reports',
    about: `reports: from asking to the last byte, medians of ${calls} calls a round`,
    sides: { value: `${entries.toLocaleString('en')} entries`, base: 'nobody came' },
    skipped: [],
    measure,
    stop: async () => {},
  }
}

async function measureCall(stage: ReportStage, name: ReportName, calls: number, round: number): Promise<Reading> {
  const times = { full: [] as number[], empty: [] as number[] }
  for (let call = 0; call < calls; call++)
    for (const which of inTurn(['empty', 'full'] as const, round + call))
      times[which].push(await timeReport(stage, name, which))
  return { what: name, unit: 'ms', value: median(times.full), base: median(times.empty) }
}
