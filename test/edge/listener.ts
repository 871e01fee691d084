import { exports } from 'cloudflare:workers'
import type { ClientMessageInput, ServerMessage } from '../../core/live.ts'

// A test reads what the contract promises, field by field.
// biome-ignore lint/suspicious/noExplicitAny: the answer to any scan
type Body = any

/** Long enough for a machine that does much else; how soon something arrives is measured in `bench/`. */
const PATIENCE_MS = 15_000

type Message<T extends ServerMessage['type']> = Extract<ServerMessage, { type: T }>

/** Somebody at a live socket: what arrived is kept, and can be waited for. */
export class Listener {
  readonly socket: WebSocket
  readonly messages: ServerMessage[] = []
  /** The code that the socket was closed with, once it was. */
  closed: number | null = null
  #taken = 0

  constructor(socket: WebSocket) {
    this.socket = socket
    socket.addEventListener('message', ({ data }) => {
      if (data !== 'pong') this.messages.push(JSON.parse(String(data)))
    })
    socket.addEventListener('close', ({ code }) => {
      this.closed = code
    })
    socket.accept()
  }

  /** The next message of this kind that was not taken yet, as soon as there is one; others before it are passed over. */
  async next<T extends ServerMessage['type']>(type: T, withinMs = PATIENCE_MS): Promise<Message<T>> {
    for (const deadline = Date.now() + withinMs; Date.now() < deadline; await scheduler.wait(10)) {
      const place = this.messages.findIndex((message, i) => i >= this.#taken && message.type === type)
      if (place < 0) continue
      this.#taken = place + 1
      return this.messages[place] as Message<T>
    }
    throw new Error(`no ${type} within ${withinMs} ms; there was ${JSON.stringify(this.messages)}`)
  }

  of<T extends ServerMessage['type']>(type: T): Message<T>[] {
    return this.messages.filter((message) => message.type === type) as Message<T>[]
  }

  send(message: ClientMessageInput): void {
    this.socket.send(JSON.stringify(message))
  }

  /** Sends a scan; what is answered to it is read with `answers`. */
  sendScan(id: string, scan: object): void {
    this.send({ type: 'scan', id, scan: { gateId: 'GATE-A', ...scan } })
  }

  /** The answers to so many scans, in the order in which they came. */
  async answers(count: number): Promise<Message<'answer'>[]> {
    const answers: Message<'answer'>[] = []
    while (answers.length < count) answers.push(await this.next('answer'))
    return answers
  }

  /** Sends a scan and waits for its answer, as `call` does over HTTP. */
  async scan(qrPayload: string, more: object = {}): Promise<{ status: number; body: Body }> {
    const id = crypto.randomUUID()
    this.sendScan(id, { qrPayload, ...more })
    const [answer] = await this.answers(1)
    if (answer?.id !== id) throw new Error(`asked ${id} and was answered ${answer?.id}`)
    return answer
  }

  async untilClosed(withinMs = PATIENCE_MS): Promise<number> {
    for (const deadline = Date.now() + withinMs; Date.now() < deadline; await scheduler.wait(10)) {
      if (this.closed !== null) return this.closed
    }
    throw new Error('the socket is still open')
  }
}

/** Asks for a live socket; gives the answer. */
export function askLive(eventId: string, as: string | null, query = '', headers: Record<string, string> = {}) {
  return exports.default.fetch(
    new Request(`https://admit.example/api/hp-scanner/live/${eventId}${query}`, {
      headers: { Upgrade: 'websocket', ...(as === null ? {} : { Authorization: `Bearer ${as}` }), ...headers },
    }),
  )
}

export async function listen(eventId: string, as: string | null, query = ''): Promise<Listener> {
  const response = await askLive(eventId, as, query)
  if (!response.webSocket) throw new Error(`no socket: ${response.status} ${await response.text()}`)
  return new Listener(response.webSocket)
}
