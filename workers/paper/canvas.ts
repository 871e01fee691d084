import { qrModules } from '../../core/qr.ts'
import type { FontUse } from './font-use.ts'
import { A4, decimal, POINTS } from './pdf.ts'

/** A rectangle on the page, in millimetres from its upper left corner. */
export type Box = { x: number; y: number; width: number; height: number }

const MM_PER_POINT = 1 / POINTS

/** What is drawn in which colour, red, green and blue from 0 to 1. All of them are told apart in grey too. */
const colours = {
  ink: '0.09 0.1 0.13',
  soft: '0.36 0.39 0.44',
  line: '0.82 0.84 0.87',
  pale: '0.95 0.96 0.97',
  people: '0.11 0.36 0.68',
  peoplePale: '0.84 0.9 0.97',
  refused: '0.76 0.26 0.16',
} as const
export type Colour = keyof typeof colours

/** A line of text that stays within a width, as large as it is told, or smaller to `least`; beyond that it ends in dots. */
export type Label = {
  x: number
  y: number
  width: number
  size: number
  least?: number
  align?: 'left' | 'right' | 'centre'
  colour?: Colour
  isBold?: boolean
}
/** What a symbol needs around it, in modules. */
const QUIET = 4

/** Draws on one page: measures in millimetres from the upper left corner, letters in points. */
export class Canvas {
  readonly #use: FontUse
  #operators = ''

  constructor(use: FontUse) {
    this.#use = use
  }

  get operators(): string {
    return this.#operators
  }

  /**
   * Writes a text into a box as large as fits, from `size` down to `least`, on at most `lines` lines; what is still too
   * long ends in dots. Gives the height that it took.
   */
  text(text: string, box: Omit<Box, 'height'>, size: number, least = size, lines = 1): number {
    const fitted = this.#fit(text, box.width, size, least, lines)
    const lineHeight = fitted.size * 1.25 * MM_PER_POINT
    for (const [i, line] of fitted.lines.entries()) {
      const baseline = box.y + fitted.size * MM_PER_POINT + i * lineHeight
      this.#add(
        `BT /F ${decimal(fitted.size)} Tf ${this.#x(box.x)} ${this.#y(baseline)} Td ${this.#use.encode(line)} Tj ET`,
      )
    }
    return fitted.lines.length * lineHeight
  }

  /** Writes one line whose upper edge is at `y`; gives its height. */
  label(
    text: string,
    { x, y, width, size, least = size, align = 'left', colour = 'ink', isBold = false }: Label,
  ): number {
    const fitted = this.#fit(text, width, size, least, 1)
    const line = fitted.lines[0] ?? ''
    const room = width - (this.#use.widthOf(line) * fitted.size * MM_PER_POINT) / 1000
    const left = x + (align === 'right' ? room : align === 'centre' ? room / 2 : 0)
    const at = `${this.#x(left)} ${this.#y(y + size * MM_PER_POINT)}`
    // There is one font: bold is its own outline drawn around each letter.
    const weight = isBold ? `${colours[colour]} RG ${decimal(fitted.size / 30)} w 2 Tr ` : ''
    this.#add(
      `q ${colours[colour]} rg BT ${weight}/F ${decimal(fitted.size)} Tf ${at} Td ${this.#use.encode(line)} Tj ET Q`,
    )
    return size * 1.25 * MM_PER_POINT
  }

  /** Fills rectangles. */
  fill(boxes: Box[], colour: Colour): void {
    if (boxes.length === 0) return
    const path = boxes.map(({ x, y, width, height }) =>
      [this.#x(x), this.#y(y + height), decimal(width * POINTS), decimal(height * POINTS), 're'].join(' '),
    )
    this.#add(`q ${colours[colour]} rg ${path.join('\n')} f Q`)
  }

  /** Draws a line through points; `weight` in points. */
  stroke(points: [x: number, y: number][], colour: Colour, weight = 0.5, isDashed = false): void {
    this.#add(`q ${colours[colour]} RG ${weight} w 1 j ${isDashed ? '[3 2] 0 d ' : ''}${this.#path(points)} S Q`)
  }

  /** Fills what points lie around. */
  area(points: [x: number, y: number][], colour: Colour): void {
    this.#add(`q ${colours[colour]} rg ${this.#path(points)} h f Q`)
  }

  /** Draws a code as one path of exact modules, its quiet zone within the square. */
  code(text: string, x: number, y: number, side: number): void {
    const modules = qrModules(text, 'M')
    const scale = (side / (modules.length + 2 * QUIET)) * POINTS
    const corner = QUIET * scale * MM_PER_POINT
    // From here on a unit is a module, counted downwards.
    this.#add(`q ${decimal6(scale)} 0 0 ${decimal6(-scale)} ${this.#x(x + corner)} ${this.#y(y + corner)} cm`)
    this.#add(`${modules.map(rectangles).join('')}f Q`)
  }

  /** A thin line. Dashed, it is for scissors or folding. */
  line(fromX: number, fromY: number, toX: number, toY: number, isDashed = false): void {
    const path = `${this.#x(fromX)} ${this.#y(fromY)} m ${this.#x(toX)} ${this.#y(toY)} l S`
    this.#add(`q 0.4 w 0.6 G ${isDashed ? '[3 3] 0 d ' : ''}${path} Q`)
  }

  #fit(text: string, width: number, size: number, least: number, most: number): { size: number; lines: string[] } {
    const room = (atSize: number) => (width * POINTS * 1000) / atSize
    for (let atSize = size; atSize >= least; atSize -= 0.5) {
      const lines = this.#wrapped(text, room(atSize))
      if (lines.length <= most && lines.every((line) => this.#use.widthOf(line) <= room(atSize))) {
        return { size: atSize, lines }
      }
    }
    const lines = this.#wrapped(text, room(least))
    const kept = [...lines.slice(0, most - 1), lines.slice(most - 1).join(' ')].filter((line) => line !== '')
    return { size: least, lines: kept.map((line) => this.#shortened(line, room(least))) }
  }

  /** Breaks between words, and after the hyphens of double names. */
  #wrapped(text: string, room: number): string[] {
    const lines = ['']
    for (const piece of text.split(/(?<=[ -])/)) {
      const longer = `${lines.at(-1)}${piece}`
      if (lines.at(-1) !== '' && this.#use.widthOf(longer.trimEnd()) > room) lines.push(piece)
      else lines[lines.length - 1] = longer
    }
    return lines.map((line) => line.trimEnd())
  }

  #shortened(text: string, room: number): string {
    if (this.#use.widthOf(text) <= room) return text
    const letters = [...text]
    while (letters.length > 0 && this.#use.widthOf(`${letters.join('')}…`) > room) letters.pop()
    return `${letters.join('')}…`
  }

  #path(points: [x: number, y: number][]): string {
    return points.map(([x, y], i) => `${this.#x(x)} ${this.#y(y)} ${i === 0 ? 'm' : 'l'}`).join('\n')
  }

  #add(operator: string): void {
    this.#operators += `${operator}\n`
  }

  #x(mm: number): string {
    return decimal(mm * POINTS)
  }

  #y(mm: number): string {
    return decimal((A4.height - mm) * POINTS)
  }
}

function rectangles(row: boolean[], y: number): string {
  const bits = row.map(Number).join('')
  return Array.from(bits.matchAll(/1+/g), ({ 0: run, index: x }) => `${x} ${y} ${run.length} 1 re\n`).join('')
}

/** A module's size is multiplied by fifty: three digits would shift the last. */
function decimal6(value: number): string {
  return String(Math.round(value * 1e6) / 1e6)
}
