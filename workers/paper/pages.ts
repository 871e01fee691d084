import { Canvas } from './canvas.ts'
import type { FontUse } from './font-use.ts'
import { A4 } from './pdf.ts'

/** Millimetres that stay white around what is written. */
export const margin = { left: 15, right: 15, top: 14, bottom: 18 }
export const WIDTH = A4.width - margin.left - margin.right
const BOTTOM = A4.height - margin.bottom

/** A document that flows from page to page. It is short enough to be held whole, so that each page can say how many there are. */
export class Pages {
  readonly use: FontUse
  readonly #title: string
  readonly #foot: string
  readonly #canvases: Canvas[] = []
  y: number = margin.top

  constructor(use: FontUse, title: string, foot: string) {
    this.use = use
    this.#title = title
    this.#foot = foot
    this.#canvases.push(new Canvas(use))
  }

  get canvas(): Canvas {
    return this.#canvases.at(-1) as Canvas
  }

  /** Goes on at the next page where there is no room for so many millimetres; gives whether it did. */
  makeRoom(height: number): boolean {
    if (this.y + height <= BOTTOM) return false
    this.#canvases.push(new Canvas(this.use))
    this.y = margin.top
    const line = { x: margin.left, y: this.y, width: WIDTH, size: 8, colour: 'soft' } as const
    this.canvas.label(this.#title, line)
    this.y += 8
    return true
  }

  heading(text: string, below: number): void {
    this.makeRoom(14 + below)
    this.y += 5
    this.y += this.canvas.label(text, { x: margin.left, y: this.y, width: WIDTH, size: 12, isBold: true }) + 1.5
  }

  paragraph(text: string): void {
    this.makeRoom(6)
    this.y += this.canvas.text(text, { x: margin.left, y: this.y, width: WIDTH }, 9, 9, 4) + 1
  }

  /** The operators of each page. */
  *drawn(): Generator<string> {
    for (const [i, canvas] of this.#canvases.entries()) {
      const y = BOTTOM + 6
      canvas.line(margin.left, y - 2, A4.width - margin.right, y - 2)
      const line = { y, width: WIDTH / 2, size: 7.5, colour: 'soft' } as const
      canvas.label(this.#foot, { ...line, x: margin.left })
      const number = `Page ${i + 1} of ${this.#canvases.length}`
      canvas.label(number, { ...line, x: margin.left + WIDTH / 2, align: 'right' })
      yield canvas.operators
    }
  }
}

export type Column<T> = {
  title: string
  /** Millimetres; what is left of the page's width is shared out by the first column. */
  width?: number
  isNumber?: boolean
  cell: (item: T) => string
}

const ROW = 5.6

/** A table that goes on over as many pages as it needs, its head on each of them. */
export function writeTable<T>(pages: Pages, title: string, items: T[], columns: Column<T>[], none: string): void {
  pages.heading(title, 2 * ROW)
  if (items.length === 0) {
    pages.paragraph(none)
    return
  }
  const taken = columns.reduce((sum, { width = 0 }) => sum + width, 0)
  const widths = columns.map(({ width }) => width ?? WIDTH - taken)
  const places = widths.map((_, i) => margin.left + widths.slice(0, i).reduce((sum, width) => sum + width, 0))
  const writeRow = (cells: string[], isHead: boolean) => {
    for (const [i, text] of cells.entries()) {
      if (text === '') continue
      pages.canvas.label(text, {
        x: places[i] ?? 0,
        y: pages.y + 1,
        // What stands in one column does not touch the next.
        width: (widths[i] ?? 0) - 1.5,
        size: isHead ? 7.5 : 8.5,
        least: isHead ? 6 : 7,
        align: columns[i]?.isNumber ? 'right' : 'left',
        colour: isHead ? 'soft' : 'ink',
      })
    }
    pages.y += ROW
    const rule: [number, number][] = [
      [margin.left, pages.y - 0.4],
      [margin.left + WIDTH, pages.y - 0.4],
    ]
    pages.canvas.stroke(rule, 'line', isHead ? 0.8 : 0.4)
  }
  const head = columns.map((column) => column.title)
  writeRow(head, true)
  for (const item of items) {
    if (pages.makeRoom(ROW)) writeRow(head, true)
    writeRow(
      columns.map(({ cell }) => cell(item)),
      false,
    )
  }
  pages.y += 1
}
