import { writeFile } from 'node:fs/promises'
import { command, jsonArg } from '../command.ts'
import { apiOf, type Connection, connectionArgs, findConnection } from '../connection.ts'
import { exitCodes, Failure, UsageFailure, whyNot } from '../failure.ts'
import { followJob, type Job } from '../follow-job.ts'
import { type ImportedFile, type ImportStart, type PreviewRow, readFileOrFail, startImport } from '../import-file.ts'
import { say } from '../output.ts'

/** So many failed rows are printed; --errors saves all. */
const SHOWN = 10

/** The command; named with an underscore, since `import` is a word of the language. */
export const import_ = command({
  name: 'import',
  description: 'Issues a ticket for each row of a CSV file',
  args: {
    file: { type: 'positional', description: 'The CSV file; one of its first lines names the columns', required: true },
    'dry-run': { type: 'boolean', description: 'Only say what would happen', default: false },
    columns: {
      type: 'string',
      description: 'Which column is what, as {"their header": "our field"}; null leaves one alone',
      valueHint: 'JSON',
    },
    errors: { type: 'string', description: 'Save all failed rows as CSV', valueHint: 'FILE' },
    ...connectionArgs,
    ...jsonArg,
  },
  examples: `
  admit import attendees.csv --dry-run
  admit import attendees.csv --errors failed.csv
  admit import orders.csv --columns '{"Nummer": "reference", "Was": "type", "Telefon": null}'

  Fields: reference, type, name, firstName, lastName, email, bookingId, bookingName, bookingEmail, quantity, admits,
  validFrom, validUntil, paid, code, note. Common words for them are known; only the type must be there. The same file
  again issues nothing twice. All of it is read before the first ticket is issued.

EXIT CODES
  0 every row has its ticket, or would have   1 some have not, or the server did not answer   2 wrong usage`,
  run: async ({ file, 'dry-run': dryRun, columns, errors, json, ...args }) => {
    checkColumns(columns)
    const connection = findConnection(args, process.env)
    const api = apiOf(connection)
    const started = await startImport(api, connection.eventId, await readFileOrFail(file), { dryRun, columns })
    const job = await followJob(api, connection.eventId, started.job, 'Importing')
    if (errors !== undefined) await saveErrors(connection, job, errors)
    const isWell = job.state === 'done' && job.failed === 0
    const { preview } = started
    say(
      json,
      { success: isWell, job, ...(preview ? { preview } : {}) },
      inWords({ ...started, job: { ...started.job, ...job } }),
    )
    if (!isWell) process.exitCode = exitCodes.problem
  },
})

function inWords({ job, preview }: ImportStart): string {
  const { created = 0, existed = 0 } = job.outcome
  const shown = job.errors.slice(0, SHOWN).map(({ row, field, message }) => `  line ${row}: ${field} ${message}`)
  const rest = job.failed - new Set(job.errors.slice(0, SHOWN).map(({ row }) => row)).size
  const more = rest > 0 ? [`  … and ${rest} more; --errors FILE saves all`] : []
  const speed = job.dryRun ? '' : `, ${Math.round(job.perSecond)} rows a second`
  const would = job.dryRun ? 'would be ' : ''
  return [
    ...(job.dryRun ? [aboutFile(job.file), ...(preview ?? []).map(aboutRow)] : []),
    `${created} ${would}created, ${existed} existed, ${job.failed} failed${speed}`,
    ...shown,
    ...more,
  ].join('\n')
}

function aboutFile({ encoding, delimiter, headerLine, columns, ignored }: ImportedFile): string {
  const named = Object.entries(columns).map(([header, field]) => (header === field ? field : `${header} → ${field}`))
  const left = ignored.length > 0 ? `\nLeft alone: ${ignored.join(', ')}` : ''
  return `${encoding}, delimiter ${delimiter}, header in line ${headerLine}\nColumns: ${named.join(', ')}${left}`
}

function aboutRow({ row, created, type, reference, holder }: PreviewRow): string {
  const who = [holder?.name, holder?.email].filter((part) => part).join(', ')
  return `  line ${row}: ${[type, who, reference].filter((part) => part).join(' · ')}${created ? '' : ' (exists)'}`
}

async function saveErrors({ url, key, eventId }: Connection, { id }: Job, file: string): Promise<void> {
  const path = `${url}/api/events/${encodeURIComponent(eventId)}/jobs/${id}/errors.csv`
  const response = await fetch(path, { headers: { authorization: `Bearer ${key}` } })
  if (!response.ok) throw new Failure(`${url} did not give the failed rows (${response.status}).`)
  await writeFile(file, await response.text(), { mode: 0o600 }).catch((error: unknown) => {
    throw new Failure(`Cannot write ${file}: ${whyNot(error)}.`)
  })
}

function checkColumns(columns: string | undefined): void {
  try {
    if (columns !== undefined) JSON.parse(columns)
  } catch {
    // A SyntaxError is how JSON.parse says that this is no JSON.
    throw new UsageFailure(`--columns takes JSON such as {"Their header": "name"}, not ${columns}.`)
  }
}
