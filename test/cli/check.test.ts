import { describe, expect, it } from 'vitest'
import type { Facts, KnownDevice } from '../../cli/check/facts.ts'
import { findingsOf } from '../../cli/check/rules.ts'
import { defaultPolicy, type Gate, MAIN_ZONE } from '../../core/event.ts'
import type { GateId, TypeId } from '../../core/ids.ts'
import { defaultLimits } from '../../core/limits.ts'

const at = Date.parse('2026-11-21T16:00:00.000Z')
const hour = 3_600_000
const iso = (ms: number) => new Date(ms).toISOString()

const device = (name: string, more: Partial<KnownDevice> = {}): KnownDevice => ({
  name,
  gateId: 'A',
  revokedAt: null,
  blockedUntil: null,
  connected: true,
  lastSeenAt: iso(at),
  pendingScans: 0,
  clockSkewMs: 12,
  appVersion: '0.1.0',
  readyOffline: true,
  snapshotAt: iso(at - 1000),
  battery: 0.9,
  ...more,
})
const gate = (id: string, more: Partial<Gate> = {}): Gate => {
  return { id: id as GateId, name: `Gate ${id}`, kind: 'entry', zone: MAIN_ZONE, accepts: null, ...more }
}
const type = (id: string, more: Partial<Facts['types'][number]> = {}): Facts['types'][number] => ({
  id: id as TypeId,
  number: 1,
  name: id,
  admits: 1,
  validFrom: null,
  validUntil: null,
  zones: [MAIN_ZONE],
  capacity: null,
  price: null,
  requiresAttention: false,
  note: null,
  ...more,
})

const event: Facts['event'] = {
  title: 'Tech Expo',
  startsAt: iso(at + 2 * hour),
  endsAt: iso(at + 8 * hour),
  closedAt: null,
  capacity: null,
  timezone: 'Europe/Berlin',
  zones: [{ id: MAIN_ZONE, name: 'Main', capacity: null, reentry: 'none', everyoneOutAt: null }],
  policy: defaultPolicy,
  limits: defaultLimits,
  rehearsalOf: null,
}
const stats: Facts['stats'] = {
  totalEntries: 0,
  cacheCount: 0,
  pendingEntries: 0,
  lagMs: 0,
  occupancyPercentage: '0.00',
  inside: 0,
  admittedTickets: 0,
  totalTickets: 400,
  totalPeople: 400,
  checkInRate: 0,
  duplicateAttempts: 0,
  refusals: {},
  gateCounts: {},
  staffCounts: {},
  typeCounts: {},
  deviceCounts: {},
  zones: [],
  perMinute: 0,
  minutesToLast: null,
  latency: { p50: null, p95: null, p99: null },
}
const well: Facts = {
  at,
  skewMs: 40,
  health: { status: 'operational', version: '0.1.0', components: { gatekeeper: 'operational', d1: 'operational' } },
  event,
  gates: [gate('A'), gate('X', { kind: 'exit' })],
  types: [type('standard')],
  issued: [{ id: 'standard', tickets: 400, people: 400 }],
  staff: [{ id: 'sue', role: 'supervisor' }],
  devices: [device('One'), device('Two')],
  stats,
  images: { cached: 400 },
  code: 'opened',
  keys: [{ name: 'Console', role: 'organiser', expiresAt: null, revokedAt: null }],
  jobs: [],
  webhooks: [{ id: 'crm', state: 'active' }],
  alerts: [],
  integrity: { ok: true, checked: { entries: 0, tickets: 0 }, discrepancies: [], outbox: { pending: 0 } },
}

/** What is not as it should be, of an event that is well but for this. */
const wrong = (more: Partial<Facts>) =>
  findingsOf({ ...well, ...more })
    .filter(({ state }) => state !== 'pass')
    .map(({ about, state, found }) => `${state}, ${about}: ${found}`)
const wrongDevice = (more: Partial<KnownDevice>) => wrong({ devices: [device('One'), device('Two', more)] })

