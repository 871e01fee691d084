import { beforeAll, describe, expect, it, vi } from 'vitest'
import { EventStream } from '../../event-stream.ts'
import { type Answer, call, newDevice, newEvent, type Party, plenty } from '../api.ts'
import {
  type Action,
  capacityOfLounge,
  codeOf,
  devices,
  type Evening,
  type Gate,
  inside,
  MINUTE,
  minutes,
  type Row,
  start,
  type Ticket,
  type Verdict,
  writeEvening,
  zoneOf,
} from './script.ts'

const end = start + minutes * MINUTE - MINUTE / 2
const evening = writeEvening(20_260_710)
const { rows, tickets, sales, shifts } = evening

let event: Party
let phones: { id: string; token: string }[]
const ids = new Map<Ticket, string>()
const get = async (path: string, query = '') =>
  (await call('GET', `/api/hp-scanner/${path}/${event.id}${query}`, { as: event.key })).body.data

const gates: Record<Gate, object> = {
  G1: { name: 'North' },
  G2: { name: 'South' },
  G3: { name: 'West' },
  EXIT: { name: 'Exit', kind: 'exit' },
  LOUNGE: { name: 'Lounge', zone: 'lounge', accepts: ['vip'] },
  STALL: { name: 'Stall', zone: 'stall', kind: 'checkpoint' },
}

beforeAll(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: start - MINUTE })
  await setUp()
  for (const { at, actions, inOrder } of evening.plan) {
    vi.setSystemTime(at)
    await Promise.all(actions.map(act))
    for (const action of inOrder) await act(action)
  }
  vi.setSystemTime(end)
  await bringAlong()
  return () => vi.useRealTimers()
}, 300_000)

