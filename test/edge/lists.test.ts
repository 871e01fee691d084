import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import type { EventId } from '../../core/ids.ts'
import { entryIdOf } from '../../core/shards.ts'
import { call, gatekeeperOf, issue, newDevice, newEvent, newOrganisation, type Party, scan } from './api.ts'

type Item = { id: string; seq: number; scannedAt: string; verdict: string; code: string | null; gateId: string | null }

let event: Party
let sam: Awaited<ReturnType<typeof newDevice>>
let sue: Awaited<ReturnType<typeof newDevice>>
let tickets: Awaited<ReturnType<typeof issue>>
/** Of its first entries. */
let ids: string[] = []
let viewer: string

const get = (path: string, as = event.key) => call('GET', path, { as })
const entries = (query = '', as = event.key) => get(`${event.path}/entries?${query}`, as)
const duplicates = (query = '', as = event.key) => get(`/api/hp-scanner/duplicate-attempts/${event.id}?${query}`, as)
const idsOf = (items: { id: string }[]) => items.map(({ id }) => id)

/** Every page of a list, and what happens between two of them. */
async function allPages<T>(path: string, between: (page: number) => Promise<unknown> = async () => {}): Promise<T[]> {
  const items: T[] = []
  let cursor: string | null = null
  for (let page = 0; page === 0 || cursor !== null; page++) {
    if (page > 0) await between(page)
    const { body } = await get(`${path}${cursor === null ? '' : `&cursor=${cursor}`}`)
    items.push(...body.data.items)
    cursor = body.data.nextCursor
  }
  return items
}

beforeAll(async () => {
  event = await newEvent()
  sam = await newDevice(event)
  sue = await newDevice(event, 'sue')
  tickets = await issue(
    event,
    { holder: { name: 'Ada Lovelace', email: 'ada@example.com' } },
    { type: 'vip' },
    { booking: { id: 'B-1', name: 'Grace', email: 'grace@example.com' } },
    {},
  )
  const [a, b, c] = tickets.map(({ code }) => code)
  const first = await scan(sam.token, a ?? '')
  const second = await scan(sam.token, a ?? '')
  ids = [first, second].map(({ body }, i) => entryIdOf(event.id as EventId, { seq: i + 1, scanId: body.scanId }))
  await scan(sue.token, b ?? '', { gateId: 'GATE-V' })
  await scan(sue.token, c ?? '', { gateId: 'GATE-V' })
  await scan(sue.token, c ?? '', { gateId: 'GATE-B' })
  await scan(sam.token, c ?? '')
  await scan(sam.token, a ?? '', { gateId: 'GATE-X' })
  const made = await call('POST', `/api/organisations/${event.organisation.id}/keys`, {
    as: event.key,
    body: { name: 'Reports', role: 'viewer' },
  })
  viewer = made.body.data.key
})

