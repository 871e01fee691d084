/** `head` is in lower case. */
export type Answer = { status: number; head: string; body: string }

const noBytes = Buffer.alloc(0)

/** Puts HTTP/1.1 answers together from what a connection brings, one at a time: nothing is asked ahead. */
export class AnswerReader {
  #held: Buffer = noBytes

  /** Takes the bytes that came; gives the answer once it is whole. */
  read(bytes: Buffer): Answer | null {
    this.#held = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes])
    const headEnd = this.#held.indexOf('\r\n\r\n')
    if (headEnd < 0) return null
    const head = this.#held.toString('latin1', 0, headEnd).toLowerCase()
    const body = bodyOf(head, this.#held.subarray(headEnd + 4))
    if (body === null) return null
    this.#held = noBytes
    return { status: Number(head.slice(9, 12)), head, body }
  }
}

function bodyOf(head: string, bytes: Buffer): string | null {
  const length = /\r\ncontent-length: *(\d+)/.exec(head)?.[1]
  if (length !== undefined) return bytes.length < Number(length) ? null : bytes.toString('utf8', 0, Number(length))
  if (/\r\ntransfer-encoding: *chunked/.test(head)) return joinChunks(bytes)
  throw new Error(`an answer of unknown length: ${head}`)
}

function joinChunks(bytes: Buffer): string | null {
  const chunks: Buffer[] = []
  for (let at = 0; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at)
    if (lineEnd < 0) return null
    const length = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16)
    const start = lineEnd + 2
    if (bytes.length < start + length + 2) return null
    if (length === 0) return Buffer.concat(chunks).toString()
    chunks.push(bytes.subarray(start, start + length))
    at = start + length + 2
  }
}
