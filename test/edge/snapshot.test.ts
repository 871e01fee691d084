import { runInDurableObject } from 'cloudflare:test'
import { exports } from 'cloudflare:workers'
import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { fromBase64url, toBase64url } from '../../core/base64url.ts'
import type { EventId } from '../../core/ids.ts'
import { eventTagOf } from '../../core/keys.ts'
import { merge, type Snapshot } from '../../core/snapshot.ts'
import { decodeSnapshot } from '../../core/snapshot-bytes.ts'
import { codeHash } from '../../core/snapshot-rows.ts'
import { openToken, unsealHere } from '../../core/token.ts'
import { call, codeOf, gatekeeperOf, issue, newDevice, newEvent, type Party, scan } from './api.ts'

let event: Party
let device: Awaited<ReturnType<typeof newDevice>>
beforeEach(async () => {
  event = await newEvent()
  device = await newDevice(event)
})

const ask = (query = '', as = device.token, headers: Record<string, string> = {}) =>
  call('GET', `/api/hp-scanner/snapshot/${event.id}${query}`, { as, headers })

async function asBytes(query = ''): Promise<Snapshot> {
  const response = await exports.default.fetch(
    new Request(`https://admit.example/api/hp-scanner/snapshot/${event.id}${query}`, {
      headers: { Authorization: `Bearer ${device.token}`, Accept: 'application/octet-stream' },
    }),
  )
  expect(response.headers.get('Content-Type')).toBe('application/octet-stream')
  const snapshot = decodeSnapshot(new Uint8Array(await response.arrayBuffer()))
  if (!snapshot) throw new Error('the bytes do not open')
  return snapshot
}

const act = (ticketId: string, action: string, body: object = {}) =>
  call('POST', `${event.path}/tickets/${ticketId}/${action}`, { as: event.key, body })

