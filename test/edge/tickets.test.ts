import { beforeAll, describe, expect, it } from 'vitest'
import { call, issue, newDevice, newEvent, type Party, scan } from './api.ts'

let event: Party
beforeAll(async () => {
  event = await newEvent()
})

const ask = (tickets: Record<string, unknown>[]) =>
  call('POST', `${event.path}/tickets`, { as: event.key, body: { tickets } })
const list = (query: string) => call('GET', `${event.path}/tickets?${query}`, { as: event.key })

describe('issuing tickets', () => {
  it('answers in the order asked, in the shape of the contract', async () => {
    const validFrom = '2026-11-20T10:00:00.000Z'
    const answer = await ask([
      {
        reference: 'R-1',
        type: 'vip',
        holder: { name: 'Ada', email: 'ada@example.com' },
        booking: { id: 'B-1', name: 'Family Byron', email: 'byron@example.com', quantity: 2 },
        admits: 2,
        validFrom,
        note: 'Row 1',
        requiresAttention: true,
      },
      { type: 'standard', paid: false },
    ])
    expect(answer.status).toBe(201)
    expect(answer.body.data.tickets[0]).toMatchObject({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      shortCode: expect.stringMatching(/^[0-9A-HJKMNP-TV-Z]{8}$/),
      reference: 'R-1',
      type: 'vip',
      status: 'valid',
      holder: { name: 'Ada', email: 'ada@example.com' },
      booking: { id: 'B-1', name: 'Family Byron', email: 'byron@example.com', quantity: 2 },
      admits: 2,
      validFrom,
      validUntil: null,
      note: 'Row 1',
      requiresAttention: true,
      url: expect.stringMatching(/^https:\/\/admit\.example\/t\/[\w-]{60,}$/),
      qr: {
        svg: expect.stringMatching(/^https:\/\/admit\.example\/qr\/[\w-]{60,}\.svg$/),
        png: expect.stringMatching(/^https:\/\/admit\.example\/qr\/[\w-]{60,}\.png$/),
      },
      created: true,
    })
    expect(answer.body.data.tickets[1]).toMatchObject({
      status: 'unpaid',
      holder: { name: null, email: null },
      booking: null,
    })
  })

  it('twice under one reference gives the first ticket, unchanged', async () => {
    const [first] = (await ask([{ reference: 'R-2', type: 'vip', holder: { name: 'Grace' } }])).body.data.tickets
    const [second] = (await ask([{ reference: 'R-2', type: 'standard', holder: { name: 'Somebody else' } }])).body.data
      .tickets
    expect(second).toEqual({ ...first, created: false })
  })

  it('issues nothing where anything is wrong, and names each wrong field', async () => {
    const answer = await ask([
      { reference: 'R-3', type: 'standard' },
      { reference: 'R-4', type: 'no such type' },
      { reference: 'R-3', type: 'standard' },
      { type: 'standard', validFrom: '2026-11-21T10:00:00Z', validUntil: '2026-11-20T10:00:00Z' },
    ])
    expect(answer.status).toBe(400)
    expect(answer.body.data.issues.map(({ index, field }: { index: number; field: string }) => [index, field])).toEqual(
      [
        [1, 'type'],
        [3, 'validUntil'],
        [2, 'reference'],
      ],
    )
    expect((await list('search=R-3')).body.data.items).toEqual([])
  })

  it('names the item and field of what has not the right form', async () => {
    const answer = await ask([
      { type: 'standard' },
      { type: 'standard', admits: 0, holder: { email: 'not an address' } },
    ])
    expect(answer.status).toBe(400)
    expect(answer.body.data.issues.map(({ index, field }: { index: number; field: string }) => [index, field])).toEqual(
      [
        [1, 'holder.email'],
        [1, 'admits'],
      ],
    )
  })

  it('takes 1 to 500 at a time', async () => {
    expect((await ask([])).status).toBe(400)
    expect((await ask(Array.from({ length: 501 }, () => ({ type: 'standard' })))).status).toBe(400)
    const other = await newEvent()
    const body = { tickets: Array.from({ length: 500 }, (_, i) => ({ type: 'standard', reference: `${i}` })) }
    const answer = await call('POST', `${other.path}/tickets`, { as: other.key, body })
    expect(answer.status).toBe(201)
    expect(new Set(answer.body.data.tickets.map(({ id }: { id: string }) => id)).size).toBe(500)
  })

  it('gives no two tickets one printed code', async () => {
    await ask([{ type: 'standard', code: '12345678', reference: 'C-1' }])
    const answer = await ask([{ type: 'standard', code: '12345678', reference: 'C-2' }])
    expect(answer.body.data.issues).toEqual([{ index: 0, field: 'code', message: 'another ticket has this code' }])
  })
})

