import { evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { beforeEach, describe, expect, it } from 'vitest'
import { readCursor } from '../../core/cursor.ts'
import { admin, call, gatekeeperOf, issue, newDevice, newEvent, type Party, scan } from './api.ts'
import { askLive, type Listener, listen } from './listener.ts'

let event: Party
let device: Awaited<ReturnType<typeof newDevice>>
let other: Awaited<ReturnType<typeof newDevice>>
beforeEach(async () => {
  event = await newEvent()
  device = await newDevice(event)
  other = await newDevice(event, 'sue')
})

const act = (ticketId: string, action: string) =>
  call('POST', `${event.path}/tickets/${ticketId}/${action}`, { as: event.key, body: {} })

const one = async (more: Record<string, unknown> = {}) => {
  const [ticket] = await issue(event, more)
  if (!ticket) throw new Error('no ticket was issued')
  return ticket
}

const greeted = async (as = device.token, query = ''): Promise<Listener> => {
  const listener = await listen(event.id, as, query)
  await listener.next('hello')
  return listener
}

describe('whoever listens', () => {
  it('hears of every admission at once', async () => {
    const listener = await greeted()
    const ticket = await one()
    await scan(other.token, ticket.code)
    const { items, cursor } = await listener.next('standings')
    expect(items).toMatchObject([
      {
        ticketId: ticket.id,
        zone: 'main',
        entries: 1,
        inside: 1,
        gateId: 'GATE-A',
        firstAt: expect.stringMatching(/Z$/),
      },
    ])
    expect(readCursor(cursor)?.seq).toBe(1)
  })

  it('hears of what was decided about a ticket', async () => {
    const listener = await greeted()
    const ticket = await one()
    await act(ticket.id, 'revoke')
    expect((await listener.next('revocations')).items).toMatchObject([{ ticketId: ticket.id, status: 'revoked' }])
    await act(ticket.id, 'restore')
    expect((await listener.next('revocations')).items).toMatchObject([{ ticketId: ticket.id, status: 'valid' }])
  })

  it('is told to look again when what is judged by has changed', async () => {
    const listener = await greeted()
    await event.put('gates/GATE-C', { name: 'Another' })
    expect((await listener.next('config')).revision).toBeGreaterThan(0)
  })

  it('hears only of what was asked for', async () => {
    const listener = await greeted(device.token, '?topics=revocations')
    const ticket = await one()
    await scan(other.token, ticket.code)
    await act(ticket.id, 'block')
    await listener.next('revocations')
    expect(listener.of('standings')).toEqual([])
  })

  it('gets what happens at once in one batch, and no more than four in a second', async () => {
    const listener = await greeted()
    const tickets = await issue(event, ...Array.from({ length: 15 }, () => ({})))
    const from = Date.now()
    for (const { code } of tickets) await scan(other.token, code)
    await expect.poll(() => listener.of('standings').flatMap(({ items }) => items).length).toBeGreaterThanOrEqual(15)
    const batches = listener.of('standings').length
    expect(batches).toBeLessThanOrEqual(Math.ceil((Date.now() - from) / 250) + 1)
  })

  it('is answered a ping', async () => {
    const listener = await greeted()
    const answered = new Promise((resolve) => listener.socket.addEventListener('message', ({ data }) => resolve(data)))
    listener.socket.send('ping')
    expect(await answered).toBe('pong')
  })
})

describe('whoever was away', () => {
  it('gets what was missed in one batch, and nothing twice', async () => {
    const [before, meanwhile, barred] = await issue(event, {}, {}, {})
    await scan(other.token, before?.code ?? '')
    const first = await greeted()
    const { cursor } = await (await listen(event.id, device.token)).next('hello')
    first.socket.close()
    await scan(other.token, meanwhile?.code ?? '')
    await act(barred?.id ?? '', 'block')
    const again = await greeted(device.token, `?since=${cursor}`)
    // In this order: whoever has the standings, and with them the cursor, has the rest as well.
    expect((await again.next('revocations')).items.map(({ ticketId }) => ticketId)).toEqual([barred?.id])
    expect((await again.next('standings')).items.map(({ ticketId }) => ticketId)).toEqual([meanwhile?.id])
    await scheduler.wait(400)
    expect(again.of('standings')).toHaveLength(1)
  })

  it('too long, or with a cursor that is none, is told to get the difference', async () => {
    for (const since of ['rubbish', '0.0.7', '99.0.1']) {
      const listener = await greeted(device.token, `?since=${since}`)
      await listener.next('config')
    }
  })

  it('hears of the conflicts that came up meanwhile', async () => {
    const { cursor } = await (await listen(event.id, device.token)).next('hello')
    const ticket = await one()
    await scan(other.token, ticket.code)
    const offline = { scanId: crypto.randomUUID(), qrPayload: ticket.code, gateId: 'GATE-A', verdict: 'admitted' }
    await call('POST', '/api/hp-scanner/offline-sync', { as: device.token, body: { scans: [offline] } })
    const listener = await greeted(device.token, `?since=${cursor}`)
    expect((await listener.next('conflict')).conflict.ticketId).toBe(ticket.id)
  })

  it('misses nothing when the Gatekeeper is put to sleep meanwhile', async () => {
    const listener = await greeted()
    const [first, second] = await issue(event, {}, {})
    await scan(other.token, first?.code ?? '')
    await listener.next('standings')
    await evictDurableObject(gatekeeperOf(event))
    await scan(other.token, second?.code ?? '')
    expect((await listener.next('standings')).items.map(({ ticketId }) => ticketId)).toEqual([second?.id])
  })
})

describe('a conflict', () => {
  it('is told to both devices and to whoever listens to alerts at once, and to nobody else', async () => {
    const bystander = await newDevice(event)
    const [here, there, console_, elsewhere] = [
      await greeted(device.token),
      await greeted(other.token),
      await greeted(event.key),
      await greeted(bystander.token),
    ]
    const ticket = await one()
    const alone = (minutesAgo: number) => ({
      scanId: crypto.randomUUID(),
      qrPayload: ticket.code,
      gateId: 'GATE-A',
      localTimestamp: new Date(Date.now() - minutesAgo * 60_000).toISOString(),
      verdict: 'admitted',
    })
    const [early, late] = [alone(20), alone(10)]
    await call('POST', '/api/hp-scanner/offline-sync', { as: other.token, body: { scans: [late] } })
    await call('POST', '/api/hp-scanner/offline-sync', { as: device.token, body: { scans: [early] } })
    for (const listener of [here, there, console_]) {
      expect((await listener.next('conflict')).conflict).toMatchObject({
        ticketId: ticket.id,
        scanId: late.scanId,
        deviceId: other.id,
        shown: 'admitted',
        judged: 'already_admitted',
        with: { scanId: early.scanId, deviceId: device.id },
        settled: false,
      })
    }
    expect(elsewhere.of('conflict')).toEqual([])
    const listed = await call('GET', `${event.path}/alerts?kind=scan.conflict`, { as: event.key })
    expect(listed.body.data.items).toMatchObject([{ ticketId: ticket.id, scanId: late.scanId, deviceId: other.id }])
    await call('POST', `/api/hp-scanner/scans/${early.scanId}/annul?eventId=${event.id}`, {
      as: event.key,
      body: { reason: 'Turned back' },
    })
    expect((await there.next('conflict')).conflict).toMatchObject({ scanId: late.scanId, settled: true })
  })

  it('is not the only thing worth an alert', async () => {
    const listener = await greeted(event.key)
    await call('PATCH', event.path, { as: event.key, body: { capacity: 1 } })
    await scan(device.token, (await one()).code)
    expect((await listener.next('alert')).alert).toMatchObject({ kind: 'zone.full', zone: 'main' })
  })
})

describe('a socket', () => {
  it('is for devices of the event and its organisers', async () => {
    const stranger = await newEvent()
    expect((await askLive(event.id, null)).status).toBe(401)
    expect((await askLive(event.id, 'rubbish')).status).toBe(401)
    expect((await askLive(event.id, (await newDevice(stranger)).token)).status).toBe(404)
    expect((await askLive(event.id, stranger.key)).status).toBe(404)
    expect((await askLive(crypto.randomUUID(), admin)).status).toBe(404)
    const viewer = await call('POST', `/api/organisations/${event.organisation.id}/keys`, {
      as: event.key,
      body: { name: 'Board', role: 'viewer' },
    })
    expect((await askLive(event.id, viewer.body.data.key, '?topics=standings')).status).toBe(403)
    expect((await askLive(event.id, device.token)).status).toBe(101)
    expect((await askLive(event.id, event.key)).status).toBe(101)
  })

  it('threat 24: is not opened for another origin, for unknown topics, or without an upgrade', async () => {
    expect((await askLive(event.id, device.token, '', { Origin: 'https://evil.example' })).status).toBe(403)
    expect((await askLive(event.id, device.token, '', { Origin: 'https://admit.example' })).status).toBe(101)
    expect((await askLive(event.id, device.token, '?topics=names')).status).toBe(400)
    const plain = await call('GET', `/api/hp-scanner/live/${event.id}`, { as: device.token })
    expect([plain.status, plain.body.code]).toEqual([426, 'upgrade_required'])
  })

  it('threat 24: opens with a one-time ticket, once, soon, and at its own event', async () => {
    const { body } = await call('POST', '/api/hp-scanner/live-tickets', { as: device.token })
    const { ticket, expiresAt } = body.data
    expect(Date.parse(expiresAt) - Date.now()).toBeLessThanOrEqual(31_000)
    const elsewhere = await newEvent()
    expect((await askLive(elsewhere.id, null, `?ticket=${ticket}`)).status).toBe(401)
    const foreign = { as: elsewhere.key, body: { eventId: event.id } }
    expect((await call('POST', '/api/hp-scanner/live-tickets', foreign)).status).toBe(404)
    const listener = await listen(event.id, null, `?ticket=${ticket}`)
    await listener.next('hello')
    const again = await askLive(event.id, null, `?ticket=${ticket}`)
    expect(again.status).toBe(401)
    expect((await again.json<{ code: string }>()).code).toBe('live_ticket_used')
    await evictDurableObject(gatekeeperOf(event))
    expect((await askLive(event.id, null, `?ticket=${ticket}`)).status).toBe(401)
    expect((await askLive(event.id, null, `?ticket=${ticket.slice(0, -2)}`)).status).toBe(401)
  })

  it('of a device that is revoked is closed at once', async () => {
    const [own, others] = [await greeted(device.token), await greeted(other.token)]
    await call('POST', `${event.path}/devices/${device.id}/revoke`, { as: event.key })
    expect((await own.next('bye')).code).toBe('device_revoked')
    expect(await own.untilClosed()).toBe(4401)
    expect(others.closed).toBeNull()
    expect((await askLive(event.id, device.token)).status).toBe(401)
  })

  it('of a key that is revoked is closed at once', async () => {
    const made = await call('POST', `/api/organisations/${event.organisation.id}/keys`, {
      as: event.key,
      body: { name: 'Console', role: 'supervisor' },
    })
    const listener = await greeted(made.body.data.key)
    const { body } = await call('POST', '/api/hp-scanner/live-tickets', {
      as: made.body.data.key,
      body: { eventId: event.id },
    })
    const byTicket = await greeted('', `?ticket=${body.data.ticket}`)
    const unused = await call('POST', '/api/hp-scanner/live-tickets', {
      as: made.body.data.key,
      body: { eventId: event.id },
    })
    // D1 hears of an event a moment after it was made.
    await gatekeeperOf(event).flush()
    const path = `/api/organisations/${event.organisation.id}/keys/${made.body.data.id}`
    expect((await call('DELETE', path, { as: event.key })).status).toBe(200)
    for (const socket of [listener, byTicket]) expect(await socket.untilClosed()).toBe(4401)
    expect((await askLive(event.id, null, `?ticket=${unused.body.data.ticket}`)).status).toBe(401)
  })

  it('is closed where it sends what is no message, too much of it, or too often', async () => {
    for (const rubbish of ['{', '{"type":"nothing"}', 'x'.repeat(5000), new Uint8Array(10)]) {
      const listener = await greeted()
      listener.socket.send(rubbish)
      expect((await listener.next('bye')).code).toBe('bad_message')
      expect(await listener.untilClosed()).toBe(1008)
    }
    const busy = await greeted(other.token)
    for (let i = 0; i < 210; i++) busy.send({ type: 'recalled', recallId: 'none' })
    expect((await busy.next('bye')).code).toBe('too_many')
  })

  it('is one of five at most on a device', async () => {
    const sockets = []
    for (let i = 0; i < 6; i++) sockets.push(await greeted())
    expect((await sockets[0]?.next('bye'))?.code).toBe('too_many')
    expect(sockets.slice(1).map(({ closed }) => closed)).toEqual([null, null, null, null, null])
  })
})

describe('a device', () => {
  const shown = async (id: string) => {
    const { body } = await call('GET', `${event.path}/devices`, { as: event.key })
    return body.data.items.find((one: { id: string }) => one.id === id)
  }

  it('shows how it is doing', async () => {
    expect(await shown(device.id)).toMatchObject({ lastSeenAt: null, connected: false, pendingScans: null })
    const listener = await greeted()
    listener.send({
      type: 'status',
      pending: 3,
      clockSkewMs: -1500,
      appVersion: '1.2.3',
      readyOffline: true,
      snapshotAt: new Date().toISOString(),
      battery: 0.4,
    })
    await expect
      .poll(() => shown(device.id))
      .toMatchObject({
        connected: true,
        pendingScans: 3,
        clockSkewMs: -1500,
        appVersion: '1.2.3',
        readyOffline: true,
        battery: 0.4,
        lastSeenAt: expect.stringMatching(/Z$/),
      })
    await gatekeeperOf(event).flush()
    listener.socket.close()
    await evictDurableObject(gatekeeperOf(event))
    expect(await shown(device.id)).toMatchObject({ connected: false, pendingScans: 3, appVersion: '1.2.3' })
  })

  it('was seen when it scanned, and nothing is written for that alone', async () => {
    await scan(device.token, (await one()).code)
    expect(Date.now() - Date.parse((await shown(device.id)).lastSeenAt)).toBeLessThan(5000)
    const rows = await runInDurableObject(gatekeeperOf(event), (_, state) =>
      state.storage.sql.exec('SELECT * FROM device_status').toArray(),
    )
    expect(rows).toEqual([])
  })
})