describe('an evening that is known to the scan', () => {
  it('is long and mixed enough to tell', () => {
    expect(rows.length).toBeGreaterThan(1900)
    const seen = new Set(rows.map(({ verdict, code }) => code ?? verdict))
    for (const code of ['admitted', 'exited', 'visited', 'already_admitted', 'limit_reached', 'wrong_gate', 'full']) {
      expect(seen).toContain(code)
    }
    for (const code of ['unknown', 'unpaid', 'blocked', 'revoked', 'too_early', 'too_late'])
      expect(seen).toContain(code)
    for (const is of ['forced', 'offline', 'annulled'] as const) expect(rows.some((row) => row[is])).toBe(true)
  })

  it('stands in the export of the log line by line', async () => {
    const { text } = await call('GET', `${event.path}/exports/entries.ndjson`, { as: event.key })
    const lines = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    const byScan = new Map(lines.map((line) => [line.scanId, line]))
    for (const row of rows) {
      const { annulledAt, ...line } = byScan.get(row.scanId) ?? {}
      expect(line).toMatchObject({
        ticketId: row.ticket && (ids.get(row.ticket) ?? null),
        type: row.ticket?.type ?? null,
        gateId: row.gate,
        zone: zoneOf[row.gate],
        deviceId: phones[row.device]?.id,
        staffId: row.staff,
        people: row.people,
        verdict: row.verdict,
        code: row.code,
        scannedAt: iso(row.at),
        forced: row.forced,
        offline: row.offline,
      })
      expect(annulledAt !== null).toBe(row.annulled)
    }
    expect(lines.length).toBe(rows.length + rows.filter(({ annulled }) => annulled).length)
    const csv = await call('GET', `${event.path}/exports/entries.csv`, { as: event.key })
    expect(csv.text.trim().split('\r\n').length).toBe(lines.length + 1)
    const duplicates = await call('GET', `${event.path}/exports/duplicates.ndjson`, { as: event.key })
    expect(duplicates.text.trim().split('\n').length).toBe(refusals(rows).already_admitted)
  })

  it('leaves each ticket where the script leaves it', async () => {
    const { text } = await call('GET', `${event.path}/exports/tickets.ndjson`, { as: event.key })
    const byId = new Map(
      text
        .trim()
        .split('\n')
        .map((line) => [JSON.parse(line).id, JSON.parse(line)]),
    )
    expect(byId.size).toBe(tickets.length)
    for (const ticket of tickets) {
      const { standings } = byId.get(ids.get(ticket))
      for (const zone of ['main', 'lounge'] as const) {
        const own = rows.filter((row) => row.ticket === ticket && zoneOf[row.gate] === zone && !row.annulled)
        const told = standings.find((one: { zone: string }) => one.zone === zone) ?? { entries: 0, exits: 0, inside: 0 }
        expect(told).toMatchObject({
          entries: people(own, 'admitted'),
          exits: people(own, 'exited'),
          inside: inside(ticket.moves, zone),
        })
      }
    }
  })

  it('is told by the live numbers as it was', async () => {
    const { liveStats } = await get('analytics')
    const { latency, ...told } = liveStats
    expect(told).toEqual(expectedLive())
    expectLatency(
      latency,
      rows.filter(({ offline }) => !offline),
      await validationTimes(),
    )
  })

  it('is told on the stream by the same numbers', async () => {
    const { liveStats } = await get('analytics')
    const { exports } = await import('cloudflare:workers')
    const response = await exports.default.fetch(
      new Request(`https://admit.example/api/hp-scanner/stream/${event.id}?topics=stats`, {
        headers: { Authorization: `Bearer ${event.key}` },
      }),
    )
    const stream = new EventStream(response.body as ReadableStream<Uint8Array>)
    expect((await stream.next('stats')).data).toEqual(liveStats)
    await stream.leave()
  })

  it.each([
    ['minute', MINUTE, 0],
    ['5min', 5 * MINUTE, 0],
    // In Kolkata an hour begins at half past.
    ['hour', 60 * MINUTE, 30 * MINUTE],
  ])('is drawn by the %s as it was, of the event and of each gate', async (bucket, size, shift) => {
    const { items, gates: byGate } = (
      await call('GET', `/api/hp-scanner/analytics/${event.id}/series?bucket=${bucket}&by=gate`, { as: event.key })
    ).body.data
    const bucketOf = (at: number) => Math.floor((at - shift) / size) * size + shift
    const last = Math.max(...rows.map(({ at }) => at))
    const starts: number[] = []
    for (let at = bucketOf(start); at <= last; at += size) starts.push(at)
    const of = (own: Row[]) => starts.map((at) => own.filter((row) => bucketOf(row.at) === at))
    expect(items).toEqual(
      of(rows).map((own, i) => ({
        at: iso(starts[i] ?? 0),
        admitted: people(own, 'admitted'),
        exited: people(own, 'exited'),
        refused: own.filter(({ verdict }) => verdict === 'refused').length,
      })),
    )
    for (const gate of byGate) {
      const own = of(rows.filter((row) => row.gate === gate.gateId))
      expect(gate.admitted).toEqual(own.map((some) => people(some, 'admitted')))
      expect(gate.exited).toEqual(own.map((some) => people(some, 'exited')))
      expect(gate.visited).toEqual(own.map((some) => people(some, 'visited')))
      expect(gate.refused).toEqual(own.map((some) => some.filter(({ verdict }) => verdict === 'refused').length))
    }
    expect(byGate.map(({ gateId }: { gateId: string }) => gateId)).toEqual(Object.keys(gates))
  })

  it('is reported by gate and by member of staff as it was', async () => {
    const times = await validationTimes()
    for (const [report, key, field] of [
      ['gate-report', 'gateId', 'gate'],
      ['staff-report', 'staffId', 'staff'],
    ] as const) {
      for (const item of (await get(report)).items) {
        const own = rows.filter((row) => row[field] === item[key])
        const { validationTime, ...told } = item
        expect(told).toMatchObject(expectedReport(own))
        expectLatency(
          validationTime,
          own.filter(({ offline }) => !offline),
          times,
        )
      }
    }
  })

  it('lists its duplicates, in all and by gate', async () => {
    for (const gate of [undefined, ...Object.keys(gates)]) {
      const own = gate === undefined ? rows : rows.filter((row) => row.gate === gate)
      const { pagination } = await get('duplicate-attempts', gate === undefined ? '' : `?gateId=${gate}`)
      expect(pagination.total).toBe(refusals(own).already_admitted ?? 0)
    }
    const { duplicates } = await get('duplicate-attempts', '?limit=200')
    const admitted = new Map(rows.map((row) => [`${row.ticket && ids.get(row.ticket)} ${iso(row.at)}`, row]))
    for (const { ticketId, originalScanId } of duplicates) {
      expect(admitted.get(`${ticketId} ${originalScanId.scannedAt}`)).toMatchObject({ verdict: 'admitted' })
    }
  })

  it('is summed up as it was', async () => {
    const summary = await get('summary')
    const { totalTickets, totalPeople, admittedTickets, zones, refusals: refused, duplicateAttempts } = expectedLive()
    expect(summary.totals).toEqual({
      tickets: totalTickets,
      people: totalPeople,
      scans: rows.length,
      admitted: people(rows, 'admitted'),
      admittedTickets,
      noShows: totalTickets - admittedTickets,
      exited: people(rows, 'exited'),
      visited: people(rows, 'visited'),
      refused: rows.filter(({ verdict }) => verdict === 'refused').length,
      duplicates: duplicateAttempts,
    })
    expect(summary.refusals).toEqual(refused)
    expect(summary.zones).toEqual(zones)
    expect(summary.offline).toEqual({
      scans: rows.filter(({ offline }) => offline).length,
      conflicts: evening.alone.filter(({ outcome }) => outcome === 'conflict').length,
    })
    const perMinute = Object.entries(counts(rows, ({ at }) => String(Math.floor(at / MINUTE) * MINUTE), 'admitted'))
    const most = Math.max(...perMinute.map(([, admitted]) => admitted))
    expect(summary.peak.perMinute).toBe(most)
    expect(perMinute).toContainEqual([String(Date.parse(summary.peak.at)), most])
    for (const { id, tickets: many, people: all, admitted } of summary.types) {
      const own = tickets.filter(({ type, state }) => type === id && state !== 'revoked')
      expect([many, all]).toEqual([own.length, own.reduce((sum, { admits }) => sum + admits, 0)])
      expect(admitted).toBe(
        people(
          rows.filter(({ ticket }) => ticket?.type === id),
          'admitted',
        ),
      )
    }
    expect(summary.gates).toEqual((await get('gate-report')).items)
    expect(summary.staff).toEqual((await get('staff-report')).items)
    expect(summary.latency).toEqual((await get('analytics')).liveStats.latency)
  })

  it('has the shifts and the tills of the script', async () => {
    const { items } = await get('shift-report')
    const shown = items.map(({ id: _, ...shift }: { id: string }) => shift)
    const expected = shifts.map(({ device, scans, admitted, startedAt, endedAt }) => ({
      deviceId: phones[device]?.id,
      staffId: devices[device],
      scans,
      admitted,
      startedAt: iso(startedAt),
      endedAt: endedAt === null ? null : iso(endedAt),
    }))
    expect(shown).toEqual(expected.toReversed())
    const till = (await get('till-report')).items
    const lines = Map.groupBy(sales, ({ row, method }) => `${row.staff} ${row.gate} ${method}`)
    expect(till.length).toBe(lines.size)
    for (const { staffId, gateId, method, currency, ...told } of till) {
      const own = lines.get(`${staffId} ${gateId} ${method}`) ?? []
      const all = own.reduce((sum, { row }) => sum + row.people, 0)
      expect(told).toEqual({ sales: own.length, people: all, amount: method === 'free' ? 0 : 1500 * all })
      expect(currency).toBe(method === 'free' ? null : 'EUR')
    }
  })

  it('is measured for Prometheus as it was', async () => {
    const { text } = await call('GET', '/metrics', { as: event.key })
    const value = (name: string, labels = '') => {
      const line = text.split('\n').find((one) => one.startsWith(`${name}{event="${event.id}"${labels}}`))
      return Number(line?.split(' ').at(-1))
    }
    for (const verdict of ['admitted', 'exited', 'visited'] as const) {
      const many = rows.filter((row) => row.verdict === verdict).length
      expect(value('admit_entries_total', `,verdict="${verdict}",code=""`)).toBe(many)
    }
    for (const [code, many] of Object.entries(refusals(rows))) {
      expect(value('admit_entries_total', `,verdict="refused",code="${code}"`)).toBe(many)
    }
    expect(value('admit_admitted_people')).toBe(people(rows, 'admitted'))
    expect(value('admit_admitted_tickets')).toBe(expectedLive().admittedTickets)
    expect(value('admit_offline_scans_total')).toBe(rows.filter(({ offline }) => offline).length)
    expect(value('admit_validation_seconds_count')).toBe(rows.filter(({ offline }) => !offline).length)
    for (const [gate, many] of Object.entries(expectedLive().gateCounts)) {
      expect(value('admit_gate_admitted_people', `,gate="${gate}"`)).toBe(many)
    }
    for (const zone of expectedLive().zones)
      expect(value('admit_inside_people', `,zone="${zone.id}"`)).toBe(zone.inside)
  })

  it('is checked, and nothing is found', async () => {
    const standings = new Set(
      rows
        .filter(({ ticket, code, verdict }) => ticket && (verdict !== 'refused' || code === 'already_admitted'))
        .map((row) => `${row.ticket?.no} ${zoneOf[row.gate]}`),
    )
    expect(await get('integrity')).toEqual({
      ok: true,
      checked: { entries: rows.length + rows.filter(({ annulled }) => annulled).length, tickets: standings.size },
      discrepancies: [],
      outbox: { pending: 0 },
    })
  })
})

