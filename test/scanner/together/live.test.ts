import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { KnownStatus } from '../../../core/snapshot.ts'
import { realTime } from '../../../web/scanner/platform/time.ts'
import { Client } from '../../process/client.ts'
import { type Phone, until } from '../phone.ts'
import { Doors, gateB, type Issued, scan, untilLater } from './venue.ts'

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

const isLive = (phone: Phone) => until('the socket is open', () => phone.engine.status.value.connection === 'live')

/** Waits until a phone was told where a ticket stands. */
const isToldStanding = (phone: Phone, { id }: Issued) =>
  until('it is told who is in', () =>
    phone.heard.some((said) => said.type === 'standings' && said.items.some(({ ticketId }) => ticketId === id)),
  )

/** Waits until a phone was told what was decided about a ticket. */
const isToldStatus = (phone: Phone, { id }: Issued, wanted: KnownStatus) =>
  until(`it is told: ${wanted}`, () =>
    phone.heard.some(
      (said) =>
        said.type === 'revocations' && said.items.some(({ ticketId, status }) => ticketId === id && status === wanted),
    ),
  )

/** Somebody comes in at a gate with the network, and somebody with the same ticket at one that is cut off. */
const letInByBoth = async (online: Phone, alone: Phone, { token }: Issued) => {
  alone.setNetwork('down')
  expect(await scan(online, token)).toBe('admitted by gatekeeper')
  await untilLater(alone, online)
  expect(await scan(alone, token)).toBe('admitted by device')
}

/** What a phone would show if the network went just now. */
const cutOff = async (phone: Phone, text: string) => {
  phone.setNetwork('down')
  return scan(phone, text)
}

