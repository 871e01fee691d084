import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { Webhook, WebhookVerificationError } from 'standardwebhooks'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { readKeyRing } from '../../core/key-ring.ts'
import { GIVE_UP_AFTER_MS, RETRY_AFTER_MS, webhookKinds } from '../../core/webhooks.ts'
import { ringOf } from '../../workers/key-ring.ts'
import { signMessage } from '../../workers/webhook-secret.ts'
import { call, gatekeeperOf, issue, newDevice, newEvent, type Party, scan, undivided } from './api.ts'

const URL_THERE = 'https://hooks.organiser.example/admit'

type Received = { url: string; headers: Headers; body: string }
type Told = { type: string; timestamp: string; data: Record<string, unknown> }

let event: Party
let device: Awaited<ReturnType<typeof newDevice>>
let received: Received[]
/** The events of the tests before this one. */
const earlier: string[] = []
/** What the endpoint answers next. */
let answer: (request: Received) => Response | Promise<Response>

// The one thing that is not ours and not here: the rest of the internet.
beforeEach(async () => {
  received = []
  answer = () => new Response('thank you')
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const request = new Request(input, init)
    const one = { url: request.url, headers: request.headers, body: await request.text() }
    // Five seconds after a test that left a failure behind, its event tries again.
    if (isOfEarlier(one)) return new Response()
    received.push(one)
    return answer(one)
  })
  event = await newEvent()
  device = await newDevice(event)
})

afterEach(() => {
  earlier.push(event.id)
  vi.useRealTimers()
  vi.restoreAllMocks()
})

/** Every letter names in its id the event that it is of. */
const isOfEarlier = ({ headers }: Received) =>
  earlier.some((id) => headers.get('webhook-id')?.includes(id.replaceAll('-', '')))

const hook = (path = '') => `${event.path}/webhooks/crm${path}`
const as = () => ({ as: event.key })
const put = (more: object = {}) =>
  call('PUT', hook(), { ...as(), body: { url: URL_THERE, events: webhookKinds, ...more } })
const shown = async () => (await call('GET', hook(), as())).body.data.webhook
const deliveries = async (query = '') => (await call('GET', hook(`/deliveries${query}`), as())).body.data.items
const told = () => received.map(({ body }) => JSON.parse(body) as Told)

/** Lets the alarm come, and waits until nothing is on its way. */
async function alarm() {
  await runDurableObjectAlarm(gatekeeperOf(event))
  await vi.waitFor(async () => {
    const due = await runInDurableObject(gatekeeperOf(event), (_, state) =>
      state.storage.sql
        .exec(
          `SELECT 1 FROM delivery d JOIN webhook w ON w.no = d.webhook
           WHERE d.due_at <= ? AND ifnull(w.hold_until, 0) <= ? AND w.disabled_at IS NULL AND NOT EXISTS
           (SELECT 1 FROM delivery o WHERE o.ticket = d.ticket AND o.no < d.no AND o.due_at IS NOT NULL)`,
          Date.now(),
          Date.now(),
        )
        .toArray(),
    )
    expect(due).toEqual([])
  })
}

/** Moves the clock on and lets the alarm come. */
async function later(ms: number) {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + ms })
  await alarm()
}

/** As a receiver does it, with the specification's own library. */
function verify({ headers, body }: Received, secret: string): boolean {
  try {
    new Webhook(secret).verify(body, Object.fromEntries(headers))
    return true
  } catch (error) {
    // Its way to say no.
    if (error instanceof WebhookVerificationError) return false
    throw error
  }
}

