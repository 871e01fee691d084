import { ok, type Result } from '../../core/answers.ts'
import type { Proof } from '../actor.ts'
import type { EventParts } from '../event-parts.ts'
import { noteMisuse } from './device-facts.ts'
import type { Device } from './devices.ts'

/** A device that comes with its device token; with the SHA-256 of a successor where it wants one. */
export type Renewing = { deviceId: string; tokenHash: Uint8Array; successorHash: Uint8Array | null; proof?: Proof }

export type Renewed = { device: Device; succeeded: boolean; reused: boolean }

/** Takes a device whose token is known. One that is over takes the device out: whoever holds its successor too. */
export function renew(
  parts: EventParts,
  device: Device,
  { tokenHash, successorHash }: Renewing,
  at: number,
): Result<Renewed> {
  const { devices, leases } = parts
  if (devices.tokenState(device.id, tokenHash, at) === 'over') {
    devices.revoke(device.id, at)
    leases.release(device.id)
    noteMisuse(parts, device.id, 'token_reused', at)
    return ok({ device, succeeded: false, reused: true })
  }
  return ok({ device, succeeded: devices.useToken(device, tokenHash, successorHash, at), reused: false })
}
