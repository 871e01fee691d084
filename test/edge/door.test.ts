import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { call, gatekeeperOf, informed, issue, newDevice, newEvent, type Party, scan } from './api.ts'

type Device = Awaited<ReturnType<typeof newDevice>>

let event: Party
let device: Device
let other: Device
let supervisor: Device
beforeAll(async () => {
  event = await newEvent()
  device = await newDevice(event)
  other = await newDevice(event)
  supervisor = await newDevice(event, 'sue')
})

const one = async (more: Record<string, unknown> = {}, at = event) => {
  const [ticket] = await issue(at, more)
  if (!ticket) throw new Error('no ticket was issued')
  return ticket
}
const annul = (as: string, scanId: string, reason = 'the turnstile did not turn') =>
  call('POST', `/api/hp-scanner/scans/${scanId}/annul`, { as, body: { reason } })
const stats = async (at = event) => {
  const answer = await (await informed(at)).stats({ kind: 'admin' })
  if (!answer.ok) throw new Error('no stats')
  return answer.value.stats
}

describe('taking an admission back', () => {
  it('makes it as if it never was, and both stand in the log', async () => {
    const ticket = await one()
    const before = await stats()
    const admitted = await scan(device.token, ticket.code)
    const annulled = await annul(device.token, admitted.body.scanId)
    expect(annulled.status).toBe(200)
    expect(annulled.body.data).toMatchObject({
      scanId: admitted.body.scanId,
      annulledAt: expect.any(String),
      entry: { verdict: 'admitted', annulledAt: annulled.body.data.annulledAt },
    })
    const after = await stats()
    expect(after).toMatchObject({
      admitted: before.admitted,
      tickets: before.tickets,
      inside: before.inside,
      byGate: before.byGate,
    })
    const shown = await call('GET', `${event.path}/tickets/${ticket.id}`, { as: event.key })
    expect(shown.body.data.ticket.standings[0]).toMatchObject({ entries: 0, inside: 0, firstAt: null })
    expect(shown.body.data.ticket.scans.map(({ verdict }: { verdict: string }) => verdict)).toEqual([
      'admitted',
      'annulled',
    ])
    const again = await scan(device.token, ticket.code)
    expect(again.body.verdict).toBe('admitted')
    expect((await scan(device.token, ticket.code)).body.data).toMatchObject({
      duplicateAttemptNumber: 2,
      originalScan: { scannedAt: again.body.data.scan.scannedAt },
    })
  })

  it('tells D1 of it', async () => {
    const ticket = await one()
    const { scanId } = (await scan(device.token, ticket.code)).body
    await runDurableObjectAlarm(gatekeeperOf(event))
    await annul(device.token, scanId)
    await runDurableObjectAlarm(gatekeeperOf(event))
    const { results } = await env.DB.prepare(
      'SELECT verdict, annulled_at FROM entry WHERE ticket = unhex(?) ORDER BY seq',
    )
      .bind(ticket.id.replaceAll('-', ''))
      .all()
    expect(results).toEqual([
      { verdict: 'admitted', annulled_at: expect.any(Number) },
      { verdict: 'annulled', annulled_at: null },
    ])
  })

  it('of one of a party leaves the others inside', async () => {
    const ticket = await one({ admits: 3 })
    const first = await scan(device.token, ticket.code)
    const second = await scan(device.token, ticket.code)
    await annul(device.token, first.body.scanId)
    expect((await scan(device.token, ticket.code, { people: 2 })).body.data.scan).toMatchObject({
      admitted: 2,
      remaining: 0,
    })
    const refused = await scan(device.token, ticket.code)
    expect(refused.body.data.originalScan.scannedAt).toBe(second.body.data.scan.scannedAt)
  })

  it('is for the device that let them in, or for a supervisor', async () => {
    const { scanId } = (await scan(device.token, (await one()).code)).body
    const refused = await annul(other.token, scanId)
    expect([refused.status, refused.body.code, refused.body.data.required]).toEqual([
      403,
      'role_required',
      'supervisor',
    ])
    expect((await annul(supervisor.token, scanId)).status).toBe(200)
  })

  it('is for a supervisor alone after a quarter of an hour', async () => {
    const { scanId } = (await scan(device.token, (await one()).code)).body
    vi.setSystemTime(Date.now() + 15 * 60_000 + 1000)
    try {
      const late = await annul(device.token, scanId)
      expect([late.status, late.body.code]).toEqual([403, 'too_late_to_annul'])
      expect((await annul(supervisor.token, scanId)).status).toBe(200)
    } finally {
      vi.useRealTimers()
    }
  })

  it('is done once, and only to an admission', async () => {
    const ticket = await one()
    const { scanId } = (await scan(device.token, ticket.code)).body
    const duplicate = await scan(device.token, ticket.code)
    const notOne = await annul(device.token, duplicate.body.scanId)
    expect([notOne.status, notOne.body.code]).toEqual([409, 'not_admitted'])
    const both = await Promise.all([annul(supervisor.token, scanId), annul(device.token, scanId)])
    expect(both.map(({ status }) => status).sort()).toEqual([200, 409])
    expect(both.find(({ status }) => status === 409)?.body.code).toBe('already_annulled')
    expect((await annul(device.token, crypto.randomUUID())).status).toBe(404)
    expect((await call('POST', `/api/hp-scanner/scans/${scanId}/annul`, { as: device.token, body: {} })).status).toBe(
      400,
    )
  })

  it('changes nothing in the answer that was given then', async () => {
    const ticket = await one()
    const scanId = crypto.randomUUID()
    const first = await scan(device.token, ticket.code, { scanId })
    await annul(device.token, scanId)
    expect((await scan(device.token, ticket.code, { scanId })).body).toEqual({ ...first.body, replay: true })
  })
})

