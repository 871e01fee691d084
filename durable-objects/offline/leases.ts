import { type DeviceId, type GateId, type TicketId, uuidToBytes } from '../../core/ids.ts'
import { homeGate, type Lease, type LeaseGate, leaseGates, type Shared } from '../../core/lease.ts'
import type { Device, Devices } from '../devices/devices.ts'
import type { Configuration } from '../event/configuration.ts'
import type { Meta } from '../meta.ts'

type State = Lease['state']
type Row = { gate: number; device: number; generation: number; state: State; cursor: string | null }

/** Somebody else's hold on a ticket: only that device may admit it, or give it up. */
export type Held = { gateId: GateId; holder: DeviceId; ticketId: TicketId }

/**
 * The strict policy: which device holds which gate's share of the tickets, and what it gave up of it. All of it is
 * stored, since a holder that is cut off goes on by what it was told, whatever happens here.
 */
export class Leases {
  readonly #sql: SqlStorage
  readonly #meta: Meta
  readonly #configuration: Configuration
  readonly #devices: Devices
  readonly #rows: Map<number, Row>
  #gates: LeaseGate[]

  constructor(sql: SqlStorage, meta: Meta, configuration: Configuration, devices: Devices) {
    this.#sql = sql
    this.#meta = meta
    this.#configuration = configuration
    this.#devices = devices
    const rows = sql.exec<Row>('SELECT * FROM lease').toArray()
    this.#rows = new Map(rows.map((row) => [row.gate, row]))
    this.#gates = JSON.parse(meta.text('lease_gates') ?? '[]')
  }

