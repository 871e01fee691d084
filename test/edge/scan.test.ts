import { evictDurableObject } from 'cloudflare:test'
import { beforeAll, describe, expect, it } from 'vitest'
import { call, codeOf, gatekeeperOf, issue, newDevice, newEvent, type Party, scan } from './api.ts'

let event: Party
let device: Awaited<ReturnType<typeof newDevice>>
let supervisor: Awaited<ReturnType<typeof newDevice>>

beforeAll(async () => {
  event = await newEvent()
  device = await newDevice(event)
  supervisor = await newDevice(event, 'sue')
})

const one = async (more: Record<string, unknown> = {}) => {
  const [ticket] = await issue(event, more)
  if (!ticket) throw new Error('no ticket was issued')
  return ticket
}

describe('a scan', () => {
  it('admits a genuine ticket, in the shape of the contract', async () => {
    const ticket = await one({ type: 'vip', holder: { name: 'Ada' }, booking: { id: 'B-7', quantity: 2 }, admits: 2 })
    const answer = await scan(device.token, ticket.code)
    expect(answer.status).toBe(200)
    expect(answer.body).toEqual({
      success: true,
      message: 'Entry granted',
      verdict: 'admitted',
      scanId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      replay: false,
      data: {
        entryLogId: expect.any(String),
        ticketId: ticket.id,
        booking: { id: 'B-7', eventName: 'Tech Expo 2026', userName: 'Ada', ticketType: 'VIP', quantity: 2 },
        scan: {
          gateId: 'GATE-A',
          gateName: 'Main Entrance',
          staffId: 'sam',
          scannedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
          ticketStatus: 'valid',
          direction: 'entry',
          zone: 'main',
          admitted: 1,
          remaining: 1,
          forced: false,
          attention: false,
          notes: ['Welcome drink'],
        },
      },
      validationTime: expect.any(Number),
      cacheHit: false,
    })
  })

  it('refuses a ticket already admitted, saying when, where and by whom', async () => {
    const ticket = await one()
    const first = await scan(device.token, ticket.code)
    const second = await scan(supervisor.token, ticket.code, { gateId: 'GATE-B', direction: 'entry' })
    expect(second.status).toBe(409)
    expect(second.body).toMatchObject({
      success: false,
      verdict: 'refused',
      code: 'already_admitted',
      error: 'Duplicate scan',
    })
    expect(second.body.data).toMatchObject({
      duplicateAttemptNumber: 2,
      originalScan: {
        scannedAt: first.body.data.scan.scannedAt,
        gateId: 'GATE-A',
        gateName: 'Main Entrance',
        staffId: 'sam',
        deviceId: device.id,
      },
      booking: { ticketType: 'Standard' },
    })
    expect((await scan(device.token, ticket.code)).body.data.duplicateAttemptNumber).toBe(3)
  })

  it('takes the lower-case spelling of a code for the same ticket', async () => {
    const ticket = await one()
    expect((await scan(device.token, ticket.code.toLowerCase())).status).toBe(200)
    expect((await scan(device.token, ` ${ticket.code}\n`)).body.code).toBe('already_admitted')
  })

  it('is the same call under its other path', async () => {
    const ticket = await one()
    const body = { qrPayload: ticket.code, gateId: 'GATE-A' }
    const answer = await call('POST', '/api/scan/validate', { as: device.token, body })
    expect(answer.body.verdict).toBe('admitted')
  })

  it('at a gate that the event does not have is not judged', async () => {
    const ticket = await one()
    expect((await scan(device.token, ticket.code, { gateId: 'GATE-Z' })).body.code).toBe('unknown_gate')
    expect((await scan(device.token, ticket.code)).status).toBe(200)
  })

  it('at the wrong gate is told which gates would do', async () => {
    const ticket = await one()
    const answer = await scan(device.token, ticket.code, { gateId: 'GATE-V' })
    expect([answer.status, answer.body.code]).toEqual([403, 'wrong_gate'])
    expect(answer.body.data.useGates).toEqual([
      { gateId: 'GATE-A', gateName: 'Main Entrance' },
      { gateId: 'GATE-B', gateName: 'Turnstile' },
    ])
  })

  it('lets people out of an exit whatever their ticket says, and never below nobody', async () => {
    const ticket = await one()
    await call('POST', `${event.path}/tickets/${ticket.id}/revoke`, { as: event.key })
    const answer = await scan(device.token, ticket.code, { gateId: 'GATE-X' })
    expect([answer.status, answer.body.verdict, answer.body.message]).toEqual([200, 'exited', 'Exit recorded'])
    const shown = await call('GET', `${event.path}/tickets/${ticket.id}`, { as: event.key })
    expect(shown.body.data.ticket.standings[0]).toMatchObject({ entries: 0, exits: 1, inside: 0 })
  })

  it('at a gate for both ways lets out whoever is inside', async () => {
    const ticket = await one()
    expect((await scan(device.token, ticket.code, { gateId: 'GATE-B' })).body.verdict).toBe('admitted')
    expect((await scan(device.token, ticket.code, { gateId: 'GATE-B' })).body.verdict).toBe('exited')
    // The default zone lets nobody in twice.
    expect((await scan(device.token, ticket.code, { gateId: 'GATE-B' })).body.code).toBe('already_admitted')
  })

  it('of a party of three admits three, one by one or together, and no more', async () => {
    const ticket = await one({ admits: 3 })
    expect((await scan(device.token, ticket.code, { people: 2 })).body.data.scan).toMatchObject({
      admitted: 2,
      remaining: 1,
    })
    expect((await scan(device.token, ticket.code, { people: 2 })).body).toMatchObject({
      code: 'limit_reached',
      data: { limit: 3 },
    })
    expect((await scan(device.token, ticket.code)).body.data.scan).toMatchObject({ admitted: 1, remaining: 0 })
    expect((await scan(device.token, ticket.code)).body.code).toBe('already_admitted')
  })
})

