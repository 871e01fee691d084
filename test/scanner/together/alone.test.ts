import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { until } from '../phone.ts'
import { Doors, gateA, gateB, scan, wordOf } from './venue.ts'

let doors: Doors

beforeAll(async () => {
  doors = await Doors.open()
})
afterAll(() => doors?.close())

const ticket = async () => {
  const [one] = await doors.tickets(1)
  if (!one) throw new Error('no ticket was issued')
  return one
}

describe('a phone that is enrolled', () => {
  it('has the event, its gate and a snapshot, and is ready for a cut', async () => {
    const { engine } = await doors.phone()
    const { enrolment, gate, gates, readyOffline, clock } = engine.status.value
    expect(enrolment).toMatchObject({ event: { title: 'Tech Expo' }, staff: { id: 'sam', role: 'scanner' } })
    expect(gate?.id).toBe(gateA)
    expect(gates.map(({ id }) => id).sort()).toEqual([gateA, gateB])
    expect(readyOffline).toEqual({ shell: true, wasm: true, keys: true, snapshot: true, persisted: true, all: true })
    expect(clock.source).toBe('server')
  })

  it('shows what the Gatekeeper decides, with the name, and says that it was the Gatekeeper', async () => {
    const phone = await doors.phone()
    const { token } = await ticket()
    const shown = await phone.engine.scan({ what: { text: token }, source: 'camera' })
    expect(wordOf(shown)).toBe('admitted by gatekeeper')
    expect(shown.ticket?.typeName).toBe('VIP')
    expect(await scan(phone, token)).toBe('already_admitted by gatekeeper')
  })

  it('cannot enrol with a code that was used', async () => {
    const { url } = await doors.organiser.ask<{ url: string }>('POST', `${doors.path}/enrolments`, { staffId: 'sam' })
    const first = await doors.phone()
    await first.engine.signOut()
    expect((await first.engine.enrol(url, { name: 'One', type: 'mobile' })).ok).toBe(true)
    await first.engine.signOut()
    const again = await first.engine.enrol(url, { name: 'Two', type: 'mobile' })
    expect(again).toEqual({ ok: false, failure: { code: 'enrolment_used' } })
  })
})

describe('a phone whose network is cut', () => {
  it('tells genuine, forged, used, revoked, blocked, superseded and foreign codes apart', async () => {
    const [genuine, used, revoked, blocked, reissued] = await doors.tickets(5)
    const [printed] = await doors.printed(1)
    if (!genuine || !used || !revoked || !blocked || !reissued || !printed) throw new Error('too few tickets')
    const elsewhere = await Doors.open()
    const [foreign] = await elsewhere.tickets(1)
    await elsewhere.close()
    const other = await doors.phone(gateB)
    expect(await scan(other, used.token)).toBe('admitted by gatekeeper')
    await doors.act(revoked, 'revoke')
    await doors.act(blocked, 'block')
    await doors.act(reissued, 'reissue')
    const phone = await doors.phone()
    phone.setNetwork('down')
    const forged = genuine.token.slice(0, -8) + (genuine.token.endsWith('A') ? 'B' : 'A').repeat(8)
    expect(await scan(phone, genuine.token)).toBe('admitted by device')
    expect(await scan(phone, genuine.token)).toBe('already_admitted by device')
    expect(await scan(phone, genuine.token.toLowerCase())).toBe('already_admitted by device')
    expect(['forged by device', 'unreadable by device']).toContain(await scan(phone, forged))
    expect(await scan(phone, used.token)).toBe('already_admitted by device')
    expect(await scan(phone, revoked.token)).toBe('revoked by device')
    expect(await scan(phone, blocked.token)).toBe('blocked by device')
    expect(await scan(phone, reissued.token)).toBe('revoked by device')
    expect(await scan(phone, printed.token)).toBe('admitted by device')
    expect(await scan(phone, printed.token)).toBe('already_admitted by device')
    expect(await scan(phone, 'PRINTED-NOWHERE')).toBe('unknown by device')
    expect(await scan(phone, 'Grüße aus der Ferne')).toBe('unreadable by device')
    if (foreign) expect(await scan(phone, foreign.token)).toBe('wrong_event by device')
    expect(phone.engine.status.value).toMatchObject({ connection: 'offline' })
    await until('all of it is pending', () => phone.engine.status.value.pending === 13)
  })

  it('still knows after a restart what it did before', async () => {
    const { token } = await ticket()
    const phone = await doors.phone()
    phone.setNetwork('down')
    expect(await scan(phone, token)).toBe('admitted by device')
    await phone.start()
    expect(phone.engine.status.value).toMatchObject({ pending: 1, connection: 'offline', clock: { source: 'wall' } })
    expect(await scan(phone, token)).toBe('already_admitted by device')
    expect(phone.engine.recent.value[0]?.verdict).toMatchObject({ refusal: { first: { here: true } } })
  })

  it('has every scan on its disk before anything of it is shown or sent', async () => {
    const { token } = await ticket()
    const phone = await doors.phone()
    phone.setNetwork('deaf')
    const shown = phone.engine.scan({ what: { text: token }, source: 'camera' })
    await until('the scan was sent', () => phone.requests.includes('POST /api/hp-scanner/validate-qr'))
    const [asked] = await phone.store.inState('asked', 10)
    expect(asked?.asked?.text).toBe(token)
    const { scanId } = await shown
    expect(asked?.scanId).toBe(scanId)
    expect((await phone.store.scan(scanId))?.state).toBe('alone')
  })
})