describe('listing tickets', () => {
  it('pages in the order they were issued, without skipping or repeating one', async () => {
    const other = await newEvent()
    const made = await issue(other, ...Array.from({ length: 7 }, () => ({})))
    const seen: string[] = []
    let cursor = ''
    do {
      const { body } = await call('GET', `${other.path}/tickets?limit=3${cursor && `&cursor=${cursor}`}`, {
        as: other.key,
      })
      seen.push(...body.data.items.map(({ id }: { id: string }) => id))
      cursor = body.data.nextCursor ?? ''
    } while (cursor)
    expect(seen.sort()).toEqual(made.map(({ id }) => id).sort())
  })

  it('finds by name, reference and booking, and filters by type and status', async () => {
    const other = await newEvent()
    const find = async (query: string) =>
      (await call('GET', `${other.path}/tickets?${query}`, { as: other.key })).body.data.items.map(
        ({ reference }: { reference: string }) => reference,
      )
    await call('POST', `${other.path}/tickets`, {
      as: other.key,
      body: {
        tickets: [
          { reference: 'a', type: 'vip', holder: { name: 'Zoë 100%' } },
          { reference: 'b', type: 'standard', booking: { id: 'BK-77' }, paid: false },
        ],
      },
    })
    expect(await find('search=Zo%C3%AB')).toEqual(['a'])
    expect(await find('search=100%25')).toEqual(['a'])
    expect(await find('search=%25')).toEqual(['a'])
    expect(await find('search=BK-7')).toEqual(['b'])
    expect(await find('type=vip')).toEqual(['a'])
    expect(await find('type=nothing')).toEqual([])
    expect(await find('status=unpaid')).toEqual(['b'])
    expect(await find('status=valid&type=standard')).toEqual([])
  })

  it('says which limits it takes', async () => {
    const answer = await list('limit=1000')
    expect([answer.status, answer.body.data.issues[0].field]).toEqual([400, 'limit'])
  })
})

describe('a ticket', () => {
  it('is shown with its standings and its scans', async () => {
    const device = await newDevice(event)
    const [ticket] = await issue(event, {})
    await scan(device.token, ticket?.code ?? '')
    await scan(device.token, ticket?.code ?? '')
    const { body } = await call('GET', `${event.path}/tickets/${ticket?.id}`, { as: event.key })
    expect(body.data.ticket.standings).toEqual([
      { zone: 'main', entries: 1, exits: 0, inside: 1, firstAt: expect.any(String), lastAt: expect.any(String) },
    ])
    expect(body.data.ticket.scans[1]).toEqual({
      id: expect.any(String),
      seq: expect.any(Number),
      scanId: expect.any(String),
      ticketId: ticket?.id,
      gateId: 'GATE-A',
      gateName: 'Main Entrance',
      zone: 'main',
      deviceId: device.id,
      staffId: 'sam',
      direction: 'entry',
      verdict: 'refused',
      code: 'already_admitted',
      scannedAt: expect.any(String),
      receivedAt: expect.any(String),
      offline: false,
      forced: false,
      people: 1,
      duplicateAttemptNumber: 2,
      validationTime: expect.any(Number),
      annulledAt: null,
    })
  })

  it('that is not there is not found, whatever is asked of it', async () => {
    for (const id of [crypto.randomUUID(), 'nonsense']) {
      expect((await call('GET', `${event.path}/tickets/${id}`, { as: event.key })).status).toBe(404)
      expect((await call('GET', `${event.path}/tickets/${id}/qr`, { as: event.key })).status).toBe(404)
      expect((await call('POST', `${event.path}/tickets/${id}/revoke`, { as: event.key })).status).toBe(404)
    }
  })
})

describe('an event', () => {
  it('is changed only where it is told to', async () => {
    const other = await newEvent({ capacity: 10, policy: { maxEntries: 3, aloneHours: 12 } })
    const patch = (body: object) => call('PATCH', other.path, { as: other.key, body })
    const before = (await call('GET', other.path, { as: other.key })).body.data.event
    const after = (await patch({ title: 'Renamed', policy: { full: 'warn' } })).body.data.event
    expect(after).toEqual({ ...before, title: 'Renamed', policy: { ...before.policy, full: 'warn' } })
    expect(before.policy).toMatchObject({ maxEntries: 3, aloneHours: 12 })
    expect((await patch({ endsAt: before.startsAt })).body.data.issues[0].field).toBe('endsAt')
    expect((await patch({ zones: [{ id: 'hall', name: 'Hall' }] })).body.data.issues[0].field).toBe('zones')
    const listed = await call('GET', '/api/events', { as: other.key })
    await expect
      .poll(async () => (await call('GET', '/api/events', { as: other.key })).body.data.items[0].title, {
        timeout: 10_000,
      })
      .toBe('Renamed')
    expect(listed.status).toBe(200)
  })

  it('is refused with the fields that are wrong', async () => {
    const body = {
      title: '',
      startsAt: 'tomorrow',
      endsAt: '2026-11-20T10:00:00Z',
      timezone: 'Mars/Olympus',
      zones: [],
    }
    const answer = await call('POST', '/api/events', { as: event.key, body })
    expect(answer.status).toBe(400)
    expect(answer.body.data.issues.map(({ field }: { field: string }) => field)).toEqual([
      'title',
      'startsAt',
      'timezone',
      'zones',
    ])
  })

  it('of the deployment key needs to say whose it is', async () => {
    const { env } = await import('cloudflare:workers')
    const body = { title: 'T', startsAt: '2026-11-20T10:00:00Z', endsAt: '2026-11-20T20:00:00Z', timezone: 'UTC' }
    const nobody = await call('POST', '/api/events', { as: env.ADMIN_KEY, body })
    expect([nobody.status, nobody.body.data.issues[0].field]).toEqual([400, 'organisationId'])
    const organisationId = event.organisation.id
    const made = await call('POST', '/api/events', { as: env.ADMIN_KEY, body: { ...body, organisationId } })
    expect(made.body.data.event.organisationId).toBe(organisationId)
  })
})
