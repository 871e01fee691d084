import { evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Answer, call, gatekeeperOf, informed, issue, newDevice, newEvent, type Party, scan } from './api.ts'

type Device = Awaited<ReturnType<typeof newDevice>>

let event: Party
let device: Device
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date'] })
  event = await newEvent({ limits: {} })
  device = await newDevice(event)
})
afterEach(() => {
  vi.useRealTimers()
})

const later = (ms: number) => vi.setSystemTime(Date.now() + ms)
const times = async <T>(count: number, work: () => Promise<T>) => {
  const results: T[] = []
  for (let i = 0; i < count; i++) results.push(await work())
  return results
}
const statuses = (answers: { status: number }[]) => answers.map(({ status }) => status)
const unblock = (as = event.key) => call('POST', `${event.path}/devices/${device.id}/unblock`, { as })

const noticesOf = async (kind: string) =>
  runInDurableObject(await informed(event), (_, state) =>
    state.storage.sql
      .exec<{ notice: string }>('SELECT notice FROM notice WHERE kind = ? ORDER BY no', kind)
      .toArray()
      .map(({ notice }) => JSON.parse(notice)),
  )

describe('the trail of a device', () => {
  it('keeps what it got wrong, also when it was let go on, and says what counts of it', async () => {
    event = await newEvent({ limits: { invalidCodesPerFiveMinutes: 2 } })
    device = await newDevice(event)
    const other = await newDevice(event)
    const [ticket] = await issue(event)
    const trail = async () => {
      await gatekeeperOf(event).flush()
      return (await call('GET', `${event.path}/devices/${device.id}`, { as: event.key })).body.data.trail
    }
    await scan(device.token, ticket?.code ?? '')
    await times(3, () => scan(device.token, ticket?.code ?? ''))
    await scan(other.token, ticket?.code ?? '')
    expect(await trail()).toMatchObject({ scans: 4, admitted: 1, duplicates: 3, duplicatesLately: 3, invalid: [] })
    for (let i = 0; i < 3; i++) {
      await expect.poll(async () => (await trail()).invalidLately).toBe(i)
      await scan(device.token, 'NO TICKET')
      later(1100)
    }
    await expect.poll(async () => (await trail()).blockedSince).not.toBeNull()
    const before = await trail()
    expect(before.invalid.reduce((sum: number, { count }: { count: number }) => sum + count, 0)).toBe(3)
    expect(before).toMatchObject({ alerts: [{ kind: 'device.blocked', deviceId: device.id }] })
    await unblock()
    expect(await trail()).toMatchObject({ invalid: before.invalid, invalidLately: 0, blockedSince: null })
    expect((await scan(device.token, 'NO TICKET')).status).toBe(400)
    expect((await call('GET', `${event.path}/devices/nobody`, { as: event.key })).status).toBe(404)
  })
})

describe('scans of one device', () => {
  it('are twenty at once and then one a second, with a wait that doubles each time it is not kept', async () => {
    const [ticket] = await issue(event)
    const one = () => scan(device.token, ticket?.code ?? '')
    expect(statuses(await times(20, one))).not.toContain(429)
    const over = await times(4, one)
    expect(statuses(over)).toEqual([429, 429, 429, 429])
    expect(over.map(({ headers }) => headers.get('Retry-After'))).toEqual(['1', '2', '4', '8'])
    expect(over[0]?.body).toMatchObject({ success: false, code: 'rate_limited', data: { retryAfterMs: 1000 } })
    later(3000)
    expect(statuses(await times(4, one))).toEqual([409, 409, 409, 429])
  })

  it('wait five minutes at most, and a second again after a pause', async () => {
    const [ticket] = await issue(event)
    const one = () => scan(device.token, ticket?.code ?? '')
    await times(35, one)
    expect((await one()).headers.get('Retry-After')).toBe('300')
    later(60_000)
    expect(statuses(await times(21, one)).filter((status) => status === 429)).toHaveLength(1)
    expect((await one()).headers.get('Retry-After')).toBe('2')
  })

  it('threat 26: are counted for the device that signed in, whatever the headers say, and not for another', async () => {
    const other = await newDevice(event)
    const [ticket] = await issue(event)
    const body = { qrPayload: ticket?.code, gateId: 'GATE-A' }
    await times(20, () => scan(device.token, ticket?.code ?? ''))
    const disguised = await call('POST', '/api/hp-scanner/validate-qr', {
      as: device.token,
      body,
      headers: { 'CF-Connecting-IP': '203.0.113.7', 'X-Forwarded-For': '203.0.113.8' },
    })
    expect(disguised.status).toBe(429)
    expect((await scan(other.token, ticket?.code ?? '')).status).toBe(409)
  })

  it('are not begun anew by something else that went wrong', async () => {
    const [ticket] = await issue(event)
    await times(20, () => scan(device.token, ticket?.code ?? ''))
    const wrong = await call('PUT', `${event.path}/gates/GATE-Y`, { as: event.key, body: { name: 'Y', zone: 'none' } })
    expect(wrong.status).toBe(400)
    expect((await scan(device.token, ticket?.code ?? '')).status).toBe(429)
  })

  it("are as many as the event's settings say", async () => {
    const changed = await call('PATCH', event.path, { as: event.key, body: { limits: { scanBurst: 2 } } })
    expect(changed.body.data.event.limits).toMatchObject({ scanBurst: 2, scansPerMinute: 60 })
    const [ticket] = await issue(event)
    expect(statuses(await times(3, () => scan(device.token, ticket?.code ?? '')))).toEqual([200, 409, 429])
  })

  it("are not limited for the organiser's key", async () => {
    const [ticket] = await issue(event)
    const answers = await times(30, () => scan(event.key, ticket?.code ?? '', { eventId: event.id }))
    expect(statuses(answers)).not.toContain(429)
  })
})