describe('a snapshot', () => {
  it('tells a device what it needs to judge alone, in the shape of the contract', async () => {
    const [inside, revoked, printed] = await issue(event, {}, {}, { type: 'vip', code: 'PRINTED-1', admits: 2 })
    await scan(device.token, inside?.code ?? '')
    await act(revoked?.id ?? '', 'revoke', { reason: 'Refunded' })
    const { status, body } = await ask()
    expect(status).toBe(200)
    expect(body.data).toMatchObject({
      event: { id: event.id, title: 'Tech Expo 2026', zones: [{ id: 'main' }] },
      keys: { readKey: expect.stringMatching(/^[\w-]{43}$/), publicKeys: [{ keyId: 1, validUntil: null }] },
      policy: { offline: 'admit', aloneHours: 168 },
      standings: [
        {
          ticketId: inside?.id,
          zone: 'main',
          entries: 1,
          exits: 0,
          inside: 1,
          presented: 1,
          gateId: 'GATE-A',
          firstAt: expect.stringMatching(/^\d{4}-.*\.\d{3}Z$/),
        },
      ],
      revocations: [{ ticketId: revoked?.id, at: expect.stringMatching(/Z$/), status: 'revoked' }],
      codes: [
        { hash: toBase64url(codeHash('PRINTED-1')), ticketId: printed?.id, type: 'vip', admits: 2, validUntil: null },
      ],
      everyoneOut: [],
      lease: null,
      full: true,
      cursor: expect.any(String),
      serverTime: expect.stringMatching(/Z$/),
    })
    expect(body.data.ticketTypes.map(({ id, number }: { id: string; number: number }) => [id, number])).toEqual([
      ['standard', 1],
      ['vip', 2],
    ])
    expect(body.data.gates).toHaveLength(4)
  })

  it('carries keys that open the tickets of the event, and no secret that makes one', async () => {
    const [ticket] = await issue(event, {})
    const { keys } = await asBytes()
    const [key] = keys.publicKeys
    const publicKey = await crypto.subtle.importKey('raw', fromBase64url(key?.publicKey ?? ''), 'Ed25519', true, [
      'verify',
    ])
    const opening = { keyId: 1, eventTag: eventTagOf(event.id as EventId), readKey: fromBase64url(keys.readKey) }
    const opened = await openToken(
      ticket?.code ?? '',
      [opening],
      (_, message, signature) => crypto.subtle.verify('Ed25519', publicKey, signature, message),
      unsealHere,
    )
    expect(opened).toMatchObject({ ok: true, claims: { ticketId: ticket?.id } })
    expect(Object.keys(keys).sort()).toEqual(['publicKeys', 'readKey'])
  })

  it('names nobody', async () => {
    const [ticket] = await issue(event, {
      holder: { name: 'Ada Lovelace', email: 'ada@example.com' },
      booking: { id: 'B-1', name: 'Byron' },
      note: 'Nut allergy',
      reference: 'REF-77',
      code: 'PRINTED-99',
    })
    await scan(device.token, ticket?.code ?? '')
    await act(ticket?.id ?? '', 'revoke', { reason: 'Ada asked for it' })
    const { text } = await ask()
    for (const personal of ['Ada', 'ada@', 'Byron', 'allergy', 'REF-77', 'PRINTED-99'])
      expect(text).not.toContain(personal)
  })

  it('says the same as bytes and as JSON', async () => {
    const [one, two] = await issue(event, { code: 'PRINTED-2' }, {})
    await scan(device.token, one?.code ?? '')
    await act(two?.id ?? '', 'block')
    const [bytes, { body }] = [await asBytes(), await ask()]
    expect(bytes.cursor).toBe(body.data.cursor)
    expect(bytes.standings.map(({ ticketId, entries }) => [ticketId, entries])).toEqual([[one?.id, 1]])
    expect(bytes.revocations).toEqual([{ ...body.data.revocations[0], at: Date.parse(body.data.revocations[0].at) }])
    expect(bytes.codes).toEqual(body.data.codes)
    expect(bytes.keys).toEqual(body.data.keys)
  })

  it('is for the devices and organisers of the event only', async () => {
    const stranger = await newDevice(await newEvent())
    expect((await ask('', stranger.token)).status).toBe(404)
    expect((await call('GET', `/api/hp-scanner/snapshot/${event.id}`)).status).toBe(401)
    expect((await ask('', event.key)).status).toBe(200)
    await call('POST', `${event.path}/devices/${device.id}/revoke`, { as: event.key })
    expect((await ask()).body.code).toBe('device_revoked')
  })

  it('is not sent again to who has it', async () => {
    const first = await ask()
    const etag = first.headers.get('ETag') ?? ''
    expect((await ask('', device.token, { 'If-None-Match': etag })).status).toBe(304)
    await event.put('gates/GATE-C', { name: 'Another' })
    expect((await ask('', device.token, { 'If-None-Match': etag })).status).toBe(200)
  })
})

