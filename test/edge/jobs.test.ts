import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { type JobId, type TicketId, uuidAt } from '../../core/ids.ts'
import { everybody } from '../../durable-objects/actor.ts'
import { Jobs } from '../../durable-objects/jobs/jobs.ts'
import { carryOn } from '../../workers/jobs.ts'
import { call, gatekeeperOf, newEvent, newOrganisation, type Party } from './api.ts'

const newId = <T extends JobId | TicketId>() => uuidAt<T>(Date.now(), crypto.getRandomValues(new Uint8Array(16)))
const nothing = { done: 0, failed: 0, outcome: {}, errors: [] }
const DAY_MS = 86_400_000

const rowsOf = (count: number, from: number, type = 'standard') =>
  [...Array(count).keys()].map((i) => ({
    row: from + i + 2,
    id: newId<TicketId>(),
    ticket: { type, reference: `R-${from + i}`, paid: true, requiresAttention: false },
  }))

const chunkOf = (rows: unknown[]) => ({ items: rows.length, payload: rows })

/** A job of so many chunks of ten tickets each, put together and not yet queued. */
async function newJob(event: Party, chunks: unknown[][]): Promise<JobId> {
  const id = newId<JobId>()
  const gatekeeper = gatekeeperOf(event)
  await gatekeeper.openJob(everybody, { id, kind: 'import', outcome: {}, about: {} }, Date.now())
  await gatekeeper.addToJob(everybody, id, 0, { chunks: chunks.map(chunkOf), settled: nothing }, Date.now())
  return id
}

const tens = (chunks: number) => [...Array(chunks).keys()].map((i) => rowsOf(10, i * 10))

const queue = (event: Party, id: JobId) => gatekeeperOf(event).queueJob(everybody, id, {}, Date.now())
const show = async (event: Party, id: string) =>
  (await call('GET', `${event.path}/jobs/${id}`, { as: event.key })).body.data.job

async function ticketsOf(event: Party): Promise<number> {
  return runInDurableObject(gatekeeperOf(event), (_, { storage }) =>
    Number(storage.sql.exec('SELECT count(*) AS n FROM ticket').one().n),
  )
}

/** Queues a job whose messages are lost at once, as a killed server's are that were in its memory. */
function queueSilently(event: Party, id: JobId) {
  return runInDurableObject(gatekeeperOf(event), (_, { storage }) => new Jobs(storage.sql).queue(id, {}, Date.now()))
}

const message = (event: Party, jobId: JobId, chunk: number) => {
  const told = { acked: 0, retried: 0 }
  const one = {
    body: { eventId: event.id, jobId, chunk },
    ack: () => told.acked++,
    retry: () => told.retried++,
  }
  return { told, batch: { messages: [one] } as unknown as Parameters<typeof carryOn>[0] }
}

