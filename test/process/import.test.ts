import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Client, openVenue, untilAnswered, type Venue } from './client.ts'
import { type Server, startServer } from './server.ts'
import { readTickets } from './stored.ts'

type Job = {
  id: string
  state: 'queued' | 'running' | 'done' | 'failed'
  total: number
  done: number
  failed: number
  errors: { row: number; field: string; message: string }[]
  outcome: Record<string, number>
}

let server: Server

beforeAll(async () => {
  server = await startServer()
})

afterAll(() => server.remove())

const ROWS = 6000
/** One in a hundred rows is wrong, and one in ten has no reference. */
const sheet = [
  'reference,type,name,email',
  ...[...Array(ROWS).keys()].map((i) =>
    [i % 10 === 0 ? '' : `R-${i}`, i % 100 === 7 ? 'balcony' : 'vip', `Guest ${i}`, `${i}@example.org`].join(','),
  ),
].join('\n')
const WRONG = ROWS / 100

describe('an import that kill -9 cuts off', () => {
  test('twice goes on after each restart, and ends whole, with no ticket twice', async (context) => {
    const venue = await openVenue(server.url, { devices: 0, tickets: 0 })
    const { id } = await upload(venue, sheet)
    const doneAtKill: number[] = []
    for (const share of [0.2, 0.6]) {
      await untilDone(venue, id, share * ROWS)
      await server.kill9()
      doneAtKill.push(readTickets(server.stateDir, venue.eventId).length)
      await server.restart()
    }
    const job = await ended(venue.organiser, venue.path, id)
    await context.annotate(JSON.stringify({ doneAtKill, ...job, errors: job.errors.length }))
    expect(job).toMatchObject({ state: 'done', total: ROWS, done: ROWS - WRONG, failed: WRONG })
    expect(job.outcome).toEqual({ created: ROWS - WRONG, existed: 0 })
    expect(job.errors).toHaveLength(WRONG)
    expectEachOnce(venue)
    // Otherwise it was no test: each kill came in the middle.
    expect(Math.min(...doneAtKill)).toBeGreaterThan(0)
    expect(Math.max(...doneAtKill)).toBeLessThan(ROWS - WRONG)

    // The same file once more issues nothing.
    const { id: again } = await upload(venue, sheet)
    expect(await ended(venue.organiser, venue.path, again)).toMatchObject({
      state: 'done',
      outcome: { created: 0, existed: ROWS - WRONG },
      failed: WRONG,
    })
    expectEachOnce(venue)
  })
})

describe('an upload that breaks off', () => {
  test('issues nothing, and the job says that it failed', async () => {
    const venue = await openVenue(server.url, { devices: 0, tickets: 0 })
    const bytes = Buffer.from(sheet)
    const socket = connect(server.port, '127.0.0.1')
    socket.on('error', () => 'a closed connection is what this is about')
    socket.write(
      [
        `POST ${venue.path}/imports HTTP/1.1`,
        'Host: localhost',
        `Authorization: Bearer ${venue.organiser.credential}`,
        'Content-Type: text/csv',
        `Content-Length: ${bytes.length}`,
        '\r\n',
      ].join('\r\n'),
    )
    socket.write(bytes.subarray(0, bytes.length / 2))
    const jobs = () => venue.organiser.ask<{ items: Job[] }>('GET', `${venue.path}/jobs`)
    await expect.poll(async () => (await jobs()).items[0]?.total ?? 0, { timeout: 10_000 }).toBeGreaterThan(1000)
    socket.destroy()
    await expect.poll(async () => (await jobs()).items[0]?.state, { timeout: 10_000 }).toBe('failed')
    const [job] = (await jobs()).items
    expect(job).toMatchObject({ done: 0, outcome: { created: 0, existed: 0 } })
    expect(readTickets(server.stateDir, venue.eventId)).toEqual([])
  })

  test('by a kill of the server issues nothing either', async () => {
    const venue = await openVenue(server.url, { devices: 0, tickets: 0 })
    let sent = 0
    const stream = new ReadableStream<Uint8Array>({
      async pull(controller) {
        if (sent++ > 100) return controller.close()
        controller.enqueue(Buffer.from(sent === 1 ? 'type,name\n' : 'vip,Ada\n'.repeat(200)))
        if (sent > 20) await sleep(100)
      },
    })
    const jobs = async () => (await venue.organiser.ask<{ items: Job[] }>('GET', `${venue.path}/jobs`)).items
    const cutOff = upload(venue, stream).catch(() => 'as expected')
    await vi.waitFor(async () => expect(await jobs()).toHaveLength(1), { timeout: 8000, interval: 50 })
    await server.kill9()
    await server.restart()
    await cutOff
    expect(await jobs()).toMatchObject([{ state: 'queued', done: 0 }])
    expect(readTickets(server.stateDir, venue.eventId)).toEqual([])
  })
})

async function upload({ organiser, path }: Venue, file: string | ReadableStream<Uint8Array>): Promise<Job> {
  const answer = await organiser.send<{ data: { job: Job } }>('POST', `${path}/imports`, file, {
    headers: { 'Content-Type': 'text/csv' },
  })
  if (answer.status !== 202) throw new Error(`the import gave ${answer.status}: ${answer.text}`)
  return answer.body.data.job
}

async function untilDone({ organiser, path }: Venue, id: string, count: number): Promise<void> {
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; await sleep(5)) {
    const answer = await untilAnswered(() => organiser.send<{ data: { job: Job } }>('GET', `${path}/jobs/${id}`))
    if ((answer?.body.data.job.done ?? 0) >= count) return
  }
  throw new Error('the import does not get on')
}

async function ended(organiser: Client, path: string, id: string): Promise<Job> {
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; await sleep(50)) {
    const { job } = await organiser.ask<{ job: Job }>('GET', `${path}/jobs/${id}`)
    if (job.state === 'done' || job.state === 'failed') return job
  }
  throw new Error('the import does not end')
}

function expectEachOnce({ eventId }: Venue): void {
  const tickets = readTickets(server.stateDir, eventId)
  expect(tickets).toHaveLength(ROWS - WRONG)
  expect(new Set(tickets.map(({ name }) => name)).size).toBe(ROWS - WRONG)
  expect(new Set(tickets.map(({ reference }) => reference)).size).toBe(ROWS - WRONG)
}
