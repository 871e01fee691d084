import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { bytesToUuid, type ScanId, type TicketId } from '../../core/ids.ts'
import {
  call,
  gatekeeperOf,
  informed,
  issue,
  judgeOf,
  newDevice,
  newEvent,
  type Party,
  scan,
  undivided,
} from './api.ts'

const asAdmin = { kind: 'admin' } as const

let event: Party
let device: Awaited<ReturnType<typeof newDevice>>
let other: Awaited<ReturnType<typeof newDevice>>
beforeEach(async () => {
  event = await newEvent()
  device = await newDevice(event)
  other = await newDevice(event, 'sue')
})

type Item = { scanId?: string; qrPayload?: string; [more: string]: unknown }

const sync = (token: string, ...scans: Item[]) =>
  call('POST', '/api/hp-scanner/offline-sync', { as: token, body: { scans } })

const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString()

const alone = (code: string, minutesAgo: number, more: Item = {}): Item => ({
  scanId: crypto.randomUUID(),
  qrPayload: code,
  gateId: 'GATE-A',
  localTimestamp: ago(minutesAgo),
  verdict: 'admitted',
  ...more,
})

const standingOf = async (id: string) => {
  const { body } = await call('GET', `${event.path}/tickets/${id}`, { as: event.key })
  return body.data.ticket.standings[0]
}

const conflicts = async () => (await call('GET', `${event.path}/conflicts`, { as: event.key })).body.data.items
const statsOf = async () => {
  const answer = await (await informed(event)).stats(asAdmin)
  if (!answer.ok) throw new Error('no stats')
  return answer.value.stats
}

const one = async (more: Record<string, unknown> = {}) => {
  const [ticket] = await issue(event, more)
  if (!ticket) throw new Error('no ticket was issued')
  return ticket
}

