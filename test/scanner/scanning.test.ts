import { createPrivateKey, createPublicKey, sign } from 'node:crypto'
import { hexToBytes } from '@noble/hashes/utils.js'
import { afterEach, describe, expect, it } from 'vitest'
import { toBase64url } from '../../core/base64url.ts'
import { writeCursor } from '../../core/cursor.ts'
import { defaultPolicy, type Policy } from '../../core/event.ts'
import type { EventId, GateId, OrganisationId, TicketId, TypeId, ZoneId } from '../../core/ids.ts'
import { deriveSealingKeys, eventTagOf } from '../../core/keys.ts'
import { defaultLimits } from '../../core/limits.ts'
import { defaultRetention, nothingForgotten } from '../../core/retention.ts'
import type { KnownStatus, Snapshot } from '../../core/snapshot.ts'
import { encodeSnapshot } from '../../core/snapshot-bytes.ts'
import { sealToken } from '../../core/token.ts'
import type { HttpAnswer, HttpRequest, OpenSocket, Ports } from '../../web/scanner/engine/ports.ts'
import type { Shown } from '../../web/scanner/engine/shown.ts'
import { openStore } from '../../web/scanner/platform/idb-store.ts'
import { realTime } from '../../web/scanner/platform/time.ts'
import { Phone, until } from './phone.ts'

const eventId = '0198c0de-0000-7000-8000-0000000000ee' as EventId
const ticketId = '0198c0de-0000-7000-8000-000000000001' as TicketId
const keys = deriveSealingKeys('a secret of the tests', eventTagOf(eventId), 1)
const privateKey = createPrivateKey({
  key: Buffer.concat([Buffer.from(hexToBytes('302e020100300506032b657004220420')), Buffer.from(keys.signingSeed)]),
  format: 'der',
  type: 'pkcs8',
})
const publicKey = createPublicKey(privateKey).export({ format: 'jwk' }).x ?? ''
const otherTicketId = '0198c0de-0000-7000-8000-000000000002' as TicketId
const tokenOf = (id: TicketId) =>
  sealToken(
    { ticketId: id, issuedAt: 1_700_000_000, validFrom: null, validUntil: null, type: 0, admits: 1 },
    keys,
    async (message) => new Uint8Array(sign(null, message, privateKey)),
  )
const token = await tokenOf(ticketId)

type Answer = { status: number; body?: unknown; bytes?: Uint8Array; headers?: Record<string, string> } | 'none'
/** Whether the phone has a network, and how much later it is than it was. */
type Around = { isUp: boolean; passedMs: number }
type Server = (request: HttpRequest) => Answer | Promise<Answer>

const hour = 3_600_000
const day = 24 * hour
const phones: Phone[] = []
afterEach(() => {
  for (const phone of phones.splice(0)) phone.turnOff()
})

const ok = (data: unknown, status = 200): Answer => ({ status, body: { success: true, data } })
const refused = (status: number, code: string, more: object = {}): Answer => ({
  status,
  body: { success: false, code, message: 'In words.', ...more },
})
const admitted: Answer = {
  status: 200,
  body: {
    success: true,
    verdict: 'admitted',
    data: { entryLogId: '7', ticketId, scan: { admitted: 1, remaining: 0 } },
  },
}

/** Waiting takes a twentieth of the time. */
const impatient = { ...realTime, after: (ms: number, call: () => void) => realTime.after(ms / 20, call) }