describe('the state of a ticket bears on the very next scan', () => {
  const act = (ticket: { id: string }, action: string, body?: unknown) =>
    call('POST', `${event.path}/tickets/${ticket.id}/${action}`, { as: event.key, ...(body ? { body } : {}) })

  it('refuses a revoked ticket with the reason, and admits it once restored', async () => {
    const ticket = await one()
    expect((await act(ticket, 'revoke', { reason: 'chargeback' })).body.data.ticket.status).toBe('revoked')
    const refused = await scan(device.token, ticket.code)
    expect([refused.status, refused.body.code]).toEqual([403, 'revoked'])
    expect(refused.body.data).toMatchObject({ reason: 'chargeback', revokedAt: expect.any(String) })
    await act(ticket, 'restore')
    expect((await scan(device.token, ticket.code)).status).toBe(200)
  })

  it('refuses the older code of a reissued ticket and admits the newer', async () => {
    const ticket = await one()
    await act(ticket, 'reissue')
    const newer = await codeOf(event, ticket.id)
    expect(newer).not.toBe(ticket.code)
    expect((await scan(device.token, ticket.code)).body).toMatchObject({ code: 'revoked', data: { superseded: true } })
    expect((await scan(device.token, newer)).status).toBe(200)
  })

  it('supersedes again and again, even within one second', async () => {
    const ticket = await one()
    const codes = [ticket.code]
    for (let i = 0; i < 3; i++) {
      await act(ticket, 'reissue')
      codes.push(await codeOf(event, ticket.id))
    }
    expect(new Set(codes).size).toBe(4)
    for (const code of codes.slice(0, 3)) expect((await scan(device.token, code)).body.code).toBe('revoked')
    expect((await scan(device.token, codes[3] ?? '')).status).toBe(200)
  })

  it('holds a blocked ticket and asks for the money of an unpaid one', async () => {
    const blocked = await one()
    await act(blocked, 'block')
    expect((await scan(device.token, blocked.code)).body.code).toBe('blocked')
    const unpaid = await one({ paid: false })
    const refused = await scan(device.token, unpaid.code)
    expect([refused.status, refused.body.code]).toEqual([402, 'unpaid'])
    await act(unpaid, 'pay')
    expect((await scan(device.token, unpaid.code)).status).toBe(200)
  })

  it('keeps the window of a ticket, to the second', async () => {
    const inAnHour = new Date(Date.now() + 3_600_000).toISOString()
    const early = await scan(device.token, (await one({ validFrom: inAnHour })).code)
    expect([early.status, early.body.code]).toEqual([400, 'too_early'])
    expect(early.body.data.validFrom).toBe(`${inAnHour.slice(0, 19)}.000Z`)
    const anHourAgo = new Date(Date.now() - 3_600_000).toISOString()
    const late = await scan(device.token, (await one({ validUntil: anHourAgo })).code)
    expect([late.status, late.body.code]).toEqual([400, 'too_late'])
  })
})

