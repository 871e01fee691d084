import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { holdsScan, readCursor } from '../../core/cursor.ts'
import type { DeviceId, EventId, TicketId } from '../../core/ids.ts'
import { counterOf, shardName, shardOf } from '../../core/shards.ts'
import { Allowances } from '../../durable-objects/devices/device-limits.ts'
import { openParts } from '../../durable-objects/event-parts.ts'
import type { Gatekeeper } from '../../durable-objects/gatekeeper.ts'
import { Meta } from '../../durable-objects/meta.ts'
import { takeIn } from '../../durable-objects/shards/taking-in.ts'
import { sweep } from '../../workers/sweep.ts'
import { call, gatekeeperOf, issue, judgeOf, newDevice, newEvent, plenty, scan } from './api.ts'

const SHARDS = 3
const DAY_MS = 86_400_000

function newDivided(changes: Record<string, unknown> = {}) {
  return newEvent({ shards: SHARDS, ...changes })
}

/** How many scans each object has in its log: the event's Gatekeeper first, then its shards. */
function logs(event: { id: string }): Promise<number[]> {
  const names = Array.from({ length: SHARDS + 1 }, (_, shard) => shardName(event.id as EventId, shard))
  return Promise.all(
    names.map((name) =>
      runInDurableObject(env.GATEKEEPER.getByName(name), (_, { storage: { sql } }) =>
        Number(sql.exec('SELECT count(*) AS count FROM entry').one().count),
      ),
    ),
  )
}

async function liveStats(event: { id: string; key: string }) {
  return (await call('GET', `/api/hp-scanner/analytics/${event.id}`, { as: event.key })).body.data.liveStats
}

