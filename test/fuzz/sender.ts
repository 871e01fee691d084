import { Agent, type IncomingMessage, request } from 'node:http'
import type { Hostile } from './naughty.ts'
import type { Answered } from './verdicts.ts'

export const AT_ONCE = 16
export const PATIENCE_MS = 20_000
/** A body of which some may still be on its way when the server has refused it and closes the connection. */
const LARGE_BYTES = 64 * 1024

/** Sends requests as they are: nothing is put in order on the way, as `fetch` would. */
export class Sender {
  readonly #url: URL
  readonly #agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE })

  constructor(url: string) {
    this.#url = new URL(url)
  }

  /** null: no answer came in time, or none at all. */
  send(hostile: Hostile): Promise<Answered | null> {
    return this.#send(hostile, this.#agent, 4)
  }

  /**
   * The server may close a connection that nobody uses just as it is used again, and one over which megabytes still come
   * after it has refused them: whether its answer or the closing is seen first is chance. So those two are asked again, over
   * a connection of their own. Any other that is cut off has no answer.
   */
  #send(hostile: Hostile, agent: Agent | false, triesLeft: number): Promise<Answered | null> {
    const { method, path, headers, body } = hostile
    return new Promise((resolve) => {
      const { hostname, port } = this.#url
      const length = body === null ? {} : { 'Content-Length': String(body.length) }
      const asked = request(
        { hostname, port, method, path, headers: { ...headers, ...length }, agent, timeout: PATIENCE_MS },
        (response) => {
          const chunks: Buffer[] = []
          const end = () => resolve(answered(response, Buffer.concat(chunks).toString('utf8')))
          // A stream of events has no end; that it began is an answer.
          if (response.headers['content-type']?.startsWith('text/event-stream')) {
            end()
            response.destroy()
            return
          }
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('end', end)
          response.on('error', () => resolve(null))
        },
      )
      // That a live socket was opened is an answer, too.
      asked.on('upgrade', (response, socket) => {
        socket.on('error', () => {
          // Whatever becomes of it, nobody listens.
        })
        socket.destroy()
        resolve(answered(response, ''))
      })
      asked.on('timeout', () => asked.destroy())
      asked.on('error', (error: NodeJS.ErrnoException) => {
        const wasClosed = error.code === 'EPIPE' || error.code === 'ECONNRESET'
        const isChance = asked.reusedSocket || (body?.length ?? 0) > LARGE_BYTES
        resolve(wasClosed && isChance && triesLeft > 0 ? this.#send(hostile, false, triesLeft - 1) : null)
      })
      if (body !== null) asked.write(body)
      asked.end()
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}

function answered({ statusCode = 0, headers }: IncomingMessage, text: string): Answered {
  return { status: statusCode, headers, text }
}
