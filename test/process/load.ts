import { setTimeout as sleep } from 'node:timers/promises'
import { type Answer, type Device, gateA, gateB, inParallel, type Scan, untilAnswered, type Venue } from './client.ts'
import { CutOff } from './cut-off.ts'
import { type Acked, ackOf, type Synced, type Told } from './history.ts'

/** A scan that was sent at least once and not answered, or not listened to. */
type Pending = { device: Device; ticketId: string; scan: Scan; sentAt: number }

/** How many stewards with the network and how many gates without one; how long a steward takes between two scans. */
export type Crowd = { clients: number; cutOff: number; pauseMs: number; seed: number }

/**
 * Stewards at work: many at once over a few devices, with first scans, duplicates, several at the same ticket, the same
 * scan sent twice at a time, and calls that are hung up on. What is lost on the way is sent again with its scanId.
 */
export class Load {
  readonly acked: Acked[] = []
  /** Calls that were sent and have no answer yet. */
  underWay = 0
  /** How often the server said that it does not know, by status. */
  readonly unknown: Record<number, number> = {}
  readonly #venue: Venue
  readonly #random: () => number
  readonly #unanswered: Pending[] = []
  /** Scans that were hung up on, whatever became of them since. */
  readonly #unheard: Pending[] = []
  readonly #clients: Promise<void>[]
  readonly #gates: CutOff[]
  readonly #pauseMs: number
  #nextTicket = 0
  #stopping = false

  constructor(venue: Venue, { clients, cutOff, pauseMs, seed }: Crowd) {
    this.#venue = venue
    this.#pauseMs = pauseMs
    this.#random = randomFrom(seed)
    // The last devices are the ones that are cut off: a device with a network keeps no scans back.
    const gates = venue.devices.slice(venue.devices.length - cutOff)
    this.#gates = gates.map((device) => new CutOff(device, this.#random, () => this.#nextTicketOf(0.4)))
    this.#clients = [
      ...[...Array(clients).keys()].map((i) => this.#work(i)),
      ...this.#gates.map((gate) => this.#workAlone(gate)),
    ]
  }

  /** All that those at the doors know. */
  get told(): Required<Told> {
    const unheard = this.#unheard.map(({ scan, ticketId, sentAt }) => ({ scanId: scan.scanId, ticketId, sentAt }))
    return { acked: this.acked, synced: this.synced, unheard }
  }

  get synced(): Synced[] {
    return this.#gates.flatMap(({ synced }) => synced)
  }

  /** Answers so far, from scans one by one and from those that were brought home. */
  get answered(): number {
    return this.acked.length + this.#gates.reduce((sum, { synced }) => sum + synced.length, 0)
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
    await Promise.all(this.#gates.map((gate) => gate.bringHome(() => false)))
    return pending.length
  }

  async #work(client: number): Promise<void> {
    const { devices } = this.#venue
    const device = devices[client % (devices.length - this.#gates.length)] as Device
    while (!this.#stopping) {
      const pending = this.#nextScan(device)
      const manner = this.#random()
      if (manner < 0.1) await this.#hangUpOn(pending)
      else if (manner < 0.2) await Promise.all([this.#send(pending), this.#send(pending)])
      else await this.#send(pending)
      await sleep(this.#random() * 2 * this.#pauseMs)
    }
  }

  async #workAlone(gate: CutOff): Promise<void> {
    while (!this.#stopping) {
      await gate.spell(() => this.#stopping)
      await sleep(this.#random() * 20 * this.#pauseMs)
    }
  }

  #nextScan(device: Device): Pending {
    const ticket = this.#nextTicketOf(0.6)
    const scan = {
      scanId: crypto.randomUUID(),
      qrPayload: ticket.token,
      gateId: this.#random() < 0.5 ? gateA : gateB,
    }
    return { device, ticketId: ticket.id, scan, sentAt: performance.now() }
  }

  /** A new ticket, the one that was just shown, or any that was shown before. */
  #nextTicketOf(newOnes: number): Venue['tickets'][number] {
    const { tickets } = this.#venue
    const kind = this.#random()
    const anyNew = this.#nextTicket < tickets.length
    const isNew = anyNew && kind < newOnes
    // Where there is no new one any more, all would come with the last.
    const isLast = anyNew && kind < 0.75
    const i = isNew ? this.#nextTicket++ : isLast ? this.#nextTicket - 1 : this.#random() * this.#nextTicket
    return tickets[Math.max(0, Math.floor(i))] as Venue['tickets'][number]
  }

  async #send(pending: Pending, isEnough = () => this.#stopping): Promise<void> {
    const { device, ticketId, scan, sentAt } = pending
    const answer = await untilAnswered(() => this.#counting(() => device.scan(scan)), isEnough)
    if (answer) this.acked.push(ackOf(scan, answer, ticketId, sentAt))
    else this.#leave(pending)
  }

  async #hangUpOn(pending: Pending): Promise<void> {
    const signal = AbortSignal.timeout(1 + Math.floor(this.#random() * 8))
    // Whether it arrived, and what came of it, is not known to anybody here.
    await this.#counting(() => pending.device.scan(pending.scan, signal)).catch(() => {})
    this.#leave(pending)
  }

  #leave(pending: Pending): void {
    this.#unanswered.push(pending)
    this.#unheard.push(pending)
  }

  async #counting<T>(call: () => Promise<Answer<T>>): Promise<Answer<T>> {
    this.underWay++
    try {
      const answer = await call()
      if (answer.status >= 500) this.unknown[answer.status] = (this.unknown[answer.status] ?? 0) + 1
      return answer
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
