import { evictDurableObject } from 'cloudflare:test'
import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { call, gatekeeperOf, issue, newDevice, newEvent, type Party, scan, undivided } from './api.ts'
import { listen } from './listener.ts'
import { ModelDevice, type ModelTicket } from './model-device.ts'

let event: Party
let tickets: ModelTicket[]
let atA: ModelDevice
let atB: ModelDevice

async function opened() {
  // Leases take one object that hears each holder.
  event = await newEvent({ ...undivided, policy: { offline: 'strict' } })
  // Two ways in; the others of the usual event lead out, or take other types.
  await event.put('gates/GATE-B', { name: 'Side Entrance', kind: 'entry' })
  await event.put('gates/GATE-A', { name: 'Main Entrance', kind: 'entry' })
  tickets = await issue(event, ...Array.from({ length: 12 }, () => ({})))
  atA = new ModelDevice(event.id, 'GATE-A', await newDevice(event, 'sam', 'GATE-A'))
  atB = new ModelDevice(event.id, 'GATE-B', await newDevice(event, 'sam', 'GATE-B'))
}
beforeEach(opened)

const settled = () => scheduler.wait(80)
const holding = async (...devices: ModelDevice[]) => {
  for (const device of devices) await device.connect()
  await expect.poll(() => devices.map(({ lease }) => lease?.state)).toEqual(devices.map(() => 'held'))
  // Everything up to the lease has to be known before it may be used.
  await settled()
}

/** Tickets of a gate's share, told by what its cut-off device lets in. */
async function shareOf(device: ModelDevice): Promise<ModelTicket[]> {
  const { homeGate } = await import('../../core/lease.ts')
  return tickets.filter(
    ({ id }) =>
      homeGate(device.lease?.gates ?? [], {
        ticketId: id as never,
        type: 'standard' as never,
        zone: 'main' as never,
      }) === device.gateId,
  )
}

/** Has the Gatekeeper forget everything that is not in its tables. One that sleeps already has. */
async function restart(): Promise<void> {
  await gatekeeperOf(event).ping()
  await evictDurableObject(gatekeeperOf(event))
}

