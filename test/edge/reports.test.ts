import { env } from 'cloudflare:workers'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { call, gatekeeperOf, issue, newDevice, newEvent, type Party, scan } from './api.ts'

const start = Date.UTC(2026, 6, 10, 16, 29)
const MINUTE = 60_000

let event: Party
const at = (minute: number) => vi.setSystemTime(start + minute * MINUTE)
const get = (path: string, query = '') => call('GET', `/api/hp-scanner/${path}/${event.id}${query}`, { as: event.key })

/** An evening in Kolkata, whose hours begin at half past, with two zones, known to the scan. */
beforeAll(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: start })
  event = await newEvent({
    startsAt: new Date(start).toISOString(),
    endsAt: new Date(start + 360 * MINUTE).toISOString(),
    timezone: 'Asia/Kolkata',
    capacity: 200,
    zones: [
      { id: 'main', name: 'Hall', capacity: 100 },
      { id: 'vip', name: 'Lounge', capacity: 10 },
    ],
  })
  await event.put('ticket-types/vip', { name: 'VIP', zones: ['main', 'vip'] })
  await event.put('gates/GATE-V', { name: 'Lounge', zone: 'vip', accepts: ['vip'] })
  const sam = await newDevice(event)
  const sue = await newDevice(event, 'sue')
  const tickets = await issue(event, ...Array.from({ length: 8 }, () => ({})), { type: 'vip' }, { admits: 3 })
  const code = (index: number) => tickets[index]?.code ?? ''
  at(0)
  for (const index of [0, 1, 2, 3]) await scan(sam.token, code(index))
  await scan(sam.token, code(0))
  at(1)
  await scan(sue.token, code(8))
  await scan(sue.token, code(8), { gateId: 'GATE-V' })
  await scan(sue.token, code(4), { gateId: 'GATE-V' })
  at(7)
  await scan(sue.token, code(9), { people: 2 })
  await scan(sam.token, code(1), { gateId: 'GATE-X' })
  const mistaken = await scan(sue.token, code(5))
  await call('POST', `/api/hp-scanner/scans/${mistaken.body.scanId}/annul`, {
    as: sue.token,
    body: { reason: 'the wrong one' },
  })
  at(62)
  await scan(sam.token, code(5))
  return () => vi.useRealTimers()
})
afterEach(() => at(62))

describe('the doors as they are now', () => {
  it('are told in numbers that the scans add up to', async () => {
    const { status, body } = await get('analytics')
    expect(status).toBe(200)
    expect(body.data.event).toEqual({
      id: event.id,
      title: 'Tech Expo 2026',
      date: new Date(start).toISOString(),
      location: null,
      capacity: 200,
    })
    expect(body.data.liveStats).toMatchObject({
      totalEntries: 9,
      cacheCount: 9,
      pendingEntries: 0,
      lagMs: 0,
      // 8 people in the hall, less one who left, and one in the lounge.
      inside: 8,
      occupancyPercentage: '4.00',
      // The one in the lounge came through the hall.
      admittedTickets: 7,
      totalTickets: 10,
      totalPeople: 12,
      checkInRate: 70,
      duplicateAttempts: 1,
      refusals: { already_admitted: 1, wrong_gate: 1 },
      gateCounts: { 'GATE-A': 8, 'GATE-V': 1 },
      staffCounts: { sam: 5, sue: 4 },
      typeCounts: { standard: 7, vip: 2 },
      zones: [
        { id: 'main', name: 'Hall', inside: 7, capacity: 100 },
        { id: 'vip', name: 'Lounge', inside: 1, capacity: 10 },
      ],
      perMinute: 1,
      minutesToLast: 3,
    })
    const { latency } = body.data.liveStats
    expect(latency.p50).toBeGreaterThanOrEqual(0)
    expect(latency.p99).toBeGreaterThanOrEqual(latency.p50)
  })

  it('are still told while D1 is away, without what only D1 knows', async () => {
    await env.DB.exec('ALTER TABLE tally RENAME TO tally_away')
    try {
      const { status, body } = await get('analytics')
      expect(status).toBe(200)
      expect(body.data.liveStats).toMatchObject({ totalEntries: null, cacheCount: 9 })
    } finally {
      await env.DB.exec('ALTER TABLE tally_away RENAME TO tally')
    }
  })

  it('are nothing, and no error, where nobody came yet', async () => {
    const empty = await newEvent()
    const { body } = await call('GET', `/api/hp-scanner/analytics/${empty.id}`, { as: empty.key })
    expect(body.data.liveStats).toMatchObject({
      totalEntries: 0,
      cacheCount: 0,
      occupancyPercentage: '0.00',
      checkInRate: 0,
      minutesToLast: null,
      latency: { p50: null, p95: null, p99: null },
    })
  })
})

