/** How a file's text is spelled in bytes. */
export type Encoding = 'utf-8' | 'utf-16le' | 'utf-16be' | 'windows-1252'

/** What is no text of a sheet at all, in words. */
export class NotCsv extends Error {}

/** Larger than what is taken. */
export class TooLarge extends Error {}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const utf8WithLosses = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true })

/**
 * Reads bytes as they arrive and gives their text, every line end as "\n", without a mark at its beginning. A file
 * without a mark is UTF-8 until a byte shows that it is not: up to there it was plain ASCII, which is the same in
 * Windows-1252 (of which Latin-1 is a part). Where it is neither, what is lost becomes U+FFFD.
 */
export class TextReader {
  /** Null until it is known: plain ASCII is every encoding. */
  encoding: Encoding | null = null
  #decoder: TextDecoder | null = null
  #carry: Uint8Array = new Uint8Array()
  #endedInCr = false
  #bytes = 0
  readonly #maxBytes: number

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  async *read(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
    for await (const chunk of body) {
      this.#bytes += chunk.length
      if (this.#bytes > this.#maxBytes) throw new TooLarge()
      yield this.#lines(this.#decode(chunk, false))
    }
    yield this.#lines(this.#decode(new Uint8Array(), true))
  }

  #decode(chunk: Uint8Array, isLast: boolean): string {
    if (this.#decoder) return this.#decoder.decode(chunk, { stream: !isLast })
    const bytes = concat(this.#carry, chunk)
    if (this.#bytes === bytes.length) {
      // Too little to see a mark.
      if (bytes.length < 4 && !isLast) return this.#keep(bytes, 0)
      const marked = markOf(bytes)
      if (marked === null) refuseOtherFiles(bytes)
      else if (marked.encoding !== 'utf-8') {
        this.#decodeAs(marked.encoding)
        return this.#decode(bytes.subarray(marked.length), isLast)
      } else {
        this.encoding = 'utf-8'
        return this.#utf8(bytes.subarray(marked.length), isLast)
      }
    }
    return this.#utf8(bytes, isLast)
  }

  #utf8(bytes: Uint8Array, isLast: boolean): string {
    const end = isLast ? bytes.length : bytes.length - unfinished(bytes)
    try {
      const text = utf8.decode(bytes.subarray(0, end))
      // More characters than bytes there cannot be; fewer means that some took several.
      if (text.length < end) this.encoding = 'utf-8'
      this.#keep(bytes, end)
      return text
    } catch {
      // A TypeError is how the decoder says that this is no UTF-8.
      this.#carry = new Uint8Array()
      const lossy = utf8WithLosses.decode(bytes)
      const isUtf8SoFar = this.encoding === 'utf-8' || /[\x80-\uffff]/.test(lossy.slice(0, lossy.indexOf('\ufffd')))
      if (isUtf8SoFar) {
        this.encoding = 'utf-8'
        return lossy
      }
      this.#decodeAs('windows-1252')
      return this.#decode(bytes, isLast)
    }
  }

  #decodeAs(encoding: Encoding): void {
    this.encoding = encoding
    this.#decoder = new TextDecoder(encoding, { fatal: false, ignoreBOM: true })
  }

  #keep(bytes: Uint8Array, from: number): string {
    this.#carry = bytes.slice(from)
    return ''
  }

  #lines(text: string): string {
    if (text === '') return text
    const joined = this.#endedInCr && text.startsWith('\n') ? text.slice(1) : text
    this.#endedInCr = text.endsWith('\r')
    return joined.includes('\r') ? joined.replace(/\r\n?/g, '\n') : joined
  }
}

function markOf(bytes: Uint8Array): { encoding: Encoding; length: number } | null {
  const [a, b, c, d] = bytes
  if (a === 0xef && b === 0xbb && c === 0xbf) return { encoding: 'utf-8', length: 3 }
  if (a === 0xff && b === 0xfe) return { encoding: 'utf-16le', length: 2 }
  if (a === 0xfe && b === 0xff) return { encoding: 'utf-16be', length: 2 }
  // Two letters of the header, each with a zero beside it.
  if (a && c && b === 0 && d === 0) return { encoding: 'utf-16le', length: 0 }
  if (b && d && a === 0 && c === 0) return { encoding: 'utf-16be', length: 0 }
  return null
}

/** Files that people take for CSV, by how they begin. */
const others: [begins: string, what: string][] = [
  ['PK\x03\x04', 'an Excel workbook (.xlsx) or a ZIP: save it as CSV first'],
  ['\xd0\xcf\x11\xe0', 'an old Excel workbook (.xls): save it as CSV first'],
  ['%PDF', 'a PDF'],
  ['{\\rtf', 'a Rich Text document'],
]

function refuseOtherFiles(bytes: Uint8Array): void {
  const beginning = String.fromCharCode(...bytes.subarray(0, 8))
  const other = others.find(([begins]) => beginning.startsWith(begins))
  if (other) throw new NotCsv(`is ${other[1]}`)
}

/** How many bytes at the end begin a character that is not all there. */
function unfinished(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0
    if (byte < 0x80) return 0
    if (byte >= 0xc0) return back < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) ? back : 0
  }
  return 0
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) return b
  const both = new Uint8Array(a.length + b.length)
  both.set(a)
  both.set(b, a.length)
  return both
}
