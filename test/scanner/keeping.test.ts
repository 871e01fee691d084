import { afterEach, describe, expect, it } from 'vitest'
import { writeCursor } from '../../core/cursor.ts'
import { realTime } from '../../web/scanner/platform/time.ts'
import { until } from './phone.ts'
import {
  type Answer,
  admitted,
  day,
  hour,
  ok,
  otherTicketId,
  phoneAt,
  type Server,
  snapshot,
  ticketId,
  token,
  tokenOf,
  turnAllOff,
  word,
} from './scripted.ts'

afterEach(turnAllOff)

describe('a phone that has been alone for long', () => {
  /** A phone and its server in a time that goes on by hours, and a network between them that comes and goes. */
  async function phoneForDays(about: { aloneHours?: number; endsIn?: number; role?: string }, server: Server) {
    const around = { isUp: true, passedMs: 0 }
    const { aloneHours = 168, endsIn = 30 * day, role = 'scanner' } = about
    const time = {
      ...realTime,
      wall: () => Date.now() + around.passedMs,
      // What is done every so often is done sooner; whoever waits for an answer has as long as ever.
      after: (ms: number, call: () => void) => realTime.after(ms < 3000 ? ms : ms / 60, call),
    }
    const given = { policy: { aloneHours }, endsAt: Date.now() + endsIn, role, ports: { time }, around }
    const { phone } = await phoneAt(server, given)
    const shows = async (text: string) => word(await phone.engine.scan({ what: { text }, source: 'camera' }))
    const kept = async () => ({
      names: (await phone.store.get('names')) !== null,
      list: (await phone.store.get('snapshot')) !== null,
      answered: await phone.store.count('answered'),
      pending: await phone.store.count('alone'),
    })
    return { around, phone, shows, kept }
  }

  const home: Server = ({ path, body }) => {
    if (!path.endsWith('/offline-sync')) return 'none'
    const { scans } = JSON.parse(body ?? '') as { scans: { scanId: string }[] }
    return ok({ results: { items: scans.map(({ scanId }) => ({ scanId, outcome: 'ok', entryLogId: '8' })) } })
  }

  it('threat 39: lets nobody in by a list that is too old, until it has heard the Gatekeeper again', async () => {
    const { phone, shows, around } = await phoneForDays({ aloneHours: 5 }, () => 'none')
    around.isUp = false
    around.passedMs = 5.1 * hour
    expect(await shows(token)).toBe('list_too_old by device')
    const [pending] = await phone.store.inState('alone', 1)
    expect(pending?.verdict).toEqual({ kind: 'refused', code: 'no_network' })
    const out = await phone.engine.scan({ what: { text: token }, source: 'camera', direction: 'exit' })
    expect(word(out)).toBe('exited by device')
    await until('it says that it is not ready', () => !phone.engine.status.value.readyOffline.snapshot)
    around.isUp = true
    await until('it has a new list', () => phone.engine.status.value.readyOffline.snapshot)
    expect(await shows(token)).toBe('admitted by device')
  })

  it('goes by the last word from the Gatekeeper, after a restart too, though nothing had happened', async () => {
    const { phone, shows, around } = await phoneForDays({ aloneHours: 5 }, () => 'none')
    around.passedMs = 4 * hour
    await until('it has kept that the list still holds', async () => (await phone.store.get('still')) !== null)
    around.isUp = false
    around.passedMs = 8 * hour
    await phone.start()
    expect(await shows(token)).toBe('admitted by device')
    around.passedMs = 10 * hour
    await phone.start()
    expect(await shows(await tokenOf(otherTicketId))).toBe('list_too_old by device')
  })

  it('threat 05: lets nobody in a day after the event, and forgets the names and the list', async () => {
    const tickets = ok({ items: [{ id: ticketId, shortCode: 'ABCD2345', holder: { name: 'Ada' } }], nextCursor: null })
    const server: Server = ({ path }) => (path.includes('/tickets?') ? tickets : admitted)
    const { phone, shows, around, kept } = await phoneForDays({ endsIn: hour, role: 'supervisor' }, server)
    await phone.engine.setPin('2468')
    await phone.engine.unlockNames('2468')
    expect(await shows(token)).toBe('admitted by gatekeeper')
    around.isUp = false
    around.passedMs = 24.9 * hour
    await phone.start()
    expect(await kept()).toEqual({ names: true, list: true, answered: 1, pending: 0 })
    around.passedMs = 25.1 * hour
    await until('it has forgotten them', async () => !(await kept()).list)
    expect(await kept()).toEqual({ names: false, list: false, answered: 0, pending: 0 })
    expect(await shows(await tokenOf(otherTicketId))).toBe('event_over by device')
    await phone.start()
    expect(await shows(token)).toBe('event_over by device')
    expect(await phone.engine.unlockNames('2468')).toEqual({ ok: false, failure: { code: 'event_over' } })
    around.isUp = true
    await until('it has a list', () => phone.engine.status.value.gates.length > 0)
    expect(await shows(token)).toBe('admitted by gatekeeper')
    expect((await kept()).list).toBe(false)
  })

  it('forgets nothing that is pending, whenever that comes home', async () => {
    const { phone, shows, around, kept } = await phoneForDays({ endsIn: hour }, home)
    around.isUp = false
    expect(await shows(token)).toBe('admitted by device')
    await phone.store.put('names', { nonce: new Uint8Array(12), sealed: new Uint8Array(16), count: 1 })
    around.passedMs = 90 * day
    await phone.start()
    await until('the names are gone', async () => !(await kept()).names)
    expect(await kept()).toEqual({ names: false, list: true, answered: 0, pending: 1 })
    around.isUp = true
    await until('all is home, and nothing else is left', async () => !(await kept()).list)
    expect(await kept()).toEqual({ names: false, list: false, answered: 0, pending: 0 })
  })
})