describe('searching', () => {
  const find = (as: string, q: string) =>
    call('GET', `/api/hp-scanner/search/${event.id}?q=${encodeURIComponent(q)}`, { as })

  beforeAll(async () => {
    await issue(
      event,
      {
        reference: 'TX26-00017',
        holder: { name: 'Łukasz Müller-Weiß', email: 'lukasz@example.com' },
        booking: { id: 'BK-4711', name: 'Zoë' },
      },
      { reference: 'TX26-00018', type: 'vip', holder: { name: 'अदिति शर्मा' } },
    )
  })

  it.each([
    'lukasz',
    'MÜLLER',
    'muller weiss',
    'weiß',
    'lukasz@example',
    'bk-4711',
    'zoe',
    'TX26-00017',
    'luk mul',
    'lukasz müller weiß, zoë: tx26 00017 (example com) tx26 zoe',
  ])('finds by %s', async (q) => {
    const { body } = await find(supervisor.token, q)
    expect(body.data.items.map(({ name }: { name: string }) => name)).toContain('Łukasz Müller-Weiß')
  })

  it('finds in other scripts, and by the short code in either case', async () => {
    const { body } = await find(device.token, 'अदिति')
    expect(body.data.items).toHaveLength(1)
    const { shortCode } = body.data.items[0]
    expect((await find(device.token, shortCode.toLowerCase())).body.data.items[0].name).toBe('अदिति शर्मा')
  })

  it('finds nothing where a word is missing', async () => {
    expect((await find(device.token, 'lukasz schmidt')).body.data.items).toEqual([])
    expect((await find(device.token, '%%%')).body.data.items).toEqual([])
  })

  it('finds just the same by a word that everybody has, and without listing everybody', async () => {
    await runInDurableObject(gatekeeperOf(event), (_, { storage: { sql } }) => {
      for (const [word, from] of [
        ['example', 1],
        ['com', 20_001],
      ])
        sql.exec(
          `WITH RECURSIVE n(i) AS (SELECT ${from} UNION ALL SELECT i + 1 FROM n WHERE i < ${from} + 10001)
           INSERT INTO search_word (word, ticket) SELECT ?, unhex(printf('%032x', i)) FROM n`,
          word,
        )
    })
    const names = async (q: string) =>
      (await find(device.token, q)).body.data.items.map(({ name }: { name: string }) => name)
    const asked = await runInDurableObject(gatekeeperOf(event), (_, { storage: { sql } }) =>
      vi.spyOn(Object.getPrototypeOf(sql), 'exec'),
    )
    expect(await names('example lukasz')).toEqual(['Łukasz Müller-Weiß'])
    const listed = asked.mock.calls.filter(([, ...values]) => values.includes('example') && !values.includes(10_000))
    asked.mockRestore()
    expect(listed).toEqual([])
    expect(await names('example schmidt')).toEqual([])
    expect(await names('example aditi')).toEqual([])
    // Two that everybody has, and among the first that have them is none that is asked for.
    expect(await names('example com')).toContain('Łukasz Müller-Weiß')
  })

  it('asks for three characters', async () => {
    const answer = await find(device.token, ' lu ')
    expect([answer.status, answer.body.data.issues[0].field]).toEqual([400, 'q'])
  })

  it('shows a scanner no address and no purchase', async () => {
    const asScanner = await find(device.token, 'lukasz')
    expect(asScanner.text).not.toMatch(/example\.com|BK-4711/)
    expect(Object.keys(asScanner.body.data.items[0]).sort()).toEqual([
      'name',
      'shortCode',
      'standing',
      'status',
      'ticketId',
      'type',
    ])
    const asSupervisor = await find(supervisor.token, 'lukasz')
    expect(asSupervisor.body.data.items[0]).toMatchObject({ email: 'lukasz@example.com', booking: { id: 'BK-4711' } })
  })

  it('then lets a supervisor check them in without a code', async () => {
    const { ticketId } = (await find(supervisor.token, 'शर्मा')).body.data.items[0]
    const body = { ticketId, gateId: 'GATE-V', source: 'manual' }
    expect((await call('POST', '/api/hp-scanner/validate-qr', { as: supervisor.token, body })).body.verdict).toBe(
      'admitted',
    )
    expect((await find(device.token, 'शर्मा')).body.data.items[0].standing[0]).toMatchObject({ zone: 'main', inside: 1 })
  })
})