  /** Who else holds a ticket, if anybody does: a device that never heard of a recall may admit it alone at any time. */
  heldAgainst(shared: Shared, deviceId: DeviceId | null): Held | null {
    if (this.#rows.size === 0 || this.#configuration.event.policy.offline !== 'strict') return null
    const gateId = homeGate(this.#gates, shared)
    const gate = gateId === null ? undefined : this.#configuration.gates.numberOf(gateId)
    const row = gate === undefined ? undefined : this.#rows.get(gate)
    if (!row || gateId === null || row.state === 'offered') return null
    const holder = this.#devices.byNumber(row.device)?.id
    if (holder === undefined || holder === deviceId || this.#isGivenUp(row.gate, shared.ticketId)) return null
    return { gateId, holder, ticketId: shared.ticketId }
  }

  of(deviceId: DeviceId): Lease | null {
    const device = this.#devices.get(deviceId)
    const row = device && this.#rowOf(device)
    return row ? this.#show(row) : null
  }

  /** Keeps that a ticket was asked back, under the id that the answer will name. */
  recall({ gateId, ticketId }: Held, id: string): void {
    this.#sql.exec(
      'INSERT OR REPLACE INTO recall (gate, ticket, id, answered) VALUES (?, ?, ?, 0)',
      this.#configuration.gates.numberOf(gateId) ?? 0,
      uuidToBytes(ticketId),
      id,
    )
  }

  /** The holder wrote down that it gave a ticket up. Gives false where it was not this device that was asked. */
  giveUp(deviceId: DeviceId, recallId: string): boolean {
    const asked = this.#sql.exec<{ gate: number }>('SELECT gate FROM recall WHERE id = ?', recallId).toArray()[0]
    const row = asked && this.#rows.get(asked.gate)
    if (!row || row.device !== this.#devices.get(deviceId)?.no) return false
    this.#sql.exec('UPDATE recall SET answered = 1 WHERE id = ?', recallId)
    return true
  }

  /**
   * Looks who may hold what now: of each gate without a lease the first device enrolled for it that is ready. Where gates
   * or types have changed, the leases of before end first, since their shares are others. Gives who is to be told.
   */
  review(ready: ReadonlySet<DeviceId>): DeviceId[] {
    const told = new Set<DeviceId>()
    const tell = (row: Row) => told.add(this.#devices.byNumber(row.device)?.id as DeviceId)
    const isStrict = this.#configuration.event.policy.offline === 'strict'
    const now = isStrict ? leaseGates(this.#configuration.gates.all(), this.#configuration.types.all()) : []
    const hasChanged = JSON.stringify(now) !== JSON.stringify(this.#gates)
    for (const row of [...this.#rows.values()]) {
      if (row.state === 'offered' && (hasChanged || !ready.has(this.#devices.byNumber(row.device)?.id as DeviceId))) {
        this.#remove(row)
        tell(row)
      } else if (row.state === 'held' && hasChanged) {
        this.#put({ ...row, state: 'ending' })
        tell(row)
      }
    }
    if (hasChanged && this.#rows.size === 0) {
      this.#gates = now
      this.#meta.set('lease_gates', JSON.stringify(now))
    }
    if (!isStrict || JSON.stringify(now) !== JSON.stringify(this.#gates)) return [...told]
    for (const { gateId } of this.#gates) {
      const gate = this.#configuration.gates.numberOf(gateId) ?? 0
      if (this.#rows.has(gate)) continue
      const device = this.#devices
        .all()
        .find((one) => one.gateId === gateId && one.revokedAt === null && ready.has(one.id) && !this.#rowOf(one))
      if (!device) continue
      const row: Row = { gate, device: device.no, generation: this.#nextGeneration(), state: 'offered', cursor: null }
      this.#put(row)
      tell(row)
    }
    return [...told]
  }

  /** A device has written its offered lease down. From here on its share is refused elsewhere. */
  take(deviceId: DeviceId, generation: number, cursor: string): void {
    const row = this.#named(deviceId, generation)
    if (row?.state === 'offered') this.#put({ ...row, state: 'held', cursor })
  }

  /** A device will admit nobody alone any more under its lease. */
  giveBack(deviceId: DeviceId, generation: number): void {
    const row = this.#named(deviceId, generation)
    if (row) this.#remove(row)
  }

  /** A supervisor says that a device is found and off: what it held is free. */
  release(deviceId: DeviceId): void {
    const device = this.#devices.get(deviceId)
    const row = device && this.#rowOf(device)
    if (row) this.#remove(row)
  }

  /** Each grant has a number of its own: what is still under way about an earlier one must not be taken for this one. */
  #nextGeneration(): number {
    const generation = this.#meta.number('lease_generation') + 1
    this.#meta.set('lease_generation', generation)
    return generation
  }

  #named(deviceId: DeviceId, generation: number): Row | undefined {
    const device = this.#devices.get(deviceId)
    const row = device && this.#rowOf(device)
    return row?.generation === generation ? row : undefined
  }

  #rowOf(device: Device): Row | undefined {
    return [...this.#rows.values()].find((row) => row.device === device.no)
  }

  #isGivenUp(gate: number, ticketId: TicketId): boolean {
    const query = 'SELECT 1 FROM recall WHERE gate = ? AND ticket = ? AND answered = 1'
    return this.#sql.exec(query, gate, uuidToBytes(ticketId)).toArray().length > 0
  }

  #put(row: Row): void {
    this.#sql.exec(
      'INSERT OR REPLACE INTO lease (gate, device, generation, state, cursor) VALUES (?, ?, ?, ?, ?)',
      row.gate,
      row.device,
      row.generation,
      row.state,
      row.cursor,
    )
    this.#rows.set(row.gate, row)
  }

  #remove(row: Row): void {
    this.#sql.exec('DELETE FROM lease WHERE gate = ?', row.gate)
    // The next holder begins with everything that happened until then: nothing is given up yet.
    this.#sql.exec('DELETE FROM recall WHERE gate = ?', row.gate)
    this.#rows.delete(row.gate)
  }

  #show({ gate, generation, state, cursor }: Row): Lease {
    const gateId = this.#configuration.gates.byNumber(gate)?.id as GateId
    return { generation, gateId, gates: this.#gates, state, cursor }
  }
}
