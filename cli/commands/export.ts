import { Transform } from 'node:stream'
import { command, eventAndWord, jsonArg, oneOf } from '../command.ts'
import { connectionArgs, findConnection } from '../connection.ts'
import { askForFile, copyFile, saveFile } from '../download.ts'
import { say, showProgress } from '../output.ts'

const kinds = ['tickets', 'entries', 'duplicates', 'audit'] as const
const formats = ['csv', 'ndjson'] as const

const { event: eventArg, ...otherArgs } = connectionArgs

/** The command; named with an underscore, since `export` is a word of the language. */
export const export_ = command({
  name: 'export',
  description: 'Saves tickets, the log, the duplicates or the audit log as a file',
  args: {
    first: { type: 'positional', description: 'The event id, if --event does not say it', valueHint: 'EVENT' },
    what: { type: 'positional', description: kinds.join(', '), required: false, valueHint: 'WHAT' },
    format: { type: 'string', description: 'csv or ndjson; else what the file is called, or csv', valueHint: 'FORMAT' },
    output: {
      type: 'string',
      alias: 'o',
      description: 'The file to write; else stdout',
      valueHint: 'FILE',
    },
    event: eventArg,
    ...otherArgs,
    ...jsonArg,
  },
  examples: `
  admit export tickets -o tickets.csv
  admit export 01a1fc37-f632-7fa5-821f-c5cf221a540e entries --format ndjson -o log.ndjson
  admit export duplicates | head

  The file appears under its name when it is whole. CSV is made for spreadsheets: what they would run as a formula has
  an apostrophe in front. NDJSON is exact.

EXIT CODES
  0 saved   1 not saved, or the server did not answer   2 wrong usage`,
  choices: { first: kinds, what: kinds, format: formats },
  run: async (args) => {
    const { event, word } = eventAndWord(args.first, args.what, args.event)
    const kind = oneOf(kinds, word, 'what to export')
    const named = formats.find((format) => args.output?.endsWith(`.${format}`)) ?? 'csv'
    const format = oneOf(formats, args.format ?? named, '--format')
    const connection = findConnection({ ...args, event }, process.env)
    const response = await askForFile(connection, `exports/${kind}.${format}`)
    const counting = new Counting(args.output !== undefined)
    if (args.output === undefined) {
      await copyFile(response, counting, process.stdout)
      return
    }
    await saveFile(response, counting, args.output)
    const pending = Number(response.headers.get('X-Pending-Entries') ?? 0)
    const { bytes, lines } = counting
    const late = pending > 0 ? ` ${pending} entries were not there yet; export again in a moment.` : ''
    say(
      args.json,
      { success: true, file: args.output, bytes, lines, pending },
      `${args.output}: ${counting.soFar}.${late}`,
    )
  },
})

/** Counts what passes through, and tells of it a few times a second. */
class Counting extends Transform {
  bytes = 0
  lines = 0
  readonly #tells: boolean
  #toldAt = 0

  constructor(tells: boolean) {
    super()
    this.#tells = tells
  }

  get soFar(): string {
    return `${this.lines.toLocaleString('en')} lines, ${(this.bytes / 1e6).toFixed(1)} MB`
  }

  override _transform(chunk: Buffer, _encoding: string, done: (error: null, chunk: Buffer) => void): void {
    this.bytes += chunk.length
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) this.lines++
    this.#tell(false)
    done(null, chunk)
  }

  override _flush(done: () => void): void {
    this.#tell(true)
    done()
  }

  #tell(isLast: boolean): void {
    if (!this.#tells || (!isLast && Date.now() - this.#toldAt < 200)) return
    this.#toldAt = Date.now()
    showProgress(this.soFar, isLast)
  }
}
