import { writeFile } from 'node:fs/promises'
import { extname } from 'node:path'
import { Transform } from 'node:stream'
import { CSV_BYTE_ORDER_MARK, csvRow } from '../../core/csv.ts'
import { command, eventAndWord, jsonArg, oneOf } from '../command.ts'
import { apiOf, type Connection, connectionArgs, findConnection } from '../connection.ts'
import { askFor, saveFile } from '../download.ts'
import { Failure, UsageFailure, whyNot } from '../failure.ts'
import { say, whileWaiting } from '../output.ts'
import { type ReportKind, reportKinds, reports } from '../reports/kinds.ts'
import { inTimezone } from '../reports/local-times.ts'
import { asRows, asText, type Sheet } from '../terminal/table.ts'

const { event: eventArg, ...otherArgs } = connectionArgs

export const report = command({
  name: 'report',
  description: 'Shows a report, or saves it as CSV or JSON',
  args: {
    first: { type: 'positional', description: 'The event id, if --event does not say it', valueHint: 'EVENT' },
    kind: { type: 'positional', description: reportKinds.join(', '), required: false, valueHint: 'KIND' },
    csv: { type: 'boolean', description: 'Print CSV for spreadsheets', default: false },
    output: {
      type: 'string',
      alias: 'o',
      description: 'The .csv or .json file to write, or of the summary a .pdf',
      valueHint: 'FILE',
    },
    event: eventArg,
    ...otherArgs,
    ...jsonArg,
  },
  examples: `
  admit report summary
  admit report 01a1fc37-f632-7fa5-821f-c5cf221a540e gates --csv > gates.csv
  admit report duplicates -o duplicates.csv
  admit report summary -o summary.pdf

  Times are in the event's time zone on the screen, and in UTC in CSV and JSON. A summary has several tables; as CSV it
  is one row for each of their cells. For more than some thousand duplicates see admit export.

EXIT CODES
  0 shown   1 the server did not answer   2 wrong usage`,
  choices: { first: reportKinds, kind: reportKinds },
  run: async ({ first, kind: second, csv, output, json, event: named, ...args }) => {
    const { event, word } = eventAndWord(first, second, named)
    const kind = oneOf(reportKinds, word, 'which report')
    const format = formatOf(output, csv, json)
    const connection = findConnection({ ...args, event }, process.env)
    if (format === 'pdf') return savePdf(connection, kind, output ?? '', json)
    const data = await whileWaiting('Asking', reports[kind].ask(apiOf(connection), connection.eventId))
    const sheets = reports[kind].sheets(data)
    const text = format === 'json' ? `${JSON.stringify(data, null, 2)}\n` : csvOf(sheets)
    if (output !== undefined) return save(output, text, kind, json)
    if (format === 'csv') process.stdout.write(text)
    else say(json, { success: true, report: kind, data }, json ? '' : asText(await localised(connection, sheets)))
  },
})

type Format = 'csv' | 'json' | 'pdf' | 'text'

function formatOf(output: string | undefined, csv: boolean, json: boolean): Format {
  if (output === undefined) return csv ? 'csv' : json ? 'json' : 'text'
  const extension = extname(output).toLowerCase()
  if (extension === '.csv') return 'csv'
  if (extension === '.json') return 'json'
  if (extension === '.pdf') return 'pdf'
  throw new UsageFailure(`-o takes a file ending in .csv, .json or .pdf, not ${output}.`)
}

function csvOf(sheets: Sheet[]): string {
  return CSV_BYTE_ORDER_MARK + asRows(sheets).map(csvRow).join('')
}

async function save(file: string, text: string, kind: ReportKind, json: boolean): Promise<void> {
  // It may name people, like the report it comes from.
  await writeFile(file, text, { mode: 0o600 }).catch((error: unknown) => {
    throw new Failure(`Cannot write ${file}: ${whyNot(error)}.`)
  })
  say(json, { success: true, report: kind, file, bytes: Buffer.byteLength(text) }, `Wrote ${file}.`)
}

async function savePdf(connection: Connection, kind: ReportKind, file: string, json: boolean): Promise<void> {
  if (kind !== 'summary') throw new UsageFailure(`Only the summary comes as PDF; ${kind} as .csv or .json.`)
  const path = `/api/hp-scanner/summary/${encodeURIComponent(connection.eventId)}?format=pdf`
  const bytes = new ByteCount()
  await whileWaiting('Drawing', saveFile(await askFor(connection, path), bytes, file, 0o600))
  say(json, { success: true, report: kind, file, bytes: bytes.count }, `Wrote ${file}: ${bytes.soFar}.`)
}

class ByteCount extends Transform {
  count = 0

  get soFar(): string {
    return `${(this.count / 1000).toFixed(0)} kB`
  }

  override _transform(chunk: Buffer, _encoding: string, done: (error: null, chunk: Buffer) => void): void {
    this.count += chunk.length
    done(null, chunk)
  }
}

async function localised(connection: Connection, sheets: Sheet[]): Promise<Sheet[]> {
  const path = `/api/events/${encodeURIComponent(connection.eventId)}`
  const { data } = await apiOf(connection).get<{ data: { event: { timezone: string } } }>(path)
  return inTimezone(sheets, data.event.timezone)
}
