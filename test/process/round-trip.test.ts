import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { prepareZXingModule, readBarcodes } from 'zxing-wasm/reader'
import {
  Client,
  type Device,
  type Entry,
  gateA,
  gateB,
  openVenue,
  type ScanAnswer,
  tokenOf,
  type Venue,
} from './client.ts'
import { substance } from './history.ts'
import { type Server, startInVain, startServer } from './server.ts'

let server: Server
let venue: Venue
let first: Device
let second: Device
let ticket: Venue['tickets'][number]

beforeAll(async () => {
  const wasm = createRequire(import.meta.url).resolve('zxing-wasm/reader/zxing_reader.wasm')
  await prepareZXingModule({ overrides: { wasmBinary: readFileSync(wasm) }, fireImmediately: true })
  server = await startServer()
  venue = await openVenue(server.url, { devices: 2, tickets: 2 })
  ;[first, second] = venue.devices as [Device, Device]
  ;[ticket] = venue.tickets as [Venue['tickets'][number]]
})

afterAll(() => server?.remove())

describe('a ticket, from its issue to the door', () => {
  const admission = { scanId: '', scannedAt: '' }

  test('has an image that another decoder reads, and it holds the ticket’s code', async () => {
    const response = await get(ticket.qr.png)
    expect(response.headers.get('Content-Type')).toBe('image/png')
    const found = await readBarcodes(new Uint8Array(await response.arrayBuffer()), { formats: ['QRCode'] })
    expect(found.map(({ text }) => text)).toEqual([ticket.token])
  })

  test('is admitted', async () => {
    const answer = await first.scan({ qrPayload: ticket.token, gateId: gateA })
    expect(answer.status).toBe(200)
    expect(answer.body).toMatchObject({
      success: true,
      message: 'Entry granted',
      verdict: 'admitted',
      replay: false,
      data: {
        scan: { gateId: gateA, gateName: 'Main Entrance', staffId: 'sam', ticketStatus: 'valid', direction: 'entry' },
      },
    })
    admission.scanId = answer.body.scanId
    admission.scannedAt = answer.body.data?.scan?.scannedAt ?? ''
    expect(admission.scannedAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  })

  test('is refused the second time, saying when, where and by whom it was admitted', async () => {
    const answer = await second.scan({ qrPayload: ticket.token, gateId: gateB })
    expect(answer.status).toBe(409)
    expect(answer.body).toMatchObject({ ...duplicate, data: { duplicateAttemptNumber: 2, originalScan: original() } })
  })

  test('is the same ticket when its code is spelt in lower case', async () => {
    const answer = await first.scan({ qrPayload: ticket.token.toLowerCase(), gateId: gateA })
    expect(answer.status).toBe(409)
    expect(answer.body).toMatchObject({ ...duplicate, data: { duplicateAttemptNumber: 3, originalScan: original() } })
  })

  test('shows all three scans in its details', async () => {
    expect(await scansOf(ticket.id)).toMatchObject([
      { scanId: admission.scanId, verdict: 'admitted', code: null, gateId: gateA, deviceId: first.deviceId },
      { verdict: 'refused', code: 'already_admitted', gateId: gateB, deviceId: second.deviceId },
      { verdict: 'refused', code: 'already_admitted', gateId: gateA, deviceId: first.deviceId },
    ])
  })

  test('is remembered after the server was stopped and started anew', async () => {
    const scan = { scanId: crypto.randomUUID(), qrPayload: venue.tickets[1]?.token ?? '', gateId: gateB }
    const before = await second.scan(scan)
    expect(before.body).toMatchObject({ verdict: 'admitted', replay: false })
    const scansBefore = await scansOf(ticket.id)

    await server.stop()
    await server.restart()

    expect(await tokenOf(venue.organiser, venue.path, ticket.id)).toBe(ticket.token)
    expect(await scansOf(ticket.id)).toEqual(scansBefore)
    const again = await second.scan(scan)
    expect(again.body.replay).toBe(true)
    expect(substance(again)).toBe(substance(before))
    const another = await second.scan({ qrPayload: ticket.token, gateId: gateB })
    expect(another.status).toBe(409)
    expect(another.body).toMatchObject({ ...duplicate, data: { duplicateAttemptNumber: 4, originalScan: original() } })
  })

  const duplicate = { success: false, verdict: 'refused', code: 'already_admitted', error: 'Duplicate scan' }

  function original(): NonNullable<ScanAnswer['data']>['originalScan'] {
    return {
      scannedAt: admission.scannedAt,
      gateId: gateA,
      gateName: 'Main Entrance',
      staffId: 'sam',
      deviceId: first.deviceId,
    }
  }

  async function scansOf(ticketId: string): Promise<Entry[]> {
    const shown = await venue.organiser.ask<{ ticket: { scans: Entry[] } }>('GET', `${venue.path}/tickets/${ticketId}`)
    return shown.ticket.scans
  }
})

describe('the image of a code', () => {
  test.each(['svg', 'png'] as const)('as %s is drawn once and then kept', async (format) => {
    const url = `${ticket.qr[format]}?size=400`
    const drawn = await get(url)
    expect(drawn.headers.get('X-Cache')).toBe('MISS')
    expect(drawn.headers.get('Cache-Control')).toMatch(/private/)
    const bytes = Buffer.from(await drawn.arrayBuffer())
    // It is put into the cache after the answer.
    const kept = await vi.waitFor(async () => {
      const again = await get(url)
      expect(again.headers.get('X-Cache')).toBe('HIT')
      return again
    }, waiting)
    expect(Buffer.from(await kept.arrayBuffer()).equals(bytes)).toBe(true)
  })

  test('as SVG is an SVG', async () => {
    const response = await get(ticket.qr.svg)
    expect(response.headers.get('Content-Type')).toMatch(/^image\/svg\+xml/)
    expect(await response.text()).toMatch(/^<svg [\s\S]*<\/svg>\s*$/)
  })

  test.each(['svg', 'png'] as const)('as %s is not sent again to whoever has it', async (format) => {
    const etag = (await get(ticket.qr[format])).headers.get('ETag') ?? ''
    expect(etag).not.toBe('')
    const unchanged = await get(ticket.qr[format], { 'If-None-Match': etag })
    expect(unchanged.status).toBe(304)
    expect(await unchanged.text()).toBe('')
    const other = await get(ticket.qr[format], { 'If-None-Match': '"something-else"' })
    expect(other.status).toBe(200)
  })
})

describe('the server', () => {
  test('says in exactly one line that it is ready, and nothing more', async () => {
    await vi.waitFor(() => expect(server.output('stdout')).toMatch(/\n$/), waiting)
    expect(server.output('stdout')).toBe(`Admit One is ready at ${server.url}\n`)
    expect(server.output('stderr')).toBe('')
  })

  test('does not start where another one listens, and says so in one line', async () => {
    const { code, stdout, stderr } = await startInVain(server.port, `${server.stateDir}-second`)
    expect(code).toBe(1)
    expect(stdout).toBe('')
    expect(stderr).toMatch(new RegExp(`^[^\\n]*\\b${server.port}\\b[^\\n]*\\n$`))
  })

  test('does not start over a state that another one has, and says so in one line', async () => {
    const { code, stdout, stderr } = await startInVain(0, server.stateDir)
    expect(code).toBe(1)
    expect(stdout).toBe('')
    expect(stderr).toMatch(/^[^\n]*in use[^\n]*\n$/)
  })

  test('goes on serving whoever asks after those attempts', async () => {
    expect((await new Client(server.url, null).send('GET', '/api/hp-scanner/health')).status).toBe(200)
  })
})

const waiting = { timeout: 10_000, interval: 50 }

function get(url: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, { headers, signal: AbortSignal.timeout(20_000) })
}
