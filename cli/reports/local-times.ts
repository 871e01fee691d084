import type { Cell, Sheet } from '../terminal/table.ts'

const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

/** Takes tables with instants in them; gives them with the time that the clock on the wall of the event showed. */
export function inTimezone(sheets: Sheet[], timeZone: string): Sheet[] {
  const clock = new Intl.DateTimeFormat('sv-SE', { dateStyle: 'short', timeStyle: 'medium', timeZone })
  const local = (cell: Cell) => (typeof cell === 'string' && instant.test(cell) ? clock.format(Date.parse(cell)) : cell)
  return sheets.map((sheet) => ({ ...sheet, rows: sheet.rows.map((row) => row.map(local)) }))
}
