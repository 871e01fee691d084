import { describe, expect, it } from 'vitest'
import { EventReader } from '../../cli/monitor/events.ts'
import { PlainTeller } from '../../cli/monitor/plain.ts'
import { screenOf } from '../../cli/monitor/screen.ts'
import { hear, newView, type Occasion, rateAt, ratesOf, remember } from '../../cli/monitor/view.ts'
import { worryWords } from '../../cli/monitor/words.ts'
import { widthOf } from '../../cli/terminal/text.ts'
import { alertKinds } from '../../core/alerts.ts'
import type { DeviceId, ZoneId } from '../../core/ids.ts'
import type { ServerMessage } from '../../core/live.ts'
import type { WireEntry } from '../../core/wire-entry.ts'

const at = Date.parse('2026-11-21T10:00:05.000Z')
const iso = (ms: number) => new Date(ms).toISOString()

const occasion: Occasion = {
  id: 'e',
  title: 'Tech Expo \x1b[2J2026',
  location: '東京ビッグサイト',
  timezone: 'Europe/Berlin',
  startsAt: iso(at - 3_600_000),
  endsAt: iso(at + 3_600_000),
  closedAt: null,
  gates: [
    { id: 'A', name: 'Main Entrance', kind: 'entry' },
    { id: 'X', name: 'Exit', kind: 'exit' },
  ],
  devices: [{ id: 'd', name: 'Phone \x1b[31m4' }],
}

const stats: ServerMessage = {
  type: 'stats',
  at: iso(at),
  data: {
    totalEntries: 1200,
    cacheCount: 1234,
    pendingEntries: 34,
    lagMs: 2000,
    occupancyPercentage: '49.36',
    inside: 1234,
    admittedTickets: 1100,
    totalTickets: 2000,
    totalPeople: 2500,
    checkInRate: 55,
    duplicateAttempts: 12,
    refusals: { already_admitted: 12, wrong_gate: 3 },
    gateCounts: { A: 1234 },
    staffCounts: {},
    typeCounts: {},
    deviceCounts: {},
    zones: [{ id: 'main' as ZoneId, name: 'Main', inside: 1234, capacity: 1300 }],
    perMinute: 142,
    minutesToLast: 8.9,
    latency: { p50: 1.2, p95: 3.1, p99: 5.8 },
  },
}

const entry = (more: Partial<WireEntry>): WireEntry => ({
  id: '1',
  seq: 1,
  scanId: 's',
  ticketId: 't',
  gateId: 'A',
  gateName: 'Main Entrance',
  zone: 'main',
  deviceId: 'd',
  staffId: 'sam',
  direction: 'entry',
  verdict: 'admitted',
  code: null,
  scannedAt: iso(at),
  receivedAt: iso(at),
  offline: false,
  forced: false,
  people: 1,
  duplicateAttemptNumber: null,
  validationTime: 1,
  annulledAt: null,
  ...more,
})

const scans = (...items: WireEntry[]): ServerMessage => ({ type: 'scans', items, missed: 0, cursor: '1.1.1' })
const silent: ServerMessage = {
  type: 'alert',
  alert: { id: '1', kind: 'device.silent', at: iso(at), deviceId: '0198c0de-1111' as DeviceId },
}