describe('selling at the door', () => {
  const sell = (as: string, more: Record<string, unknown> = {}) =>
    call('POST', '/api/hp-scanner/walk-in', {
      as,
      body: {
        type: 'day',
        gateId: 'GATE-A',
        scanId: crypto.randomUUID(),
        payment: { method: 'cash', amount: 2500, currency: 'EUR' },
        ...more,
      },
    })

  beforeAll(async () => {
    await event.put('ticket-types/day', { name: 'Day ticket', price: { amount: 2500, currency: 'EUR' } })
  })

  it('gives ticket, code and admission at once', async () => {
    const sold = await sell(device.token, { holder: { name: 'Walk In' } })
    expect(sold.status).toBe(201)
    expect(sold.body.data).toMatchObject({
      ticket: { type: 'day', status: 'valid', holder: { name: 'Walk In' } },
      qr: {
        token: expect.stringMatching(/^A1/),
        svg: expect.stringContaining('/qr/'),
        png: expect.stringContaining('.png'),
      },
      verdict: 'admitted',
      scan: { gateId: 'GATE-A', admitted: 1, staffId: 'sam' },
    })
    expect((await scan(device.token, sold.body.data.qr.token)).body.code).toBe('already_admitted')
  })

  it('twice under one scanId sells once', async () => {
    const scanId = crypto.randomUUID()
    const [first, second] = [await sell(device.token, { scanId }), await sell(device.token, { scanId })]
    expect(second.status).toBe(201)
    expect(second.body.data.ticket).toEqual(first.body.data.ticket)
    expect(second.body.data.replay).toBe(true)
    const other = await sell(device.token, { scanId, people: 2 })
    expect([other.status, other.body.code]).toEqual([409, 'scan_id_conflict'])
  })

  it('sells without letting in where that is wished', async () => {
    const sold = await sell(device.token, { admit: false })
    expect(sold.body.data).toMatchObject({ verdict: null, scan: null })
    expect((await scan(device.token, sold.body.data.qr.token)).body.verdict).toBe('admitted')
  })

  it('takes the price of the type for everybody, or what was said, and nothing where it is free', async () => {
    const small = await newEvent()
    await small.put('ticket-types/day', { name: 'Day', price: { amount: 1990, currency: 'CHF' } })
    const till = await newDevice(small)
    await sell(till.token, { people: 3, payment: { method: 'card' } })
    await sell(till.token, { payment: { method: 'cash', amount: 1000, currency: 'EUR' } })
    await sell(till.token, { payment: { method: 'free' } })
    const report = await call('GET', `/api/hp-scanner/till-report/${small.id}`, { as: small.key })
    expect(report.body.data.items).toEqual([
      { staffId: 'sam', gateId: 'GATE-A', method: 'card', currency: 'CHF', sales: 1, people: 3, amount: 5970 },
      { staffId: 'sam', gateId: 'GATE-A', method: 'cash', currency: 'EUR', sales: 1, people: 1, amount: 1000 },
      { staffId: 'sam', gateId: 'GATE-A', method: 'free', currency: null, sales: 1, people: 1, amount: 0 },
    ])
  })

  it('names what is missing or wrong, and sells nothing', async () => {
    const field = async (more: Record<string, unknown>) =>
      (await sell(device.token, more)).body.data?.issues?.[0]?.field
    expect(await field({ type: 'nothing' })).toBe('type')
    expect(await field({ payment: { method: 'cash', amount: 9.99, currency: 'EUR' } })).toBe('payment.amount')
    expect(await field({ payment: { method: 'shells' } })).toBe('payment.method')
    expect(await field({ type: 'standard', payment: { method: 'cash' } })).toBe('payment.amount')
    expect((await sell(device.token, { gateId: 'GATE-Z' })).body.code).toBe('unknown_gate')
  })

  it('stops when the type is sold out, exactly, whoever sells at the same time', async () => {
    const small = await newEvent()
    await small.put('ticket-types/day', { name: 'Day', capacity: 10, price: { amount: 1, currency: 'EUR' } })
    const till = await newDevice(small)
    const tickets = Array.from({ length: 3 }, () => ({ type: 'day' }))
    const [issued, ...sold] = await Promise.all([
      call('POST', `${small.path}/tickets`, { as: small.key, body: { tickets } }),
      ...Array.from({ length: 20 }, () => sell(till.token, { admit: false })),
    ])
    const people = sold.filter(({ status }) => status === 201).length + (issued?.status === 201 ? 3 : 0)
    expect(people).toBe(issued?.status === 201 ? 10 : Math.max(8, people))
    expect(people).toBeLessThanOrEqual(10)
    const refused = await sell(till.token, { people: 3 })
    expect([refused.status, refused.body.code, refused.body.data.capacity]).toEqual([409, 'full', 10])
    const rows = await runInDurableObject(gatekeeperOf(small), (_, state) =>
      state.storage.sql.exec('SELECT id FROM ticket').toArray(),
    )
    expect(rows).toHaveLength(people)
  })

  it('sells nothing to whom the house has no room for', async () => {
    const small = await newEvent({ capacity: 1 })
    await small.put('ticket-types/day', { name: 'Day', price: { amount: 1, currency: 'EUR' } })
    const till = await newDevice(small)
    expect((await sell(till.token)).status).toBe(201)
    const refused = await sell(till.token)
    expect([refused.status, refused.body.code]).toEqual([409, 'full'])
    const rows = await runInDurableObject(gatekeeperOf(small), (_, state) => ({
      tickets: state.storage.sql.exec('SELECT id FROM ticket').toArray().length,
      sales: state.storage.sql.exec('SELECT scan FROM sale').toArray().length,
      entries: state.storage.sql.exec('SELECT seq FROM entry').toArray().length,
    }))
    expect(rows).toEqual({ tickets: 1, sales: 1, entries: 1 })
    expect((await sell(till.token, { admit: false })).status).toBe(201)
  })

  it('gives a revoked ticket back to the till', async () => {
    const small = await newEvent()
    await small.put('ticket-types/day', { name: 'Day', capacity: 1 })
    const [ticket] = await issue(small, { type: 'day' })
    const more = () => call('POST', `${small.path}/tickets`, { as: small.key, body: { tickets: [{ type: 'day' }] } })
    expect((await more()).body.data.issues).toEqual([{ index: 0, field: 'type', message: '"day" is sold out' }])
    await call('POST', `${small.path}/tickets/${ticket?.id}/revoke`, { as: small.key })
    await call('POST', `${small.path}/tickets/${ticket?.id}/revoke`, { as: small.key })
    expect((await more()).status).toBe(201)
    expect((await more()).status).toBe(400)
  })
})

