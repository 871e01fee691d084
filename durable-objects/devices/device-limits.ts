import { ok, type Result } from '../../core/answers.ts'
import type { DeviceId } from '../../core/ids.ts'
import { allowanceFor, type Bucket, type LimitedCall, spend } from '../../core/limits.ts'
import type { Actor } from '../actor.ts'
import type { Configuration } from '../event/configuration.ts'
import type { EventParts } from '../event-parts.ts'
import type { Devices } from './devices.ts'

const WINDOW_MINUTES = 5

/** So many minutes in which a device showed codes that were none are told of. */
const MOST_MINUTES = 200

/** What a device got wrong. `lately` is in the five minutes that the limits look at, without what was pardoned. */
export type DeviceMistakes = {
  /** Codes that were none, by the minute and by what was wrong with them. */
  invalid: { at: number; reason: string; count: number }[]
  invalidLately: number
  duplicatesLately: number
  blockedSince: number | null
}

/**
 * What is left of each device's allowances, and its duplicates of late. It lives as long as the object does: one that was
 * evicted was not asked for a while. What is read anew when a change is taken back must not begin these anew.
 */
export class Allowances {
  readonly buckets = new Map<string, Bucket>()
  /** When each device showed duplicates lately, and when that was last worth an alert. */
  readonly duplicates = new Map<DeviceId, { times: number[]; toldAt: number }>()
}

/** What each device asks and gets wrong. Allowances are in memory; a block is stored. */
export class DeviceLimits {
  readonly #sql: SqlStorage
  readonly #configuration: Configuration
  readonly #devices: Devices
  readonly #allowances: Allowances
  readonly #blockedUntil: Map<number, number>

  constructor(sql: SqlStorage, configuration: Configuration, devices: Devices, allowances: Allowances) {
    this.#sql = sql
    this.#allowances = allowances
    this.#configuration = configuration
    this.#devices = devices
    const rows = sql.exec<{ device: number; until: number }>('SELECT device, until FROM device_block').toArray()
    this.#blockedUntil = new Map(rows.map(({ device, until }) => [device, until]))
  }