describe('the monitor', () => {
  it('counts people by the time of their scan, by gate too, and joins what was before', () => {
    const view = newView(occasion)
    remember(view, [{ at: iso(at - 125_000), admitted: 60, refused: 0 }])
    const party = entry({ people: 4, scannedAt: iso(at - 20_000) })
    hear(view, scans(party, entry({ verdict: 'refused', code: 'wrong_gate' }), entry({})), at)
    expect(ratesOf(view, 12, at)).toEqual([60, 60, 60, 60, 60, 60, 0, 0, 0, 0, 24, 0])
    expect(rateAt(view, 'A', at)).toBe(4)
    expect(view.newest.map(({ verdict }) => verdict)).toEqual(['admitted', 'refused', 'admitted'])
  })

  it('forgets what is long over, so that it may run for days', () => {
    const view = newView(occasion)
    for (let hour = 0; hour < 48; hour++) {
      const then = at + hour * 3_600_000
      hear(view, scans(...Array.from({ length: 5 }, () => entry({ scannedAt: iso(then) }))), then)
    }
    expect([view.moments.size, view.newest.length]).toEqual([1, 100])
  })

  it('fits every terminal, and shows the numbers, the zones, the gates, the scans and what is to look at', () => {
    const view = newView(occasion)
    hear(view, stats, at)
    hear(view, scans(entry({ verdict: 'refused', code: 'already_admitted', duplicateAttemptNumber: 2 })), at)
    hear(view, silent, at)
    for (const columns of [40, 80, 99, 100, 132, 250]) {
      for (const rows of [10, 24, 50]) {
        const lines = screenOf(view, { columns, rows }, at)
        expect(lines.length, `${columns} × ${rows}`).toBeLessThanOrEqual(rows)
        expect(Math.max(...lines.map(widthOf)), `${columns} × ${rows}`).toBeLessThanOrEqual(columns)
        expect(lines.at(-1)).toContain('decided')
      }
    }
    const screen = screenOf(view, { columns: 120, rows: 40 }, at).join('\n')
    for (const words of [
      'Tech Expo 2026 · 東京ビッグサイト',
      '11:00:05',
      '1,234',
      '55 % of 2,000',
      '142',
      '1,234 of 1,300  94 %',
      'Main Entrance',
      'already admitted, shown 2 times',
      '0198c0de has fallen silent',
      'reports 2 s behind, 34 entries',
    ]) {
      expect(screen).toContain(words)
    }
  })

  it('says what it waits for, and that a connection is lost', () => {
    const view = newView(occasion)
    expect(screenOf(view, { columns: 80, rows: 24 }, at).join('\n')).toMatch(/connecting.*\n\n Waiting/)
    view.link = { state: 'lost', because: 'connect ECONNREFUSED' }
    expect(screenOf(view, { columns: 80, rows: 24 }, at).join('\n')).toMatch(/lost, coming back[\s\S]*ECONNREFUSED/)
  })

  it('has a sentence for everything that is worth a look', () => {
    const said = alertKinds.map((kind) => {
      const details = {
        deviceId: 'd',
        gateId: 'A',
        count: 31,
        skewMs: 40_000,
        share: 0.5,
        usual: 0.1,
        scans: 90,
        zone: 'main',
      }
      const more = {
        inside: 9,
        capacity: 10,
        webhook: 'crm',
        gateIds: ['A', 'B', 'C'],
        ticketId: 't',
        shown: 'admitted',
      }
      return worryWords({ at: iso(at), kind, details: { ...details, ...more, judged: 'already_admitted' } }, occasion)
    })
    expect(new Set(said).size).toBe(alertKinds.length)
    expect(said.filter((words) => /undefined|NaN|\[|^ | {2}/.test(words))).toEqual([])
    expect(said).toContain('Phone 4 refuses 50 % of its scans, its neighbours 10 %')
    expect(said).toContain('Main Entrance showed admitted, judged is already admitted')
  })

  it('tells lines where there is no terminal', () => {
    const told: string[] = []
    const teller = new PlainTeller(occasion, (line) => told.push(line))
    teller.link({ state: 'live' })
    teller.hear(stats, at)
    teller.hear({ ...stats, at: iso(at + 1000) }, at + 1000)
    teller.hear(scans(entry({ offline: true })), at)
    teller.hear(silent, at)
    teller.link({ state: 'lost', because: 'fetch failed' })
    expect(told).toEqual([
      'connected',
      '11:00:05 = 1234 admitted of 2000 tickets, 1234 inside, 142 a minute, 15 refused, decided in 3.1 ms (p95), 34 entries on their way to the reports',
      '11:00:05 ✓ Main Entrance        admitted, without a network',
      '11:00:05 ! 0198c0de has fallen silent',
      'connection lost: fetch failed; coming back',
    ])
  })
})

describe('a stream of events', () => {
  it('is read the same whatever the pieces it comes in', () => {
    const text =
      'retry: 2000\n\nevent: scans\nid: 3.1.1\ndata: {"a":1}\n\n: here\n\nevent: stats\r\ndata: {"b"\r\ndata: :2}\r\n\r\nevent: half'
    const whole = [
      { name: 'scans', id: '3.1.1', data: '{"a":1}' },
      { name: 'stats', id: null, data: '{"b"\n:2}' },
    ]
    expect(new EventReader().read(text)).toEqual(whole)
    for (const size of [1, 2, 7]) {
      const reader = new EventReader()
      const pieces = Array.from({ length: Math.ceil(text.length / size) }, (_, i) =>
        text.slice(i * size, (i + 1) * size),
      )
      expect(pieces.flatMap((piece) => reader.read(piece))).toEqual(whole)
    }
  })
})
