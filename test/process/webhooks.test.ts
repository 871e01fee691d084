import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { inParallel, openVenue, untilAnswered } from './client.ts'
import { type Manner, startReceiver } from './receiver.ts'
import { type Server, startServer } from './server.ts'

let server: Server
const stops: (() => void)[] = []
beforeEach(async () => {
  server = await startServer({ options: ['--allow-local-webhooks'] })
})
afterEach(async () => {
  for (const stop of stops.splice(0)) stop()
  await server.remove()
})

test('a receiver that fails, hangs, redirects, floods and is cut off misses nothing, though the server is killed', async () => {
  const SCANS = 120
  // The first attempts at some messages go wrong, each in its own way.
  const mishaps: Manner[] = ['error', 'redirect', 'hang', 'huge', 'cut']
  const seen = new Set<string>()
  const receiver = await startReceiver((id, attempt) => {
    seen.add(id)
    return (attempt === 1 && seen.size % 9 === 0 && mishaps[(seen.size / 9) % mishaps.length]) || 'ok'
  })
  // Another organiser's system that never answers must not matter to this one.
  const deaf = await startReceiver(() => 'hang')
  stops.push(receiver.stop, deaf.stop)
  const { organiser, path, devices, tickets } = await openVenue(server.url, { devices: 4, tickets: SCANS })
  const put = (id: string, url: string) =>
    organiser.ask<{ secret: string }>('PUT', `${path}/webhooks/${id}`, { url, events: ['ticket.admitted'] })
  receiver.verifyWith((await put('crm', receiver.url)).secret)
  await put('deaf', deaf.url)

  const scanAll = (part: typeof tickets) =>
    inParallel([...part.entries()], 4, async ([i, ticket]) => {
      const scanId = crypto.randomUUID()
      const device = devices[i % devices.length]
      const answer = await untilAnswered(async () => {
        if (!device) throw new Error('no device')
        return device.scan({ scanId, qrPayload: ticket.token })
      })
      expect(answer?.body.verdict).toBe('admitted')
    })
  await scanAll(tickets.slice(0, SCANS / 2))
  await vi.waitFor(() => expect(receiver.received.length).toBeGreaterThan(10), { timeout: 30_000 })
  await server.kill9()
  await server.restart()
  await scanAll(tickets.slice(SCANS / 2))

  const told = () =>
    new Set(
      receiver.received.filter(({ manner }) => manner === 'ok' || manner === 'huge').map(({ ticketId }) => ticketId),
    )
  await vi.waitFor(() => expect(told().size).toBe(SCANS), { timeout: 90_000, interval: 250 })
  expect(told()).toEqual(new Set(tickets.map(({ id }) => id)))
  // Each ticket has one message, however often it was sent.
  expect(new Set(receiver.received.map(({ id }) => id)).size).toBe(SCANS)
  expect(receiver.received.filter(({ isGenuine }) => !isGenuine)).toEqual([])
  expect(receiver.elsewhere).toEqual([])
  // Otherwise it was no test.
  for (const manner of mishaps) expect(receiver.received.map((one) => one.manner)).toContain(manner)
  await vi.waitFor(async () => {
    const { webhook } = await organiser.ask<{ webhook: object }>('GET', `${path}/webhooks/crm`)
    expect(webhook).toMatchObject({ state: 'active', pending: 0, failed: 0 })
  })
  const { webhook } = await organiser.ask<{ webhook: object }>('GET', `${path}/webhooks/deaf`)
  expect(webhook).toMatchObject({ state: 'failing', failed: 0 })
})

test('only a start that was asked to takes addresses on this computer', async () => {
  const plain = await startServer()
  stops.push(() => void plain.remove())
  const { organiser, path } = await openVenue(plain.url, { devices: 0, tickets: 0 })
  const body = { url: 'http://127.0.0.1:9/', events: ['zone.full'] }
  const refused = await organiser.send<{ data: { issues: object[] } }>('PUT', `${path}/webhooks/crm`, body)
  expect(refused.status).toBe(400)
  expect(refused.body.data.issues).toMatchObject([{ field: 'url' }])
})