/** A phone whose server answers by a script: what a real one does in its worst moments. */
async function phoneAt(
  server: Server,
  options: {
    policy?: Partial<Policy>
    endsAt?: number
    role?: string
    ports?: Partial<Ports>
    socket?: boolean
    around?: Around
    /** Answers in the place of a whole snapshot once the phone asks for what changed since the one it has. */
    difference?: () => Promise<Answer>
  } = {},
) {
  const requests: HttpRequest[] = []
  const http = async (request: HttpRequest): Promise<HttpAnswer> => {
    requests.push(request)
    const answer = await answerTo(request)
    if (answer === 'none') throw new Error('no answer')
    const bytes = answer.bytes ?? new TextEncoder().encode(JSON.stringify(answer.body ?? {}))
    return { status: answer.status, header: (name) => answer.headers?.[name] ?? null, bytes }
  }
  const answerTo = (request: HttpRequest): Answer | Promise<Answer> => {
    if (options.around?.isUp === false) return 'none'
    if (request.path === '/api/devices/enrol') {
      return ok(
        {
          deviceId: 'device',
          deviceToken: 'device token',
          staffToken: 'staff token',
          expiresAt: new Date(Date.now() + 365 * day).toISOString(),
          event: { id: eventId, title: 'Tech Expo', timezone: 'UTC', endsAt: options.endsAt ?? null },
          gate: { id: 'A', name: 'Gate A', kind: 'entry', zone: 'main' },
          staff: { id: 'sam', name: 'Sam', role: options.role ?? 'scanner' },
        },
        201,
      )
    }
    if (request.path.startsWith('/api/hp-scanner/snapshot')) {
      const { difference } = options
      return difference && request.path.includes('since=') ? difference() : { status: 200, bytes: snapshot(options) }
    }
    if (request.path.startsWith('/api/hp-scanner/live-tickets')) {
      return options.socket ? ok({ ticket: 'once' }) : refused(404, 'not_found')
    }
    return server(request)
  }
  const phone = new Phone('http://nowhere.invalid', { http, time: impatient, ...options.ports })
  phones.push(phone)
  const engine = await phone.start()
  const enrolled = await engine.enrol('https://nowhere.invalid/scan#enrol=ABCDEFGHIJKLMNOPQRSTUVWXYZ', {
    name: 'Phone',
    type: 'mobile',
  })
  expect(enrolled).toEqual({ ok: true, value: null })
  const scan = (more: { force?: { reason: string } } = {}) =>
    engine.scan({ what: { text: token }, source: 'camera', ...more })
  const asked = () => requests.filter(({ path }) => path.endsWith('/validate-qr')).length
  return { phone, engine, requests, scan, asked }
}

type Told = { policy?: Partial<Policy>; endsAt?: number; around?: Around }

function snapshot({ policy = {}, endsAt = Date.now() + day, around }: Told, later: Partial<Snapshot> = {}): Uint8Array {
  const nothing = { validFrom: null, validUntil: null, capacity: null, price: null, note: null }
  return encodeSnapshot({
    event: {
      id: eventId,
      organisationId: '0198c0de-0000-7000-8000-0000000000aa' as OrganisationId,
      title: 'Tech Expo',
      startsAt: 0,
      endsAt,
      timezone: 'UTC',
      location: null,
      capacity: null,
      zones: [{ id: 'main' as ZoneId, name: 'Main', capacity: null, reentry: 'none', everyoneOutAt: null }],
      policy: { ...defaultPolicy, ...policy },
      limits: defaultLimits,
      rehearsalOf: null,
      retention: defaultRetention,
      forgotten: nothingForgotten,
      createdAt: 0,
      closedAt: null,
    },
    keys: { readKey: toBase64url(keys.readKey), publicKeys: [{ keyId: 1, publicKey, validUntil: null }] },
    ticketTypes: [
      {
        id: 'vip' as TypeId,
        number: 0,
        name: 'VIP',
        admits: 1,
        zones: ['main' as ZoneId],
        requiresAttention: false,
        ...nothing,
      },
    ],
    gates: [{ id: 'A' as GateId, name: 'Gate A', kind: 'entry', zone: 'main' as ZoneId, accepts: null }],
    policy: { ...defaultPolicy, ...policy },
    everyoneOut: [],
    lease: null,
    cursor: writeCursor({ seq: 1, revision: 1, epoch: 1 }),
    full: true,
    serverTime: Date.now() + (around?.passedMs ?? 0),
    standings: [],
    revocations: [],
    codes: [],
    ...later,
  })
}

