import { spawnSync } from 'node:child_process'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openVenue, type Venue } from './client.ts'
import { type Server, startServer } from './server.ts'

const hasPromtool = spawnSync('promtool', ['--version']).status === 0

let server: Server
let venue: Venue
beforeAll(async () => {
  server = await startServer()
  venue = await openVenue(server.url, { devices: 1, tickets: 2 })
})
afterAll(() => server.remove())

test.skipIf(!hasPromtool)(
  'what /metrics says is Prometheus text without anything to complain of, says promtool',
  async () => {
    const [device] = venue.devices
    for (const ticket of [...venue.tickets, ...venue.tickets]) await device?.scan({ qrPayload: ticket.token })
    await venue.organiser.ask('PUT', `${venue.path}/webhooks/crm`, { url: 'https://x.example/', events: ['zone.full'] })
    const { text } = await venue.organiser.send('GET', '/metrics')
    expect(text).toContain('code="already_admitted"} 2')
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' })
    expect([status, stdout, stderr]).toEqual([0, '', ''])
  },
)

test('stdout and stderr stay quiet while people scan, and hold no request', async () => {
  const [device] = venue.devices
  await device?.scan({ qrPayload: venue.tickets[0]?.token ?? '' })
  expect(server.output('stderr')).toBe('')
  expect(server.output('stdout')).toMatch(/^Admit One is ready at \S+\n$/)
})
