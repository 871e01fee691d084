import type { ClientMessageInput } from '../../../core/live.ts'
import { type Reply, replyOf } from './calls.ts'
import { number, record, text, type Wire } from './wire.ts'

/**
 * Scans over the socket that the device listens on, while there is one that takes them. A scan that the socket took and
 * did not answer may have been judged: it is asked again elsewhere, under the same `scanId`.
 */
export class ScanLane {
  /** Told when the server was heard. */
  onHeard: () => void = () => {}
  readonly #waiting = new Map<string, (reply: Reply) => void>()
  #send: ((message: ClientMessageInput) => void) | null = null
  #asked = 0

  /** The socket takes scans from now on. */
  open(send: (message: ClientMessageInput) => void): void {
    this.#send = send
  }

  /** The socket is gone, and with it the answers that were to come. */
  close(): void {
    this.#send = null
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const answered of waiting) answered({ kind: 'no_answer' })
  }

  /** Asks over the socket; null where there is none. The answer may never come: whoever waits has a deadline. */
  ask(scan: object): Promise<Reply> | null {
    const send = this.#send
    if (send === null) return null
    const id = String(++this.#asked)
    return new Promise((answered) => {
      this.#waiting.set(id, answered)
      send({ type: 'scan', id, scan })
    })
  }

  /** An answer that the socket brought. What nobody waits for any more is nobody's. */
  hear(message: Wire): void {
    const id = text(message.id) ?? ''
    const answered = this.#waiting.get(id)
    this.#waiting.delete(id)
    const reply = replyOf(number(message.status) ?? 0, record(message.body))
    if (reply.kind !== 'no_answer') this.onHeard()
    answered?.(reply)
  }
}
