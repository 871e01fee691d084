import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { describeError, log, setLogLevel } from '../../durable-objects/logging.ts'
import worker from '../../workers/index.ts'
import { admin, call, gatekeeperOf, issue, newDevice, newEvent, scan } from './api.ts'

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

let written: string[]
const usual = env.LOG_LEVEL
beforeEach(() => {
  env.LOG_LEVEL = 'info'
  setLogLevel('info')
  written = []
  const note = (...parts: unknown[]) => {
    written.push(parts.map(String).join(' '))
  }
  for (const level of ['debug', 'log', 'info', 'warn', 'error'] as const) {
    vi.spyOn(console, level).mockImplementation(note)
  }
})
afterEach(() => {
  vi.restoreAllMocks()
  env.LOG_LEVEL = usual
  setLogLevel(usual)
})

const lines = () => written.map((line) => JSON.parse(line) as Record<string, unknown>)
const requests = () => lines().filter(({ message }) => message === 'request')

describe('the logs', () => {
  it('have a line a request, with its pattern and never its path', async () => {
    const event = await newEvent()
    written.length = 0
    const { headers } = await call('GET', `${event.path}/tickets?search=Lovelace`, { as: event.key })
    expect(requests()).toEqual([
      {
        level: 'info',
        message: 'request',
        requestId: headers.get('X-Request-Id'),
        method: 'GET',
        route: '/api/events/{eventId}/tickets',
        status: 200,
        ms: expect.any(Number),
        eventId: event.id,
        caller: 'organiser',
      },
    ])
    await call('GET', '/Ada/Lovelace?key=a1_org_x')
    expect(requests().at(-1)).toMatchObject({ route: '(none)', status: 404 })
    const device = await newDevice(event)
    await scan(device.token, 'rubbish')
    expect(requests().at(-1)).toMatchObject({
      route: '/api/hp-scanner/validate-qr',
      eventId: event.id,
      caller: 'device',
    })
  })

  it('name nobody and give no secret away, whatever is asked', async () => {
    const event = await newEvent({ title: 'Wedding of Ada Lovelace' })
    const device = await newDevice(event)
    const [ticket, other] = await issue(
      event,
      {
        reference: 'REF-LOVELACE',
        holder: { name: 'Ada Lovelace', email: 'ada@lovelace.example' },
        booking: { id: 'BOOKING-LOVELACE', name: 'Lady Byron', email: 'byron@lovelace.example' },
      },
      { code: 'LOVELACE-4711', holder: { name: 'Ada Lovelace' } },
    )
    const code = ticket?.code ?? ''
    await scan(device.token, code)
    await scan(device.token, code)
    await scan(device.token, `${code.slice(0, -1)}7`)
    await scan(device.token, 'LOVELACE-4711')
    await scan(device.token, 'https://lovelace.example/?a1_org_key')
    await call('GET', `/api/hp-scanner/search/${event.id}?q=Lovelace`, { as: device.token })
    await call('GET', `${event.path}/tickets?search=lovelace`, { as: event.key })
    await call('POST', `${event.path}/tickets/${other?.id}/revoke`, {
      as: event.key,
      body: { reason: 'Lovelace asked' },
    })
    for (const url of [ticket?.url ?? '', ticket?.qr.svg ?? '', `/t/${'A'.repeat(68)}`]) await call('GET', url)
    await call('POST', `${event.path}/tickets`, { as: event.key, raw: '{"tickets": "Ada Lovelace" "' })
    await call('PUT', `${event.path}/staff/lovelace`, { as: event.key, body: { name: 'Ada Lovelace', role: 'king' } })
    await call('PUT', `${event.path}/webhooks/crm`, {
      as: event.key,
      body: { url: 'https://hooks.lovelace.example/s3cret-path', events: ['zone.full'] },
    })
    await call('POST', '/api/devices/enrol', {
      body: { code: 'LOVELACE', deviceName: 'Ada Lovelace', deviceType: 'mobile' },
    })
    await call('POST', '/api/devices/token', { body: { deviceId: device.id, deviceToken: device.deviceToken } })
    await call('GET', '/api/events', {
      as: 'a1_org_lovelace-is-no-key',
      headers: { 'X-Request-Id': 'Ada-Lovelace-was-here' },
    })

    // D1 away and a Gatekeeper that breaks: errors are where such things slip out.
    await env.DB.exec('ALTER TABLE entry RENAME TO entry_away')
    await gatekeeperOf(event).flush()
    await env.DB.exec('ALTER TABLE entry_away RENAME TO entry')
    vi.spyOn(env.QR_IMAGES, 'get').mockRejectedValue(new Error(`no "Ada Lovelace" at https://x.example/${code}`))
    await call('GET', ticket?.qr.png ?? '')

    expect(written.length).toBeGreaterThan(20)
    expect(lines().some(({ error }) => typeof error === 'string')).toBe(true)
    const all = written.join('\n')
    expect(all).not.toMatch(/lovelace|byron|wedding|rubbish/i)
    const secrets = [
      code,
      event.key,
      admin,
      env.TICKET_KEY,
      device.token,
      device.deviceToken,
      ticket?.shortCode,
      ticket?.url.split('/').at(-1),
      's3cret-path',
    ]
    for (const secret of secrets) expect(all).not.toContain(secret)
  })

  it('give every answer an id, the one that the caller sent where it is a good one', async () => {
    const given = '0190A1B2-0000-7000-8000-0123456789AB'
    const as = (id: string) => call('GET', '/api/hp-scanner/health', { headers: { 'X-Request-Id': id } })
    expect((await as(given)).headers.get('X-Request-Id')).toBe(given.toLowerCase())
    expect((await as('4bf92f3577b34da6a3ce929d0e0e4736')).headers.get('X-Request-Id')).toBe(
      '4bf92f3577b34da6a3ce929d0e0e4736',
    )
    const ids = new Set<string | null>()
    for (const bad of ['', 'Ada Lovelace', 'a1_org_key', 'x'.repeat(5000), '0190a1b2', `${given}x`]) {
      ids.add((await as(bad)).headers.get('X-Request-Id'))
    }
    expect(ids.size).toBe(6)
    for (const id of ids) expect(id).toMatch(uuid)
  })

  it('say as much as the level lets through', () => {
    for (const [level, expected] of [
      ['debug', 4],
      ['info', 3],
      ['warn', 2],
      ['error', 1],
      ['silent', 0],
      ['nonsense', 3],
    ] as const) {
      written.length = 0
      setLogLevel(level)
      for (const one of ['debug', 'info', 'warn', 'error'] as const) log(one, 'something')
      expect([level, written.length]).toEqual([level, expected])
    }
  })

  it('keep of an error what it was and where, and nothing that it quotes', () => {
    const of = (text: string) => describeError(new TypeError(text)).error
    expect(of('D1_ERROR: no such table: entry: SQLITE_ERROR')).toBe(
      'TypeError: D1_ERROR: no such table: entry: SQLITE_ERROR',
    )
    expect(of('Unexpected token \'x\', "Ada Lovelace" is not valid JSON')).toBe(
      `TypeError: Unexpected token 'x', "…" is not valid JSON`,
    )
    expect(of('Unterminated "Ada Lovelace')).toBe('TypeError: Unterminated "…"')
    expect(of('cannot reach https://user:pw@x.example/?q=1')).toBe('TypeError: cannot reach <url>')
    expect(of('ada@lovelace.example is taken')).toBe('TypeError: <address> is taken')
    expect(of('key a1_org_abcdef and whsec_abc and eyJhbGciOi.eyJzdWIi.c2ln')).toBe(
      'TypeError: key <key> and <key> and <token>',
    )
    expect(of(`code ${'A1BC'.repeat(53)}`)).toBe('TypeError: code <text>')
    expect(describeError(new Error('x')).stack?.[0]).toMatch(/^at /)
    const away = new Error('D1_ERROR: "x" is away')
    const query = new Error('Failed query: select 1\nparams: Ada Lovelace,5', { cause: away })
    expect(describeError(query).error).toBe('Error: Failed query: select 1; D1_ERROR: "…" is away')
    expect(describeError('thrown as a text')).toEqual({ error: 'thrown as a text' })
  })

  it('come with a point for Analytics Engine where that is bound', async () => {
    const points: AnalyticsEngineDataPoint[] = []
    const ANALYTICS = { writeDataPoint: (point: AnalyticsEngineDataPoint) => points.push(point) }
    const ctx = { waitUntil: () => {}, passThroughOnException: () => {}, props: {} } as unknown as ExecutionContext
    const request = new Request('https://admit.example/api/events', { headers: { Authorization: `Bearer ${admin}` } })
    await worker.fetch(request, { ...env, ANALYTICS } as never, ctx)
    expect(points).toEqual([
      { indexes: [''], blobs: ['GET', '/api/events', '200', 'admin'], doubles: [expect.any(Number), 1] },
    ])
  })
})