describe('a webhook', () => {
  it('is given a secret that is shown once and stored sealed', async () => {
    const made = await put()
    expect(made.status).toBe(201)
    expect(made.body.data.secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
    expect(made.body.data.webhook).toMatchObject({ id: 'crm', url: URL_THERE, state: 'active', pending: 0, failed: 0 })
    const again = await put({ events: ['zone.full'] })
    expect(again.status).toBe(200)
    expect(again.body.data.secret).toBeUndefined()
    expect(again.body.data.webhook.events).toEqual(['zone.full'])
    const raw = Uint8Array.from(atob(made.body.data.secret.slice(6)), (c) => c.charCodeAt(0))
    const stored = await runInDurableObject(gatekeeperOf(event), (_, state) =>
      state.storage.sql.exec<{ secret: ArrayBuffer }>('SELECT secret FROM webhook').one(),
    )
    const hex = (bytes: Uint8Array) => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
    expect(hex(new Uint8Array(stored.secret))).not.toContain(hex(raw))
    for (const { text } of [await call('GET', hook(), as()), await call('GET', `${event.path}/webhooks`, as())]) {
      expect(text).not.toContain('whsec_')
    }
  })

  it('threat 23: is told of what happened, signed after the Standard Webhooks specification', async () => {
    const { secret } = (await put()).body.data
    const [ticket] = await issue(event, {
      reference: 'ORDER-7-1',
      holder: { name: 'Ada Lovelace', email: 'ada@x.example' },
    })
    await scan(device.token, ticket?.code ?? '')
    await scan(device.token, ticket?.code ?? '')
    await scan(device.token, ticket?.code ?? '', { gateId: 'GATE-X' })
    await call('POST', `${event.path}/tickets/${ticket?.id}/revoke`, { ...as(), body: { reason: 'Ada asked' } })
    await alarm()
    expect(told().map(({ type }) => type)).toEqual([
      'ticket.admitted',
      'ticket.refused',
      'ticket.exited',
      'ticket.revoked',
    ])
    expect(told()[0]?.data).toMatchObject({
      eventId: event.id,
      ticketId: ticket?.id,
      reference: 'ORDER-7-1',
      ticketType: 'standard',
      gateId: 'GATE-A',
      gateName: 'Main Entrance',
      zone: 'main',
      verdict: 'admitted',
      code: null,
      people: 1,
      forced: false,
    })
    expect(told()[1]?.data).toMatchObject({ code: 'already_admitted', duplicateAttemptNumber: 2 })
    for (const one of received) {
      expect(one.url).toBe(URL_THERE)
      expect(verify(one, secret)).toBe(true)
      expect(verify({ ...one, body: one.body.replace('1', '2') }, secret)).toBe(false)
      expect(Math.abs(Number(one.headers.get('webhook-timestamp')) - Date.now() / 1000)).toBeLessThan(60)
      expect(one.body).not.toMatch(/Ada|ada@x|sam/)
    }
    expect(new Set(received.map(({ headers }) => headers.get('webhook-id'))).size).toBe(4)
  })

  it('signs like everybody else', () => {
    const secret = Uint8Array.from(atob('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'), (c) => c.charCodeAt(0))
    expect(signMessage([secret], 'msg_p5jXN8AQM9LWM0D4loKWxJek', 1614265330, '{"test": 2432232314}')).toBe(
      'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    )
  })

  it('is told of nothing that it did not ask for, and of nothing before it was there', async () => {
    const [first, second] = await issue(event, {}, {})
    await scan(device.token, first?.code ?? '')
    await put({ events: ['ticket.refused'] })
    await scan(device.token, second?.code ?? '')
    await scan(device.token, second?.code ?? '')
    await alarm()
    expect(told().map(({ type }) => type)).toEqual(['ticket.refused'])
  })

  it('hears that a zone is full when the last place is taken, and not at every coming and going', async () => {
    await call('PATCH', event.path, { ...as(), body: { capacity: 2 } })
    await put({ events: ['zone.full'] })
    const tickets = await issue(event, {}, {}, {})
    for (const { code } of tickets) await scan(device.token, code)
    await scan(device.token, tickets[0]?.code ?? '', { gateId: 'GATE-X' })
    await scan(device.token, tickets[2]?.code ?? '')
    await alarm()
    expect(told().map(({ type, data }) => [type, data])).toEqual([
      ['zone.full', { eventId: event.id, zone: 'main', capacity: 2, inside: 2 }],
    ])
  })

  it('hears of a device that was blocked, without anything else having to happen', async () => {
    event = await newEvent({ limits: {} })
    device = await newDevice(event)
    await put({ events: ['device.blocked'] })
    await alarm()
    const actor = { kind: 'device', deviceId: device.id, staffId: 'sam', tokenHash: null } as never
    await gatekeeperOf(event).countInvalid(actor, 'forged', 30, Date.now())
    // The alarm is set: false where there was none.
    expect(await runDurableObjectAlarm(gatekeeperOf(event))).toBe(true)
    await vi.waitFor(() => expect(told().map(({ type }) => type)).toEqual(['device.blocked']))
    expect(told()[0]?.data).toMatchObject({ eventId: event.id, deviceId: device.id, because: 'invalid_codes' })
  })

  it('hears of a conflict once, with both scans, when two devices alone let the same ticket in', async () => {
    await put({ events: ['scan.conflict'] })
    const other = await newDevice(event, 'sue')
    const [ticket] = await issue(event, {})
    const scans: string[] = []
    for (const [i, one] of [device, other].entries()) {
      const scanId = crypto.randomUUID()
      scans.push(scanId)
      const localTimestamp = new Date(Date.now() - 60_000 + i * 1000).toISOString()
      const item = {
        scanId,
        qrPayload: ticket?.code,
        gateId: 'GATE-A',
        localTimestamp,
        verdict: 'admitted',
        sequence: 1,
      }
      const body = { deviceId: one.id, syncedAt: new Date().toISOString(), scans: [item] }
      // Sent twice, as after a lost answer.
      for (let n = 0; n < 2; n++) {
        expect((await call('POST', '/api/hp-scanner/offline-sync', { as: one.token, body })).status).toBe(200)
      }
    }
    await alarm()
    expect(told().map(({ type, data }) => [type, data])).toEqual([
      [
        'scan.conflict',
        {
          eventId: event.id,
          ticketId: ticket?.id,
          scanId: scans[1],
          shown: 'admitted',
          judged: 'already_admitted',
          gateId: 'GATE-A',
          deviceId: other.id,
          withScanId: scans[0],
        },
      ],
    ])
  })

  it('goes on with two secrets for a day after a new one was made', async () => {
    const old = (await put()).body.data.secret
    const rotated = await call('POST', hook('/rotate-secret'), as())
    const { secret } = rotated.body.data
    expect(secret).not.toBe(old)
    const [one, two] = await issue(event, {}, {})
    await scan(device.token, one?.code ?? '')
    await alarm()
    expect(verify(received[0] as Received, old)).toBe(true)
    expect(verify(received[0] as Received, secret)).toBe(true)
    await scan(device.token, two?.code ?? '')
    await later(25 * 3_600_000)
    expect(verify(received[1] as Received, old)).toBe(false)
    expect(verify(received[1] as Received, secret)).toBe(true)
  })

  it('takes a secret that the organiser brings, and refuses what is none', async () => {
    const secret = `whsec_${btoa('0123456789abcdef01234567')}`
    const made = await put({ secret })
    expect(made.body.data.secret).toBeUndefined()
    const test = await call('POST', hook('/test'), as())
    expect(test.body.data).toMatchObject({ delivered: true, status: 200, problem: null })
    expect(told()[0]?.type).toBe('webhook.test')
    expect(verify(received[0] as Received, secret)).toBe(true)
    for (const bad of ['secret', 'whsec_', 'whsec_c2hvcnQ=', `whsec_${'A'.repeat(23)}`, 'whsec_!!!!', 7]) {
      const refused = await put({ secret: bad })
      expect([refused.status, refused.body.data.issues[0].field]).toEqual([400, 'secret'])
    }
  })

  it('belongs to the organiser: nobody else sees or changes it', async () => {
    await put()
    const supervisor = await newDevice(event, 'sue')
    const other = await newEvent()
    for (const path of [hook(), hook('/deliveries'), `${event.path}/webhooks`]) {
      expect((await call('GET', path, { as: supervisor.token })).status).toBe(403)
      expect((await call('GET', path, { as: other.key })).status).toBe(404)
      expect((await call('GET', path)).status).toBe(401)
    }
    expect((await call('DELETE', hook(), { as: other.key })).status).toBe(404)
    expect((await call('DELETE', hook(), as())).status).toBe(200)
    expect((await call('GET', hook(), as())).status).toBe(404)
  })

  it('names what is wrong with a request, and 20 are enough for an event', async () => {
    const bad = await call('PUT', hook(), { ...as(), body: { url: 'ftp://x', events: ['ticket.eaten'] } })
    expect(bad.status).toBe(400)
    expect(bad.body.data.issues).toMatchObject([{ index: 0 }])
    expect((await put({ events: [] })).body.data.issues[0].field).toBe('events')
    const made: number[] = []
    for (let i = 0; i < 21; i++) {
      const body = { url: URL_THERE, events: ['zone.full'] }
      made.push((await call('PUT', `${event.path}/webhooks/w${i}`, { ...as(), body })).status)
    }
    expect(made).toEqual([...Array(20).fill(201), 400])
  })
})

describe('a delivery', () => {
  const failFor = (
    times: number,
    how: () => Response | Promise<Response> = () => new Response('no', { status: 500 }),
  ) => {
    let left = times
    answer = () => (left-- > 0 ? how() : new Response('at last'))
  }

  // By the organiser's key, which is still good when days have gone by.
  async function oneScan() {
    const [ticket] = await issue(event, {})
    const { status } = await scan(event.key, ticket?.code ?? '')
    expect(status).toBe(200)
  }

  it('is tried again, later and later, under the same message id and with a fresh signature', async () => {
    const { secret } = (await put()).body.data
    failFor(3)
    await oneScan()
    await alarm()
    expect(await deliveries()).toMatchObject([
      { id: '1', type: 'ticket.admitted', state: 'pending', attempts: 1, status: 500, problem: 'bad_status' },
    ])
    expect(await shown()).toMatchObject({ state: 'failing', pending: 1 })
    for (const delay of RETRY_AFTER_MS.slice(0, 3)) {
      // Not before its time.
      const soFar = received.length
      await later(delay * 0.5)
      expect(received.length).toBe(soFar)
      await later(delay * 0.7)
      expect(received.length).toBe(soFar + 1)
    }
    expect(new Set(received.map(({ headers }) => headers.get('webhook-id'))).size).toBe(1)
    expect(new Set(received.map(({ headers }) => headers.get('webhook-timestamp'))).size).toBe(4)
    expect(new Set(received.map(({ body }) => body)).size).toBe(1)
    for (const one of received) {
      // A receiver takes what was signed within five minutes.
      vi.setSystemTime(Number(one.headers.get('webhook-timestamp')) * 1000)
      expect(verify(one, secret)).toBe(true)
    }
    expect(await deliveries()).toMatchObject([{ state: 'delivered', attempts: 4, status: 200, problem: null }])
    expect(await shown()).toMatchObject({ state: 'active', pending: 0 })
  })

  it('is given up after three days, and its webhook with it, which is noted for the organiser', async () => {
    await put()
    answer = () => Promise.reject(new TypeError('no such host'))
    await oneScan()
    await alarm()
    for (const delay of RETRY_AFTER_MS) await later(delay * 1.11)
    expect(received.length).toBe(RETRY_AFTER_MS.length + 1)
    expect(await deliveries('?state=failed')).toMatchObject([{ attempts: 11, problem: 'unreachable' }])
    expect(await shown()).toMatchObject({ state: 'disabled', disabledBecause: 'failing', failed: 1, pending: 0 })
    expect(RETRY_AFTER_MS.reduce((sum, delay) => sum + delay, 0)).toBeGreaterThanOrEqual(GIVE_UP_AFTER_MS * 0.99)
    const notices = await runInDurableObject(gatekeeperOf(event), (_, state) =>
      state.storage.sql.exec('SELECT kind FROM notice').toArray(),
    )
    expect(notices).toEqual([{ kind: 'webhook.disabled' }])

    // Saying the address again takes it up where it stopped; what failed is told when it is asked for.
    answer = () => new Response('back')
    received.length = 0
    await oneScan()
    await later(3000)
    expect(received.length).toBe(0)
    await put()
    await alarm()
    expect(received.length).toBe(1)
    const replayed = await call('POST', hook('/deliveries/1/replay'), as())
    expect(replayed.body.data.delivery).toMatchObject({ state: 'pending', attempts: 0 })
    await alarm()
    expect(await deliveries()).toMatchObject([
      { id: '2', state: 'delivered' },
      { id: '1', state: 'delivered' },
    ])
  })

  it('that was given up is told again together with all others that were', async () => {
    await put()
    answer = () => new Response(null, { status: 410 })
    for (let i = 0; i < 3; i++) await oneScan()
    await alarm()
    expect(await shown()).toMatchObject({ state: 'disabled', failed: 3 })
    answer = () => new Response()
    await put()
    expect((await call('POST', hook('/replay-failed'), as())).body.data).toEqual({ replayed: 3 })
    await alarm()
    expect(await shown()).toMatchObject({ state: 'active', failed: 0, pending: 0 })
    expect((await call('POST', hook('/replay-failed'), as())).body.data).toEqual({ replayed: 0 })
  })

  it('is not sent to whoever says that the address is gone', async () => {
    await put()
    answer = () => new Response(null, { status: 410 })
    await oneScan()
    await alarm()
    expect(await shown()).toMatchObject({ state: 'disabled', disabledBecause: 'gone', failed: 1 })
  })

  it('waits as long as the receiver asks', async () => {
    await put()
    failFor(1, () => new Response(null, { status: 429, headers: { 'Retry-After': '120' } }))
    await oneScan()
    await alarm()
    await later(60_000)
    expect(received.length).toBe(1)
    await later(70_000)
    expect(received.length).toBe(2)
  })

  it('follows no redirect', async () => {
    await put()
    answer = () => new Response(null, { status: 302, headers: { Location: 'https://169.254.169.254/' } })
    await oneScan()
    await alarm()
    expect(received.map(({ url }) => url)).toEqual([URL_THERE])
    expect(await deliveries()).toMatchObject([{ state: 'pending', status: 302, problem: 'redirected' }])
  })

  it('comes in the order of its ticket, and a ticket that waits holds up no other', async () => {
    await put()
    const [one, two] = await issue(event, {}, {})
    answer = ({ body }) => new Response(null, { status: body.includes(one?.id ?? '-') ? 500 : 200 })
    await scan(device.token, one?.code ?? '')
    await scan(device.token, one?.code ?? '', { gateId: 'GATE-X' })
    await scan(device.token, two?.code ?? '')
    await alarm()
    for (let i = 0; i < 3; i++) await later(10_000)
    const ofOne = () => told().filter(({ data }) => data.ticketId === one?.id)
    expect(new Set(ofOne().map(({ type }) => type))).toEqual(new Set(['ticket.admitted']))
    expect(
      told()
        .filter(({ data }) => data.ticketId === two?.id)
        .map(({ type }) => type),
    ).toEqual(['ticket.admitted'])
    answer = () => new Response()
    await later(600_000)
    expect(
      ofOne()
        .map(({ type }) => type)
        .slice(-2),
    ).toEqual(['ticket.admitted', 'ticket.exited'])
  })

  it('of one webhook does not wait for a slow one', async () => {
    await put()
    await call('PUT', `${event.path}/webhooks/slow`, {
      ...as(),
      body: { url: 'https://slow.example/', events: ['ticket.admitted'] },
    })
    let release = () => {}
    const released = new Promise<void>((resolve) => {
      release = resolve
    })
    answer = async ({ url }) => {
      if (url.includes('slow')) await released
      return new Response()
    }
    await oneScan()
    await runDurableObjectAlarm(gatekeeperOf(event))
    await vi.waitFor(async () => expect((await deliveries())[0]).toMatchObject({ state: 'delivered' }))
    await oneScan()
    // The outbox goes on too, and so do scans.
    await runDurableObjectAlarm(gatekeeperOf(event))
    await vi.waitFor(async () => expect(await deliveries()).toHaveLength(2))
    release()
    await alarm()
    expect(received.filter(({ url }) => url.includes('slow'))).toHaveLength(2)
  })

  it('is not lost when the Gatekeeper is put to sleep before it was thought of', async () => {
    event = await newEvent(undivided)
    device = await newDevice(event)
    await put()
    await oneScan()
    await evictDurableObject(gatekeeperOf(event))
    await gatekeeperOf(event).flush()
    await alarm()
    // Where its own alarm came before it slept, the letter was on its way, and is sent again.
    expect([...new Set(told().map(({ type }) => type))]).toEqual(['ticket.admitted'])
    expect(new Set(received.map(({ headers }) => headers.get('webhook-id'))).size).toBe(1)
  })

  it('presses no endpoint that fails, and all of it arrives once the endpoint is back', async () => {
    await put({ events: ['ticket.admitted'] })
    answer = () => new Response(null, { status: 503 })
    const tickets = await issue(event, ...Array.from({ length: 30 }, () => ({})))
    for (const { code } of tickets) await scan(device.token, code)
    await alarm()
    // Six at once, and then no more than were begun before the first had failed; after that, one at a time.
    expect(received.length).toBeLessThanOrEqual(12)
    received.length = 0
    await later(RETRY_AFTER_MS[0] ?? 0)
    expect(received.length).toBe(1)
    received.length = 0
    answer = () => new Response()
    for (let i = 0; i < 3; i++) await later(RETRY_AFTER_MS[1] ?? 0)
    const ids = told().map(({ data }) => data.ticketId)
    expect(new Set(ids)).toEqual(new Set(tickets.map(({ id }) => id)))
    expect(await shown()).toMatchObject({ pending: 0, state: 'active' })
  })

  it('is listed newest first, page by page, and shown with its payload', async () => {
    await put()
    const tickets = await issue(event, {}, {}, {})
    for (const { code } of tickets) await scan(device.token, code)
    await alarm()
    const first = await call('GET', hook('/deliveries?limit=2'), as())
    expect(first.body.data.items.map(({ id }: { id: string }) => id)).toEqual(['3', '2'])
    const rest = await call('GET', hook(`/deliveries?limit=2&cursor=${first.body.data.nextCursor}`), as())
    expect(rest.body.data).toMatchObject({ items: [{ id: '1' }], nextCursor: null })
    const one = await call('GET', hook('/deliveries/3'), as())
    const { messageId, payload } = one.body.data.delivery
    // They are told side by side, and arrive as they will.
    const letter = received.find(({ headers }) => headers.get('webhook-id') === messageId)
    expect(JSON.stringify(payload)).toBe(letter?.body)
    for (const none of ['4', '0', '-1', 'x', '1e1']) {
      expect((await call('GET', hook(`/deliveries/${none}`), as())).status).toBe(404)
      expect((await call('POST', hook(`/deliveries/${none}/replay`), as())).status).toBe(404)
    }
  })
})

it('knows the secrets only with the TICKET_KEY that sealed them', async () => {
  expect(env.TICKET_KEY.length).toBeGreaterThan(0)
  const { sealSecret, openSecret } = await import('../../workers/webhook-secret.ts')
  const id = event.id as Parameters<typeof sealSecret>[1]
  const sealed = sealSecret(ringOf(env), id, 'crm', `whsec_${btoa('0123456789abcdef01234567')}`)
  expect(new TextDecoder().decode(openSecret(ringOf(env), id, 'crm', sealed))).toBe('0123456789abcdef01234567')
  expect(() => openSecret(readKeyRing('another key'), id, 'crm', sealed)).toThrow()
  expect(() => openSecret(ringOf(env), id, 'other', sealed)).toThrow()
})
