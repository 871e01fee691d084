import { beforeAll, describe, expect, it } from 'vitest'
import { type Answer, call, issue, newDevice, newEvent, type Party, scan } from './api.ts'

/*
 * Every refusal of the contract by a real request, and of two that one request could show, the first in the order of
 * precedence. `held_elsewhere` is not here: nothing holds a ticket elsewhere until devices judge alone.
 */

const HOUR = 3_600_000
const inAnHour = `${new Date(Date.now() + HOUR).toISOString().slice(0, 19)}.000Z`
const anHourAgo = `${new Date(Date.now() - HOUR).toISOString().slice(0, 19)}.000Z`

/** What brings a refusal about: how the ticket is issued, what was done with it, and how it is shown. */
type Cause = {
  ticket?: Record<string, unknown>
  /** One of its people was let in a moment before, whatever spoke against it. */
  admittedBefore?: boolean
  afterwards?: ('revoke' | 'reissue' | 'block')[]
  atWrongGate?: boolean
  atFullZone?: boolean
  people?: number
}

/** In the order of precedence. An older code of a reissued ticket is `revoked` like any other. */
const causes = {
  revoked: { afterwards: ['revoke'] },
  superseded: { afterwards: ['reissue'] },
  blocked: { afterwards: ['block'] },
  unpaid: { ticket: { paid: false } },
  too_early: { ticket: { validFrom: inAnHour } },
  too_late: { ticket: { type: 'late' } },
  wrong_gate: { atWrongGate: true },
  already_admitted: { ticket: { admits: 1 }, admittedBefore: true },
  limit_reached: { people: 9 },
  too_soon: { ticket: { admits: 2 }, admittedBefore: true },
  full: { atFullZone: true },
} satisfies Record<string, Cause>
type Name = keyof typeof causes

const names = Object.keys(causes) as Name[]
const codeFor = (name: Name) => (name === 'superseded' ? 'revoked' : name)
const pairs = names.flatMap((first, i) => names.slice(i + 1).map((second): [Name, Name] => [first, second]))

const gateOf = (zone: 'main' | 'hall', isWrong = false) =>
  ({ main: ['GATE-A', 'GATE-V'], hall: ['GATE-H', 'GATE-HV'] })[zone][isWrong ? 1 : 0]

type Shown = { code: string; gateId: string | undefined; people: number; ticketId: string }

let event: Party
let device: Awaited<ReturnType<typeof newDevice>>
let supervisor: Awaited<ReturnType<typeof newDevice>>
let foreign: string
const alone = new Map<Name, Shown>()
const both = new Map<string, Shown>()

/** Shows it as the organiser's own scanner, which no rate limit is for. */
const show = ({ code, gateId, people }: Shown, more: Record<string, unknown> = {}) =>
  scan(event.key, code, { gateId, people, eventId: event.id, ...more })
const force = { reason: 'the organiser says so' }

beforeAll(async () => {
  event = await newEvent({
    zones: [
      { id: 'main', name: 'Main' },
      { id: 'hall', name: 'Hall', capacity: 1 },
    ],
    policy: { minMinutesBetween: 60 },
  })
  const zones = ['main', 'hall']
  await event.put('ticket-types/standard', { name: 'Standard', zones })
  await event.put('ticket-types/late', { name: 'Morning', zones, validUntil: anHourAgo })
  await event.put('gates/GATE-H', { name: 'Hall', zone: 'hall' })
  await event.put('gates/GATE-HV', { name: 'Hall for VIPs', zone: 'hall', accepts: ['vip'] })
  device = await newDevice(event)
  supervisor = await newDevice(event, 'sue')
  const elsewhere = await newEvent()
  foreign = (await issue(elsewhere, {}))[0]?.code ?? ''
  // With a printed code in it, the event knows of codes that no ticket has.
  const [filler] = await issue(event, { code: '4006381333931' })
  await scan(device.token, filler?.code ?? '', { gateId: 'GATE-H' })
  for (const [i, shown] of (await prepare(names.map((name) => [name]))).entries()) alone.set(names[i] as Name, shown)
  for (const [i, shown] of (await prepare(pairs)).entries()) both.set(String(pairs[i]), shown)
})