const word = ({ verdict, judgedBy }: Shown) => {
  const what =
    verdict.kind === 'refused'
      ? verdict.refusal.reason
      : verdict.kind === 'undecided'
        ? verdict.because.reason
        : verdict.kind
  return `${what} by ${judgedBy}`
}

describe('a scan', () => {
  it.each<[string, Server]>([
    ['no answer', () => 'none'],
    ['an answer that takes too long', () => new Promise(() => {})],
    ['a server that is overloaded', () => ({ status: 503, body: { success: false, code: 'unavailable' } })],
    ['a portal that wants a login', () => ({ status: 200, bytes: new TextEncoder().encode('<html>Welcome!</html>') })],
    ['a proxy’s own 404', () => ({ status: 404, bytes: new TextEncoder().encode('Not Found') })],
  ])('is decided alone where there is %s, and waits under the same id', async (_, server) => {
    const { scan, phone, requests } = await phoneAt(server)
    const shown = await scan()
    expect(word(shown)).toBe('admitted by device')
    expect(await phone.store.scan(shown.scanId)).toMatchObject({ state: 'alone', verdict: { kind: 'admitted' } })
    const sent = requests.find(({ path }) => path.endsWith('/validate-qr'))
    expect(JSON.parse(sent?.body ?? '{}').scanId).toBe(shown.scanId)
    expect(word(await scan())).toBe('already_admitted by device')
  })

  it('is shown as the Gatekeeper decided, and is not pending then', async () => {
    const { scan, phone } = await phoneAt(() => admitted)
    const shown = await scan()
    expect(word(shown)).toBe('admitted by gatekeeper')
    expect(await phone.store.scan(shown.scanId)).toMatchObject({ state: 'answered', seq: 7, asked: null })
    expect(await phone.store.count('alone')).toBe(0)
  })

  it('is decided alone as long as the server asks for patience, which is not asked meanwhile', async () => {
    const wait: Answer = {
      status: 429,
      body: { success: false, code: 'rate_limited' },
      headers: { 'Retry-After': '60' },
    }
    const { scan, asked } = await phoneAt(() => wait)
    expect(word(await scan())).toBe('admitted by device')
    expect(word(await scan())).toBe('already_admitted by device')
    expect(asked()).toBe(1)
  })

  it('is not decided at all by a device that was blocked, until the time is over', async () => {
    const blockedUntil = new Date(Date.now() + 60_000).toISOString()
    const { scan, engine, phone, asked } = await phoneAt(() =>
      refused(403, 'device_blocked', { data: { blockedUntil } }),
    )
    expect(word(await scan())).toBe('device_blocked by gatekeeper')
    expect(word(await scan())).toBe('device_blocked by device')
    expect(asked()).toBe(1)
    expect(engine.status.value.blockedUntil).toBe(Date.parse(blockedUntil))
    expect(await phone.store.count('alone')).toBe(0)
  })

  it('that the server will not judge is shown as that, and does not come back', async () => {
    const { scan, phone } = await phoneAt(() => refused(403, 'role_required'))
    const shown = await scan({ force: { reason: 'I know them' } })
    expect(shown.verdict).toEqual({
      kind: 'undecided',
      because: { reason: 'problem', code: 'role_required', message: 'In words.' },
    })
    expect(await phone.store.scan(shown.scanId)).toBeNull()
  })

  it('of a device that was revoked wipes it', async () => {
    const { scan, phone, engine } = await phoneAt(() => refused(401, 'device_revoked'))
    expect(word(await scan())).toBe('device_revoked by device')
    expect(phone.wiped).toBe(true)
    expect(engine.status.value).toMatchObject({ enrolment: null, signedOutBecause: 'device_revoked' })
    expect(word(await scan())).toBe('not_enrolled by device')
  })

  it('lets nobody in alone under the policy never, and keeps nobody inside', async () => {
    const { scan, engine } = await phoneAt(() => 'none', { policy: { offline: 'never' } })
    expect(word(await scan())).toBe('no_network by device')
    const out = await engine.scan({ what: { text: token }, source: 'camera', direction: 'exit' })
    expect(word(out)).toBe('exited by device')
  })

  it('is kept with how far the list was before it was sent, so that no later list counts an exit twice', async () => {
    const { engine, phone } = await phoneAt(() => 'none')
    const out = await engine.scan({ what: { text: token }, source: 'camera', direction: 'exit' })
    expect(await phone.store.scan(out.scanId)).toMatchObject({ state: 'alone', seq: null, knownTo: '1.1.1' })
  })

  it('waits its turn: one at a time', async () => {
    let open = 0
    let most = 0
    const { scan } = await phoneAt(async () => {
      most = Math.max(most, ++open)
      await new Promise((resolve) => setTimeout(resolve, 5))
      open--
      return admitted
    })
    await Promise.all([scan(), scan(), scan()])
    expect(most).toBe(1)
  })

  it('that cannot be written down is not sent, and the person is told', async () => {
    const { scan, engine, asked, phone } = await phoneAt(() => admitted)
    phone.store.add = async () => {
      throw new Error('QuotaExceededError')
    }
    expect((await scan()).verdict).toMatchObject({ kind: 'undecided', because: { code: 'storage' } })
    expect(asked()).toBe(0)
    expect(engine.busy.value).toBe(false)
  })

  it('that was under way when the app died let nobody in, and is told as that', async () => {
    const { phone, engine } = await phoneAt(() => new Promise(() => {}))
    void engine.scan({ what: { text: token }, source: 'camera' })
    await until('it was written down', async () => (await phone.store.count('asked')) === 1)
    // Another start on the same storage, as after a crash: nothing is told to the first.
    const store = await openStore(phone.name)
    const [asked] = await store.inState('asked', 1)
    store.close()
    await phone.start()
    expect(await phone.store.scan(asked?.scanId as never)).toMatchObject({
      verdict: { kind: 'refused', code: 'no_network' },
    })
  })
})

