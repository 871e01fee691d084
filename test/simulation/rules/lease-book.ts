import type { DeviceId, GateId, TicketId, TypeId, ZoneId } from '../../../core/ids.ts'
import { homeGate, type Lease, type LeaseGate, leaseGates } from '../../../core/lease.ts'
import type { Held } from '../../../durable-objects/offline/leases.ts'
import type { Evening } from './evening.ts'
import type { Journal } from './journal.ts'
import type { Ledger } from './ledger.ts'
import type { Broken } from './rules.ts'

type Row = { gateId: GateId; deviceId: DeviceId; generation: number; state: Lease['state']; cursor: string | null }

/** A device that is enrolled, in the order in which they were. */
export type Enrolled = { deviceId: DeviceId; gateId: GateId; isRevoked: boolean }

/** Which device holds which gate's share, and what it gave up of it: what the Gatekeeper has stored of leases. */
export class LeaseBook {
  readonly devices: Enrolled[] = []
  moved = 0
  readonly #evening: Evening
  readonly #ledger: Ledger
  readonly #journal: Journal
  readonly #broken: Broken
  #rows = new Map<GateId, Row>()
  /** By gate and ticket: under which id a ticket was asked back, and whether the holder said that it gave it up. */
  #recalls = new Map<GateId, Map<TicketId, { id: number; isAnswered: boolean }>>()
  #gates: readonly LeaseGate[] = []
  #gatesRevision = 0
  #generation = 0
  /** The shipped hash of a ticket is the same as long as the gates are. */
  #homes = new Map<string, GateId | null>()

  constructor(evening: Evening, ledger: Ledger, journal: Journal, broken: Broken) {
    this.#evening = evening
    this.#ledger = ledger
    this.#journal = journal
    this.#broken = broken
  }

  get isStrict(): boolean {
    return this.#evening.policy === 'strict'
  }

