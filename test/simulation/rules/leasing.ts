import { covers } from '../../../core/cursor.ts'
import type { TicketId } from '../../../core/ids.ts'
import type { Lease } from '../../../core/lease.ts'
import type { Device } from './device.ts'

const TIMEOUT_MS = 10_000

/** A device's half of the strict policy: what it says of a lease or a recall is on its disk before. */
export class Leasing {
  readonly #device: Device
  #keptFor: string | null = null

  constructor(device: Device) {
    this.#device = device
  }

  /** Takes the lease as the Gatekeeper has it. */
  hear(lease: Lease | null): void {
    const device = this.#device
    const { disk } = device
    const before = disk.lease
    const isKnown = lease !== null && before?.generation === lease.generation
    if (lease?.state === 'held' && (!isKnown || before.state === 'ending')) {
      // Overtaken: this one was given back, or never written down here, and nobody was admitted by it since.
      this.#giveBack(lease)
      return
    }
    const isOffered = lease?.state === 'offered'
    const isIgnored = lease?.state === 'ending' && device.around.broken === 'endedLease'
    device.write(
      () => {
        if (!isIgnored) disk.putLease(lease)
        // What was called back under an earlier lease was told before this one began.
        if (isOffered && !isKnown) disk.putGone(new Set())
      },
      () => {
        if (isOffered) device.say({ type: 'lease_taken', generation: lease.generation })
        else if (lease?.state === 'held') this.check()
        else if (lease?.state === 'ending') this.#giveBack(lease)
      },
    )
  }

  /** Writes a ticket down as gone, brings home what is pending of it, and only then says so. */
  recall(ticketId: TicketId, id: number): void {
    const device = this.#device
    const { disk, homecoming, around } = device
    const no = around.places.ofTicket.get(ticketId) as number
    const say = () => device.say({ type: 'recalled', id })
    device.write(
      () => {
        if (around.broken !== 'recallIsKept') disk.putGone(new Set([...disk.gone, ticketId]))
      },
      () => {
        if (homecoming.isHome(no) || around.broken === 'homeBeforeRecalled') {
          say()
          return
        }
        homecoming.flush(no, TIMEOUT_MS, () => {
          if (homecoming.isHome(no)) say()
        })
      },
    )
  }

  /** Once everything up to the lease's beginning is known, that knowledge is kept: a restart must not undo it. */
  check(): void {
    const { disk, known } = this.#device
    const needed = disk.lease?.state === 'held' ? disk.lease.cursor : null
    if (needed === null || needed === this.#keptFor || known === null || !covers(known.head.cursor, needed)) return
    this.#keptFor = needed
    this.#device.keep()
  }

  /** Tries again to give back what is to be given back: after each sync. */
  settle(): void {
    const { lease } = this.#device.disk
    if (lease?.state === 'ending') this.#giveBack(lease)
  }

  /** Stops admitting alone, for good, and then brings everything home; only after that it may be said. */
  #giveBack(lease: Lease): void {
    const device = this.#device
    const { disk, homecoming, around } = device
    const ending: Lease = { ...lease, state: 'ending' }
    const say = () => device.say({ type: 'lease_returned', generation: lease.generation })
    device.write(
      () => {
        if (around.broken !== 'endedLease') disk.putLease(ending)
      },
      () =>
        homecoming.flush(null, TIMEOUT_MS, () => {
          if (disk.pending(null, 1).length === 0) say()
        }),
    )
  }
}