describe('a snapshot that broke off', () => {
  it('is none: the phone keeps the one it has, and asks again', async () => {
    let asked = 0
    const half = snapshot({}, { cursor: writeCursor({ seq: 9, revision: 9, epoch: 1 }), revocations: [] })
    const difference = async (): Promise<Answer> => {
      asked += 1
      return { status: 200, bytes: half.slice(0, half.length / 2) }
    }
    const { engine, scan } = await phoneAt(() => 'none', { difference })
    await until('it asked again', () => asked > 1)
    expect(engine.status.value.gates).toMatchObject([{ id: 'A', name: 'Gate A' }])
    expect(word(await scan())).toBe('admitted by device')
  })
})

describe('the names', () => {
  const tickets = [
    { id: ticketId, shortCode: 'ABCD2345', type: 'vip', status: 'valid', admits: 1, holder: { name: 'Łukasz Weiß' } },
    {
      id: '0198c0de-0000-7000-8000-000000000002',
      shortCode: 'EFGH2345',
      type: 'vip',
      status: 'valid',
      admits: 1,
      holder: { name: 'Ada Lovelace' },
    },
  ]
  const server: Server = ({ path }) => (path.includes('/tickets?') ? ok({ items: tickets, nextCursor: null }) : 'none')

  it('are found with no network once a supervisor opened them, and rest on the device unreadable', async () => {
    const { engine, phone } = await phoneAt(server, { role: 'supervisor' })
    expect(await engine.search('lukasz')).toEqual({ ok: false, failure: { code: 'no_network' } })
    expect((await engine.setPin('2468')).ok).toBe(true)
    expect(await engine.unlockNames('2468')).toEqual({ ok: true, value: { names: 2 } })
    expect(await engine.search('lukasz weiss')).toMatchObject({
      ok: true,
      value: { from: 'device', items: [{ name: 'Łukasz Weiß', typeName: 'VIP' }] },
    })
    const shown = await engine.scan({ what: { ticketId }, source: 'manual' })
    expect(word(shown)).toBe('admitted by device')
    expect(shown.ticket?.who).toBe('Łukasz Weiß')
    const kept = await phone.store.get('names')
    expect(Buffer.from(kept?.sealed ?? []).toString('latin1')).not.toMatch(/Ada|Lovelace|ukasz/)
    engine.lockNames()
    expect(await engine.search('lukasz')).toEqual({ ok: false, failure: { code: 'no_network' } })
    await phone.start()
    expect(phone.engine.status.value.names).toBe('locked')
  })

  it('open from the device itself where there is no network, with the right PIN only', async () => {
    let isUp = true
    const { phone, engine } = await phoneAt((request) => (isUp ? server(request) : 'none'), { role: 'supervisor' })
    await engine.setPin('2468')
    await engine.unlockNames('2468')
    isUp = false
    await phone.start()
    expect(await phone.engine.unlockNames('1111')).toEqual({ ok: false, failure: { code: 'wrong_pin' } })
    expect(await phone.engine.unlockNames('2468')).toEqual({ ok: true, value: { names: 2 } })
  })

  it('cost time after a few wrong PINs, and are not for everybody', async () => {
    const { engine } = await phoneAt(server, { role: 'supervisor' })
    await engine.setPin('2468')
    for (let tries = 0; tries < 5; tries++) expect(await engine.checkPin('0000')).toBe(false)
    expect(await engine.checkPin('2468')).toBe(false)
    expect(await engine.unlockNames('2468')).toMatchObject({ failure: { code: 'locked' } })
    const scanner = await phoneAt(server)
    expect(await scanner.engine.setPin('2468')).toEqual({ ok: false, failure: { code: 'supervisor_needed' } })
  })
})