describe('the difference since a cursor', () => {
  it('holds what changed and nothing else', async () => {
    const [before, after, blocked] = await issue(event, {}, {}, {})
    await scan(device.token, before?.code ?? '')
    const { cursor } = await asBytes()
    const empty = await asBytes(`?since=${cursor}`)
    expect(empty).toMatchObject({ full: false, standings: [], revocations: [], codes: [], cursor })
    await scan(device.token, after?.code ?? '')
    await act(blocked?.id ?? '', 'block')
    const changed = await asBytes(`?since=${cursor}`)
    expect(changed.standings.map(({ ticketId }) => ticketId)).toEqual([after?.id])
    expect(changed.revocations).toMatchObject([{ ticketId: blocked?.id, status: 'blocked' }])
    await act(blocked?.id ?? '', 'restore')
    expect((await asBytes(`?since=${changed.cursor}`)).revocations).toMatchObject([
      { ticketId: blocked?.id, status: 'valid' },
    ])
    expect((await asBytes()).revocations).toEqual([])
  })

  it('tells of a reissue from when on codes are good', async () => {
    const [ticket] = await issue(event, {})
    const { cursor } = await asBytes()
    await act(ticket?.id ?? '', 'reissue')
    const expected = [{ ticketId: ticket?.id, status: 'superseded', validSince: expect.any(Number) }]
    const changed = await asBytes(`?since=${cursor}`)
    expect(changed.revocations).toMatchObject(expected)
    expect((await asBytes()).revocations).toMatchObject(expected)
    expect(await codeOf(event, ticket?.id ?? '')).not.toBe(ticket?.code)
  })

  it.each(['rubbish', '999999.0.1', '0.999999.1', '0.0.2'])(
    'of %s, which is none of ours, is everything',
    async (since) => {
      expect((await asBytes(`?since=${since}`)).full).toBe(true)
    },
  )

  it('has no standing of a ticket that was only refused, as the whole has none', async () => {
    const [ticket] = await issue(event, { paid: false })
    const { cursor } = await asBytes()
    await scan(device.token, ticket?.code ?? '')
    const difference = await asBytes(`?since=${cursor}`)
    expect(difference.standings).toEqual([])
  })

  it('joined to what was known is everything as it is now, whatever happened', async () => {
    const tickets = await issue(event, ...Array.from({ length: 6 }, (_, i) => (i < 2 ? { code: `CODE-${i}` } : {})))
    await event.put('gates/GATE-S', { name: 'Stall', kind: 'checkpoint' })
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('scan' as const),
        ticket: fc.nat(5),
        gateId: fc.constantFrom('GATE-A', 'GATE-B', 'GATE-X', 'GATE-S'),
      }),
      fc.record({
        kind: fc.constant('act' as const),
        ticket: fc.nat(5),
        action: fc.constantFrom('revoke', 'restore', 'block', 'reissue', 'pay'),
      }),
      fc.record({ kind: fc.constant('issue' as const), paid: fc.boolean() }),
      fc.record({ kind: fc.constant('annul' as const) }),
      fc.record({ kind: fc.constant('configure' as const) }),
    )
    type Step = typeof step extends fc.Arbitrary<infer S> ? S : never
    let lastScanId = crypto.randomUUID() as string
    const play = async (one: Step) => {
      switch (one.kind) {
        case 'scan': {
          lastScanId = crypto.randomUUID()
          const code = await codeOf(event, tickets[one.ticket]?.id ?? '')
          return scan(device.token, code, { gateId: one.gateId, scanId: lastScanId })
        }
        case 'act':
          return act(tickets[one.ticket]?.id ?? '', one.action)
        case 'issue':
          return issue(event, { paid: one.paid, ...(one.paid ? { code: `C-${crypto.randomUUID()}` } : {}) })
        case 'annul':
          return call('POST', `/api/hp-scanner/scans/${lastScanId}/annul`, {
            as: device.token,
            body: { reason: 'Oops' },
          })
        case 'configure':
          return event.put('ticket-types/vip', { name: `VIP ${Math.random()}` })
      }
    }
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 5 }), fc.array(step, { maxLength: 5 }), async (first, second) => {
        for (const one of first) await play(one)
        const before = await asBytes()
        for (const one of second) await play(one)
        const difference = await asBytes(`?since=${before.cursor}`)
        expect(difference.full).toBe(false)
        expect(sorted(merge(before, difference))).toEqual(sorted(await asBytes()))
      }),
      { numRuns: 15 },
    )
  })
})

describe('a large snapshot', () => {
  it('is read in parts, all of which arrive', async () => {
    const tickets: { id: string }[] = []
    for (let i = 0; i < 5; i++) {
      const wanted = Array.from({ length: 500 }, (_, n) => ({ type: 'standard', code: `BULK-${i}-${n}` }))
      const issued = await call('POST', `${event.path}/tickets`, { as: event.key, body: { tickets: wanted } })
      tickets.push(...issued.body.data.tickets)
    }
    await runInDurableObject(gatekeeperOf(event), (_, state) => {
      state.storage.sql.exec(
        `INSERT INTO standing SELECT id, 1, 1, 0, 1, 1, NULL, 1790000000000, 1790000000000, 20717, 1 FROM ticket`,
      )
    })
    const { standings, codes } = await asBytes()
    const ids = new Set(tickets.map(({ id }) => id))
    expect(ids.size).toBe(2500)
    expect(new Set(standings.map(({ ticketId }) => ticketId))).toEqual(ids)
    expect(new Set(codes.map(({ ticketId }) => ticketId))).toEqual(ids)
  })
})