describe('a scan over the socket', () => {
  type Asked = { id: string; scan: { scanId: string; qrPayload: string } }
  type End = { answer: (of: Asked, answer: Answer) => void; close: () => void }

  /** A server at the other end of the phone's socket, and what it was asked there. */
  function socketAt(hear: (asked: Asked, end: End) => void, hello: object = { lane: true }) {
    const asked: Asked[] = []
    const live: OpenSocket = (_url, on) => {
      let isOpen = true
      const tell = (message: object) => isOpen && on.message(JSON.stringify(message))
      const close = () => {
        if (isOpen) on.closed(1006)
        isOpen = false
      }
      const end: End = {
        answer: ({ id }, answer) => answer !== 'none' && tell({ type: 'answer', id, ...answer }),
        close,
      }
      queueMicrotask(() => {
        on.opened()
        tell({
          type: 'hello',
          cursor: writeCursor({ seq: 1, revision: 1, epoch: 1 }),
          serverTime: Date.now(),
          ...hello,
        })
      })
      return {
        send: (text) => {
          if (text === 'ping') return void (isOpen && on.message('pong'))
          const message = JSON.parse(text)
          if (message.type !== 'scan' || !isOpen) return
          asked.push(message)
          hear(message, end)
        },
        close,
      }
    }
    return { live, asked }
  }

  async function phoneWith(socket: ReturnType<typeof socketAt>, server: Server) {
    const phone = await phoneAt(server, { socket: true, ports: { live: socket.live } })
    await until('the socket is open', () => phone.engine.status.value.connection === 'live')
    return phone
  }

  it('is shown as the Gatekeeper decided, without a call', async () => {
    const socket = socketAt((asked, end) => end.answer(asked, admitted))
    const { scan, asked, phone } = await phoneWith(socket, () => 'none')
    const shown = await scan()
    expect(word(shown)).toBe('admitted by gatekeeper')
    expect(asked()).toBe(0)
    expect(socket.asked[0]?.scan).toMatchObject({ scanId: shown.scanId, qrPayload: token, gateId: 'A' })
    expect(await phone.store.scan(shown.scanId)).toMatchObject({ state: 'answered', seq: 7 })
  })

  it.each<[string, (asked: Asked, end: End) => void]>([
    ['says nothing', () => {}],
    ['is lost', (_, end) => end.close()],
    ['does not know', (asked, end) => end.answer(asked, { status: 503, body: { success: false } })],
    ['finds the staff token too old', (asked, end) => end.answer(asked, refused(401, 'unauthenticated'))],
  ])('is asked over HTTP too, under the same id, where the socket %s', async (_, hear) => {
    const socket = socketAt(hear)
    const { scan, requests, phone } = await phoneWith(socket, () => admitted)
    const shown = await scan()
    expect(word(shown)).toBe('admitted by gatekeeper')
    const sent = requests.filter(({ path }) => path.endsWith('/validate-qr'))
    expect(sent.map(({ body }) => JSON.parse(body ?? '{}').scanId)).toEqual([shown.scanId])
    expect(socket.asked[0]?.scan.scanId).toBe(shown.scanId)
    expect(await phone.store.count('alone')).toBe(0)
  })

  it('that is answered late counts as long as HTTP has not answered either', async () => {
    const late: (() => void)[] = []
    const socket = socketAt((asked, end) => late.push(() => end.answer(asked, admitted)))
    const { scan, asked } = await phoneWith(socket, () => {
      for (const answer of late.splice(0)) answer()
      return 'none'
    })
    expect(word(await scan())).toBe('admitted by gatekeeper')
    expect(asked()).toBe(1)
  })

  it('is decided alone where neither answers, and waits under the same id', async () => {
    const socket = socketAt(() => {})
    const { scan, phone } = await phoneWith(socket, () => 'none')
    const shown = await scan()
    expect(word(shown)).toBe('admitted by device')
    expect(socket.asked[0]?.scan.scanId).toBe(shown.scanId)
    expect(await phone.store.scan(shown.scanId)).toMatchObject({ state: 'alone' })
  })

  it('is not tried where the server does not say that it takes any', async () => {
    const socket = socketAt((asked, end) => end.answer(asked, admitted), {})
    const { scan, asked } = await phoneWith(socket, () => admitted)
    expect(word(await scan())).toBe('admitted by gatekeeper')
    expect([socket.asked.length, asked()]).toEqual([0, 1])
  })

  it('may be told to wait, which holds for HTTP as well', async () => {
    const wait = { status: 429, body: { success: false, code: 'rate_limited', data: { retryAfterMs: 60_000 } } }
    const socket = socketAt((asked, end) => end.answer(asked, wait))
    const { scan, asked } = await phoneWith(socket, () => admitted)
    expect(word(await scan())).toBe('admitted by device')
    expect(word(await scan())).toBe('already_admitted by device')
    expect([socket.asked.length, asked()]).toEqual([1, 0])
  })

  it('of a device that was revoked wipes it', async () => {
    const socket = socketAt((asked, end) => end.answer(asked, refused(401, 'device_revoked')))
    const { scan, phone } = await phoneWith(socket, () => 'none')
    expect(word(await scan())).toBe('device_revoked by device')
    expect(phone.wiped).toBe(true)
  })
})

