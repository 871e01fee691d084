import { afterEach, describe, expect, it } from 'vitest'
import { writeCursor } from '../../core/cursor.ts'
import type { GateId, ZoneId } from '../../core/ids.ts'
import type { KnownStatus, Snapshot } from '../../core/snapshot.ts'
import type { OpenSocket } from '../../web/scanner/engine/ports.ts'
import { openStore } from '../../web/scanner/platform/idb-store.ts'
import { until } from './phone.ts'
import {
  type Answer,
  admitted,
  phoneAt,
  refused,
  type Server,
  snapshot,
  ticketId,
  token,
  turnAllOff,
  word,
} from './scripted.ts'

afterEach(turnAllOff)

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
  type End = { answer: (of: Asked, answer: Answer) => void; revoke: () => void; close: () => void }

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
        revoke: () => tell({ type: 'bye', code: 'device_revoked' }),
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

  it('of a device that is revoked in the midst of it lets nobody in, and says that the device is none', async () => {
    const socket = socketAt((asked, end) => {
      end.revoke()
      end.answer(asked, admitted)
    })
    const { scan, phone, engine } = await phoneWith(socket, () => 'none')
    expect(word(await scan())).toBe('not_enrolled by device')
    await until('it wiped itself', () => phone.wiped)
    expect(engine.status.value).toMatchObject({ enrolment: null, signedOutBecause: 'device_revoked' })
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
