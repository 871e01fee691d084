import { beforeAll, describe, expect, it, vi } from 'vitest'
import { EventStream } from '../../event-stream.ts'
import { call, type Party } from '../api.ts'
import { counts, expectedLive, expectedReport, people, refusals } from './expected.ts'
import { gates, type Played, playEvening } from './playing.ts'
import { devices, inside, iso, MINUTE, type Row, start, writeEvening, zoneOf } from './script.ts'

const evening = writeEvening(20_260_710)
const { rows, tickets, sales, shifts } = evening

let event: Party
let phones: Played['phones']
let ids: Played['ids']
const get = async (path: string, query = '') =>
  (await call('GET', `/api/hp-scanner/${path}/${event.id}${query}`, { as: event.key })).body.data

beforeAll(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: start - MINUTE })
  ;({ event, phones, ids } = await playEvening(evening))
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
    expect(told).toEqual(expectedLive(evening, phones))
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
    const {
      totalTickets,
      totalPeople,
      admittedTickets,
      zones,
      refusals: refused,
      duplicateAttempts,
    } = expectedLive(evening, phones)
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
    expect(value('admit_admitted_tickets')).toBe(expectedLive(evening, phones).admittedTickets)
    expect(value('admit_offline_scans_total')).toBe(rows.filter(({ offline }) => offline).length)
    expect(value('admit_validation_seconds_count')).toBe(rows.filter(({ offline }) => !offline).length)
    for (const [gate, many] of Object.entries(expectedLive(evening, phones).gateCounts)) {
      expect(value('admit_gate_admitted_people', `,gate="${gate}"`)).toBe(many)
    }
    for (const zone of expectedLive(evening, phones).zones)
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
