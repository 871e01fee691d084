import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { crc32, inflateSync } from 'node:zlib'
import { beforeAll, describe, expect, test } from 'vitest'
import { prepareZXingModule, readBarcodes } from 'zxing-wasm/reader'
import { defaultQrStyle, type Ecc, qrModules, qrPng, qrSvg, qrText } from '../../core/qr.ts'

// As long as a real token: `A1` and 210 characters of base32, in no pattern the encoder could profit from.
const base32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
const token = `A1${Array.from({ length: 210 }, (_, i) => base32[(i * i * 7 + i * 11 + (i >> 3)) % 32]).join('')}`
const eccs: Ecc[] = ['L', 'M', 'Q', 'H']

beforeAll(async () => {
  const wasm = createRequire(import.meta.url).resolve('zxing-wasm/reader/zxing_reader.wasm')
  await prepareZXingModule({ overrides: { wasmBinary: readFileSync(wasm) }, fireImmediately: true })
})

describe('the modules', () => {
  test('make a version 8 symbol of a 212-character token', () => {
    expect(token).toHaveLength(212)
    const modules = qrModules(token, 'M')
    expect(modules).toHaveLength(49)
    expect(modules.every((row) => row.length === 49)).toBe(true)
  })

  test('begin at the corner of a finder pattern, with no margin', () => {
    const corner = qrModules(token, 'M').slice(0, 7)
    expect(corner.map((row) => row.slice(0, 7).map(Number).join(''))).toEqual(
      '1111111 1000001 1011101 1011101 1011101 1000001 1111111'.split(' '),
    )
  })

  test('refuse a text no symbol can hold', () => {
    expect(() => qrModules('A'.repeat(4297), 'L')).toThrow('Capacity overflow')
  })
})

describe('the PNG', () => {
  for (const size of [150, 342, 570]) {
    test(`of ${size} px is read back whatever its error correction and margin`, async () => {
      for (const ecc of eccs) {
        for (const margin of [1, 2, 3, 4, 5, 6]) {
          expect(await read(await png(token, { size, ecc, margin })), `${ecc}, margin ${margin}`).toEqual([token])
        }
      }
    })
  }

  test.each([
    ['#1a237e', '#fff8e1'],
    ['#B00020', '#FFFFFF'],
    ['#00695c', '#e0f2f1'],
    ['#ffffff', '#000000'],
  ])('is read back in %s on %s', async (dark, light) => {
    expect(await read(await png(token, { dark, light }))).toEqual([token])
  })

  test('is read back when the text is a link in mixed case', async () => {
    const link = 'https://tickets.example/t/Zo%C3%AB?x=1'
    expect(await read(await png(link))).toEqual([link])
  })

  test('holds exactly the modules, centred, at a whole number of pixels each', async () => {
    for (const size of [57, 113, 150, 342, 343, 570]) {
      const image = openPng(await png(token, { size }))
      expect(image).toMatchObject({ width: size, height: size, palette: ['#ffffff', '#000000'] })

      const modules = qrModules(token, 'M')
      const scale = Math.floor(size / 57)
      const start = Math.floor((size - 49 * scale) / 2)
      const module = (pixel: number) => Math.floor((pixel - start) / scale)
      const expected = image.pixels.map((row, y) => row.map((_, x) => modules[module(y)]?.[module(x)] ?? false))
      expect(image.pixels).toEqual(expected)
    }
  })

  test('of a token is under 2 KB', async () => {
    for (const size of [150, 342, 570]) expect((await png(token, { size })).length).toBeLessThan(2048)
  })

  test('refuses a size too small for one pixel a module, saying the smallest', async () => {
    await expect(png(token, { size: 56 })).rejects.toThrow(new RangeError(tooSmall(57, 56)))
    await expect(png(token, { size: 56, margin: 6 })).rejects.toThrow(new RangeError(tooSmall(61, 56)))
    expect(await read(await png(token, { size: 57 }))).toEqual([token])
  })

  test('refuses a colour that is not #rrggbb', async () => {
    await expect(png(token, { dark: 'black' })).rejects.toThrow(RangeError)
  })
})

describe('the SVG', () => {
  test('draws exactly the modules, whatever its error correction and margin', () => {
    for (const ecc of eccs) {
      for (const margin of [0, 1, 4, 6]) {
        const svg = qrSvg(token, { ...defaultQrStyle, ecc, margin })
        const modules = qrModules(token, ecc)
        const span = modules.length + 2 * margin
        expect(svg).toContain(`viewBox="0 0 ${span} ${span}"`)
        expect(svg).toContain(`translate(${margin} ${margin + 0.5})`)
        expect(modulesOfSvg(svg, modules.length)).toEqual(modules)
      }
    }
  })

  test('is as large as asked, in the colours asked, and says what it is', () => {
    const svg = qrSvg(token, { ...defaultQrStyle, size: 20, dark: '#1a237e', light: '#fff8e1' })
    expect(svg).toContain('width="20" height="20"')
    expect(svg).toContain('<rect width="57" height="57" fill="#fff8e1"/>')
    expect(svg).toContain('stroke="#1a237e"')
    expect(svg).toContain('role="img" aria-label="QR code"')
  })

  test('of a token is under 6 KB', () => {
    expect(qrSvg(token, defaultQrStyle).length).toBeLessThan(6 * 1024)
  })

  test('refuses a colour that is not #rrggbb, so that nothing else gets into the document', () => {
    for (const dark of ['red', '#fff', '#0000000', '"/><script>', '#000000\n']) {
      expect(() => qrSvg(token, { ...defaultQrStyle, dark })).toThrow(RangeError)
    }
  })
})

