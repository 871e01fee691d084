import { parse } from 'csv-parse/sync'
import type { z } from 'zod'
import type { NewTicket } from '../core/messages.ts'
import { Failure, inOneLine } from './failure.ts'

export type TicketRequest = z.input<typeof NewTicket>

/** A ticket to issue, and the line of the file it stands on. */
export type Row = { line: number; ticket: TicketRequest }

export type RowProblem = { line: number; field: string; message: string }

/** Takes the text of a CSV file; gives the rows that can be asked for, and what is wrong with the others. */
export function readAttendees(csv: string): { rows: Row[]; problems: RowProblem[] } {
  const [header, ...records] = parseRecords(csv)
  if (!header) throw new Failure('The CSV file is empty; its first line names the columns.')
  const fields = fieldsOf(header.cells)

  const rows: Row[] = []
  const problems: RowProblem[] = []
  for (const { line, cells } of records) {
    const found = problemsOf(cells, fields)
    if (found.length > 0) problems.push(...found.map((problem) => ({ line, ...problem })))
    else rows.push({ line, ticket: ticketOf(new Map(fields.map((field, i) => [field, cells[i]?.trim() ?? '']))) })
  }
  return { rows, problems }
}

const fieldNames = [
  'reference',
  'type',
  'name',
  'email',
  'bookingId',
  'bookingName',
  'bookingEmail',
  'quantity',
  'admits',
  'validFrom',
  'validUntil',
  'paid',
  'code',
  'note',
] as const
type Field = (typeof fieldNames)[number]

type CsvRecord = { line: number; cells: string[] }

function parseRecords(csv: string): CsvRecord[] {
  try {
    const options = { bom: true, delimiter: delimiterOf(csv), relax_column_count: true, skip_empty_lines: true }
    const parsed = parse(csv, { ...options, info: true, raw: true }) as unknown as Parsed[]
    // A record is known by the line it begins on; csv-parse tells the one it ends on.
    return parsed.map(({ record, raw, info }) => ({
      line: info.lines - (raw.trim().match(/\n/g)?.length ?? 0),
      cells: record,
    }))
  } catch (error) {
    throw new Failure(`The CSV file cannot be read: ${inOneLine(error)}.`)
  }
}

type Parsed = { record: string[]; raw: string; info: { lines: number } }

// Spreadsheets write semicolons where the comma is the decimal point.
function delimiterOf(csv: string): string {
  const header = csv.split('\n', 1)[0] ?? ''
  const count = (delimiter: string) => header.split(delimiter).length
  return [',', ';', '\t'].reduce((best, delimiter) => (count(delimiter) > count(best) ? delimiter : best))
}

function fieldsOf(header: string[]): Field[] {
  const known = new Map(fieldNames.map((name) => [plain(name), name]))
  const fields = header.map((column) => {
    const field = known.get(plain(column))
    if (field) return field
    throw new Failure(`The CSV file has a column "${column.trim()}", which is none of ${fieldNames.join(', ')}.`)
  })
  const twice = fields.find((field, i) => fields.indexOf(field) !== i)
  if (twice) throw new Failure(`The CSV file has the column ${twice} twice.`)
  if (!fields.includes('type')) throw new Failure('The CSV file has no column "type".')
  return fields
}

function plain(column: string): string {
  return column.toLowerCase().replaceAll(/[\s_-]/g, '')
}

function problemsOf(cells: string[], fields: Field[]): Omit<RowProblem, 'line'>[] {
  if (cells.length !== fields.length) {
    return [{ field: 'row', message: `has ${cells.length} cells where the header has ${fields.length}` }]
  }
  return fields.flatMap((field, i): Omit<RowProblem, 'line'>[] => {
    const cell = cells[i]?.trim() ?? ''
    if (cell === '') return field === 'type' ? [{ field, message: 'is required' }] : []
    if (field === 'quantity' || field === 'admits') {
      return /^\d+$/.test(cell) ? [] : [{ field, message: `must be a whole number, not "${cell}"` }]
    }
    if (field === 'paid' && !truths.has(cell.toLowerCase()))
      return [{ field, message: `must be yes or no, not "${cell}"` }]
    return []
  })
}

const truths = new Map([
  ...['true', 'yes', 'y', '1'].map((word) => [word, true] as const),
  ...['false', 'no', 'n', '0'].map((word) => [word, false] as const),
])

function ticketOf(cells: Map<Field, string>): TicketRequest {
  const text = (field: Field) => cells.get(field) || undefined
  const number = (field: Field) => (text(field) === undefined ? undefined : Number(text(field)))
  const truth = (field: Field) => truths.get(text(field)?.toLowerCase() ?? '')
  const holder = present({ name: text('name'), email: text('email') })
  const booking = present({
    id: text('bookingId'),
    name: text('bookingName'),
    email: text('bookingEmail'),
    quantity: number('quantity'),
  })
  return present({
    reference: text('reference'),
    type: text('type'),
    holder: isEmpty(holder) ? undefined : holder,
    booking: isEmpty(booking) ? undefined : booking,
    admits: number('admits'),
    validFrom: text('validFrom'),
    validUntil: text('validUntil'),
    paid: truth('paid'),
    code: text('code'),
    note: text('note'),
  }) as TicketRequest
}

function present<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, part]) => part !== undefined)) as T
}

function isEmpty(value: object): boolean {
  return Object.keys(value).length === 0
}
