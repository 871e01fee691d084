import { countCpu } from '../cpu.ts'
import { importAmongScans, SCANS_A_SECOND, scans } from '../import-among-scans.ts'
import { quantile } from '../quantile.ts'
import { setStage, settle, supply } from '../stage.ts'
import { inTurn, type Reading, type SetTrial } from './trial.ts'

/** The longest that an import may take, by the tickets that are there for the scans meanwhile. */
const LONGEST_S = 60

const wholly = { rows: 5_000, quiet: { leadInMs: 300, windowMs: 3000 } }
const quickly = { rows: 2_000, quiet: { leadInMs: 300, windowMs: 1500 } }

/** Rows that are imported while people scan at a steady rate, and the same scans with no import. */
export const setImport: SetTrial = async (server, isQuick) => {
  const { rows, quiet } = isQuick ? quickly : wholly
  const stage = await setStage(server)

  const measure = async (round: number) => {
    await supply(stage, SCANS_A_SECOND * LONGEST_S)
    const cpuUsed = countCpu(server.pid)
    const felt = { quiet: [] as number[], importing: [] as number[] }
    let rowsPerSecond = Number.NaN
    for (const side of inTurn(['quiet', 'importing'] as const, round)) {
      await settle(stage)
      if (side === 'quiet') felt.quiet = await scans(stage, quiet)
      else {
        const { uploading, issuing, perSecond } = await importAmongScans(stage, `R${round}`, rows)
        felt.importing = [...uploading, ...issuing]
        rowsPerSecond = perSecond
      }
    }
    await settle(stage)
    const scan = (what: string, q: number): Reading => {
      return { what, unit: 'ms', value: quantile(felt.importing, q), base: quantile(felt.quiet, q) }
    }
    const issued: Reading = { what: 'rows issued', unit: 'a second', value: rowsPerSecond, base: null }
    return { readings: [issued, scan('a scan, p50', 0.5), scan('a scan, p95', 0.95)], cpu: cpuUsed() }
  }
  return {
    name: 'import',
    about: `import: first scans, ${SCANS_A_SECOND} a second, while a file is read and its tickets issued`,
    sides: { value: `${rows.toLocaleString('en')} rows come in`, base: 'no import' },
    skipped: [],
    measure,
    stop: async () => {},
  }
}
