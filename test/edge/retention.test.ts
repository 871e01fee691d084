import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { jurisdictionOf } from '../../core/event-address.ts'
import type { EventId } from '../../core/ids.ts'
import { everybody } from '../../durable-objects/actor.ts'
import { askGatekeeper } from '../../workers/gatekeepers.ts'
import { sweep } from '../../workers/sweep.ts'
import { call, gatekeeperOf, issue, newDevice, newEvent, type Party, scan, undivided } from './api.ts'

const DAY_MS = 86_400_000

let event: Party
let device: Awaited<ReturnType<typeof newDevice>>
let tickets: Awaited<ReturnType<typeof issue>>
beforeAll(async () => {
  event = await newEvent({ retention: { personDays: 20, deviceDays: 10 } })
  await event.put('staff/sue', { name: 'Sue Quux', email: 'sue.quux@example.org', role: 'supervisor' })
  device = await newDevice(event, 'sue')
  // More than are forgotten in one slice.
  tickets = await issue(
    event,
    ...Array.from({ length: 130 }, (_, i) => ({
      reference: i === 0 ? 'zebulon.quux' : `ORDER-${i}`,
      holder: { name: `Zebulon Quux ${i}`, email: `quux${i}@example.org` },
      booking: { id: `B-${i % 7}`, name: 'Family Quux' },
      note: 'Quux has a dog',
    })),
  )
  await scan(device.token, tickets[0]?.code ?? '')
  await scan(device.token, tickets[0]?.code ?? '')
  await scan(device.token, tickets[1]?.code ?? '', { force: { reason: 'Quux is a friend' } })
  await call('POST', `${event.path}/tickets/${tickets[2]?.id}/revoke`, {
    as: event.key,
    body: { reason: 'Quux again' },
  })
  await runInDurableObject(gatekeeperOf(event), (gatekeeper) => gatekeeper.flush())
}, 120_000)
afterEach(() => {
  vi.useRealTimers()
})

/** Has it be so many days after the event, and the sweep run until it finds nothing more to do. */
async function daysAfter(days: number): Promise<void> {
  vi.setSystemTime(Date.now() + 36_000_000 + days * DAY_MS + 60_000)
  for (let runs = 0; runs < 3; runs++) await sweep(env, Date.now())
}
const show = async () => (await call('GET', event.path, { as: event.key })).body.data.event
const analytics = async () =>
  (await call('GET', `/api/hp-scanner/analytics/${event.id}`, { as: event.key })).body.data.liveStats
/** What does not depend on what time it is. */
const numbersOf = ({
  totalEntries,
  cacheCount,
  inside,
  duplicateAttempts,
  refusals,
  gateCounts,
  typeCounts,
}: Stats) => ({
  totalEntries,
  cacheCount,
  inside,
  duplicateAttempts,
  refusals,
  gateCounts,
  typeCounts,
})
type Stats = Record<string, unknown>
const rows = (table: string) =>
  runInDurableObject(
    gatekeeperOf(event),
    (_, { storage }) => storage.sql.exec<{ n: number }>(`SELECT count(*) AS n FROM ${table}`).one().n,
  )
const execute = (statement: string) =>
  runInDurableObject(gatekeeperOf(event), (_, { storage }) => void storage.sql.exec(statement))
const hex = (id = '') => id.replaceAll('-', '').toUpperCase()
async function rowsInD1(): Promise<number> {
  const { results } = await env.DB.prepare('SELECT count(*) AS n FROM entry').all<{ n: number }>()
  return results[0]?.n ?? 0
}
const integrity = async () =>
  (await call('GET', `/api/hp-scanner/integrity/${event.id}`, { as: event.key })).body.data.discrepancies
