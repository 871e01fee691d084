import { evictDurableObject, runDurableObjectAlarm } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { metricKinds } from '../../workers/metric-kinds.ts'
import {
  admin,
  call,
  gatekeeperOf,
  informed,
  issue,
  newDevice,
  newEvent,
  newOrganisation,
  type Party,
  scan,
} from './api.ts'

type Sample = { name: string; labels: Record<string, string>; value: number }

let event: Party
beforeEach(async () => {
  event = await newEvent()
})
afterEach(() => {
  vi.restoreAllMocks()
})

async function scrape(as = event.key) {
  // What was judged by another object is measured when it was heard of.
  await informed(event)
  return call('GET', '/metrics', { as })
}

/** Reads the text as Prometheus does; what is no sample and no comment is a broken test. */
function samplesIn(text: string): Sample[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name = '', inner = '', value = ''] = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
      expect([line, name]).not.toEqual([line, ''])
      const pairs = [...inner.matchAll(/([a-z]+)="((?:[^"\\]|\\.)*)"/g)]
      const unescaped = (text: string) => text.replace(/\\(.)/g, (_, c) => (c === 'n' ? '\n' : c))
      return {
        name,
        labels: Object.fromEntries(pairs.map(([, key = '', text = '']) => [key, unescaped(text)])),
        value: Number(value),
      }
    })
}

async function numberOf(name: string, labels: Record<string, string> = {}): Promise<number | undefined> {
  const { text } = await scrape()
  const wanted = Object.entries(labels)
  return samplesIn(text).find((one) => one.name === name && wanted.every(([key, value]) => one.labels[key] === value))
    ?.value
}

