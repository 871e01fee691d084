import { Buffer } from 'node:buffer'
import { parse } from 'csv-parse/stream'
import { NotCsv } from './csv-text.ts'

/** A row of a file: the line it begins on and its cells; or what keeps the file from being read any further. */
export type CsvRecord = { line: number; cells: string[]; broken?: string }

/** So much text is parsed in one go: in a local run, scans are judged on the same thread. */
const SLICE = 8192

/** No sheet has so many columns; a row of commas alone would take more memory than there is. */
const CELLS_MAX = 100_000

/**
 * Parses text as it arrives, every line end being "\n". Empty lines are left out. A quotation mark where none can be is
 * a character like any other; one that is opened and never closed ends the file there, with a record that says so.
 */
export async function* readRecords(text: AsyncIterable<string>, delimiter: string): AsyncGenerator<CsvRecord> {
  const parser = parse({
    delimiter,
    record_delimiter: ['\n'],
    info: true,
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
  }) as unknown as TransformStream<Uint8Array, { record: string[]; info: { lines: number } }>
  const fed = feed(text, parser.writable, delimiter)
  let last = 0
  try {
    for await (const { record, info } of parser.readable) {
      // It tells the line that a record ends on.
      const line = info.lines - record.reduce((sum, cell) => sum + lineEnds(cell), 0)
      last = info.lines
      yield { line, cells: record.map(unquoted) }
    }
  } catch (error) {
    if ((error as { code?: string }).code !== 'CSV_QUOTE_NOT_CLOSED') throw error
    yield { line: last + 1, cells: [], broken: neverClosed }
  }
  await fed
}

const neverClosed = 'opens a quotation mark that is never closed: nothing from here on can be read'

/** A blank between the delimiter and the quotation marks is not meant to make them part of the cell. */
function unquoted(cell: string): string {
  const trimmed = cell.trim()
  return /^"[^"]*"$/.test(trimmed) ? trimmed.slice(1, -1) : trimmed
}

async function feed(text: AsyncIterable<string>, into: WritableStream<Uint8Array>, delimiter: string): Promise<void> {
  const writer = into.getWriter()
  let cells = 0
  try {
    for await (const piece of text) {
      for (let at = 0; at < piece.length; at += SLICE) {
        const slice = piece.slice(at, at + SLICE)
        cells = slice.includes('\n') ? 0 : cells + slice.split(delimiter).length
        if (cells > CELLS_MAX) throw new NotCsv(`has a row of more than ${CELLS_MAX} cells`)
        await writer.ready
        await writer.write(Buffer.from(slice))
        await scheduler.wait(0)
      }
    }
    await writer.close()
  } catch (error) {
    // Whoever reads the records is told; they may have stopped reading themselves.
    await writer.abort(error).catch(() => {})
  }
}

function lineEnds(cell: string): number {
  let count = 0
  for (let at = cell.indexOf('\n'); at !== -1; at = cell.indexOf('\n', at + 1)) count++
  return count
}
