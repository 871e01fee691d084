import { evictDurableObject } from 'cloudflare:test'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { call, gatekeeperOf, issue, newDevice, newEvent, type Party, scan, undivided } from './api.ts'
import { type Listener, listen } from './listener.ts'

type Device = Awaited<ReturnType<typeof newDevice>>

let event: Party
let device: Device
let supervisor: Device
beforeAll(async () => {
  // The lane leads to the object that judges all tickets.
  event = await newEvent(undivided)
  device = await newDevice(event)
  supervisor = await newDevice(event, 'sue')
})

const opened: Listener[] = []
afterEach(() => {
  vi.useRealTimers()
  for (const { socket } of opened.splice(0)) socket.close()
})

const lane = async (as = device.token, of = event): Promise<Listener> => {
  const listener = await listen(of.id, as)
  opened.push(listener)
  expect((await listener.next('hello')).lane).toBe(true)
  return listener
}
const one = async (more: Record<string, unknown> = {}, of = event) => {
  const [ticket] = await issue(of, more)
  if (!ticket) throw new Error('no ticket was issued')
  return ticket
}
const scansOf = async (ticketId: string) =>
  (await call('GET', `${event.path}/tickets/${ticketId}`, { as: event.key })).body.data.ticket.scans
const strictEvent = { limits: { invalidCodesPerFiveMinutes: 20, scanBurst: 20, scansPerMinute: 60 } }

describe('a scan over the socket', () => {
  it('is answered as one over HTTP, whatever the verdict', async () => {
    const socket = await lane()
    const ticket = await one()
    const vip = await one()
    const shown: [string, object, number][] = [
      [ticket.code, {}, 200],
      [ticket.code, {}, 409],
      [vip.code, { gateId: 'GATE-V' }, 403],
    ]
    for (const [code, more, status] of shown) {
      const scanId = crypto.randomUUID()
      const overSocket = await socket.scan(code, { scanId, ...more })
      const overHttp = await scan(device.token, code, { scanId, ...more })
      expect(overSocket.status).toBe(status)
      expect([overHttp.status, overHttp.body]).toEqual([status, { ...overSocket.body, replay: true }])
    }
  })

  it('that nobody judges is answered so too, and the socket stays', async () => {
    const socket = await lane()
    const { code } = await one()
    const foreign = await one({}, await newEvent())
    const used = crypto.randomUUID()
    await scan(device.token, code, { scanId: used })
    const wrong: [string, object][] = [
      [`${code.slice(0, -4)}AAAA`, {}],
      ['rubbish', {}],
      [foreign.code, {}],
      [code, { gateId: 'NOWHERE' }],
      [code, { deviceId: 'another' }],
      [code, { force: { reason: 'Known' } }],
      [code, { scanId: 'no uuid', people: 0, gateId: '' }],
      [code, { scanId: used, people: 2 }],
      ['\ud800', {}],
    ]
    for (const [text, more] of wrong) {
      const known = { scanId: crypto.randomUUID(), ...more }
      const overHttp = await scan(device.token, text, known)
      expect(await socket.scan(text, known), overHttp.text).toMatchObject({
        status: overHttp.status,
        body: overHttp.body,
      })
    }
    expect(socket.closed).toBeNull()
  })

  it('is forced by a supervisor', async () => {
    const socket = await lane(supervisor.token)
    const ticket = await one()
    await socket.scan(ticket.code)
    const forced = await socket.scan(ticket.code, { force: { reason: 'Lost their friends' } })
    expect(forced.body.data.scan).toMatchObject({ admitted: 1, forced: true })
  })

  it('and over HTTP at once is one scan', async () => {
    const socket = await lane()
    const tickets = await issue(event, ...Array.from({ length: 8 }, () => ({})))
    for (const ticket of tickets) {
      const scanId = crypto.randomUUID()
      const asked = [socket.scan(ticket.code, { scanId }), scan(device.token, ticket.code, { scanId })]
      const answers = await Promise.all(asked)
      expect(answers.map(({ status, body }) => [status, body.verdict])).toEqual([
        [200, 'admitted'],
        [200, 'admitted'],
      ])
      expect(answers.map(({ body }) => body.replay).sort()).toEqual([false, true])
      expect(await scansOf(ticket.id)).toHaveLength(1)
    }
  })

  it('of one ticket on many sockets and over HTTP at once is admitted once', async () => {
    const sockets = [await lane(), await lane(supervisor.token), await lane()]
    const ticket = await one()
    const asked = sockets.map((socket) => socket.scan(ticket.code))
    const answers = await Promise.all([...asked, scan(device.token, ticket.code), scan(supervisor.token, ticket.code)])
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409, 409])
  })

  it('is answered in its turn', async () => {
    const socket = await lane()
    const tickets = await issue(event, ...Array.from({ length: 12 }, () => ({})))
    for (const [i, { code }] of tickets.entries()) {
      // Some need a signature, some are rubbish, some are not even asked: none overtakes another.
      socket.sendScan(String(i), i % 3 === 1 ? { qrPayload: 'rubbish' } : i % 3 === 2 ? {} : { qrPayload: code })
    }
    const answers = await socket.answers(12)
    expect(answers.map(({ id }) => id)).toEqual(tickets.map((_, i) => String(i)))
    expect(answers.map(({ status }) => status)).toEqual(tickets.map((_, i) => (i % 3 === 0 ? 200 : 400)))
  })

  it('whose socket is lost before the answer is asked again over HTTP, and was judged once or never', async () => {
    for (let i = 0; i < 6; i++) {
      const socket = await lane()
      const ticket = await one()
      const scanId = crypto.randomUUID()
      socket.sendScan('lost', { qrPayload: ticket.code, scanId })
      if (i % 2 === 0) await scheduler.wait(i)
      socket.socket.close()
      const again = await scan(device.token, ticket.code, { scanId })
      expect([again.status, again.body.verdict]).toEqual([200, 'admitted'])
      expect(await scansOf(ticket.id)).toHaveLength(1)
    }
  })

  it('wakes a Gatekeeper that sleeps', async () => {
    const socket = await lane()
    const [first, second] = [await one(), await one()]
    expect((await socket.scan(first.code)).body.verdict).toBe('admitted')
    await evictDurableObject(gatekeeperOf(event))
    expect((await socket.scan(second.code)).body.verdict).toBe('admitted')
    expect((await socket.scan(first.code)).body.code).toBe('already_admitted')
  })
})

