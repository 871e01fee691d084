import type { DeviceId } from '../../core/ids.ts'
import type { DeviceStatus } from '../../core/live.ts'
import type { Devices } from './devices.ts'

/** How a device said that it is doing, and when it was last heard of. Instants are milliseconds since 1970. */
export type KnownStatus = Partial<Omit<DeviceStatus, 'type'>> & { lastSeenAt: number | null }

/**
 * How each device is doing: in memory, over the table of the same, and written now and then, since nothing is decided by
 * it. It outlives the other parts, which are read anew whenever a change did not hold.
 */
export class DeviceStatuses {
  readonly #sql: SqlStorage
  readonly #devices: () => Devices
  readonly #unsaved = new Set<DeviceId>()
  #byId: Map<DeviceId, KnownStatus> | null = null

  constructor(sql: SqlStorage, devices: () => Devices) {
    this.#sql = sql
    this.#devices = devices
  }

  of(deviceId: DeviceId): KnownStatus {
    return this.#known().get(deviceId) ?? { lastSeenAt: null }
  }

  /** Notes that a device was heard of. */
  seen(deviceId: DeviceId, at: number): void {
    this.#keep(deviceId, { ...this.of(deviceId), lastSeenAt: at })
  }

  report(deviceId: DeviceId, { type: _, ...status }: DeviceStatus, at: number): void {
    this.#keep(deviceId, { ...status, lastSeenAt: at })
  }

  save(): void {
    for (const deviceId of this.#unsaved) {
      const device = this.#devices().get(deviceId)?.no
      if (device === undefined) continue
      const status = JSON.stringify(this.of(deviceId))
      this.#sql.exec('INSERT OR REPLACE INTO device_status (device, status) VALUES (?, ?)', device, status)
    }
    this.#unsaved.clear()
  }

  #keep(deviceId: DeviceId, status: KnownStatus): void {
    this.#known().set(deviceId, status)
    this.#unsaved.add(deviceId)
  }

  #known(): Map<DeviceId, KnownStatus> {
    if (this.#byId === null) {
      const rows = this.#sql.exec<{ device: number; status: string }>('SELECT * FROM device_status').toArray()
      this.#byId = new Map()
      for (const { device, status } of rows) {
        const id = this.#devices().byNumber(device)?.id
        if (id !== undefined) this.#byId.set(id, JSON.parse(status))
      }
    }
    return this.#byId
  }
}