describe('a phone in touch', () => {
  it('signs what it asks, though its clock is hours off; its tokens alone are worth nothing', async () => {
    const phone = await doors.phone(gateB, 'sam', { time: { ...realTime, wall: () => Date.now() - 5 * 3_600_000 } })
    expect(await scan(phone, (await ticket()).token)).toBe('admitted by gatekeeper')
    const kept = await phone.store.get('device')
    const stolen = new Client(doors.server.url, kept?.staffToken ?? '')
    const unsigned = await stolen.send<{ code: string }>('POST', '/api/hp-scanner/live-tickets', {})
    expect([unsigned.status, unsigned.body.code]).toEqual([401, 'device_signature_invalid'])
    const body = { deviceId: kept?.deviceId, deviceToken: kept?.deviceToken }
    const renewed = await stolen.send<{ code: string }>('POST', '/api/devices/token', body)
    expect([renewed.status, renewed.body.code]).toEqual([401, 'device_signature_invalid'])
  })

  it('renews its tokens when they run out, and goes on with the next ones', async () => {
    const phone = await doors.phone()
    const before = await phone.store.get('device')
    if (!before) throw new Error('the phone is no device')
    await phone.store.put('device', { ...before, expiresAt: 0 })
    expect(await scan(phone, (await ticket()).token)).toBe('admitted by gatekeeper')
    const after = await phone.store.get('device')
    expect(after?.deviceToken).not.toBe(before.deviceToken)
    expect(after?.expiresAt).toBeGreaterThan(Date.now())
    await phone.store.put('device', { ...after, expiresAt: 0 } as typeof before)
    expect(await scan(phone, (await ticket()).token)).toBe('admitted by gatekeeper')
  })

  it('knows at once what other gates did, and refuses it when it is cut off', async () => {
    const [here, there] = [await doors.phone(), await doors.phone(gateB)]
    await isLive(here)
    const one = await ticket()
    expect(await scan(there, one.token)).toBe('admitted by gatekeeper')
    await isToldStanding(here, one)
    expect(await cutOff(here, one.token)).toBe('already_admitted by device')
    expect(here.engine.recent.value[0]?.verdict).toMatchObject({
      refusal: { first: { gate: { id: gateB }, here: false } },
    })
  })

  it('scans over its socket, and over HTTP where that is gone', async () => {
    const phone = await doors.phone()
    await isLive(phone)
    const [one, another] = [await ticket(), await ticket()]
    const calls = () => phone.requests.filter((request) => request.endsWith('/validate-qr')).length
    expect(await scan(phone, one.token)).toBe('admitted by gatekeeper')
    expect(await scan(phone, one.token)).toBe('already_admitted by gatekeeper')
    expect(calls()).toBe(0)
    phone.loseSockets()
    expect(await scan(phone, another.token)).toBe('admitted by gatekeeper')
    expect(calls()).toBe(1)
  })

  it('knows at once what was decided about a ticket, and what was taken back of it', async () => {
    const phone = await doors.phone()
    await isLive(phone)
    const [revoked, restored] = [await ticket(), await ticket()]
    await doors.act(revoked, 'revoke')
    await doors.act(restored, 'revoke')
    await isToldStatus(phone, revoked, 'revoked')
    await isToldStatus(phone, restored, 'revoked')
    await doors.act(restored, 'restore')
    await isToldStatus(phone, restored, 'valid')
    expect(await cutOff(phone, revoked.token)).toBe('revoked by device')
    expect(await scan(phone, restored.token)).toBe('admitted by device')
  })

  it('hears of a gate that is new, and of a policy that is another', async () => {
    const phone = await doors.phone()
    await isLive(phone)
    await doors.organiser.ask('PUT', `${doors.path}/gates/NEW`, { name: 'New gate' })
    await until('the gate is there', () => phone.engine.status.value.gates.some(({ id }) => id === 'NEW'))
    await doors.organiser.ask('PATCH', doors.path, { policy: { offline: 'never' } })
    await until('the policy is there', () => phone.engine.status.value.policy?.offline === 'never')
    await doors.organiser.ask('PATCH', doors.path, { policy: { offline: 'admit' } })
    await until('the policy is back', () => phone.engine.status.value.policy?.offline === 'admit')
  })

  it('hears what it missed when it is back', async () => {
    const phone = await doors.phone()
    await isLive(phone)
    phone.setNetwork('down')
    const [used, revoked] = [await ticket(), await ticket()]
    const other = await doors.phone(gateB)
    expect(await scan(other, used.token)).toBe('admitted by gatekeeper')
    await doors.act(revoked, 'revoke')
    phone.setNetwork('up')
    await isLive(phone)
    expect(await cutOff(phone, used.token)).toBe('already_admitted by device')
    expect(await scan(phone, revoked.token)).toBe('revoked by device')
  })

  it('is told at once that it let somebody in whom another gate had let in, and so is that gate', async () => {
    const [here, there] = [await doors.phone(), await doors.phone(gateB)]
    await isLive(there)
    const one = await ticket()
    await letInByBoth(there, here, one)
    here.setNetwork('up')
    await here.engine.syncNow()
    const told = (phone: Phone) => phone.engine.status.value.conflicts.find(({ ticketId }) => ticketId === one.id)
    await until('both are told', () => told(here) !== undefined && told(there) !== undefined)
    expect(told(here)).toMatchObject({ here: true, shown: { kind: 'admitted' }, with: { gateId: gateB } })
    expect(told(there)).toMatchObject({ here: false, shown: { kind: 'admitted' } })
  })

  it('keeps each of several conflicts that it is told of in one breath', async () => {
    const [here, there] = [await doors.phone(), await doors.phone(gateB)]
    await isLive(there)
    const several = await Promise.all([ticket(), ticket(), ticket(), ticket()])
    for (const one of several) await letInByBoth(there, here, one)
    here.setNetwork('up')
    await here.engine.syncNow()
    const told = () => there.engine.status.value.conflicts.map(({ ticketId }) => ticketId)
    await until('all are there', () => several.every(({ id }) => told().some((told) => told === id)))
  })

  it('is told of a conflict that came while it had no socket, though its list knows of both scans', async () => {
    const [here, there] = [await doors.phone(), await doors.phone(gateB)]
    await isLive(there)
    const one = await ticket()
    await letInByBoth(there, here, one)
    there.setNetwork('no sockets')
    here.setNetwork('up')
    await here.engine.syncNow()
    // The next difference has the entry that is the conflict.
    const asked = () => there.requests.filter((request) => request.startsWith('GET /api/hp-scanner/snapshot/')).length
    const before = asked()
    await until('its list was brought up to date twice', () => asked() >= before + 2)
    const told = () => there.engine.status.value.conflicts.filter(({ ticketId }) => ticketId === one.id)
    expect(told()).toEqual([])

    const toldBefore = (await there.store.get('told'))?.cursor
    there.setNetwork('up')
    await until('it is told', () => told().length > 0)
    expect(told()).toMatchObject([{ here: false, shown: { kind: 'admitted' } }])

    // What was told once, and taken as seen, does not come again with the next socket, nor after a start.
    await there.engine.dismissConflicts()
    await until('it keeps how far it was told', async () => {
      return (await there.store.get('told'))?.cursor !== toldBefore
    })
    there.loseSockets()
    await until('it notices', () => there.engine.status.value.connection !== 'live')
    await isLive(there)
    await new Promise((resolve) => setTimeout(resolve, 600))
    expect(told()).toEqual([])
    await there.start()
    await isLive(there)
    await new Promise((resolve) => setTimeout(resolve, 600))
    expect(told()).toEqual([])
  })

  it('has a list that is as new as the last sign of life, where nothing happens', async () => {
    const phone = await doors.phone()
    await isLive(phone)
    const before = phone.engine.status.value.snapshotAt ?? 0
    await until('it knows that nothing was missed', () => (phone.engine.status.value.snapshotAt ?? 0) > before + 1500)
  })

  it('wipes itself as soon as it was revoked', async () => {
    const phone = await doors.phone()
    await isLive(phone)
    const { id } = phone.engine.status.value.enrolment?.device ?? {}
    await doors.organiser.ask('POST', `${doors.path}/devices/${id}/revoke`, {})
    await until('it wiped itself', () => phone.wiped)
    expect(phone.engine.status.value.signedOutBecause).toBe('device_revoked')
  })

  it('says how it is doing: what is pending, and that it is ready for a cut', async () => {
    const phone = await doors.phone()
    await isLive(phone)
    const { id } = phone.engine.status.value.enrolment?.device ?? {}
    await until('the console knows', async () => {
      const { items } = await doors.organiser.ask<{
        items: { id: string; readyOffline?: boolean; pendingScans?: number }[]
      }>('GET', `${doors.path}/devices`)
      const shown = items.find((one) => one.id === id)
      return shown?.readyOffline === true && shown.pendingScans === 0
    })
  })
})
