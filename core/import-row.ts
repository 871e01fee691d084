import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { encodeBase32 } from './base32.ts'
import type { Columns, ImportField } from './import-columns.ts'
import { localInstant } from './local-day.ts'
import { NewTicket } from './organiser-messages.ts'
import { MADE_REFERENCE } from './reference.ts'
import { foldText } from './search.ts'

/** What a row is read against. */
export type RowContext = {
  /** In which a time without a zone is meant. */
  timezone: string
  types: { id: string; name: string }[]
  /** Makes the names of what has none: only whoever has it can tell whose they are. */
  key: Uint8Array
}

export type FieldIssue = { field: string; message: string }

/** What a row says: a ticket that can be asked for, or what is wrong with it. */
export type ReadRow = { ok: true; ticket: NewTicket } | { ok: false; issues: FieldIssue[] }

/** No cell that a ticket can hold is longer. */
const CELL_MAX = 2000

/**
 * Takes the cells of a row and what each column is for; gives the ticket, without a reference where the row has none.
 * Messages say what is wrong and never what stands in the cell, since they are kept.
 */
export function readRow(cells: readonly string[], columns: Columns, context: RowContext): ReadRow {
  const issues: FieldIssue[] = []
  const extra = cells.slice(columns.length).some((cell) => cell.trim() !== '')
  if (extra || cells.length < columns.length) {
    const message = `has ${cells.length} cells where the header has ${columns.length}: is a delimiter or a quotation mark missing or too many?`
    return { ok: false, issues: [{ field: 'row', message }] }
  }
  const row = new Map<ImportField, string>()
  for (const [i, field] of columns.entries()) {
    if (field === null) continue
    const cell = cleanCell(cells[i] ?? '', field)
    if (typeof cell === 'string') row.set(field, cell)
    else issues.push({ field, message: cell.message })
  }
  const text = (field: ImportField) => row.get(field) || undefined
  const converted = <T>(field: ImportField, convert: (text: string) => T | FieldProblem): T | undefined => {
    const value = text(field)
    if (value === undefined) return undefined
    const result = convert(value)
    if (!(result instanceof FieldProblem)) return result
    issues.push({ field, message: result.message })
    return undefined
  }

  const type = typeOf(text('type'), context)
  if (type instanceof FieldProblem && !issues.some(({ field }) => field === 'type')) {
    issues.push({ field: 'type', message: type.message })
  }
  const quantity = converted('quantity', wholeNumber)
  const ticket = {
    reference: text('reference'),
    type,
    holder: { name: nameOf(text), email: text('email') },
    booking: bookingOf(text, quantity, context.key),
    admits: converted('admits', wholeNumber),
    validFrom: isoOf(converted('validFrom', (value) => instantOf(value, context.timezone, 'start'))),
    validUntil: isoOf(converted('validUntil', (value) => instantOf(value, context.timezone, 'end'))),
    paid: converted('paid', truthOf),
    code: text('code'),
    note: text('note'),
  }
  const parsed = NewTicket.safeParse(ticket)
  if (!parsed.success) {
    for (const { path, message } of parsed.error.issues) {
      const field = fieldOf(path.join('.'), row)
      if (!issues.some((issue) => issue.field === field)) issues.push({ field, message })
    }
  }
  return issues.length > 0 || !parsed.success ? { ok: false, issues } : { ok: true, ticket: parsed.data }
}

/**
 * What is known of a file's rows so far, since some of them are only wrong beside each other. Gives rows without a
 * reference one that is made of what they say: the same file again gives the same references, so that it issues nothing
 * twice; the same row a second time within the file is another ticket. A barcode is a name already: whatever else its
 * row says, it is that ticket.
 */
export class Sheet {
  readonly #key: Uint8Array
  readonly #rows = new Map<string, number>()
  readonly #repeats = new Map<string, number>()

  constructor(key: Uint8Array) {
    this.#key = key
  }

