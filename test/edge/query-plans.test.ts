import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeAll, beforeEach, describe, expect, it, type MockInstance, vi } from 'vitest'
import { call, gatekeeperOf, issue, newDevice, newEvent, type Party, scan } from './api.ts'

/*
 * Whatever a report, a list or an export asks of D1 is caught as it is asked, and D1 is asked how it goes about it. What
 * holds here holds for a million entries, since SQLite has no statistics to plan otherwise by.
 */

let event: Party
let asked: { sql: string; values: unknown[] }[] = []
let prepare: MockInstance

beforeAll(async () => {
  event = await newEvent()
  const { token } = await newDevice(event)
  const [ticket] = await issue(event)
  await scan(token, ticket?.code ?? '')
  await scan(token, ticket?.code ?? '')
})

beforeEach(() => {
  asked = []
  const real = env.DB.prepare
  prepare = vi.spyOn(Object.getPrototypeOf(env.DB), 'prepare').mockImplementation(function (this: unknown, sql) {
    const statement = real.call(this as D1Database, sql as string)
    const bind = statement.bind.bind(statement)
    statement.bind = (...values) => {
      asked.push({ sql: sql as string, values })
      return bind(...values)
    }
    return statement
  })
})
afterEach(() => prepare.mockRestore())

const span = 'from=2026-07-10T00:00:00Z&to=2026-07-10T06:00:00Z'

const calls = {
  reports: [
    '/api/hp-scanner/analytics/:id',
    `/api/hp-scanner/analytics/:id/series?bucket=minute&${span}`,
    `/api/hp-scanner/analytics/:id/series?bucket=5min&by=gate&${span}`,
    '/api/hp-scanner/gate-report/:id',
    '/api/hp-scanner/gate-report/:id?gateId=GATE-A',
    '/api/hp-scanner/staff-report/:id',
    '/api/hp-scanner/staff-report/:id?staffId=sam',
    '/api/hp-scanner/summary/:id',
    '/api/hp-scanner/summary/:id?format=pdf',
    '/api/hp-scanner/integrity/:id',
  ],
  lists: [
    '/api/hp-scanner/duplicate-attempts/:id',
    '/api/hp-scanner/duplicate-attempts/:id?page=7&gateId=GATE-A',
    '/api/events',
    '/api/events?order=newest',
  ],
  exports: ['entries.csv', 'entries.ndjson', 'duplicates.csv', 'duplicates.ndjson'].map(
    (file) => `/api/events/:id/exports/${file}`,
  ),
}

async function plansOf(path: string, of = event): Promise<{ sql: string; plan: string }[]> {
  const { status } = await call('GET', path.replace(':id', of.id), { as: of.key })
  expect(status).toBe(200)
  const own = asked.filter(({ sql }) => /^select/i.test(sql))
  prepare.mockRestore()
  const plans: { sql: string; plan: string }[] = []
  for (const { sql, values } of own) {
    const { results } = await env.DB.prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .bind(...values)
      .all<{ detail: string }>()
    plans.push({ sql, plan: results.map(({ detail }) => detail).join('\n') })
  }
  return plans
}

