import { beforeAll, describe, expect, it } from 'vitest'
import { call, newDevice, newEvent, newOrganisation, type Party } from './api.ts'

let event: Party
const list = (what: string, as: string) => call('GET', `${event.path}/${what}`, { as })

beforeAll(async () => {
  event = await newEvent()
})

describe('what an event is made of', () => {
  it('is listed as it was put', async () => {
    await call('PUT', `${event.path}/gates/GATE-A`, { as: event.key, body: { name: 'North Door', kind: 'both' } })
    const gates = (await list('gates', event.key)).body.data
    expect(gates.nextCursor).toBeNull()
    expect(gates.items.find(({ id }: { id: string }) => id === 'GATE-A')).toEqual({
      id: 'GATE-A',
      name: 'North Door',
      kind: 'both',
      zone: 'main',
      accepts: null,
    })
    const types = (await list('ticket-types', event.key)).body.data.items
    expect(types.map(({ id }: { id: string }) => id)).toEqual(expect.arrayContaining(['standard', 'vip']))
    expect(types[0]).not.toHaveProperty('number')
    const staff = (await list('staff', event.key)).body.data.items
    expect(staff.map(({ role }: { role: string }) => role)).toEqual(expect.arrayContaining(['scanner', 'supervisor']))
  })

  it('comes page by page to who asks for pages, and devices do too', async () => {
    for (const id of ['sam', 'sue']) await newDevice(event, id)
    for (const what of ['gates', 'devices']) {
      const whole = (await list(what, event.key)).body.data.items
      const first = (await list(`${what}?limit=1`, event.key)).body.data
      expect(first).toEqual({ items: whole.slice(0, 1), nextCursor: whole[0].id })
      const rest = (await list(`${what}?limit=200&cursor=${first.nextCursor}`, event.key)).body.data
      expect(rest).toEqual({ items: whole.slice(1), nextCursor: null })
      for (const wrong of ['limit=0', 'limit=201', 'cursor=none']) {
        expect((await list(`${what}?${wrong}`, event.key)).status, wrong).toBe(400)
      }
    }
  })

  it('comes fifty at a time to who names no number', async () => {
    const expo = await newEvent()
    const put = (no: number) =>
      call('PUT', `${expo.path}/gates/LANE-${no}`, { as: expo.key, body: { name: `Lane ${no}`, kind: 'entry' } })
    for (let no = 100; no < 150; no++) expect((await put(no)).status).toBe(200)
    const known = (await call('GET', `${expo.path}/gates?limit=200`, { as: expo.key })).body.data.items
    expect(known.length).toBeGreaterThan(50)
    const page = (await call('GET', `${expo.path}/gates`, { as: expo.key })).body.data
    expect(page).toEqual({ items: known.slice(0, 50), nextCursor: known[49].id })
  })

  it('has no type whose tickets end before they begin', async () => {
    const [validFrom, validUntil] = ['2026-12-02T00:00:00Z', '2026-12-01T00:00:00Z']
    const path = `${event.path}/ticket-types/never`
    const { status, body } = await call('PUT', path, { as: event.key, body: { name: 'Never', validFrom, validUntil } })
    expect([status, body.data.issues]).toEqual([
      400,
      [{ field: 'validUntil', message: 'must not be before validFrom' }],
    ])
    expect((await list('ticket-types', event.key)).body.data.items).not.toContainEqual(
      expect.objectContaining({ id: 'never' }),
    )
  })

  it('gives the addresses of staff to supervisors and above only', async () => {
    const { body } = await call('POST', `/api/organisations/${event.organisation.id}/keys`, {
      as: event.key,
      body: { name: 'Screen', role: 'viewer' },
    })
    expect((await list('gates', body.data.key)).status).toBe(200)
    expect((await list('staff', body.data.key)).body.code).toBe('role_required')
    expect((await list('staff', (await newDevice(event)).token)).body.code).toBe('role_required')
    expect((await list('staff', (await newDevice(event, 'sue')).token)).status).toBe(200)
  })

  it('is nothing to another organisation', async () => {
    const stranger = await newOrganisation()
    for (const what of ['gates', 'ticket-types', 'staff']) {
      expect((await list(what, stranger.key)).status, what).toBe(404)
    }
  })
})