  /** Takes the line of a row and what it says; gives the ticket with a reference, or what is wrong with it here. */
  take(line: number, row: ReadRow): ReadRow {
    if (!row.ok) return row
    const { ticket } = row
    const issues = [
      ...this.#twice(line, 'reference', ticket.reference, (first) => `stands in line ${first} already`),
      ...this.#twice(line, 'code', ticket.code, (first) => `stands in line ${first} already`),
    ]
    if (issues.length > 0) return { ok: false, issues }
    return { ok: true, ticket: ticket.reference == null ? this.#named(ticket) : ticket }
  }

  #twice(
    line: number,
    field: string,
    value: string | null | undefined,
    message: (first: number) => string,
  ): FieldIssue[] {
    if (value == null) return []
    const first = this.#rows.get(`${field} ${value}`)
    if (first !== undefined) return [{ field, message: message(first) }]
    this.#rows.set(`${field} ${value}`, line)
    return []
  }

  #named(ticket: NewTicket): NewTicket {
    const name = madeName(this.#key, ticket.code == null ? JSON.stringify(ticket) : `code ${ticket.code}`)
    const nth = (this.#repeats.get(name) ?? 0) + 1
    this.#repeats.set(name, nth)
    return { ...ticket, reference: `${MADE_REFERENCE}${name}${nth === 1 ? '' : `-${nth}`}` }
  }
}

class FieldProblem {
  readonly message: string
  constructor(message: string) {
    this.message = message
  }
}

const no = (message: string) => new FieldProblem(message)

/** Sixteen characters that say nothing without the key. */
function madeName(key: Uint8Array, said: string): string {
  return encodeBase32(hmac(sha256, key, utf8ToBytes(said)).slice(0, 10))
}

function cleanCell(cell: string, field: ImportField): string | FieldProblem {
  const trimmed = cell.trim()
  if (trimmed.length > CELL_MAX) return no(`is longer than ${CELL_MAX} characters`)
  if (trimmed.includes('\0')) return no('holds a NUL character: the file is damaged, or no text')
  if (trimmed.includes('\ufffd')) return no('holds a character that was lost: save the file as UTF-8')
  // What our own exports, and others, put before a formula so that no spreadsheet runs it.
  const plain = /^'[=+\-@]/.test(trimmed) ? trimmed.slice(1) : trimmed
  return field === 'note' ? plain : plain.replace(/\s+/g, ' ')
}

/** By its id, and otherwise by its id or name in any case. Where the event has one type only, nobody needs to say it. */
function typeOf(text: string | undefined, { types }: RowContext): string | FieldProblem {
  const [only] = types
  if (text === undefined) return types.length === 1 && only ? only.id : no('is required')
  const alike = (other: string) => foldText(other).trim() === foldText(text)
  const found =
    types.find(({ id }) => id === text) ?? types.find(({ id }) => alike(id)) ?? types.find(({ name }) => alike(name))
  if (found) return found.id
  const names = types.slice(0, 10).map(({ id, name }) => (alike(id) || id === name ? id : `${id} (${name})`))
  return no(
    types.length === 0
      ? 'is unknown: the event has no ticket types yet'
      : `is none of the event's: ${names.join(', ')}${types.length > 10 ? ' …' : ''}`,
  )
}

function nameOf(text: (field: ImportField) => string | undefined): string | undefined {
  const [name, first, last] = [text('name'), text('firstName'), text('lastName')]
  const isWhole = name !== undefined && (last !== undefined || first === undefined || name.includes(first))
  if (isWhole) return name
  // In many sheets "Name" beside a first name is the family's.
  return [first, last ?? name].filter((part) => part !== undefined).join(' ') || undefined
}

/** A purchase without a number is known by whose it is. */
function bookingOf(text: (field: ImportField) => string | undefined, quantity: number | undefined, key: Uint8Array) {
  const [name, email] = [text('bookingName'), text('bookingEmail')]
  const whose = email ?? name
  const id = text('bookingId') ?? (whose === undefined ? undefined : madeName(key, `booking ${whose}`))
  return id === undefined ? undefined : { id, name, email, quantity }
}

function wholeNumber(text: string): number | FieldProblem {
  return /^\d{1,8}([.,]0+)?$/.test(text) ? Number.parseInt(text, 10) : no('must be a whole number')
}

const truths = new Map([
  ...words(
    true,
    `true t yes y 1 x paid complete completed confirmed ok free gratis ja j wahr bezahlt oui o vrai paye payee si s
     verdadero pagado pagada ✓ ✔`,
  ),
  ...words(
    false,
    `false f no n 0 - unpaid open pending due outstanding nein falsch offen unbezahlt non faux impaye impayee
     pendiente impagado`,
  ),
])

function words(value: boolean, text: string) {
  return text.split(/\s+/).map((word) => [word, value] as const)
}

function truthOf(text: string): boolean | FieldProblem {
  return truths.get(foldText(text)) ?? no('must be yes or no')
}

const ISO = /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?)?\s*(Z|[+-]\d{2}:?\d{2})?$/i
const POINTS = /^(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})(?:,?\s+(\d{1,2})[:.](\d{2})(?::(\d{2}))?(?:\s*(?:Uhr|h))?)?$/i
const SLASHES = /^(\d{1,2})\/(\d{1,2})\/(\d{4})(?:,?\s+(\d{1,2}):(\d{2})(?::(\d{2}))?)?$/

