import { bytesToUuid, type DeviceId, type ScanId, type StaffId } from '../../core/ids.ts'
import type { Configuration } from '../event/configuration.ts'
import type { Counters } from '../scans/counters.ts'
import type { Devices } from './devices.ts'

/** A member of staff's shift on a device: a "session" to the API. Instants are milliseconds since 1970. */
export type Shift = {
  id: string
  deviceId: DeviceId
  staffId: StaffId
  startedAt: number
  endedAt: number | null
  scans: number
  admitted: number
}

type Row = {
  id: ArrayBuffer
  device: number
  staff: number
  started_at: number
  ended_at: number | null
  scans: number
  admitted: number
}

/** A shift that nobody ended is over after this long: a staff token lives no longer either. */
const LONGEST_MS = 12 * 60 * 60 * 1000

/** Shifts. While one goes on, its counts are the device's own sums less what they were at its start. */
export class Shifts {
  readonly #sql: SqlStorage
  readonly #configuration: Configuration
  readonly #devices: Devices
  readonly #counters: Counters

  constructor(sql: SqlStorage, configuration: Configuration, devices: Devices, counters: Counters) {
    this.#sql = sql
    this.#configuration = configuration
    this.#devices = devices
    this.#counters = counters
  }

  /** Starts a shift, and ends the one that was forgotten on this device. The same id again is the same shift. */
  start(id: Uint8Array, deviceId: DeviceId, staffId: StaffId, at: number): Shift {
    const known = this.get(id, at)
    if (known) return known
    const device = this.#devices.get(deviceId)?.no ?? 0
    for (const row of this.#open(device)) this.#end(row, at)
    const { scans, admitted } = this.#counters.ofDevice(deviceId)
    this.#sql.exec(
      'INSERT INTO shift (id, device, staff, started_at, scans, admitted) VALUES (?, ?, ?, ?, ?, ?)',
      id,
      device,
      this.#configuration.staff.numberOf(staffId) ?? 0,
      at,
      scans,
      admitted,
    )
    return this.#show(this.#row(id) as Row, at)
  }

  /** Ends a shift. One that has ended stays as it was. */
  end(id: Uint8Array, at: number): Shift | null {
    const row = this.#row(id)
    if (!row) return null
    if (row.ended_at === null) this.#end(row, at)
    return this.get(id, at)
  }

  /** Ends a shift of this device's, or with null anybody's. */
  endOf(deviceId: DeviceId | null, id: Uint8Array, at: number): Shift | null {
    const known = this.get(id, at)
    if (!known || (deviceId !== null && known.deviceId !== deviceId)) return null
    return this.end(id, at) ?? known
  }

  get(id: Uint8Array, at: number): Shift | null {
    const row = this.#row(id)
    return row ? this.#show(row, at) : null
  }

  /** Every shift, the newest first. */
  list(at: number): Shift[] {
    return this.#sql
      .exec<Row>('SELECT * FROM shift ORDER BY started_at DESC LIMIT 1000')
      .toArray()
      .map((row) => this.#show(row, at))
  }

  /** Ends what was forgotten. */
  endForgotten(at: number): void {
    const forgotten = 'SELECT * FROM shift WHERE ended_at IS NULL AND started_at < ?'
    for (const row of this.#sql.exec<Row>(forgotten, at - LONGEST_MS).toArray())
      this.#end(row, row.started_at + LONGEST_MS)
  }

  #open(device: number): Row[] {
    return this.#sql.exec<Row>('SELECT * FROM shift WHERE device = ? AND ended_at IS NULL', device).toArray()
  }

  #row(id: Uint8Array): Row | undefined {
    return this.#sql.exec<Row>('SELECT * FROM shift WHERE id = ?', id).toArray()[0]
  }

  #end(row: Row, at: number): void {
    const { scans, admitted } = this.#sinceStart(row)
    const endedAt = Math.min(at, row.started_at + LONGEST_MS)
    this.#sql.exec(
      'UPDATE shift SET ended_at = ?, scans = ?, admitted = ? WHERE id = ?',
      endedAt,
      scans,
      admitted,
      row.id,
    )
  }

  #sinceStart(row: Row): { scans: number; admitted: number } {
    const now = this.#counters.ofDevice(this.#deviceId(row))
    return { scans: now.scans - row.scans, admitted: now.admitted - row.admitted }
  }

  #deviceId(row: Row): DeviceId {
    return this.#devices.byNumber(row.device)?.id ?? ('' as DeviceId)
  }

  #show(row: Row, at: number): Shift {
    const counts = row.ended_at === null ? this.#sinceStart(row) : row
    const overAt = row.started_at + LONGEST_MS
    return {
      id: bytesToUuid<ScanId>(new Uint8Array(row.id)),
      deviceId: this.#deviceId(row),
      staffId: this.#configuration.staff.byNumber(row.staff)?.id ?? ('' as StaffId),
      startedAt: row.started_at,
      endedAt: row.ended_at ?? (at > overAt ? overAt : null),
      scans: counts.scans,
      admitted: counts.admitted,
    }
  }
}