describe('the numbers of an event with several zones', () => {
  it('count a ticket once, wherever it was let in, until it is let in nowhere any more', async () => {
    const now = Date.now()
    const zoned = await newEvent({
      zones: [
        { id: 'main', name: 'Hall' },
        { id: 'vip', name: 'Lounge' },
      ],
    })
    await zoned.put('ticket-types/vip', { name: 'VIP', zones: ['main', 'vip'] })
    await zoned.put('gates/GATE-V', { name: 'Lounge', zone: 'vip' })
    const { token } = await newDevice(zoned, 'sue')
    const [ticket, late] = await issue(zoned, { type: 'vip' }, { type: 'vip' })
    const live = async () =>
      (await call('GET', `/api/hp-scanner/analytics/${zoned.id}`, { as: zoned.key })).body.data.liveStats
    const annul = (scanId: string) =>
      call('POST', `/api/hp-scanner/scans/${scanId}/annul`, { as: token, body: { reason: 'a mistake' } })
    const { scanId: inHall } = (await scan(token, ticket?.code ?? '')).body
    const { scanId: inLounge } = (await scan(token, ticket?.code ?? '', { gateId: 'GATE-V' })).body
    expect(await live()).toMatchObject({ admittedTickets: 1, cacheCount: 2, perMinute: 2, minutesToLast: 0.5 })
    await annul(inHall)
    expect(await live()).toMatchObject({ admittedTickets: 1, cacheCount: 1, perMinute: 1 })
    await annul(inLounge)
    expect(await live()).toMatchObject({ admittedTickets: 0, cacheCount: 0, perMinute: 0, minutesToLast: null })
    // A device that was cut off for an hour tells what it did then: that is no rush now.
    const scans = ['GATE-A', 'GATE-V'].map((gateId) => ({
      scanId: crypto.randomUUID(),
      qrPayload: late?.code,
      gateId,
      localTimestamp: new Date(now - 3_600_000).toISOString(),
      verdict: 'admitted',
    }))
    const synced = await call('POST', '/api/hp-scanner/offline-sync', {
      as: token,
      body: { scans, syncedAt: new Date(now) },
    })
    expect(synced.body.results).toMatchObject({ total: 2, successful: 2 })
    expect(await live()).toMatchObject({ admittedTickets: 1, cacheCount: 2, perMinute: 0, minutesToLast: null })
    const checked = await call('GET', `/api/hp-scanner/integrity/${zoned.id}`, { as: zoned.key })
    expect(checked.body.data).toMatchObject({ ok: true, checked: { entries: 6, tickets: 4 } })
  })
})

describe('the check-in rate', () => {
  it('is of the tickets that are good, and never above a hundred: not for a party, a second entry, or one revoked inside', async () => {
    const party = await newEvent({ zones: [{ id: 'main', name: 'Hall', reentry: 'unlimited' }] })
    const { token } = await newDevice(party)
    const [family, single, absent] = await issue(party, { admits: 4 }, {}, {})
    const rate = async () =>
      (await call('GET', `/api/hp-scanner/analytics/${party.id}`, { as: party.key })).body.data.liveStats
    await scan(token, family?.code ?? '', { people: 4 })
    await scan(token, single?.code ?? '')
    await scan(token, single?.code ?? '')
    expect(await rate()).toMatchObject({ cacheCount: 6, admittedTickets: 2, totalTickets: 3, checkInRate: 66.67 })
    for (const revoked of [family, absent])
      await call('POST', `${party.path}/tickets/${revoked?.id}/revoke`, { as: party.key })
    expect(await rate()).toMatchObject({ admittedTickets: 2, totalTickets: 1, checkInRate: 100 })
  })
})