describe('/metrics', () => {
  it('counts what happened at the doors, exactly', async () => {
    await call('PATCH', event.path, { as: event.key, body: { capacity: 50 } })
    const device = await newDevice(event)
    const tickets = await issue(event, {}, { admits: 3 }, {}, {})
    const [one, three, revoked, away] = tickets.map(({ code }) => code)
    await scan(device.token, one ?? '')
    await scan(device.token, one ?? '')
    await scan(device.token, one ?? '')
    await scan(device.token, three ?? '', { people: 3 })
    await scan(device.token, one ?? '', { gateId: 'GATE-X' })
    await call('POST', `${event.path}/tickets/${tickets[2]?.id}/revoke`, { as: event.key, body: {} })
    await scan(device.token, revoked ?? '')
    const { body } = await scan(device.token, away ?? '', { gateId: 'GATE-B' })
    await call('POST', `/api/hp-scanner/scans/${body.scanId}/annul`, { as: device.token, body: { reason: 'mistake' } })

    const expected: [string, Record<string, string>, number][] = [
      ['admit_gatekeeper_up', {}, 1],
      ['admit_event_info', { title: 'Tech Expo 2026' }, 1],
      ['admit_entries_total', { verdict: 'admitted', code: '' }, 3],
      ['admit_entries_total', { verdict: 'exited' }, 1],
      ['admit_entries_total', { verdict: 'annulled' }, 1],
      ['admit_entries_total', { verdict: 'refused', code: 'already_admitted' }, 2],
      ['admit_entries_total', { verdict: 'refused', code: 'revoked' }, 1],
      ['admit_admitted_people', {}, 4],
      ['admit_admitted_tickets', {}, 2],
      ['admit_gate_admitted_people', { gate: 'GATE-A' }, 4],
      ['admit_gate_admitted_people', { gate: 'GATE-B' }, 0],
      ['admit_inside_people', { zone: 'main' }, 3],
      ['admit_zone_capacity_people', { zone: 'main' }, 50],
      ['admit_validation_seconds_count', {}, 7],
      ['admit_validation_seconds_bucket', { le: '+Inf' }, 7],
      ['admit_devices', { state: 'enrolled' }, 1],
      ['admit_devices', { state: 'revoked' }, 0],
      ['admit_notices_total', { kind: 'ticket.revoked' }, 1],
      ['admit_component_up', { component: 'd1' }, 1],
    ]
    for (const [name, labels, value] of expected) {
      const own = name === 'admit_component_up' ? labels : { event: event.id, ...labels }
      expect([name, labels, await numberOf(name, own)]).toEqual([name, labels, value])
    }
    // The same after the object forgot everything.
    await evictDurableObject(gatekeeperOf(event))
    expect(await numberOf('admit_entries_total', { code: 'already_admitted' })).toBe(2)
  })

  it('has buckets that only ever rise', async () => {
    const device = await newDevice(event)
    for (const { code } of await issue(event, {}, {}, {})) await scan(device.token, code)
    const samples = samplesIn((await scrape()).text)
    const buckets = samples.filter(({ name }) => name === 'admit_validation_seconds_bucket').map(({ value }) => value)
    expect(buckets).toEqual([...buckets].sort((a, b) => a - b))
    expect(buckets.at(-1)).toBe(3)
  })

  it('shows how far D1 is behind, and that it is back', async () => {
    const device = await newDevice(event)
    await env.DB.exec('ALTER TABLE entry RENAME TO entry_away')
    try {
      for (const { code } of await issue(event, {}, {})) await scan(device.token, code)
      await runDurableObjectAlarm(gatekeeperOf(event))
      expect(await numberOf('admit_outbox_pending_entries', { event: event.id })).toBe(2)
      expect(await numberOf('admit_outbox_lag_seconds', { event: event.id })).toBeGreaterThan(0)
    } finally {
      await env.DB.exec('ALTER TABLE entry_away RENAME TO entry')
    }
    await gatekeeperOf(event).flush()
    expect(await numberOf('admit_outbox_pending_entries', { event: event.id })).toBe(0)
    expect(await numberOf('admit_outbox_lag_seconds', { event: event.id })).toBe(0)
  })

  it('shows webhooks that wait and fail', async () => {
    vi.spyOn(globalThis, 'fetch').mockResolvedValue(new Response(null, { status: 500 }))
    const body = { url: 'https://hooks.organiser.example/', events: ['ticket.admitted'] }
    await call('PUT', `${event.path}/webhooks/crm`, { as: event.key, body })
    const device = await newDevice(event)
    const [ticket] = await issue(event, {})
    await scan(device.token, ticket?.code ?? '')
    expect(await numberOf('admit_webhook_behind_entries', { webhook: 'crm' })).toBe(1)
    await runDurableObjectAlarm(gatekeeperOf(event))
    await vi.waitFor(async () =>
      expect(await numberOf('admit_webhook_failing_seconds', { webhook: 'crm' })).toBeGreaterThan(0),
    )
    expect(await numberOf('admit_webhook_deliveries', { webhook: 'crm', state: 'pending' })).toBe(1)
    expect(await numberOf('admit_webhook_disabled', { webhook: 'crm' })).toBe(0)
  })

  it('says each metric once, with its help and type before its numbers', async () => {
    const { text, headers } = await scrape()
    expect(headers.get('Content-Type')).toBe('text/plain; version=0.0.4; charset=utf-8')
    expect(text.endsWith('\n')).toBe(true)
    const named = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type]) => [name, type])
    expect(new Set(named.map(([name]) => name)).size).toBe(named.length)
    for (const [name = '', type] of named) {
      expect(metricKinds[name as keyof typeof metricKinds].type).toBe(type)
      expect(text).toContain(`# HELP ${name} `)
    }
    for (const { name } of samplesIn(text)) {
      expect(named.map(([known]) => known)).toContain(name.replace(/_(bucket|sum|count)$/, ''))
    }
  })

  it('keeps a title with quotes, backslashes and line breaks in one label', async () => {
    const title = 'The "Big" \\ Night,\nof {Fun} = 1 é'
    const other = await newEvent({ title })
    const info = samplesIn((await scrape(other.key)).text).find(({ name }) => name === 'admit_event_info')
    expect(info?.labels).toEqual({ event: other.id, title })
  })

  it('names nobody', async () => {
    const device = await newDevice(event)
    const [ticket] = await issue(event, {
      reference: 'REF-1',
      holder: { name: 'Ada Lovelace', email: 'ada@x.example' },
    })
    await scan(device.token, ticket?.code ?? '')
    const { text } = await scrape()
    for (const secret of ['Ada', 'ada@', 'REF-1', 'sam', device.id, ticket?.id, ticket?.shortCode]) {
      expect(text).not.toContain(secret)
    }
  })

  it('shows an organisation its own events, the deployment all, a viewer what the organiser sees, a device nothing', async () => {
    const other = await newEvent()
    const viewer = await call('POST', `/api/organisations/${event.organisation.id}/keys`, {
      as: event.key,
      body: { name: 'Prometheus', role: 'viewer' },
    })
    for (const key of [event.key, viewer.body.data.key]) {
      const { text, status } = await scrape(key)
      expect(status).toBe(200)
      expect(text).toContain(event.id)
      expect(text).not.toContain(other.id)
    }
    const all = (await scrape(admin)).text
    for (const { id } of [event, other]) expect(all).toContain(id)
    expect((await scrape((await newDevice(event)).token)).status).toBe(403)
    expect((await call('GET', '/metrics')).status).toBe(401)
    const empty = await scrape((await newOrganisation()).key)
    expect(samplesIn(empty.text).find(({ name }) => name === 'admit_events')?.value).toBe(0)
  })

  it('leaves out what was over long ago', async () => {
    const long = 30 * 24 * 3_600_000
    const past = await newEvent({
      startsAt: new Date(Date.now() - 2 * long).toISOString(),
      endsAt: new Date(Date.now() - long).toISOString(),
    })
    expect((await scrape(past.key)).text).not.toContain(past.id)
  })
})