describe('a shift', () => {
  const start = async (as: string) => (await call('POST', '/api/hp-scanner/sessions', { as })).body.data.session
  const end = (as: string, id: string) => call('POST', `/api/hp-scanner/sessions/${id}/end`, { as })

  it('counts what was scanned and admitted on its device while it lasted', async () => {
    const phone = await newDevice(event)
    await scan(phone.token, (await one()).code)
    const session = await start(phone.token)
    expect(session).toMatchObject({ staffId: 'sam', deviceId: phone.id, endedAt: null, scans: 0, admitted: 0 })
    const ticket = await one({ admits: 2 })
    await scan(phone.token, ticket.code, { people: 2 })
    await scan(phone.token, ticket.code)
    const ended = await end(phone.token, session.id)
    expect(ended.body.data.session).toMatchObject({ scans: 2, admitted: 2, endedAt: expect.any(String) })
    await scan(phone.token, (await one()).code)
    expect((await end(phone.token, session.id)).body.data.session).toEqual(ended.body.data.session)
  })

  it('that was forgotten ends with the next one on its device, or by itself', async () => {
    const phone = await newDevice(event)
    const first = await start(phone.token)
    const second = await start(phone.token)
    const report = async () =>
      (await call('GET', `/api/hp-scanner/shift-report/${event.id}`, { as: event.key })).body.data.items.filter(
        ({ deviceId }: { deviceId: string }) => deviceId === phone.id,
      )
    const open = (shifts: { id: string; endedAt: string | null }[]) =>
      shifts.filter(({ endedAt }) => endedAt === null).map(({ id }) => id)
    expect(open(await report())).toEqual([second.id])
    vi.setSystemTime(Date.now() + 13 * 3_600_000)
    try {
      expect(open(await report())).toEqual([])
      await gatekeeperOf(event).flush()
    } finally {
      vi.useRealTimers()
    }
    await evictDurableObject(gatekeeperOf(event))
    expect(open(await report())).toEqual([])
    expect(first.id).not.toBe(second.id)
  })

  it("is ended by its own device or a supervisor, and is nobody else's business", async () => {
    const session = await start(device.token)
    expect((await end(other.token, session.id)).status).toBe(404)
    expect((await end(supervisor.token, session.id)).status).toBe(200)
    expect((await call('POST', '/api/hp-scanner/sessions', { as: event.key })).status).toBe(400)
  })
})

