import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Phone, until } from '../phone.ts'
import { Doors, gateB, scan, untilLater } from './venue.ts'

let doors: Doors

beforeAll(async () => {
  doors = await Doors.open()
})
afterAll(() => doors?.close())

const ticket = async (of = doors) => {
  const [one] = await of.tickets(1)
  if (!one) throw new Error('no ticket was issued')
  return one
}

const home = async (phone: Phone) => {
  phone.setNetwork('up')
  await phone.engine.syncNow()
  await until('everything is home', () => phone.engine.status.value.pending === 0)
}

const logged = async (one: { id: string }, of = doors) =>
  (await of.scansOf(one as never)).map(({ verdict, code, offline, annulledAt }) =>
    [code ?? verdict, offline ? 'offline' : 'online', annulledAt ? 'taken back' : ''].join(' ').trim(),
  )

describe('a phone that is back', () => {
  it('brings every scan home, once, as its gate did it', async () => {
    const tickets = await doors.tickets(5)
    const phone = await doors.phone()
    phone.setNetwork('down')
    for (const { token } of tickets) expect(await scan(phone, token)).toBe('admitted by device')
    expect(await scan(phone, tickets[0]?.token ?? '')).toBe('already_admitted by device')
    await phone.start()
    await home(phone)
    await phone.start()
    await home(phone)
    for (const [i, one] of tickets.entries()) {
      expect((await logged(one)).sort()).toEqual(
        i === 0 ? ['admitted offline', 'already_admitted offline'] : ['admitted offline'],
      )
    }
    expect(phone.engine.status.value.conflicts).toEqual([])
    expect(await scan(phone, tickets[1]?.token ?? '')).toBe('already_admitted by gatekeeper')
  })

  it('tells the Gatekeeper of a ticket first, before it asks about the same ticket again', async () => {
    const [one, another] = [await ticket(), await ticket()]
    const phone = await doors.phone()
    phone.setNetwork('down')
    expect(await scan(phone, one.token)).toBe('admitted by device')
    phone.setNetwork('large calls fail')
    await until('the server is heard', () => phone.engine.status.value.connection !== 'offline')
    // The Gatekeeper, not having heard of the first time, would let them in.
    expect(await scan(phone, one.token)).toBe('already_admitted by device')
    expect(await scan(phone, another.token)).toBe('admitted by gatekeeper')
    await home(phone)
    expect(await scan(phone, one.token)).toBe('already_admitted by gatekeeper')
    expect((await logged(one)).filter((entry) => entry.startsWith('admitted'))).toEqual(['admitted offline'])
  })

  it('is told of a ticket that two cut-off gates let in: the later of the two is the conflict', async () => {
    const one = await ticket()
    const [first, second] = [await doors.phone(), await doors.phone(gateB)]
    first.setNetwork('down')
    second.setNetwork('down')
    expect(await scan(first, one.token)).toBe('admitted by device')
    await untilLater(second, first)
    expect(await scan(second, one.token)).toBe('admitted by device')
    // The order in which they come home says nothing about who was first.
    await home(second)
    await home(first)
    expect(await logged(one)).toEqual(['admitted offline', 'admitted offline'])
    const { items } = await doors.organiser.ask<{
      items: { ticketId: string; gateId: string; shown: string; judged: string }[]
    }>('GET', `${doors.path}/conflicts`)
    expect(items.filter(({ ticketId }) => ticketId === one.id)).toMatchObject([
      { gateId: gateB, shown: 'admitted', judged: 'already_admitted' },
    ])
  })

  it('sees its own conflict as soon as it has told what it did', async () => {
    const one = await ticket()
    const [first, second] = [await doors.phone(), await doors.phone(gateB)]
    second.setNetwork('down')
    expect(await scan(first, one.token)).toBe('admitted by gatekeeper')
    await untilLater(second, first)
    expect(await scan(second, one.token)).toBe('admitted by device')
    await home(second)
    await until('it is told', () => second.engine.status.value.conflicts.length > 0)
    expect(second.engine.status.value.conflicts).toMatchObject([
      {
        shown: { kind: 'admitted' },
        judged: { kind: 'refused', reason: 'already_admitted' },
        here: true,
        ticketId: one.id,
      },
    ])
    await second.start()
    expect(second.engine.status.value.conflicts).toHaveLength(1)
    await second.engine.dismissConflicts()
    expect(second.engine.status.value.conflicts).toEqual([])
  })
})

describe('an answer that was lost', () => {
  it('counts once where the phone decided the same', async () => {
    const one = await ticket()
    const phone = await doors.phone()
    phone.setNetwork('deaf')
    expect(await scan(phone, one.token)).toBe('admitted by device')
    await home(phone)
    expect(await logged(one)).toEqual(['admitted online'])
    expect(phone.engine.status.value.conflicts).toEqual([])
  })

  it('does not hide that the gate let in whom the Gatekeeper had refused', async () => {
    const one = await ticket()
    const [other, phone] = [await doors.phone(gateB), await doors.phone()]
    phone.setNetwork('deaf')
    expect(await scan(other, one.token)).toBe('admitted by gatekeeper')
    expect(await scan(phone, one.token)).toBe('admitted by device')
    await home(phone)
    expect((await logged(one)).filter((entry) => entry.startsWith('admitted')).sort()).toEqual([
      'admitted offline',
      'admitted online',
    ])
    await until('it is told', () => phone.engine.status.value.conflicts.length === 1)
  })

  it('does not use up a ticket that the gate did not let in', async () => {
    const never = await Doors.open({ offline: 'never' })
    try {
      const one = await ticket(never)
      const phone = await never.phone()
      phone.setNetwork('deaf')
      expect(await scan(phone, one.token)).toBe('no_network by device')
      phone.setNetwork('up')
      await until('they come in at last', async () => (await scan(phone, one.token)) === 'admitted by gatekeeper')
      const entries = await logged(one, never)
      expect(entries.filter((entry) => entry === 'admitted online')).toHaveLength(1)
      expect(entries.filter((entry) => entry === 'admitted online taken back')).toHaveLength(1)
    } finally {
      await never.close()
    }
  })

  it('of somebody who went out is an exit', async () => {
    await doors.organiser.ask('PUT', `${doors.path}/gates/OUT`, { name: 'Way out', kind: 'exit' })
    const one = await ticket()
    const [way, out] = [await doors.phone(), await doors.phone('OUT')]
    expect(await scan(way, one.token)).toBe('admitted by gatekeeper')
    for (const network of ['deaf', 'down'] as const) {
      out.setNetwork(network)
      expect(await scan(out, one.token)).toBe('exited by device')
    }
    await home(out)
    expect((await logged(one)).filter((entry) => entry.startsWith('exited')).sort()).toEqual([
      'exited offline',
      'exited online',
    ])
  })
})
