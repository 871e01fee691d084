import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { realTime } from '../../../web/scanner/platform/time.ts'
import { type Network, type Phone, until } from '../phone.ts'
import { chanceOf, Doors, gateA, gateB, type Issued, scan } from './venue.ts'

let doors: Doors
/** One phone at each gate that holds its gate's share, and a third that holds nothing. */
let atA: Phone
let atB: Phone
let third: Phone

beforeAll(async () => {
  doors = await Doors.open({ offline: 'strict' })
  atA = await doors.phone(gateA)
  atB = await doors.phone(gateB)
  await holdAgain()
  third = await doors.phone(gateB)
}, 120_000)
afterAll(() => doors?.close())

const holds = (phone: Phone) =>
  until(
    'the lease is held',
    () => phone.engine.status.value.lease === 'held' && phone.engine.status.value.connection === 'live',
  )

async function holdAgain() {
  for (const phone of [atA, atB]) {
    phone.setNetwork('up')
    await until('everything is home', () => phone.engine.status.value.pending === 0)
    await holds(phone)
  }
  // What was told last has arrived everywhere.
  await new Promise((resolve) => setTimeout(resolve, 600))
}

const tickets = (count: number) => doors.tickets(count)

describe('two gates that are cut off, under the strict policy', () => {
  it('let each ticket in at exactly one of them, and send to that one', async () => {
    await holdAgain()
    const issued = await tickets(12)
    atA.setNetwork('down')
    atB.setNetwork('down')
    const where = { A: 0, B: 0 }
    for (const { token } of issued) {
      const [a, b] = [await scan(atA, token), await scan(atB, token)]
      expect([a, b].sort()).toEqual(['admitted by device', 'held_elsewhere by device'])
      const refusing = a.startsWith('held') ? atA : atB
      const gate = refusing === atA ? gateB : gateA
      expect(refusing.engine.recent.value[0]?.verdict).toMatchObject({ refusal: { useGates: [{ id: gate }] } })
      where[a.startsWith('held') ? 'B' : 'A'] += 1
    }
    expect(where.A * where.B).toBeGreaterThan(0)
  })

  it('let no ticket in that the Gatekeeper let in at another gate while they were in touch', async () => {
    await holdAgain()
    const issued = await tickets(8)
    // Half of these are of the other gate's share: its holder gives them up.
    for (const { token } of issued) expect(await scan(atA, token)).toBe('admitted by gatekeeper')
    atA.setNetwork('down')
    atB.setNetwork('down')
    for (const phone of [atA, atB]) {
      await phone.start()
      for (const { token } of issued) expect(await scan(phone, token)).not.toMatch(/^admitted/)
    }
  })
})

describe('a holder that is cut off', () => {
  it('is the only one to let its share in, and everybody else says so', async () => {
    await holdAgain()
    const issued = await tickets(12)
    atA.setNetwork('down')
    for (const { token } of issued) {
      const elsewhere = await scan(atB, token)
      expect(elsewhere).toMatch(/^(admitted|held_elsewhere) by gatekeeper$/)
      expect(await scan(atA, token)).toBe(
        elsewhere.startsWith('held') ? 'admitted by device' : 'held_elsewhere by device',
      )
    }
    await holdAgain()
    for (const { token } of issued) expect(await scan(atB, token)).toBe('already_admitted by gatekeeper')
  })

  it('gives no ticket up that it let in while the Gatekeeper has not heard of that', async () => {
    await holdAgain()
    const issued = await tickets(6)
    atA.setNetwork('down')
    const own = []
    for (const one of issued) if ((await scan(atA, one.token)) === 'admitted by device') own.push(one)
    expect(own.length).toBeGreaterThan(0)
    atA.setNetwork('large calls fail')
    await until('it is heard again', () => atA.engine.status.value.connection === 'live')
    for (const { token } of own) expect(await scan(third, token)).toBe('held_elsewhere by gatekeeper')
    await holdAgain()
    for (const { token } of own) expect(await scan(third, token)).toBe('already_admitted by gatekeeper')
  })

  it('goes on where it was after it was turned off and on again', async () => {
    await holdAgain()
    const issued = await tickets(8)
    atA.setNetwork('down')
    await atA.start()
    const shown = []
    for (const { token } of issued) shown.push(await scan(atA, token))
    expect(shown).toContain('admitted by device')
    expect(shown).toContain('held_elsewhere by device')
  })

  it('gives its share back when it signs out, and the next phone at the gate gets it', async () => {
    await holdAgain()
    expect((await atA.engine.signOut()).ok).toBe(true)
    atA = await doors.phone(gateA)
    await holdAgain()
    const [one] = await tickets(1)
    expect(await scan(third, one?.token ?? '')).toBe('admitted by gatekeeper')
  })
})

/** Waiting takes a fifth of the time; clocks tell the true one. */
const impatient = { ...realTime, after: (ms: number, call: () => void) => realTime.after(ms / 5, call) }

let alone = 0

describe('whatever the network does, under the strict policy', () => {
  it.each([11, 13])('nobody gets in twice (seed %i)', async (seed) => {
    const chance = chanceOf(seed)
    const own = await Doors.open({ offline: 'strict' })
    try {
      const phones: Phone[] = []
      for (const gate of [gateA, gateB, gateB]) phones.push(await own.phone(gate, 'sam', { time: impatient }))
      await until(
        'somebody holds',
        () => phones.filter((phone) => phone.engine.status.value.lease === 'held').length === 2,
      )
      const issued = await own.tickets(20)
      const letIn = new Map<Issued, number>()
      const scanAt = async (phone: Phone, ticket = issued[chance(issued.length)] as Issued) => {
        const shown = await scan(phone, ticket.token)
        if (!shown.startsWith('admitted')) return
        letIn.set(ticket, (letIn.get(ticket) ?? 0) + 1)
        if (shown.endsWith('device')) alone++
      }
      // Half of these are of its share, or none once in a thousand runs.
      const [cutOff] = phones as [Phone]
      cutOff.setNetwork('down')
      for (const ticket of issued.slice(0, 10)) await scanAt(cutOff, ticket)
      for (let step = 0; step < 60; step++) {
        const phone = phones[chance(3)] as Phone
        const networks: Network[] = ['up', 'up', 'down', 'deaf', 'large calls fail']
        switch (chance(8)) {
          case 0:
            await phone.start()
            break
          case 1:
          case 2:
            phone.setNetwork(networks[chance(5)] as Network)
            break
          case 3:
            await Promise.all(phones.map((each) => scanAt(each)))
            break
          default:
            await scanAt(phone)
        }
      }
      expect([...letIn.values()].filter((times) => times > 1)).toEqual([])
      for (const phone of phones) {
        phone.setNetwork('up')
        await until('everything is home', async () => {
          await phone.engine.syncNow()
          return phone.engine.status.value.pending === 0
        })
      }
      for (const ticket of issued) {
        const entries = await own.scansOf(ticket)
        const admitted = entries.filter(({ verdict, annulledAt }) => verdict === 'admitted' && annulledAt === null)
        expect(admitted).toHaveLength(letIn.get(ticket) ?? 0)
      }
    } finally {
      await own.close()
    }
  })

  it('holders did let people in alone in these runs, or nothing was shown by them', () => {
    expect(alone).toBeGreaterThan(0)
  })
})
