import { env } from 'cloudflare:workers'
import { afterEach, beforeAll, beforeEach, describe, expect, it, type MockInstance, vi } from 'vitest'
import { call, issue, newDevice, newEvent, type Party, scan } from './api.ts'

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

async function plansOf(path: string): Promise<{ sql: string; plan: string }[]> {
  const { status } = await call('GET', path.replace(':id', event.id), { as: event.key })
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
    [`device=anybody&verdict=admitted&${cursor}`, 'entry_device_time (event=? AND device=?'],
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