describe('a job', () => {
  it('is queued, done chunk by chunk by way of the queue, and says how it went', async () => {
    const event = await newEvent()
    const id = await newJob(event, tens(25))
    expect(await show(event, id)).toMatchObject({ kind: 'import', state: 'queued', total: 250, done: 0, failed: 0 })
    await queue(event, id)
    await expect.poll(() => show(event, id).then(({ state }) => state)).toBe('done')
    const job = await show(event, id)
    expect(job).toMatchObject({ total: 250, done: 250, failed: 0, errors: [], outcome: { created: 250, existed: 0 } })
    expect(job.startedAt <= job.finishedAt).toBe(true)
    expect(job.perSecond).toBeGreaterThan(0)
    expect(await ticketsOf(event)).toBe(250)
  })

  it('with nothing to do is done at once', async () => {
    const event = await newEvent()
    const id = await newJob(event, [])
    await queue(event, id)
    expect(await show(event, id)).toMatchObject({ state: 'done', total: 0, done: 0, failed: 0 })
  })

  it('sets what is wrong aside with its row, field and reason, and does the rest', async () => {
    const event = await newEvent()
    const wrong = [...rowsOf(2, 10), ...rowsOf(1, 50, 'balcony'), ...rowsOf(2, 60)]
    const id = await newJob(event, [rowsOf(10, 0), wrong])
    await queue(event, id)
    await expect.poll(() => show(event, id).then(({ state }) => state)).toBe('done')
    expect(await show(event, id)).toMatchObject({
      total: 15,
      done: 14,
      failed: 1,
      errors: [{ row: 52, field: 'type', message: 'the event has no ticket type "balcony"' }],
    })
    const csv = await call('GET', `${event.path}/jobs/${id}/errors.csv`, { as: event.key })
    expect(csv.headers.get('Content-Type')).toContain('text/csv')
    expect(csv.text).toBe('"row","field","message"\r\n"52","type","the event has no ticket type ""balcony"""\r\n')
  })

  it('shows the first hundred of what failed, and gives all of it as a file', async () => {
    const event = await newEvent()
    const id = await newJob(
      event,
      [...Array(25).keys()].map((i) => rowsOf(100, i * 100, 'balcony')),
    )
    await queue(event, id)
    await expect.poll(() => show(event, id).then(({ state }) => state)).toBe('done')
    const { errors, failed } = await show(event, id)
    expect(failed).toBe(2500)
    expect(errors.map(({ row }: { row: number }) => row)).toEqual([...Array(100).keys()].map((i) => i + 2))
    const { text } = await call('GET', `${event.path}/jobs/${id}/errors.csv`, { as: event.key })
    const rows = text.trim().split('\r\n').slice(1)
    expect(rows.map((line) => Number(line.split('"')[1]))).toEqual([...Array(2500).keys()].map((i) => i + 2))
  })

  it('is listed, the newest first', async () => {
    const event = await newEvent()
    const ids = [await newJob(event, []), await newJob(event, []), await newJob(event, [])]
    const first = await call('GET', `${event.path}/jobs?limit=2`, { as: event.key })
    expect(first.body.data.items.map(({ id }: { id: string }) => id)).toEqual([ids[2], ids[1]])
    const { nextCursor } = first.body.data
    const rest = await call('GET', `${event.path}/jobs?cursor=${nextCursor}`, { as: event.key })
    expect(rest.body.data.items.map(({ id }: { id: string }) => id)).toEqual([ids[0]])
    expect(rest.body.data.nextCursor).toBeNull()
  })

  it('of another organisation is not there', async () => {
    const event = await newEvent()
    const id = await newJob(event, [])
    const other = await newOrganisation('Somebody else')
    for (const path of [`jobs/${id}`, `jobs/${id}/errors.csv`, 'jobs', 'jobs/rubbish']) {
      expect((await call('GET', `${event.path}/${path}`, { as: other.key })).status).toBe(404)
    }
    expect((await call('GET', `${event.path}/jobs/${newId<JobId>()}`, { as: event.key })).status).toBe(404)
  })
})

describe('a message of the queue', () => {
  it('threat 35: delivered twice, and late, does nothing twice', async () => {
    const event = await newEvent()
    const id = await newJob(event, tens(12))
    await queueSilently(event, id)
    const first = message(event, id, 0)
    await Promise.all([carryOn(first.batch, env), carryOn(message(event, id, 0).batch, env)])
    await carryOn(message(event, id, 3).batch, env)
    expect(first.told).toEqual({ acked: 1, retried: 0 })
    expect(await show(event, id)).toMatchObject({ state: 'done', done: 120, outcome: { created: 120 } })
    expect(await ticketsOf(event)).toBe(120)
  })

  it('that got lost is sent again when the job has stood still for a while', async () => {
    const event = await newEvent()
    const id = await newJob(event, tens(3))
    await queueSilently(event, id)
    await evictDurableObject(gatekeeperOf(event))
    expect(await show(event, id)).toMatchObject({ state: 'queued', done: 0 })
    await movedBefore(event, id, 11_000)
    await gatekeeperOf(event).flush()
    await expect.poll(() => show(event, id).then(({ state }) => state)).toBe('done')
    expect(await ticketsOf(event)).toBe(30)
  })

  it('for a job that is not there is put away', async () => {
    const event = await newEvent()
    const { told, batch } = message(event, newId<JobId>(), 0)
    await carryOn(batch, env)
    expect(told).toEqual({ acked: 1, retried: 0 })
  })
})