describe('a ticket that is revoked over the socket', () => {
  const cursorAt = (revision: number) => writeCursor({ seq: 1, revision, epoch: 1 })
  const state = (status: KnownStatus) => ({ ticketId, status, validSince: 0, at: Date.now() })
  const revocation = {
    type: 'revocations',
    cursor: cursorAt(3),
    items: [{ ...state('revoked'), at: '2026-07-10T18:00:00.000Z' }],
  }

  /** A phone that has asked for a difference, which comes when it is let. */
  async function phoneThatWaits() {
    let tell: (message: object) => void = () => {}
    const live: OpenSocket = (_url, on) => {
      tell = (message) => on.message(JSON.stringify(message))
      queueMicrotask(() => {
        on.opened()
        tell({ type: 'hello', cursor: cursorAt(1), serverTime: new Date().toISOString() })
      })
      return { send: (text) => text === 'ping' && on.message('pong'), close: () => on.closed(1006) }
    }
    const asked: ((difference: Partial<Snapshot>) => void)[] = []
    const difference = () =>
      new Promise<Answer>((resolve) => {
        asked.push((later) => resolve({ status: 200, bytes: snapshot({}, { full: false, ...later }) }))
      })
    const phone = await phoneAt(() => 'none', { socket: true, ports: { live }, difference })
    // The first one comes as it would without a socket.
    await until('it asks what changed', () => asked.length > 0 || phone.engine.status.value.connection === 'live')
    asked.shift()?.({})
    await until('the socket is open', () => phone.engine.status.value.connection === 'live')
    tell({ type: 'config', revision: 2 })
    await until('it asks for the new configuration', () => asked.length > 0)
    /** Lets the difference come, with a gate by another name to see by that it did. */
    const bring = async (cursor: string) => {
      const gates = [
        { id: 'A' as GateId, name: 'North', kind: 'entry' as const, zone: 'main' as ZoneId, accepts: null },
      ]
      asked.shift()?.({ cursor, gates, revocations: [state('valid')] })
      await until('the difference has come', () => phone.engine.status.value.gates[0]?.name === 'North')
    }
    return { ...phone, tell, bring }
  }

  it('is refused at once, though a difference is still on its way', async () => {
    const phone = await phoneThatWaits()
    phone.tell(revocation)
    expect(word(await phone.scan())).toBe('revoked by device')
  })

  it('stays refused when the difference turns out to be the older of the two', async () => {
    const phone = await phoneThatWaits()
    phone.tell(revocation)
    await phone.bring(cursorAt(2))
    expect(word(await phone.scan())).toBe('revoked by device')
  })

  it('is good again where the difference is the newer one and says so', async () => {
    const phone = await phoneThatWaits()
    phone.tell(revocation)
    await phone.bring(cursorAt(4))
    expect(word(await phone.scan())).toBe('admitted by device')
  })
})

