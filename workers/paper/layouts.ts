import type { Words } from '../ticket-page/words.ts'
import { type Box, Canvas } from './canvas.ts'
import type { FontUse } from './font-use.ts'
import { A4 } from './pdf.ts'

/** What stands on paper of a ticket. null: there is none, or the font cannot write it. */
export type Printed = {
  code: string
  title: string | null
  when: string
  where: string | null
  name: string | null
  type: string | null
  note: string | null
  admits: number
  shortCode: string
  reference: string | null
}

/** How tickets are put on A4 pages: how many on each, and how one is drawn in its place. */
export type Layout = { perPage: number; draw: (use: FontUse, words: Words, tickets: Printed[]) => string }

/** Cards such as badges, as many as a page holds, with marks to cut along. `width` and `height` in millimetres. */
export function badges(width: number, height: number): Layout {
  const columns = Math.floor((A4.width - 2 * EDGE) / width)
  const rows = Math.floor((A4.height - 2 * EDGE) / height)
  const left = (A4.width - columns * width) / 2
  const top = (A4.height - rows * height) / 2
  return {
    perPage: columns * rows,
    draw(use, words, tickets) {
      const canvas = new Canvas(use)
      for (const [i, ticket] of tickets.entries()) {
        const box = { x: left + (i % columns) * width, y: top + Math.floor(i / columns) * height, width, height }
        drawBadge(canvas, words, ticket, box)
      }
      cutMarks(canvas, { x: left, y: top, width, height }, columns, rows)
      return canvas.operators
    },
  }
}

/** Printers leave this much white. */
const EDGE = 5

/** One ticket a page. It takes the upper half, so that it is in a hand once the sheet is folded or cut. */
export const wholePage: Layout = {
  perPage: 1,
  draw(use, words, [ticket]) {
    const canvas = new Canvas(use)
    if (ticket) drawTicket(canvas, words, ticket)
    canvas.line(0, A4.height / 2, A4.width, A4.height / 2, true)
    return canvas.operators
  },
}

function drawTicket(canvas: Canvas, words: Words, ticket: Printed): void {
  const [x, side] = [15, 84]
  const codeX = A4.width - 11 - side
  const width = codeX - x - 4
  canvas.code(ticket.code, codeX, 38, side)
  let y = 14
  if (ticket.title !== null) y += canvas.text(ticket.title, { x, y, width: A4.width - 2 * x }, 24, 14, 1)
  y = Math.max(y + 4, 42)
  if (ticket.name !== null) y += canvas.text(ticket.name, { x, y, width }, 20, 12, 2) + 2
  if (ticket.type !== null) y += canvas.text(ticket.type, { x, y, width }, 15, 10, 2) + 4
  for (const [text, lines] of factsOf(words, ticket)) y += canvas.text(text, { x, y, width }, 11, 9, lines) + 1.5
}

function factsOf(words: Words, ticket: Printed): [text: string, lines: number][] {
  const facts: [string | null, number][] = [
    [ticket.when, 3],
    [ticket.where, 2],
    [`${words.people}: ${ticket.admits}`, 1],
    [ticket.note, 2],
    [`${words.ticketNumber}: ${ticket.shortCode}`, 1],
    [ticket.reference, 1],
  ]
  return facts.flatMap(([text, lines]): [string, number][] => (text === null ? [] : [[text, lines]]))
}

function drawBadge(canvas: Canvas, words: Words, ticket: Printed, box: Box): void {
  const inset = 4
  const side = Math.min(box.height - 4, box.width * 0.48)
  canvas.code(ticket.code, box.x + box.width - side - 1, box.y + (box.height - side) / 2, side)
  const width = box.width - side - inset - 1
  const x = box.x + inset
  let y = box.y + inset
  if (ticket.title !== null) y += canvas.text(ticket.title, { x, y, width }, 8, 7, 2) + 2
  // Whoever has no name that could be written is still told from the others by the reference.
  const name = ticket.name ?? ticket.reference ?? ticket.shortCode
  y += canvas.text(name, { x, y, width }, 18, 9, 3) + 1
  if (ticket.type !== null) y += canvas.text(ticket.type, { x, y, width }, 11, 8, 1)
  if (ticket.admits > 1) canvas.text(`${words.people}: ${ticket.admits}`, { x, y, width }, 8)
  canvas.text(ticket.shortCode, { x, y: box.y + box.height - inset - 3, width }, 8)
}

/** Short lines in the margin, in line with the edges of the cards and outside of all of them. */
function cutMarks(canvas: Canvas, { x, y, width, height }: Box, columns: number, rows: number): void {
  const length = 4
  const [right, bottom] = [x + columns * width, y + rows * height]
  for (let i = 0; i <= columns; i++) {
    canvas.line(x + i * width, y - length - 1, x + i * width, y - 1)
    canvas.line(x + i * width, bottom + 1, x + i * width, bottom + length + 1)
  }
  for (let i = 0; i <= rows; i++) {
    canvas.line(x - length - 1, y + i * height, x - 1, y + i * height)
    canvas.line(right + 1, y + i * height, right + length + 1, y + i * height)
  }
}

/** The one page where no ticket is to be printed: a PDF without any cannot be opened. */
export function emptyPage(use: FontUse, text: string): string {
  const canvas = new Canvas(use)
  canvas.text(text, { x: 15, y: 12, width: 180 }, 11, 9, 3)
  return canvas.operators
}

/** A page at the end that names what could not be written, so that nobody hands out a nameless badge unawares. */
export function closingPages(use: FontUse, heading: string, tickets: string[]): string[] {
  const [columns, rows] = [4, 55]
  return Array.from({ length: Math.ceil(tickets.length / (columns * rows)) }, (_, page) => {
    const canvas = new Canvas(use)
    canvas.text(heading, { x: 15, y: 12, width: 180 }, 11, 9, 3)
    const here = tickets.slice(page * columns * rows, (page + 1) * columns * rows)
    for (const [i, ticket] of here.entries()) {
      canvas.text(ticket, { x: 15 + Math.floor(i / rows) * 46, y: 30 + (i % rows) * 4.6, width: 44 }, 9, 7)
    }
    return canvas.operators
  })
}
