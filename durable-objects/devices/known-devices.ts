import { ok, problem, type Result } from '../../core/answers.ts'
import { type Doing, differences } from '../../core/audit.ts'
import type { EventDetails, Gate } from '../../core/event.ts'
import type { DeviceId } from '../../core/ids.ts'
import { type Actor, everybody } from '../actor.ts'
import type { EventParts } from '../event-parts.ts'
import type { Host } from '../host.ts'
import { type DeviceFacts, type DeviceTrail, deviceFacts, deviceTrail } from './device-facts.ts'
import type { Device, Enrolling } from './devices.ts'
import { type Renewing, renew } from './renewing.ts'

/** What a device that was enrolled is told. */
export type Enrolled = { device: Device; event: EventDetails; gate: Gate | null }

/** The scanners that are known to the event: how one becomes known, what is told of it, how it is taken out. */
export class KnownDevices {
  readonly #host: Host

  constructor(host: Host) {
    this.#host = host
  }

  enrol(enrolling: Enrolling, at: number, doing: Doing | undefined): Result<Enrolled> {
    const whoever: Actor = { ...everybody, ...(doing ? { doing } : {}) }
    return this.#host.event.change(whoever, ({ configuration, devices, audit }) => {
      const enrolled = devices.enrol(enrolling, at)
      if (!enrolled.ok) return enrolled
      const device = enrolled.value
      const { type, gateId } = device
      audit.about({ kind: 'device', id: device.id }, differences({}, { staffId: device.staff.id, gateId, type }))
      const gate = device.gateId === null ? null : (configuration.gates.get(device.gateId) ?? null)
      return ok({ device, event: configuration.event, gate })
    })
  }

  /** The device that has or had this token, to see how it has to show that it is itself. */
  byToken(deviceId: string, tokenHash: Uint8Array): Result<Device> {
    return this.#host.event.for(everybody, ({ devices }) => {
      const device = devices.get(deviceId)
      if (!device || devices.tokenState(deviceId, tokenHash, Date.now()) === 'unknown') {
        return problem('device_token_invalid')
      }
      return device.revokedAt === null ? ok(device) : problem('device_revoked')
    })
  }

  /**
   * Takes the token of a device that wants a new staff token, and its successor where it wants that too; gives the device,
   * and whether the successor was kept. A token that is over is in two hands, and nobody can tell which is the right one.
   */
  renew(renewing: Renewing, at: number): Result<{ device: Device; succeeded: boolean }> {
    const { event } = this.#host
    const { deviceId, tokenHash, proof } = renewing
    const device = this.byToken(deviceId, tokenHash)
    if (!device.ok) return device
    const proven = event.proven({ deviceId: device.value.id, ...(proof && { proof }) }, at)
    if (!proven.ok) return proven
    const renewed = event.change(everybody, (parts) => renew(parts, device.value, renewing, at))
    if (renewed.ok && renewed.value.reused) {
      this.#dismissed(device.value.id)
      return problem('device_revoked')
    }
    return renewed
  }

  list(actor: Actor): Result<DeviceFacts[]> {
    return this.#host.event.for(actor, (parts) => ok(parts.devices.all().map((device) => this.#factsOf(parts, device))))
  }

  /** One device, with the trail of what it did and got wrong. */
  one(actor: Actor, id: DeviceId, at: number): Result<{ facts: DeviceFacts; trail: DeviceTrail }> {
    return this.#host.event.for(actor, (parts) => {
      const device = parts.devices.get(id)
      if (!device) return problem('not_found')
      return ok({ facts: this.#factsOf(parts, device), trail: deviceTrail(parts, id, at) })
    })
  }

  /** Takes a device out: for good, with what it held of the tickets. */
  revoke(actor: Actor, id: DeviceId, at: number): Result<DeviceFacts> {
    const revoked = this.#host.event.change<DeviceFacts>(actor, (parts) => {
      const wasRevoked = parts.devices.get(id)?.revokedAt != null
      const device = parts.devices.revoke(id, at)
      if (!device) return problem('not_found')
      if (wasRevoked) parts.audit.aboutNothing()
      else parts.audit.about({ kind: 'device', id })
      parts.leases.release(id)
      return ok(this.#factsOf(parts, device))
    })
    if (revoked.ok) this.#dismissed(id)
    return revoked
  }

  /** Lets a blocked device go on. */
  unblock(actor: Actor, id: DeviceId): Result<DeviceFacts> {
    return this.#host.event.change(actor, (parts) => {
      const device = parts.devices.get(id)
      if (!device) return problem('not_found')
      parts.limits.unblock(id)
      parts.audit.about({ kind: 'device', id })
      return ok(this.#factsOf(parts, device))
    })
  }

  #factsOf(parts: EventParts, device: Device): DeviceFacts {
    const { statuses, live } = this.#host
    return deviceFacts(parts, statuses, live(), device)
  }

  #dismissed(deviceId: DeviceId): void {
    const live = this.#host.live()
    live.dismiss({ deviceId })
    live.review()
  }
}