function expectedLive() {
  const good = tickets.filter(({ state }) => state !== 'revoked')
  const totalPeople = good.reduce((sum, { admits }) => sum + admits, 0)
  const admitted = people(rows, 'admitted')
  const admittedTickets = new Set(rows.filter(isIn).map(({ ticket }) => ticket)).size
  const perMinute = people(
    rows.filter(({ at, offline }) => at > end - MINUTE && !offline),
    'admitted',
  )
  const insideOf = (zone: 'main' | 'lounge' | 'stall') =>
    tickets.reduce((sum, { moves }) => sum + inside(moves, zone), 0)
  const all = insideOf('main') + insideOf('lounge')
  const toCome = Math.max(0, totalPeople - admitted, good.length - admittedTickets)
  return {
    totalEntries: admitted,
    cacheCount: admitted,
    pendingEntries: 0,
    lagMs: 0,
    occupancyPercentage: ((100 * all) / 1000).toFixed(2),
    inside: all,
    admittedTickets,
    totalTickets: good.length,
    totalPeople,
    checkInRate: Math.round((10_000 * admittedTickets) / good.length) / 100,
    duplicateAttempts: refusals(rows).already_admitted,
    refusals: refusals(rows),
    gateCounts: counts(rows, ({ gate }) => gate, 'admitted'),
    staffCounts: counts(rows, ({ staff }) => staff, 'admitted'),
    typeCounts: counts(rows, ({ ticket }) => ticket?.type ?? '', 'admitted'),
    deviceCounts: counts(rows, ({ device }) => phones[device]?.id ?? '', 'admitted'),
    zones: [
      { id: 'main', name: 'Hall', inside: insideOf('main'), capacity: null },
      { id: 'lounge', name: 'Lounge', inside: insideOf('lounge'), capacity: capacityOfLounge },
      { id: 'stall', name: 'Stall', inside: 0, capacity: null },
    ],
    perMinute,
    minutesToLast: perMinute > 0 ? Math.round((10 * toCome) / perMinute) / 10 : null,
  }
}

