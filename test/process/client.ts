import { setTimeout as sleep } from 'node:timers/promises'
import { adminKey } from './server.ts'

/** An answer as it came. `body` is the JSON in it, believed to have the shape that the contract gives. */
export type Answer<T> = { status: number; headers: Headers; text: string; body: T }

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** What the contract says of a scan, as far as the tests look. */
export type ScanAnswer = {
  success: boolean
  verdict: string
  code?: string
  error?: string
  scanId: string
  replay: boolean
  data?: {
    entryLogId: string
    scan?: { scannedAt: string; gateId: string; gateName: string; staffId: string | null }
    duplicateAttemptNumber?: number
    originalScan?: { scannedAt: string; gateId: string; gateName: string; staffId: string; deviceId: string }
  }
}

export type Scan = { scanId: string; qrPayload: string; gateId: string; people?: number }
export type Ticket = { id: string; qr: { svg: string; png: string } }
export type Entry = { scanId: string; verdict: string; code: string | null; gateId: string; deviceId: string | null }

const TIMEOUT_MS = 20_000

/** Whoever makes calls with one credential. Connections are kept alive and shared by all. */
export class Client {
  readonly url: string
  readonly credential: string | null

  constructor(url: string, credential: string | null) {
    this.url = url
    this.credential = credential
  }

  /** Sends JSON, or a text or bytes as they are; throws only where no whole answer came. */
  async send<T>(
    method: Method,
    path: string,
    body?: object | string,
    more: { headers?: Record<string, string>; signal?: AbortSignal } = {},
  ): Promise<Answer<T>> {
    const isRaw = typeof body === 'string' || body instanceof Uint8Array || body instanceof ReadableStream
    const response = await fetch(this.url + path, {
      method,
      headers: {
        ...(this.credential === null ? {} : { Authorization: `Bearer ${this.credential}` }),
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...more.headers,
      },
      ...(body === undefined ? {} : { body: (isRaw ? body : JSON.stringify(body)) as BodyInit, duplex: 'half' }),
      signal: more.signal ?? AbortSignal.timeout(TIMEOUT_MS),
    })
    const text = await textOf(response)
    return { status: response.status, headers: response.headers, text, body: parsed(text) as T }
  }

  /** The same, where anything but success is a broken test. */
  async ask<T>(method: Method, path: string, body?: object): Promise<T> {
    const answer = await this.send<{ data: T }>(method, path, body)
    if (answer.status >= 300) throw new Error(`${method} ${path} gave ${answer.status}: ${answer.text}`)
    return answer.body.data
  }

  scan(scan: Partial<Scan> & { qrPayload: string }, signal?: AbortSignal): Promise<Answer<ScanAnswer>> {
    return this.send('POST', '/api/hp-scanner/validate-qr', { gateId: gateA, ...scan }, signal ? { signal } : {})
  }
}

/** A stream of events never ends; that it began is all there is to wait for. */
async function textOf(response: Response): Promise<string> {
  if (!response.headers.get('Content-Type')?.startsWith('text/event-stream')) return response.text()
  await response.body?.cancel()
  return ''
}

export type Device = Client & { deviceId: string; deviceToken: string }

/** An event with everything that is needed to scan: two gates, staff, devices and tickets with their codes. */
export type Venue = {
  admin: Client
  organiser: Client
  organisationId: string
  eventId: string
  path: string
  devices: Device[]
  tickets: (Ticket & { token: string })[]
}

export const gateA = 'GATE-A'
export const gateB = 'GATE-B'

export async function openVenue(url: string, wanted: { devices: number; tickets: number }): Promise<Venue> {
  const admin = new Client(url, adminKey)
  const { organisation, key } = await admin.ask<{ organisation: { id: string }; key: string }>(
    'POST',
    '/api/organisations',
    { name: 'Expo GmbH' },
  )
  const organiser = new Client(url, key)
  const eventId = await makeEvent(organiser)
  const path = `/api/events/${eventId}`
  return {
    admin,
    organiser,
    organisationId: organisation.id,
    eventId,
    path,
    devices: await inParallel([...Array(wanted.devices).keys()], 8, () => enrol(organiser, path)),
    tickets: await issue(organiser, path, wanted.tickets),
  }
}