  heldAgainst(shared: { ticketId: TicketId; type: TypeId; zone: ZoneId }, deviceId: DeviceId | null): Held | null {
    if (this.#rows.size === 0 || this.#broken === 'holderAsked') return null
    const gateId = this.#homeOf(shared)
    const row = gateId === null ? undefined : this.#rows.get(gateId)
    if (!row || gateId === null || row.state === 'offered' || row.deviceId === deviceId) return null
    const recall = this.#recalls.get(gateId)?.get(shared.ticketId)
    if (recall && (recall.isAnswered || this.#broken === 'givenUpWhenSaid')) return null
    return { gateId, holder: row.deviceId, ticketId: shared.ticketId }
  }

  of(deviceId: DeviceId): Lease | null {
    const row = this.#rowOf(deviceId)
    if (!row) return null
    const { gateId, generation, state, cursor } = row
    return { generation, gateId, gates: this.#gates as LeaseGate[], state, cursor }
  }

  /** Keeps that a ticket was asked back, under the id that the answer will name. */
  recall({ gateId, ticketId }: Held, id: number): void {
    const all = this.#recalls.get(gateId) ?? new Map<TicketId, { id: number; isAnswered: boolean }>()
    const before = all.get(ticketId)
    this.#recalls.set(gateId, all)
    all.set(ticketId, { id, isAnswered: false })
    this.#journal.wrote(() => {
      if (before) all.set(ticketId, before)
      else all.delete(ticketId)
    })
  }

  giveUp(deviceId: DeviceId, id: number): void {
    for (const [gateId, all] of this.#recalls) {
      for (const [ticketId, recall] of all) {
        if (recall.id !== id || this.#rows.get(gateId)?.deviceId !== deviceId) continue
        all.set(ticketId, { id, isAnswered: true })
        this.#journal.wrote(() => all.set(ticketId, recall))
        return
      }
    }
  }

  /** Looks who may hold what now; gives who is to be told. */
  review(ready: ReadonlySet<DeviceId>): DeviceId[] {
    if (!this.isStrict) return []
    const told: DeviceId[] = []
    const { configuredAt } = this.#ledger
    const hasChanged = this.#gatesRevision !== configuredAt
    for (const row of [...this.#rows.values()]) {
      if (row.state === 'offered' && (hasChanged || !ready.has(row.deviceId))) {
        this.#remove(row)
        told.push(row.deviceId)
      } else if (row.state === 'held' && hasChanged) {
        this.#put({ ...row, state: 'ending' })
        told.push(row.deviceId)
      } else if (row.state === 'ending' && this.#broken === 'leaseComesBack') {
        this.#remove(row)
      }
    }
    if (hasChanged && this.#rows.size === 0) this.#setGates(configuredAt)
    if (this.#gatesRevision !== configuredAt) return told
    for (const { gateId } of this.#gates) {
      if (this.#rows.has(gateId)) continue
      const next = this.devices.find(
        (one) => one.gateId === gateId && !one.isRevoked && ready.has(one.deviceId) && !this.#rowOf(one.deviceId),
      )
      if (!next) continue
      const generation = this.#generation + 1
      this.#generation = generation
      this.#journal.wrote(() => {
        this.#generation = generation - 1
      })
      this.#put({ gateId, deviceId: next.deviceId, generation, state: 'offered', cursor: null })
      told.push(next.deviceId)
    }
    return told
  }

  /** A device has written its offered lease down. */
  take(deviceId: DeviceId, generation: number, cursor: string): void {
    const row = this.#rowOf(deviceId)
    if (row?.generation !== generation || row.state !== 'offered') return
    this.#put({ ...row, state: 'held', cursor })
    this.moved += 1
  }

  giveBack(deviceId: DeviceId, generation: number): void {
    const row = this.#rowOf(deviceId)
    if (row?.generation === generation) this.#remove(row)
  }

  /** A supervisor says that a device is found and off. */
  release(deviceId: DeviceId): void {
    const device = this.devices.find((one) => one.deviceId === deviceId)
    if (device && !device.isRevoked) {
      device.isRevoked = true
      this.#journal.wrote(() => {
        device.isRevoked = false
      })
    }
    const row = this.#rowOf(deviceId)
    if (row) this.#remove(row)
  }

  /** After a crash a Gatekeeper that stored no lease knows of none. */
  restart(): void {
    if (this.#broken === 'leaseIsStored') this.#rows.clear()
  }

  #homeOf(shared: { ticketId: TicketId; type: TypeId; zone: ZoneId }): GateId | null {
    const key = shared.ticketId + shared.zone
    const known = this.#homes.get(key)
    if (known !== undefined) return known
    const home = homeGate(this.#gates, shared)
    this.#homes.set(key, home)
    return home
  }

  #setGates(configuredAt: number): void {
    const [gates, revision] = [this.#gates, this.#gatesRevision]
    this.#gates = leaseGates(this.#ledger.gates.values(), this.#evening.types)
    this.#gatesRevision = configuredAt
    this.#homes = new Map()
    this.#journal.wrote(() => {
      this.#gates = gates
      this.#gatesRevision = revision
      this.#homes = new Map()
    })
  }

  #rowOf(deviceId: DeviceId): Row | undefined {
    for (const row of this.#rows.values()) if (row.deviceId === deviceId) return row
    return undefined
  }

  #put(row: Row): void {
    const before = this.#rows.get(row.gateId)
    this.#rows.set(row.gateId, row)
    this.#journal.wrote(() => {
      if (before) this.#rows.set(row.gateId, before)
      else this.#rows.delete(row.gateId)
    })
  }

  #remove(row: Row): void {
    const recalls = this.#recalls.get(row.gateId)
    this.#rows.delete(row.gateId)
    // The next holder begins with everything that happened until then: nothing is given up yet.
    this.#recalls.delete(row.gateId)
    this.#journal.wrote(() => {
      this.#rows.set(row.gateId, row)
      if (recalls) this.#recalls.set(row.gateId, recalls)
    })
  }
}
