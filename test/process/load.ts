import { setTimeout as sleep } from 'node:timers/promises'
import { type Device, gateA, gateB, inParallel, type Scan, untilAnswered, type Venue } from './client.ts'
import { type Acked, ackOf } from './history.ts'

/** A scan that was sent at least once and not answered, or not listened to. */
type Pending = { device: Device; ticketId: string; scan: Scan; sentAt: number }

/**
 * Stewards at work: many at once over a few devices, with first scans, duplicates, several at the same ticket, the same
 * scan sent twice at a time, and calls that are hung up on. What is lost on the way is sent again with its scanId.
 */
export class Load {
  readonly acked: Acked[] = []
  /** Calls that were sent and have no answer yet. */
  underWay = 0
  readonly #venue: Venue
  readonly #random: () => number
  readonly #unanswered: Pending[] = []
  readonly #clients: Promise<void>[]
  #nextTicket = 0
  #stopping = false

  constructor(venue: Venue, clients: number, seed: number) {
    this.#venue = venue
    this.#random = randomFrom(seed)
    this.#clients = [...Array(clients).keys()].map((i) => this.#work(i))
  }

  /** Sends no new scans, and waits until no call is under way; what is not answered by then stays so. */
  async stop(): Promise<void> {
    this.#stopping = true
    await Promise.all(this.#clients)
  }

  /** Sends every scan that was never answered once more, and gives how many there were. */
  async settle(): Promise<number> {
    const pending = this.#unanswered.splice(0)
    await inParallel(pending, 32, (one) => this.#send(one, () => false))
    return pending.length
  }

  async #work(client: number): Promise<void> {
    const { devices } = this.#venue
    const device = devices[client % devices.length] as Device
    while (!this.#stopping) {
      const pending = this.#nextScan(device)
      const manner = this.#random()
      if (manner < 0.1) await this.#hangUpOn(pending)
      else if (manner < 0.2) await Promise.all([this.#send(pending), this.#send(pending)])
      else await this.#send(pending)
      await sleep(this.#random() * 120)
    }
  }

  #nextScan(device: Device): Pending {
    const { tickets } = this.#venue
    const kind = this.#random()
    // A new ticket, the one that was just shown, or any that was shown before.
    const i = kind < 0.6 ? this.#nextTicket++ : kind < 0.75 ? this.#nextTicket - 1 : this.#random() * this.#nextTicket
    const ticket = tickets[Math.max(0, Math.floor(i)) % tickets.length] as Venue['tickets'][number]
    const scan = {
      scanId: crypto.randomUUID(),
      qrPayload: ticket.token,
      gateId: this.#random() < 0.5 ? gateA : gateB,
    }
    return { device, ticketId: ticket.id, scan, sentAt: performance.now() }
  }

  async #send(pending: Pending, isEnough = () => this.#stopping): Promise<void> {
    const { device, ticketId, scan, sentAt } = pending
    const answer = await untilAnswered(() => this.#counting(() => device.scan(scan)), isEnough)
    if (answer) this.acked.push(ackOf(scan, answer, ticketId, sentAt))
    else this.#unanswered.push(pending)
  }

  async #hangUpOn(pending: Pending): Promise<void> {
    const signal = AbortSignal.timeout(1 + Math.floor(this.#random() * 8))
    // Whether it arrived, and what came of it, is not known to anybody here.
    await this.#counting(() => pending.device.scan(pending.scan, signal)).catch(() => {})
    this.#unanswered.push(pending)
  }

  async #counting<T>(call: () => Promise<T>): Promise<T> {
    this.underWay++
    try {
      return await call()
    } finally {
      this.underWay--
    }
  }
}

/** Numbers in [0, 1) that are the same for the same seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}