/** Brings about what each list names. Where two disagree about the ticket, the first of them has its way. */
async function prepare(wanted: Name[][]): Promise<Shown[]> {
  const merged = wanted.map((list) => {
    const these: Cause[] = list.map((name) => causes[name])
    const ticket = Object.assign({ admits: 2 }, ...these.map((cause) => cause.ticket).reverse())
    return {
      ...(Object.assign({}, ...these) as Cause),
      ticket,
      afterwards: these.flatMap((cause) => cause.afterwards ?? []),
    }
  })
  const tickets = await issue(event, ...merged.map(({ ticket }) => ticket))
  return Promise.all(
    tickets.map(async ({ id, code }, i): Promise<Shown> => {
      const { admittedBefore, atFullZone, atWrongGate, afterwards = [], people = 1 } = merged[i] ?? {}
      const zone = atFullZone ? 'hall' : 'main'
      if (admittedBefore) await scan(event.key, code, { gateId: gateOf(zone), eventId: event.id, force })
      for (const action of afterwards) await call('POST', `${event.path}/tickets/${id}/${action}`, { as: event.key })
      return { code, gateId: gateOf(zone, atWrongGate), people, ticketId: id }
    }),
  )
}

function expectRefusal(answer: Answer, status: number, error: string, code: string) {
  expect([answer.status, answer.body.error, answer.body.code]).toEqual([status, error, code])
  expect(answer.body).toMatchObject({
    success: false,
    verdict: 'refused',
    message: expect.stringMatching(/^[A-Z].*\.$/),
    scanId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    validationTime: expect.any(Number),
  })
}

const flipped = (text: string, at: number) => `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`

