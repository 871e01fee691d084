export type CsvCell = string | number | boolean | null

/** What a spreadsheet needs at the head of a file to read it as UTF-8. */
export const CSV_BYTE_ORDER_MARK = '\u{feff}'

/**
 * Takes the cells of one row; gives them as a line of CSV (RFC 4180), each in quotes, that a spreadsheet opens as plain
 * text: what it would run as a formula gets an apostrophe in front, which it shows as "this is text".
 */
export function csvRow(cells: readonly CsvCell[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`
}

/** What a spreadsheet may take for the beginning of a formula, after blanks too; the wide forms are taken for the narrow. */
const formula = /^\s*[=+\-@|%\t\r\n＝＋－＠]/

function csvCell(value: CsvCell): string {
  if (value === null) return '""'
  // A number is never a formula, even a negative one.
  if (typeof value !== 'string') return `"${value}"`
  const harmless = formula.test(value) ? `'${value}` : value
  return `"${harmless.includes('"') ? harmless.replaceAll('"', '""') : harmless}"`
}