function expectedReport(own: Row[]) {
  const times = own.map(({ at }) => at).sort((a, b) => a - b)
  const hourOf = (at: number) => Math.floor((at - 30 * MINUTE) / (60 * MINUTE)) * 60 * MINUTE + 30 * MINUTE
  const hours = [...new Set(times.map(hourOf))]
  return {
    scans: own.length,
    admitted: people(own, 'admitted'),
    exited: people(own, 'exited'),
    visited: people(own, 'visited'),
    refused: refusals(own),
    duplicates: refusals(own).already_admitted ?? 0,
    firstScanAt: times[0] === undefined ? null : iso(times[0]),
    lastScanAt: times[0] === undefined ? null : iso(times.at(-1) ?? 0),
    perHour: hours.map((at) => ({ at: iso(at), scans: times.filter((time) => hourOf(time) === at).length })),
  }
}

const isIn = ({ verdict, annulled }: Row) => verdict === 'admitted' && !annulled

/** People of one verdict, without those who were taken back. */
function people(own: Row[], verdict: Verdict): number {
  return own.filter((row) => row.verdict === verdict && !row.annulled).reduce((sum, row) => sum + row.people, 0)
}

function counts(own: Row[], keyOf: (row: Row) => string, verdict: Verdict): Record<string, number> {
  const groups = Map.groupBy(
    own.filter((row) => row.verdict === verdict && !row.annulled),
    keyOf,
  )
  return Object.fromEntries([...groups].map(([key, some]) => [key, people(some, verdict)]))
}

