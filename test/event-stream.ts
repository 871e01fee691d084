/** One server-sent event as it came. */
export type StreamEvent = { event: string; id: string | null; data: unknown }

/** Somebody who reads a stream of events as a browser does: what arrived is kept, and can be waited for. */
export class EventStream {
  readonly events: StreamEvent[] = []
  /** Lines that are no event: they keep the connection open. */
  readonly comments: string[] = []
  retryMs: number | null = null
  ended = false
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  #taken = 0

  constructor(body: ReadableStream<Uint8Array>) {
    this.#reader = body.getReader()
    void this.#read()
  }

  /** What the browser would send as `Last-Event-ID`. */
  get lastId(): string | null {
    return this.events.findLast(({ id }) => id !== null)?.id ?? null
  }

  // A test reads what the contract promises, field by field.
  // biome-ignore lint/suspicious/noExplicitAny: the data of any event
  async next(event: string, withinMs = 1000): Promise<any> {
    for (const deadline = Date.now() + withinMs; Date.now() < deadline; await sleep(10)) {
      const place = this.events.findIndex((one, i) => i >= this.#taken && one.event === event)
      if (place < 0) continue
      this.#taken = place + 1
      return this.events[place]?.data
    }
    throw new Error(`no ${event} within ${withinMs} ms; there was ${JSON.stringify(this.events)}`)
  }

  async untilEnded(withinMs = 1000): Promise<void> {
    for (const deadline = Date.now() + withinMs; Date.now() < deadline; await sleep(10)) if (this.ended) return
    throw new Error('the stream is still open')
  }

  async leave(): Promise<void> {
    await this.#reader.cancel()
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder()
    let text = ''
    try {
      for (;;) {
        const { done, value } = await this.#reader.read()
        if (done) break
        const blocks = (text + decoder.decode(value, { stream: true })).split('\n\n')
        text = blocks.pop() ?? ''
        for (const block of blocks) this.#take(block)
      }
    } catch {
      // A server that is killed ends its streams in the middle.
    }
    this.ended = true
  }

  #take(block: string): void {
    const fields = new Map(block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), after(line)]))
    const comment = fields.get('')
    const retry = fields.get('retry')
    if (comment !== undefined) this.comments.push(comment)
    if (retry !== undefined) this.retryMs = Number(retry)
    const event = fields.get('event')
    const id = fields.get('id') ?? null
    if (event !== undefined) this.events.push({ event, id, data: JSON.parse(fields.get('data') ?? 'null') })
  }
}

function after(line: string): string {
  return line.slice(line.indexOf(':') + 1).trimStart()
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
