import 'fake-indexeddb/auto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DeviceId, EventId, GateId, ScanId, StaffId, TicketId, ZoneId } from '../../core/ids.ts'
import { Calls } from '../../web/scanner/engine/calls.ts'
import { Clock } from '../../web/scanner/engine/clock.ts'
import type { HttpAnswer, HttpRequest } from '../../web/scanner/engine/ports.ts'
import { Queue } from '../../web/scanner/engine/queue.ts'
import type { KeptDevice, KeptScan } from '../../web/scanner/engine/store.ts'
import { webCryptography } from '../../web/scanner/platform/cryptography.ts'
import { openStore } from '../../web/scanner/platform/idb-store.ts'
import { browserTabs } from '../../web/scanner/platform/tabs.ts'
import { realTime } from '../../web/scanner/platform/time.ts'

type Item = { scanId: string; qrPayload: string; verdict: unknown; sequence: number }
type Answer = { status: number; body: unknown; headers?: Record<string, string> } | 'none'

let queues = 0

const device: KeptDevice = {
  eventId: '0198c0de-0000-7000-8000-0000000000ee' as EventId,
  deviceId: 'device' as DeviceId,
  deviceToken: 'device token',
  staffToken: 'staff token',
  expiresAt: Date.now() + 3_600_000,
  enrolment: {
    event: { id: 'e' as EventId, title: 'Tech Expo', timezone: 'UTC', startsAt: 0, endsAt: 0 },
    staff: { id: 'sam' as StaffId, name: 'Sam', role: 'scanner' },
    device: { id: 'device' as DeviceId, name: 'Phone' },
  },
  event: { zones: [] },
  gate: null,
  deviceKey: null,
}

/** A queue with so many pending scans, and somebody who answers what it sends. */
async function queueOf(count: number, server: (items: Item[], request: HttpRequest) => Answer) {
  const name = `queue-${queues++}`
  const store = await openStore(name)
  await store.put('device', device)
  for (let n = 1; n <= count; n++) await store.add(scanOf(n))
  const requests: HttpRequest[] = []
  const http = async (request: HttpRequest): Promise<HttpAnswer> => {
    requests.push(request)
    const items = (JSON.parse(request.body ?? '{}') as { scans?: Item[] }).scans ?? []
    const answer = server(items, request)
    if (answer === 'none') throw new Error('no answer')
    return {
      status: answer.status,
      header: (wanted) => answer.headers?.[wanted] ?? null,
      bytes: new TextEncoder().encode(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body)),
    }
  }
  const random = (length: number) => crypto.getRandomValues(new Uint8Array(length))
  const world = {
    time: realTime,
    tabs: browserTabs(name),
    crypto: webCryptography(),
    random,
    origin: 'https://door.invalid',
  }
  const ports = { store, http, ...world, appVersion: 'test' }
  const queue = new Queue(ports, new Calls(ports, new Clock(realTime, null)))
  return { queue, store, requests }
}

function scanOf(n: number): Omit<KeptScan, 'sequence'> {
  return {
    scanId: `0198c0de-0000-7000-8000-${String(n).padStart(12, '0')}` as ScanId,
    state: 'alone',
    ticketId: `0198c0de-0000-7000-9000-${String(n).padStart(12, '0')}` as TicketId,
    asked: { text: `CODE-${n}`, ticketId: null, source: 'camera', direction: null, force: null },
    gateId: 'A' as GateId,
    gateName: 'A',
    zone: 'main' as ZoneId,
    direction: 'entry',
    people: 1,
    at: n,
    clock: null,
    verdict: { kind: 'admitted', people: 1 },
    seq: null,
    annulled: false,
    problem: null,
  }
}

/** Answers every item as the contract has it. */
const taken = (items: Item[], outcome = 'ok'): Answer => ({
  status: 200,
  body: {
    success: true,
    results: { items: items.map(({ scanId }, index) => ({ index, scanId, outcome, entryLogId: String(index + 1) })) },
  },
})
const badRequest: Answer = {
  status: 400,
  body: { success: false, code: 'bad_request', message: 'It is not well-formed.' },
}

