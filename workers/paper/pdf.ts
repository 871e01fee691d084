import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import type { FontUse } from './font-use.ts'

export type Deflate = (raw: Uint8Array) => Promise<Uint8Array>

/** Millimetres, as everything on paper is measured here. PDF counts in points from the lower left corner. */
export const A4 = { width: 210, height: 297 }
export const POINTS = 72 / 25.4

/** A page tree with this many pages a node opens as fast at page 20,000 as at page 1. */
const PAGES_IN_NODE = 200

/** The objects that are known by number before they are written, since they come last. */
const catalog = 1
const root = 2
const font = 3
const descendant = 4
const descriptor = 5
const file = 6
const toUnicode = 7
const info = 8

/**
 * Writes a PDF of A4 pages as they come, each the operators of its content, with one font. What it remembers is eight
 * bytes an object: neither pages nor tickets.
 */
export async function* writePdf(
  pages: AsyncIterable<string>,
  use: FontUse,
  title: string,
  deflate: Deflate,
): AsyncGenerator<Uint8Array> {
  const objects = new Objects(info)
  yield objects.head()
  const nodes: { number: number; pages: number }[] = []
  let kids: number[] = []
  let node = objects.next()
  const closeNode = () => {
    nodes.push({ number: node, pages: kids.length })
    return objects.dictionary(node, `/Type /Pages /Parent ${root} 0 R /Count ${kids.length} /Kids [${refs(kids)}]`)
  }
  for await (const content of pages) {
    const contents = objects.next()
    const page = objects.next()
    yield objects.stream(contents, await deflate(utf8ToBytes(content)))
    yield objects.dictionary(page, `/Type /Page /Parent ${node} 0 R /Contents ${contents} 0 R`)
    kids.push(page)
    if (kids.length < PAGES_IN_NODE) continue
    yield closeNode()
    kids = []
    node = objects.next()
  }
  if (kids.length > 0) yield closeNode()
  const count = nodes.reduce((sum, { pages }) => sum + pages, 0)
  const box = [0, 0, A4.width * POINTS, A4.height * POINTS].map(decimal).join(' ')
  yield objects.dictionary(
    root,
    `/Type /Pages /Count ${count} /Kids [${refs(nodes.map(({ number }) => number))}] /MediaBox [${box}]
/Resources << /Font << /F ${font} 0 R >> >>`,
  )
  yield objects.dictionary(catalog, `/Type /Catalog /Pages ${root} 0 R /ViewerPreferences << /DisplayDocTitle true >>`)
  yield* fontObjects(objects, use, deflate)
  yield objects.dictionary(info, `/Title ${textString(title)} /Producer (Admit One)`)
  yield objects.tail()
}

async function* fontObjects(objects: Objects, use: FontUse, deflate: Deflate): AsyncGenerator<Uint8Array> {
  const { font: face, name } = use
  const subset = use.subset()
  yield objects.dictionary(
    font,
    `/Type /Font /Subtype /Type0 /BaseFont /${name} /Encoding /Identity-H /DescendantFonts [${descendant} 0 R]
/ToUnicode ${toUnicode} 0 R`,
  )
  yield objects.dictionary(
    descendant,
    `/Type /Font /Subtype /CIDFontType2 /BaseFont /${name} /CIDToGIDMap /Identity /FontDescriptor ${descriptor} 0 R
/CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> /W [${use.widths()}]`,
  )
  yield objects.dictionary(
    descriptor,
    `/Type /FontDescriptor /FontName /${name} /Flags 4 /FontBBox [${face.box.join(' ')}] /ItalicAngle 0
/Ascent ${face.ascent} /Descent ${face.descent} /CapHeight ${face.ascent} /StemV 80 /FontFile2 ${file} 0 R`,
  )
  yield objects.stream(file, await deflate(subset), `/Length1 ${subset.length}`)
  yield objects.stream(toUnicode, await deflate(utf8ToBytes(use.toUnicode())))
}

/** Numbers objects and remembers where each begins. */
class Objects {
  readonly #offsets: number[] = [0]
  #last: number
  #at = 0

  constructor(reserved: number) {
    this.#last = reserved
  }

  next(): number {
    this.#last += 1
    return this.#last
  }

  head(): Uint8Array {
    // Four bytes above 127 tell whoever carries the file that it is no text.
    return this.#sent(concatBytes(utf8ToBytes('%PDF-1.7\n%'), Uint8Array.of(0xe2, 0xe3, 0xcf, 0xd3, 0x0a)))
  }

  dictionary(number: number, entries: string): Uint8Array {
    return this.#object(number, utf8ToBytes(`<< ${entries} >>`))
  }

  stream(number: number, deflated: Uint8Array, entries = ''): Uint8Array {
    const head = `<< /Filter /FlateDecode /Length ${deflated.length} ${entries} >>\nstream\n`
    return this.#object(number, concatBytes(utf8ToBytes(head), deflated, utf8ToBytes('\nendstream')))
  }

  tail(): Uint8Array {
    const lines = Array.from(
      { length: this.#last },
      (_, i) => `${String(this.#offsets[i + 1] ?? 0).padStart(10, '0')} 00000 ${this.#offsets[i + 1] ? 'n' : 'f'} \n`,
    )
    return utf8ToBytes(
      `xref\n0 ${this.#last + 1}\n0000000000 65535 f \n${lines.join('')}trailer
<< /Size ${this.#last + 1} /Root ${catalog} 0 R /Info ${info} 0 R >>\nstartxref\n${this.#at}\n%%EOF\n`,
    )
  }

  #object(number: number, body: Uint8Array): Uint8Array {
    this.#offsets[number] = this.#at
    return this.#sent(concatBytes(utf8ToBytes(`${number} 0 obj\n`), body, utf8ToBytes('\nendobj\n')))
  }

  #sent(bytes: Uint8Array): Uint8Array {
    this.#at += bytes.length
    return bytes
  }
}

/** A number as PDF takes it: no exponent, and no more digits than paper shows. */
export function decimal(value: number): string {
  return String(Math.round(value * 1000) / 1000)
}

function refs(numbers: number[]): string {
  return numbers.map((number) => `${number} 0 R`).join(' ')
}

/** A text outside the pages: UTF-16 with a byte order mark, in hexadecimal digits. */
function textString(text: string): string {
  return `<feff${Array.from({ length: text.length }, (_, i) => hex4(text.charCodeAt(i))).join('')}>`
}

export function hex4(value: number): string {
  return value.toString(16).padStart(4, '0')
}
