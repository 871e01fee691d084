import { concatBytes } from '@noble/hashes/utils.js'

/** What of a TrueType font is needed to write with it. Lengths are in thousandths of the size of the letters. */
export class TrueType {
  readonly box: number[]
  readonly ascent: number
  readonly descent: number
  readonly #tables: Map<string, Uint8Array>
  readonly #glyphs: Map<number, number>
  readonly #perEm: number

  /** Takes a font file with TrueType outlines; throws a RangeError where it is none. */
  constructor(file: Uint8Array) {
    this.#tables = tablesOf(file)
    const head = this.#view('head')
    const hhea = this.#view('hhea')
    this.#perEm = head.getUint16(18)
    this.box = [36, 38, 40, 42].map((at) => this.#scaled(head.getInt16(at)))
    this.ascent = this.#scaled(hhea.getInt16(4))
    this.descent = this.#scaled(hhea.getInt16(6))
    this.#glyphs = glyphsOf(this.#view('cmap'))
  }

  /** The glyph of a character, by its code point; undefined where the font has none. */
  glyph(codePoint: number): number | undefined {
    return this.#glyphs.get(codePoint)
  }

  width(glyph: number): number {
    const measured = this.#view('hhea').getUint16(34)
    // Glyphs after the last that is measured are as wide as that.
    return this.#scaled(this.#view('hmtx').getUint16(4 * Math.min(glyph, measured - 1)))
  }

  /** The same font with the outlines of these glyphs and what they are put together from, and no others. */
  subset(glyphs: Iterable<number>): Uint8Array {
    const kept = this.#withParts(glyphs)
    const count = this.#view('maxp').getUint16(4)
    const outlines: Uint8Array[] = []
    const loca = new DataView(new ArrayBuffer(4 * (count + 1)))
    let at = 0
    for (let glyph = 0; glyph < count; glyph++) {
      loca.setUint32(4 * glyph, at)
      if (!kept.has(glyph)) continue
      const outline = padded(this.#outline(glyph))
      outlines.push(outline)
      at += outline.length
    }
    loca.setUint32(4 * count, at)
    const head = this.#table('head').slice()
    // Places in `loca` are written with four bytes each.
    new DataView(head.buffer).setInt16(50, 1)
    return fontFile([
      ...['cvt ', 'fpgm', 'hhea', 'hmtx', 'maxp', 'prep'].flatMap((name): [string, Uint8Array][] => {
        const table = this.#tables.get(name)
        return table ? [[name, table]] : []
      }),
      ['glyf', concatBytes(...outlines)],
      ['head', head],
      ['loca', new Uint8Array(loca.buffer)],
    ])
  }

  #withParts(glyphs: Iterable<number>): Set<number> {
    // Glyph 0 is shown where another is missing, and every font has it.
    const kept = new Set([0, ...glyphs])
    for (const glyph of kept) for (const part of partsOf(this.#outline(glyph))) kept.add(part)
    return kept
  }

  #outline(glyph: number): Uint8Array {
    const loca = this.#view('loca')
    const isLong = this.#view('head').getInt16(50) === 1
    const place = (i: number) => (isLong ? loca.getUint32(4 * i) : 2 * loca.getUint16(2 * i))
    return this.#table('glyf').subarray(place(glyph), place(glyph + 1))
  }

  #table(name: string): Uint8Array {
    const table = this.#tables.get(name)
    if (!table) throw new RangeError(`This is no TrueType font: it has no table "${name}".`)
    return table
  }

  #view(name: string): DataView {
    return viewOf(this.#table(name))
  }

  #scaled(units: number): number {
    return Math.round((units * 1000) / this.#perEm)
  }
}

function tablesOf(file: Uint8Array): Map<string, Uint8Array> {
  const view = viewOf(file)
  const count = file.length < 12 ? 0 : view.getUint16(4)
  return new Map(
    Array.from({ length: count }, (_, i) => {
      const at = 12 + 16 * i
      const start = view.getUint32(at + 8)
      return [latin(file.subarray(at, at + 4)), file.subarray(start, start + view.getUint32(at + 12))]
    }),
  )
}

/** The font's characters, from its table for Unicode's first plane (format 4). */
function glyphsOf(cmap: DataView): Map<number, number> {
  const glyphs = new Map<number, number>()
  for (let i = 0; i < cmap.getUint16(2); i++) {
    const at = cmap.getUint32(8 + 8 * i)
    if (cmap.getUint16(at) === 4) addSegments(new DataView(cmap.buffer, cmap.byteOffset + at), glyphs)
  }
  return glyphs
}

function addSegments(table: DataView, glyphs: Map<number, number>): void {
  const doubled = table.getUint16(6)
  for (let i = 0; i < doubled; i += 2) {
    const end = table.getUint16(14 + i)
    const start = table.getUint16(16 + doubled + i)
    const delta = table.getUint16(16 + 2 * doubled + i)
    const rangeAt = 16 + 3 * doubled + i
    const range = table.getUint16(rangeAt)
    for (let code = start; code <= end && code < 0xffff; code++) {
      const listed = range === 0 ? code : table.getUint16(rangeAt + range + 2 * (code - start))
      const glyph = listed === 0 ? 0 : (listed + delta) & 0xffff
      if (glyph !== 0) glyphs.set(code, glyph)
    }
  }
}

/** The glyphs that this one is put together from, as letters with accents are. */
function partsOf(outline: Uint8Array): number[] {
  if (outline.length === 0) return []
  const view = viewOf(outline)
  if (view.getInt16(0) >= 0) return []
  const parts: number[] = []
  for (let at = 10, flags = MORE; flags & MORE; ) {
    flags = view.getUint16(at)
    parts.push(view.getUint16(at + 2))
    at += 4 + (flags & WORDS ? 4 : 2) + (flags & SCALE ? 2 : flags & TWO_SCALES ? 4 : flags & MATRIX ? 8 : 0)
  }
  return parts
}

const WORDS = 0x01
const SCALE = 0x08
const MORE = 0x20
const TWO_SCALES = 0x40
const MATRIX = 0x80

function fontFile(tables: [string, Uint8Array][]): Uint8Array {
  const sorted = tables.toSorted(([a], [b]) => (a < b ? -1 : 1))
  const head = new Uint8Array(12 + 16 * sorted.length)
  const view = viewOf(head)
  const exponent = Math.floor(Math.log2(sorted.length))
  view.setUint32(0, 0x00010000)
  for (const [i, value] of [
    sorted.length,
    16 * 2 ** exponent,
    exponent,
    16 * (sorted.length - 2 ** exponent),
  ].entries()) {
    view.setUint16(4 + 2 * i, value)
  }
  let at = head.length
  for (const [i, [name, table]] of sorted.entries()) {
    head.set(
      Uint8Array.from(name, (letter) => letter.charCodeAt(0)),
      12 + 16 * i,
    )
    view.setUint32(16 + 16 * i, checksum(table))
    view.setUint32(20 + 16 * i, at)
    view.setUint32(24 + 16 * i, table.length)
    at += padded(table).length
  }
  return concatBytes(head, ...sorted.map(([, table]) => padded(table)))
}

function checksum(table: Uint8Array): number {
  const view = viewOf(padded(table))
  let sum = 0
  for (let at = 0; at < view.byteLength; at += 4) sum = (sum + view.getUint32(at)) >>> 0
  return sum
}

function padded(bytes: Uint8Array): Uint8Array {
  return bytes.length % 4 === 0 ? bytes : concatBytes(bytes, new Uint8Array(4 - (bytes.length % 4)))
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function latin(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes)
}