describe('other calls of one device', () => {
  it('are a hundred a minute', async () => {
    const search = () => call('GET', `/api/hp-scanner/search/${event.id}?q=nobody`, { as: device.token })
    expect(statuses(await times(100, search))).not.toContain(429)
    expect((await search()).status).toBe(429)
    // A scan is counted on its own.
    expect((await scan(device.token, (await issue(event))[0]?.code ?? '')).status).toBe(200)
  })

  it("are as many for a ticket's image", async () => {
    await call('PATCH', event.path, { as: event.key, body: { limits: { callsPerMinute: 2 } } })
    const supervisor = await newDevice(event, 'sue')
    const [ticket] = await issue(event)
    const image = () => call('GET', `${event.path}/tickets/${ticket?.id}/qr`, { as: supervisor.token })
    expect(statuses(await times(3, image))).toEqual([200, 200, 429])
  })

  it('are twenty a minute for statistics and reports', async () => {
    const ask = () => call('GET', `/api/hp-scanner/analytics/${event.id}`, { as: device.token })
    expect(statuses(await times(20, ask))).not.toContain(429)
    expect((await ask()).status).toBe(429)
    later(3000)
    expect((await ask()).status).toBe(200)
    expect(
      statuses(await times(25, () => call('GET', `/api/hp-scanner/analytics/${event.id}`, { as: event.key }))),
    ).not.toContain(429)
  })
})

describe('a device that shows codes that are none', () => {
  const rubbish = () => scan(device.token, `rubbish ${crypto.randomUUID()}`)

  it('is blocked for fifteen minutes after the twentieth, and is told until when', async () => {
    const [ticket] = await issue(event)
    expect(statuses(await times(21, rubbish))).not.toContain(403)
    const blocked = await scan(device.token, ticket?.code ?? '')
    expect(blocked.status).toBe(403)
    expect(blocked.body).toMatchObject({ success: false, code: 'device_blocked' })
    const until = Date.parse(blocked.body.data.blockedUntil)
    expect(until - Date.now()).toBe(15 * 60_000)
    expect((await rubbish()).status).toBe(403)
    const listed = await call('GET', `${event.path}/devices`, { as: event.key })
    expect(listed.body.data.items[0].blockedUntil).toBe(blocked.body.data.blockedUntil)
    later(15 * 60_000)
    expect((await scan(device.token, ticket?.code ?? '')).status).toBe(200)
    expect((await rubbish()).status).toBe(400)
  })

  it('is told of once, to whoever listens', async () => {
    await times(23, rubbish)
    expect(await noticesOf('device.blocked')).toMatchObject([{ deviceId: device.id, because: 'invalid_codes' }])
  })

  it('is blocked whichever kind they are, and stays so when the object was away', async () => {
    const [ticket] = await issue(event, { code: 'PRINTED-1' })
    const foreign = await issue(await newEvent())
    const forged = `${ticket?.code.slice(0, -4)}AAAA`
    await times(7, () => scan(device.token, forged))
    await times(7, () => scan(device.token, foreign[0]?.code ?? ''))
    await times(7, () => scan(device.token, 'PRINTED-2'))
    await evictDurableObject(gatekeeperOf(event))
    expect((await scan(device.token, ticket?.code ?? '')).body.code).toBe('device_blocked')
  })

  it('is not blocked by as many in a longer time', async () => {
    for (let i = 0; i < 4; i++) {
      expect(statuses(await times(10, rubbish))).not.toContain(403)
      later(6 * 60_000)
    }
  })

  it('goes on when a supervisor says so, with nothing against it', async () => {
    const supervisor = await newDevice(event, 'sue')
    const [ticket] = await issue(event)
    await times(21, rubbish)
    expect((await unblock(device.token)).status).toBe(403)
    expect((await unblock(supervisor.token)).body.data.device.blockedUntil).toBe(null)
    expect((await scan(device.token, ticket?.code ?? '')).status).toBe(200)
    later(10_000)
    expect(statuses(await times(10, rubbish))).not.toContain(403)
  })

  it('is somebody else than the device beside it', async () => {
    const other = await newDevice(event)
    const [ticket] = await issue(event)
    await times(21, rubbish)
    expect((await scan(other.token, ticket?.code ?? '')).status).toBe(200)
  })
})