describe('the list of entries', () => {
  it('gives the newest first, in the shape of the contract', async () => {
    const { status, body } = await entries()
    expect(status).toBe(200)
    expect(body.data.items.map(({ verdict, code, gateId }: Item) => [verdict, code, gateId])).toEqual([
      ['exited', null, 'GATE-X'],
      ['refused', 'already_admitted', 'GATE-A'],
      ['admitted', null, 'GATE-B'],
      ['refused', 'wrong_gate', 'GATE-V'],
      ['admitted', null, 'GATE-V'],
      ['refused', 'already_admitted', 'GATE-A'],
      ['admitted', null, 'GATE-A'],
    ])
    const shown = await get(`${event.path}/tickets/${tickets[0]?.id}`)
    const listed = body.data.items.filter((item: { ticketId: string }) => item.ticketId === tickets[0]?.id)
    expect(listed.reverse()).toEqual(shown.body.data.ticket.scans)
    expect(body.data).toMatchObject({ nextCursor: null, pending: 0 })
  })

  it.each([
    ['gate=GATE-V', 2],
    ['staff=sam', 4],
    ['type=vip', 1],
    ['verdict=refused', 3],
    ['code=already_admitted', 2],
    ['code=wrong_gate', 1],
    ['gate=GATE-A&staff=sam&verdict=admitted', 1],
    ['gate=GATE-NONE', 0],
    ['from=2100-01-01T00:00:00Z', 0],
    ['to=2100-01-01T00:00:00Z', 7],
  ])('filtered by %s gives %i', async (query, count) => {
    expect((await entries(query)).body.data.items).toHaveLength(count)
  })

  it('can be asked for one ticket and one device', async () => {
    expect((await entries(`ticket=${tickets[2]?.id}`)).body.data.items).toHaveLength(3)
    expect((await entries(`device=${sue.id}`)).body.data.items).toHaveLength(3)
  })

  it('begins a span at its first instant and ends it before its last', async () => {
    const [newest] = (await entries('limit=1')).body.data.items
    expect((await entries(`from=${newest.scannedAt}`)).body.data.items.length).toBeGreaterThan(0)
    const before = (await entries(`to=${newest.scannedAt}`)).body.data.items
    expect(idsOf(before)).not.toContain(newest.id)
  })

  it('of a large log looks at so many in one call, gives what it found and where to go on, and misses none', async () => {
    const large = await newEvent()
    const COUNT = 45_000
    await env.DB.prepare(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
       INSERT INTO entry (event, epoch, seq, scan, type, gate, zone, direction, people, verdict, forced, offline,
       inside_change, scanned_at, received_at, validation_ms)
       SELECT unhex(?1), 1, i, randomblob(16), iif(i % 11000 = 5, 'vip', 'standard'), iif(i % 2, 'GATE-A', 'GATE-B'), 'main',
       'entry', 1, 'admitted', 0, 0, 1, 1790000000000 + i / 3, 1790000000000, 1 FROM n`,
    )
      .bind(large.id.replaceAll('-', ''), COUNT)
      .run()
    const found = async (query: string) => {
      const pages: number[][] = []
      for (let cursor: string | null = ''; cursor !== null; ) {
        const path: string = `${large.path}/entries?limit=3&${query}${cursor === '' ? '' : `&cursor=${cursor}`}`
        const { body } = await get(path, large.key)
        pages.push(body.data.items.map(({ seq }: Item) => seq))
        cursor = body.data.nextCursor
      }
      return pages
    }
    expect(await found('type=vip')).toEqual([[44005, 33005], [22005, 11005], [5]])
    expect(await found('type=vip&gate=GATE-A')).toEqual([
      [44005, 33005, 22005],
      [11005, 5],
    ])
    expect(await found('type=backstage')).toEqual([[], [], []])
    expect(await found('type=backstage&verdict=refused')).toEqual([[]])
    expect(await found('gate=GATE-NONE')).toEqual([[]])
  })

  it.each(['cursor=x', 'cursor=1.1', 'verdict=maybe', 'limit=0', 'limit=201', 'ticket=1', 'from=yesterday'])(
    'refuses %s and names the field',
    async (query) => {
      const answer = await entries(query)
      expect(answer.status).toBe(400)
      expect(answer.body.data.issues[0].field).toBe(query.split('=')[0])
    },
  )

  it('is for viewers too, names nobody, and is nobody else’s', async () => {
    const answer = await entries('', viewer)
    expect(answer.status).toBe(200)
    expect(answer.text).not.toMatch(/Ada|Grace|example\.com/)
    const stranger = await newOrganisation()
    expect((await entries('', stranger.key)).status).toBe(404)
  })

  it('pages without skipping or repeating one while scans go on', async () => {
    const known: Item[] = (await entries('limit=200')).body.data.items
    const paged = await allPages<Item>(`${event.path}/entries?limit=2`, () => scan(sam.token, tickets[0]?.code ?? ''))
    expect(idsOf(paged)).toEqual(idsOf(known))
  })
})

describe('the list of duplicates', () => {
  it('names the holder, the staff and the admission that was repeated', async () => {
    const { status, body } = await duplicates('gateId=GATE-A&limit=1&page=2')
    expect(status).toBe(200)
    const total = body.data.pagination.total
    expect(body.data.pagination).toEqual({ total, page: 2, limit: 1, pages: total })
    const oldest = (await duplicates(`limit=1&page=${total}`)).body.data.duplicates[0]
    expect(oldest).toEqual({
      id: ids[1],
      ticketId: tickets[0]?.id,
      event: { id: event.id, title: 'Tech Expo 2026' },
      booking: { user: { name: 'Ada Lovelace', email: 'ada@example.com' } },
      staff: { name: 'Sam', email: null },
      gateId: 'GATE-A',
      scannedAt: expect.stringMatching(/Z$/),
      duplicateAttemptNumber: 2,
      originalScanId: { id: ids[0], scannedAt: expect.stringMatching(/Z$/), gateId: 'GATE-A' },
    })
  })

  it('gives the booking’s person where the ticket has none', async () => {
    const { body } = await duplicates('limit=200')
    const grace = body.data.duplicates.find(({ ticketId }: { ticketId: string }) => ticketId === tickets[2]?.id)
    expect(grace.booking.user).toEqual({ name: 'Grace', email: 'grace@example.com' })
    expect(grace.originalScanId.gateId).toBe('GATE-B')
  })

  it('names nobody to a viewer or a scanner', async () => {
    for (const as of [viewer, sam.token]) {
      const answer = await duplicates('', as)
      expect(answer.body.data.duplicates[0].booking.user).toEqual({ name: null, email: null })
      expect(answer.text).not.toMatch(/Ada|Grace|example\.com|"Sam"/)
    }
    expect((await duplicates('', sue.token)).text).toContain('Ada Lovelace')
  })

  it('is empty at a gate without any, and past its end', async () => {
    const none = { duplicates: [], pagination: { total: 0, page: 1, limit: 50, pages: 0 } }
    expect((await duplicates('gateId=GATE-B')).body.data).toEqual(none)
    expect((await duplicates('page=99')).body.data.duplicates).toEqual([])
  })
})

describe('the list of tickets', () => {
  it.each([
    ['gate=GATE-A', [0, 2]],
    ['gate=GATE-V', [1, 2]],
    ['gate=GATE-B', [2]],
    ['gate=GATE-A&type=vip', []],
    ['gate=NOWHERE', []],
    ['from=2000-01-01T00:00:00Z&to=2100-01-01T00:00:00Z', [0, 1, 2]],
    ['gate=GATE-A&to=2000-01-01T00:00:00Z', []],
  ])('with %s gives those scanned there', async (query, which) => {
    const { body } = await get(`${event.path}/tickets?${query}`)
    // Tickets of one request are in no order among each other.
    expect(idsOf(body.data.items).sort()).toEqual(which.map((i) => tickets[i]?.id).sort())
  })

  it('finds an address of any length, in either case, as it is written', async () => {
    const email = `${'very-long-name.'.repeat(6)}%_'@Example.com`
    const [ticket] = await issue(event, { holder: { name: 'Long', email } })
    const found = async (search: string) =>
      idsOf((await get(`${event.path}/tickets?search=${encodeURIComponent(search)}`)).body.data.items)
    expect(await found(email.toLowerCase())).toEqual([ticket?.id])
    expect(await found(email.replace('%', 'x'))).toEqual([])
  })

  it('finds what is far down in a large event, in pages that are full', async () => {
    const large = await newEvent()
    for (let i = 0; i < 5; i++) {
      await issue500(large, (j) => ({ reference: `R-${i}-${j}`, type: j % 100 === 0 ? 'vip' : 'standard' }))
    }
    const { body } = await call('GET', `${large.path}/tickets?search=R-4-49&limit=50`, { as: large.key })
    expect(body.data.items.map(({ reference }: { reference: string }) => reference)).toHaveLength(11)
    const first = await call('GET', `${large.path}/tickets?type=vip&limit=20`, { as: large.key })
    expect(first.body.data.items).toHaveLength(20)
    const cursor = first.body.data.nextCursor
    const second = await call('GET', `${large.path}/tickets?type=vip&limit=20&cursor=${cursor}`, { as: large.key })
    expect(second.body.data.items).toHaveLength(5)
    expect(second.body.data.nextCursor).toBeNull()
  })

  it('neither skips nor repeats a ticket while others are issued and revoked', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.constantFrom('', 'status=valid', 'type=standard'),
        fc.array(fc.record({ issue: fc.nat(3), revoke: fc.nat(11), restore: fc.nat(11) }), { maxLength: 6 }),
        async (limit, filter, changes) => {
          const other = await newEvent()
          const made = idsOf(await issue(other, ...Array.from({ length: 12 }, () => ({}))))
          const touched = new Set<string>()
          const between = async (page: number) => {
            const change = changes[page - 1]
            if (!change) return
            if (change.issue > 0) await issue(other, ...Array.from({ length: change.issue }, () => ({})))
            for (const [action, which] of [
              ['revoke', change.revoke],
              ['restore', change.restore],
            ] as const) {
              touched.add(made[which] ?? '')
              await call('POST', `${other.path}/tickets/${made[which]}/${action}`, { as: other.key })
            }
          }
          const listed = idsOf(await pagesOf(other, `limit=${limit}&${filter}`, between))
          expect(new Set(listed).size).toBe(listed.length)
          // What was changed meanwhile may be in a list of valid tickets or not; the others must be.
          const sure = filter === 'status=valid' ? made.filter((id) => !touched.has(id)) : made
          expect(sure.filter((id) => !listed.includes(id))).toEqual([])
        },
      ),
      { numRuns: 5 },
    )
  }, 180_000)
})

