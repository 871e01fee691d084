import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest'
import { type Device, enrol, openVenue, type Venue } from './client.ts'
import { type Server, startServer } from './server.ts'
import { readGatekeeper } from './stored.ts'

export let server: Server
/** Where the bad calls go; its one ticket is genuine and stays outside until the last test. */
export let venue: Venue
export let token: string
/** Another organisation with an event of its own. */
export let others: Venue
/** So many entries are there for good reasons. */
export let logged = 0

/** Starts a server for the tests of a file. Whatever they send, nothing of it is stored. */
export function guardOneTicket(): void {
  beforeAll(async () => {
    server = await startServer()
    venue = await openVenue(server.url, { devices: 1, tickets: 1 })
    others = await openVenue(server.url, { devices: 1, tickets: 1 })
    token = venue.tickets[0]?.token ?? ''
  })
  afterAll(() => server?.remove())
  beforeEach(noteStored)
  afterEach(() => {
    expect(stored()).toBe(logged)
  })
}

export function stored(): number {
  return readGatekeeper(server.stateDir, venue.eventId).log.length
}

/** What is stored now is there for a good reason. */
export function noteStored(): void {
  logged = stored()
}

/** A device of its own for each test, since one device may do only so much that is wrong before it is stopped. */
export function scanner(): Promise<Device> {
  return enrol(venue.organiser, venue.path)
}
