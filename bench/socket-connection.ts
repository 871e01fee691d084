import { WebSocket } from 'ws'
import type { Answer } from './http-answer.ts'
import type { Asker } from './load.ts'

/** One kept-open socket over which scans are asked, one under way at a time. */
export class SocketConnection implements Asker {
  readonly #socket: WebSocket
  #answered: ((answer: Answer) => void) | null = null
  #isClosing = false

  private constructor(socket: WebSocket, onFailure: (error: Error) => void) {
    this.#socket = socket
    socket.on('message', (data) => this.#receive(String(data)))
    socket.on('error', onFailure)
    socket.on('close', (code) => {
      if (!this.#isClosing) onFailure(new Error(`the server hung up with ${code}`))
    })
  }

  static open(url: string, token: string, onFailure: (error: Error) => void): Promise<SocketConnection> {
    return new Promise((resolve, reject) => {
      const headers = { Authorization: `Bearer ${token}` }
      const socket = new WebSocket(url, { headers, perMessageDeflate: false })
      socket.once('error', reject)
      socket.once('open', () => {
        socket.off('error', reject)
        resolve(new SocketConnection(socket, onFailure))
      })
    })
  }

  ask(request: string, answered: (answer: Answer) => void): void {
    this.#answered = answered
    this.#socket.send(request)
  }

  close(): void {
    this.#isClosing = true
    this.#answered = null
    this.#socket.terminate()
  }

  #receive(text: string): void {
    // Whoever listens hears of other things, too.
    if (!text.startsWith('{"type":"answer"')) return
    const status = Number(/"status":(\d+)/.exec(text)?.[1])
    const answered = this.#answered
    this.#answered = null
    answered?.({ status, head: '', body: text })
  }
}
