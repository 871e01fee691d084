import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { deflateSync } from 'node:zlib'
import { beforeAll, describe, expect, test } from 'vitest'
import { prepareZXingModule, readBarcodes } from 'zxing-wasm/reader'
import { colourFault } from '../../core/contrast.ts'
import { type Ecc, type QrStyle, qrPng, qrSvg } from '../../core/qr.ts'

/*
 * Each value of each option with each value of every other at least once: the images are drawn as a browser would and
 * read by the reader that the scanner has, in a hurry as at the door.
 */

const sizes = [150, 342, 513, 1024]
const margins = [1, 2, 4, 16]
const eccs: Ecc[] = ['L', 'M', 'Q', 'H']
const colours = [
  ['#000000', '#ffffff'],
  ['#1a237e', '#fff8e1'],
  ['#b00020', '#ffffff'],
  ['#444444', '#ffd700'],
] as const

const base32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
const token = (seed: number) =>
  `A1${Array.from({ length: 210 }, (_, i) => base32[(i * i * 7 + i * (11 + seed) + (i >> 3) + seed) % 32]).join('')}`

/** An orthogonal array: any two options meet in all their combinations. */
const matrix = sizes.flatMap((size, a) =>
  margins.map((margin, b) => {
    const [dark, light] = colours[a ^ times2(b)] ?? colours[0]
    return { size, margin, ecc: eccs[a ^ b] ?? 'M', dark, light } satisfies QrStyle
  }),
)

/** Twice b in the field of four elements. */
function times2(b: number): number {
  return [0, 2, 3, 1][b] ?? 0
}

beforeAll(async () => {
  const wasm = createRequire(import.meta.url).resolve('zxing-wasm/reader/zxing_reader.wasm')
  await prepareZXingModule({ overrides: { wasmBinary: readFileSync(wasm) }, fireImmediately: true })
})

describe('every pair of options', () => {
  test('is in the matrix', () => {
    const pairs = (a: keyof QrStyle, b: keyof QrStyle) => new Set(matrix.map((style) => `${style[a]} ${style[b]}`)).size
    const options = ['size', 'margin', 'ecc', 'dark'] as const
    for (const a of options) for (const b of options) if (a !== b) expect(pairs(a, b), `${a} ${b}`).toBe(16)
    expect(matrix.every(({ dark, light }) => colourFault(dark, light) === null)).toBe(true)
  })

  test.each(matrix)('is read back: $size px, margin $margin, $ecc, $dark on $light', async (style) => {
    const text = token(style.size + style.margin)
    expect(await read(await qrPng(text, style, async (raw) => deflateSync(raw)))).toEqual([text])
    expect(await read(draw(qrSvg(text, style)))).toEqual([text])
  })
})

type Picture = Parameters<typeof readBarcodes>[0]

async function read(image: Picture): Promise<string[]> {
  const hurry = { tryHarder: false, tryInvert: false, tryRotate: false }
  const codes = await readBarcodes(image, { ...hurry, formats: ['QRCode'] })
  return codes.filter(({ isValid }) => isValid).map(({ text }) => text)
}

/** Draws one of our SVGs, pixel by pixel from what stands in it: ground, then a stroke of one unit along each run. */
function draw(svg: string): Picture {
  const attribute = (pattern: RegExp) => pattern.exec(svg)?.slice(1) ?? []
  const [size = 0, span = 0] = attribute(/width="(\d+)" height="\d+" viewBox="0 0 (\d+) /).map(Number)
  const [light = ''] = attribute(/<rect [^>]*fill="(#[0-9a-f]{6})"/)
  const [x0 = 0, y0 = 0] = attribute(/translate\(([\d.]+) ([\d.]+)\)/).map(Number)
  const [dark = ''] = attribute(/stroke="(#[0-9a-f]{6})"/)
  const isDark = Array.from({ length: span }, () => new Uint8Array(span))
  for (const [, x, y, length] of svg.matchAll(/M(\d+) (\d+)h(\d+)/g)) {
    const row = Math.floor(y0 + Number(y))
    isDark[row]?.fill(1, x0 + Number(x), x0 + Number(x) + Number(length))
  }
  const data = new Uint8ClampedArray(size * size * 4)
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const on = isDark[Math.floor(((y + 0.5) * span) / size)]?.[Math.floor(((x + 0.5) * span) / size)] === 1
      data.set([...rgb(on ? dark : light), 255], (y * size + x) * 4)
    }
  }
  return { data, width: size, height: size, colorSpace: 'srgb' }
}

function rgb(hex: string): number[] {
  return [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16))
}