describe('an event that is divided among objects', () => {
  it('says so, for ever', async () => {
    const event = await newDivided()
    const { body } = await call('GET', event.path, { as: event.key })
    expect(body.data.event.shards).toBe(SHARDS)
  })

  it('has each ticket judged by one of them, and all that happened in one log', async () => {
    const event = await newDivided()
    const device = await newDevice(event)
    const tickets = await issue(event, ...Array.from({ length: 24 }, () => ({})))
    for (const { code } of tickets) expect((await scan(device.token, code)).body.verdict).toBe('admitted')
    for (const { code } of tickets) expect((await scan(device.token, code)).body.code).toBe('already_admitted')
    expect(await liveStats(event)).toMatchObject({
      cacheCount: 24,
      inside: 24,
      duplicateAttempts: 24,
      totalEntries: 24,
    })
    const [all = 0, ...each] = await logs(event)
    expect(all).toBe(48)
    expect(each.reduce((sum, count) => sum + count)).toBe(48)
    expect(Math.min(...each)).toBeGreaterThan(0)
    const { body } = await call('GET', `/api/hp-scanner/integrity/${event.id}`, { as: event.key })
    expect(body.data).toMatchObject({ ok: true, discrepancies: [] })
  })

  it('tells of a duplicate when and where the first was, and of a ticket its scans', async () => {
    const event = await newDivided()
    const device = await newDevice(event)
    const [ticket] = await issue(event)
    const first = await scan(device.token, ticket?.code ?? '')
    const second = await scan(device.token, ticket?.code ?? '')
    expect(second.body.data.originalScan).toMatchObject({ gateId: 'GATE-A', deviceId: device.id, staffId: 'sam' })
    const { body } = await call('GET', `${event.path}/tickets/${ticket?.id}`, { as: event.key })
    expect(body.data.ticket.scans.map(({ id }: { id: string }) => id)).toEqual([
      first.body.data.entryLogId,
      second.body.scanId,
    ])
    expect(body.data.ticket.standings).toMatchObject([{ zone: 'main', entries: 1, inside: 1 }])
  })

  it('has what is decided about a ticket hold for the very next scan', async () => {
    const event = await newDivided()
    const device = await newDevice(event)
    const tickets = await issue(event, {}, {}, {})
    for (const { id, code } of tickets) {
      const act = (action: string) => call('POST', `${event.path}/tickets/${id}/${action}`, { as: event.key, body: {} })
      await act('revoke')
      expect((await scan(device.token, code)).body.code).toBe('revoked')
      await act('restore')
      await act('reissue')
      expect((await scan(device.token, code)).body).toMatchObject({ code: 'revoked', data: { superseded: true } })
    }
  })

  it('lets no device scan once it was revoked', async () => {
    const event = await newDivided()
    const device = await newDevice(event)
    const tickets = await issue(event, {}, {}, {}, {}, {}, {})
    await call('POST', `${event.path}/devices/${device.id}/revoke`, { as: event.key })
    for (const { code } of tickets) expect((await scan(device.token, code)).body.code).toBe('device_revoked')
  })

  it('tells a device in which of its lists its own scans are', async () => {
    const event = await newDivided()
    const device = await newDevice(event, 'sue')
    const tickets = await issue(event, ...Array.from({ length: 8 }, (_, i) => ({ code: `PRINTED-${i}` })))
    const cursor = async () => {
      const { body } = await call('GET', `/api/hp-scanner/snapshot/${event.id}`, { as: device.token })
      return readCursor(body.data.cursor) ?? { seq: 0, revision: 0, epoch: 0 }
    }
    const before = await cursor()
    const online: { ticketId: TicketId; judgeSeq: number }[] = []
    for (const [i, { id, code }] of tickets.entries()) {
      const { body } = await scan(device.token, i % 2 === 0 ? code : `PRINTED-${i}`, { numbered: true })
      online.push({ ticketId: id as TicketId, judgeSeq: body.data.judgeSeq })
    }
    const synced = await call('POST', '/api/hp-scanner/offline-sync', {
      as: device.token,
      body: {
        numbered: true,
        scans: tickets.map(({ code }) => ({
          scanId: crypto.randomUUID(),
          qrPayload: code,
          gateId: 'GATE-A',
          localTimestamp: new Date().toISOString(),
          verdict: { refused: 'already_admitted' },
        })),
      },
    })
    const sold = await call('POST', '/api/hp-scanner/walk-in', {
      as: device.token,
      body: { type: 'standard', payment: { method: 'free' }, gateId: 'GATE-A', scanId: crypto.randomUUID() },
    })
    const after = await cursor()
    const { items } = synced.body.results
    const alone = tickets.map(({ id }, i) => ({ ticketId: id as TicketId, judgeSeq: items[i].judgeSeq }))
    const again = await scan(device.token, sold.body.data.qr.token, { numbered: true })
    for (const { ticketId, judgeSeq } of [...online, ...alone]) {
      expect(holdsScan(before, event.id as EventId, ticketId, judgeSeq)).toBe(false)
      expect(holdsScan(after, event.id as EventId, ticketId, judgeSeq)).toBe(true)
    }
    expect(holdsScan(after, event.id as EventId, sold.body.data.ticket.id, again.body.data.judgeSeq)).toBe(false)
    expect(holdsScan(await cursor(), event.id as EventId, sold.body.data.ticket.id, again.body.data.judgeSeq)).toBe(
      true,
    )
  })

  it('takes an admission back, finds codes that were printed elsewhere, and sells at the door', async () => {
    const event = await newDivided()
    const device = await newDevice(event, 'sue')
    await issue(event, { code: 'PRINTED-1' }, { code: 'PRINTED-2' })
    const admitted = await scan(device.token, 'PRINTED-1')
    expect(admitted.body.verdict).toBe('admitted')
    expect((await scan(device.token, 'PRINTED-1')).body.code).toBe('already_admitted')
    expect((await scan(device.token, 'PRINTED-3')).body.code).toBe('unknown')
    const annulled = await call('POST', `/api/hp-scanner/scans/${admitted.body.scanId}/annul`, {
      as: device.token,
      body: { reason: 'the wrong one' },
    })
    expect(annulled.body.data.entry).toMatchObject({ id: admitted.body.scanId, annulledAt: expect.any(String) })
    expect((await scan(device.token, 'PRINTED-1')).body.verdict).toBe('admitted')
    const sold = await call('POST', '/api/hp-scanner/walk-in', {
      as: device.token,
      body: { type: 'standard', payment: { method: 'free' }, gateId: 'GATE-A', scanId: crypto.randomUUID() },
    })
    expect(sold.status, sold.text).toBe(201)
    expect(shardOf(event.id as EventId, sold.body.data.ticket.id)).toBe(0)
    expect((await scan(device.token, sold.body.data.qr.token)).body.code).toBe('already_admitted')
    expect(await liveStats(event)).toMatchObject({ cacheCount: 2, inside: 2 })
  })

  it('brings home what gates did alone, with the conflicts of it', async () => {
    const event = await newDivided()
    const devices = [await newDevice(event), await newDevice(event)]
    const tickets = await issue(event, ...Array.from({ length: 6 }, () => ({})))
    const at = Date.now()
    const sync = (device: { token: string; id: string }, offset: number) =>
      call('POST', '/api/hp-scanner/offline-sync', {
        as: device.token,
        body: {
          deviceId: device.id,
          syncedAt: new Date().toISOString(),
          scans: tickets.map(({ code }, i) => ({
            scanId: crypto.randomUUID(),
            qrPayload: code,
            gateId: 'GATE-A',
            localTimestamp: new Date(at - 60_000 + i * 10 + offset).toISOString(),
            verdict: 'admitted',
          })),
        },
      })
    const [one, two] = [await sync(devices[0] as never, 0), await sync(devices[1] as never, 5)]
    expect(one?.body.results).toMatchObject({ total: 6, successful: 6 })
    expect(two?.body.results).toMatchObject({ total: 6, conflicts: 6 })
    const { body } = await call('GET', `${event.path}/conflicts`, { as: event.key })
    expect(body.data?.items?.length, JSON.stringify(body)).toBe(6)
    const checked = await call('GET', `/api/hp-scanner/integrity/${event.id}`, { as: event.key })
    expect(checked.body.data).toMatchObject({ ok: true })
  })

  it('lets in as many as there is room for, whoever judges them, and one more when somebody leaves', async () => {
    const event = await newDivided({ capacity: 10 })
    const device = await newDevice(event)
    const tickets = await issue(event, ...Array.from({ length: 30 }, () => ({})))
    const answers = await Promise.all(tickets.map(({ code }) => scan(device.token, code)))
    const inside = tickets.filter((_, i) => answers[i]?.body.verdict === 'admitted')
    const outside = tickets.filter((_, i) => answers[i]?.body.code === 'full')
    expect([inside.length, outside.length]).toEqual([10, 20])
    for (const { code } of outside.slice(0, 6)) {
      expect((await scan(device.token, code)).body).toMatchObject({ code: 'full', data: { capacity: 10, inside: 10 } })
    }
    const sale = { type: 'standard', payment: { method: 'free' }, gateId: 'GATE-A' }
    const sell = () =>
      call('POST', '/api/hp-scanner/walk-in', { as: device.token, body: { ...sale, scanId: crypto.randomUUID() } })
    expect((await sell()).body.code).toBe('full')
    for (const { code } of inside.slice(0, 2)) await scan(device.token, code, { gateId: 'GATE-X' })
    // Whoever leaves makes room for anybody, and for nobody else.
    expect((await scan(device.token, outside[0]?.code ?? '')).body.verdict).toBe('admitted')
    expect((await sell()).status).toBe(201)
    expect((await scan(device.token, outside[1]?.code ?? '')).body.code).toBe('full')
    expect(await liveStats(event)).toMatchObject({ inside: 10, zones: [{ id: 'main', inside: 10, capacity: 10 }] })
    await call('PATCH', event.path, { as: event.key, body: { capacity: 11 } })
    expect((await scan(device.token, outside[2]?.code ?? '')).body.verdict).toBe('admitted')
    expect((await scan(device.token, outside[3]?.code ?? '')).body.code).toBe('full')
  })

  it('has room for so many of one ticket type, too', async () => {
    const event = await newDivided()
    await event.put('ticket-types/vip', { name: 'VIP', capacity: 12 })
    const device = await newDevice(event)
    const tickets = await issue(event, ...Array.from({ length: 4 }, () => ({ type: 'vip', admits: 3 })))
    await event.put('ticket-types/vip', { name: 'VIP', capacity: 6 })
    const answers = []
    for (const { code } of tickets) answers.push((await scan(device.token, code, { people: 3 })).body)
    expect(answers.map(({ verdict, code }) => code ?? verdict)).toEqual(['admitted', 'admitted', 'full', 'full'])
    expect(answers[3].data).toMatchObject({ capacity: 6, inside: 6 })
  })

  it('counts what a device scans in one place, whoever judges it', async () => {
    const event = await newDivided({ limits: { scansPerMinute: 1, scanBurst: 7 } })
    const [device, other] = [await newDevice(event), await newDevice(event)]
    const tickets = await issue(event, ...Array.from({ length: 12 }, () => ({})), { code: 'PRINTED-1' })
    const codes = ['PRINTED-1', ...tickets.slice(0, 12).map(({ code }) => code)]
    const answers = []
    for (const code of codes) answers.push((await scan(device.token, code)).status)
    expect(answers.toSorted()).toEqual([...Array(7).fill(200), ...Array(6).fill(429)])
    expect((await scan(other.token, codes.at(-1) ?? '')).status).toBe(200)
  })

  it('blocks a device that guesses at codes everywhere, from the very next scan on', async () => {
    const event = await newDivided({ limits: { ...plenty, invalidCodesPerFiveMinutes: 2 } })
    const device = await newDevice(event)
    const tickets = await issue(event, ...Array.from({ length: 6 }, () => ({})), { code: 'PRINTED-1' })
    for (let i = 0; i < 3; i++) expect((await scan(device.token, `PRINTED-1${i}`)).body.code).toBe('unknown')
    for (const { code } of tickets) expect((await scan(device.token, code)).body.code).toBe('device_blocked')
  })

  it('takes an admission back where it was judged, when the gate says that it let nobody in', async () => {
    const event = await newDivided()
    const device = await newDevice(event)
    for (const { code } of await issue(event, {}, {}, {}, {})) {
      const scanId = crypto.randomUUID()
      expect((await scan(device.token, code, { scanId })).body.verdict).toBe('admitted')
      const alone = { scanId, qrPayload: code, gateId: 'GATE-A', localTimestamp: new Date().toISOString() }
      const synced = await call('POST', '/api/hp-scanner/offline-sync', {
        as: device.token,
        body: { scans: [{ ...alone, verdict: 'refused' }] },
      })
      expect(synced.body.results.items).toMatchObject([{ outcome: 'replayed', annulledAt: expect.any(String) }])
      expect((await scan(device.token, code)).body.verdict).toBe('admitted')
    }
    expect(await liveStats(event)).toMatchObject({ cacheCount: 4, inside: 4 })
  })

  it('shows whom a gate let in that nobody knows', async () => {
    const event = await newDivided()
    const device = await newDevice(event)
    const scans = (await issue(event, {}, {}, {}, {})).map(({ code }) => ({
      scanId: crypto.randomUUID(),
      qrPayload: code,
      gateId: 'A GATE THAT IS NONE',
      localTimestamp: new Date().toISOString(),
      verdict: 'admitted',
    }))
    await call('POST', '/api/hp-scanner/offline-sync', { as: device.token, body: { scans } })
    const { body } = await call('GET', `${event.path}/conflicts`, { as: event.key })
    expect(body.data.items).toHaveLength(4)
  })

  it('tells its shards of what is changed twice in one go', async () => {
    const event = await newDivided()
    const device = await newDevice(event)
    const booking = (name: string) => ({ booking: { id: 'B-1', name } })
    const tickets = await issue(event, booking('Ada'), booking('Grace'), booking('Grace'), booking('Grace'))
    for (const { code } of tickets) {
      expect((await scan(device.token, code)).body).toMatchObject({
        verdict: 'admitted',
        data: { booking: { id: 'B-1', userName: 'Grace' } },
      })
    }
  })

  it('cannot have the strict policy, which takes one object that holds the leases', async () => {
    const refused = await call('POST', '/api/events', {
      as: (await newDivided()).key,
      body: {
        title: 'Strict',
        startsAt: new Date().toISOString(),
        endsAt: new Date(Date.now() + 1000).toISOString(),
        timezone: 'Europe/Berlin',
        shards: 2,
        policy: { offline: 'strict', full: 'stop' },
      },
    })
    expect(refused.body.data.issues).toMatchObject([{ field: 'shards' }])
    const event = await newDivided()
    const changed = await call('PATCH', event.path, {
      as: event.key,
      body: { policy: { offline: 'strict', full: 'stop' } },
    })
    expect(changed.body.data.issues).toMatchObject([{ field: 'policy.offline' }])
  })
})