describe('a snapshot too large for one piece', () => {
  const COUNT = 30_000
  beforeEach(async () => {
    await issue(event, {}, { code: 'PRINTED-1' }, { code: 'PRINTED-2' })
    await runInDurableObject(gatekeeperOf(event), (_, { storage: { sql } }) => {
      sql.exec(
        `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) INSERT INTO standing
         SELECT unhex(printf('%032X', i)), 1, 1, 0, 1, 1, NULL, 1790000000000 + i, 1790000000000, 20717, 1 FROM n`,
        COUNT,
      )
    })
  })

  const fetchBytes = () =>
    exports.default.fetch(
      new Request(`https://admit.example/api/hp-scanner/snapshot/${event.id}`, {
        headers: { Authorization: `Bearer ${device.token}`, Accept: 'application/octet-stream' },
      }),
    )

  it('comes in parts, and says the same as bytes and as JSON', async () => {
    const bytes = new Uint8Array(await (await fetchBytes()).arrayBuffer())
    // The version: in parts. A small one is in one piece, as it always was.
    expect(bytes[4]).toBe(2)
    const snapshot = decodeSnapshot(bytes)
    expect(snapshot?.standings).toHaveLength(COUNT)
    expect(snapshot?.standings[41]).toMatchObject({ zone: 'main', gateId: null, firstAt: 1_790_000_000_042 })
    const { body, headers } = await ask()
    expect(headers.get('Content-Type')).toBe('application/json')
    const { standings, codes, cursor } = body.data
    expect(
      standings.map(({ ticketId, firstAt }: { ticketId: string; firstAt: string }) => [ticketId, Date.parse(firstAt)]),
    ).toEqual(snapshot?.standings.map(({ ticketId, firstAt }) => [ticketId, firstAt]))
    expect([codes, cursor]).toEqual([snapshot?.codes, snapshot?.cursor])
    expect(codes).toHaveLength(2)
  })

  it('breaks off where it cannot be read to its end, and half of it is none', async () => {
    const response = await fetchBytes()
    const reader = (response.body as ReadableStream<Uint8Array>).getReader()
    const half: number[] = [...((await reader.read()).value ?? []), ...((await reader.read()).value ?? [])]
    expect(half.length).toBeGreaterThan(1000)
    await call('POST', `${event.path}/devices/${device.id}/revoke`, { as: event.key })
    const rest = async () => {
      for (;;) {
        const { done, value } = await reader.read()
        if (done) return 'whole'
        half.push(...value)
      }
    }
    await expect(rest()).rejects.toThrow()
    expect(decodeSnapshot(Uint8Array.from(half))).toBeNull()
  })
})

describe('the people of an event', () => {
  const people = (as: string) => call('GET', `/api/hp-scanner/snapshot/${event.id}/people`, { as })

  it('are all told to a supervisor, to be found by name with no network', async () => {
    const supervisor = await newDevice(event, 'sue')
    expect((await people(supervisor.token)).body.data).toEqual({ items: [], nextCursor: null })
    for (let i = 0; i < 3; i++) {
      const wanted = Array.from({ length: 400 }, (_, n) => ({ type: 'vip', holder: { name: `Ada ${i} ${n}` } }))
      await call('POST', `${event.path}/tickets`, { as: event.key, body: { tickets: wanted } })
    }
    const [known] = await issue(event, { reference: 'R-1', booking: { id: 'B', name: 'Byron' } })
    const { items } = (await people(supervisor.token)).body.data
    expect(items).toHaveLength(1201)
    expect(new Set(items.map(({ name }: { name: string }) => name)).size).toBe(1201)
    expect(items.at(-1)).toEqual({
      ticketId: known?.id,
      name: 'Byron',
      type: 'standard',
      shortCode: known?.shortCode,
      reference: 'R-1',
    })
  })

  it('are told to nobody else', async () => {
    expect((await people(device.token)).body).toMatchObject({ code: 'role_required', data: { required: 'supervisor' } })
  })
})

/** The order of the rows says nothing, and time goes on. */
function sorted({ standings, revocations, codes, serverTime: _, ...rest }: Snapshot) {
  const by =
    <T>(name: (one: T) => string) =>
    (a: T, b: T) =>
      name(a) < name(b) ? -1 : 1
  return {
    ...rest,
    standings: standings.toSorted(by(({ ticketId, zone }) => `${ticketId} ${zone}`)),
    revocations: revocations.toSorted(by(({ ticketId }) => ticketId)),
    codes: codes.toSorted(by(({ hash }) => hash)),
  }
}