describe.each(Object.entries(calls))('what %s ask of D1', (_, paths) => {
  it.each(paths)('%s reads by an index, and no more than what it is asked for', async (path) => {
    const plans = await plansOf(path)
    expect(plans.length).toBeGreaterThan(0)
    for (const { sql, plan } of plans) {
      expect(plan, sql).not.toMatch(/SCAN (?!place|json_each)/)
      // A few dozen sums are put together in memory: buckets of time and outcomes of many buckets are in no index's order.
      expect(plan, sql).not.toContain(sql.includes('from "tally"') ? 'B-TREE FOR ORDER BY' : 'TEMP B-TREE')
      // Sums are found by their scope, a gate's minutes by the span as well, and entries by more than whose they are.
      if (sql.includes('from "tally"')) expect(plan, sql).toContain('scope=?')
      if (sql.includes('from "entry"')) expect(plan, sql).not.toMatch(/SEARCH entry [^(]*\(event=\?\)/)
      if (path.includes('gateId') && sql.includes('from "entry"')) expect(plan).toContain('gate=? AND code=?')
      if (sql.includes('json_each')) expect(plan, sql).toContain('key=? AND at>? AND at<?')
    }
  })
})

describe('what lists of entries ask of D1', () => {
  const cursor = 'cursor=1795000000000.1.5'
  it.each([
    ['', 'entry_time (event=?)'],
    [cursor, 'entry_time (event=? AND (scanned_at,epoch,seq)<(?,?,?))'],
    ['gate=GATE-A', 'entry_gate_time (event=? AND gate=?)'],
    [`gate=GATE-A&${cursor}&from=2026-01-01T00:00:00Z`, 'entry_gate_time (event=? AND gate=?'],
    ['staff=sam', 'entry_staff_time (event=? AND staff=?)'],
    ['staff=sam&from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z', 'entry_staff_time (event=? AND staff=?'],
    ['device=anybody', 'entry_device_time (event=? AND device=?)'],
    ['code=already_admitted', 'entry_code_time (event=? AND code=?)'],
    ['code=full', 'entry_code_time (event=? AND code=?)'],
    ['gate=GATE-A&code=full', 'entry_gate_code_time (event=? AND gate=? AND code=?)'],
    ['verdict=refused', 'entry_verdict_time (event=? AND verdict=?)'],
    [`verdict=annulled&${cursor}`, 'entry_verdict_time (event=? AND verdict=?'],
  ])('by “%s” they come in order from %s', async (query, index) => {
    const plans = await plansOf(`/api/events/:id/entries?${query}`)
    const [{ plan } = { plan: '' }] = plans.filter(({ sql }) => sql.includes('from "entry"'))
    expect(plan).toContain(`USING INDEX ${index}`)
    expect(plan).not.toContain('TEMP B-TREE')
  })

  it('of one ticket come in order from its own', async () => {
    const [ticket] = await issue(event)
    const [{ plan } = { plan: '' }] = (await plansOf(`/api/events/:id/entries?ticket=${ticket?.id}`)).filter(
      ({ sql }) => sql.includes('from "entry"'),
    )
    expect(plan).toBe('SEARCH entry USING INDEX entry_ticket_time (event=? AND ticket=?)')
  })
})

describe('what lists of entries ask of D1 that leave some out', () => {
  let large: Party
  beforeAll(async () => {
    large = await newEvent()
    await env.DB.prepare(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
       INSERT INTO entry (event, epoch, seq, scan, type, gate, zone, device, staff, direction, people, verdict, code, forced,
       offline, inside_change, scanned_at, received_at, validation_ms)
       SELECT unhex(?1), 1, i, randomblob(16), 'standard', 'GATE-A', 'main', 'anybody', 'sam', 'entry', 1, 'refused', 'full',
       0, 0, 0, 1790000000000, 1790000000000, 1 FROM n`,
    )
      .bind(large.id.replaceAll('-', ''))
      .run()
  })

  const cursor = 'cursor=1795000000000.1.5'
  it.each([
    ['type=vip', 'entry_time (event=?'],
    [`type=vip&${cursor}`, 'entry_time (event=?'],
    ['verdict=admitted&from=2026-01-01T00:00:00Z', 'entry_time (event=? AND scanned_at>?'],
    ['type=vip&gate=GATE-A', 'entry_gate_time (event=? AND gate=?'],
    [`gate=GATE-A&staff=sam&${cursor}`, 'entry_staff_time (event=? AND staff=?'],
    [`device=anybody&verdict=admitted&${cursor}`, 'entry_device_time (event=? AND device=?'],
    [`gate=GATE-A&verdict=refused&${cursor}`, 'entry_gate_time (event=? AND gate=?'],
    ['staff=sam&verdict=refused&type=vip&from=2026-01-01T00:00:00Z', 'entry_staff_time (event=? AND staff=?'],
    [`device=anybody&staff=sam&gate=GATE-A&${cursor}`, 'entry_device_time (event=? AND device=?'],
    ['verdict=refused&code=full', 'entry_code_time (event=? AND code=?'],
    ['device=anybody&code=full&gate=GATE-A', 'entry_gate_code_time (event=? AND gate=? AND code=?'],
  ])('by “%s” they come in order from %s, looked at so far and no further', async (query, index) => {
    const plans = await plansOf(`/api/events/:id/entries?${query}`, large)
    const [bound, list, ...others] = plans.filter(({ sql }) => sql.includes('from "entry"'))
    expect(others).toEqual([])
    expect(bound?.plan).toContain(`USING COVERING INDEX ${index}`)
    expect(list?.plan).toContain(`USING INDEX ${index}`)
    expect(list?.sql).toContain('>= (?, ?, ?)')
    for (const { plan } of plans) expect(plan).not.toContain('TEMP B-TREE')
  })
})

/**
 * Tables of the Gatekeeper that grow with the tickets, the scans or the changes: none is read from end to end. Conflicts are
 * not among them, since they are counted and are few.
 */
const growing = [
  ...['ticket', 'code', 'holder', 'booking', 'standing', 'search_word', 'ticket_change', 'reissue', 'erasure'],
  ...['entry', 'annulment', 'notice', 'delivery', 'sale', 'audit', 'job_chunk', 'job_error'],
]

describe('what the Gatekeeper asks of its own tables', () => {
  const executed = new Map<string, unknown[]>()
  let device: Awaited<ReturnType<typeof newDevice>>
  let supervisor: Awaited<ReturnType<typeof newDevice>>
  let tickets: Awaited<ReturnType<typeof issue>>

  beforeAll(async () => {
    device = await newDevice(event)
    supervisor = await newDevice(event, 'sue')
    tickets = await issue(
      event,
      { holder: { name: 'Ada Lovelace' }, booking: { id: 'B-1', name: 'Ada' }, code: 'PRINTED-1' },
      ...Array.from({ length: 5 }, () => ({})),
    )
  })

  /** Runs it with every statement of the Gatekeeper's kept: its text and the values of its last time. */
  async function planned(work: () => Promise<unknown>): Promise<{ sql: string; plan: string[] }[]> {
    executed.clear()
    const gatekeeper = gatekeeperOf(event)
    const spy = await runInDurableObject(gatekeeper, (_, { storage: { sql } }) => {
      const real = sql.exec
      return vi.spyOn(Object.getPrototypeOf(sql), 'exec').mockImplementation(function (this: unknown, text, ...values) {
        executed.set(text as string, values)
        return real.call(this as SqlStorage, text as string, ...values)
      })
    })
    await work().finally(() => spy.mockRestore())
    return runInDurableObject(gatekeeper, (_, { storage: { sql } }) =>
      [...executed]
        .filter(([text]) => /^\s*(SELECT|INSERT|UPDATE|DELETE|WITH)/i.test(text))
        .map(([text, values]) => ({
          sql: text,
          plan: sql
            .exec<{ detail: string }>(`EXPLAIN QUERY PLAN ${text}`, ...values)
            .toArray()
            .map((row) => row.detail),
        })),
    )
  }

  const get = async (path: string, as = event.key) => {
    const { status } = await call('GET', path.replace(':id', event.id), { as })
    expect(status).toBe(200)
  }
  const code = (no: number) => tickets[no]?.code ?? ''
  const snapshotPath = () => `/api/hp-scanner/snapshot/${event.id}`

  it.each<[string, () => Promise<unknown>]>([
    [
      'a scan, the same again, one of a printed code and one of none',
      async () => {
        const { body } = await scan(device.token, code(1))
        await scan(device.token, code(1))
        await scan(device.token, code(1), { scanId: body.scanId })
        await scan(device.token, 'PRINTED-1')
        await scan(device.token, 'nothing of ours')
        await scan(device.token, code(2), { gateId: 'GATE-B', direction: 'entry' })
        await scan(device.token, code(2), { gateId: 'GATE-B', direction: 'exit' })
        await scan(supervisor.token, code(1), { force: { reason: 'the bracelet tore' } })
      },
    ],
    [
      'an admission taken back',
      async () => {
        const { body } = await scan(device.token, code(3))
        await call('POST', `/api/hp-scanner/scans/${body.scanId}/annul`, {
          as: device.token,
          body: { reason: 'a mistake' },
        })
      },
    ],
    [
      'scans brought home, one of them a conflict',
      async () => {
        const offline = (qrPayload: string, sequence: number) => ({
          scanId: crypto.randomUUID(),
          qrPayload,
          gateId: 'GATE-A',
          localTimestamp: new Date(Date.now() - 1000).toISOString(),
          verdict: 'admitted',
          sequence,
        })
        const { status } = await call('POST', '/api/hp-scanner/offline-sync', {
          as: device.token,
          body: { scans: [offline(code(1), 1), offline(code(4), 2)], syncedAt: new Date().toISOString() },
        })
        expect(status).toBe(200)
      },
    ],
    [
      'waking up for a scan',
      async () => {
        await evictDurableObject(gatekeeperOf(event))
        await scan(device.token, code(5))
      },
    ],
    ['the outbox', () => gatekeeperOf(event).flush()],
    ['the alarm', () => runDurableObjectAlarm(gatekeeperOf(event))],
    ['a search', () => get('/api/hp-scanner/search/:id?q=ada', device.token)],
    ['a search for two words', () => get('/api/hp-scanner/search/:id?q=ada%20love', device.token)],
    ['a ticket', () => get(`/api/events/:id/tickets/${tickets[0]?.id}`)],
    ['a list of tickets', () => get('/api/events/:id/tickets')],
    ['its next page', () => get(`/api/events/:id/tickets?cursor=${tickets[0]?.id}`)],
    ['a list by words', () => get('/api/events/:id/tickets?search=ada')],
    ['a list by type and status', () => get('/api/events/:id/tickets?type=standard&status=valid')],
    ['a list by gate', () => get('/api/events/:id/tickets?gate=GATE-A')],
    ['images to be drawn', () => call('POST', `/api/events/${event.id}/qr-cache/warm`, { as: event.key })],
    ['tickets on paper', () => call('GET', `/api/events/${event.id}/sheet.pdf`, { as: event.key })],
    [
      'tickets on paper of a type and status',
      () => call('GET', `/api/events/${event.id}/sheet.pdf?type=vip&status=valid`, { as: event.key }),
    ],
    ['a whole snapshot', () => get(snapshotPath(), device.token)],
    ['a difference', () => get(`${snapshotPath()}?since=1.1.1`, device.token)],
    ['the doors as they are', () => get('/api/hp-scanner/analytics/:id')],
    ['conflicts', () => get('/api/events/:id/conflicts')],
    [
      'a decision about a ticket',
      () =>
        call('POST', `/api/events/${event.id}/tickets/${tickets[5]?.id}/revoke`, {
          as: event.key,
          body: { reason: 'refunded' },
        }),
    ],
    [
      'tickets issued',
      () => issue(event, { reference: 'R-9', booking: { id: 'B-1', name: 'Ada' }, code: 'PRINTED-2' }),
    ],
  ])('reads by an index, and no more than it gives: %s', async (_, work) => {
    const plans = await planned(work)
    expect(plans.length).toBeGreaterThan(0)
    for (const { sql, plan } of plans) expect(readFromEndToEnd(sql, plan), sql).toEqual([])
  })
})

/**
 * Of a plan's steps, those that go through all of a table that grows. A page is none: the first rows of a table, or of an
 * index that holds no others than those that are asked for.
 */
function readFromEndToEnd(sql: string, plan: string[]): string[] {
  const isPage = (step: string) =>
    /\bLIMIT\b/.test(sql) && (!/\bWHERE\b/.test(sql) || step.endsWith('USING INDEX audit_network'))
  return plan.filter((step) => {
    const alias = /^SCAN (\w+)/.exec(step)?.[1]
    if (alias === undefined || isPage(step)) return false
    const table = new RegExp(`\\b(\\w+)(?: AS)? ${alias}\\b`).exec(sql)?.[1] ?? alias
    return growing.includes(alias) || growing.includes(table)
  })
}
