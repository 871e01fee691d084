import type { EventDetails } from '../../core/event.ts'
import type { DeviceId } from '../../core/ids.ts'
import type { DeviceStatuses } from '../devices/device-status.ts'
import type { Device } from '../devices/devices.ts'
import type { EventParts } from '../event-parts.ts'
import type { Unusual } from './patterns.ts'

/** D1 may be this far behind before somebody is told, and then they are told once in so long. */
const LAG_MS = 60_000
const LAG_AGAIN_AFTER_MS = 15 * 60_000

/** A device that was at work and is not heard of for so long is told of, once for each silence. */
export const SILENCE_MS = 2 * 60_000

/** A gate with a scan in this time has traffic. */
const TRAFFIC_MS = 10 * 60_000

/** Devices that were last heard of longer than this before the doors opened were being set up, not at work. */
const SETTING_UP_MS = 3_600_000

/** Looks at the newest entries alone: enough to know which gates are busy. */
const NEWEST = 1000

const UNUSUAL_AGAIN_AFTER_MS = 15 * 60_000

const LOOK_EVERY_MS = 10_000

/** When a device was last heard of on a live socket, or null. */
type Heard = (deviceId: DeviceId) => number | null

/** What nobody's call would bring up: that something does not happen. It is looked for by the clock. */
export class Watch {
  #lookedAt = 0

  /** Raises what is worth an alert; gives when to look again, null where there is nothing to wait for. */
  look(parts: EventParts, statuses: DeviceStatuses, heard: Heard, at: number): number | null {
    if (at >= this.#lookedAt && at < this.#lookedAt + LOOK_EVERY_MS) return this.#lookedAt + LOOK_EVERY_MS
    this.#lookedAt = at
    tellLag(parts, at)
    tellUnusual(parts, at)
    return tellSilence(parts, statuses, heard, at)
  }
}

function tellLag({ outbox, log, notices }: EventParts, at: number): void {
  const pending = outbox.pending().entries
  const since = pending > 0 ? (log.at(log.head - pending + 1)?.entry.receivedAt ?? at) : at
  if (at - since <= LAG_MS) return
  const toldAt = notices.lastAt('outbox.lagging')
  if (toldAt !== null && at < toldAt + LAG_AGAIN_AFTER_MS) return
  notices.raise({ kind: 'outbox.lagging', pending, since }, at)
}

/** What stays out of the ordinary is told of once in a while. */
function tellUnusual({ counters, notices }: EventParts, at: number): void {
  for (const notice of counters.patterns.unusual(at)) {
    const toldAt = notices.lastAt(notice.kind, ...subjectOf(notice))
    if (toldAt === null || at >= toldAt + UNUSUAL_AGAIN_AFTER_MS) notices.raise(notice, at)
  }
}

function subjectOf(notice: Unusual): ['gateId' | 'deviceId' | 'ticketId', string] {
  switch (notice.kind) {
    case 'gate.surge':
      return ['gateId', notice.gateId]
    case 'device.refusing':
      return ['deviceId', notice.deviceId]
    case 'ticket.many_gates':
      return ['ticketId', notice.ticketId]
  }
}

/** Those that fell silent together, as when a network went away, are told of together. */
function tellSilence(parts: EventParts, statuses: DeviceStatuses, heard: Heard, at: number): number | null {
  const { event } = parts.configuration
  if (!isOn(event, at)) return null
  const known = parts.devices
    .all()
    .filter(({ revokedAt }) => revokedAt === null)
    .map((device) => {
      const { lastSeenAt, pending } = statuses.of(device.id)
      return { device, heardAt: Math.max(lastSeenAt ?? 0, heard(device.id) ?? 0), pending: pending ?? 0 }
    })
    .filter(({ heardAt }) => heardAt > event.startsAt - SETTING_UP_MS)
  const silent = known.filter(({ heardAt }) => at - heardAt >= SILENCE_MS)
  const missed = silent.length === 0 ? [] : missedOf(parts, silent, at)
  const [first] = missed
  if (first) {
    const deviceIds = missed.map(({ device }) => device.id)
    const lastSeenAt = Math.min(...missed.map(({ heardAt }) => heardAt))
    const pending = missed.reduce((sum, one) => sum + one.pending, 0)
    parts.notices.raise({ kind: 'device.silent', deviceId: first.device.id, deviceIds, lastSeenAt, pending }, at)
  }
  const audible = known.filter(({ heardAt }) => at - heardAt < SILENCE_MS)
  if (audible.length === 0) return null
  return Math.max(at + LOOK_EVERY_MS, Math.min(...audible.map(({ heardAt }) => heardAt + SILENCE_MS)))
}

type Silent = { device: Device; heardAt: number; pending: number }

/** Of those that are silent, the ones that somebody misses and was not told of yet. */
function missedOf({ log, notices }: EventParts, silent: Silent[], at: number): Silent[] {
  const busy = new Set<string | null>()
  for (const { gateId, receivedAt } of log.after(Math.max(0, log.head - NEWEST), NEWEST)) {
    if (receivedAt > at - TRAFFIC_MS) busy.add(gateId)
  }
  return silent.filter(({ device, heardAt, pending }) => {
    const isMissed = pending > 0 || (device.gateId !== null && busy.has(device.gateId))
    return isMissed && (notices.lastSilenceOf(device.id) ?? 0) < heardAt
  })
}

function isOn({ startsAt, endsAt, closedAt }: EventDetails, at: number): boolean {
  return closedAt === null && startsAt <= at && at < endsAt
}
