import { crc32, deflateSync } from 'node:zlib'
import type { Plugin } from 'vite'

/*
 * The logo, a ticket with a one in it, drawn from one description: as SVG, and as the PNGs that home screens ask for.
 */

const BOARD = 512
const night = '#0b0f19'
const amber = '#ffc53d'

const ticket = { left: 72, right: 440, top: 148, bottom: 364, corner: 30, notch: 38 }
const middle = (ticket.top + ticket.bottom) / 2
/** The figure one, as a polygon. */
const one = [
  [214, 222],
  [258, 188],
  [290, 188],
  [290, 296],
  [318, 296],
  [318, 324],
  [218, 324],
  [218, 296],
  [250, 296],
  [250, 232],
  [230, 246],
] as const

/** Puts the logo and its sizes beside what is built. */
export function icons(): Plugin {
  return {
    name: 'icons',
    apply: 'build',
    generateBundle() {
      const file = (fileName: string, source: string | Uint8Array) =>
        this.emitFile({ type: 'asset', fileName: `icons/${fileName}`, source })
      file('logo.svg', logoSvg())
      file('icon-192.png', logoPng(192, 'rounded'))
      file('icon-512.png', logoPng(512, 'rounded'))
      // Cut to any shape by the home screen, so it fills the square; the ticket stays within the safe circle.
      file('icon-maskable-512.png', logoPng(512, 'full'))
      file('apple-touch-icon.png', logoPng(180, 'full'))
    },
  }
}

function logoSvg(): string {
  const { left, right, top, bottom, corner: r, notch } = ticket
  const outline = [
    `M${left + r} ${top}H${right - r}a${r} ${r} 0 0 1 ${r} ${r}V${middle - notch}a${notch} ${notch} 0 0 0 0 ${2 * notch}`,
    `V${bottom - r}a${r} ${r} 0 0 1-${r} ${r}H${left + r}a${r} ${r} 0 0 1-${r}-${r}V${middle + notch}`,
    `a${notch} ${notch} 0 0 0 0-${2 * notch}V${top + r}a${r} ${r} 0 0 1 ${r}-${r}z`,
  ].join('')
  const figure = `M${one.map((point) => point.join(' ')).join('L')}z`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${BOARD} ${BOARD}">`,
    `<rect width="${BOARD}" height="${BOARD}" rx="${boardCorner}" fill="${night}"/>`,
    `<path fill="${amber}" fill-rule="evenodd" d="${outline}${figure}"/>`,
    '</svg>',
  ].join('')
}

const boardCorner = 112
const board: Box = { left: 0, right: BOARD, top: 0, bottom: BOARD, corner: boardCorner }

/** A PNG with soft edges: each pixel is the mean of four by four samples. */
function logoPng(size: number, shape: 'rounded' | 'full'): Uint8Array {
  const lines = new Uint8Array(size * (size * 4 + 1))
  const shrink = shape === 'full' ? 0.82 : 1
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      lines.set(pixel(x, y, BOARD / size, shape, shrink), y * (size * 4 + 1) + 1 + x * 4)
    }
  }
  const header = new Uint8Array(13)
  const view = new DataView(header.buffer)
  view.setUint32(0, size)
  view.setUint32(4, size)
  // 8 bits a channel, RGBA.
  header.set([8, 6], 8)
  const signature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(lines)),
    chunk('IEND', new Uint8Array()),
  ])
}

const SAMPLES = 4

function pixel(x: number, y: number, scale: number, shape: 'rounded' | 'full', shrink: number): number[] {
  const half = BOARD / 2
  const look = (dx: number, dy: number) => {
    const [px, py] = [(x + dx) * scale, (y + dy) * scale]
    const onBoard = shape === 'full' || inRounded(px, py, board)
    return { onBoard, drawn: inTicket(half + (px - half) / shrink, half + (py - half) / shrink) }
  }
  // Most pixels are the same all over; only those on an edge are looked at closely.
  const corners = [look(0, 0), look(1, 0), look(0, 1), look(1, 1)]
  const isPlain = corners.every(({ onBoard, drawn }) => onBoard === corners[0]?.onBoard && drawn === corners[0]?.drawn)
  const samples = isPlain ? corners : fine.map(([dx, dy]) => look(dx, dy))
  const share = (count: number) => count / samples.length
  const drawn = share(samples.filter((sample) => sample.drawn).length)
  const onBoard = share(samples.filter((sample) => sample.onBoard).length)
  const to = rgb(amber)
  return [...rgb(night).map((from, i) => Math.round(from + ((to[i] ?? 0) - from) * drawn)), Math.round(255 * onBoard)]
}

const fine = Array.from({ length: SAMPLES ** 2 }, (_, i): [number, number] => [
  ((i % SAMPLES) + 0.5) / SAMPLES,
  (Math.floor(i / SAMPLES) + 0.5) / SAMPLES,
])

function inTicket(x: number, y: number): boolean {
  const inNotch = (at: number) => (x - at) ** 2 + (y - middle) ** 2 < ticket.notch ** 2
  return inRounded(x, y, ticket) && !inNotch(ticket.left) && !inNotch(ticket.right) && !inFigure(x, y)
}

type Box = { left: number; right: number; top: number; bottom: number; corner: number }

function inRounded(x: number, y: number, { left, right, top, bottom, corner }: Box): boolean {
  if (x < left || x > right || y < top || y > bottom) return false
  const dx = Math.max(left + corner - x, x - (right - corner), 0)
  const dy = Math.max(top + corner - y, y - (bottom - corner), 0)
  return dx ** 2 + dy ** 2 <= corner ** 2
}

/** Counts the edges to the right of the point: inside where they are odd. */
function inFigure(x: number, y: number): boolean {
  let inside = false
  one.forEach(([ax, ay], i) => {
    const [bx, by] = one.at(i - 1) ?? [0, 0]
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside
  })
  return inside
}

function rgb(colour: string): number[] {
  return [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16))
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const length = Buffer.alloc(4)
  length.writeUInt32BE(data.length)
  const sum = Buffer.alloc(4)
  sum.writeUInt32BE(crc32(body))
  return Buffer.concat([length, body, sum])
}