describe('the limits', () => {
  it('are those of the device, over the socket and over HTTP together', async () => {
    const busy = await newEvent({ ...undivided, ...strictEvent })
    const own = await newDevice(busy)
    const [ticket] = await issue(busy)
    const socket = await lane(own.token, busy)
    vi.useFakeTimers({ toFake: ['Date'] })
    for (let i = 0; i < 10; i++) await scan(own.token, ticket?.code ?? '')
    for (let i = 0; i < 10; i++) expect((await socket.scan(ticket?.code ?? '')).status).toBe(409)
    expect(await socket.scan(ticket?.code ?? '')).toMatchObject({
      status: 429,
      body: { code: 'rate_limited', data: { retryAfterMs: 1000 } },
    })
    expect((await scan(own.token, ticket?.code ?? '')).headers.get('Retry-After')).toBe('2')
    vi.setSystemTime(Date.now() + 3000)
    expect((await socket.scan(ticket?.code ?? '')).status).toBe(409)
  })

  it('block a device that floods its socket with forgeries, close it, and keep nobody else waiting', async () => {
    const busy = await newEvent({ ...undivided, ...strictEvent })
    const [bad, good] = [await newDevice(busy), await newDevice(busy)]
    const [flooding, calm] = [await lane(bad.token, busy), await lane(good.token, busy)]
    const [ticket] = await issue(busy)
    const forged = `${ticket?.code.slice(0, -4)}AAAA`
    const flood = async () => {
      for (let sent = 0; flooding.closed === null && sent < 400; sent++) {
        flooding.sendScan(String(sent), { qrPayload: forged })
        if (sent % 20 === 0) await scheduler.wait(1)
      }
    }
    const flooded = flood()
    expect((await calm.scan(ticket?.code ?? '')).body.verdict).toBe('admitted')
    await flooded
    await flooding.next('bye')
    const statuses = flooding.of('answer').map(({ status }) => status)
    expect(statuses.slice(0, 21)).toEqual(statuses.slice(0, 21).map(() => 400))
    expect(new Set(statuses.slice(21))).toEqual(new Set([403]))
    expect(await flooding.untilClosed()).toBe(1008)
    expect((await scan(bad.token, ticket?.code ?? '')).body.code).toBe('device_blocked')
    const entries = await call('GET', `${busy.path}/entries`, { as: busy.key })
    expect(entries.body.data.items).toHaveLength(1)
  })
})

describe('a socket over which nobody may scan', () => {
  it('is one of a device that is revoked, or whose staff token ran out', async () => {
    const other = await newDevice(event)
    const { code } = await one()
    const socket = await lane(other.token)
    await call('POST', `${event.path}/devices/${other.id}/revoke`, { as: event.key })
    expect((await socket.next('bye')).code).toBe('device_revoked')
    const late = await lane()
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 13 * 3_600_000 })
    late.sendScan('late', { qrPayload: code })
    expect((await late.next('bye')).code).toBe('unauthenticated')
    expect(await late.untilClosed()).toBe(4401)
  })

  it('is one of an organiser, who is not at a gate', async () => {
    const socket = await listen(event.id, event.key)
    expect((await socket.next('hello')).lane).toBe(false)
    socket.sendScan('1', { qrPayload: (await one()).code })
    expect((await socket.next('bye')).code).toBe('bad_message')
  })

  it('threat 32: is one that a Worker of before opened, and that says so', async () => {
    const actor = { kind: 'device', deviceId: device.id, staffId: 'sam', tokenHash: null }
    const asked = { actor, nonce: null, deviceId: device.id, key: null, topics: [], since: null, expiresAt: null }
    const headers = { Upgrade: 'websocket', 'X-Live': encodeURIComponent(JSON.stringify(asked)) }
    const { webSocket } = await gatekeeperOf(event).fetch('https://gatekeeper/live', { headers })
    const hello = new Promise((resolve) => webSocket?.addEventListener('message', ({ data }) => resolve(data)))
    webSocket?.accept()
    expect(JSON.parse(String(await hello))).toMatchObject({ type: 'hello', lane: false })
    webSocket?.close()
  })
})