describe('the text for a terminal', () => {
  test('shows exactly the modules inside a quiet zone of two', () => {
    for (const ecc of eccs) {
      const modules = qrModules(token, ecc)
      const shown = modulesOfText(qrText(token, ecc))
      expect(shown.slice(2, 2 + modules.length).map((row) => row.slice(2, -2))).toEqual(modules)

      const dark = (rows: boolean[][]) => rows.flat().filter(Boolean).length
      expect(shown.every((row) => row.length === modules.length + 4)).toBe(true)
      expect(dark(shown)).toBe(dark(modules))
    }
  })

  test('sets black on white on every line and takes it back, so that any terminal shows it the same', () => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: an ANSI colour begins with the escape character.
    for (const line of qrText(token, 'M').split('\n')) expect(line).toMatch(/^\x1b\[30;107m[ ▀▄█]+\x1b\[0m$/)
  })
})

const tooSmall = (smallest: number, size: number) =>
  `This QR code needs a size of at least ${smallest} px, not ${size}.`

function png(text: string, style: Partial<typeof defaultQrStyle> = {}): Promise<Uint8Array> {
  return qrPng(text, { ...defaultQrStyle, ...style }, deflate)
}

async function deflate(raw: Uint8Array): Promise<Uint8Array> {
  const zlib = new Blob([Uint8Array.from(raw)]).stream().pipeThrough(new CompressionStream('deflate'))
  return new Uint8Array(await new Response(zlib).arrayBuffer())
}

async function read(image: Uint8Array): Promise<string[]> {
  const codes = await readBarcodes(image, { formats: ['QRCode'] })
  return codes.filter((code) => code.isValid && !code.isMirrored).map((code) => code.text)
}

/** Opens a 1-bit PNG as strictly as the format asks: the reader of codes forgives a wrong checksum. */
function openPng(png: Uint8Array) {
  const bytes = Buffer.from(png)
  expect(bytes.toString('latin1', 0, 8)).toBe('\x89PNG\r\n\x1a\n')
  const chunks = new Map<string, Buffer>()
  for (let at = 8; at < bytes.length; ) {
    const end = at + 8 + bytes.readUInt32BE(at)
    expect(bytes.readUInt32BE(end)).toBe(crc32(bytes.subarray(at + 4, end)))
    chunks.set(bytes.toString('latin1', at + 4, at + 8), bytes.subarray(at + 8, end))
    at = end + 4
  }
  expect([...chunks.keys()]).toEqual(['IHDR', 'PLTE', 'IDAT', 'IEND'])

  const header = chunks.get('IHDR') ?? Buffer.alloc(0)
  expect([...header.subarray(8)]).toEqual([1, 3, 0, 0, 0])
  const width = header.readUInt32BE(0)
  const height = header.readUInt32BE(4)
  const raw = inflateSync(chunks.get('IDAT') ?? '')
  const stride = 1 + Math.ceil(width / 8)
  expect(raw.length).toBe(height * stride)

  const pixels: boolean[][] = []
  for (let y = 0; y < height; y++) {
    const [filter, ...line] = raw.subarray(y * stride, (y + 1) * stride)
    const bits = line.map((byte) => byte.toString(2).padStart(8, '0')).join('')
    if (filter === 2) expect(bits).not.toContain('1')
    else expect(filter).toBe(0)
    pixels.push(filter === 2 ? (pixels[y - 1] ?? []) : Array.from(bits.slice(0, width), (bit) => bit === '1'))
  }
  const palette = chunks
    .get('PLTE')
    ?.toString('hex')
    .match(/.{6}/g)
    ?.map((rgb) => `#${rgb}`)
  return { width, height, palette, pixels }
}

function modulesOfSvg(svg: string, side: number): boolean[][] {
  const modules = Array.from({ length: side }, () => Array<boolean>(side).fill(false))
  const path = svg.match(/ d="([^"]*)"/)?.[1] ?? ''
  expect(path).toMatch(/^(M\d+ \d+h\d+)+$/)
  for (const [, x, y, length] of path.matchAll(/M(\d+) (\d+)h(\d+)/g)) {
    modules[Number(y)]?.fill(true, Number(x), Number(x) + Number(length))
  }
  return modules
}

function modulesOfText(text: string): boolean[][] {
  return text.split('\n').flatMap((line) => {
    const blocks = [...line].filter((character) => ' ▀▄█'.includes(character))
    return [blocks.map((block) => '▀█'.includes(block)), blocks.map((block) => '▄█'.includes(block))]
  })
}
