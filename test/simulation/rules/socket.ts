import type { Gate } from '../../../core/event.ts'
import type { TicketId } from '../../../core/ids.ts'
import type { Lease } from '../../../core/lease.ts'
import type { KnownStanding, KnownState } from '../../../core/snapshot.ts'
import type { Device } from './device.ts'
import type { Way } from './way.ts'

/** All that happened up to a cursor, since the one that was told last. */
export type Batch = {
  type: 'batch'
  standings: KnownStanding[]
  states: KnownState[]
  /** Where they are others than before. */
  gates: Gate[] | null
  seq: number
  revision: number
  cursor: string
  serverTime: number
}

/** What the Gatekeeper tells a device over its socket. */
export type ToDevice =
  | { type: 'pong' }
  | Batch
  | { type: 'lease'; lease: Lease | null }
  | { type: 'recall'; id: number; ticketId: TicketId }

/** What a device tells the Gatekeeper over it. */
export type FromDevice =
  | { type: 'ping' }
  | { type: 'ready' }
  | { type: 'recalled'; id: number }
  | { type: 'lease_taken' | 'lease_returned'; generation: number }

/** A connection: what is said on it comes in order, or nothing of it comes any more and both ends find out later. */
export class Socket {
  readonly device: Device
  /** As the Gatekeeper sees it. */
  seq = 0
  revision = 0
  heardAt = 0
  isReady = false
  isClosed = false
  #isBroken = false
  #downAt = 0
  #upAt = 0
  readonly #life: number
  readonly #way: Way

  constructor(device: Device, way: Way) {
    this.device = device
    this.#life = device.life
    this.#way = way
  }

  send(said: ToDevice): void {
    if (this.#isBroken) return
    this.#downAt = this.#way.inOrder(this.#downAt, () => {
      if (this.#isBroken) return
      if (this.device.isReachable(this.#life)) this.device.hear(this, said)
      else this.breakOff()
    })
  }

  say(said: FromDevice): void {
    if (this.#isBroken) return
    this.#upAt = this.#way.inOrder(this.#upAt, () => {
      if (this.#isBroken) return
      const { server } = this.#way
      if (!this.device.isCut && !server.isDown) server.hear(this, said)
      else this.breakOff()
    })
  }

  /** Nothing comes through any more. */
  breakOff(): void {
    this.#isBroken = true
  }

  /** The device's system closed it, and the Gatekeeper's hears of that. */
  close(): void {
    this.#isBroken = true
    this.isClosed = true
  }
}