describe('scans brought home by a device that was cut off', () => {
  it('are taken over as their gate did them, in the shape of the contract', async () => {
    const [good, twice] = await issue(event, {}, {})
    await scan(other.token, twice?.code ?? '')
    const admitted = alone(good?.code ?? '', 5)
    const answer = await sync(
      device.token,
      admitted,
      alone(twice?.code ?? '', 0, { verdict: { refused: 'already_admitted' } }),
      alone('A1 this is no ticket at all', 3, { verdict: 'refused' }),
    )
    expect(answer.status).toBe(200)
    expect(answer.body).toEqual({
      success: true,
      message: '3 scans taken over',
      results: {
        total: 3,
        successful: 1,
        failed: 1,
        duplicate: 1,
        conflicts: 0,
        replayed: 0,
        errors: [
          {
            index: 2,
            scanId: expect.any(String),
            qrPayload: 'A1 this is no ticket...',
            code: 'unreadable',
            error: 'This is not a ticket for this event.',
          },
        ],
        items: [
          {
            index: 0,
            scanId: admitted.scanId,
            outcome: 'ok',
            verdict: 'admitted',
            entryLogId: expect.any(String),
            scannedAt: admitted.localTimestamp,
          },
          expect.objectContaining({ index: 1, outcome: 'duplicate', code: 'already_admitted' }),
          { index: 2, scanId: expect.any(String), outcome: 'refused', code: 'unreadable' },
        ],
      },
    })
    expect(await standingOf(good?.id ?? '')).toMatchObject({ entries: 1, inside: 1, firstAt: admitted.localTimestamp })
  })

  it('are refused to whoever comes later online', async () => {
    const ticket = await one()
    await sync(device.token, alone(ticket.code, 10))
    const answer = await scan(other.token, ticket.code)
    expect(answer.body.code).toBe('already_admitted')
    expect(answer.body.data.originalScan).toMatchObject({ gateId: 'GATE-A', deviceId: device.id })
  })

  it('are written once, however often they are sent', async () => {
    const ticket = await one()
    const item = alone(ticket.code, 5)
    const first = await sync(device.token, item, item)
    expect(first.body.results.items.map(({ outcome }: Item) => outcome)).toEqual(['ok', 'replayed'])
    const second = await sync(device.token, item)
    expect(second.body.results).toMatchObject({ replayed: 1, items: [{ outcome: 'replayed', verdict: 'admitted' }] })
    expect(await statsOf()).toMatchObject({ scans: 1, admitted: 1, offline: 1, inside: { main: 1 } })
  })

  it('stand in the log as what they are: offline, at their own time, in the chain and in D1', async () => {
    const ticket = await one()
    const item = alone(ticket.code, 30, { sequence: 7 })
    await sync(device.token, item)
    await runDurableObjectAlarm(gatekeeperOf(event))
    const { body } = await call('GET', `${event.path}/tickets/${ticket.id}`, { as: event.key })
    expect(body.data.ticket.scans[0]).toMatchObject({
      offline: true,
      scannedAt: item.localTimestamp,
      deviceId: device.id,
    })
    const row = await env.DB.prepare('SELECT offline, scanned_at FROM entry WHERE event = unhex(?)')
      .bind(event.id.replaceAll('-', ''))
      .first()
    expect(row).toEqual({ offline: 1, scanned_at: Date.parse(String(item.localTimestamp)) })
    const integrity = await call('GET', `/api/hp-scanner/integrity/${event.id}`, { as: event.key })
    expect(integrity.body.data).toMatchObject({ ok: true, discrepancies: [] })
  })

  it('count from the server by a clock that is never set, and are never later than they arrived', async () => {
    const [anchored, ahead] = await issue(event, {}, {})
    const anchorAt = Date.parse(ago(20))
    const answer = await sync(
      device.token,
      alone(anchored?.code ?? '', 0, {
        localTimestamp: '2001-01-01T00:00:00.000Z',
        clock: { anchorAt, elapsedMs: 60_000 },
      }),
      alone(ahead?.code ?? '', 0, { localTimestamp: '2099-01-01T00:00:00.000Z' }),
    )
    const [first, second] = answer.body.results.items
    expect(Date.parse(first.scannedAt)).toBe(anchorAt + 60_000)
    expect(Date.parse(second.scannedAt)).toBeLessThanOrEqual(Date.now())
  })

  it('that were not judged by the device are judged now', async () => {
    const [fresh, used] = await issue(event, {}, {})
    await scan(other.token, used?.code ?? '')
    const answer = await sync(
      device.token,
      alone(fresh?.code ?? '', 5, { verdict: null }),
      alone(used?.code ?? '', 5, { verdict: null }),
      alone('no ticket', 5, { verdict: null }),
    )
    expect(answer.body.results.items).toMatchObject([
      { outcome: 'ok', verdict: 'admitted' },
      { outcome: 'duplicate', code: 'already_admitted' },
      { outcome: 'refused', code: 'unreadable' },
    ])
    expect(await statsOf()).toMatchObject({ admitted: 1 + 1, offline: 0 })
  })

  it('may be for several people, leave by an exit, and visit a stall', async () => {
    const zones = ['main', 'stalls'].map((id) => ({ id, name: id }))
    await call('PATCH', event.path, { as: event.key, body: { zones } })
    await event.put('ticket-types/standard', { name: 'Standard', zones: ['main', 'stalls'] })
    await event.put('gates/STALL', { name: 'Stall', kind: 'checkpoint', zone: 'stalls' })
    const ticket = await one({ admits: 3 })
    const answer = await sync(
      device.token,
      alone(ticket.code, 9, { people: 2 }),
      alone(ticket.code, 6, { gateId: 'STALL', verdict: 'visited' }),
      alone(ticket.code, 3, { gateId: 'GATE-X', verdict: 'exited' }),
    )
    expect(answer.body.results).toMatchObject({ successful: 3, conflicts: 0 })
    expect(await statsOf()).toMatchObject({ admitted: 2, exited: 1, visited: 1, inside: { main: 1 } })
  })

  it('stand in the report after the event, with their conflicts', async () => {
    const ticket = await one()
    await sync(device.token, alone(ticket.code, 9), alone(ticket.code, 5))
    const { body } = await call('GET', `/api/hp-scanner/summary/${event.id}`, { as: event.key })
    expect(body.data.offline).toEqual({ scans: 2, conflicts: 1 })
  })

  it('can be taken back like any other', async () => {
    const ticket = await one()
    const item = alone(ticket.code, 5)
    await sync(device.token, item)
    const annulled = await call('POST', `/api/hp-scanner/scans/${item.scanId}/annul`, {
      as: device.token,
      body: { reason: 'Wrong queue' },
    })
    expect(annulled.status).toBe(200)
    expect((await scan(other.token, ticket.code)).body.verdict).toBe('admitted')
  })
})