describe('a supervisor', () => {
  it('lets in whom a rule would refuse, with a reason, and it is marked only where it was needed', async () => {
    const ticket = await one({ paid: false })
    const force = { reason: 'paid in cash at the door' }
    expect((await scan(supervisor.token, ticket.code, { force })).body.data.scan).toMatchObject({
      forced: true,
      ticketStatus: 'unpaid',
    })
    const paid = await one()
    expect((await scan(supervisor.token, paid.code, { force })).body.data.scan.forced).toBe(false)
  })

  it('is needed for that, and for a check-in without a code', async () => {
    const ticket = await one()
    const forced = await scan(device.token, ticket.code, { force: { reason: 'please' } })
    expect([forced.status, forced.body.code, forced.body.data.required]).toEqual([403, 'role_required', 'supervisor'])
    const body = { ticketId: ticket.id, gateId: 'GATE-A' }
    expect((await call('POST', '/api/hp-scanner/validate-qr', { as: device.token, body })).status).toBe(403)
    const checkIn = await call('POST', '/api/hp-scanner/validate-qr', { as: supervisor.token, body })
    expect(checkIn.body.verdict).toBe('admitted')
  })

  it('cannot force what is no ticket', async () => {
    const answer = await scan(supervisor.token, 'NO TICKET', { force: { reason: 'he is my friend' } })
    expect(answer.status).toBe(400)
  })
})

describe('the same scanId', () => {
  const again = (answer: { body: object }) => ({ ...answer.body, replay: true })

  it('threat 33: gives the same answer for ever and is logged once', async () => {
    const ticket = await one()
    const scanId = crypto.randomUUID()
    const first = await scan(device.token, ticket.code, { scanId })
    expect(first.body).toMatchObject({ scanId, replay: false, verdict: 'admitted' })
    expect((await scan(device.token, ticket.code, { scanId })).body).toEqual(again(first))
    await evictDurableObject(gatekeeperOf(event))
    expect((await scan(device.token, ticket.code, { scanId })).body).toEqual(again(first))
    // Whatever became of the ticket since.
    await call('POST', `${event.path}/tickets/${ticket.id}/revoke`, { as: event.key })
    expect((await scan(device.token, ticket.code.toLowerCase(), { scanId })).body).toEqual(again(first))
    const recorded = await call('GET', `/api/hp-scanner/scans/${scanId}`, { as: device.token })
    expect([recorded.status, recorded.body]).toEqual([200, again(first)])
    const shown = await call('GET', `${event.path}/tickets/${ticket.id}`, { as: event.key })
    expect(shown.body.data.ticket.scans).toHaveLength(1)
  })

  it('gives a refusal again with its status', async () => {
    const ticket = await one()
    await scan(device.token, ticket.code)
    const scanId = crypto.randomUUID()
    const refused = await scan(device.token, ticket.code, { scanId })
    const replay = await scan(device.token, ticket.code, { scanId })
    expect([replay.status, replay.body]).toEqual([409, again(refused)])
    const recorded = await call('GET', `/api/hp-scanner/scans/${scanId}`, { as: device.token })
    expect([recorded.status, recorded.body]).toEqual([409, again(refused)])
  })

  it('sent while the first is still on its way is answered once', async () => {
    const ticket = await one()
    const scanId = crypto.randomUUID()
    const answers = await Promise.all(Array.from({ length: 10 }, () => scan(device.token, ticket.code, { scanId })))
    expect(answers.filter(({ body }) => body.verdict === 'admitted' && !body.replay)).toHaveLength(1)
    expect(answers.filter(({ body }) => body.verdict === 'admitted' && body.replay)).toHaveLength(9)
  })

  it.each([
    ['at another gate', { gateId: 'GATE-B' }],
    ['for another number of people', { people: 2 }],
    ['in another direction', { direction: 'exit' }],
  ])('%s is a conflict, and nothing is written', async (_, changed) => {
    const ticket = await one({ admits: 2 })
    const scanId = crypto.randomUUID()
    await scan(device.token, ticket.code, { scanId })
    const answer = await scan(device.token, ticket.code, { scanId, ...changed })
    expect([answer.status, answer.body.code]).toEqual([409, 'scan_id_conflict'])
    const shown = await call('GET', `${event.path}/tickets/${ticket.id}`, { as: event.key })
    expect(shown.body.data.ticket.scans).toHaveLength(1)
  })

  it('that never arrived is not there', async () => {
    const unknown = await call('GET', `/api/hp-scanner/scans/${crypto.randomUUID()}`, { as: device.token })
    expect([unknown.status, unknown.body.code]).toEqual([404, 'not_found'])
    const ofNoEvent = await call('GET', `/api/hp-scanner/scans/${crypto.randomUUID()}`, { as: event.key })
    expect([ofNoEvent.status, ofNoEvent.body.data.issues[0].field]).toEqual([400, 'eventId'])
  })
})