describe('what rests on a phone', () => {
  it('threat 05: is nobody’s name, and no text of a code that was answered', async () => {
    await doors.organiser.ask('POST', `${doors.path}/tickets`, {
      tickets: [{ type: 'vip', reference: 'ADA', holder: { name: 'Ada Lovelace', email: 'ada@example.com' } }],
    })
    const { items } = await doors.organiser.ask<{ items: { id: string }[] }>('GET', `${doors.path}/tickets?search=ADA`)
    const answer = await doors.organiser.send<{ qr_token: string }>('GET', `${doors.path}/tickets/${items[0]?.id}/qr`)
    const token = answer.body.qr_token
    const phone = await doors.phone()
    const shown = await phone.engine.scan({ what: { text: token }, source: 'camera' })
    expect(shown.ticket?.who).toBe('Ada Lovelace')
    const rest = await everythingAtRest(phone.name)
    expect(rest).toContain(shown.scanId)
    expect(rest).not.toMatch(/Ada|Lovelace|ada@example/)
    expect(rest).not.toContain(token)
  })

  it('threat 05: is nothing at all after signing out, or once the device was revoked', async () => {
    const phone = await doors.phone()
    expect(await everythingAtRest(phone.name)).toContain('deviceToken')
    expect((await phone.engine.signOut()).ok).toBe(true)
    expect(await everythingAtRest(phone.name)).toBe('')
    expect(phone.wiped).toBe(true)

    const lost = await doors.phone()
    const { id } = lost.engine.status.value.enrolment?.device ?? {}
    await doors.organiser.ask('POST', `${doors.path}/devices/${id}/revoke`, {})
    const { token } = await ticket()
    expect(await scan(lost, token)).toMatch(/device_revoked|not_enrolled/)
    await until('it wiped itself', () => lost.wiped)
    expect(await everythingAtRest(lost.name)).toBe('')
    expect(lost.engine.status.value).toMatchObject({ enrolment: null, signedOutBecause: 'device_revoked' })
  })

  it('keeps what is pending from being signed out by mistake', async () => {
    const { token } = await ticket()
    const phone = await doors.phone()
    phone.setNetwork('down')
    await scan(phone, token)
    expect(await phone.engine.signOut()).toEqual({ ok: false, failure: { code: 'still_pending', pending: 1 } })
    expect((await phone.engine.signOut({ force: true })).ok).toBe(true)
  })
})

/** Everything in a phone's database, as text. */
async function everythingAtRest(name: string): Promise<string> {
  const { openDB } = await import('idb')
  const database = await openDB(name)
  const all = await Promise.all(
    [...database.objectStoreNames].map(async (store) => {
      const keys = await database.getAllKeys(store)
      const values = await database.getAll(store)
      return keys.map((key, i) => `${String(key)} ${textOf(values[i])}`)
    }),
  )
  database.close()
  return all.flat().join('\n')
}

function textOf(value: unknown): string {
  return JSON.stringify(value, (_, inner) =>
    inner instanceof Uint8Array ? Buffer.from(inner).toString('latin1') : inner,
  )
}