describe('under the strict policy', () => {
  it('everything is as always where nobody holds anything', async () => {
    const loose = await newDevice(event)
    expect((await scan(loose.token, tickets[0]?.code ?? '')).body.verdict).toBe('admitted')
  })

  it('each gate’s device that is ready is given its share', async () => {
    await holding(atA, atB)
    expect([atA.lease?.gateId, atB.lease?.gateId]).toEqual(['GATE-A', 'GATE-B'])
    const shares = [await shareOf(atA), await shareOf(atB)].map((share) => share.length)
    expect((shares[0] ?? 0) + (shares[1] ?? 0)).toBe(12)
    expect(Math.min(...shares)).toBeGreaterThan(0)
  })

  it('a ticket of a connected gate’s share is admitted anywhere: the holder gives it up', async () => {
    await holding(atA, atB)
    const [ticket] = await shareOf(atA)
    expect(await atB.scan(ticket as ModelTicket)).toBe('admitted')
    atA.disconnect()
    expect(await atA.scan(ticket as ModelTicket)).toBe('held_elsewhere')
  })

  it('the same holds for a scan over the socket, and the holder is asked over its own', async () => {
    await holding(atA)
    const [ticket, another] = await shareOf(atA)
    const other = await newDevice(event, 'sam', 'GATE-B')
    const socket = await listen(event.id, other.token)
    expect((await socket.scan(ticket?.code ?? '', { gateId: 'GATE-B' })).body.verdict).toBe('admitted')
    atA.disconnect()
    await settled()
    expect((await socket.scan(another?.code ?? '', { gateId: 'GATE-B' })).body.code).toBe('held_elsewhere')
    expect(await atA.scan(ticket as ModelTicket)).toBe('held_elsewhere')
  })

  it('refuses a ticket of a cut-off gate’s share elsewhere, saying which gate to go to, and is not waited for', async () => {
    await holding(atA, atB)
    const [ticket] = await shareOf(atA)
    atA.disconnect()
    await settled()
    const from = Date.now()
    const { body } = await scan(atB.credentials.token, ticket?.code ?? '', { gateId: 'GATE-B' })
    expect(body).toMatchObject({ code: 'held_elsewhere', error: 'Ticket held by another gate' })
    expect(body.data.useGates).toEqual([{ gateId: 'GATE-A', gateName: 'Main Entrance' }])
    expect(Date.now() - from).toBeLessThan(900)
    expect(await atA.scan(ticket as ModelTicket)).toBe('admitted')
    await atA.connect()
    expect(await atB.scan(ticket as ModelTicket)).toBe('already_admitted')
    expect((await call('GET', `${event.path}/conflicts`, { as: event.key })).body.data.items).toEqual([])
  })

  it('a holder that hears and does not answer keeps its ticket', async () => {
    await holding(atA, atB)
    const [ticket] = await shareOf(atA)
    atA.isMute = true
    expect(await atB.scan(ticket as ModelTicket)).toBe('held_elsewhere')
  })

  it('a socket whose scans all wait for such a holder takes fifty of them and no more', async () => {
    await holding(atA)
    const [ticket] = await shareOf(atA)
    atA.isMute = true
    const socket = await listen(event.id, (await newDevice(event, 'sam', 'GATE-B')).token)
    for (let i = 0; i < 60; i++) socket.sendScan(String(i), { qrPayload: ticket?.code, gateId: 'GATE-B' })
    expect((await socket.next('bye')).code).toBe('too_many')
    expect(await socket.untilClosed()).toBe(1008)
  })

  it('a cut-off device lets in nobody of another gate’s share, and nobody twice', async () => {
    await holding(atA, atB)
    const [own, others] = [await shareOf(atA), await shareOf(atB)]
    atA.disconnect()
    expect(await atA.scan(others[0] as ModelTicket)).toBe('held_elsewhere')
    expect(await atA.scan(own[0] as ModelTicket)).toBe('admitted')
    expect(await atA.scan(own[0] as ModelTicket)).toBe('held_elsewhere')
  })

  it('a share stays with its holder whatever becomes of the Gatekeeper', async () => {
    await holding(atA, atB)
    const [ticket] = await shareOf(atA)
    atA.disconnect()
    await restart()
    expect(await atB.scan(ticket as ModelTicket)).toBe('held_elsewhere')
  })

  it('a share that was given back is anybody’s, and may be held again', async () => {
    await holding(atA, atB)
    const [ticket, another] = await shareOf(atA)
    await atA.giveBack()
    await expect.poll(() => atA.lease?.state).toBe('held')
    atA.disconnect()
    expect(await atB.scan(ticket as ModelTicket)).toBe('held_elsewhere')
    await atA.connect()
    await settled()
    expect(await atB.scan(another as ModelTicket)).toBe('admitted')
  })

  it('a supervisor frees what a lost device held, and forces where that is too slow', async () => {
    await holding(atA, atB)
    const [ticket, another] = await shareOf(atA)
    atA.disconnect()
    const supervisor = await newDevice(event, 'sue', 'GATE-B')
    const forced = await scan(supervisor.token, ticket?.code ?? '', { gateId: 'GATE-B', force: { reason: 'Known' } })
    expect(forced.body.data.scan).toMatchObject({ admitted: 1, forced: true })
    await call('POST', `${event.path}/devices/${atA.credentials.id}/revoke`, { as: event.key })
    expect(await atB.scan(another as ModelTicket)).toBe('admitted')
  })

  it('new gates mean new shares, once the old ones were given back', async () => {
    await holding(atA, atB)
    const before = atA.lease?.generation ?? 0
    await event.put('gates/GATE-C', { name: 'Third Entrance' })
    await expect.poll(() => [atA.lease?.state, atB.lease?.state]).toEqual(['ending', 'ending'])
    await atA.giveBack()
    await atB.giveBack()
    await expect.poll(() => [atA.lease?.state, atB.lease?.state]).toEqual(['held', 'held'])
    expect(atA.lease?.generation).toBeGreaterThan(before)
    expect(atA.lease?.gates.map(({ gateId }) => gateId)).toContain('GATE-C')
  })

  it('the snapshot says what a device holds', async () => {
    await holding(atA)
    const { body } = await call('GET', `/api/hp-scanner/snapshot/${event.id}`, { as: atA.credentials.token })
    expect(body.data.lease).toEqual(atA.lease)
  })

  it('a walk-in is sold where its ticket is another gate’s only when that gate has given it up', async () => {
    await holding(atA, atB)
    const sell = () =>
      call('POST', '/api/hp-scanner/walk-in', {
        as: atB.credentials.token,
        body: { type: 'standard', payment: { method: 'free' }, gateId: 'GATE-B', scanId: crypto.randomUUID() },
      })
    for (let i = 0; i < 6; i++) expect((await sell()).status).toBe(201)
    atA.disconnect()
    await settled()
    const statuses = []
    for (let i = 0; i < 12; i++) statuses.push((await sell()).status)
    expect(new Set(statuses)).toEqual(new Set([201, 409]))
  })
})

describe('whatever is cut off, lost and restarted', () => {
  it('nobody enters twice on one ticket', async () => {
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          what: fc.constant('scan' as const),
          by: fc.nat(2),
          ticket: fc.nat(3),
          lost: fc.boolean(),
        }),
      },
      { weight: 2, arbitrary: fc.record({ what: fc.constant('cut' as const), by: fc.nat(2) }) },
      { weight: 2, arbitrary: fc.record({ what: fc.constant('join' as const), by: fc.nat(2) }) },
      { weight: 1, arbitrary: fc.record({ what: fc.constant('restart' as const) }) },
      { weight: 1, arbitrary: fc.record({ what: fc.constant('give back' as const), by: fc.nat(2) }) },
      { weight: 1, arbitrary: fc.record({ what: fc.constant('mute' as const), by: fc.nat(2) }) },
    )
    let admissions = 0
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 12, maxLength: 24 }), async (steps) => {
        await opened()
        const third = new ModelDevice(event.id, 'GATE-A', await newDevice(event, 'sam', 'GATE-A'))
        const devices = [atA, atB, third]
        for (const device of devices) await device.connect()
        for (const one of steps) {
          const device = 'by' in one ? (devices[one.by] as ModelDevice) : atA
          if (one.what === 'scan') await device.scan(tickets[one.ticket] as ModelTicket, one)
          if (one.what === 'cut') device.disconnect()
          if (one.what === 'join') await device.connect()
          if (one.what === 'restart') await restart()
          if (one.what === 'give back') await device.giveBack()
          if (one.what === 'mute') device.isMute = !device.isMute
        }
        for (const device of devices) device.disconnect()
        const letIn = devices.flatMap((device) => device.letIn)
        admissions += letIn.length
        expect(letIn.toSorted()).toEqual([...new Set(letIn)].toSorted())
      }),
      { numRuns: 10 },
    )
    expect(admissions).toBeGreaterThan(10)
  }, 120_000)
})