describe('the series', () => {
  it('counts people in and out and scans refused, with the empty minutes between', async () => {
    const { body } = await get('analytics', '').then(() =>
      call('GET', `/api/hp-scanner/analytics/${event.id}/series?bucket=minute`, { as: event.key }),
    )
    const { items, timezone, bucket } = body.data
    expect({ timezone, bucket }).toEqual({ timezone: 'Asia/Kolkata', bucket: 'minute' })
    expect(items).toHaveLength(63)
    expect(items[0]).toEqual({ at: new Date(start).toISOString(), admitted: 4, exited: 0, refused: 1 })
    expect(items[1]).toMatchObject({ admitted: 2, refused: 1 })
    expect(items[2]).toMatchObject({ admitted: 0, exited: 0, refused: 0 })
    expect(items[7]).toMatchObject({ admitted: 2, exited: 1 })
  })

  it("has the hours of the event's own clocks", async () => {
    const { body } = await call('GET', `/api/hp-scanner/analytics/${event.id}/series?bucket=hour`, { as: event.key })
    expect(body.data.items).toEqual([
      { at: '2026-07-10T15:30:00.000Z', admitted: 4, exited: 0, refused: 1 },
      { at: '2026-07-10T16:30:00.000Z', admitted: 4, exited: 1, refused: 1 },
      { at: '2026-07-10T17:30:00.000Z', admitted: 1, exited: 0, refused: 0 },
    ])
  })

  it('is of the span that was asked for', async () => {
    const span = `from=${new Date(start).toISOString()}&to=${new Date(start + 10 * MINUTE).toISOString()}`
    const path = `/api/hp-scanner/analytics/${event.id}/series?bucket=5min&${span}`
    const { body } = await call('GET', path, { as: event.key })
    expect(body.data.items.map(({ admitted }: { admitted: number }) => admitted)).toEqual([4, 2, 2])
  })

  it("has each gate's own part where it is asked for, and what they have is the whole", async () => {
    for (const bucket of ['minute', '5min', 'hour']) {
      const path = `/api/hp-scanner/analytics/${event.id}/series?bucket=${bucket}&by=gate`
      const { items, gates } = (await call('GET', path, { as: event.key })).body.data
      expect(gates.map(({ gateId }: { gateId: string }) => gateId)).toEqual(['GATE-A', 'GATE-V', 'GATE-X'])
      for (const what of ['admitted', 'exited', 'refused'] as const) {
        const together = items.map((_: unknown, i: number) =>
          gates.reduce((sum: number, gate: Record<typeof what, number[]>) => sum + (gate[what][i] ?? 0), 0),
        )
        expect(together).toEqual(items.map((item: Record<typeof what, number>) => item[what]))
      }
    }
    const from = new Date(start + MINUTE).toISOString()
    const to = new Date(start + 2 * MINUTE).toISOString()
    const path = `/api/hp-scanner/analytics/${event.id}/series?bucket=minute&by=gate&from=${from}&to=${to}`
    expect((await call('GET', path, { as: event.key })).body.data.gates).toEqual([
      { gateId: 'GATE-A', name: 'Main Entrance', admitted: [1], exited: [0], visited: [0], refused: [0] },
      { gateId: 'GATE-V', name: 'Lounge', admitted: [1], exited: [0], visited: [0], refused: [1] },
    ])
  })

  it('has them also of what D1 was told before it added them up', async () => {
    const ask = async () => {
      const path = `/api/hp-scanner/analytics/${event.id}/series?bucket=minute&by=gate`
      return (await call('GET', path, { as: event.key })).body.data.gates
    }
    const before = await ask()
    await env.DB.exec("DELETE FROM tally WHERE scope = 'gate-minute'")
    expect(await ask()).toEqual([])
    const addUp = env.MIGRATIONS.find(({ name }) => name.includes('gates_by_the_minute'))?.queries ?? []
    for (const query of addUp) await env.DB.prepare(query).run()
    expect(await ask()).toEqual(before)
  })

  it('says which field is wrong', async () => {
    const ask = async (query: string) => {
      const path = `/api/hp-scanner/analytics/${event.id}/series?${query}`
      const { status, body } = await call('GET', path, { as: event.key })
      return [status, body.data?.issues?.[0]?.field]
    }
    expect(await ask('bucket=day')).toEqual([400, 'bucket'])
    expect(await ask('from=yesterday')).toEqual([400, 'from'])
    expect(await ask('from=2026-07-10T00:00:00Z&to=2026-07-09T00:00:00Z')).toEqual([400, 'to'])
    expect(await ask('bucket=minute&from=2020-01-01T00:00:00Z&to=2026-07-09T00:00:00Z')).toEqual([400, 'bucket'])
    expect(await ask('by=staff')).toEqual([400, 'by'])
    expect(await ask('by=gate&bucket=minute&from=2026-07-09T00:00:00Z&to=2026-07-11T00:00:00Z')).toEqual([
      400,
      'bucket',
    ])
  })
})