describe('a job that cannot go on', () => {
  it('gives a chunk up that fails five times, says so for its rows, and does the others', async () => {
    const event = await newEvent()
    // No ticket at all: the Gatekeeper stumbles over it each time.
    const broken = [{ row: 12, id: newId<TicketId>() }, ...rowsOf(2, 20)]
    const id = await newJob(event, [rowsOf(10, 0), broken, rowsOf(10, 100)])
    await queue(event, id)
    await expect.poll(() => show(event, id).then(({ state }) => state)).toBe('done')
    const job = await show(event, id)
    expect(job).toMatchObject({ total: 23, done: 20, failed: 3 })
    expect(job.errors.map(({ row }: { row: number }) => row)).toEqual([12, 22, 23])
    expect(await ticketsOf(event)).toBe(20)
  })

  it('is given up after it stood still again and again', async () => {
    const event = await newEvent()
    const id = await newJob(event, tens(2))
    await queueSilently(event, id)
    await runInDurableObject(gatekeeperOf(event), (_, { storage }) => {
      storage.sql.exec('UPDATE job SET stalls = 12')
    })
    await movedBefore(event, id, 400_000)
    await gatekeeperOf(event).flush()
    expect(await show(event, id)).toMatchObject({
      state: 'failed',
      failed: 20,
      errors: [{ row: 0, field: 'job', message: 'did not go on any more and was given up' }],
    })
    expect(await chunksOf(event)).toBe(0)
  })

  it('fails where whoever put it together went away, and nothing of it is done', async () => {
    const event = await newEvent()
    const id = await newJob(event, tens(3))
    await movedBefore(event, id, 121_000)
    await gatekeeperOf(event).flush()
    const job = await show(event, id)
    expect(job).toMatchObject({ state: 'failed', total: 30, done: 0, failed: 30 })
    expect(job.errors).toHaveLength(1)
    // What arrives too late is not taken any more.
    const late = { chunks: [chunkOf(rowsOf(1, 500))], settled: nothing }
    expect(await gatekeeperOf(event).addToJob(everybody, id, 1, late, Date.now())).toEqual({ ok: true, value: false })
    await queue(event, id)
    expect(await ticketsOf(event)).toBe(0)
    expect(await chunksOf(event)).toBe(0)
  })

  it('is forgotten a month after its end', async () => {
    const event = await newEvent()
    const id = await newJob(event, [rowsOf(3, 0, 'balcony')])
    await queue(event, id)
    await expect.poll(() => show(event, id).then(({ state }) => state)).toBe('done')
    await movedBefore(event, id, 31 * DAY_MS)
    await gatekeeperOf(event).flush()
    expect((await call('GET', `${event.path}/jobs/${id}`, { as: event.key })).status).toBe(404)
  })
})

describe("the Gatekeeper's one alarm", () => {
  it('still tells D1 at once of a scan while a job waits for later', async () => {
    const event = await newEvent()
    await newJob(event, tens(1))
    const alarmAt = () => runInDurableObject(gatekeeperOf(event), (_, { storage }) => storage.getAlarm())
    await runDurableObjectAlarm(gatekeeperOf(event))
    expect(await alarmAt()).toBeGreaterThan(Date.now() + 5000)
    const code = 'not one of ours'
    await call('POST', `${event.path}/tickets`, { as: event.key, body: { tickets: [{ type: 'vip', code }] } })
    const scan = { qrPayload: code, gateId: 'GATE-A' }
    await call('POST', `/api/hp-scanner/validate-qr?eventId=${event.id}`, {
      as: event.key,
      body: { ...scan, eventId: event.id },
    })
    expect(await alarmAt()).toBeLessThan(Date.now() + 3000)
  })
})

async function chunksOf(event: Party): Promise<number> {
  return runInDurableObject(gatekeeperOf(event), (_, { storage }) =>
    Number(storage.sql.exec('SELECT count(*) AS n FROM job_chunk').one().n),
  )
}

/** Sets a job back in time, as if nothing had come of it for so long. */
function movedBefore(event: Party, id: JobId, ms: number) {
  return runInDurableObject(gatekeeperOf(event), (_, { storage }) => {
    storage.sql.exec(
      'UPDATE job SET moved_at = ? WHERE hex(id) = ?',
      Date.now() - ms,
      id.replaceAll('-', '').toUpperCase(),
    )
  })
}
