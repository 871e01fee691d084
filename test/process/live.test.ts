import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ServerMessage } from '../../core/live.ts'
import { openVenue, untilAnswered, type Venue } from './client.ts'
import { type Server, startServer } from './server.ts'

let server: Server
let venue: Venue

beforeAll(async () => {
  server = await startServer()
  venue = await openVenue(server.url, { devices: 2, tickets: 4 })
})
afterAll(() => server?.remove())

/** Opens a socket as a browser does, with a one-time ticket; keeps what arrives. */
async function listen(since?: string) {
  const [device] = venue.devices
  const ticket = await untilAnswered(() =>
    (device as NonNullable<typeof device>).send<{ data: { ticket: string } }>('POST', '/api/hp-scanner/live-tickets'),
  )
  const address = `${server.url.replace('http', 'ws')}/api/hp-scanner/live/${venue.eventId}`
  const query = new URLSearchParams({ ticket: ticket?.body.data.ticket ?? '', ...(since ? { since } : {}) })
  const socket = new WebSocket(`${address}?${query}`)
  const messages: ServerMessage[] = []
  socket.addEventListener('message', ({ data }) => messages.push(JSON.parse(String(data))))
  const next = async <T extends ServerMessage['type']>(type: T) => {
    for (const deadline = Date.now() + 5000; Date.now() < deadline; await sleep(10)) {
      const found = messages.find((message) => message.type === type)
      if (found) return found as Extract<ServerMessage, { type: T }>
    }
    throw new Error(`no ${type}; there was ${JSON.stringify(messages)}`)
  }
  const closed = new Promise<void>((resolve) => socket.addEventListener('close', () => resolve()))
  return { socket, messages, next, closed }
}

describe('a live socket of a whole server', () => {
  it('tells of an admission, and after a kill of what was missed', async () => {
    const [first, second] = venue.tickets
    const listener = await listen()
    const { cursor } = await listener.next('hello')
    await venue.devices[1]?.scan({ qrPayload: first?.token ?? '' })
    expect((await listener.next('standings')).items.map(({ ticketId }) => ticketId)).toEqual([first?.id])
    await server.kill9()
    await listener.closed
    await server.restart()
    await venue.devices[1]?.scan({ qrPayload: second?.token ?? '' })
    const again = await listen(cursor)
    const told = (await again.next('standings')).items.map(({ ticketId }) => ticketId)
    expect(new Set(told)).toEqual(new Set([first?.id, second?.id]))
    again.socket.close()
  })
})
