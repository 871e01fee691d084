import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { parse } from 'csv-parse/sync'
import { beforeAll, describe, expect, it } from 'vitest'
import type { EventId } from '../../core/ids.ts'
import { entryIdOf } from '../../core/shards.ts'
import { everybody } from '../../durable-objects/actor.ts'
import { ringOf } from '../../workers/key-ring.ts'
import { call, gatekeeperOf, informed, issue, newDevice, newEvent, newOrganisation, type Party, scan } from './api.ts'

let event: Party
let sam: Awaited<ReturnType<typeof newDevice>>
let tickets: Awaited<ReturnType<typeof issue>>
/** Of its entries. */
const ids: string[] = []

const get = (name: string, as = event.key, of = event) => call('GET', `${of.path}/exports/${name}`, { as })
const csv = (text: string): Record<string, string>[] => parse(text, { columns: true, bom: true })
const ndjson = (text: string) =>
  text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line))

beforeAll(async () => {
  event = await newEvent({ title: 'Über/Expo: "2026" 🎪', timezone: 'Asia/Kathmandu' })
  sam = await newDevice(event)
  tickets = await issue(
    event,
    {
      reference: '=1+1',
      holder: { name: '@Ada "Countess", Lovelace', email: 'ada@example.com' },
      booking: { id: '-B', name: 'Family\nByron', quantity: 2 },
      code: '+4006381333931',
      note: '=HYPERLINK("http://attacker.example")',
      validFrom: '2026-01-01T00:00:00Z',
    },
    { type: 'vip', paid: false },
  )
  for (const code of [tickets[0]?.code, tickets[0]?.code, 'NO-SUCH-CODE']) {
    const { body } = await scan(sam.token, code ?? '')
    ids.push(entryIdOf(event.id as EventId, { seq: ids.length + 1, scanId: body.scanId }))
    // What several objects judge is in the log in the order in which it is heard.
    await informed(event)
  }
})

describe('the export of tickets', () => {
  it('is a table that a spreadsheet opens as text, in the event’s own time', async () => {
    const { status, text, headers } = await get('tickets.csv')
    expect(status).toBe(200)
    expect(headers.get('Content-Type')).toContain('text/csv')
    expect(headers.get('X-Event-Timezone')).toBe('Asia/Kathmandu')
    const rows = csv(text)
    expect(rows).toHaveLength(2)
    const ada = rows.find(({ ticketId }) => ticketId === tickets[0]?.id)
    expect(ada).toMatchObject({
      reference: "'=1+1",
      type: 'standard',
      name: '\'@Ada "Countess", Lovelace',
      email: 'ada@example.com',
      bookingId: "'-B",
      bookingName: 'Family\nByron',
      quantity: '2',
      code: "'+4006381333931",
      note: '\'=HYPERLINK("http://attacker.example")',
      validFrom: '2026-01-01T05:45:00.000+05:45',
      paid: 'true',
      status: 'valid',
      url: tickets[0]?.url,
      'main entries': '1',
      'main inside': '1',
      timezone: 'Asia/Kathmandu',
    })
    expect(ada?.['main firstAt']).toMatch(/\+05:45$/)
  })

  it('begins as spreadsheets want UTF-8 to begin, and ends its lines as RFC 4180 says', async () => {
    const { text } = await call('GET', `${event.path}/exports/tickets.csv`, { as: event.key })
    // The tests' own client takes the byte order mark away, as every decoder does.
    expect(text.startsWith('"reference","type","name"')).toBe(true)
    expect(text.endsWith('"Asia/Kathmandu"\r\n')).toBe(true)
  })

  it('is exact as NDJSON: what the list shows, and the printed code', async () => {
    const listed = (await call('GET', `${event.path}/tickets`, { as: event.key })).body.data.items
    const lines = ndjson((await get('tickets.ndjson')).text)
    expect(lines).toEqual(
      listed.map((ticket: { id: string }) => ({
        ...ticket,
        code: ticket.id === tickets[0]?.id ? '+4006381333931' : null,
        issuedAt: expect.stringMatching(/Z$/),
      })),
    )
  })

  it('is for organisers of this event alone', async () => {
    const stranger = await newOrganisation()
    expect((await get('tickets.csv', stranger.key)).status).toBe(404)
    expect((await get('tickets.csv', sam.token)).body.code).toBe('role_required')
    expect((await call('GET', `${event.path}/exports/tickets.csv`)).status).toBe(401)
  })

  it('has every ticket of a large event once', async () => {
    const large = await newEvent()
    const made: string[] = []
    for (let i = 0; i < 2; i++) made.push(...(await issue300(large)))
    const lines = ndjson((await get('tickets.ndjson', large.key, large)).text)
    expect(lines.map(({ id }) => id).sort()).toEqual(made.sort())
  })

  it('of an event without tickets has its head and nothing else', async () => {
    const empty = await newEvent()
    expect(csv((await get('tickets.csv', empty.key, empty)).text)).toEqual([])
    expect((await get('tickets.ndjson', empty.key, empty)).text).toBe('')
  })

  it('is saved under the title of the event, made harmless', async () => {
    const { headers } = await get('tickets.csv')
    expect(headers.get('Content-Disposition')).toBe(
      `attachment; filename="Uber Expo 2026 __ - tickets.csv"; filename*=UTF-8''${encodeURIComponent('Über Expo 2026 🎪 - tickets.csv')}`,
    )
  })
})