describe('a device at which many are shown twice', () => {
  it('is told of once in five minutes', async () => {
    await call('PATCH', event.path, { as: event.key, body: { limits: { scanBurst: 1000 } } })
    const [ticket] = await issue(event)
    await times(32, () => scan(device.token, ticket?.code ?? ''))
    expect(await noticesOf('device.duplicates')).toEqual([
      { kind: 'device.duplicates', deviceId: device.id, count: 31 },
    ])
    await times(10, () => scan(device.token, ticket?.code ?? ''))
    expect(await noticesOf('device.duplicates')).toHaveLength(1)
  })
})

describe('whoever comes without a good credential', () => {
  /** From one address, as only the front of Cloudflare says it. */
  const at = (address: string) => ({ headers: { 'CF-Connecting-IP': address } })
  const untilShut = async (address: string, ask: (i: number) => Promise<Answer>) => {
    const answers: Answer[] = []
    // Counted by the minute, and one may end in between.
    while (answers.length < 150 && answers.at(-1)?.status !== 429) answers.push(await ask(answers.length))
    expect(answers.at(-1)?.status, address).toBe(429)
    expect(answers.length).toBeGreaterThan(60)
    return answers
  }

  it('threat 17: is shut out by address after sixty in a minute, longer each time, whatever it was that was wrong', async () => {
    const address = '203.0.113.1'
    const [ticket] = await issue(event)
    const wrong: ((i: number) => Promise<Answer>)[] = [
      () => call('GET', event.path, at(address)),
      (i) => call('GET', event.path, { as: `a1_org_${i}`.padEnd(50, 'x'), ...at(address) }),
      (i) => call('POST', '/api/session', { body: { key: `a1_org_guess_${i}` }, ...at(address) }),
      (i) =>
        call('POST', '/api/devices/token', { body: { deviceId: 'x', deviceToken: `a1_dev_${i}` }, ...at(address) }),
      (i) => call('GET', `/t/${i}${ticket?.url.split('/').at(-1)}`, at(address)),
      (i) => call('GET', `/qr/${'A'.repeat(60 + (i % 9))}.svg`, at(address)),
    ]
    const answers = await untilShut(address, (i) => wrong[i % wrong.length]?.(i) as Promise<Answer>)
    expect(new Set(statuses(answers.slice(0, -1)))).toEqual(new Set([401, 403, 404]))
    const waits = [answers.at(-1)?.headers.get('Retry-After')]
    for (let i = 0; i < 6; i++) {
      later(Number(waits.at(-1)) * 1000)
      waits.push((await call('GET', event.path, at(address))).headers.get('Retry-After'))
    }
    expect(waits).toEqual(['10', '20', '40', '80', '160', '300', '300'])
    for (const ask of wrong) expect((await ask(0)).status).toBe(429)
    expect((await call('GET', event.path, at('203.0.113.2'))).status).toBe(401)
  })

  it('does not shut out who comes from the same address with what is good', async () => {
    const address = '203.0.113.3'
    const from = at(address)
    const [ticket] = await issue(event)
    const invited = await call('POST', `${event.path}/enrolments`, { as: event.key, body: { staffId: 'sam' } })
    expect((await call('GET', event.path, { as: event.key, ...from })).status).toBe(200)
    await untilShut(address, () => call('GET', event.path, from))
    const good = [
      await call('GET', event.path, { as: event.key, ...from }),
      await call('GET', event.path, { as: device.token, ...from }),
      await call('GET', ticket?.url ?? '', from),
      await call('GET', ticket?.qr.svg ?? '', from),
      await call('POST', '/api/devices/token', {
        body: { deviceId: device.id, deviceToken: device.deviceToken },
        ...from,
      }),
      await call('POST', '/api/devices/enrol', {
        body: { code: invited.body.data.code, deviceName: 'Phone', deviceType: 'mobile' },
        ...from,
      }),
    ]
    expect(statuses(good)).toEqual([200, 200, 200, 200, 200, 201])
    expect((await call('GET', event.path, from)).status).toBe(429)
  })

  it("threat 27: never reaches the event's Gatekeeper, with whatever they make up for it", {
    timeout: 120_000,
    // Something of its own may wake it up meanwhile, where this takes long; a forgery that does would do so each time.
    retry: 2,
  }, async () => {
    const [ticket] = await issue(event)
    const ref = ticket?.url.split('/').at(-1) ?? ''
    const hex = event.id.replaceAll('-', '')
    const [head, claims] = device.token.split('.')
    const invited = await call('POST', `${event.path}/enrolments`, { as: event.key, body: { staffId: 'sam' } })
    const code = invited.body.data.code as string
    await drained()
    // Asleep, it would be woken up by any call at all. Once more where something of its own still did.
    await vi.waitFor(isAsleep, { timeout: 20_000, interval: 500 })
    const other = (text: string, i: number) => text.slice(0, -3) + 'ABCDEFGH'.slice(i % 6, (i % 6) + 3)
    const forged: ((i: number) => Promise<Answer>)[] = [
      () => scan('', ticket?.code ?? ''),
      (i) => scan(`${head}.${claims}.${i}`, ticket?.code ?? ''),
      (i) => scan(`a1_org_${i}`, ticket?.code ?? '', { eventId: event.id }),
      (i) => call('GET', event.path, { as: `${head}.${claims}.${'A'.repeat(i % 50)}` }),
      (i) =>
        call('POST', '/api/devices/enrol', {
          body: { code: other(code, i), deviceName: 'x', deviceType: 'mobile' },
          headers: { 'CF-Connecting-IP': `198.51.100.${i % 250}` },
        }),
      (i) =>
        call('POST', '/api/devices/token', {
          body: { deviceId: device.id, deviceToken: `a1_dev_${hex}_${String(i).padEnd(43, 'A')}` },
        }),
      (i) => call('GET', `/t/${other(ref, i)}`),
      (i) => call('GET', `/qr/${other(ref, i)}.svg`),
      (i) => call('POST', `/t/${other(ref, i)}/visits`, { body: { stall: ref } }),
      (i) => call('GET', `/api/hp-scanner/live/${event.id}?ticket=${i}`, { headers: { Upgrade: 'websocket' } }),
    ]
    const answers = await inTwenties(1000, (i) => forged[i % forged.length]?.(i) as Promise<Answer>)
    expect(answers.filter(({ status }) => status < 400 || status >= 500)).toEqual([])
    await isAsleep()
  })

  const isAsleep = () => expect(evictDurableObject(gatekeeperOf(event))).rejects.toThrow('not currently running')

  it('with a ticket’s link, which is good, may ask a hundred and twenty times a minute', async () => {
    const [ticket, other] = await issue(event, {}, {})
    const from = at('203.0.113.4')
    const answers: Answer[] = []
    while (answers.length < 300 && answers.at(-1)?.status !== 429) {
      answers.push(await call('GET', `${ticket?.url}/code`, from))
    }
    expect([answers.length > 120, answers.at(-1)?.status]).toEqual([true, 429])
    expect((await call('GET', other?.url ?? '', from)).status).toBe(200)
  })

  const inTwenties = async (count: number, work: (i: number) => Promise<Answer>) => {
    const answers: Answer[] = []
    for (let i = 0; i < count; i += 20) {
      answers.push(...(await Promise.all(Array.from({ length: 20 }, (_, k) => work(i + k)))))
    }
    return answers
  }

  /** Waits until nothing is under way that would wake it up by itself. */
  const drained = () =>
    vi.waitFor(
      () =>
        runInDurableObject(gatekeeperOf(event), async (_, state) => {
          // People are forgotten weeks after the event; nothing else is to come.
          expect((await state.storage.getAlarm()) ?? Number.POSITIVE_INFINITY).toBeGreaterThan(Date.now() + 86_400_000)
        }),
      { timeout: 20_000, interval: 200 },
    )
})
