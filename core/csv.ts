/**
 * Takes the cells of one row; gives them as a line of CSV (RFC 4180) that a spreadsheet opens as plain text: what would
 * be run as a formula gets an apostrophe in front, which spreadsheets show as "this is text".
 */
export function csvRow(cells: readonly (string | number | boolean | null)[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`
}

function csvCell(value: string | number | boolean | null): string {
  if (value === null) return ''
  // A number is never a formula, even a negative one.
  if (typeof value !== 'string') return String(value)
  const harmless = /^\s*[=+\-@|%\t\r]/.test(value) ? `'${value}` : value
  return /[",\r\n\t;]|^\s|\s$/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless
}