describe('a batch', () => {
  it('goes on after a bad item, and names what is wrong about it', async () => {
    const ticket = await one()
    const answer = await sync(
      device.token,
      { scanId: 'no uuid', qrPayload: 'x', gateId: 'GATE-A' },
      'rubbish' as unknown as Item,
      alone(ticket.code, 1, { people: 0 }),
      alone(ticket.code, 1, { gateId: 'NOWHERE', verdict: 'refused' }),
      alone(ticket.code, 1),
    )
    expect(answer.body.results).toMatchObject({ total: 5, successful: 1, failed: 4 })
    expect(answer.body.results.errors.map(({ index, code }: Item) => [index, code])).toEqual([
      [0, 'bad_request'],
      [1, 'bad_request'],
      [2, 'bad_request'],
      [3, 'unknown_gate'],
    ])
    expect(answer.body.results.errors[0].error).toMatch(/scanId must be a UUID/)
  })

  it('has 1 to 500 scans and at most 256 KiB, and is for the device that sends it', async () => {
    expect((await sync(device.token)).status).toBe(400)
    expect((await sync(device.token, ...Array.from({ length: 501 }, () => ({})))).status).toBe(400)
    const long = await sync(
      device.token,
      alone('x'.repeat(16_000), 1),
      ...Array.from({ length: 17 }, () => alone('y'.repeat(16_000), 1)),
    )
    expect(long.status).toBe(413)
    const named = await call('POST', '/api/hp-scanner/offline-sync', {
      as: device.token,
      body: { scans: [{}], deviceId: other.id },
    })
    expect(named.body.code).toBe('device_mismatch')
  })

  it('of a revoked device is refused whole', async () => {
    const ticket = await one()
    await call('POST', `${event.path}/devices/${device.id}/revoke`, { as: event.key })
    for (const verdict of ['admitted', null]) {
      const answer = await sync(device.token, alone(ticket.code, 1, { verdict }))
      expect([answer.status, answer.body.code]).toEqual([401, 'device_revoked'])
    }
  })

  it('with one scanId for two tickets takes the first', async () => {
    // Of two shards each would take its own ticket's (docs/scaling.md).
    event = await newEvent(undivided)
    device = await newDevice(event)
    const [first, second] = await issue(event, {}, {})
    const item = alone(first?.code ?? '', 5)
    const answer = await sync(device.token, item, { ...item, qrPayload: second?.code ?? '' })
    expect(answer.body.results.items).toMatchObject([
      { outcome: 'ok', verdict: 'admitted' },
      { outcome: 'refused', code: 'scan_id_conflict' },
    ])
    expect(await statsOf()).toMatchObject({ scans: 1, admitted: 1 })
  })

  it('loses one ticket’s scans and no others where those cannot be written', async () => {
    const tickets = await issue(event, {}, {}, {})
    const items = tickets.map(({ code }) => alone(code, 5))
    const broken = `x'${tickets[1]?.id.replaceAll('-', '')}'`
    const run = (query: string) =>
      runInDurableObject(judgeOf(event, tickets[1]?.id), (_, { storage }) => void storage.sql.exec(query))
    await run(`CREATE TRIGGER broken BEFORE INSERT ON standing WHEN NEW.ticket = ${broken}
      BEGIN SELECT raise(ABORT, 'the disk is broken there'); END`)
    const answer = await sync(device.token, ...items)
    expect(answer.body.results.items).toMatchObject([
      { outcome: 'ok' },
      { outcome: 'refused', code: 'internal' },
      { outcome: 'ok' },
    ])
    await run('DROP TRIGGER broken')
    const again = await sync(device.token, ...items)
    expect(again.body.results).toMatchObject({ successful: 1, replayed: 2 })
    expect(await statsOf()).toMatchObject({ scans: 3, admitted: 3, inside: { main: 3 } })
  })

  it('of five hundred is taken over in one call', async () => {
    const tickets = await issue(event, ...Array.from({ length: 100 }, () => ({})))
    const items = Array.from({ length: 500 }, (_, i) => alone(tickets[i % 100]?.code ?? '', 500 - i))
    const answer = await sync(device.token, ...items)
    expect(answer.body.results).toMatchObject({ total: 500, successful: 100, conflicts: 400, failed: 0 })
    expect(await statsOf()).toMatchObject({ scans: 500, admitted: 500, inside: { main: 500 }, tickets: 100 })
  })
})