describe('what is pending', () => {
  it('goes home in batches, in order, and leaves the queue when it was answered', async () => {
    const seen: number[] = []
    const { queue, store, requests } = await queueOf(250, (items) => {
      seen.push(...items.map(({ sequence }) => sequence))
      return taken(items)
    })
    expect(await queue.flush()).toMatchObject({ answered: 250, more: false })
    expect(requests).toHaveLength(3)
    expect(seen).toEqual([...Array(250).keys()].map((i) => i + 1))
    expect(await store.count('alone')).toBe(0)
    expect((await store.inState('answered', 1))[0]).toMatchObject({ asked: null, seq: 1 })
  })

  it('stays where there is no answer, half an answer, or somebody else’s', async () => {
    const answers: Answer[] = [
      'none',
      { status: 503, body: { success: false } },
      { status: 200, body: '<html>Please log in to the hotel’s network</html>' },
      { status: 200, body: { success: true, results: { items: [] } } },
      { status: 403, body: { success: false, code: 'role_required' } },
    ]
    for (const answer of answers) {
      const { queue, store } = await queueOf(3, () => answer)
      expect(await queue.flush(), JSON.stringify(answer)).toMatchObject({ answered: 0, more: true })
      expect(await store.count('alone')).toBe(3)
    }
  })

  it('leaves item by item: what was not answered stays', async () => {
    let first = true
    const { queue, store } = await queueOf(3, (items) => {
      if (!first) return 'none'
      first = false
      return taken(items.slice(0, 2))
    })
    expect(await queue.flush()).toMatchObject({ answered: 2, more: true })
    expect((await store.inState('alone', 9)).map(({ sequence }) => sequence)).toEqual([3])
  })

  it('sets aside the one scan that the server takes for ill-formed, and brings the others home', async () => {
    const { queue, store } = await queueOf(100, (items) =>
      items.some(({ qrPayload }) => qrPayload === 'CODE-37') ? badRequest : taken(items),
    )
    expect((await queue.flush()).more).toBe(false)
    expect(await store.count('answered')).toBe(99)
    const [poisoned] = await store.inState('set_aside', 9)
    expect(poisoned).toMatchObject({ sequence: 37, problem: { code: 'bad_request' }, asked: { text: 'CODE-37' } })
  })

  it('sets aside an admission that cannot be written down, and keeps one that may be sent again', async () => {
    const outcomes = ['unknown_gate', 'internal', 'forged']
    const { queue, store } = await queueOf(3, (items) => ({
      status: 200,
      body: {
        success: true,
        results: {
          items: items.map(({ scanId, sequence }) => ({ scanId, outcome: 'refused', code: outcomes[sequence - 1] })),
        },
      },
    }))
    await queue.flush()
    expect((await store.inState('set_aside', 9)).map(({ sequence }) => sequence)).toEqual([1])
    expect((await store.inState('alone', 9)).map(({ sequence }) => sequence)).toEqual([2])
    expect((await store.inState('answered', 9)).map(({ sequence }) => sequence)).toEqual([3])
  })

  it('waits as long as the server asks for', async () => {
    const { queue, store } = await queueOf(2, () => ({
      status: 429,
      body: { success: false, code: 'rate_limited' },
      headers: { 'Retry-After': '30' },
    }))
    expect(await queue.flush()).toMatchObject({ more: true, waitMs: 30_000 })
    expect(await store.count('alone')).toBe(2)
  })

  it('renews the staff token once it has run out, and never shows the device token elsewhere', async () => {
    const { queue, requests } = await queueOf(2, (items, { path, headers }) => {
      if (path === '/api/devices/token') {
        return {
          status: 200,
          body: { success: true, data: { staffToken: 'new', expiresAt: '2099-01-01T00:00:00.000Z' } },
        }
      }
      return headers.Authorization === 'Bearer new'
        ? taken(items)
        : { status: 401, body: { success: false, code: 'unauthenticated' } }
    })
    expect(await queue.flush()).toMatchObject({ answered: 2, more: false })
    const telling = requests.filter(({ body, path, headers }) =>
      `${body}${path}${JSON.stringify(headers)}`.includes('device token'),
    )
    expect(telling.map(({ path }) => path)).toEqual(['/api/devices/token'])
  })

  it('says that the device was revoked, and only when the server says so', async () => {
    const { queue } = await queueOf(1, () => ({ status: 401, body: { success: false, code: 'device_revoked' } }))
    expect(await queue.flush()).toMatchObject({ revoked: true, more: true })
    const other = await queueOf(1, () => ({ status: 403, body: { success: false, code: 'device_token_invalid' } }))
    expect(await other.queue.flush()).toMatchObject({ revoked: false, more: true })
  })

  it('keeps a conflict for the person who let them in', async () => {
    const { queue, store } = await queueOf(1, ([item]) => ({
      status: 200,
      body: {
        success: true,
        results: {
          items: [
            {
              scanId: item?.scanId,
              outcome: 'conflict',
              shown: 'admitted',
              judged: 'already_admitted',
              entryLogId: '7',
              with: { scanId: 'other', deviceId: 'd2', gateId: 'B', scannedAt: '2026-09-12T18:30:00.000Z' },
            },
          ],
        },
      },
    }))
    await queue.flush()
    expect(await store.get('conflicts')).toMatchObject([
      {
        shown: { kind: 'admitted' },
        judged: { kind: 'refused', reason: 'already_admitted' },
        here: true,
        with: { gateId: 'B', scannedAt: Date.parse('2026-09-12T18:30:00.000Z') },
      },
    ])
  })

  it('is sent by one tab at a time, each scan once', async () => {
    const sent: string[] = []
    const { queue } = await queueOf(120, (items) => {
      sent.push(...items.map(({ scanId }) => scanId))
      return taken(items)
    })
    await Promise.all([queue.flush(), queue.flush(), queue.flush()])
    expect(sent).toHaveLength(120)
    expect(new Set(sent).size).toBe(120)
  })

  it('threat 34: comes home whole wherever the network is cut: none is lost, and whatever was answered is sent no more', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('answer', 'lost answer', 'lost', 'half', '503'), { maxLength: 12 }),
        async (cuts) => {
          const recorded = new Map<string, number>()
          const left = [...cuts]
          const { queue, store } = await queueOf(130, (items) => {
            const cut = left.shift() ?? 'answer'
            if (cut === 'lost') return 'none'
            if (cut === '503') return { status: 503, body: { success: false } }
            const reached = cut === 'half' ? items.slice(0, Math.ceil(items.length / 2)) : items
            for (const { scanId } of reached) recorded.set(scanId, (recorded.get(scanId) ?? 0) + 1)
            return cut === 'lost answer' ? 'none' : taken(reached, 'ok')
          })
          for (let tries = 0; (await queue.flush()).more && tries < 40; tries++) {
            // Every scan is on the device until the server has answered it.
            const here = await store.inState('alone', 1000)
            for (const { scanId } of here) expect(await store.scan(scanId)).not.toBeNull()
          }
          expect(recorded.size).toBe(130)
          expect(await store.count('alone')).toBe(0)
          expect(await store.count('answered')).toBe(130)
        },
      ),
      { numRuns: 15 },
    )
  })
})