describe('zones', () => {
  it('count on their own, and let in again as each has it', async () => {
    const expo = await newEvent({
      zones: [
        { id: 'main', name: 'Hall', reentry: 'after_exit' },
        { id: 'lounge', name: 'Lounge', capacity: 1, reentry: 'unlimited' },
      ],
    })
    await expo.put('ticket-types/vip', { name: 'VIP', zones: ['main', 'lounge'] })
    await expo.put('gates/LOUNGE', { name: 'Lounge', zone: 'lounge' })
    const phone = await newDevice(expo)
    const [vip, standard, second] = await issue(expo, { type: 'vip' }, { type: 'standard' }, { type: 'vip' })
    const at = async (gateId: string, code = vip?.code ?? '') => {
      const { body } = await scan(phone.token, code, { gateId })
      return body.code ?? body.verdict
    }
    expect([await at('GATE-A'), await at('GATE-A'), await at('GATE-X'), await at('GATE-A')]).toEqual([
      'admitted',
      'already_admitted',
      'exited',
      'admitted',
    ])
    expect([await at('LOUNGE'), await at('LOUNGE')]).toEqual(['admitted', 'full'])
    expect(await at('LOUNGE', standard?.code)).toBe('wrong_gate')
    expect(await at('LOUNGE', second?.code)).toBe('full')
  })

  it('are empty after the time of day at which everybody is out', async () => {
    const nightly = await newEvent({
      timezone: 'Europe/Berlin',
      zones: [{ id: 'main', name: 'Hall', reentry: 'after_exit', everyoneOutAt: '04:00' }],
    })
    const phone = await newDevice(nightly)
    const [ticket] = await issue(nightly, {})
    const verdict = async () => {
      const { body } = await scan(phone.token, ticket?.code ?? '')
      return body.code ?? body.verdict
    }
    expect([await verdict(), await verdict()]).toEqual(['admitted', 'already_admitted'])
    await informed(nightly)
    vi.setSystemTime(Date.now() + 26 * 3_600_000)
    try {
      phone.token = (
        await call('POST', '/api/devices/token', { body: { deviceId: phone.id, deviceToken: phone.deviceToken } })
      ).body.data.staffToken
      expect([await verdict(), await verdict()]).toEqual(['admitted', 'already_admitted'])
      expect((await stats(nightly)).inside).toEqual({ main: 1 })
      const log = await (await informed(nightly)).entries({ kind: 'admin' }, 0, 100)
      if (!log.ok) throw new Error('no log')
      expect(log.value.map((entry) => entry.verdict.kind)).toEqual([
        'admitted',
        'refused',
        'everyone_out',
        'admitted',
        'refused',
      ])
      await runDurableObjectAlarm(gatekeeperOf(nightly))
    } finally {
      vi.useRealTimers()
    }
  })

  it('that are stalls note visits, first and again, and touch nothing else', async () => {
    const expo = await newEvent({
      zones: [
        { id: 'main', name: 'Hall', reentry: 'none' },
        { id: 'stall-7', name: 'Stall 7' },
      ],
    })
    await expo.put('gates/STALL-7', { name: 'Stall 7', kind: 'checkpoint', zone: 'stall-7' })
    const phone = await newDevice(expo)
    const [ticket] = await issue(expo, {})
    const visit = () => scan(phone.token, ticket?.code ?? '', { gateId: 'STALL-7' })
    const first = await visit()
    expect([first.status, first.body.verdict, first.body.message]).toEqual([200, 'visited', 'Visit recorded'])
    expect([first.body.data.scan.visit, (await visit()).body.data.scan.visit]).toEqual([1, 2])
    expect((await scan(phone.token, ticket?.code ?? '')).body.verdict).toBe('admitted')
    expect((await stats(expo)).inside).toEqual({ main: 1 })
    const report = await call('GET', `/api/hp-scanner/stall-report/${expo.id}`, { as: expo.key })
    expect(report.body.data.items).toEqual([{ gateId: 'STALL-7', name: 'Stall 7', visits: 2, visitors: 1 }])
  })

  it('let a visitor note the visit alone, with the QR code that the stall hangs out', async () => {
    const expo = await newEvent({
      zones: [
        { id: 'main', name: 'Hall', reentry: 'none' },
        { id: 'stall-7', name: 'Stall 7' },
      ],
    })
    await expo.put('gates/STALL-7', { name: 'Stall 7', kind: 'checkpoint', zone: 'stall-7' })
    const stall = await call('GET', `${expo.path}/gates/STALL-7/stall-qr`, { as: expo.key })
    expect(stall.body.data.qr).toMatch(/^data:image\/svg/)
    expect((await call('GET', `${expo.path}/gates/GATE-A/stall-qr`, { as: expo.key })).status).toBe(400)
    const [ticket] = await issue(expo, {})
    const visit = (body: object) => call('POST', `${ticket?.url}/visits`, { body })
    const scanId = crypto.randomUUID()
    const first = await visit({ stall: stall.body.data.url, scanId })
    expect([first.status, first.body.verdict, first.body.data.scan.visit]).toEqual([200, 'visited', 1])
    expect((await visit({ stall: stall.body.data.url, scanId })).body).toMatchObject({
      replay: true,
      data: { scan: { visit: 1 } },
    })
    expect((await visit({ stall: stall.body.data.url })).body.data.scan.visit).toBe(2)
    const other = await one()
    expect((await call('POST', `${other.url}/visits`, { body: { stall: stall.body.data.url } })).status).toBe(404)
    expect((await visit({ stall: ticket?.url })).status).toBe(404)
    expect((await visit({ stall: 'https://example.com/s/made-up' })).status).toBe(404)
  })

  it('admit exactly as many as there is room for, of a hundred at once', async () => {
    const small = await newEvent({ capacity: 30 })
    const phones = await Promise.all(Array.from({ length: 5 }, () => newDevice(small)))
    const tickets = await issue(small, ...Array.from({ length: 100 }, () => ({})))
    const answers = await Promise.all(tickets.map(({ code }, i) => scan(phones[i % 5]?.token ?? '', code)))
    expect(answers.filter(({ body }) => body.verdict === 'admitted')).toHaveLength(30)
    expect(answers.filter(({ body }) => body.code === 'full')).toHaveLength(70)
  })
})