describe('what the lists read', () => {
  it('looks for a ticket’s scans by the ticket in the Gatekeeper too', async () => {
    const plan = await runInDurableObject(gatekeeperOf(event), (_, state) =>
      [
        ...state.storage.sql.exec(
          'EXPLAIN QUERY PLAN SELECT id FROM ticket t WHERE EXISTS (SELECT 1 FROM entry e WHERE e.ticket = t.id AND e.gate = 1)',
        ),
      ].map(({ detail }) => detail),
    )
    expect(plan.join('\n')).toContain('USING INDEX entry_ticket (ticket=?)')
  })
})

async function pagesOf(party: Party, query: string, between: (page: number) => Promise<unknown>) {
  const items: { id: string }[] = []
  let cursor: string | null = null
  for (let page = 0; page === 0 || cursor !== null; page++) {
    if (page > 0) await between(page)
    const path = `${party.path}/tickets?${query}${cursor === null ? '' : `&cursor=${cursor}`}`
    const { body } = await call('GET', path, { as: party.key })
    items.push(...body.data.items)
    cursor = body.data.nextCursor
  }
  return items
}

function issue500(party: Party, make: (i: number) => Record<string, unknown>) {
  const tickets = Array.from({ length: 500 }, (_, i) => make(i))
  return call('POST', `${party.path}/tickets`, { as: party.key, body: { tickets } })
}
