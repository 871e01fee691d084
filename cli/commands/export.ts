import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type ErrorBody, explain } from '../api.ts'
import { command, jsonArg } from '../command.ts'
import { type Connection, connectionArgs, findConnection } from '../connection.ts'
import { Failure, inOneLine, systemCode, UsageFailure, whyNot } from '../failure.ts'
import { say, showProgress } from '../output.ts'

const kinds = ['tickets', 'entries', 'duplicates'] as const
const formats = ['csv', 'ndjson'] as const

const { event: eventArg, ...otherArgs } = connectionArgs

/** The command; named with an underscore, since `export` is a word of the language. */
export const export_ = command({
  name: 'export',
  description: 'Saves tickets, the log or the duplicates as a file',
  args: {
    first: { type: 'positional', description: 'The event id, if --event does not say it', valueHint: 'EVENT' },
    what: { type: 'positional', description: 'tickets, entries or duplicates', required: false, valueHint: 'WHAT' },
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
  run: async (args) => {
    const [event, what] = args.what === undefined ? [args.event, args.first] : [args.first, args.what]
    const kind = oneOf(kinds, what, 'what to export')
    const named = formats.find((format) => args.output?.endsWith(`.${format}`)) ?? 'csv'
    const format = oneOf(formats, args.format ?? named, '--format')
    const connection = findConnection({ ...args, event }, process.env)
    const response = await ask(connection, `exports/${kind}.${format}`)
    const counting = new Counting(args.output !== undefined)
    if (args.output === undefined) {
      await copy(response, counting, process.stdout)
      return
    }
    await save(response, counting, args.output)
    const pending = Number(response.headers.get('X-Pending-Entries') ?? 0)
    const { bytes, lines } = counting
    const late = pending > 0 ? ` ${pending} entries were not there yet; export again in a moment.` : ''
    say(
      args.json,
      { success: true, file: args.output, bytes, lines, pending },
      `${args.output}: ${sizeOf(counting)}.${late}`,
    )
  },
})

function oneOf<T extends string>(known: readonly T[], word: string | undefined, name: string): T {
  const found = known.find((one) => one === word)
  if (found) return found
  throw new UsageFailure(`Say ${name}: one of ${known.join(', ')}${word ? `, not ${word}` : ''}.`)
}

async function ask({ url, key, eventId }: Connection, path: string): Promise<Response> {
  if (key === null) throw new UsageFailure('Say who is asking with --key or ADMIT_KEY: an organisation key.')
  const address = `${url}/api/events/${encodeURIComponent(eventId)}/${path}`
  const response = await fetch(address, { headers: { authorization: `Bearer ${key}` } }).catch((error: unknown) => {
    throw new Failure(`No server answers at ${url} (${inOneLine(error)}).`)
  })
  if (response.ok) return response
  const body = (await response.json().catch(() => null)) as ErrorBody | null
  throw new Failure(body?.message ? explain(response.status, body, url) : `${url} answers with ${response.status}.`)
}

/** Writes beside the file and gives it its name at the end: a broken export is never taken for a whole one. */
async function save(response: Response, counting: Counting, file: string): Promise<void> {
  const unfinished = `${file}.part`
  try {
    await copy(response, counting, createWriteStream(unfinished))
    await rename(unfinished, file)
  } catch (error) {
    await rm(unfinished, { force: true })
    throw error instanceof Failure ? error : new Failure(`Cannot write ${file}: ${whyNot(error)}.`)
  }
}

async function copy(response: Response, counting: Counting, to: NodeJS.WritableStream): Promise<void> {
  const body = Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0])
  try {
    await pipeline(body, counting, to)
  } catch (error) {
    // Whoever reads our output may have had enough, as `head` has.
    if ((error as NodeJS.ErrnoException).code === 'EPIPE' && to === process.stdout) return
    // What the file system says has a code; what is said of a connection has none of its own.
    if (systemCode(error) === null)
      throw new Failure(`The export broke off after ${sizeOf(counting)}: ${inOneLine(error)}.`)
    throw error
  }
}

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
    showProgress(sizeOf(this), isLast)
  }
}

function sizeOf({ bytes, lines }: { bytes: number; lines: number }): string {
  return `${lines.toLocaleString('en')} lines, ${(bytes / 1e6).toFixed(1)} MB`
}