describe('a conflict', () => {
  it('is the later of two cut-off devices’ admissions, whatever arrives first', async () => {
    for (const laterFirst of [false, true]) {
      const ticket = await one()
      const early = alone(ticket.code, 20)
      const late = alone(ticket.code, 10, { gateId: 'GATE-B' })
      const send = [() => sync(device.token, early), () => sync(other.token, late)]
      for (const step of laterFirst ? send.reverse() : send) await step()
      const told = (await conflicts()).filter(({ ticketId }: Item) => ticketId === ticket.id)
      expect(told).toEqual([
        {
          id: expect.stringMatching(/^\d+$/),
          handled: null,
          ticketId: ticket.id,
          scanId: late.scanId,
          zone: 'main',
          gateId: 'GATE-B',
          deviceId: other.id,
          scannedAt: late.localTimestamp,
          shown: 'admitted',
          judged: 'already_admitted',
          with: { scanId: early.scanId, deviceId: device.id, gateId: 'GATE-A', scannedAt: early.localTimestamp },
        },
      ])
      expect(await standingOf(ticket.id)).toMatchObject({ entries: 2, inside: 2, firstAt: early.localTimestamp })
    }
  })

  it('is told to the device that brings it, and says what was shown and what is judged', async () => {
    const ticket = await one()
    await scan(other.token, ticket.code)
    const answer = await sync(device.token, alone(ticket.code, 0))
    expect(answer.body.results).toMatchObject({
      conflicts: 1,
      items: [{ outcome: 'conflict', verdict: 'admitted', shown: 'admitted', judged: 'already_admitted' }],
    })
    expect(answer.body.results.items[0].with.deviceId).toBe(other.id)
  })

  it('is none where the ticket was revoked only after the scan', async () => {
    const [before, after] = await issue(event, {}, {})
    for (const ticket of [before, after]) {
      await call('POST', `${event.path}/tickets/${ticket?.id}/revoke`, { as: event.key })
    }
    // The clock of the ticket is the server's: nothing can be scanned before it and arrive after it within this test.
    await runInDurableObject(gatekeeperOf(event), (_, state) => {
      state.storage.sql.exec('UPDATE ticket_change SET at = at - 600000 WHERE revision > 0')
    })
    const answer = await sync(device.token, alone(before?.code ?? '', 20), alone(after?.code ?? '', 5))
    expect(answer.body.results.items).toMatchObject([
      { outcome: 'ok' },
      { outcome: 'conflict', shown: 'admitted', judged: 'revoked' },
    ])
  })

  it('is also a person who was sent away and might have come in', async () => {
    const ticket = await one()
    const answer = await sync(device.token, alone(ticket.code, 5, { verdict: 'refused', code: 'blocked' }))
    expect(answer.body.results.items).toMatchObject([{ outcome: 'conflict', shown: 'blocked', judged: 'admitted' }])
    const again = await sync(device.token, alone(ticket.code, 4, { verdict: { refused: 'held_elsewhere' } }))
    expect(again.body.results.items).toMatchObject([{ outcome: 'refused', code: 'held_elsewhere' }])
  })

  it('is also one who was sent away for no reason that was told, but for what the ticket itself says', async () => {
    const [good, used, revoked] = await issue(event, {}, {}, {})
    expect((await scan(device.token, used?.code ?? '')).status).toBe(200)
    await call('POST', `${event.path}/tickets/${revoked?.id}/revoke`, { as: event.key, body: {} })
    const bare = (code = '') => alone(code, 0, { verdict: 'refused' })
    const answer = await sync(device.token, bare(good?.code), bare(used?.code), bare(revoked?.code))
    expect(answer.body.results.items).toMatchObject([
      { outcome: 'conflict', judged: 'admitted' },
      { outcome: 'duplicate', code: 'already_admitted' },
      { outcome: 'refused', code: 'revoked' },
    ])
    const { body } = await call('GET', `${event.path}/tickets/${used?.id}`, { as: event.key })
    expect(body.data.ticket.scans).toContainEqual(
      expect.objectContaining({ code: 'already_admitted', duplicateAttemptNumber: 2 }),
    )
  })

  it('is over when the admission that it collided with is taken back', async () => {
    const ticket = await one()
    const early = alone(ticket.code, 20)
    await sync(device.token, early)
    await sync(other.token, alone(ticket.code, 10))
    expect(await conflicts()).toHaveLength(1)
    await call('POST', `/api/hp-scanner/scans/${early.scanId}/annul`, {
      as: other.token,
      body: { reason: 'Turned back' },
    })
    expect(await conflicts()).toEqual([])
  })

  it('is kept without a ticket where somebody was let in with what is none', async () => {
    const elsewhere = await newEvent()
    const [foreign] = await issue(elsewhere, {})
    const item = alone(foreign?.code ?? '', 5)
    const answer = await sync(device.token, item)
    expect(answer.body.results.items).toMatchObject([{ outcome: 'conflict', judged: 'wrong_event', shown: 'admitted' }])
    expect((await sync(device.token, item)).body.results.items[0].outcome).toBe('replayed')
    expect(await conflicts()).toMatchObject([{ ticketId: null, scanId: item.scanId, judged: 'wrong_event' }])
  })

  it('is put away when somebody has dealt with it, until it is opened again or becomes another', async () => {
    const ticket = await one()
    const early = alone(ticket.code, 20)
    await sync(device.token, early, alone(ticket.code, 10))
    const elsewhere = await newEvent()
    const [foreign] = await issue(elsewhere, {})
    await sync(device.token, alone(foreign?.code ?? '', 5))
    const open = await conflicts()
    expect(open).toHaveLength(2)
    const listed = async (state: string) =>
      (await call('GET', `${event.path}/conflicts?state=${state}`, { as: event.key })).body.data.items
    const put = (id: string, what: string, body?: unknown) =>
      call('POST', `${event.path}/conflicts/${id}/${what}`, { as: other.token, ...(body ? { body } : {}) })

    for (const { id } of open) {
      const { body } = await put(id, 'handle', { note: ' Spoke with both gates. ' })
      expect(body.data.conflict.handled).toMatchObject({ by: 'sue', note: 'Spoke with both gates.' })
    }
    expect(await conflicts()).toEqual([])
    expect(await listed('handled')).toHaveLength(2)
    expect((await put(open[0].id, 'reopen')).body.data.conflict.handled).toBeNull()
    expect((await conflicts()).map(({ id }: Item) => id)).toEqual([open[0].id])
    await put(open[0].id, 'handle')

    // An earlier scan of a third gate turns up: what was dealt with is another matter now.
    await sync(other.token, alone(ticket.code, 30))
    expect(await conflicts()).not.toEqual([])
    for (const id of ['0', '999999', crypto.randomUUID(), 'x', '1e1'])
      expect((await put(id, 'handle')).status).toBe(404)
  })

  it('is for supervisors to see', async () => {
    const answer = await call('GET', `${event.path}/conflicts`, { as: device.token })
    expect(answer.body).toMatchObject({ code: 'role_required', data: { required: 'supervisor' } })
  })

  it('is told to whoever asked for it by webhook, without anybody’s name', async () => {
    const ticket = await one({ holder: { name: 'Ada Lovelace' } })
    await sync(device.token, alone(ticket.code, 20), alone(ticket.code, 10))
    const notices = await runInDurableObject(await informed(event), (_, state) =>
      state.storage.sql.exec<{ notice: string }>("SELECT notice FROM notice WHERE kind = 'scan.conflict'").toArray(),
    )
    expect(notices).toHaveLength(1)
    expect(JSON.parse(notices[0]?.notice ?? '')).toMatchObject({
      ticketId: ticket.id,
      details: { shown: 'admitted', judged: 'already_admitted' },
    })
  })
})

