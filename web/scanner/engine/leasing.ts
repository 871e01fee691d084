import { covers } from '../../../core/cursor.ts'
import type { TicketId } from '../../../core/ids.ts'
import type { Lease } from '../../../core/lease.ts'
import type { ClientMessageInput } from '../../../core/live.ts'
import type { Knowing } from './knowing.ts'
import type { Ports } from './ports.ts'
import type { Queue } from './queue.ts'

/**
 * This device's half of the promise that under the `strict` policy no ticket enters twice. Whatever it tells the
 * Gatekeeper of a lease or a recall is on the disk before it is told, where every decision that this device makes
 * alone, in any tab, looks it up.
 */
export class Leasing {
  readonly #store: Ports['store']
  readonly #queue: Queue
  readonly #knowing: Knowing
  #lease: Lease | null = null
  #isKept = false
  #hearing: Promise<unknown> = Promise.resolve()
  /** Told where the lease is another than before. */
  onChange: (lease: Lease | null) => void = () => {}
  /** Told where there is something to say, at another time than the server asked. */
  say: (message: ClientMessageInput) => void = () => {}

  constructor(store: Ports['store'], queue: Queue, knowing: Knowing) {
    this.#store = store
    this.#queue = queue
    this.#knowing = knowing
  }

  async load(): Promise<void> {
    this.#set(await this.#store.get('lease'))
  }

  forget(): void {
    this.#set(null)
  }

  /** Takes the lease as the Gatekeeper has it; gives what to answer, if anything. One after the other. */
  hear(lease: Lease | null): Promise<ClientMessageInput | null> {
    const heard = this.#hearing.then(() => this.#hear(lease))
    this.#hearing = heard.catch(() => null)
    return heard
  }

  /** Writes tickets down as gone; gives whether the Gatekeeper may be told that they are. */
  async recall(ticketIds: TicketId[]): Promise<boolean> {
    await this.#store.putGone(ticketIds)
    if (await this.#queue.isHome(ticketIds)) return true
    // It was admitted here already, perhaps: the Gatekeeper must hear of that before it lets anybody in.
    for (const ticketId of ticketIds) await this.#queue.flush({ ticketId })
    return this.#queue.isHome(ticketIds)
  }

  /** Once everything up to the lease's beginning is known, that knowledge is kept: a restart must not undo it. */
  async check(): Promise<void> {
    const needed = this.#lease?.state === 'held' ? this.#lease.cursor : null
    const cursor = this.#knowing.known?.head.cursor
    if (needed === null || this.#isKept || cursor === undefined || !covers(cursor, needed)) return
    this.#isKept = true
    await this.#knowing.keep()
  }

  /** Tries again to give back what is to be given back: after each sync. */
  async settle(): Promise<void> {
    if (this.#lease?.state !== 'ending') return
    const said = await this.giveBack()
    if (said !== null) this.say(said)
  }

  /** Stops admitting alone, for good, and then brings everything home; only after that it may be said. */
  async giveBack(): Promise<ClientMessageInput | null> {
    const lease = this.#lease
    if (lease === null) return null
    const ending: Lease = { ...lease, state: 'ending' }
    await this.#store.put('lease', ending)
    this.#set(ending)
    await this.#queue.flush()
    const left = (await this.#store.count('alone')) + (await this.#store.count('set_aside'))
    return left === 0 ? { type: 'lease_returned', generation: lease.generation } : null
  }

  async #hear(lease: Lease | null): Promise<ClientMessageInput | null> {
    const before = await this.#store.get('lease')
    const isKnown = lease !== null && before?.generation === lease.generation
    if (lease?.state === 'held' && (!isKnown || before.state === 'ending')) {
      // Overtaken: this one was given back, or never written down here, and nobody was admitted by it since.
      this.#set({ ...lease, state: 'ending' })
      return this.giveBack()
    }
    await this.#store.put('lease', lease)
    this.#set(lease)
    switch (lease?.state) {
      case 'offered':
        // What was called back under an earlier lease was told before this one began; the new cursor covers it.
        if (!isKnown) await this.#store.clearGone()
        return { type: 'lease_taken', generation: lease.generation }
      case 'held':
        await this.check()
        return null
      case 'ending':
        return this.giveBack()
      case undefined:
        return null
    }
  }

  #set(lease: Lease | null): void {
    if (lease?.cursor !== this.#lease?.cursor) this.#isKept = false
    this.#lease = lease
    this.onChange(lease)
  }
}
