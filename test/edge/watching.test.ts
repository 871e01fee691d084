import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Allowances } from '../../durable-objects/devices/device-limits.ts'
import { DeviceStatuses } from '../../durable-objects/devices/device-status.ts'
import { openParts } from '../../durable-objects/event-parts.ts'
import { Watch } from '../../durable-objects/live/watching.ts'
import { Meta } from '../../durable-objects/meta.ts'
import { call, gatekeeperOf, informed, issue, newDevice, newEvent, type Party, scan } from './api.ts'
import { listen } from './listener.ts'

const MINUTE = 60_000

let event: Party
beforeEach(async () => {
  event = await newEvent()
})

/** Looks around as the Gatekeeper does by the clock, so many minutes from now each. */
async function lookAfter(...minutes: number[]) {
  const from = Date.now()
  // What devices said of themselves is written down with this.
  await gatekeeperOf(event).flush()
  await runInDurableObject(gatekeeperOf(event), (_, { storage }) => {
    const parts = openParts(storage.sql, new Meta(storage.sql), env, new Allowances())
    const statuses = new DeviceStatuses(storage.sql, () => parts.devices)
    const watch = new Watch()
    for (const minute of minutes) watch.look(parts, statuses, () => null, from + minute * MINUTE)
  })
}

const alerts = async (kind: string) =>
  (await call('GET', `${event.path}/alerts?kind=${kind}`, { as: event.key })).body.data.items

/** A device that said how many scans wait on it, and went away. */
async function gone(pending: number, gateId: string | null = null) {
  const device = await newDevice(event, 'sam', gateId)
  const listener = await listen(event.id, device.token)
  listener.send({ type: 'status', pending })
  await expect
    .poll(async () => {
      const { body } = await call('GET', `${event.path}/devices`, { as: event.key })
      return body.data.items.find(({ id }: { id: string }) => id === device.id).pendingScans
    })
    .toBe(pending)
  listener.socket.close()
  return device
}

describe('a device that is not heard of for two minutes', () => {
  it('is told of once, where scans wait on it', async () => {
    const device = await gone(3)
    await lookAfter(1)
    expect(await alerts('device.silent')).toEqual([])
    await lookAfter(2.5, 4, 30)
    expect(await alerts('device.silent')).toMatchObject([
      { deviceId: device.id, deviceIds: [device.id], pending: 3, lastSeenAt: expect.stringMatching(/Z$/) },
    ])
  })

  it('is told of where its gate is busy, together with others that went away with it', async () => {
    const [one, two] = [await gone(0, 'GATE-A'), await gone(0, 'GATE-A')]
    await gone(0, 'GATE-V')
    await gone(0)
    const [ticket] = await issue(event)
    await scan((await newDevice(event)).token, ticket?.code ?? '')
    await lookAfter(3)
    const told = await alerts('device.silent')
    expect(told).toHaveLength(1)
    expect(told[0].deviceIds.toSorted()).toEqual([one.id, two.id].toSorted())
  })

  it('is nobody’s concern when it was revoked, or after the event', async () => {
    const device = await gone(3)
    await call('POST', `${event.path}/devices/${device.id}/revoke`, { as: event.key })
    await lookAfter(3)
    await gone(3)
    await lookAfter(60 * 11)
    expect(await alerts('device.silent')).toEqual([])
  })
})

describe('a log that D1 has not taken for a minute', () => {
  it('is told of, and again only after a quarter of an hour', async () => {
    await gatekeeperOf(event).flush()
    const device = await newDevice(event)
    const [ticket] = await issue(event)
    await scan(device.token, ticket?.code ?? '')
    await runInDurableObject(await informed(event), (_, { storage }) => {
      const parts = openParts(storage.sql, new Meta(storage.sql), env, new Allowances())
      const statuses = new DeviceStatuses(storage.sql, () => parts.devices)
      const watch = new Watch()
      const from = Date.now()
      for (const minute of [0.5, 1.5, 3, 10]) watch.look(parts, statuses, () => null, from + minute * MINUTE)
      const raised = () => parts.notices.counts()['outbox.lagging'] ?? 0
      expect(raised()).toBe(1)
      watch.look(parts, statuses, () => null, from + 17 * MINUTE)
      expect(raised()).toBe(2)
    })
    expect(await alerts('outbox.lagging')).toMatchObject([{ pending: 1 }, { pending: 1 }])
  })
})

describe('what is out of the ordinary', () => {
  afterEach(() => {
    vi.useRealTimers()
  })

  /** Tickets with codes that were printed elsewhere, shown one after the other. */
  async function printed(many: number) {
    const codes = Array.from({ length: many }, (_, i) => `PRINTED-${i}`)
    await issue(event, ...codes.map((code) => ({ code })))
    let next = 0
    return { codes, take }
    function take(more: number) {
      next += more
      return codes.slice(next - more, next)
    }
  }
  /** Has codes judged now, at a gate. */
  async function show(as: string, codes: string[], gateId = 'GATE-A') {
    const scans = codes.map((qrPayload) => ({ scanId: crypto.randomUUID(), qrPayload, gateId }))
    const body = { eventId: event.id, scans, syncedAt: new Date().toISOString() }
    const { status } = await call('POST', '/api/hp-scanner/offline-sync', { as, body })
    expect(status).toBe(200)
  }

  it('is a gate far above its own rate', async () => {
    const device = await newDevice(event)
    const { take } = await printed(110)
    const from = Math.ceil(Date.now() / MINUTE) * MINUTE
    for (let minute = 0; minute < 12; minute++) {
      vi.useFakeTimers({ toFake: ['Date'], now: from + minute * MINUTE })
      await show(device.token, take(4 + (minute % 3)))
    }
    await lookAfter(0)
    expect(await alerts('gate.surge')).toEqual([])
    vi.useFakeTimers({ toFake: ['Date'], now: from + 13 * MINUTE })
    await show(device.token, take(40))
    await lookAfter(0, 0.5)
    expect(await alerts('gate.surge')).toMatchObject([{ gateId: 'GATE-A', scans: 40, usual: 5, limit: 18.4 }])
  })

  it('is one ticket at many gates, and not one that is shown again and again at one', async () => {
    for (const gate of ['GATE-C', 'GATE-D']) await event.put(`gates/${gate}`, { name: gate })
    const device = await newDevice(event)
    const { codes } = await printed(2)
    const [wanders = '', stays = ''] = codes
    for (const gateId of ['GATE-A', 'GATE-C', 'GATE-D']) {
      await show(device.token, [wanders], gateId)
      await show(device.token, [stays])
    }
    await lookAfter(0)
    expect(await alerts('ticket.many_gates')).toMatchObject([
      { gateIds: expect.arrayContaining(['GATE-A', 'GATE-C', 'GATE-D']), scans: 3 },
    ])
  })

  it('is a device that refuses far more than its neighbours', async () => {
    const [one, two, three] = [await newDevice(event), await newDevice(event), await newDevice(event)]
    const { take } = await printed(75)
    const own = take(25)
    await show(one.token, own)
    await show(two.token, take(25))
    await show(three.token, take(25))
    await lookAfter(0)
    expect(await alerts('device.refusing')).toEqual([])
    await show(one.token, own)
    await lookAfter(0.2)
    expect(await alerts('device.refusing')).toMatchObject([
      { deviceId: one.id, scans: 50, refused: 25, share: 0.5, usual: 0 },
    ])
  })
})