describe('an answer that never came', () => {
  const online = async (code: string, more: Item = {}) => {
    const scanId = crypto.randomUUID()
    const { body } = await scan(device.token, code, { scanId, ...more })
    return { scanId, body }
  }

  it('and a gate that did the same: the recorded answer', async () => {
    const ticket = await one()
    const { scanId } = await online(ticket.code)
    const answer = await sync(device.token, alone(ticket.code, 0, { scanId }))
    expect(answer.body.results.items).toMatchObject([{ outcome: 'replayed', verdict: 'admitted' }])
    expect(await statsOf()).toMatchObject({ scans: 1, admitted: 1 })
  })

  it('and a gate that sent them away: the admission is taken back, and they may come again', async () => {
    const ticket = await one()
    const { scanId } = await online(ticket.code)
    const item = alone(ticket.code, 0, { scanId, verdict: 'refused' })
    const answer = await sync(device.token, item)
    expect(answer.body.results.items).toMatchObject([{ outcome: 'replayed', annulledAt: expect.any(String) }])
    await sync(device.token, item)
    expect(await statsOf()).toMatchObject({ admitted: 0, inside: { main: 0 } })
    expect((await scan(other.token, ticket.code)).body.verdict).toBe('admitted')
  })

  it('and a gate that let them in all the same: they are in', async () => {
    const ticket = await one()
    await call('PATCH', event.path, { as: event.key, body: { capacity: 1 } })
    const [first] = await issue(event, {})
    await scan(other.token, first?.code ?? '')
    const { scanId, body } = await online(ticket.code)
    expect(body.code).toBe('full')
    const item = alone(ticket.code, 0, { scanId })
    expect((await sync(device.token, item)).body.results.items).toMatchObject([{ outcome: 'ok', verdict: 'admitted' }])
    expect((await sync(device.token, item)).body.results.items).toMatchObject([{ outcome: 'replayed' }])
    expect(await standingOf(ticket.id)).toMatchObject({ entries: 1, inside: 1 })
    expect((await scan(other.token, ticket.code)).body.code).toBe('already_admitted')
  })

  it('to a scan that arrives after it was brought home: the recorded answer', async () => {
    const ticket = await one()
    const item = alone(ticket.code, 0)
    await sync(device.token, item)
    const late = await scan(device.token, ticket.code, { scanId: item.scanId })
    expect(late.body).toMatchObject({ verdict: 'admitted', replay: true })
  })

  it('is nobody else’s to change', async () => {
    const ticket = await one()
    const { scanId } = await online(ticket.code)
    await sync(other.token, alone(ticket.code, 0, { scanId, verdict: 'refused' }))
    expect(await statsOf()).toMatchObject({ admitted: 1 })
  })
})

