import type { Issue } from '../core/answers.ts'
import { type TicketId, uuidAt } from '../core/ids.ts'
import {
  type ColumnMapping,
  type Columns,
  detectDelimiter,
  HEADER_WITHIN,
  knownHeaders,
  readHeader,
} from '../core/import-columns.ts'
import { type RowContext, readRow, Sheet } from '../core/import-row.ts'
import type { RowError } from '../core/job.ts'
import type { ImportRow } from '../durable-objects/jobs/importing.ts'
import { type CsvRecord, readRecords } from './csv-records.ts'
import { NotCsv, TextReader } from './csv-text.ts'

/** 10 MiB, as the contract says. */
export const IMPORT_MAX_BYTES = 10 * 1024 * 1024
export const IMPORT_MAX_ROWS = 100_000

/** How a file was understood, for whoever sent it to see. */
export type FileFacts = {
  encoding: string
  delimiter: string
  /** The line that names the columns. */
  headerLine: number
  columns: Record<string, string>
  /** Columns that are left alone. */
  ignored: string[]
}

/** Rows of a file, ready to become tickets, and what is wrong with others; `failed` counts these rows. */
export type Batch = { rows: ImportRow[]; errors: RowError[]; failed: number }

/** What is wrong with a file as a whole: nothing of it can be used. */
export class BadFile extends Error {
  readonly issues: Issue[]
  constructor(message: string) {
    super(message)
    this.issues = [{ field: 'file', message }]
  }
}

/** More rows than are taken. */
export class TooManyRows extends Error {}

/** So much text is looked at to find the delimiter. */
const HEAD_LENGTH = 16_384

/**
 * Reads a CSV file as it arrives. First what it is, once its header was found; then its rows, in batches of at most so
 * many. Throws `BadFile`, `TooLarge` or `TooManyRows` for what cannot be used at all.
 */
export async function openSheet(
  body: AsyncIterable<Uint8Array>,
  mapping: ColumnMapping,
  context: RowContext,
  batchSize: number,
  most = { bytes: IMPORT_MAX_BYTES, rows: IMPORT_MAX_ROWS },
): Promise<{ facts: FileFacts; batches: AsyncGenerator<Batch> }> {
  const reader = new TextReader(most.bytes)
  const text = reader.read(body)
  const head = await begun(text)
  if (head.trim() === '') throw new BadFile('is empty')
  const delimiter = detectDelimiter(head, mapping)
  const records = readRecords(continued(withoutHint(head), text), delimiter)
  const { header, before, columns } = await findHeader(records, mapping, context)
  const facts: FileFacts = {
    // What is plain ASCII to its end is UTF-8 like the rest of the world; it may yet turn out otherwise.
    get encoding() {
      return reader.encoding ?? 'utf-8'
    },
    delimiter: delimiter === '\t' ? 'tab' : delimiter,
    headerLine: header.line,
    columns: Object.fromEntries(header.cells.flatMap((cell, i) => (columns[i] ? [[cell, columns[i]]] : []))),
    ignored: header.cells.filter((cell, i) => !columns[i] && cell !== ''),
  }
  return { facts, batches: batchesOf(records, before, columns, context, { size: batchSize, mostRows: most.rows }) }
}

/** Reads until there is enough to find the header in. */
async function begun(text: AsyncGenerator<string>): Promise<string> {
  let head = ''
  try {
    while (head.length < HEAD_LENGTH) {
      const { done, value } = await text.next()
      if (done) break
      head += value
    }
  } catch (error) {
    if (error instanceof NotCsv) throw new BadFile(error.message)
    throw error
  }
  return head
}

async function* continued(head: string, text: AsyncGenerator<string>): AsyncGenerator<string> {
  yield head
  yield* text
}

/** Excel's way to say the delimiter, in a line of its own. The line stays, empty, so that the others keep their numbers. */
function withoutHint(head: string): string {
  return head.replace(/^sep=.(?=\n)/i, '')
}

async function findHeader(records: AsyncGenerator<CsvRecord>, mapping: ColumnMapping, { types }: RowContext) {
  const first: CsvRecord[] = []
  while (first.length < HEADER_WITHIN) {
    const { done, value } = await records.next()
    if (done) break
    first.push(value)
  }
  const known = first.map(({ cells }) => knownHeaders(cells, mapping))
  const most = Math.max(...known)
  const place = known.indexOf(most)
  const header = first[place]
  if (!header || most === 0) {
    throw new BadFile('has no header: its first row must name the columns, such as reference, type, name, email')
  }
  const read = readHeader(header.cells, mapping)
  if (!read.ok) throw new BadFile(read.message)
  if (!read.columns.includes('type') && types.length !== 1) {
    throw new BadFile('has no column for the ticket type: call it "type", or say with ?columns= which it is')
  }
  return { header, before: first.slice(place + 1), columns: read.columns }
}

async function* batchesOf(
  records: AsyncGenerator<CsvRecord>,
  first: CsvRecord[],
  columns: Columns,
  context: RowContext,
  { size, mostRows }: { size: number; mostRows: number },
): AsyncGenerator<Batch> {
  const sheet = new Sheet(context.key)
  const newTicketId = ticketIdsFrom(Date.now())
  let batch: Batch = { rows: [], errors: [], failed: 0 }
  let count = 0
  for await (const record of chained(first, records)) {
    if (record.broken === undefined && record.cells.every((cell) => cell.trim() === '')) continue
    if (++count > mostRows) throw new TooManyRows()
    take(record, batch)
    if (batch.rows.length + batch.failed < size) continue
    yield batch
    batch = { rows: [], errors: [], failed: 0 }
  }
  if (batch.rows.length + batch.failed > 0) yield batch

  function take({ line, cells, broken }: CsvRecord, { rows, errors }: Batch): void {
    const read =
      broken === undefined
        ? sheet.take(line, readRow(cells, columns, context))
        : { ok: false as const, issues: [{ field: 'row', message: broken }] }
    if (read.ok) {
      rows.push({ row: line, id: newTicketId(), ticket: read.ticket })
      return
    }
    batch.failed++
    errors.push(...read.issues.map(({ field, message }) => ({ row: line, field, message })))
  }
}

async function* chained<T>(first: T[], then: AsyncGenerator<T>): AsyncGenerator<T> {
  yield* first
  yield* then
}

/** Ids that sort as the rows do (RFC 9562 §6.2): after the time comes a counter, which may run ahead of the clock. */
function ticketIdsFrom(at: number): () => TicketId {
  let count = 0
  return () => {
    const random = crypto.getRandomValues(new Uint8Array(16))
    random[6] = (count >> 8) & 0x0f
    random[7] = count & 0xff
    return uuidAt<TicketId>(at + (count++ >> 12), random)
  }
}