describe('the export of entries', () => {
  it('has the log in its order, and names nobody', async () => {
    const { text, headers } = await get('entries.csv')
    const rows = csv(text)
    expect(rows.map(({ verdict, code, ticketId }) => [verdict, code, ticketId])).toEqual([
      ['admitted', '', tickets[0]?.id],
      ['refused', 'already_admitted', tickets[0]?.id],
      ['refused', 'unknown', ''],
    ])
    expect(rows[0]).toMatchObject({ id: ids[0], gateName: 'Main Entrance', people: '1', forced: 'false' })
    expect(rows[0]?.scannedAt).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]{12}\+05:45$/)
    expect(text).not.toMatch(/Ada|Byron|example\.com/)
    expect(headers.get('X-Pending-Entries')).toBe('0')
    expect(headers.get('X-Exported-At')).toMatch(/Z$/)
  })

  it('is exact as NDJSON: what the list shows, and the ticket type', async () => {
    const listed = (await call('GET', `${event.path}/entries`, { as: event.key })).body.data.items
    const lines = ndjson((await get('entries.ndjson')).text)
    expect(lines.map(({ type: _, ...entry }) => entry)).toEqual(listed.reverse())
    expect(lines.map(({ type }) => type)).toEqual(['standard', 'standard', null])
  })

  it('says how many entries D1 does not have yet', async () => {
    const other = await newEvent()
    const device = await newDevice(other)
    const [ticket] = await issue(other)
    // The outbox cannot tell D1 what it has, and D1 can still be read.
    await env.DB.exec('ALTER TABLE drained RENAME TO drained_away')
    try {
      await scan(device.token, ticket?.code ?? '')
      const { text, headers } = await get('entries.csv', other.key, other)
      expect(csv(text)).toEqual([])
      expect(headers.get('X-Pending-Entries')).toBe('1')
    } finally {
      await env.DB.exec('ALTER TABLE drained_away RENAME TO drained')
    }
    const { text, headers } = await get('entries.csv', other.key, other)
    expect([csv(text).length, headers.get('X-Pending-Entries')]).toEqual([1, '0'])
  })

  it('has every entry of a long log once, in order', async () => {
    const other = await newEvent()
    await fill(other, 4000)
    for (const more of [0, 1]) {
      if (more > 0) await fill(other, more, 4000)
      const lines = ndjson((await get('entries.ndjson', other.key, other)).text)
      expect(lines.map(({ seq }) => seq)).toEqual(Array.from({ length: 4000 + more }, (_, i) => i + 1))
    }
  })

  it('is made no faster than it is read', async () => {
    const other = await newEvent()
    await fill(other, 20_000)
    const { exportText } = await import('../../workers/exports.ts')
    const described = await runInDurableObject(gatekeeperOf(other), (it) => it.describe(everybody))
    if (!described.ok) throw new Error('no event')
    const { value: details } = described
    const linking = { origin: '', ring: ringOf(env), eventId: details.id }
    const from = { env, actor: everybody, eventId: details.id, linking, event: details, gateNames: new Map() }
    const pieces = exportText('entries', 'csv', from)
    let longest = 0
    let count = 0
    for await (const piece of pieces) {
      longest = Math.max(longest, piece.length)
      count++
    }
    // The head, forty pages and the empty one after them: never all of it at once.
    expect(count).toBe(42)
    expect(longest).toBeLessThan(250_000)
  })
})

describe('the export of duplicates', () => {
  it('has each with the admission that it repeats', async () => {
    const rows = csv((await get('duplicates.csv')).text)
    expect(rows).toHaveLength(1)
    expect(rows[0]).toMatchObject({
      id: ids[1],
      ticketId: tickets[0]?.id,
      duplicateAttemptNumber: '2',
      originalId: ids[0],
      originalGateId: 'GATE-A',
      timezone: 'Asia/Kathmandu',
    })
    const [line] = ndjson((await get('duplicates.ndjson')).text)
    expect(line).toMatchObject({ seq: 2, original: { seq: 1, verdict: 'admitted' } })
  })

  it('is for viewers too; tickets are not', async () => {
    const made = await call('POST', `/api/organisations/${event.organisation.id}/keys`, {
      as: event.key,
      body: { name: 'Reports', role: 'viewer' },
    })
    const viewer = made.body.data.key
    expect((await get('duplicates.csv', viewer)).status).toBe(200)
    expect((await get('entries.ndjson', viewer)).status).toBe(200)
    expect((await get('tickets.ndjson', viewer)).body.code).toBe('role_required')
  })

  it('knows three exports and two formats', async () => {
    expect((await get('people.csv')).status).toBe(404)
    expect((await get('tickets.xlsx')).status).toBe(404)
  })
})

async function issue300(party: Party): Promise<string[]> {
  const body = { tickets: Array.from({ length: 300 }, () => ({ type: 'standard' })) }
  const issued = await call('POST', `${party.path}/tickets`, { as: party.key, body })
  return issued.body.data.tickets.map(({ id }: { id: string }) => id)
}

/** Writes entries to D1 as the outbox would have, many at once. */
async function fill(party: Party, count: number, from = 0) {
  await env.DB.prepare(
    `WITH RECURSIVE n(i) AS (SELECT ?2 + 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2 + ?3)
     INSERT INTO entry (event, epoch, seq, scan, ticket, type, gate, zone, direction, people, verdict, forced, offline,
     inside_change, scanned_at, received_at, validation_ms)
     SELECT unhex(?1), 1, i, randomblob(16), randomblob(16), 'standard', 'GATE-A', 'main', 'entry', 1, 'admitted', 0, 0, 1,
     1795000000000 + i, 1795000000000 + i, 1.5 FROM n`,
  )
    .bind(party.id.replaceAll('-', ''), from, count)
    .run()
}
