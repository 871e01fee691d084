import { alertKinds, toWireAlert, type WireAlert } from '../../core/alerts.ts'
import type { DeviceId } from '../../core/ids.ts'
import type { Entry } from '../../core/log.ts'
import type { Misuse } from '../../core/webhooks.ts'
import type { EventParts } from '../event-parts.ts'
import type { DeviceMistakes } from './device-limits.ts'
import type { DeviceStatuses, KnownStatus } from './device-status.ts'
import type { Device } from './devices.ts'

/** A device and how it is doing. Instants are milliseconds since 1970. */
export type DeviceFacts = Device & { blockedUntil: number | null; status: KnownStatus; connected: boolean }

export function deviceFacts(
  { limits }: EventParts,
  statuses: DeviceStatuses,
  live: { isConnected: (id: DeviceId) => boolean },
  device: Device,
): DeviceFacts {
  const blockedUntil = limits.blockedUntil(device.id, Date.now())
  return { ...device, blockedUntil, status: statuses.of(device.id), connected: live.isConnected(device.id) }
}

/** Everything that is known of what a device did and got wrong. */
export type DeviceTrail = DeviceMistakes & {
  scans: number
  admitted: number
  duplicates: number
  alerts: WireAlert[]
}

const MOST_ALERTS = 100

export function deviceTrail(parts: EventParts, id: DeviceId, at: number): DeviceTrail {
  const { limits, counters, notices, configuration } = parts
  const alerts = notices
    .ofDevice(id, alertKinds, MOST_ALERTS)
    .flatMap(({ no, notice, at: raisedAt }) => toWireAlert(configuration.event.id, no, notice, raisedAt) ?? [])
  return { ...limits.trail(id, at), ...counters.ofDevice(id), alerts }
}

/** Counts against its device what a scan was refused for, where that may be more than a mistake. */
export function noteRefusal(parts: EventParts, { verdict, deviceId, receivedAt: at }: Entry): void {
  if (verdict.kind !== 'refused' || deviceId === null) return
  // Guessing at printed barcodes and short codes is no better than making tokens up.
  if (verdict.refusal.reason === 'unknown') noteInvalid(parts, deviceId, 'unknown', 1, at)
  if (verdict.refusal.reason !== 'already_admitted') return
  const count = parts.limits.noteDuplicate(deviceId, at)
  if (count !== null) parts.notices.raise({ kind: 'device.duplicates', deviceId, count }, at)
}

/** A clock that is wrong by more than this makes a device's own times worth little. */
const MOST_SKEW_MS = 30_000
const SKEW_AGAIN_AFTER_MS = 30 * 60_000

export function isSkewed(skewMs: number | null | undefined): skewMs is number {
  return typeof skewMs === 'number' && Math.abs(skewMs) > MOST_SKEW_MS
}

/** A device said that its clock is wrong: worth telling once in a while. */
export function noteSkew({ notices }: EventParts, deviceId: DeviceId, skewMs: number, at: number): void {
  const toldAt = notices.lastAt('device.clock_skew', 'deviceId', deviceId)
  if (toldAt !== null && at < toldAt + SKEW_AGAIN_AFTER_MS) return
  notices.raise({ kind: 'device.clock_skew', deviceId, skewMs: Math.round(skewMs) }, at)
}

/** What somebody wants of a device that has a key may be worth telling once in a while. */
const MISUSE_AGAIN_AFTER_MS = 5 * 60_000

/** Somebody came with a device's token and could not show that they are that device. */
export function noteMisuse({ notices }: EventParts, deviceId: DeviceId, because: Misuse, at: number): null {
  const toldAt = notices.lastAt('device.misused', 'deviceId', deviceId)
  if (toldAt === null || at >= toldAt + MISUSE_AGAIN_AFTER_MS)
    notices.raise({ kind: 'device.misused', deviceId, because }, at)
  return null
}

/** Counts codes that were none against whoever showed them, and says so where a device is blocked for it. */
export function noteInvalid(
  { limits, notices }: EventParts,
  deviceId: DeviceId | null,
  reason: string,
  count: number,
  at: number,
): void {
  const blockedUntil = limits.noteInvalid(deviceId, reason, count, at)
  if (blockedUntil === null || deviceId === null) return
  notices.raise({ kind: 'device.blocked', deviceId, blockedUntil, because: 'invalid_codes' }, at)
}
