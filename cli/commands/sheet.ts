import { extname } from 'node:path'
import { Transform } from 'node:stream'
import { command, jsonArg } from '../command.ts'
import { connectionArgs, findConnection } from '../connection.ts'
import { askForFile, saveFile } from '../download.ts'
import { UsageFailure } from '../failure.ts'
import { say, showProgress } from '../output.ts'

const { event: eventArg, ...otherArgs } = connectionArgs

export const sheet = command({
  name: 'sheet',
  description: 'Puts tickets on paper: a PDF to print, or a ZIP of their codes',
  args: {
    first: {
      type: 'positional',
      description: 'The event id, if --event does not say it',
      required: false,
      valueHint: 'EVENT',
    },
    output: {
      type: 'string',
      alias: 'o',
      description: 'The .pdf or .zip file to write',
      required: true,
      valueHint: 'FILE',
    },
    layout: { type: 'string', description: 'ticket (one a page) or badges; else ticket', valueHint: 'LAYOUT' },
    size: {
      type: 'string',
      description: 'Of a badge in mm (90x55), or of an image in pixels (684)',
      valueHint: 'SIZE',
    },
    lang: { type: 'string', description: 'The language of the few words on it, such as de', valueHint: 'TAG' },
    zip: { type: 'boolean', description: 'Write a ZIP of PNGs, whatever the file is called', default: false },
    type: { type: 'string', description: 'Only tickets of this type', valueHint: 'TYPE' },
    status: { type: 'string', description: 'Only valid, unpaid, blocked or revoked ones', valueHint: 'STATUS' },
    search: {
      type: 'string',
      description: 'Only those with this in a name, a reference or a booking',
      valueHint: 'TEXT',
    },
    event: eventArg,
    ...otherArgs,
    ...jsonArg,
  },
  examples: `
  admit sheet -o tickets.pdf
  admit sheet 01a1fc37-f632-7fa5-821f-c5cf221a540e -o badges.pdf --layout badges --size 86x54 --type vip
  admit sheet -o codes.zip

  Whoever has the file has the tickets. Names are written in Latin, Greek and Cyrillic letters; a last page lists the
  tickets whose names are not. Those are best printed from their own page, which the browser writes in any script.

EXIT CODES
  0 written   1 not written, or the server did not answer   2 wrong usage`,
  run: async ({ first, output, zip, json, layout, size, lang, type, status, search, event, ...args }) => {
    const connection = findConnection({ ...args, event: first ?? event }, process.env)
    const kind = zip ? kinds.zip : kindOf(output)
    const wanted = Object.entries({ layout, size, lang, type, status, search })
    const query = new URLSearchParams(wanted.filter((pair): pair is [string, string] => pair[1] !== undefined))
    const response = await askForFile(connection, `sheet.${kind.extension}?${query}`)
    const total = response.headers.get(kind.totalHeader)
    const tickets = response.headers.get('X-Total-Count')
    const passage = new Progress(kind, total === null ? null : Number(total))
    // For its owner only, like any ticket.
    await saveFile(response, passage, output, 0o600)
    const { bytes, count } = passage
    const data = {
      success: true,
      file: output,
      bytes,
      tickets: tickets === null ? null : Number(tickets),
      [kind.noun]: count,
    }
    say(json, data, `${output}: ${passage.soFar}.`)
  },
})

/** What is counted on the way, by what it begins with, and the header that says how many there will be. */
type Kind = { extension: string; noun: 'pages' | 'images'; marker: string; totalHeader: string }

const kinds = {
  pdf: { extension: 'pdf', noun: 'pages', marker: '/Type /Page /', totalHeader: 'X-Total-Pages' },
  zip: { extension: 'zip', noun: 'images', marker: 'PK\u0003\u0004', totalHeader: 'X-Total-Count' },
} as const satisfies Record<string, Kind>

function kindOf(file: string): Kind {
  const extension = extname(file).toLowerCase()
  if (extension === '.pdf') return kinds.pdf
  if (extension === '.zip') return kinds.zip
  throw new UsageFailure(`-o takes a file ending in .pdf or .zip, not ${file}.`)
}

/** Counts pages or images as they pass, and tells of them a few times a second. */
class Progress extends Transform {
  bytes = 0
  count = 0
  readonly #kind: Kind
  readonly #total: number | null
  /** The end of the piece before, in which a marker may have begun. */
  #tail = Buffer.alloc(0)
  #toldAt = 0

  constructor(kind: Kind, total: number | null) {
    super()
    this.#kind = kind
    this.#total = total
  }

  get soFar(): string {
    const of = this.#total === null || this.#total <= this.count ? '' : ` of ${this.#total.toLocaleString('en')}`
    return `${this.count.toLocaleString('en')}${of} ${this.#kind.noun}, ${(this.bytes / 1e6).toFixed(1)} MB`
  }

  override _transform(chunk: Buffer, _encoding: string, done: (error: null, chunk: Buffer) => void): void {
    this.bytes += chunk.length
    const { marker } = this.#kind
    const joined = Buffer.concat([this.#tail, chunk])
    for (let at = joined.indexOf(marker); at >= 0; at = joined.indexOf(marker, at + 1)) this.count++
    this.#tail = joined.subarray(Math.max(0, joined.length - marker.length + 1))
    this.#tell(false)
    done(null, chunk)
  }

  override _flush(done: () => void): void {
    this.#tell(true)
    done()
  }

  #tell(isLast: boolean): void {
    if (!isLast && Date.now() - this.#toldAt < 200) return
    this.#toldAt = Date.now()
    showProgress(this.soFar, isLast)
  }
}
