import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EventStream } from '../event-stream.ts'
import { type Device, openVenue, untilAnswered, type Venue } from './client.ts'
import { type Server, startServer } from './server.ts'

let server: Server
let venue: Venue

beforeAll(async () => {
  server = await startServer()
  venue = await openVenue(server.url, { devices: 1, tickets: 4 })
})
afterAll(() => server?.remove())

const PATIENCE_MS = 5000

async function read(query = '', headers: Record<string, string> = {}) {
  const as: Record<string, string> = query.includes('ticket=')
    ? {}
    : { Authorization: `Bearer ${venue.organiser.credential}` }
  const address = `${server.url}/api/hp-scanner/stream/${venue.eventId}${query}`
  const response = await fetch(address, { headers: { ...as, ...headers } })
  if (!response.body) throw new Error(`an answer without a body: ${response.status}`)
  return { response, stream: new EventStream(response.body) }
}

const letIn = async (place: number) => {
  const qrPayload = venue.tickets[place]?.token ?? ''
  const answer = await untilAnswered(() => (venue.devices[0] as Device).scan({ qrPayload }))
  expect(answer?.status).toBe(200)
}

const seqs = (data: { items: { seq: number }[] }) => data.items.map(({ seq }) => seq)

describe('the stream of events of a whole server', () => {
  it('tells of a scan, and after a kill of what was missed, from the last event on', async () => {
    const { response, stream } = await read()
    expect(response.headers.get('Content-Type')).toBe('text/event-stream')
    expect((await stream.next('stats', PATIENCE_MS)).data).toMatchObject({ cacheCount: 0, totalTickets: 4 })
    expect(stream.retryMs).toBe(2000)
    await letIn(0)
    expect(seqs(await stream.next('scans', PATIENCE_MS))).toEqual([1])
    const lastId = stream.lastId ?? ''
    await server.kill9()
    await stream.untilEnded(PATIENCE_MS)
    await server.restart()
    await letIn(1)
    await letIn(2)
    const again = await read('', { 'Last-Event-ID': lastId })
    expect(seqs(await again.stream.next('scans', PATIENCE_MS))).toEqual([2, 3])
    expect((await again.stream.next('stats', PATIENCE_MS)).data).toMatchObject({ cacheCount: 3 })
    await again.stream.leave()
  })

  it('opens with a one-time ticket; who comes back with the same one is turned away', async () => {
    const ticket = await untilAnswered(() =>
      venue.organiser.send<{ data: { ticket: string } }>('POST', '/api/hp-scanner/live-tickets', {
        eventId: venue.eventId,
      }),
    )
    const query = `?ticket=${ticket?.body.data.ticket}`
    const { stream } = await read(query)
    await stream.next('stats', PATIENCE_MS)
    await stream.leave()
    expect((await read(query)).response.status).toBe(401)
  })
})