describe('a phone that has been alone for long', () => {
  /** A phone and its server in a time that goes on by hours, and a network between them that comes and goes. */
  async function phoneForDays(about: { aloneHours?: number; endsIn?: number; role?: string }, server: Server) {
    const around = { isUp: true, passedMs: 0 }
    const { aloneHours = 168, endsIn = 30 * day, role = 'scanner' } = about
    const time = {
      ...realTime,
      wall: () => Date.now() + around.passedMs,
      // What is done every so often is done sooner; whoever waits for an answer has as long as ever.
      after: (ms: number, call: () => void) => realTime.after(ms < 3000 ? ms : ms / 60, call),
    }
    const given = { policy: { aloneHours }, endsAt: Date.now() + endsIn, role, ports: { time }, around }
    const { phone } = await phoneAt(server, given)
    const shows = async (text: string) => word(await phone.engine.scan({ what: { text }, source: 'camera' }))
    const kept = async () => ({
      names: (await phone.store.get('names')) !== null,
      list: (await phone.store.get('snapshot')) !== null,
      answered: await phone.store.count('answered'),
      pending: await phone.store.count('alone'),
    })
    return { around, phone, shows, kept }
  }

  const home: Server = ({ path, body }) => {
    if (!path.endsWith('/offline-sync')) return 'none'
    const { scans } = JSON.parse(body ?? '') as { scans: { scanId: string }[] }
    return ok({ results: { items: scans.map(({ scanId }) => ({ scanId, outcome: 'ok', entryLogId: '8' })) } })
  }

  it('threat 39: lets nobody in by a list that is too old, until it has heard the Gatekeeper again', async () => {
    const { phone, shows, around } = await phoneForDays({ aloneHours: 5 }, () => 'none')
    around.isUp = false
    around.passedMs = 5.1 * hour
    expect(await shows(token)).toBe('list_too_old by device')
    const [pending] = await phone.store.inState('alone', 1)
    expect(pending?.verdict).toEqual({ kind: 'refused', code: 'no_network' })
    const out = await phone.engine.scan({ what: { text: token }, source: 'camera', direction: 'exit' })
    expect(word(out)).toBe('exited by device')
    await until('it says that it is not ready', () => !phone.engine.status.value.readyOffline.snapshot)
    around.isUp = true
    await until('it has a new list', () => phone.engine.status.value.readyOffline.snapshot)
    expect(await shows(token)).toBe('admitted by device')
  })

  it('goes by the last word from the Gatekeeper, after a restart too, though nothing had happened', async () => {
    const { phone, shows, around } = await phoneForDays({ aloneHours: 5 }, () => 'none')
    around.passedMs = 4 * hour
    await until('it has kept that the list still holds', async () => (await phone.store.get('still')) !== null)
    around.isUp = false
    around.passedMs = 8 * hour
    await phone.start()
    expect(await shows(token)).toBe('admitted by device')
    around.passedMs = 10 * hour
    await phone.start()
    expect(await shows(await tokenOf(otherTicketId))).toBe('list_too_old by device')
  })

  it('threat 05: lets nobody in a day after the event, and forgets the names and the list', async () => {
    const tickets = ok({ items: [{ id: ticketId, shortCode: 'ABCD2345', holder: { name: 'Ada' } }], nextCursor: null })
    const server: Server = ({ path }) => (path.includes('/tickets?') ? tickets : admitted)
    const { phone, shows, around, kept } = await phoneForDays({ endsIn: hour, role: 'supervisor' }, server)
    await phone.engine.setPin('2468')
    await phone.engine.unlockNames('2468')
    expect(await shows(token)).toBe('admitted by gatekeeper')
    around.isUp = false
    around.passedMs = 24.9 * hour
    await phone.start()
    expect(await kept()).toEqual({ names: true, list: true, answered: 1, pending: 0 })
    around.passedMs = 25.1 * hour
    await until('it has forgotten them', async () => !(await kept()).list)
    expect(await kept()).toEqual({ names: false, list: false, answered: 0, pending: 0 })
    expect(await shows(await tokenOf(otherTicketId))).toBe('event_over by device')
    await phone.start()
    expect(await shows(token)).toBe('event_over by device')
    expect(await phone.engine.unlockNames('2468')).toEqual({ ok: false, failure: { code: 'event_over' } })
    around.isUp = true
    await until('it has a list', () => phone.engine.status.value.gates.length > 0)
    expect(await shows(token)).toBe('admitted by gatekeeper')
    expect((await kept()).list).toBe(false)
  })

  it('forgets nothing that is pending, whenever that comes home', async () => {
    const { phone, shows, around, kept } = await phoneForDays({ endsIn: hour }, home)
    around.isUp = false
    expect(await shows(token)).toBe('admitted by device')
    await phone.store.put('names', { nonce: new Uint8Array(12), sealed: new Uint8Array(16), count: 1 })
    around.passedMs = 90 * day
    await phone.start()
    await until('the names are gone', async () => !(await kept()).names)
    expect(await kept()).toEqual({ names: false, list: true, answered: 0, pending: 1 })
    around.isUp = true
    await until('all is home, and nothing else is left', async () => !(await kept()).list)
    expect(await kept()).toEqual({ names: false, list: false, answered: 0, pending: 0 })
  })
})