const forgettings = async () => {
  const { body } = await call('GET', `${event.path}/audit`, { as: event.key })
  return body.data.items
    .filter(({ kind }: { kind: string }) => kind.endsWith('.forgotten'))
    .map(({ kind, actor }: { kind: string; actor: { kind: string } }) => `${kind} by ${actor.kind}`)
}
/** The tables of the Gatekeeper in which this stands. */
async function traces(text: RegExp): Promise<string[]> {
  const found = await runInDurableObject(gatekeeperOf(event), (_, { storage }) =>
    [...storage.sql.exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'")]
      .filter(({ name }) => !name.startsWith('_cf'))
      .filter(({ name }) => text.test(JSON.stringify([...storage.sql.exec(`SELECT * FROM "${name}"`)])))
      .map(({ name }) => name),
  )
  return found.sort()
}

describe('what is kept', () => {
  it('is said with the event, and may be kept for less and for no longer', async () => {
    expect((await show()).retention).toEqual({ personDays: 20, deviceDays: 10, logDays: 365 })
    expect((await show()).forgotten).toEqual({ people: null, devices: null, log: null })
    const change = (retention: object) => call('PATCH', event.path, { as: event.key, body: { retention } })
    expect((await change({ personDays: 31 })).body.data.issues).toMatchObject([{ field: 'retention.personDays' }])
    expect((await change({ logDays: 0 })).status).toBe(400)
    expect((await change({ logDays: 90 })).body.data.event.retention).toEqual({
      personDays: 20,
      deviceDays: 10,
      logDays: 90,
    })
  })

  it('stays until its time has come', async () => {
    await daysAfter(9)
    expect(await forgettings()).toEqual([])
    expect(await traces(/quux/i)).toContain('holder')
  })

  it('of devices goes first: what they are called, and whatever would let them in', async () => {
    expect(await traces(/sue's phone/)).toEqual(['device'])
    await daysAfter(10)
    expect(await forgettings()).toEqual(['devices.forgotten by system'])
    expect(await traces(/sue's phone/)).toEqual([])
    expect(await rows('device_status')).toBe(0)
    const renewed = await call('POST', '/api/devices/token', {
      body: { deviceId: device.id, deviceToken: device.deviceToken },
    })
    expect(renewed.status).toBe(403)
    expect(await traces(/quux/i)).toContain('holder')
  })

  it('of people goes by the alarm alone, from where it was broken off, and the numbers stay', async () => {
    const before = await analytics()
    vi.setSystemTime(Date.now() + 36_000_000 + 20 * DAY_MS + 60_000)
    // It is broken off after the first slice, as a deployment might.
    const stuck = `CREATE TRIGGER stuck BEFORE DELETE ON holder WHEN hex(OLD.ticket) = '${hex(tickets.map(({ id }) => id).sort()[120])}'
      BEGIN SELECT raise(ABORT, 'broken off'); END`
    await execute(stuck)
    await runDurableObjectAlarm(gatekeeperOf(event))
    expect(await forgettings()).toEqual(['devices.forgotten by system'])
    expect(await rows('holder')).toBe(10)
    await execute('DROP TRIGGER stuck')
    await runDurableObjectAlarm(gatekeeperOf(event))
    expect(await forgettings()).toEqual(['people.forgotten by system', 'devices.forgotten by system'])
    // What a supervisor wrote into the log is part of its chain, and the staff's own names go with it.
    expect(await traces(/quux/i)).toEqual(['entry', 'staff'])
    expect(await traces(/sue.quux@/)).toEqual([])
    expect(numbersOf(await analytics())).toEqual(numbersOf(before))
    expect(await integrity()).toEqual([])
    const { text } = await call('GET', `${event.path}/exports/tickets.csv`, { as: event.key })
    expect(text).toContain(tickets[0]?.id)
  })

  it('of the log goes last, here and in D1; what it added up to stays', async () => {
    const before = await analytics()
    const others = (await rowsInD1()) - (await rows('entry'))
    await daysAfter(90)
    expect(await forgettings()).toEqual([
      'log.forgotten by system',
      'people.forgotten by system',
      'devices.forgotten by system',
    ])
    expect([await rows('entry'), await rows('standing'), await rows('ticket')]).toEqual([0, 0, 0])
    expect(await rowsInD1()).toBe(others)
    expect(await traces(/quux/i)).toEqual([])
    expect(numbersOf(await analytics())).toEqual(numbersOf(before))
    const summary = await call('GET', `/api/hp-scanner/summary/${event.id}`, { as: event.key })
    expect(summary.body.data.totals.admitted).toBe(2)
    expect(await integrity()).toEqual([])
    expect((await show()).forgotten.log).toMatch(/Z$/)
  })

  it('leaves a log that goes on from its last number', async () => {
    const [late] = await issue(event)
    const body = { qrPayload: late?.code, gateId: 'GATE-A', eventId: event.id }
    const scanned = await call('POST', '/api/hp-scanner/validate-qr', { as: event.key, body })
    expect(scanned.body).toMatchObject({ verdict: 'admitted' })
    const known = await call('GET', `${event.path}/tickets/${late?.id}`, { as: event.key })
    expect(known.body.data.ticket.scans).toMatchObject([{ id: scanned.body.data.entryLogId, seq: 4 }])
    await runInDurableObject(gatekeeperOf(event), (gatekeeper) => gatekeeper.flush())
    expect(await integrity()).toEqual([])
  })

  it('of where a change came from goes after seven days, and the audit log still holds', async () => {
    const party = await newEvent()
    const headers = { 'CF-Connecting-IP': '2001:db8:77:1::9' }
    await call('PATCH', party.path, { as: party.key, body: { capacity: 9 }, headers })
    await call('POST', `/api/organisations/${party.organisation.id}/keys`, {
      as: party.key,
      body: { name: 'Wall', role: 'viewer' },
      headers,
    })
    const networks = async () => {
      const lists = [party.path, `/api/organisations/${party.organisation.id}`].map((path) =>
        call('GET', `${path}/audit?limit=1`, { as: party.key }),
      )
      return (await Promise.all(lists)).map(({ body }) => body.data.items[0].network)
    }
    expect(await networks()).toEqual(['2001:db8:77::/48', '2001:db8:77::/48'])
    vi.setSystemTime(Date.now() + 7 * DAY_MS + 1000)
    await runDurableObjectAlarm(gatekeeperOf(party))
    await sweep(env, Date.now())
    expect(await networks()).toEqual([null, null])
    const checked = await call('GET', `/api/hp-scanner/integrity/${party.id}`, { as: party.key })
    expect(checked.body.data.discrepancies).toEqual([])
    const ofOrganisation = `/api/organisations/${party.organisation.id}/audit/integrity`
    expect((await call('GET', ofOrganisation, { as: party.key })).body.data.ok).toBe(true)
  })
})

describe('a large event', () => {
  it('is forgotten in helpings for which no scan has to wait, and goes on where it was killed', async () => {
    // A divided event notes each ticket that goes as well.
    const large = await newEvent({ ...undivided, retention: { personDays: 1, deviceDays: 1, logDays: 1 } })
    await issue(large)
    await runInDurableObject(gatekeeperOf(large), (gatekeeper, { storage: { sql } }) => {
      const n = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900)'
      const id = "unhex(printf('%032X', i))"
      sql.exec(`${n} INSERT INTO ticket (id, type, admits, issued_at, paid, attention, short_code, link)
        SELECT ${id}, 1, 1, 1790000000, 1, 0, printf('S%07d', i), 1 FROM n`)
      sql.exec(
        `${n} INSERT INTO standing SELECT ${id}, 1, 1, 0, 1, 1, NULL, 1790000000000, 1790000000000, 20717, 1 FROM n`,
      )
      sql.exec(`${n} INSERT INTO search_word (word, ticket) SELECT 'quux', ${id} FROM n`)
      sql.exec(`${n} INSERT INTO notice (kind, at, notice) SELECT 'ticket.revoked', i, '{"reference":"quux"}' FROM n`)
      sql.exec(`CREATE TRIGGER stuck BEFORE DELETE ON ticket WHEN OLD.short_code = 'S0000600'
        BEGIN SELECT raise(ABORT, 'killed'); END`)
      return gatekeeper.flush()
    })
    const helpings: number[] = []
    const spy = await runInDurableObject(gatekeeperOf(large), (_, { storage: { sql } }) => {
      const real = sql.exec
      return vi.spyOn(Object.getPrototypeOf(sql), 'exec').mockImplementation(function (this: unknown, text, ...values) {
        const cursor = real.call(this as SqlStorage, text as string, ...values)
        if (/^(DELETE|UPDATE)/.test(String(text))) helpings.push(cursor.rowsWritten)
        return cursor
      })
    })
    const left = (table: string) =>
      runInDurableObject(
        gatekeeperOf(large),
        (_, { storage }) => storage.sql.exec<{ n: number }>(`SELECT count(*) AS n FROM ${table}`).one().n,
      )
    const forgottenAt = async () => (await call('GET', large.path, { as: large.key })).body.data.event.forgotten.log
    try {
      vi.setSystemTime(Date.now() + 36_000_000 + DAY_MS + 60_000)
      for (let alarms = 0; alarms < 4; alarms++) await runDurableObjectAlarm(gatekeeperOf(large))
      const half = await left('ticket')
      expect(half).toBeGreaterThan(300)
      expect(half).toBeLessThan(901)
      expect([await left('standing'), await left('notice'), await forgottenAt()]).toEqual([0, 1, null])
      await runInDurableObject(gatekeeperOf(large), (_, { storage }) => void storage.sql.exec('DROP TRIGGER stuck'))
      await evictDurableObject(gatekeeperOf(large))
      for (let alarms = 0; alarms < 4; alarms++) await runDurableObjectAlarm(gatekeeperOf(large))
    } finally {
      spy.mockRestore()
    }
    expect([await left('ticket'), await left('search_word')]).toEqual([0, 0])
    expect(await forgottenAt()).toMatch(/Z$/)
    // A ticket counts twice: itself, and the count that it goes out of.
    expect(Math.max(...helpings)).toBeLessThanOrEqual(500)
  })
})

describe('changes of several days', () => {
  it('lose their networks each in its own time', async () => {
    const party = await newEvent()
    const start = Date.now()
    const change = (capacity: number) =>
      call('PATCH', party.path, { as: party.key, body: { capacity }, headers: { 'CF-Connecting-IP': '203.0.113.9' } })
    const networks = async () =>
      (await call('GET', `${party.path}/audit?limit=2`, { as: party.key })).body.data.items.map(
        ({ network }: { network: string | null }) => network,
      )
    await change(9)
    vi.setSystemTime(start + 3 * DAY_MS)
    await change(10)
    vi.setSystemTime(start + 7 * DAY_MS + 60_000)
    await runDurableObjectAlarm(gatekeeperOf(party))
    expect(await networks()).toEqual(['203.0.113.0/24', null])
    const nextAt = await runInDurableObject(gatekeeperOf(party), (_, state) => state.storage.getAlarm())
    expect(nextAt).toBeLessThan(start + 10 * DAY_MS + 60_000)
    vi.setSystemTime(start + 10 * DAY_MS + 60_000)
    await runDurableObjectAlarm(gatekeeperOf(party))
    expect(await networks()).toEqual([null, null])
  })
})

describe('an event that is kept in the European Union', () => {
  it('says so in its address, for ever, and is an event like any other', async () => {
    const kept = await newEvent({ jurisdiction: 'eu' })
    expect(jurisdictionOf(kept.id as EventId)).toBe('eu')
    const phone = await newDevice(kept)
    const [ticket] = await issue(kept)
    expect((await scan(phone.token, ticket?.code ?? '')).body.verdict).toBe('admitted')
    expect((await call('GET', kept.path, { as: kept.key })).body.data.event.jurisdiction).toBe('eu')
    // Here there is one place for all; where there are several, it is asked for in the right one.
    const asked: string[] = []
    const jurisdiction = (name: string) => {
      asked.push(name)
      return env.GATEKEEPER
    }
    const elsewhere = { ...env, GATEKEEPER: { jurisdiction } } as unknown as typeof env
    const described = await askGatekeeper(elsewhere, kept.id as EventId, (gatekeeper) => gatekeeper.describe(everybody))
    expect([described.ok, ...new Set(asked)]).toEqual([true, 'eu'])

    const rehearsal = await call('POST', `${kept.path}/rehearsals`, { as: kept.key })
    expect(rehearsal.body.data.event.jurisdiction).toBe('eu')
    await call('DELETE', `${kept.path}/rehearsals/${rehearsal.body.data.event.id}`, { as: kept.key })
  })

  it('is made so, and cannot be moved', async () => {
    expect((await show()).jurisdiction).toBeNull()
    const moved = await call('PATCH', event.path, { as: event.key, body: { jurisdiction: 'eu' } })
    expect(moved.body.data.event.jurisdiction).toBeNull()
    const body = { title: 'Moon', startsAt: '2027-01-01T00:00:00Z', endsAt: '2027-01-02T00:00:00Z', timezone: 'UTC' }
    const nowhere = await call('POST', '/api/events', { as: event.key, body: { ...body, jurisdiction: 'moon' } })
    expect(nowhere.body.data.issues).toMatchObject([{ field: 'jurisdiction' }])
  })
})
