import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { type EventId, type JobId, type TicketId, uuidToBytes } from '../../core/ids.ts'
import { everybody } from '../../durable-objects/actor.ts'
import { Configuration } from '../../durable-objects/event/configuration.ts'
import { Meta } from '../../durable-objects/meta.ts'
import { type TicketRange, Tickets } from '../../durable-objects/tickets/tickets.ts'
import { sweep } from '../../workers/sweep.ts'
import { warmTickets } from '../../workers/warming.ts'
import { call, gatekeeperOf, newDevice, newEvent, type Party } from './api.ts'

const HOUR_MS = 3_600_000

/** Tickets without asking for their codes, so that nothing is kept yet. */
async function tickets(event: Party, count: number, more: object = {}) {
  const wanted = Array.from({ length: count }, () => ({ type: 'standard', ...more }))
  const { body } = await call('POST', `${event.path}/tickets`, { as: event.key, body: { tickets: wanted } })
  return body.data.tickets as { id: string; qr: { svg: string; png: string } }[]
}

const warm = (event: Party, body?: object) =>
  call('POST', `${event.path}/qr-cache/warm`, { as: event.key, ...(body ? { body } : {}) })
const cache = async (event: Party) => (await call('GET', `${event.path}/qr-cache`, { as: event.key })).body.data
const jobs = async (event: Party) => (await call('GET', `${event.path}/jobs`, { as: event.key })).body.data.items
const jobOf = async (event: Party, id: string) =>
  (await call('GET', `${event.path}/jobs/${id}`, { as: event.key })).body.data.job

const chunksOf = (event: Party, id: string) =>
  runInDurableObject(gatekeeperOf(event), (_, { storage }) =>
    Number(storage.sql.exec('SELECT chunks FROM job WHERE id = ?', uuidToBytes(id as JobId)).one().chunks),
  )

const wakeAt = (event: Party) =>
  runInDurableObject(gatekeeperOf(event), (_, { storage }) => new Meta(storage.sql).number('warm_at'))