describe('the reports', () => {
  it('tell what each member of staff scanned', async () => {
    const { body } = await get('staff-report')
    expect(body.data.items).toMatchObject([
      {
        staffId: 'sam',
        name: 'Sam',
        scans: 7,
        admitted: 5,
        exited: 1,
        refused: { already_admitted: 1 },
        duplicates: 1,
        firstScanAt: new Date(start).toISOString(),
        lastScanAt: new Date(start + 62 * MINUTE).toISOString(),
        perHour: [
          { at: '2026-07-10T15:30:00.000Z', scans: 5 },
          { at: '2026-07-10T16:30:00.000Z', scans: 1 },
          { at: '2026-07-10T17:30:00.000Z', scans: 1 },
        ],
      },
      { staffId: 'sue', scans: 5, admitted: 4, refused: { wrong_gate: 1 }, duplicates: 0 },
    ])
    const one = await get('staff-report', '?staffId=sue')
    expect(one.body.data.items).toEqual([body.data.items[1]])
    expect((await get('staff-report', '?staffId=nobody')).body.data.items).toEqual([])
  })

  it('tell what was scanned at each gate, and of those where nobody was', async () => {
    const { body } = await get('gate-report')
    const byGate = Object.fromEntries(body.data.items.map((item: { gateId: string }) => [item.gateId, item]))
    expect(byGate['GATE-A']).toMatchObject({ scans: 9, admitted: 8, refused: { already_admitted: 1 } })
    expect(byGate['GATE-V']).toMatchObject({ scans: 2, admitted: 1, refused: { wrong_gate: 1 } })
    expect(byGate['GATE-X']).toMatchObject({ scans: 1, admitted: 0, exited: 1 })
    expect(byGate['GATE-B']).toMatchObject({
      scans: 0,
      firstScanAt: null,
      perHour: [],
      validationTime: { p50: null, p95: null },
    })
  })

  it('sum the evening up', async () => {
    const { body } = await get('summary')
    expect(body.data).toMatchObject({
      totals: {
        tickets: 10,
        people: 12,
        scans: 12,
        admitted: 9,
        admittedTickets: 7,
        noShows: 3,
        exited: 1,
        refused: 2,
      },
      types: [
        { id: 'standard', tickets: 9, people: 11, admitted: 7 },
        { id: 'vip', tickets: 1, people: 1, admitted: 2 },
      ],
      refusals: { already_admitted: 1, wrong_gate: 1 },
      peak: { at: new Date(start).toISOString(), perMinute: 4 },
      arrivals: { bucket: 'minute', timezone: 'Asia/Kolkata' },
    })
    const arrived = body.data.arrivals.items.reduce(
      (sum: number, { admitted }: { admitted: number }) => sum + admitted,
      0,
    )
    expect(arrived).toBe(9)
  })

  it('are summed up on paper for whoever asks for a PDF, with the tills for whoever may see them', async () => {
    const viewer = await call('POST', `/api/organisations/${event.organisation.id}/keys`, {
      as: event.key,
      body: { name: 'the press', role: 'viewer' },
    })
    const path = `/api/hp-scanner/summary/${event.id}`
    const ask = (query: string, as = event.key, Accept = '*/*') =>
      call('GET', path + query, { as, headers: { Accept } })
    const pdf = await ask('?format=pdf')
    expect([pdf.status, pdf.headers.get('Content-Type')]).toEqual([200, 'application/pdf'])
    expect(pdf.headers.get('Cache-Control')).toBe('private, no-store')
    expect(pdf.headers.get('Content-Disposition')).toMatch(/^attachment; filename="report.pdf"/)
    expect(pdf.text).toMatch(/^%PDF-1\.7\n[\s\S]*%%EOF\n$/)
    expect((await ask('', event.key, 'application/pdf')).text).toMatch(/^%PDF/)
    expect((await ask('?format=json', event.key, 'application/pdf')).body.data.totals.admitted).toBe(9)
    const unseen = await ask('?format=pdf', viewer.body.data.key)
    expect(unseen.text).toMatch(/^%PDF/)
    expect(unseen.text.length).toBeLessThan(pdf.text.length)
    expect((await ask('?format=xml')).body.data.issues[0].field).toBe('format')
  })

  it('may be read by a viewer, and by nobody of another organisation', async () => {
    const key = await call('POST', `/api/organisations/${event.organisation.id}/keys`, {
      as: event.key,
      body: { name: 'the board', role: 'viewer' },
    })
    const other = await newEvent()
    for (const path of ['analytics', 'staff-report', 'gate-report', 'summary']) {
      const ask = (as: string) => call('GET', `/api/hp-scanner/${path}/${event.id}`, { as })
      expect((await ask(key.body.data.key)).status).toBe(200)
      expect((await ask(other.key)).status).toBe(404)
    }
  })

  it('agree with the log after the object was away', async () => {
    const before = (await get('analytics')).body.data.liveStats
    await gatekeeperOf(event).flush()
    const after = (await get('analytics')).body.data.liveStats
    expect(after).toEqual(before)
  })
})