/** A day without a time begins at its start and ends at its end. A time without a zone is the event's. */
function instantOf(text: string, timezone: string, edge: 'start' | 'end'): number | FieldProblem {
  const iso = ISO.exec(text)
  if (iso) return instantAt(iso[1], iso[2], iso[3], iso.slice(4, 7), iso[7], timezone, edge)
  const points = POINTS.exec(text)
  if (points) return instantAt(points[3], points[2], points[1], points.slice(4, 7), undefined, timezone, edge)
  const slashes = SLASHES.exec(text)
  if (!slashes) return no('must be a date such as 2026-11-21 18:00')
  const [, first = '', second = '', year] = slashes
  // 31/12 can only be the last day of the year; 05/04 can be two days, and a ticket must not be guessed.
  if (Number(first) <= 12 && Number(second) <= 12 && first !== second) {
    return no('can be read as two different days: write it as 2026-11-21')
  }
  const [month, day] = Number(first) > 12 ? [second, first] : [first, second]
  return instantAt(year, month, day, slashes.slice(4, 7), undefined, timezone, edge)
}

function instantAt(
  year: string | undefined,
  month: string | undefined,
  day: string | undefined,
  time: (string | undefined)[],
  zone: string | undefined,
  timezone: string,
  edge: 'start' | 'end',
): number | FieldProblem {
  const [y, m, d] = [Number(year), Number(month), Number(day)]
  const isWholeDay = time[0] === undefined
  const [hours, minutes, seconds] = isWholeDay ? [0, 0, 0] : time.map((part) => Number(part ?? 0))
  const wall = Date.UTC(y, m - 1, isWholeDay && edge === 'end' ? d + 1 : d, hours, minutes, seconds)
  const day0 = new Date(Date.UTC(y, m - 1, d))
  const isDay = day0.getUTCMonth() === m - 1 && day0.getUTCDate() === d && y >= 2000 && y < 2200
  if (!isDay || (hours ?? 0) > 24 || (minutes ?? 0) > 59 || (seconds ?? 0) > 59) return no('is no date that there is')
  const at = zone === undefined ? localInstant(wall, timezone) : wall - offsetOf(zone)
  // The last second of the day, since a ticket is good until and with what it says.
  return isWholeDay && edge === 'end' ? at - 1000 : at
}

function isoOf(at: number | undefined): string | undefined {
  return at === undefined ? undefined : new Date(at).toISOString()
}

function offsetOf(zone: string): number {
  if (/z/i.test(zone)) return 0
  const [, sign, hours, minutes] = /([+-])(\d{2}):?(\d{2})/.exec(zone) ?? []
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000
}

const fieldOfPath: Record<string, ImportField> = {
  'holder.name': 'name',
  'holder.email': 'email',
  'booking.id': 'bookingId',
  'booking.name': 'bookingName',
  'booking.email': 'bookingEmail',
  'booking.quantity': 'quantity',
}

/** What a column is called for which the ticket has another place. */
function fieldOf(path: string, row: ReadonlyMap<ImportField, string>): string {
  if (path === 'holder.name' && !row.get('name')) return row.has('lastName') ? 'lastName' : 'firstName'
  return fieldOfPath[path] ?? path
}