describe('warming', () => {
  it('draws every valid ticket, as a job, and the next who asks gets what was drawn', { timeout: 30_000 }, async () => {
    const event = await newEvent()
    const [some, revoked] = [await tickets(event, 420), await tickets(event, 1)]
    await tickets(event, 3, { paid: false })
    await call('POST', `${event.path}/tickets/${revoked[0]?.id}/revoke`, { as: event.key })
    const begun = await warm(event)
    expect([begun.status, begun.body.data.job.kind, begun.body.data.job.total]).toEqual([202, 'warm', 420])
    const { id } = begun.body.data.job
    await expect
      .poll(() => jobOf(event, id), { timeout: 20_000 })
      .toMatchObject({ state: 'done', done: 420, failed: 0 })
    expect((await jobOf(event, id)).outcome).toEqual({ images: 420 })
    expect(await cache(event)).toMatchObject({ cached: 420, complete: true })
    // In helpings of hundreds: what the platform allows an invocation is not used up one by one.
    expect(await chunksOf(event, id)).toBe(5)
    for (const ticket of [some[0], some[419]]) {
      expect((await call('GET', ticket?.qr.svg ?? '')).headers.get('X-Cache')).toBe('HIT')
      expect((await call('GET', ticket?.qr.png ?? '')).headers.get('X-Cache')).toBe('MISS')
    }
  })

  it('of many tickets is planned some at a time, each valid ticket once', async () => {
    const event = await newEvent()
    const planned = await runInDurableObject(gatekeeperOf(event), (_, { storage: { sql } }) => {
      sql.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000) INSERT INTO ticket
        (id, type, admits, issued_at, paid, attention, short_code, link)
        SELECT unhex(printf('%032X', i)), 1, 1, 1790000000, i % 3, 0, printf('S%07d', i), 1 FROM n`)
      sql.exec('UPDATE ticket SET paid = min(paid, 1)')
      const tickets = new Tickets(sql, new Configuration(sql, new Meta(sql)))
      const steps: TicketRange[][] = []
      for (let after: TicketId | null = null; ; ) {
        const { ranges, next } = tickets.validRanges(after, 100)
        steps.push(ranges)
        after = next
        if (next === null) return { steps, codes: ranges[0] ? tickets.validCodes(ranges[0].from, ranges[0].to) : [] }
      }
    })
    expect(planned.steps.map((ranges) => ranges.reduce((sum, { count }) => sum + count, 0))).toEqual([3334, 3333, 1333])
    const ranges = planned.steps.flat()
    expect(Math.max(...ranges.map(({ count }) => count))).toBe(100)
    expect(ranges.every(({ from }, i) => i === 0 || from > (ranges[i - 1]?.to ?? ''))).toBe(true)
    expect(planned.codes).toHaveLength(100)
  })

  it('draws PNGs too where they are asked for, the same that would be drawn on asking', async () => {
    const event = await newEvent()
    const [ticket] = await tickets(event, 1)
    const drawn = await call('GET', ticket?.qr.svg ?? '')
    await call('DELETE', `${event.path}/qr-cache`, { as: event.key })
    const { id } = (await warm(event, { formats: ['svg', 'png'] })).body.data.job
    await expect.poll(() => jobOf(event, id)).toMatchObject({ state: 'done', outcome: { images: 2 } })
    const warmed = await call('GET', ticket?.qr.svg ?? '')
    expect([warmed.headers.get('X-Cache'), warmed.text]).toEqual(['HIT', drawn.text])
    expect((await call('GET', ticket?.qr.png ?? '')).headers.get('X-Cache')).toBe('HIT')
  })

  it('has nothing to do where there is no ticket, and where codes rotate', async () => {
    const [empty, rotating] = [await newEvent(), await newEvent({ policy: { rotatingCodes: true } })]
    await tickets(rotating, 3)
    for (const event of [empty, rotating]) {
      const { job } = (await warm(event)).body.data
      expect(await jobOf(event, job.id)).toMatchObject({ state: 'done', total: 0, failed: 0 })
      expect((await cache(event)).cached).toBe(0)
    }
  })

  it('tells which images KV did not take', async () => {
    const event = await newEvent()
    const [first, second] = await tickets(event, 2)
    const source = (id = '') => ({
      id,
      typeNumber: 1,
      admits: 1,
      issuedAt: 1,
      validFrom: null,
      validUntil: null,
      link: 1,
    })
    const down = () => Promise.reject(new Error('KV is full'))
    const work = { tickets: [source(first?.id), source(second?.id)], count: 2, firstRow: 7, generation: 0 }
    const result = await warmTickets({ ...env, QR_IMAGES: { put: down } } as never, event.id as EventId, {
      ...work,
      formats: ['svg'],
      keepUntil: null,
    })
    expect(result).toMatchObject({ done: 0, failed: 2, outcome: { images: 0 } })
    expect(result.errors.map(({ row, field }) => [row, field])).toEqual([
      [7, 'image'],
      [8, 'image'],
    ])
    expect(result.errors[0]?.message).toContain('KV is full')
  })

  it("is the organiser's to begin", async () => {
    const event = await newEvent()
    const { token } = await newDevice(event, 'sue')
    expect((await call('POST', `${event.path}/qr-cache/warm`, { as: token })).status).toBe(403)
    expect((await warm(event, { formats: ['gif'] })).status).toBe(400)
    expect((await warm(event, { formats: [] })).status).toBe(400)
  })
})

describe('by itself', () => {
  it('warms an event that begins within a day, once, and again where its beginning is moved', async () => {
    const soon = new Date(Date.now() + 20 * HOUR_MS).toISOString()
    const later = new Date(Date.now() + 22 * HOUR_MS).toISOString()
    const event = await newEvent({ startsAt: soon, endsAt: later })
    const [ticket] = await tickets(event, 1)
    await runDurableObjectAlarm(gatekeeperOf(event))
    for (let minute = 0; minute < 3; minute++) await sweep(env, Date.now())
    await expect.poll(async () => (await jobs(event)).map(({ state }: { state: string }) => state)).toEqual(['done'])
    expect((await call('GET', ticket?.qr.svg ?? '')).headers.get('X-Cache')).toBe('HIT')
    const moved = new Date(Date.now() + 21 * HOUR_MS).toISOString()
    await call('PATCH', event.path, { as: event.key, body: { startsAt: moved } })
    for (let minute = 0; minute < 2; minute++) await sweep(env, Date.now())
    await expect.poll(async () => (await jobs(event)).length).toBe(2)
  })

  it('keeps what it warmed for the event until that is over', async () => {
    const event = await newEvent({
      startsAt: new Date(Date.now() + 20 * HOUR_MS).toISOString(),
      endsAt: new Date(Date.now() + 50 * HOUR_MS).toISOString(),
    })
    await tickets(event, 1)
    await runDurableObjectAlarm(gatekeeperOf(event))
    await sweep(env, Date.now())
    await expect.poll(async () => (await cache(event)).cached).toBe(1)
    const { keys } = await env.QR_IMAGES.list()
    const latest = Math.max(...keys.map(({ expiration = 0 }) => expiration))
    expect(latest * 1000 - Date.now()).toBeGreaterThan(49 * HOUR_MS)
  })

  it('leaves alone what is on already, far away, closed or without tickets', async () => {
    const far = { startsAt: new Date(Date.now() + 30 * HOUR_MS).toISOString() }
    const ends = { endsAt: new Date(Date.now() + 40 * HOUR_MS).toISOString() }
    const closed = await newEvent({ startsAt: new Date(Date.now() + 5 * HOUR_MS).toISOString() })
    await call('POST', `${closed.path}/close`, { as: closed.key })
    const [isOn, isFar] = [await newEvent(), await newEvent({ ...far, ...ends })]
    for (const event of [isOn, isFar, closed]) await tickets(event, 1)
    const without = await newEvent({ startsAt: new Date(Date.now() + 5 * HOUR_MS).toISOString() })
    for (const event of [isOn, isFar, closed, without]) {
      await gatekeeperOf(event).flush()
      expect(await jobs(event)).toEqual([])
    }
  })

  it('follows an import that made new tickets, and not one that made none', async () => {
    const event = await newEvent()
    const gatekeeper = gatekeeperOf(event)
    const issue = async (rows: object[]) => {
      const id = crypto.randomUUID()
      const part = {
        chunks: [{ items: rows.length, payload: rows }],
        settled: { done: 0, failed: 0, outcome: {}, errors: [] },
      }
      await gatekeeper.openJob(everybody, { id: id as never, kind: 'import', outcome: {}, about: {} }, Date.now())
      await gatekeeper.addToJob(everybody, id as never, 0, part, Date.now())
      await gatekeeper.queueJob(everybody, id as never, {}, Date.now())
      await expect.poll(async () => (await jobOf(event, id)).state).toBe('done')
    }
    const row = {
      row: 2,
      id: crypto.randomUUID(),
      ticket: { type: 'standard', reference: 'A', paid: true, requiresAttention: false },
    }
    await issue([row])
    expect(await wakeAt(event)).toBeGreaterThan(0)
    await runDurableObjectAlarm(gatekeeper)
    await expect.poll(async () => (await cache(event)).cached).toBe(1)
    await issue([{ ...row, id: crypto.randomUUID() }])
    expect(await wakeAt(event)).toBe(0)
  })
})
