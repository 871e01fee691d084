import { connect, type Socket } from 'node:net'
import { type Answer, AnswerReader } from './http-answer.ts'

/** One kept-alive HTTP/1.1 connection. `fetch` would take as much of the machine as the server it asks. */
export class Connection {
  readonly #socket: Socket
  readonly #reader = new AnswerReader()
  #answered: ((answer: Answer) => void) | null = null

  private constructor(socket: Socket, onFailure: (error: Error) => void) {
    this.#socket = socket
    socket.on('data', (bytes: Buffer) => this.#receive(bytes))
    socket.on('error', onFailure)
    socket.on('close', () => {
      if (this.#answered) onFailure(new Error('the server hung up on a call'))
    })
  }

  static open(port: number, onFailure: (error: Error) => void): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port, noDelay: true })
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        resolve(new Connection(socket, onFailure))
      })
    })
  }

  /** Sends a whole request. There is one under way at a time. */
  ask(request: string, answered: (answer: Answer) => void): void {
    this.#answered = answered
    this.#socket.write(request, 'utf8')
  }

  close(): void {
    this.#answered = null
    this.#socket.destroy()
  }

  #receive(bytes: Buffer): void {
    const answer = this.#reader.read(bytes)
    if (!answer) return
    const answered = this.#answered
    this.#answered = null
    answered?.(answer)
  }
}