describe('a barcode printed elsewhere', () => {
  it('is looked up, admits once, and is unknown where no ticket has it', async () => {
    const other = await newEvent()
    const scanner = await newDevice(other)
    expect((await scan(scanner.token, '4006381333931')).body.code).toBe('unreadable')
    await issue(other, { code: '4006381333931' })
    expect((await scan(scanner.token, '4006381333931')).body.verdict).toBe('admitted')
    expect((await scan(scanner.token, '4006381333931')).body.code).toBe('already_admitted')
    const unknown = await scan(scanner.token, '4006381333948')
    expect([unknown.status, unknown.body.code, unknown.body.error]).toEqual([400, 'unknown', 'Invalid QR code'])
  })
})

describe('a full house', () => {
  it('stops at its capacity, and an exit frees a place at once', async () => {
    const small = await newEvent({ capacity: 2 })
    const scanner = await newDevice(small)
    const tickets = await issue(small, {}, {}, {})
    const codes = tickets.map(({ code }) => code)
    const [a = '', b = '', c = ''] = codes
    expect((await scan(scanner.token, a)).status).toBe(200)
    expect((await scan(scanner.token, b)).status).toBe(200)
    const full = await scan(scanner.token, c)
    expect([full.status, full.body.code]).toEqual([409, 'full'])
    expect(full.body.data).toMatchObject({ capacity: 2, inside: 2 })
    await scan(scanner.token, a, { gateId: 'GATE-X' })
    expect((await scan(scanner.token, c)).status).toBe(200)
  })
})

describe('a closed event', () => {
  it('lets nobody in, logs who tried, and still lets people out', async () => {
    const over = await newEvent()
    const scanner = await newDevice(over)
    const [ticket] = await issue(over, {})
    const closed = await call('POST', `${over.path}/close`, { as: over.key })
    expect(closed.body.data.event.closedAt).toEqual(expect.any(String))
    const refused = await scan(scanner.token, ticket?.code ?? '')
    expect([refused.status, refused.body.code]).toEqual([403, 'event_closed'])
    expect((await scan(scanner.token, ticket?.code ?? '', { gateId: 'GATE-X' })).body.verdict).toBe('exited')
    const shown = await call('GET', `${over.path}/tickets/${ticket?.id}`, { as: over.key })
    expect(shown.body.data.ticket.scans.map((entry: { code: string }) => entry.code)).toEqual(['event_closed', null])
  })
})