/** Makes an event that is on now, with a ticket type `vip`, two gates and a member of staff. */
export async function makeEvent(organiser: Client): Promise<string> {
  const day = 24 * 60 * 60 * 1000
  const { event } = await organiser.ask<{ event: { id: string } }>('POST', '/api/events', {
    title: 'Tech Expo',
    startsAt: new Date(Date.now() - day).toISOString(),
    endsAt: new Date(Date.now() + day).toISOString(),
    timezone: 'Europe/Berlin',
    // A phone here stands for a crowd of them; the limits have tests of their own.
    limits: {
      scanBurst: 1_000_000,
      scansPerMinute: 1_000_000,
      callsPerMinute: 1_000_000,
      syncsPerFiveMinutes: 1_000_000,
      invalidCodesPerFiveMinutes: 1_000_000,
    },
  })
  const path = `/api/events/${event.id}`
  await organiser.ask('PUT', `${path}/ticket-types/vip`, { name: 'VIP' })
  await organiser.ask('PUT', `${path}/gates/${gateA}`, { name: 'Main Entrance' })
  await organiser.ask('PUT', `${path}/gates/${gateB}`, { name: 'Side Door' })
  await organiser.ask('PUT', `${path}/staff/sam`, { name: 'Sam', role: 'scanner' })
  return event.id
}

/** Invites a device and enrols it. */
export async function enrol(organiser: Client, path: string, staffId = 'sam'): Promise<Device> {
  const { code } = await organiser.ask<{ code: string }>('POST', `${path}/enrolments`, {
    staffId,
    gateId: gateA,
  })
  const { deviceId, deviceToken, staffToken } = await new Client(organiser.url, null).ask<
    Pick<Device, 'deviceId' | 'deviceToken'> & { staffToken: string }
  >('POST', '/api/devices/enrol', { code, deviceName: 'Phone', deviceType: 'mobile' })
  return Object.assign(new Client(organiser.url, staffToken), { deviceId, deviceToken })
}

/** Issues tickets in batches and gets the text of each one's code. */
export async function issue(organiser: Client, path: string, count: number): Promise<(Ticket & { token: string })[]> {
  const tickets = await issueBatches(
    organiser,
    path,
    [...Array(count)].map(() => ({})),
  )
  return inParallel(tickets, 16, async (ticket) => ({ ...ticket, token: await tokenOf(organiser, path, ticket.id) }))
}

/** Issues tickets with codes that were printed elsewhere, which then are their codes. */
export async function issuePrinted(organiser: Client, path: string, count: number) {
  const codes = [...Array(count).keys()].map((i) => `PRINTED-${String(i).padStart(6, '0')}`)
  const tickets = await issueBatches(
    organiser,
    path,
    codes.map((code) => ({ code })),
  )
  return tickets.map((ticket, i) => ({ ...ticket, token: codes[i] ?? '' }))
}

export async function tokenOf(organiser: Client, path: string, ticketId: string): Promise<string> {
  const answer = await organiser.send<{ qr_token: string }>('GET', `${path}/tickets/${ticketId}/qr?format=png&size=64`)
  if (answer.status !== 200) throw new Error(`no code for ${ticketId}: ${answer.status} ${answer.text}`)
  return answer.body.qr_token
}

/**
 * Makes a call again and again until it is answered, since a lost connection or a 5xx means "unknown"; gives null where
 * there was no answer when it was enough.
 */
export async function untilAnswered<T>(
  call: () => Promise<Answer<T>>,
  isEnough: () => boolean = () => false,
): Promise<Answer<T> | null> {
  for (const deadline = Date.now() + 30_000; Date.now() < deadline; await sleep(80)) {
    try {
      const answer = await call()
      if (answer.status < 500) return answer
    } catch {
      // The server was killed, or is not back yet.
    }
    if (isEnough()) break
  }
  return null
}

/** Does work on every item, so many at a time; gives the results in the order of the items. */
export async function inParallel<T, R>(items: T[], width: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  const left = items.entries()
  const worker = async () => {
    for (const [i, item] of left) results[i] = await work(item)
  }
  await Promise.all([...Array(Math.min(width, items.length))].map(worker))
  return results
}

async function issueBatches(organiser: Client, path: string, wanted: object[]): Promise<Ticket[]> {
  const tickets: Ticket[] = []
  for (let i = 0; i < wanted.length; i += 500) {
    const batch = wanted.slice(i, i + 500).map((one) => ({ type: 'vip', ...one }))
    tickets.push(...(await organiser.ask<{ tickets: Ticket[] }>('POST', `${path}/tickets`, { tickets: batch })).tickets)
  }
  return tickets
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // An image, or nothing at all.
    return null
  }
}
