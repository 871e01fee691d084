import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { prepareZXingModule, readBarcodes } from 'zxing-wasm/reader'
import { type EventId, parseUuid } from '../../core/ids.ts'
import { eventTagOf } from '../../core/keys.ts'
import { defaultQrStyle, qrSvg } from '../../core/qr.ts'
import { openToken, sealToken, unsealHere } from '../../core/token.ts'
import { eventKeys } from '../../workers/signing.ts'
import { Client } from './client.ts'
import { adminKey, type Server, startServer, ticketKey } from './server.ts'

const TICKETS = 5000
const AT_ONCE = 256
const MOST_MEMORY_MB = 700

let server: Server
beforeAll(async () => {
  server = await startServer()
  const wasm = createRequire(import.meta.url).resolve('zxing-wasm/reader/zxing_reader.wasm')
  await prepareZXingModule({ overrides: { wasmBinary: readFileSync(wasm) }, fireImmediately: true })
})
afterAll(() => server?.remove())

test('5,000 different codes that nobody asked for before are all drawn at once, each its own, in bounded memory', {
  timeout: 600_000,
}, async () => {
  const admin = new Client(server.url, adminKey)
  const organisation = await admin.ask<{ key: string }>('POST', '/api/organisations', { name: 'The Organisers' })
  const organiser = new Client(server.url, organisation.key)
  const eventId = await newEvent(organiser)
  const tickets = await issue(organiser, eventId)

  const svgs = await Promise.all(inLanes(tickets, async ({ qr }) => get(qr.svg)))
  expect(new Set(svgs.map(({ status }) => status))).toEqual(new Set([200]))

  // Every one is the drawing of its own ticket's code, and of no other.
  const expected = await codesOf(organiser, eventId, tickets)
  svgs.forEach(({ text }, i) => {
    if (text !== qrSvg(expected[i] ?? '', defaultQrStyle)) throw new Error(`the image of ticket ${i} is another's`)
  })
  expect(new Set(svgs.map(({ etag }) => etag)).size).toBe(TICKETS)

  // And what a scanner reads is the code.
  for (let i = 0; i < TICKETS; i += TICKETS / 20) {
    const png = await fetch(tickets[i]?.qr.png ?? '')
    const [read] = await readBarcodes(new Uint8Array(await png.arrayBuffer()), { formats: ['QRCode'] })
    expect(read?.text).toBe(expected[i])
  }
  const memory = server.memoryMb()
  expect(memory).toBeGreaterThan(10)
  expect(memory).toBeLessThan(MOST_MEMORY_MB)
})

type Issued = { id: string; qr: { svg: string; png: string } }

async function newEvent(organiser: Client): Promise<EventId> {
  const { event } = await organiser.ask<{ event: { id: string } }>('POST', '/api/events', {
    title: 'The rush',
    startsAt: new Date(Date.now() + 3_600_000).toISOString(),
    endsAt: new Date(Date.now() + 36_000_000).toISOString(),
    timezone: 'Europe/Berlin',
  })
  await organiser.ask('PUT', `/api/events/${event.id}/ticket-types/standard`, { name: 'Standard' })
  return parseUuid<EventId>(event.id) as EventId
}

async function issue(organiser: Client, eventId: EventId): Promise<Issued[]> {
  const made: Issued[] = []
  while (made.length < TICKETS) {
    const wanted = Array.from({ length: 500 }, () => ({ type: 'standard' }))
    const { tickets } = await organiser.ask<{ tickets: Issued[] }>('POST', `/api/events/${eventId}/tickets`, {
      tickets: wanted,
    })
    made.push(...tickets)
  }
  return made
}

/** Seals the codes here. The tickets of one call share all claims but the id, and the server says what they are. */
async function codesOf(organiser: Client, eventId: EventId, tickets: Issued[]): Promise<string[]> {
  const { sealing, sign, verify } = await eventKeys(ticketKey, eventTagOf(eventId))
  const codes: string[] = []
  for (let first = 0; first < tickets.length; first += 500) {
    const path = `/api/events/${eventId}/tickets/${tickets[first]?.id}/qr`
    const { body } = await organiser.send<{ qr_token: string }>('GET', path)
    const opened = await openToken(body.qr_token, [sealing], verify, unsealHere)
    if (!opened.ok) throw new Error(`the server gave a code that is ${opened.reason}`)
    for (const { id } of tickets.slice(first, first + 500)) {
      codes.push(await sealToken({ ...opened.claims, ticketId: id as typeof opened.claims.ticketId }, sealing, sign))
    }
  }
  return codes
}

async function get(url: string) {
  const response = await fetch(url)
  return { status: response.status, text: await response.text(), etag: response.headers.get('ETag') }
}

/** Takes all of them in hand at once, as far as the sockets go. */
function inLanes<T, R>(items: T[], work: (item: T) => Promise<R>): Promise<R>[] {
  const lanes = Array.from({ length: AT_ONCE }, () => Promise.resolve() as Promise<unknown>)
  return items.map((item, i) => {
    const turn = (lanes[i % AT_ONCE] as Promise<unknown>).then(() => work(item))
    lanes[i % AT_ONCE] = turn
    return turn
  })
}
