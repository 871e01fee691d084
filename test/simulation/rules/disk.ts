import type { TicketId } from '../../../core/ids.ts'
import type { Lease } from '../../../core/lease.ts'
import type { KeptScan } from '../../../web/scanner/engine/store.ts'
import type { Chance } from '../../chance.ts'
import type { Clockwork } from './clockwork.ts'
import { Journal } from './journal.ts'
import type { Known } from './known.ts'
import type { Broken } from './rules.ts'
import type { Presented } from './watcher.ts'

/** A scan as a device keeps it, and who showed what. */
export type Kept = KeptScan & { presented: Presented }

/** With the rule taken out that writes come before what is shown, they come to the disk so much later. */
const LAZY_MS = 2000

/** A device's storage. What is written shows at once, and stands from when `then` is called. */
export class Disk {
  readonly all: Kept[] = []
  lease: Lease | null = null
  gone = new Set<TicketId>()
  /** The list as it was last kept, and up to which revision the device had been told then. */
  known: { known: Known; toldRevision: number } | null = null
  readonly #byTicket: Kept[][] = []
  readonly #journal = new Journal()
  readonly #clock: Clockwork
  readonly #chance: Chance
  readonly #broken: Broken

  constructor(clock: Clockwork, chance: Chance, broken: Broken) {
    this.#clock = clock
    this.#chance = chance
    this.#broken = broken
  }

  /** One transaction: all of `work` stands, or nothing. Gives after how long it does. */
  write(work: () => void): number {
    const { now } = this.#clock
    const isLazy = this.#broken === 'savedFirst'
    const takes = this.#chance.between(1, 4)
    this.#journal.tidy(now)
    this.#journal.onDiskAt = Math.max(this.#journal.onDiskAt, now + (isLazy ? LAZY_MS : takes))
    work()
    return isLazy ? takes : this.#journal.onDiskAt - now
  }

  /** The power goes. What was being written may stand or not. */
  crash(): void {
    if (this.#chance.happens(0.5) || this.#broken === 'savedFirst') this.#journal.crash(this.#clock.now)
  }

  ofTicket(no: number): readonly Kept[] {
    return this.#byTicket[no] ?? []
  }

  pending(no: number | null, limit: number): Kept[] {
    const found: Kept[] = []
    for (const scan of no === null ? this.all : this.ofTicket(no)) {
      if (scan.state === 'alone' && found.push(scan) === limit) break
    }
    return found
  }

  add(scan: Kept): void {
    const mine = this.#byTicket[scan.presented.no] ?? []
    this.#byTicket[scan.presented.no] = mine
    mine.push(scan)
    this.all.push(scan)
    this.#journal.wrote(() => {
      mine.splice(mine.indexOf(scan), 1)
      this.all.splice(this.all.indexOf(scan), 1)
    })
  }

  change(scan: Kept, to: Partial<Pick<Kept, 'state' | 'verdict' | 'seq' | 'annulled' | 'direction'>>): void {
    const { state, verdict, seq, annulled, direction } = scan
    Object.assign(scan, to)
    this.#journal.wrote(() => Object.assign(scan, { state, verdict, seq, annulled, direction }))
  }

  putLease(lease: Lease | null): void {
    const before = this.lease
    this.lease = lease
    this.#journal.wrote(() => {
      this.lease = before
    })
  }

  putGone(gone: Set<TicketId>): void {
    const before = this.gone
    this.gone = gone
    this.#journal.wrote(() => {
      this.gone = before
    })
  }

  putKnown(known: Known, toldRevision: number): void {
    const before = this.known
    this.known = { known, toldRevision }
    this.#journal.wrote(() => {
      this.known = before
    })
  }
}