/** Whatever stands in an object's storage, as one text; null where it has no table at all. */
function storedIn(event: { id: string }, shard: number): Promise<string | null> {
  return runInDurableObject(
    env.GATEKEEPER.getByName(shardName(event.id as EventId, shard)),
    (_, { storage: { sql } }) => {
      const tables = sql
        .exec<{ name: string }>(
          "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'",
        )
        .toArray()
      const texts = tables.map(({ name }) => `${name}: ${JSON.stringify(sql.exec(`SELECT * FROM ${name}`).toArray())}`)
      return texts.length === 0 ? null : texts.join('\n')
    },
  )
}

const inAll = async (event: { id: string }) =>
  Promise.all(Array.from({ length: SHARDS + 1 }, (_, shard) => storedIn(event, shard)))

describe('a person with a ticket of a divided event', () => {
  afterEach(() => {
    vi.useRealTimers()
  })
  const holders = () =>
    Array.from({ length: 12 }, (_, i) => ({
      holder: { name: `Quux ${i}`, email: `q${i}@quux.example` },
      booking: { id: `B-${i % 3}`, name: 'Quux' },
      note: 'Quux has a dog',
    }))

  it('is erased in the shard as well, before anybody is told so', async () => {
    const event = await newDivided()
    const tickets = await issue(event, ...holders())
    // Whose a ticket is chance says, and each shard is to have somebody.
    const shardsWithTickets = () => new Set(tickets.map(({ id }) => shardOf(event.id as EventId, id as TicketId)))
    while (shardsWithTickets().size < SHARDS) tickets.push(...(await issue(event, ...holders())))
    for (const stored of await inAll(event)) expect(stored).toMatch(/Quux/)
    for (const { id } of tickets) {
      const gone = await call('DELETE', `${event.path}/tickets/${id}/holder?booking=true`, { as: event.key })
      expect(gone.status).toBe(200)
    }
    for (const stored of await inAll(event)) expect(stored).not.toMatch(/Quux/)
  })

  it('is forgotten when it is time; after the log was, no shard has anything, and late guests still come in', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const event = await newDivided({ retention: { personDays: 1, deviceDays: 2, logDays: 3 } })
    const device = await newDevice(event)
    const tickets = await issue(event, ...holders())
    for (const { code } of tickets) expect((await scan(device.token, code)).body.verdict).toBe('admitted')
    vi.setSystemTime(Date.now() + 36_000_000 + DAY_MS + 60_000)
    for (let runs = 0; runs < 3; runs++) await sweep(env, Date.now())
    for (const stored of await inAll(event)) expect(stored).not.toMatch(/Quux/)
    vi.setSystemTime(Date.now() + 2 * DAY_MS)
    for (let runs = 0; runs < 3; runs++) await sweep(env, Date.now())
    const [gatekeeper, ...shards] = await inAll(event)
    expect(shards).toEqual([null, null, null])
    for (const empty of ['untold', 'taken', 'allotment', 'elsewhere', 'entry', 'ticket']) {
      expect(gatekeeper).toMatch(new RegExp(`^${empty}: \\[\\]$`, 'm'))
    }
    const [late] = await issue(event, { code: 'LATE-1' })
    const asOrganiser = (qrPayload: string) =>
      call('POST', '/api/hp-scanner/validate-qr', {
        as: event.key,
        body: { qrPayload, gateId: 'GATE-A', eventId: event.id },
      })
    expect((await asOrganiser(late?.code ?? '')).body.verdict).toBe('admitted')
    expect((await asOrganiser('LATE-1')).body.code).toBe('already_admitted')
    expect((await asOrganiser(tickets[0]?.code ?? '')).body.code).toBe('unknown')
    expect((await inAll(event)).slice(1)).toEqual([null, null, null])
    const checked = await call('GET', `/api/hp-scanner/integrity/${event.id}`, { as: event.key })
    expect(checked.body.data.discrepancies).toEqual([])
  })
})