function refusals(own: Row[]): Record<string, number> {
  const groups = Map.groupBy(
    own.filter(({ code }) => code !== null),
    ({ code }) => code ?? '',
  )
  return Object.fromEntries([...groups].map(([code, some]) => [code, some.length]))
}

let known: Map<string, number> | null = null

/** How long each scan took, which no script knows, as the log has it. */
async function validationTimes(): Promise<Map<string, number>> {
  if (known) return known
  const { text } = await call('GET', `${event.path}/exports/entries.ndjson`, { as: event.key })
  const lines = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  known = new Map(lines.map(({ scanId, validationTime }) => [scanId, validationTime]))
  return known
}

/** Quantiles are kept in buckets that are 5 % wide, and told to a tenth of a millisecond. */
function expectLatency(told: Record<string, number | null>, own: Row[], times: Map<string, number>) {
  const sorted = own.map(({ scanId }) => times.get(scanId) ?? Number.NaN).sort((a, b) => a - b)
  for (const [name, share] of [
    ['p50', 0.5],
    ['p95', 0.95],
    ['p99', 0.99],
  ] as const) {
    if (!(name in told)) continue
    if (sorted.length === 0) {
      expect(told[name]).toBe(null)
      continue
    }
    const exact = sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN
    expect(Math.abs((told[name] ?? Number.NaN) - exact)).toBeLessThanOrEqual(0.025 * exact + 0.101)
  }
}

async function setUp() {
  event = await newEvent({
    startsAt: iso(start),
    endsAt: iso(start + 6 * 60 * MINUTE),
    timezone: 'Asia/Kolkata',
    capacity: 1000,
    policy: { offline: 'admit', full: 'stop' },
    zones: [
      { id: 'main', name: 'Hall', reentry: 'after_exit' },
      { id: 'lounge', name: 'Lounge', capacity: capacityOfLounge },
      { id: 'stall', name: 'Stall' },
    ],
    limits: plenty,
  })
  await event.put('ticket-types/standard', {
    name: 'Standard',
    zones: ['main', 'stall'],
    price: { amount: 1500, currency: 'EUR' },
  })
  await event.put('ticket-types/vip', { name: 'VIP', zones: ['main', 'lounge', 'stall'] })
  await event.put('ticket-types/party', { name: 'Party', admits: 4, zones: ['main', 'stall'] })
  for (const [id, gate] of Object.entries(gates)) await event.put(`gates/${id}`, gate)
  await event.put('staff/tom', { name: 'Tom', role: 'scanner' })
  phones = []
  for (const staff of devices) phones.push(await newDevice(event, staff))
  const known = evening.issued
  for (let from = 0; from < known.length; from += 500) {
    const some = known.slice(from, from + 500)
    const { body } = await call('POST', `${event.path}/tickets`, {
      as: event.key,
      body: {
        tickets: some.map((ticket) => ({
          type: ticket.type,
          code: codeOf(ticket),
          paid: ticket.state !== 'unpaid',
          ...(ticket.state === 'too_early' ? { validFrom: iso(end + MINUTE) } : {}),
          ...(ticket.state === 'too_late' ? { validUntil: iso(start - MINUTE) } : {}),
        })),
      },
    })
    for (const [i, ticket] of some.entries()) ids.set(ticket, body.data.tickets[i].id)
  }
  for (const [state, action] of [
    ['blocked', 'block'],
    ['revoked', 'revoke'],
  ] as const) {
    for (const ticket of known.filter((one) => one.state === state)) {
      await call('POST', `${event.path}/tickets/${ids.get(ticket)}/${action}`, { as: event.key, body: {} })
    }
  }
}