describe('a snapshot that broke off', () => {
  it('is none: the phone keeps the one it has, and asks again', async () => {
    let asked = 0
    const half = snapshot({}, { cursor: writeCursor({ seq: 9, revision: 9, epoch: 1 }), revocations: [] })
    const difference = async (): Promise<Answer> => {
      asked += 1
      return { status: 200, bytes: half.slice(0, half.length / 2) }
    }
    const { engine, scan } = await phoneAt(() => 'none', { difference })
    await until('it asked again', () => asked > 1)
    expect(engine.status.value.gates).toMatchObject([{ id: 'A', name: 'Gate A' }])
    expect(word(await scan())).toBe('admitted by device')
  })
})

describe('the names', () => {
  const tickets = [
    { id: ticketId, shortCode: 'ABCD2345', type: 'vip', status: 'valid', admits: 1, holder: { name: 'Łukasz Weiß' } },
    {
      id: '0198c0de-0000-7000-8000-000000000002',
      shortCode: 'EFGH2345',
      type: 'vip',
      status: 'valid',
      admits: 1,
      holder: { name: 'Ada Lovelace' },
    },
  ]
  const server: Server = ({ path }) => (path.includes('/tickets?') ? ok({ items: tickets, nextCursor: null }) : 'none')

  it('are found with no network once a supervisor opened them, and rest on the device unreadable', async () => {
    const { engine, phone } = await phoneAt(server, { role: 'supervisor' })
    expect(await engine.search('lukasz')).toEqual({ ok: false, failure: { code: 'no_network' } })
    expect((await engine.setPin('2468')).ok).toBe(true)
    expect(await engine.unlockNames('2468')).toEqual({ ok: true, value: { names: 2 } })
    expect(await engine.search('lukasz weiss')).toMatchObject({
      ok: true,
      value: { from: 'device', items: [{ name: 'Łukasz Weiß', typeName: 'VIP' }] },
    })
    const shown = await engine.scan({ what: { ticketId }, source: 'manual' })
    expect(word(shown)).toBe('admitted by device')
    expect(shown.ticket?.who).toBe('Łukasz Weiß')
    const kept = await phone.store.get('names')
    expect(Buffer.from(kept?.sealed ?? []).toString('latin1')).not.toMatch(/Ada|Lovelace|ukasz/)
    engine.lockNames()
    expect(await engine.search('lukasz')).toEqual({ ok: false, failure: { code: 'no_network' } })
    await phone.start()
    expect(phone.engine.status.value.names).toBe('locked')
  })

  it('open from the device itself where there is no network, with the right PIN only', async () => {
    let isUp = true
    const { phone, engine } = await phoneAt((request) => (isUp ? server(request) : 'none'), { role: 'supervisor' })
    await engine.setPin('2468')
    await engine.unlockNames('2468')
    isUp = false
    await phone.start()
    expect(await phone.engine.unlockNames('1111')).toEqual({ ok: false, failure: { code: 'wrong_pin' } })
    expect(await phone.engine.unlockNames('2468')).toEqual({ ok: true, value: { names: 2 } })
  })

  it('cost time after a few wrong PINs, and are not for everybody', async () => {
    const { engine } = await phoneAt(server, { role: 'supervisor' })
    await engine.setPin('2468')
    for (let tries = 0; tries < 5; tries++) expect(await engine.checkPin('0000')).toBe(false)
    expect(await engine.checkPin('2468')).toBe(false)
    expect(await engine.unlockNames('2468')).toMatchObject({ failure: { code: 'locked' } })
    const scanner = await phoneAt(server)
    expect(await scanner.engine.setPin('2468')).toEqual({ ok: false, failure: { code: 'supervisor_needed' } })
  })
})
