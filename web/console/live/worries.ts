import type { WireAlert } from '../../../core/alerts.ts'
import type { Device, EventDetails } from '../things.ts'
import type { LiveStats } from './stats.ts'

/** What somebody should look at now. */
export type Worry =
  | { kind: 'log_away' }
  | { kind: 'lagging'; entries: number; lagMs: number }
  | { kind: 'zone_full'; zone: string; inside: number; capacity: number }
  | { kind: 'zone_nearly_full'; zone: string; inside: number; capacity: number }
  | { kind: 'duplicates'; attempts: number; share: number }
  | { kind: 'conflicts'; count: number }
  | { kind: 'device_blocked'; device: string; until: string }
  | { kind: 'device_silent'; device: string; since: string }
  | { kind: 'devices_silent'; count: number }
  | { kind: 'gate_surge'; gate: string; scans: number; usual: number; at: string }
  | { kind: 'device_refusing'; device: string; share: number; usual: number; at: string }
  | { kind: 'ticket_many_gates'; ticket: string; gates: string[]; at: string }
  | { kind: 'clock_skew'; device: string; skewMs: number }

/** From where on something is worth a look. The words of each worry say so too. */
export const limits = {
  lagMs: 30_000,
  nearlyFull: 0.9,
  duplicates: 10,
  duplicateShare: 0.05,
  silentMs: 2 * 60_000,
  /** Whoever was not heard of for this long went home. */
  goneMs: 12 * 60 * 60_000,
  /** More silent devices than these are one worry: a break, or a hall without a network, would hide all else. */
  silentApart: 3,
  skewMs: 60_000,
  /** The Gatekeeper says again what stays out of the ordinary. */
  unusualMs: 15 * 60_000,
} as const

type Known = {
  event: Pick<EventDetails, 'startsAt' | 'endsAt' | 'closedAt'>
  stats: LiveStats | null
  devices: Device[] | null
  conflicts: number | null
  /** The newest alerts: what is out of the ordinary is told by them alone. */
  alerts?: WireAlert[] | null
  /** Takes a gate's id; gives its name. */
  nameOfGate?: (id: string) => string
}

/** Takes what is known of the doors and the time; gives what is worrying, the gravest first. */
export function worriesOf({ event, stats, devices, conflicts, alerts, nameOfGate }: Known, now: number): Worry[] {
  const isOn = event.closedAt === null && now < Date.parse(event.endsAt)
  return [
    ...(stats ? worriesOfStats(stats, isOn) : []),
    ...(conflicts ? [{ kind: 'conflicts' as const, count: conflicts }] : []),
    ...(isOn ? unusualIn(alerts ?? [], devices ?? [], nameOfGate ?? String, now) : []),
    ...(isOn
      ? togetherFrom(
          limits.silentApart,
          (devices ?? []).flatMap((device) => worriesOfDevice(device, now)),
        )
      : []),
  ]
}

/** The newest of each gate, device and ticket. */
function unusualIn(alerts: WireAlert[], devices: Device[], nameOfGate: (id: string) => string, now: number): Worry[] {
  const seen = new Set<unknown>()
  return alerts.flatMap((alert): Worry[] => {
    const { kind, at, gateId, deviceId, ticketId, gateIds } = alert
    const about = `${kind} ${gateId ?? deviceId ?? ticketId}`
    if (now - Date.parse(at) > limits.unusualMs || seen.has(about)) return []
    seen.add(about)
    const numbers = { usual: Number(alert.usual), at }
    switch (kind) {
      case 'gate.surge':
        return [{ kind: 'gate_surge', gate: nameOfGate(String(gateId)), scans: Number(alert.scans), ...numbers }]
      case 'device.refusing': {
        const device = devices.find(({ id }) => id === deviceId)?.name ?? String(deviceId)
        return [{ kind: 'device_refusing', device, share: Number(alert.share), ...numbers }]
      }
      case 'ticket.many_gates':
        return [
          { kind: 'ticket_many_gates', ticket: String(ticketId), gates: (gateIds as string[]).map(nameOfGate), at },
        ]
      default:
        return []
    }
  })
}

/** Takes what is worrying about each device; gives the silent ones as one worry where they are more than so many. */
function togetherFrom(most: number, worries: Worry[]): Worry[] {
  const silent = worries.filter(({ kind }) => kind === 'device_silent')
  if (silent.length <= most) return worries
  return [
    ...worries.filter(({ kind }) => kind !== 'device_silent'),
    { kind: 'devices_silent' as const, count: silent.length },
  ]
}

function worriesOfStats(stats: LiveStats, isOn: boolean): Worry[] {
  const { totalEntries, pendingEntries, lagMs, duplicateAttempts, cacheCount, zones } = stats
  const share = duplicateAttempts / Math.max(1, duplicateAttempts + cacheCount)
  return [
    ...(totalEntries === null ? [{ kind: 'log_away' as const }] : []),
    ...(lagMs > limits.lagMs ? [{ kind: 'lagging' as const, entries: pendingEntries, lagMs }] : []),
    ...(isOn ? zones.flatMap(({ name, inside, capacity }) => worryOfZone(name, inside, capacity)) : []),
    ...(duplicateAttempts >= limits.duplicates && share >= limits.duplicateShare
      ? [{ kind: 'duplicates' as const, attempts: duplicateAttempts, share }]
      : []),
  ]
}

function worryOfZone(zone: string, inside: number, capacity: number | null): Worry[] {
  if (capacity === null || inside < limits.nearlyFull * capacity) return []
  return [{ kind: inside >= capacity ? 'zone_full' : 'zone_nearly_full', zone, inside, capacity }]
}

function worriesOfDevice(device: Device, now: number): Worry[] {
  if (device.revokedAt !== null) return []
  const { name, blockedUntil, lastSeenAt, connected, clockSkewMs } = device
  const silentMs = lastSeenAt === null || connected ? 0 : now - Date.parse(lastSeenAt)
  return [
    ...(blockedUntil !== null && Date.parse(blockedUntil) > now
      ? [{ kind: 'device_blocked' as const, device: name, until: blockedUntil }]
      : []),
    ...(lastSeenAt !== null && silentMs > limits.silentMs && silentMs < limits.goneMs
      ? [{ kind: 'device_silent' as const, device: name, since: lastSeenAt }]
      : []),
    ...(clockSkewMs !== null && Math.abs(clockSkewMs) > limits.skewMs
      ? [{ kind: 'clock_skew' as const, device: name, skewMs: clockSkewMs }]
      : []),
  ]
}