/** Does it, and sees that the door says what the script says. */
async function act(action: Action): Promise<void> {
  const tokenOf = (device: number) => phones[device]?.token ?? ''
  switch (action.do) {
    case 'scan':
      return expectAnswer(await scanAs(action.row, action.how), action.row)
    case 'again': {
      const { row } = action
      const how = row.forced || row.staff === 'sue' ? null : 'code'
      if (how === null) return
      const answer = await scanAs(row, how)
      expectAnswer(answer, row)
      expect(answer.body.replay).toBe(true)
      return
    }
    case 'sell': {
      const { row, method } = action
      const { scanId, gate, people: many, device, ticket } = row
      const body = { scanId, gateId: gate, type: 'standard', people: many, payment: { method } }
      const answer = await call('POST', '/api/hp-scanner/walk-in', { as: tokenOf(device), body })
      expect([answer.status, answer.body.data?.verdict]).toEqual([201, 'admitted'])
      if (ticket) ids.set(ticket, answer.body.data.ticket.id)
      return
    }
    case 'annul': {
      const path = `/api/hp-scanner/scans/${action.row.scanId}/annul`
      const { status } = await call('POST', path, { as: tokenOf(3), body: { reason: 'as the script says' } })
      expect(status).toBe(200)
      return
    }
    case 'forge': {
      const body = { qrPayload: `A1${'FORGED7'.repeat(30)}`, gateId: action.gate }
      const { status } = await call('POST', '/api/hp-scanner/validate-qr', { as: tokenOf(action.device), body })
      expect(status).toBe(400)
      return
    }
    case 'start':
    case 'end': {
      const { shift } = action
      const path = action.do === 'start' ? '' : `/${shiftIds.get(shift)}/end`
      const { body } = await call('POST', `/api/hp-scanner/sessions${path}`, { as: tokenOf(shift.device), body: {} })
      shiftIds.set(shift, body.data.session.id)
    }
  }
}
const shiftIds = new Map<Evening['shifts'][number], string>()

function scanAs(row: Row, how: 'code' | 'name' | 'force'): Promise<Answer> {
  const { scanId, gate, people: many, device, ticket } = row
  const what = how === 'name' && ticket ? { ticketId: ids.get(ticket) } : { qrPayload: payloadOf(row) }
  const force = how === 'force' ? { force: { reason: 'as the script says' } } : {}
  return call('POST', '/api/hp-scanner/validate-qr', {
    as: phones[device]?.token ?? '',
    body: { scanId, gateId: gate, people: many, ...what, ...force },
  })
}

function expectAnswer({ body }: Answer, row: Row): void {
  const inWords = (verdict: string, code: string | null) => `${row.at} ${row.gate} ${row.scanId}: ${verdict} ${code}`
  expect(inWords(body.verdict, body.code ?? null)).toBe(inWords(row.verdict, row.code))
}

function payloadOf({ ticket, scanId }: Row): string {
  return ticket ? codeOf(ticket) : `NOBODY-${scanId}`
}

/** Tom's phone finds the network again. */
async function bringAlong() {
  const scans = evening.alone.map(({ row }, sequence) => ({
    scanId: row.scanId,
    qrPayload: payloadOf(row),
    gateId: row.gate,
    localTimestamp: iso(row.at),
    sequence,
    verdict: row.code === null ? row.verdict : { refused: row.code },
  }))
  const answer = await call('POST', '/api/hp-scanner/offline-sync', {
    as: phones[2]?.token ?? '',
    body: { scans, deviceId: phones[2]?.id, syncedAt: iso(end) },
  })
  const outcomes = answer.body.results.items.map(({ outcome }: { outcome: string }) => outcome)
  expect(outcomes).toEqual(evening.alone.map(({ outcome }) => outcome))
}

function iso(at: number): string {
  return new Date(at).toISOString()
}