describe('the check before the doors open', () => {
  it('finds nothing where all is well, and looks at everything', () => {
    expect(wrong({})).toEqual([])
    expect(findingsOf(well).map(({ about }) => about)).toEqual([
      ...[
        'server',
        'clock',
        'event',
        'tickets',
        'gates',
        'ways in',
        'staff',
        'devices',
        'offline',
        'clocks',
        'throughput',
      ],
      ...['limits', 'images', 'codes', 'keys', 'reports', 'jobs', 'webhooks', 'alerts', 'log'],
    ])
  })

  it('leaves out what the key may not see, and says so', () => {
    const unseen = {
      staff: null,
      devices: null,
      images: null,
      code: null,
      keys: null,
      jobs: null,
      webhooks: null,
      alerts: null,
    }
    expect(wrong(unseen)).toEqual(['warning, not seen: staff, devices, images, code, keys, jobs, webhooks, alerts'])
    expect(findingsOf({ ...well, ...unseen })).toHaveLength(10)
  })

  it('knows the server and its clock', () => {
    const health = (components: Record<string, string>) => ({ ...well.health, components })
    expect(wrong({ health: health({ gatekeeper: 'down', d1: 'operational' }) })).toEqual([
      'failure, server: gatekeeper cannot be reached',
    ])
    expect(wrong({ health: health({ gatekeeper: 'operational', d1: 'down' }) })).toEqual([
      'warning, server: d1 cannot be reached',
    ])
    expect(wrong({ skewMs: -3000 })).toEqual(['warning, clock: this computer is 3.0 s behind the server'])
    expect(wrong({ skewMs: 31_000 })).toEqual(['failure, clock: this computer is 31.0 s ahead of the server'])
  })

  it('knows whether it is the event, and its day', () => {
    expect(wrong({ event: { ...event, closedAt: iso(at) } })).toEqual(['failure, event: Tech Expo was closed'])
    expect(wrong({ event: { ...event, endsAt: iso(at - 1) } })).toEqual(['failure, event: Tech Expo is over'])
    expect(wrong({ event: { ...event, rehearsalOf: 'e' } })).toEqual(['warning, event: Tech Expo is a rehearsal'])
  })

  it('knows whether those who come get in', () => {
    expect(wrong({ issued: [] })).toContain('failure, tickets: none were issued')
    expect(wrong({ event: { ...event, capacity: 300 } })).toEqual([
      'warning, tickets: 400 tickets for 400 people, and room for 300',
    ])
    expect(wrong({ gates: [gate('A', { accepts: [] }), gate('X', { kind: 'exit' })] })).toEqual([
      'failure, gates: 0 ways in are open; closed: Gate A',
      'failure, ways in: no gate takes standard',
    ])
    const vip = {
      types: [type('standard'), type('vip')],
      issued: [...well.issued, { id: 'vip', tickets: 1, people: 1 }],
    }
    const notForThem = [gate('A', { accepts: ['standard' as TypeId] })]
    expect(wrong({ ...vip, gates: notForThem })).toEqual(['failure, ways in: no gate takes vip'])
    expect(wrong({ types: vip.types, gates: notForThem })).toEqual([])
    expect(wrong({ types: [type('standard', { validFrom: event.endsAt })] })).toEqual([
      'failure, ways in: standard is good only after the end',
    ])
    expect(wrong({ issued: [{ id: 'standard', tickets: 9000, people: 9000 }] })).toEqual([
      'warning, throughput: 2 lanes take 9 h for 9,000 people, at 8 a minute each',
    ])
  })

  it('knows the people and devices at the doors', () => {
    expect(wrong({ staff: [] })).toEqual(['failure, staff: nobody'])
    expect(wrong({ staff: [{ id: 'sam', role: 'scanner' }] })).toEqual([
      'warning, staff: 1 people, 0 of them supervisors',
    ])
    expect(wrong({ devices: [] })).toEqual(['failure, devices: none is enrolled'])
    expect(wrong({ gates: [...well.gates, gate('B')] })).toEqual(['warning, gates: no device was enrolled for: Gate B'])
    expect(wrongDevice({ connected: false, lastSeenAt: iso(at - hour) })).toEqual([
      'warning, devices: 1 of 2 not heard of: Two',
    ])
    expect(wrongDevice({ blockedUntil: iso(at + 1000) })).toEqual(['failure, devices: blocked: Two'])
    expect(wrongDevice({ readyOffline: false })).toEqual(['warning, offline: not ready to be cut off: Two'])
    expect(wrongDevice({ readyOffline: null })).toEqual(['warning, offline: not known to be ready: Two'])
    expect(wrongDevice({ snapshotAt: iso(at - hour) })).toEqual(['warning, snapshots: older than 5 minutes: Two'])
    expect(wrongDevice({ clockSkewMs: -4000 })).toEqual(['warning, clocks: wrong by up to 4.0 s: Two'])
    expect(wrongDevice({ clockSkewMs: 60_000 })).toEqual(['failure, clocks: wrong by up to 60.0 s: Two'])
    expect(wrongDevice({ pendingScans: 3 })).toEqual(['warning, devices: with scans that are not home: Two'])
    expect(wrongDevice({ battery: 0.1 })).toEqual(['warning, devices: below 30 % of battery: Two'])
    expect(wrongDevice({ appVersion: '0.0.9' })).toEqual(['warning, versions: devices run 0.1.0, 0.0.9'])
    expect(wrongDevice({ revokedAt: iso(at), battery: 0.1, connected: false, lastSeenAt: null })).toEqual([])
    expect(
      wrong({
        event: { ...event, policy: { ...defaultPolicy, offline: 'never' } },
        devices: [device('One', { readyOffline: null })],
      }),
    ).toEqual([])
  })

  it('knows what else may stand in the way', () => {
    expect(wrong({ event: { ...event, limits: { ...defaultLimits, scansPerMinute: 10 } } })).toEqual([
      'warning, limits: 10 scans a minute for each device, 20 at once',
    ])
    expect(wrong({ images: { cached: 7 } })).toEqual(['warning, images: 7 images of 400 tickets are kept'])
    expect(wrong({ code: 'forged' })).toEqual(['failure, codes: a ticket’s own code is forged'])
    expect(wrong({ keys: [{ name: 'Shop', role: 'organiser', expiresAt: iso(at + hour), revokedAt: null }] })).toEqual([
      'warning, keys: Shop expires before the end',
    ])
    expect(wrong({ stats: { ...stats, totalEntries: null } })).toEqual([
      'warning, reports: their database cannot be reached',
    ])
    expect(wrong({ stats: { ...stats, pendingEntries: 5, lagMs: 90_000 } })).toEqual([
      'warning, reports: 90.0 s and 5 entries behind',
    ])
    expect(wrong({ webhooks: [{ id: 'crm', state: 'disabled' }] })).toEqual(['warning, webhooks: crm is disabled'])
    expect(wrong({ alerts: [{ id: '1', kind: 'zone.full', at: iso(at - 1000) }] })).toEqual([
      'warning, alerts: in the last hour 1 × zone.full',
    ])
    const job = {
      id: 'j',
      kind: 'import',
      createdAt: iso(at - 1000),
      total: 9,
      done: 5,
      outcome: {},
      perSecond: 1,
      errors: [],
    }
    expect(wrong({ jobs: [{ ...job, state: 'running', failed: 0 }] })).toEqual(['warning, jobs: import under way'])
    expect(wrong({ jobs: [{ ...job, state: 'done', failed: 4 }] })).toEqual(['warning, jobs: import with 4 failed'])
    const discrepancies = [{ invariant: 'chain', detail: 'does not follow' }]
    expect(wrong({ integrity: { ...well.integrity, ok: false, discrepancies } })).toEqual([
      'failure, log: 1 discrepancies',
    ])
  })
})
