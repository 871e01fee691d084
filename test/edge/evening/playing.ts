import { expect, vi } from 'vitest'
import { type Answer, call, newDevice, newEvent, type Party, plenty } from '../api.ts'
import {
  type Action,
  capacityOfLounge,
  codeOf,
  devices,
  type Evening,
  end,
  type Gate,
  iso,
  MINUTE,
  type Row,
  type Shift,
  start,
  type Ticket,
} from './script.ts'

/** The event where the evening was played, and what it knows those in the script as. */
export type Played = {
  event: Party
  phones: { id: string; token: string }[]
  ids: Map<Ticket, string>
  shiftIds: Map<Shift, string>
}

export const gates: Record<Gate, object> = {
  G1: { name: 'North' },
  G2: { name: 'South' },
  G3: { name: 'West' },
  EXIT: { name: 'Exit', kind: 'exit' },
  LOUNGE: { name: 'Lounge', zone: 'lounge', accepts: ['vip'] },
  STALL: { name: 'Stall', zone: 'stall', kind: 'checkpoint' },
}

/** Plays a scripted evening at an event of its own, in the script's time: `Date` must be a fake one. */
export async function playEvening(evening: Evening): Promise<Played> {
  const played = await setUp(evening)
  for (const { at, actions, inOrder } of evening.plan) {
    vi.setSystemTime(at)
    await Promise.all(actions.map((action) => act(played, action)))
    for (const action of inOrder) await act(played, action)
  }
  vi.setSystemTime(end)
  await bringAlong(evening, played)
  return played
}

async function setUp(evening: Evening): Promise<Played> {
  const event = await newEvent({
    startsAt: iso(start),
    endsAt: iso(start + 6 * 60 * MINUTE),
    timezone: 'Asia/Kolkata',
    capacity: 1000,
    policy: { offline: 'admit', full: 'stop' },
    zones: [
      { id: 'main', name: 'Hall', reentry: 'after_exit' },
      { id: 'lounge', name: 'Lounge', capacity: capacityOfLounge },
      { id: 'stall', name: 'Stall' },
    ],
    limits: plenty,
  })
  await event.put('ticket-types/standard', {
    name: 'Standard',
    zones: ['main', 'stall'],
    price: { amount: 1500, currency: 'EUR' },
  })
  await event.put('ticket-types/vip', { name: 'VIP', zones: ['main', 'lounge', 'stall'] })
  await event.put('ticket-types/party', { name: 'Party', admits: 4, zones: ['main', 'stall'] })
  for (const [id, gate] of Object.entries(gates)) await event.put(`gates/${id}`, gate)
  await event.put('staff/tom', { name: 'Tom', role: 'scanner' })
  const phones = []
  for (const staff of devices) phones.push(await newDevice(event, staff))
  const ids = new Map<Ticket, string>()
  const known = evening.issued
  for (let from = 0; from < known.length; from += 500) {
    const some = known.slice(from, from + 500)
    const { body } = await call('POST', `${event.path}/tickets`, {
      as: event.key,
      body: {
        tickets: some.map((ticket) => ({
          type: ticket.type,
          code: codeOf(ticket),
          paid: ticket.state !== 'unpaid',
          ...(ticket.state === 'too_early' ? { validFrom: iso(end + MINUTE) } : {}),
          ...(ticket.state === 'too_late' ? { validUntil: iso(start - MINUTE) } : {}),
        })),
      },
    })
    for (const [i, ticket] of some.entries()) ids.set(ticket, body.data.tickets[i].id)
  }
  for (const [state, action] of [
    ['blocked', 'block'],
    ['revoked', 'revoke'],
  ] as const) {
    for (const ticket of known.filter((one) => one.state === state)) {
      await call('POST', `${event.path}/tickets/${ids.get(ticket)}/${action}`, { as: event.key, body: {} })
    }
  }
  return { event, phones, ids, shiftIds: new Map() }
}

/** Does it, and sees that the door says what the script says. */
async function act(played: Played, action: Action): Promise<void> {
  const { phones, ids, shiftIds } = played
  const tokenOf = (device: number) => phones[device]?.token ?? ''
  switch (action.do) {
    case 'scan':
      return expectAnswer(await scanAs(played, action.row, action.how), action.row)
    case 'again': {
      const { row } = action
      const how = row.forced || row.staff === 'sue' ? null : 'code'
      if (how === null) return
      const answer = await scanAs(played, row, how)
      expectAnswer(answer, row)
      expect(answer.body.replay).toBe(true)
      return
    }
    case 'sell': {
      const { row, method } = action
      const { scanId, gate, people: many, device, ticket } = row
      const body = { scanId, gateId: gate, type: 'standard', people: many, payment: { method } }
      const answer = await call('POST', '/api/hp-scanner/walk-in', { as: tokenOf(device), body })
      expect([answer.status, answer.body.data?.verdict]).toEqual([201, 'admitted'])
      if (ticket) ids.set(ticket, answer.body.data.ticket.id)
      return
    }
    case 'annul': {
      const path = `/api/hp-scanner/scans/${action.row.scanId}/annul`
      const { status } = await call('POST', path, { as: tokenOf(3), body: { reason: 'as the script says' } })
      expect(status).toBe(200)
      return
    }
    case 'forge': {
      const body = { qrPayload: `A1${'FORGED7'.repeat(30)}`, gateId: action.gate }
      const { status } = await call('POST', '/api/hp-scanner/validate-qr', { as: tokenOf(action.device), body })
      expect(status).toBe(400)
      return
    }
    case 'start':
    case 'end': {
      const { shift } = action
      const path = action.do === 'start' ? '' : `/${shiftIds.get(shift)}/end`
      const { body } = await call('POST', `/api/hp-scanner/sessions${path}`, { as: tokenOf(shift.device), body: {} })
      shiftIds.set(shift, body.data.session.id)
    }
  }
}

function scanAs({ phones, ids }: Played, row: Row, how: 'code' | 'name' | 'force'): Promise<Answer> {
  const { scanId, gate, people: many, device, ticket } = row
  const what = how === 'name' && ticket ? { ticketId: ids.get(ticket) } : { qrPayload: payloadOf(row) }
  const force = how === 'force' ? { force: { reason: 'as the script says' } } : {}
  return call('POST', '/api/hp-scanner/validate-qr', {
    as: phones[device]?.token ?? '',
    body: { scanId, gateId: gate, people: many, ...what, ...force },
  })
}

function expectAnswer({ body }: Answer, row: Row): void {
  const inWords = (verdict: string, code: string | null) => `${row.at} ${row.gate} ${row.scanId}: ${verdict} ${code}`
  expect(inWords(body.verdict, body.code ?? null)).toBe(inWords(row.verdict, row.code))
}

function payloadOf({ ticket, scanId }: Row): string {
  return ticket ? codeOf(ticket) : `NOBODY-${scanId}`
}

/** Tom's phone finds the network again. */
async function bringAlong({ alone }: Evening, { phones }: Played): Promise<void> {
  const scans = alone.map(({ row }, sequence) => ({
    scanId: row.scanId,
    qrPayload: payloadOf(row),
    gateId: row.gate,
    localTimestamp: iso(row.at),
    sequence,
    verdict: row.code === null ? row.verdict : { refused: row.code },
  }))
  const answer = await call('POST', '/api/hp-scanner/offline-sync', {
    as: phones[2]?.token ?? '',
    body: { scans, deviceId: phones[2]?.id, syncedAt: iso(end) },
  })
  const outcomes = answer.body.results.items.map(({ outcome }: { outcome: string }) => outcome)
  expect(outcomes).toEqual(alone.map(({ outcome }) => outcome))
}
