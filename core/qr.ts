import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import encodeQr from 'qr'

/** How much of a damaged symbol can be read back: about 7, 15, 25 or 30 % of it. */
export type Ecc = 'L' | 'M' | 'Q' | 'H'

/** How a symbol is drawn: `size` in pixels (the whole image), `margin` in modules, `dark` and `light` as `#rrggbb`. */
export type QrStyle = { size: number; margin: number; ecc: Ecc; dark: string; light: string }

/** The style nobody chose: a 212-character token (version 8-M, 57 modules with its margin) at 6 pixels a module. */
export const defaultQrStyle: QrStyle = { size: 342, margin: 4, ecc: 'M', dark: '#000000', light: '#ffffff' }

/** Takes a text, gives its rows of modules without any margin, `true` where dark; throws if no version can hold it. */
export function qrModules(text: string, ecc: Ecc): boolean[][] {
  // The encoder refuses a border of 0, so ask for 1 and crop it.
  const bordered = encodeQr(text, 'raw', { ecc: levels[ecc], border: 1, textEncoder: utf8ToBytes })
  return bordered.slice(1, -1).map((row) => row.slice(1, -1))
}

/** Takes a text and a style, gives a whole SVG document; throws a RangeError for a colour that is not `#rrggbb`. */
export function qrSvg(text: string, { size, margin, ecc, dark, light }: QrStyle): string {
  const modules = qrModules(text, ecc)
  const span = modules.length + 2 * margin
  return [
    '<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="QR code" shape-rendering="crispEdges"',
    ` width="${size}" height="${size}" viewBox="0 0 ${span} ${span}">`,
    `<rect width="${span}" height="${span}" fill="${colour(light)}"/>`,
    // A stroke runs along the middle of its row, hence the half module.
    `<path transform="translate(${margin} ${margin + 0.5})" stroke="${colour(dark)}" d="${modules.map(runs).join('')}"/>`,
    '</svg>',
  ].join('')
}

/**
 * Takes a text, a style and a `deflate` that gives zlib bytes (RFC 1950), gives a 1-bit PNG of exactly `size` pixels;
 * throws a RangeError for a colour that is not `#rrggbb`, or a size too small for one pixel a module.
 */
export async function qrPng(
  text: string,
  style: QrStyle,
  deflate: (raw: Uint8Array) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  const { size, margin, ecc, dark, light } = style
  const pixels = await deflate(scanlines(qrModules(text, ecc), size, margin))
  return concatBytes(
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    // 1 bit a pixel, indexed colour, then the only compression, filtering and (no) interlacing a plain PNG has.
    chunk('IHDR', concatBytes(uint32(size), uint32(size), Uint8Array.of(1, 3, 0, 0, 0))),
    chunk('PLTE', concatBytes(rgb(light), rgb(dark))),
    chunk('IDAT', pixels),
    chunk('IEND', new Uint8Array()),
  )
}

/** Takes a text, gives lines for a terminal, two rows of modules each, in colours of their own; no final line end. */
export function qrText(text: string, ecc: Ecc): string {
  const modules = qrModules(text, ecc)
  const quiet = 2
  const isDark = (x: number, y: number) => modules[y - quiet]?.[x - quiet] ?? false
  const span = modules.length + 2 * quiet
  const lines = Array.from({ length: Math.ceil(span / 2) }, (_, line) =>
    Array.from({ length: span }, (_, x) => halfBlock(isDark(x, 2 * line), isDark(x, 2 * line + 1))).join(''),
  )
  return lines.map((line) => blackOnWhite + line + reset).join('\n')
}

const levels = { L: 'low', M: 'medium', Q: 'quartile', H: 'high' } as const

const blackOnWhite = '\x1b[30;107m'
const reset = '\x1b[0m'

function halfBlock(upper: boolean, lower: boolean): string {
  if (upper) return lower ? '█' : '▀'
  return lower ? '▄' : ' '
}

function runs(row: boolean[], y: number): string {
  let path = ''
  for (let x = 0; x < row.length; x++) {
    if (!row[x]) continue
    const from = x
    while (row[x + 1]) x++
    path += `M${from} ${y}h${x + 1 - from}`
  }
  return path
}

/** The raw image data of a PNG: each row of pixels is a filter byte and then one bit a pixel, 1 where dark. */
function scanlines(modules: boolean[][], size: number, margin: number): Uint8Array {
  const span = modules.length + 2 * margin
  const scale = Math.floor(size / span)
  if (scale < 1) throw new RangeError(`This QR code needs a size of at least ${span} px, not ${size}.`)

  const start = Math.floor((size - scale * modules.length) / 2)
  const stride = 1 + Math.ceil(size / 8)
  // All zero is light everywhere, with filter 0 (None) on every row.
  const raw = new Uint8Array(size * stride)
  modules.forEach((row, y) => {
    const first = (start + y * scale) * stride
    row.forEach((isDark, x) => {
      if (isDark) setBits(raw, (first + 1) * 8 + start + x * scale, scale)
    })
    // Filter 2 (Up) and nothing but zeros says "as the row above", which compresses to almost nothing.
    for (let copy = 1; copy < scale; copy++) raw[first + copy * stride] = 2
  })
  return raw
}

function setBits(bytes: Uint8Array, from: number, count: number): void {
  for (let bit = from; bit < from + count; bit++) {
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) | (0x80 >> (bit & 7))
  }
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const body = concatBytes(utf8ToBytes(type), data)
  return concatBytes(uint32(data.length), body, uint32(crc32(body)))
}

function uint32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value)
}

function rgb(hex: string): Uint8Array {
  return uint32(Number.parseInt(colour(hex).slice(1), 16)).subarray(1)
}

// Colours come from a public URL and land inside an SVG, so nothing but a colour may pass.
function colour(hex: string): string {
  if (!/^#[0-9a-f]{6}$/i.test(hex)) throw new RangeError(`A colour is written #rrggbb, not ${hex}.`)
  return hex
}

function crc32(bytes: Uint8Array): number {
  let crc = ~0
  for (const byte of bytes) crc = (crc >>> 8) ^ (crcTable[(crc ^ byte) & 0xff] ?? 0)
  return ~crc
}

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  return crc
})
