import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { deflateSync, inflateSync } from 'node:zlib'
import { beforeAll, describe, expect, it } from 'vitest'
import { prepareZXingModule, readBarcodes } from 'zxing-wasm/reader'
import { FontUse } from '../../workers/paper/font-use.ts'
import { badges, type Layout, type Printed, wholePage } from '../../workers/paper/layouts.ts'
import { openSans } from '../../workers/paper/open-sans.ts'
import { writePdf } from '../../workers/paper/pdf.ts'
import { TrueType } from '../../workers/paper/true-type.ts'
import { languageFor } from '../../workers/ticket-page/words.ts'

let font: TrueType
beforeAll(async () => {
  font = (await openSans()).font
  const wasm = join(import.meta.dirname, '../../node_modules/zxing-wasm/dist/reader/zxing_reader.wasm')
  prepareZXingModule({ overrides: { wasmBinary: readFileSync(wasm).buffer } })
})

const ticket = (code: string, changes: Partial<Printed> = {}): Printed => ({
  code,
  title: 'Tech Expo',
  when: '21 November 2026',
  where: 'Hall 7',
  name: 'Ada Lovelace',
  type: 'VIP',
  note: null,
  admits: 1,
  shortCode: 'ABCD1234',
  reference: null,
  ...changes,
})
const token = (i: number) =>
  `A1${String(i).padStart(4, '0')}${'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.repeat(7)}`.slice(0, 212)

async function pdfOf(layout: Layout, ...pages: Printed[][]): Promise<string> {
  const use = new FontUse(font, 'OpenSans')
  async function* drawn() {
    for (const tickets of pages) yield layout.draw(use, languageFor('en').words, tickets)
  }
  const pieces: Uint8Array[] = []
  for await (const piece of writePdf(drawn(), use, 'Tech Expo', async (raw) => deflateSync(raw))) pieces.push(piece)
  return Buffer.concat(pieces).toString('latin1')
}

/** What the pages hold, as it is drawn. */
function contentsOf(pdf: string): string[] {
  const streams = [...pdf.matchAll(/(\d+) 0 obj\n<< \/Filter \/FlateDecode \/Length (\d+) ([^>]*)>>\nstream\n/g)]
  return streams.flatMap(({ 0: head, 2: length, 3: more, index }) => {
    const start = index + head.length
    const text = inflateSync(Buffer.from(pdf.slice(start, start + Number(length)), 'latin1')).toString('latin1')
    return more?.includes('Length1') || text.includes('begincmap') ? [] : [text]
  })
}

/** Paints the rectangles of a page as a printer would, 3 dots a point, and reads the codes on it. */
async function read(content: string): Promise<string[]> {
  const scale = 3
  const [width, height] = [Math.ceil(595.276 * scale), Math.ceil(841.89 * scale)]
  const dots = new Uint8ClampedArray(width * height * 4).fill(255)
  for (const [, a = '', d = '', e = '', f = '', path = ''] of content.matchAll(
    /q (\S+) 0 0 (\S+) (\S+) (\S+) cm\n([\s\S]*?)f Q/g,
  )) {
    const [sx, sy, ox, oy] = [a, d, e, f].map(Number) as [number, number, number, number]
    for (const [, x = '', y = '', w = ''] of path.matchAll(/(\d+) (\d+) (\d+) 1 re/g)) {
      const left = Math.round((ox + Number(x) * sx) * scale)
      const right = Math.round((ox + (Number(x) + Number(w)) * sx) * scale)
      const top = Math.round((841.89 - (oy + Number(y) * sy)) * scale)
      const bottom = Math.round((841.89 - (oy + (Number(y) + 1) * sy)) * scale)
      for (let row = top; row < bottom; row++) {
        for (let column = left; column < right; column++)
          dots.fill(0, 4 * (row * width + column), 4 * (row * width + column) + 3)
      }
    }
  }
  const found = await readBarcodes(
    { data: dots, width, height, colorSpace: 'srgb' } as unknown as Parameters<typeof readBarcodes>[0],
    {
      formats: ['QRCode'],
      maxNumberOfSymbols: 20,
    },
  )
  return found.map(({ text }) => text).sort()
}

describe('paper', () => {
  it('shows codes that scan: one a page, ten badges, and the smallest badges there are', async () => {
    const twenty = Array.from({ length: 20 }, (_, i) => token(i))
    const one = contentsOf(await pdfOf(wholePage, [ticket(token(1))]))
    expect(await read(one[0] ?? '')).toEqual([token(1)])
    for (const [layout, count] of [
      [badges(90, 55), 10],
      [badges(70, 38), 14],
    ] as const) {
      expect(layout.perPage).toBe(count)
      const codes = twenty.slice(0, count)
      const [content = ''] = contentsOf(
        await pdfOf(
          layout,
          codes.map((code) => ticket(code)),
        ),
      )
      expect(await read(content)).toEqual(codes)
    }
  })

  it('says names of the whole of Latin, Greek and Cyrillic as they are', () => {
    const use = new FontUse(font, 'OpenSans')
    for (const name of [
      'Ada Lovelace',
      'Žižka Łukasz Şahin Ðorđe Þóra Œuvre Ñandú ß ẞ',
      'Nguyễn Thị Ánh',
      'Ελένη Παπαδοπούλου',
      'Александра Ёлкина Їжак Ґудзь Ђорђевић',
    ]) {
      expect(use.writable(name)).toBe(name)
    }
    // Letters that come in parts are put together first.
    expect(use.writable('Zoe\u0308')).toBe('Zoë')
  })

  it('makes no rubbish of a name that it cannot write', () => {
    const use = new FontUse(font, 'OpenSans')
    for (const name of ['山田太郎', 'أحمد', 'דוד', 'राम', 'สมชาย', '\u202e', '', '   ', '\ud800']) {
      expect(use.writable(name), name).toBeNull()
    }
  })

  it('leaves pictures and controls out of a name and writes the rest', () => {
    const use = new FontUse(font, 'OpenSans')
    expect(use.writable('Ada 🎉👩‍🚀 Lovelace\u202e\u0000')).toBe('Ada Lovelace')
    expect(use.writable('Room #7 * 2™')).toBe('Room #7 * 2™')
  })

  it('keeps a text within its lines, however long it is', async () => {
    const long = ticket(token(1), {
      name: 'Konstantinopolskaya-'.repeat(20),
      title: 'W'.repeat(300),
      type: 'x y '.repeat(99),
    })
    const plain = ticket(token(1))
    for (const layout of [wholePage, badges(90, 55)]) {
      const [content = ''] = contentsOf(await pdfOf(layout, [long]))
      const [short = ''] = contentsOf(await pdfOf(layout, [plain]))
      const lines = (text: string) => text.match(/ Tj ET/g)?.length ?? 0
      expect(lines(content)).toBeLessThan(lines(short) + 6)
    }
  })

  it('carries of its font only what it uses', async () => {
    const pdf = await pdfOf(wholePage, [ticket(token(1))])
    const length = Number(/\/Length1 (\d+)/.exec(pdf)?.[1])
    expect(length).toBeLessThan(40_000)
  })

  it('goes on after 200 pages', async () => {
    const pdf = await pdfOf(wholePage, ...Array.from({ length: 401 }, (_, i) => [ticket(token(i))]))
    expect(pdf).toContain('/Type /Pages /Count 401')
    expect(contentsOf(pdf)).toHaveLength(401)
  })

  it('takes no file for a font that is none', () => {
    expect(() => new TrueType(new Uint8Array(100))).toThrow(RangeError)
    expect(() => new TrueType(new Uint8Array(0))).toThrow(RangeError)
  })
})
