import { setTimeout as sleep } from 'node:timers/promises'
import { defaultQrStyle, qrSvg } from '../../core/qr.ts'
import type { Ticket } from './client.ts'
import type { Violation } from './history.ts'

const PAUSE_MS = 50
const PATIENCE_MS = 1000
/** Some of those that KV keeps. */
const sizes = [128, 200, 256, 300, 400, 500, 512, 600]

type Own = Ticket & { token: string }

/**
 * People who look at their tickets, each twice: at an image that nobody has asked for, and at one that was just drawn. What
 * keeps images is only a cache, so that each of them sees the code of the ticket whatever becomes of it.
 */
export class Holders {
  readonly missed: Violation[] = []
  looks = 0
  readonly #tickets: Own[]
  readonly #looking: Promise<void>
  #stopping = false

  /** Takes tickets whose codes are ours, which were not printed elsewhere. */
  constructor(tickets: Own[]) {
    this.#tickets = tickets
    this.#looking = this.#look()
  }

  async stop(): Promise<void> {
    this.#stopping = true
    await this.#looking
  }

  async #look(): Promise<void> {
    for (; !this.#stopping; await sleep(PAUSE_MS)) {
      const image = Math.floor(this.looks++ / 2)
      const ticket = this.#tickets[image % this.#tickets.length] as Own
      const size = sizes[Math.floor(image / this.#tickets.length) % sizes.length] as number
      const drawn = qrSvg(ticket.token, { ...defaultQrStyle, size })
      const seen = await this.#seeSoon(`${ticket.qr.svg}?size=${size}`, drawn)
      if (seen !== null) this.missed.push({ rule: 'no image', detail: `the image of ticket ${ticket.id}: ${seen}` })
    }
  }

  /** A page asks again where the server does not know; gives what was seen in the place of the drawing, or null. */
  async #seeSoon(url: string, drawn: string): Promise<string | null> {
    for (const deadline = performance.now() + PATIENCE_MS; ; await sleep(PAUSE_MS)) {
      const { status, text } = await see(url)
      if (text === drawn) return null
      if (status < 500 || performance.now() > deadline) return `${status} ${text.slice(0, 100)}`
    }
  }
}

async function see(url: string): Promise<{ status: number; text: string }> {
  const image = await fetch(url)
  return { status: image.status, text: await image.text() }
}
