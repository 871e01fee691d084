import { styleText } from 'node:util'
import { harmless, padded, widthOf } from './text.ts'

/** What stands in a cell, as the server said it. */
export type Cell = string | number | boolean | null

/** A table with a name, for people and for spreadsheets. The first column says what a row is about. */
export type Sheet = { name: string; columns: readonly string[]; rows: readonly (readonly Cell[])[] }

const WIDEST = 48

/** Gives tables as text, numbers to the right; one without rows says so. */
export function asText(sheets: readonly Sheet[]): string {
  const isOne = sheets.length === 1
  return sheets
    .map((sheet) => [...(isOne ? [] : [styleText('bold', sheet.name)]), ...linesOf(sheet)].join('\n'))
    .join('\n\n')
}

function linesOf({ columns, rows }: Sheet): string[] {
  if (rows.length === 0) return ['  nothing']
  const texts = rows.map((row) => row.map(cellText))
  const widths = columns.map((name, i) =>
    Math.min(WIDEST, Math.max(widthOf(name), ...texts.map((row) => widthOf(row[i] ?? '')))),
  )
  const sides = columns.map((_, i) =>
    rows.every((row) => typeof row[i] === 'number' || row[i] === null) ? 'right' : 'left',
  )
  const line = (cells: readonly string[]) =>
    `  ${cells.map((cell, i) => padded(cell, widths[i] ?? 0, sides[i])).join('  ')}`.trimEnd()
  return [styleText('dim', line(columns)), ...texts.map(line)]
}

function cellText(cell: Cell): string {
  if (cell === null) return ''
  if (typeof cell === 'number') return cell.toLocaleString('en', { maximumFractionDigits: 2 })
  return harmless(String(cell))
}

/** Gives tables as the rows of one CSV file. Several become one row for each of their cells, so that all fit together. */
export function asRows(sheets: readonly Sheet[]): Cell[][] {
  const [only] = sheets
  if (only && sheets.length === 1) return [[...only.columns], ...only.rows.map((row) => [...row])]
  const cells = sheets.flatMap(({ name, columns, rows }) =>
    rows.flatMap(([about = null, ...values]) => values.map((value, i) => [name, about, columns[i + 1] ?? '', value])),
  )
  return [['table', 'about', 'what', 'value'], ...cells]
}