describe('objects of one event that die, or do not answer', () => {
  const logged = (event: { id: string }) =>
    runInDurableObject(gatekeeperOf(event), (_, { storage: { sql } }) =>
      Number(sql.exec('SELECT count(*) AS count FROM entry').one().count),
    )
  const execute = (stub: DurableObjectStub<Gatekeeper>, statement: string) =>
    runInDurableObject(stub, (_, { storage }) => void storage.sql.exec(statement))
  /** A ticket and its shard, and one of another shard. */
  async function ofTwoShards(event: Awaited<ReturnType<typeof newDivided>>) {
    const tickets = await issue(event, ...Array.from({ length: 12 }, () => ({})))
    const shardOfTicket = ({ id }: { id: string }) => shardOf(event.id as EventId, id as TicketId)
    const [one] = tickets
    const other = tickets.find((ticket) => one && shardOfTicket(ticket) !== shardOfTicket(one))
    if (!one || !other) throw new Error('all tickets are of one shard')
    return { one, other, shard: judgeOf(event, one.id), number: shardOfTicket(one) }
  }

  it('bring what a shard judged home by its alarm, where the shard died before it was heard', async () => {
    const event = await newDivided()
    const device = await newDevice(event)
    const { one, shard } = await ofTwoShards(event)
    await execute(gatekeeperOf(event), 'ALTER TABLE taken RENAME TO taken_away')
    expect((await scan(device.token, one.code)).body.verdict).toBe('admitted')
    await evictDurableObject(shard)
    expect(await logged(event)).toBe(0)
    await execute(gatekeeperOf(event), 'ALTER TABLE taken_away RENAME TO taken')
    expect(await runDurableObjectAlarm(shard)).toBe(true)
    expect(await logged(event)).toBe(1)
    expect((await scan(device.token, one.code)).body.code).toBe('already_admitted')
  })

  it('have a change hold that was not answered, once the Gatekeeper is awake again', async () => {
    const event = await newDivided()
    const device = await newDevice(event)
    const { one, other, shard } = await ofTwoShards(event)
    const revoke = ({ id }: { id: string }) =>
      call('POST', `${event.path}/tickets/${id}/revoke`, { as: event.key, body: {} })
    await execute(shard, "CREATE TRIGGER away BEFORE DELETE ON ticket BEGIN SELECT raise(ABORT, 'away'); END")
    // It is not known whether it holds, and nobody is told that it does.
    expect((await revoke(one)).status).toBe(503)
    expect((await revoke(other)).status).toBe(503)
    await evictDurableObject(gatekeeperOf(event))
    await execute(shard, 'DROP TRIGGER away')
    await gatekeeperOf(event).ping()
    await runDurableObjectAlarm(gatekeeperOf(event))
    expect((await scan(device.token, one.code)).body.code).toBe('revoked')
    expect((await scan(device.token, other.code)).body.code).toBe('revoked')
    expect((await revoke(one)).status).toBe(200)
  })

  it('say that it is not known yet, and not that it is full, while nobody can be asked for room', async () => {
    const event = await newDivided({ capacity: 50 })
    const device = await newDevice(event)
    const [ticket] = await issue(event, {})
    const lends = (lend: (() => never) | null) =>
      runInDurableObject(gatekeeperOf(event), (instance: Gatekeeper) => {
        if (lend) instance.lend = lend
        else Reflect.deleteProperty(instance, 'lend')
      })
    await lends(() => {
      throw new Error('away')
    })
    const scanId = crypto.randomUUID()
    expect(await scan(device.token, ticket?.code ?? '', { scanId })).toMatchObject({
      status: 503,
      body: { code: 'unavailable' },
    })
    await lends(null)
    expect((await scan(device.token, ticket?.code ?? '', { scanId })).body.verdict).toBe('admitted')
  })

  it('keep nobody waiting at the gates of the others, where one of them does not answer', async () => {
    const event = await newDivided()
    const { one, other, shard, number } = await ofTwoShards(event)
    // The one that counts a device must not stop it anywhere else either.
    let device = await newDevice(event)
    while (counterOf(event.id as EventId, device.id as DeviceId) !== number) device = await newDevice(event)
    let answerAgain = () => {}
    const silence = new Promise<void>((resolve) => {
      answerAgain = resolve
    })
    // Nothing else comes to an object while this runs in it.
    const isSilent = runInDurableObject(shard, (_, state) => state.blockConcurrencyWhile(() => silence))
    const answered: string[] = []
    const changed = call('PATCH', event.path, { as: event.key, body: { capacity: 500 } }).then(({ status }) => {
      answered.push(`change ${status}`)
    })
    const waiting = scan(device.token, one.code).then(({ body }) => {
      answered.push(`its own ${body.verdict}`)
    })
    expect((await scan(device.token, other.code)).body.verdict).toBe('admitted')
    expect(answered).toEqual([])
    answerAgain()
    await Promise.all([isSilent, changed, waiting])
    expect(answered.toSorted()).toEqual(['change 200', 'its own admitted'])
  })

  it('have what a shard hands over twice in the log once', async () => {
    const event = await newDivided()
    const device = await newDevice(event)
    const { one, shard, number } = await ofTwoShards(event)
    await scan(device.token, one.code)
    await scan(device.token, one.code)
    const gatekeeper = gatekeeperOf(event)
    await Promise.all([gatekeeper.gather(), gatekeeper.gather(number), gatekeeper.gather()])
    expect(await logged(event)).toBe(2)
    // The Gatekeeper died before it said that it had them: it is handed the same again.
    const handed = await runInDurableObject(shard, (object) => object.handOver(0))
    expect(handed).toHaveLength(2)
    await runInDurableObject(gatekeeper, (_, { storage }) => {
      const parts = openParts(storage.sql, new Meta(storage.sql), env, new Allowances())
      storage.transactionSync(() => takeIn(parts, storage.sql, number, handed))
    })
    await evictDurableObject(gatekeeper)
    await gatekeeper.gather()
    expect(await logged(event)).toBe(2)
    expect(await liveStats(event)).toMatchObject({ cacheCount: 1, duplicateAttempts: 1, inside: 1 })
  })

  it('take over nothing that comes late: what a shard was told since holds', async () => {
    const event = await newDivided()
    const device = await newDevice(event)
    const { one, shard, number } = await ofTwoShards(event)
    // As it was before the ticket was issued. A Gatekeeper that died over it cannot take it back.
    const asItWas = { shard: number, configuration: null, tickets: { ids: [one.id as TicketId], tables: {} } }
    await runInDurableObject(shard, (object) => object.adopt({ ...asItWas, no: 1 }))
    expect((await scan(device.token, one.code)).body.verdict).toBe('admitted')
    // The same, told last, would have been taken over.
    await runInDurableObject(shard, (object) => object.adopt({ ...asItWas, no: 1000 }))
    expect((await scan(device.token, one.code)).body.code).toBe('unknown')
  })
})
