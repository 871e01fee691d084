import { describe, expect, test } from 'vitest'
import type { LiveStats } from '../../web/console/live/stats.ts'
import { worriesOf } from '../../web/console/live/worries.ts'
import type { Device } from '../../web/console/things.ts'

const now = Date.parse('2026-11-21T20:00:00Z')
const event = { startsAt: '2026-11-21T18:00:00Z', endsAt: '2026-11-21T23:00:00Z', closedAt: null }
const at = (ms: number) => new Date(now + ms).toISOString()

const calm: LiveStats = {
  totalEntries: 500,
  cacheCount: 500,
  pendingEntries: 0,
  lagMs: 0,
  occupancyPercentage: '50.00',
  inside: 500,
  admittedTickets: 500,
  totalTickets: 1000,
  totalPeople: 1000,
  checkInRate: 50,
  duplicateAttempts: 0,
  refusals: {},
  gateCounts: {},
  staffCounts: {},
  typeCounts: {},
  deviceCounts: {},
  zones: [{ id: 'main', name: 'Hall', inside: 500, capacity: 1000 }],
  perMinute: 10,
  minutesToLast: 50,
  latency: { p50: 2, p95: 4, p99: 9 },
}

const phone: Device = {
  id: 'd1',
  name: 'Door 1',
  type: 'mobile',
  staffId: 'sam',
  staffName: 'Sam',
  gateId: 'A',
  enrolledAt: at(-3_600_000),
  revokedAt: null,
  blockedUntil: null,
  connected: true,
  lastSeenAt: at(-1000),
  pendingScans: 0,
  clockSkewMs: 200,
  appVersion: '1',
  readyOffline: true,
  snapshotAt: at(-1000),
  battery: 0.8,
}

const kinds = (stats: Partial<LiveStats>, devices: Partial<Device>[] = [], conflicts = 0, changes = {}) =>
  worriesOf(
    {
      event: { ...event, ...changes },
      stats: { ...calm, ...stats },
      devices: devices.map((device) => ({ ...phone, ...device })),
      conflicts,
    },
    now,
  ).map(({ kind }) => kind)

describe('what is worth a look', () => {
  test('is nothing on a calm evening', () => {
    expect(kinds({}, [{}])).toEqual([])
  })

  test('is a database that is away, and one that lags, from half a minute on', () => {
    expect(kinds({ totalEntries: null })).toEqual(['log_away'])
    expect(kinds({ lagMs: 30_000, pendingEntries: 9 })).toEqual([])
    expect(kinds({ lagMs: 30_001, pendingEntries: 9 })).toEqual(['lagging'])
  })

  test('is a zone from nine tenths on, while the event is on', () => {
    const zone = (inside: number, capacity: number | null) => ({ zones: [{ id: 'z', name: 'Z', inside, capacity }] })
    expect(kinds(zone(89, 100))).toEqual([])
    expect(kinds(zone(90, 100))).toEqual(['zone_nearly_full'])
    expect(kinds(zone(100, 100))).toEqual(['zone_full'])
    expect(kinds(zone(5000, null))).toEqual([])
    expect(kinds(zone(100, 100), [], 0, { closedAt: at(-1) })).toEqual([])
  })

  test('is duplicates, where they are many and a good share', () => {
    expect(kinds({ duplicateAttempts: 9, cacheCount: 20 })).toEqual([])
    expect(kinds({ duplicateAttempts: 20, cacheCount: 5000 })).toEqual([])
    expect(kinds({ duplicateAttempts: 50, cacheCount: 500 })).toEqual(['duplicates'])
  })

  test('is a device that is blocked, silent or wrong about the time, unless it was revoked or went home', () => {
    expect(kinds({}, [{ blockedUntil: at(60_000) }])).toEqual(['device_blocked'])
    expect(kinds({}, [{ blockedUntil: at(-1) }])).toEqual([])
    expect(kinds({}, [{ connected: false, lastSeenAt: at(-121_000) }])).toEqual(['device_silent'])
    expect(kinds({}, [{ connected: false, lastSeenAt: at(-13 * 3_600_000) }])).toEqual([])
    expect(kinds({}, [{ clockSkewMs: -61_000 }])).toEqual(['clock_skew'])
    expect(kinds({}, [{ revokedAt: at(-1), blockedUntil: at(60_000), clockSkewMs: 1e6 }])).toEqual([])
  })

  test('is one worry where many devices are silent, and hides no other', () => {
    const silent = { connected: false, lastSeenAt: at(-121_000) }
    expect(kinds({}, [silent, silent, silent])).toEqual(['device_silent', 'device_silent', 'device_silent'])
    const all = [silent, silent, { blockedUntil: at(60_000) }, silent, silent]
    expect(kinds({}, all)).toEqual(['device_blocked', 'devices_silent'])
  })

  test('is a conflict, even when the event is over', () => {
    expect(kinds({}, [], 2, { closedAt: at(-1) })).toEqual(['conflicts'])
  })
})