  /** Takes one call of a device; gives how many milliseconds it is to wait, 0 where it may pass. */
  spend(deviceId: DeviceId, call: LimitedCall, at: number): number {
    const name = `${call} ${deviceId}`
    const allowance = allowanceFor(call, this.#configuration.event.limits)
    const { bucket, waitMs } = spend(this.#allowances.buckets.get(name) ?? null, allowance, at)
    this.#allowances.buckets.set(name, bucket)
    return waitMs
  }

  /** Whether one more call would pass. Nothing is counted. */
  wouldPass(deviceId: DeviceId, call: LimitedCall, at: number): boolean {
    const bucket = this.#allowances.buckets.get(`${call} ${deviceId}`) ?? null
    return spend(bucket, allowanceFor(call, this.#configuration.event.limits), at).waitMs === 0
  }

  /** Until when a device is blocked, or null where it is not. */
  blockedUntil(deviceId: DeviceId, at: number): number | null {
    const until = this.#blockedUntil.get(this.#devices.get(deviceId)?.no ?? 0) ?? 0
    return until > at ? until : null
  }

  /** Counts codes that were none. Gives until when the device is blocked for it, if this was one too many. */
  noteInvalid(deviceId: DeviceId | null, reason: string, count: number, at: number): number | null {
    const device = this.#numberOf(deviceId)
    const minute = Math.floor(at / 60_000)
    this.#countInvalid(device, reason, count, at)
    const { invalidCodesPerFiveMinutes, blockMinutes } = this.#configuration.event.limits
    if (device === 0 || this.#invalidSince(device, minute - WINDOW_MINUTES) <= invalidCodesPerFiveMinutes) return null
    const until = at + blockMinutes * 60_000
    this.#sql.exec('INSERT OR REPLACE INTO device_block (device, until, since) VALUES (?, ?, ?)', device, until, at)
    this.#blockedUntil.set(device, until)
    return until
  }

  /** Counts a code that was none at its own time, long ago perhaps: it is nothing to stop a device for now. */
  noteInvalidThen(deviceId: DeviceId | null, reason: string, at: number): void {
    this.#countInvalid(this.#numberOf(deviceId), reason, 1, at)
  }

  /** Counts a duplicate. Gives how many there were in five minutes where that is worth an alert, once in five minutes. */
  noteDuplicate(deviceId: DeviceId, at: number): number | null {
    const windowMs = WINDOW_MINUTES * 60_000
    const known = this.#allowances.duplicates.get(deviceId) ?? { times: [], toldAt: Number.NEGATIVE_INFINITY }
    const { times } = known
    times.push(at)
    // The oldest stand in front. To copy the rest with every duplicate would cost the more, the more there are.
    while ((times[0] ?? at) <= at - windowMs) times.shift()
    const isMuch = times.length > this.#configuration.event.limits.duplicatesPerFiveMinutes
    const isNews = isMuch && known.toldAt <= at - windowMs
    this.#allowances.duplicates.set(deviceId, { times, toldAt: isNews ? at : known.toldAt })
    return isNews ? times.length : null
  }

  /** What a device got wrong, the newest first, and since when it is blocked, if it is. */
  trail(deviceId: DeviceId, at: number): DeviceMistakes {
    const device = this.#numberOf(deviceId)
    const minutes = this.#sql
      .exec<{ minute: number; reason: string; count: number }>(
        'SELECT minute, reason, count FROM invalid_code WHERE device = ? ORDER BY minute DESC, reason LIMIT ?',
        device,
        MOST_MINUTES,
      )
      .toArray()
      .map(({ minute, ...what }) => ({ at: minute * 60_000, ...what }))
    const since = this.#sql
      .exec<{ since: number }>('SELECT since FROM device_block WHERE device = ? AND until > ?', device, at)
      .toArray()[0]?.since
    const duplicates = this.#allowances.duplicates.get(deviceId)?.times ?? []
    return {
      invalid: minutes,
      invalidLately: this.#invalidSince(device, Math.floor(at / 60_000) - WINDOW_MINUTES),
      duplicatesLately: duplicates.filter((time) => time > at - WINDOW_MINUTES * 60_000).length,
      blockedSince: since ?? null,
    }
  }

  /** Lets a device go on. What it got wrong before counts no more. */
  unblock(deviceId: DeviceId): void {
    const device = this.#devices.get(deviceId)?.no ?? 0
    this.#sql.exec('DELETE FROM device_block WHERE device = ?', device)
    this.#sql.exec('UPDATE invalid_code SET pardoned = count WHERE device = ?', device)
    this.#blockedUntil.delete(device)
  }

  #numberOf(deviceId: DeviceId | null): number {
    return deviceId === null ? 0 : (this.#devices.get(deviceId)?.no ?? 0)
  }

  #countInvalid(device: number, reason: string, count: number, at: number): void {
    this.#sql.exec(
      `INSERT INTO invalid_code (device, reason, minute, count) VALUES (?, ?, ?, ?)
       ON CONFLICT (device, reason, minute) DO UPDATE SET count = count + excluded.count`,
      device,
      reason,
      Math.floor(at / 60_000),
      count,
    )
  }

  #invalidSince(device: number, minute: number): number {
    return (
      this.#sql
        .exec<{ count: number | null }>(
          `SELECT sum(count - pardoned) AS count FROM invalid_code WHERE device = ? AND minute > max(?,
         ifnull((SELECT until / 60000 - 1 FROM device_block WHERE device = ?1), 0))`,
          device,
          minute,
        )
        .one().count ?? 0
    )
  }
}

/** Counts a call of a device against what it may ask. Whoever is no device passes. */
export function spendCall({ limits }: EventParts, actor: Actor, call: LimitedCall, at: number): Result<null> {
  const waitMs = actor.kind === 'device' ? limits.spend(actor.deviceId, call, at) : 0
  return waitMs === 0 ? ok(null) : { ok: false, problem: { code: 'rate_limited', waitMs } }
}