describe('the same scans', () => {
  it('in any order, any batches and with any repetition come to the same standings, counts and conflicts', async () => {
    const base = Date.parse(ago(60))
    const what = fc.record({
      ticket: fc.nat(2),
      device: fc.nat(1),
      minute: fc.nat(8),
      gateId: fc.constantFrom('GATE-A', 'GATE-B'),
      verdict: fc.constantFrom('admitted', 'admitted', 'exited', 'refused'),
    })
    const plan = fc.record({
      scans: fc.uniqueArray(what, {
        selector: ({ device: by, minute }) => `${by} ${minute}`,
        minLength: 2,
        maxLength: 10,
      }),
      sends: fc.array(fc.array(fc.nat(9), { maxLength: 6 }), { maxLength: 5 }),
    })
    await fc.assert(
      fc.asyncProperty(plan, async ({ scans, sends }) => {
        const come = [[scans.map((_, i) => i)], [...sends, scans.map((_, i) => scans.length - 1 - i)]]
        const ends = []
        for (const batches of come) ends.push(await playedOut(scans, batches, base))
        expect(ends[1]).toEqual(ends[0])
      }),
      // A divided event costs several times as much to make.
      { numRuns: env.SHARDS === '1' ? 6 : 2 },
    )
  }, 180_000)

  type What = { ticket: number; device: number; minute: number; gateId: string; verdict: string }

  /** Sends the scans in these batches at an event of their own; gives what is left of it, by the names of scans. */
  async function playedOut(scans: What[], batches: number[][], base: number) {
    event = await newEvent({ zones: [{ id: 'main', name: 'Main', reentry: 'after_exit' }] })
    const devices = [await newDevice(event), await newDevice(event)].sort((a, b) => (a.id < b.id ? -1 : 1))
    const tickets = await issue(event, {}, {}, { admits: 2 })
    const items = scans.map((one, i) => ({
      scanId: bytesToUuid<ScanId>(new Uint8Array(16).fill(i + 1)) as string,
      qrPayload: tickets[one.ticket]?.code ?? '',
      gateId: one.gateId,
      localTimestamp: new Date(base + one.minute * 60_000).toISOString(),
      verdict: one.verdict,
      direction: one.verdict === 'exited' ? 'exit' : 'entry',
      sequence: one.minute,
    }))
    for (const batch of batches) {
      for (const by of [0, 1]) {
        const sent = batch.flatMap((i) => (scans[i]?.device === by ? [items[i] as Item] : []))
        if (sent.length > 0) expect((await sync(devices[by]?.token ?? '', ...sent)).status).toBe(200)
      }
    }
    const nameOf = new Map(tickets.map(({ id }, i) => [id, i]))
    const { scans: counted, admitted, exited, refused, inside, tickets: people, offline } = await statsOf()
    const standings = []
    for (const { id } of tickets) standings.push(await standingOf(id))
    const told = (await conflicts()).map((conflict: { ticketId: TicketId; scanId: string; with: Item | null }) => ({
      ...conflict,
      id: null,
      ticketId: nameOf.get(conflict.ticketId),
      deviceId: null,
      with: conflict.with?.scanId ?? null,
    }))
    const integrity = await call('GET', `/api/hp-scanner/integrity/${event.id}`, { as: event.key })
    expect(integrity.body.data.discrepancies.filter(({ invariant }: Item) => invariant !== 'd1')).toEqual([])
    return {
      // A zone that everybody left again is as empty as one that nobody ever came to.
      counts: { counted, admitted, exited, refused, inside: inside.main ?? 0, people, offline },
      standings,
      conflicts: told.sort((a: Item, b: Item) => (String(a.scanId) < String(b.scanId) ? -1 : 1)),
    }
  }
})
