import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Device, type Entry, enrol, gateA, gateB, inParallel, openVenue, type Venue } from './client.ts'
import { ackOf, checkHistory, substance } from './history.ts'
import { type Server, startServer } from './server.ts'
import { readD1, readGatekeeper } from './stored.ts'

let server: Server

beforeAll(async () => {
  server = await startServer()
})

afterAll(() => server?.remove())

describe('200 scans of one ticket at once, from 20 devices', () => {
  test('threat 02: admit it once and refuse it 199 times, counting each attempt', async () => {
    const venue = await openVenue(server.url, { devices: 20, tickets: 1 })
    const ticket = only(venue.tickets)
    const answers = await Promise.all(
      [...Array(200).keys()].map((i) => device(venue, i).scan({ qrPayload: ticket.token, gateId: gateA })),
    )

    const admitted = only(answers.filter(({ status }) => status === 200))
    expect(admitted.body.verdict).toBe('admitted')
    const refused = answers.filter((answer) => answer !== admitted)
    expect(refused.map(({ status, body }) => `${status} ${body.code}`)).toEqual(Array(199).fill('409 already_admitted'))
    const attempts = refused.map(({ body }) => body.data?.duplicateAttemptNumber ?? 0).sort((a, b) => a - b)
    expect(attempts).toEqual([...Array(199).keys()].map((i) => i + 2))
    // All of them are told of the same admission.
    const told = new Set(refused.map(({ body }) => body.data?.originalScan?.scannedAt))
    expect([...told]).toEqual([admitted.body.data?.scan?.scannedAt])
  })
})

// Twenty scans a device, which the contract lets a device make at once.
describe('500 scans of 500 tickets at once, from 25 devices', () => {
  test('admit all 500, and the counters, the log and D1 all say 500', async () => {
    const venue = await openVenue(server.url, { devices: 25, tickets: 500 })
    const sentAt = performance.now()
    const acks = await Promise.all(
      venue.tickets.map(async (ticket, i) => {
        const scan = { scanId: crypto.randomUUID(), qrPayload: ticket.token, gateId: i % 2 === 0 ? gateA : gateB }
        return ackOf(scan, await device(venue, i).scan(scan), ticket.id, sentAt)
      }),
    )
    expect(acks.map(({ status, body }) => `${status} ${body.verdict}`)).toEqual(Array(500).fill('200 admitted'))

    await vi.waitFor(() => expect(readD1(server.stateDir, venue.eventId)).toHaveLength(500), waiting)
    await vi.waitFor(() => expect(readGatekeeper(server.stateDir, venue.eventId).stats?.seq).toBe(500), waiting)
    const stored = readGatekeeper(server.stateDir, venue.eventId)
    const { log, standings, stats } = stored
    expect(log.map(({ entry }) => entry.verdict.kind)).toEqual(Array(500).fill('admitted'))
    expect(standings).toEqual(Array(500).fill({ entries: 1, exits: 0, inside: 1, presented: 1 }))
    expect(stats).toMatchObject({
      seq: 500,
      scans: 500,
      admitted: 500,
      exited: 0,
      visited: 0,
      tickets: 500,
      refused: {},
      byGate: { [gateA]: 250, [gateB]: 250 },
      byStaff: { sam: 500 },
      byType: { vip: 500 },
      byDevice: Object.fromEntries(venue.devices.map(({ deviceId }) => [deviceId, 20])),
      scansByDevice: Object.fromEntries(venue.devices.map(({ deviceId }) => [deviceId, 20])),
      visits: {},
      visitors: {},
      inside: { main: 500 },
      insideByType: { main: { vip: 500 } },
    })
    expect(checkHistory({ acked: acks }, stored, readD1(server.stateDir, venue.eventId))).toEqual([])

    const shown = await inParallel(venue.tickets, 16, async ({ id }) => {
      const { ticket } = await venue.organiser.ask<{ ticket: { scans: Entry[] } }>('GET', `${venue.path}/tickets/${id}`)
      return ticket.scans.map(({ scanId, verdict }) => `${verdict} by ${scanId}`)
    })
    expect(shown).toEqual(acks.map(({ scan }) => [`admitted by ${scan.scanId}`]))
  })
})

describe('one scanId', () => {
  let venue: Venue
  beforeAll(async () => {
    venue = await openVenue(server.url, { devices: 1, tickets: 2 })
  })

  test('sent 20 times at once is judged once, logged once, and answered alike each time', async () => {
    const scan = { scanId: crypto.randomUUID(), qrPayload: venue.tickets[0]?.token ?? '', gateId: gateA }
    const answers = await Promise.all([...Array(20)].map(() => device(venue, 0).scan(scan)))

    expect(answers[0]?.status).toBe(200)
    expect([...new Set(answers.map(substance))]).toHaveLength(1)
    expect(answers.filter(({ body }) => body.replay === false)).toHaveLength(1)
    expect(answers.filter(({ body }) => body.replay === true)).toHaveLength(19)
    const logged = readGatekeeper(server.stateDir, venue.eventId).log.filter(
      ({ entry }) => entry.scanId === scan.scanId,
    )
    expect(logged).toHaveLength(1)
  })

  test('threat 33: used for another scan is refused, and the first scan stands as it was', async () => {
    const scanner = await enrol(venue.organiser, venue.path)
    const scan = { scanId: crypto.randomUUID(), qrPayload: venue.tickets[1]?.token ?? '', gateId: gateA, people: 1 }
    const before = await scanner.scan(scan)
    expect(before.status).toBe(200)

    const others = [{ qrPayload: venue.tickets[0]?.token ?? '' }, { gateId: gateB }, { people: 2 }]
    for (const other of others) {
      const answer = await scanner.scan({ ...scan, ...other })
      expect(answer.status, JSON.stringify(other)).toBe(409)
      expect(answer.body, JSON.stringify(other)).toMatchObject({ success: false, code: 'scan_id_conflict' })
    }

    const again = await scanner.scan(scan)
    expect(again.body.replay).toBe(true)
    expect(substance(again)).toBe(substance(before))
    const { log } = readGatekeeper(server.stateDir, venue.eventId)
    expect(log.filter(({ entry }) => entry.scanId === scan.scanId)).toHaveLength(1)
  })
})

const waiting = { timeout: 30_000, interval: 100 }

function device(venue: Venue, i: number): Device {
  return venue.devices[i % venue.devices.length] as Device
}

function only<T>(items: T[]): T {
  expect(items).toHaveLength(1)
  return items[0] as T
}
