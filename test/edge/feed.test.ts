import { evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { exports } from 'cloudflare:workers'
import { beforeEach, describe, expect, it } from 'vitest'
import { EventStream } from '../event-stream.ts'
import { admin, call, gatekeeperOf, issue, newDevice, newEvent, type Party, scan, undivided } from './api.ts'
import { askLive, type Listener, listen } from './listener.ts'

let event: Party
let device: Awaited<ReturnType<typeof newDevice>>
beforeEach(async () => {
  event = await newEvent({ capacity: 10 })
  device = await newDevice(event)
})

const newKey = async (role: string) => {
  const { body } = await call('POST', `/api/organisations/${event.organisation.id}/keys`, {
    as: event.key,
    body: { name: 'Somebody', role },
  })
  return { id: body.data.id as string, key: body.data.key as string }
}

const revokeKey = (id: string) =>
  call('DELETE', `/api/organisations/${event.organisation.id}/keys/${id}`, { as: event.key })

const greeted = async (as: string | null = event.key, query = ''): Promise<Listener> => {
  const listener = await listen(event.id, as, query)
  await listener.next('hello')
  return listener
}

const isOpen = (socket: WebSocket) => socket.readyState === WebSocket.OPEN

/** Everybody asks as a page that opens it, with whatever a browser sends along. */
const askStream = (query = '', headers: Record<string, string> = { Authorization: `Bearer ${event.key}` }) =>
  exports.default.fetch(new Request(`https://admit.example/api/hp-scanner/stream/${event.id}${query}`, { headers }))

const stream = async (query = '', headers?: Record<string, string>): Promise<EventStream> => {
  const response = await askStream(query, headers)
  if (response.status !== 200 || !response.body) throw new Error(`no stream: ${response.status}`)
  return new EventStream(response.body)
}

const letIn = async (...more: Record<string, unknown>[]) => {
  const tickets = await issue(event, ...more)
  for (const { code } of tickets) await scan(device.token, code)
  return tickets
}

const analytics = async () =>
  (await call('GET', `/api/hp-scanner/analytics/${event.id}`, { as: event.key })).body.data.liveStats

describe('the statistics in the live feed', () => {
  it('come at once, and again with what a scan changed', async () => {
    const listener = await greeted()
    expect((await listener.next('stats')).data).toMatchObject({ cacheCount: 0, totalEntries: 0, totalTickets: 0 })
    await letIn({ admits: 3 })
    await expect.poll(() => listener.of('stats').at(-1)?.data).toMatchObject({ cacheCount: 1, totalTickets: 1 })
    const { at } = await listener.next('stats')
    expect(at).toMatch(/Z$/)
  })

  it('are those of the analytics, field by field, once D1 has the log', async () => {
    const listener = await greeted()
    const [twice] = await letIn({}, { type: 'vip' }, {})
    await scan(device.token, twice?.code ?? '')
    await scan(device.token, 'rubbish')
    await gatekeeperOf(event).flush()
    const expected = await analytics()
    expect(expected).toMatchObject({ cacheCount: 3, totalEntries: 3, duplicateAttempts: 1, pendingEntries: 0 })
    await expect.poll(() => listener.of('stats').at(-1)?.data).toEqual(expected)
  })

  it('say how many D1 knows of, also after an annulment and after the Gatekeeper was put to sleep', async () => {
    // A divided event takes longer than its alarm, which tells D1.
    event = await newEvent(undivided)
    device = await newDevice(event)
    await letIn({}, {})
    await gatekeeperOf(event).flush()
    const { body } = await scan(device.token, (await issue(event))[0]?.code ?? '')
    const before = await greeted()
    expect((await before.next('stats')).data).toMatchObject({ cacheCount: 3, totalEntries: 2, pendingEntries: 1 })
    await call('POST', `/api/hp-scanner/scans/${body.scanId}/annul?eventId=${event.id}`, {
      as: event.key,
      body: { reason: 'Turned back' },
    })
    before.socket.close()
    await evictDurableObject(gatekeeperOf(event))
    const after = await greeted()
    expect((await after.next('stats')).data).toMatchObject({ cacheCount: 2, totalEntries: 2, pendingEntries: 2 })
    await gatekeeperOf(event).flush()
    await expect.poll(() => after.of('stats').at(-1)?.data.pendingEntries).toBe(0)
    expect(after.of('stats').at(-1)?.data).toMatchObject({ cacheCount: 2, totalEntries: 2 })
  })

  it('are not told again while nothing changes', async () => {
    const listener = await greeted()
    await listener.next('stats')
    await gatekeeperOf(event).flush()
    await event.put('staff/zoe', { name: 'Zoe', role: 'scanner' })
    await scheduler.wait(600)
    expect(listener.of('stats')).toHaveLength(1)
  })
})

describe('the scans in the live feed', () => {
  it('are entries as the list of entries has them, each told once, in order', async () => {
    // What several objects judge is told in the order in which it is heard.
    event = await newEvent(undivided)
    device = await newDevice(event)
    const listener = await greeted(event.key, '?topics=scans')
    const [ticket] = await letIn({}, {}, {})
    await scan(device.token, ticket?.code ?? '')
    await expect.poll(() => listener.of('scans').flatMap(({ items }) => items)).toHaveLength(4)
    const told = listener.of('scans').flatMap(({ items }) => items)
    await gatekeeperOf(event).flush()
    const { body } = await call('GET', `${event.path}/entries`, { as: event.key })
    expect(told.toReversed()).toEqual(body.data.items)
    expect(told.map(({ seq }) => seq)).toEqual([1, 2, 3, 4])
    expect(told.at(-1)).toMatchObject({ verdict: 'refused', code: 'already_admitted', gateName: 'Main Entrance' })
  })

  it('name nobody', async () => {
    const listener = await greeted()
    await letIn({ holder: { name: 'Ada Lovelace', email: 'ada@example.com' }, reference: 'R-4711', note: 'Shy' })
    await listener.next('scans')
    expect(JSON.stringify(listener.messages)).not.toMatch(/Ada|Lovelace|example\.com|R-4711|Shy/)
  })

  it('go on from a cursor, with what was missed meanwhile', async () => {
    const first = await greeted()
    await letIn({})
    const { cursor } = await first.next('scans')
    first.socket.close()
    await letIn({}, {})
    const again = await greeted(event.key, `?topics=scans&since=${cursor}`)
    const { items, missed } = await again.next('scans')
    expect([items.map(({ seq }) => seq), missed]).toEqual([[2, 3], 0])
  })

  it('come in no more than four batches a second', async () => {
    const listener = await greeted()
    const tickets = await issue(event, ...Array.from({ length: 15 }, () => ({})))
    const from = Date.now()
    for (const { code } of tickets) await scan(device.token, code)
    await expect.poll(() => listener.of('scans').flatMap(({ items }) => items).length).toBe(15)
    expect(listener.of('scans').length).toBeLessThanOrEqual(Math.ceil((Date.now() - from) / 250) + 1)
  })
})

describe('who may listen', () => {
  it('is a viewer to what the doors look like, and not to which ticket stands where', async () => {
    const viewer = await newKey('viewer')
    const listener = await greeted(viewer.key, '?topics=stats,scans,alerts')
    await listener.next('stats')
    for (const topics of ['standings', 'revocations', 'stats,standings']) {
      const refused = await askLive(event.id, viewer.key, `?topics=${topics}`)
      expect([refused.status, (await refused.json<{ code: string }>()).code]).toEqual([403, 'role_required'])
      expect((await askStream(`?topics=${topics}`, { Authorization: `Bearer ${viewer.key}` })).status).toBe(403)
    }
    const { body } = await call('POST', '/api/hp-scanner/live-tickets', {
      as: viewer.key,
      body: { eventId: event.id },
    })
    await greeted(null, `?ticket=${body.data.ticket}`)
  })

  it('is nobody without a credential, and nobody from another organisation or origin', async () => {
    expect((await askStream('', {})).status).toBe(401)
    expect((await askStream('', { Authorization: 'Bearer rubbish' })).status).toBe(401)
    const stranger = await newEvent()
    expect((await askStream('', { Authorization: `Bearer ${stranger.key}` })).status).toBe(404)
    const elsewhere = { Authorization: `Bearer ${event.key}`, Origin: 'https://evil.example' }
    expect((await askStream('', elsewhere)).status).toBe(403)
    expect((await askStream('?topics=names')).status).toBe(400)
  })
})

describe('the stream of events', () => {
  it('is one that browsers and proxies take for such', async () => {
    const response = await askStream()
    expect(response.headers.get('Content-Type')).toBe('text/event-stream')
    expect(response.headers.get('Cache-Control')).toBe('no-store')
    expect(response.headers.get('X-Accel-Buffering')).toBe('no')
    await response.body?.cancel()
  })

  it('tells the same as the socket, each event named by its type', async () => {
    const [listener, reader] = [await greeted(), await stream()]
    await letIn({}, {})
    await expect.poll(() => listener.of('scans').flatMap(({ items }) => items)).toHaveLength(2)
    const scans = () => reader.events.filter((one) => one.event === 'scans')
    await expect.poll(scans).toEqual(listener.of('scans').map((data) => ({ event: 'scans', id: data.cursor, data })))
    expect(reader.events.map((one) => one.event).slice(0, 2)).toEqual(['hello', 'stats'])
    await reader.leave()
  })

  it('goes on after Last-Event-ID, whatever its address says', async () => {
    const reader = await stream()
    await letIn({})
    await reader.next('scans')
    const lastId = reader.lastId ?? ''
    await reader.leave()
    await letIn({}, {})
    const headers = { Authorization: `Bearer ${event.key}`, 'Last-Event-ID': lastId }
    const again = await stream('?since=0.0.1', headers)
    expect((await again.next('scans')).items.map(({ seq }: { seq: number }) => seq)).toEqual([2, 3])
    await again.leave()
  })

  it('opens with a one-time ticket, once, and with a session', async () => {
    const { body } = await call('POST', '/api/hp-scanner/live-tickets', {
      as: event.key,
      body: { eventId: event.id },
    })
    const reader = await stream(`?ticket=${body.data.ticket}`, {})
    await reader.next('stats')
    expect((await askStream(`?ticket=${body.data.ticket}`, {})).status).toBe(401)
    const signedIn = await call('POST', '/api/session', { body: { key: event.key } })
    const cookie = signedIn.headers.get('Set-Cookie')?.split(';')[0] ?? ''
    const bySession = await stream('', { Cookie: cookie })
    await bySession.next('stats')
    expect((await askStream('', { Cookie: cookie, 'Sec-Fetch-Site': 'cross-site' })).status).toBe(401)
    await Promise.all([reader.leave(), bySession.leave()])
  })

  it('is let go by the Gatekeeper when its reader leaves', async () => {
    const reader = await stream()
    await reader.next('hello')
    const open = () =>
      runInDurableObject(gatekeeperOf(event), (_, state) => state.getWebSockets().filter(isOpen).length)
    expect(await open()).toBe(1)
    await reader.leave()
    await expect.poll(open).toBe(0)
  })

  it('ends at once when its device, its key or the key of its session is revoked', async () => {
    const { id, key } = await newKey('supervisor')
    const signedIn = await call('POST', '/api/session', { body: { key } })
    const cookie = signedIn.headers.get('Set-Cookie')?.split(';')[0] ?? ''
    const byDevice = await stream('', { Authorization: `Bearer ${device.token}` })
    const byKey = await stream('', { Authorization: `Bearer ${key}` })
    const bySession = await stream('', { Cookie: cookie })
    const another = await stream()
    for (const reader of [byDevice, byKey, bySession]) await reader.next('hello')
    await call('POST', `${event.path}/devices/${device.id}/revoke`, { as: event.key })
    expect((await byDevice.next('bye')).code).toBe('device_revoked')
    await byDevice.untilEnded()
    // D1 hears of an event a moment after it was made.
    await gatekeeperOf(event).flush()
    await revokeKey(id)
    for (const reader of [byKey, bySession]) {
      expect((await reader.next('bye')).code).toBe('unauthenticated')
      await reader.untilEnded()
    }
    expect(another.ended).toBe(false)
    await another.leave()
  })
})

describe('an alert', () => {
  const alerts = async (query = '') => (await call('GET', `${event.path}/alerts${query}`, { as: event.key })).body.data

  it('is raised when a zone is nearly full, once, and when it is full', async () => {
    const listener = await greeted()
    const tickets = await issue(event, ...Array.from({ length: 11 }, () => ({})))
    for (const { code } of tickets.slice(0, 9)) await scan(device.token, code)
    expect((await listener.next('alert')).alert).toMatchObject({
      kind: 'zone.nearly_full',
      zone: 'main',
      capacity: 10,
      inside: 9,
    })
    await scan(device.token, tickets[8]?.code ?? '', { gateId: 'GATE-X' })
    for (const { code } of tickets.slice(9)) await scan(device.token, code)
    expect((await listener.next('alert')).alert).toMatchObject({ kind: 'zone.full', zone: 'main' })
    const { items } = await alerts()
    expect(items.map(({ kind }: { kind: string }) => kind)).toEqual(['zone.full', 'zone.nearly_full'])
    expect(items).toContainEqual({ ...listener.of('alert')[0]?.alert })
  })

  it('says that a clock is wrong, once for a device', async () => {
    const listener = await greeted()
    const scanner = await greeted(device.token)
    for (const clockSkewMs of [-29_000, 31_000, 45_000]) {
      scanner.send({ type: 'status', pending: 0, clockSkewMs })
    }
    const { alert } = await listener.next('alert')
    expect(alert).toMatchObject({ kind: 'device.clock_skew', deviceId: device.id, skewMs: 31_000 })
    await scheduler.wait(400)
    expect(listener.of('alert')).toHaveLength(1)
  })

  it('is in the list, page by page, the newest first, for supervisors', async () => {
    const supervisor = await newDevice(event, 'sue')
    for (let i = 0; i < 3; i++) {
      const one = await newDevice(event)
      const scanner = await greeted(one.token)
      scanner.send({ type: 'status', pending: 0, clockSkewMs: 60_000 + i })
      await expect.poll(async () => (await alerts()).items.length).toBe(i + 1)
    }
    const first = await alerts('?limit=2')
    const rest = await alerts(`?limit=2&cursor=${first.nextCursor}`)
    const skews = [...first.items, ...rest.items].map(({ skewMs }: { skewMs: number }) => skewMs)
    expect([skews, rest.nextCursor]).toEqual([[60_002, 60_001, 60_000], null])
    expect((await alerts('?kind=zone.full')).items).toEqual([])
    expect((await call('GET', `${event.path}/alerts?kind=nothing`, { as: event.key })).status).toBe(400)
    expect((await call('GET', `${event.path}/alerts`, { as: supervisor.token })).status).toBe(200)
    expect((await call('GET', `${event.path}/alerts`, { as: device.token })).status).toBe(403)
    expect((await call('GET', `${event.path}/alerts`, { as: admin })).status).toBe(200)
  })
})