describe('each refusal of the contract', () => {
  const at = (name: Name) => alone.get(name) as Shown
  const byDevice = (name: Name) => {
    const { code, gateId, people } = at(name)
    return scan(device.token, code, { gateId, people })
  }
  const instant = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)

  it('threat 18: is the same for an unreadable code and a forged one, to the byte', async () => {
    const scanId = crypto.randomUUID()
    const unreadable = await scan(device.token, 'ça', { scanId })
    const forged = await scan(device.token, flipped(at('unpaid').code, 100), { scanId })
    expectRefusal(unreadable, 400, 'Invalid QR code', 'unreadable')
    expect(forged.text).toBe(unreadable.text)
    expect(forged.status).toBe(unreadable.status)
    expect([...forged.headers.keys()]).toEqual([...unreadable.headers.keys()])
  })

  it('for a ticket of another event', async () => {
    expectRefusal(await scan(device.token, foreign), 400, 'Invalid QR code', 'wrong_event')
  })

  it('for a code printed elsewhere that no ticket has', async () => {
    const answer = await scan(device.token, '4006381333948')
    expectRefusal(answer, 400, 'Invalid QR code', 'unknown')
    expect(answer.body.data).not.toHaveProperty('booking')
  })

  const table: [Name, number, string, () => Record<string, unknown>][] = [
    ['revoked', 403, 'Ticket revoked', () => ({ revokedAt: instant })],
    ['superseded', 403, 'Ticket revoked', () => ({ revokedAt: instant, superseded: true })],
    ['blocked', 403, 'Ticket on hold', () => ({})],
    ['unpaid', 402, 'Ticket not paid', () => ({})],
    ['too_early', 400, 'QR code not valid yet', () => ({ validFrom: inAnHour })],
    ['too_late', 400, 'QR code expired', () => ({ validUntil: anHourAgo })],
    [
      'wrong_gate',
      403,
      'Wrong gate',
      () => ({
        useGates: [
          { gateId: 'GATE-A', gateName: 'Main Entrance' },
          { gateId: 'GATE-B', gateName: 'Turnstile' },
        ],
      }),
    ],
    ['limit_reached', 409, 'Entry limit reached', () => ({ limit: 2 })],
    ['too_soon', 409, 'Too soon', () => ({ notBefore: instant })],
    ['full', 409, 'Zone full', () => ({ capacity: 1, inside: expect.any(Number) })],
  ]

  it.each(table)('%s has its status, its title and its data, and says whose ticket it is', async (name, ...rest) => {
    const [status, error, data] = rest
    const answer = await byDevice(name)
    expectRefusal(answer, status, error, codeFor(name))
    expect(answer.body.data).toMatchObject({ ...data(), booking: { eventName: 'Tech Expo 2026' } })
    const superseded = name === 'superseded' ? true : undefined
    expect(answer.body.data.superseded).toBe(superseded)
  })

  it('already_admitted has its status and title, and says when, where and by whom', async () => {
    const [ticket] = await issue(event, {})
    const first = await scan(device.token, ticket?.code ?? '')
    const answer = await scan(supervisor.token, ticket?.code ?? '')
    expectRefusal(answer, 409, 'Duplicate scan', 'already_admitted')
    expect(answer.body.data).toMatchObject({
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
  })

  it('too_soon says when, to the millisecond', async () => {
    const [ticket] = await issue(event, { admits: 2 })
    const first = await scan(device.token, ticket?.code ?? '')
    const { notBefore } = (await scan(device.token, ticket?.code ?? '')).body.data
    expect(Date.parse(notBefore) - Date.parse(first.body.data.scan.scannedAt)).toBe(HOUR)
  })

  it('is in the log like an admission', async () => {
    const shown = await call('GET', `${event.path}/tickets/${at('wrong_gate').ticketId}`, { as: event.key })
    expect(shown.body.data.ticket.scans).toMatchObject([
      { verdict: 'refused', code: 'wrong_gate', gateId: 'GATE-V', deviceId: device.id, staffId: 'sam' },
    ])
  })
})

describe('of two refusals the first in the order of precedence is given', () => {
  it.each(pairs)('%s before %s', async (first, second) => {
    const answer = await show(both.get(String([first, second])) as Shown)
    expect([answer.status >= 400, answer.body.code]).toEqual([true, codeFor(first)])
    // A ticket that was revoked for good is not called an older code.
    if (first === 'revoked') expect(answer.body.data).not.toHaveProperty('superseded')
  })

  it('what is no ticket of the event before anything about the scan', async () => {
    const worst = { gateId: 'GATE-HV', people: 9, force }
    const code = async (text: string) => (await scan(supervisor.token, text, worst)).body.code
    expect(await code('ça')).toBe('unreadable')
    expect(await code(flipped(both.get('revoked,unpaid')?.code ?? '', 100))).toBe('unreadable')
    expect(await code(foreign)).toBe('wrong_event')
    // A ticket that is both forged and of another event is forged.
    expect(await code(flipped(foreign, 100))).toBe('unreadable')
    expect(await code('4006381333948')).toBe('unknown')
  })
})

describe('a supervisor', () => {
  it.each(pairs)('overrules %s and %s together, and it is marked', async (first, second) => {
    const answer = await show(both.get(String([first, second])) as Shown, { force })
    expect([answer.status, answer.body.verdict, answer.body.data.scan?.forced]).toEqual([200, 'admitted', true])
  })
})

describe('once the event is closed', () => {
  beforeAll(async () => {
    await call('POST', `${event.path}/close`, { as: event.key })
  })

  it.each(names)('event_closed before %s', async (name) => {
    const answer = await show(alone.get(name) as Shown)
    expectRefusal(answer, 403, 'Event closed', 'event_closed')
    expect(answer.body.data.booking).toMatchObject({ eventName: 'Tech Expo 2026' })
  })

  it('event_closed before unknown, and after what is no ticket of the event at all', async () => {
    const code = async (text: string) => (await scan(device.token, text)).body.code
    expect(await code('4006381333948')).toBe('event_closed')
    expect(await code('ça')).toBe('unreadable')
    expect(await code(flipped(foreign, 100))).toBe('unreadable')
    expect(await code(foreign)).toBe('wrong_event')
  })

  it('no supervisor lets anybody in', async () => {
    for (const shown of alone.values()) expect((await show(shown, { force })).body.code).toBe('event_closed')
  })

  it('everybody is let out all the same', async () => {
    for (const shown of alone.values()) {
      expect((await show({ ...shown, gateId: 'GATE-X' })).body.verdict).toBe('exited')
    }
  })
})
