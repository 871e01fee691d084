import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it } from 'vitest'
import { samePerson, saysWho } from '../../core/erasure.ts'
import { chain, chainStart } from '../../core/log.ts'
import { everybody } from '../../durable-objects/actor.ts'
import { call, codeOf, gatekeeperOf, issue, newDevice, newEvent, newOrganisation, type Party, scan } from './api.ts'

let event: Party
let sam: Awaited<ReturnType<typeof newDevice>>
let sue: Awaited<ReturnType<typeof newDevice>>
beforeAll(async () => {
  event = await newEvent()
  sam = await newDevice(event)
  sue = await newDevice(event, 'sue')
})

const erase = (id: string | undefined, query = '', as = event.key) =>
  call('DELETE', `${event.path}/tickets/${id}/holder${query}`, { as })
const show = async (id: string | undefined) =>
  (await call('GET', `${event.path}/tickets/${id}`, { as: event.key })).body.data.ticket
const find = async (q: string) =>
  (await call('GET', `/api/hp-scanner/search/${event.id}?q=${encodeURIComponent(q)}`, { as: sue.token })).body.data
    .items

describe('erasing a person', () => {
  it('threat 40: takes every trace of them away, and leaves the counts and the chain', async () => {
    const [ticket, other] = await issue(
      event,
      {
        reference: 'zebulon.quux@example.org',
        holder: { name: 'Zebulon Quux', email: 'zebulon.quux@example.org' },
        booking: { id: 'quux-family', name: 'Zébulon Quux', email: 'zebulon.quux@example.org', quantity: 1 },
        note: 'Zebulon needs a ramp',
      },
      { holder: { name: 'Somebody Else' } },
    )
    const scanId = crypto.randomUUID()
    await scan(sam.token, ticket?.code ?? '', { scanId })
    await scan(sam.token, ticket?.code ?? '')
    await scan(sam.token, other?.code ?? '')
    await call('POST', `${event.path}/tickets/${ticket?.id}/revoke`, {
      as: event.key,
      body: { reason: 'Mr Quux asked for it' },
    })
    await call('POST', `${event.path}/tickets/${ticket?.id}/restore`, { as: event.key })
    await call('POST', `${event.path}/tickets/${ticket?.id}/block`, { as: event.key, body: { reason: 'Quux again' } })
    await call('POST', `${event.path}/tickets/${ticket?.id}/restore`, { as: event.key })
    await call('GET', new URL(ticket?.qr.svg ?? '').pathname)
    // Until then the person is in the Gatekeeper, and never anywhere else.
    const traces = await tracesOf(/zebulon|zébulon|quux/i)
    expect(traces.length).toBeGreaterThan(5)
    expect(traces.filter((trace) => /^(D1|KV) /.test(trace))).toEqual([])
    const before = await counts()

    const answer = await erase(ticket?.id)
    expect(answer.status).toBe(200)
    expect(answer.body.data.erasure).toEqual({
      ticketId: ticket?.id,
      booking: true,
      by: event.organisation.id,
      at: expect.stringMatching(/Z$/),
    })
    expect(answer.body.data.ticket).toMatchObject({
      id: ticket?.id,
      status: 'valid',
      holder: { name: null, email: null },
      booking: { name: null, email: null, quantity: 1 },
      note: null,
    })

    expect(await tracesOf(/zebulon|zébulon|quux/i)).toEqual([])
    for (const path of ['tickets.csv', 'tickets.ndjson', 'entries.csv', 'duplicates.csv']) {
      const { text } = await call('GET', `${event.path}/exports/${path}`, { as: event.key })
      expect(text, path).not.toMatch(/zebulon|zébulon|quux/i)
      expect(text, path).toContain(ticket?.id)
    }
    // The answer that was recorded is given again, and does not name them any more.
    const again = await scan(sam.token, ticket?.code ?? '', { scanId })
    expect(again.body).toMatchObject({ replay: true, verdict: 'admitted', data: { booking: { userName: null } } })
    expect(again.text).not.toMatch(/quux/i)
    expect((await call('GET', new URL(ticket?.url ?? '').pathname)).text).not.toMatch(/quux/i)

    expect(await counts()).toEqual(before)
    expect(await chainHolds()).toBe(true)
    const integrity = await call('GET', `/api/hp-scanner/integrity/${event.id}`, { as: event.key })
    expect(integrity.body.data).toMatchObject({ ok: true, discrepancies: [] })
  })

  it('leaves the ticket good: its code, its short code, and those of the others found', async () => {
    const [ticket] = await issue(event, { holder: { name: 'Wanda Fish' }, code: 'PRINTED-77' })
    await issue(event, { holder: { name: 'Wanda Other' } })
    await erase(ticket?.id)
    expect(await codeOf(event, ticket?.id ?? '')).toBe(ticket?.code)
    expect((await find('wanda')).map(({ name }: { name: string }) => name)).toEqual(['Wanda Other'])
    expect(await find(ticket?.shortCode ?? '')).toHaveLength(1)
    expect((await scan(sam.token, 'PRINTED-77')).body).toMatchObject({ verdict: 'admitted' })
  })

  it('is recorded once, with when and by whom, whatever is asked again', async () => {
    const other = await newEvent()
    const [a, b] = await issue(other, { holder: { name: 'Ann' } }, { holder: { name: 'Ben' } })
    for (const id of [a?.id, b?.id, a?.id]) {
      expect((await call('DELETE', `${other.path}/tickets/${id}/holder`, { as: other.key })).status).toBe(200)
    }
    const list = (query: string) => call('GET', `${other.path}/erasures?${query}`, { as: other.key })
    const first = await list('limit=1')
    expect(first.body.data.items).toMatchObject([{ ticketId: a?.id, by: other.organisation.id, booking: false }])
    const second = await list(`limit=1&cursor=${first.body.data.nextCursor}`)
    expect(second.body.data).toMatchObject({ items: [{ ticketId: b?.id }], nextCursor: null })
    expect(first.text + second.text).not.toMatch(/Ann|Ben/)
  })

  it('is for organisers of this event alone', async () => {
    const [ticket] = await issue(event, { holder: { name: 'Kept Person' } })
    expect((await erase(ticket?.id, '', sue.token)).body.code).toBe('role_required')
    expect((await erase(ticket?.id, '', (await newOrganisation()).key)).status).toBe(404)
    expect((await erase(crypto.randomUUID())).status).toBe(404)
    expect((await erase('rubbish')).status).toBe(404)
    expect((await show(ticket?.id)).holder.name).toBe('Kept Person')
  })
})

describe('the person of a booking', () => {
  const family = (id: string) => ({ id, name: 'Gomez Addams', email: 'gomez@example.org' })

  it('stays while another of its tickets has its person, and goes with the last', async () => {
    const booking = family('B-100')
    const [a, b] = await issue(
      event,
      { booking, holder: { name: 'Pugsley' } },
      { booking, holder: { name: 'Wednesday' } },
    )
    expect((await erase(a?.id)).body.data).toMatchObject({
      erasure: { booking: false },
      ticket: { booking: { id: 'B-100', name: 'Gomez Addams' } },
    })
    expect((await erase(b?.id)).body.data.erasure.booking).toBe(true)
    for (const { id } of [a, b] as { id: string }[]) {
      expect((await show(id)).booking).toMatchObject({ id: 'B-100', name: null, email: null })
    }
    expect(await find('gomez')).toEqual([])
  })

  it('goes at once where it is the holder, or where that is wished', async () => {
    const booking = family('B-101')
    const [a] = await issue(event, { booking, holder: { name: 'GÓMEZ ADDAMS' } }, { booking })
    expect((await erase(a?.id)).body.data.erasure.booking).toBe(true)
    const wished = family('B-102')
    const [c, d] = await issue(event, { booking: wished, holder: { name: 'Lurch' } }, { booking: wished })
    expect((await erase(c?.id, '?booking=true')).body.data.erasure.booking).toBe(true)
    expect((await show(d?.id)).booking.name).toBeNull()
    expect(await find('gomez')).toEqual([])
    expect((await erase(c?.id, '?booking=perhaps')).status).toBe(400)
  })

  it('is found by its new name alone once it has another', async () => {
    await issue(event, { booking: { id: 'B-103', name: 'Olaf Before' } })
    await issue(event, { booking: { id: 'B-103', name: 'Olga After' } })
    expect(await find('olaf')).toEqual([])
    expect(await find('olga')).toHaveLength(2)
  })
})

describe('a reference that says who somebody is', () => {
  it('is kept as a stand-in, so that the same file again issues nothing anew', async () => {
    const row = {
      reference: 'morticia@example.org',
      holder: { name: 'Morticia Frump' },
      booking: { id: 'frump@example.org', name: 'M. Frump' },
      code: 'BARCODE-9',
    }
    const [ticket] = await issue(event, row)
    await erase(ticket?.id)
    const now = await show(ticket?.id)
    expect(now.reference).toMatch(/^erased-[0-9a-f]{24}$/)
    expect(now.booking.id).toMatch(/^erased-[0-9a-f]{24}$/)
    const [again] = await issue(event, row)
    expect(again?.id).toBe(ticket?.id)
    expect(await tracesOf(/morticia|frump/i)).toEqual([])
    await erase(ticket?.id)
    expect((await show(ticket?.id)).reference).toBe(now.reference)
  })

  it('is told from one that does not', async () => {
    const [ticket] = await issue(event, { reference: 'ORDER-4711/2', holder: { name: 'Al Bundy' } })
    await erase(ticket?.id)
    expect((await show(ticket?.id)).reference).toBe('ORDER-4711/2')
    const ada = { name: 'Ada Łovelace', email: 'countess@example.org' }
    expect(['ada-1', 'x.lovelace.2', 'COUNTESS', 'who@ever'].map((text) => saysWho(text, ada))).toEqual([
      true,
      true,
      true,
      true,
    ])
    expect(['TX-1815', 'example', 'org', ''].map((text) => saysWho(text, ada, null))).toEqual([
      false,
      false,
      false,
      false,
    ])
    const nobody = { name: null, email: null }
    expect(samePerson(nobody, nobody)).toBe(false)
    expect(samePerson(ada, { name: 'Somebody', email: ' Countess@Example.org' })).toBe(true)
  })
})

describe('a person in several events', () => {
  const email = 'otto.normal@example.org'
  const ask = (what: string, as: string, organisation: string, body: object = { email }) =>
    call('POST', `/api/organisations/${organisation}/${what}`, { as, body })

  it('is shown everything that is held about them, and nobody else', async () => {
    const first = await newEvent()
    const second = await call('POST', '/api/events', {
      as: first.key,
      body: {
        title: 'The next one',
        startsAt: new Date(Date.now()).toISOString(),
        endsAt: new Date(Date.now() + 3_600_000).toISOString(),
        timezone: 'Europe/Berlin',
      },
    })
    const other = { path: `/api/events/${second.body.data.event.id}`, key: first.key }
    await call('PUT', `${other.path}/ticket-types/standard`, { as: first.key, body: { name: 'Standard' } })
    await call('PUT', `${other.path}/staff/otto`, {
      as: first.key,
      body: { name: 'Otto', email, role: 'scanner' },
    })
    const phone = await newDevice(first)
    const [own, booked, stranger] = await issue(
      first,
      {
        holder: { name: 'Otto Normal', email: 'Otto.Normal@Example.org' },
        note: 'likes the front row',
        code: 'OTTO-1',
      },
      { holder: { name: 'His Friend', email: 'friend@example.org' }, booking: { id: 'B-1', name: 'Otto', email } },
      { holder: { name: 'Otto Other', email: 'otto.normal@example.com' } },
    )
    await scan(phone.token, own?.code ?? '')
    const answer = await ask('subject-access', first.key, first.organisation.id)
    const { holdings, events, nextCursor, member } = answer.body.data
    expect([events, nextCursor, member]).toEqual([2, null, false])
    expect(holdings.map((one: { event: { title: string } }) => one.event.title)).toEqual([
      'Tech Expo 2026',
      'The next one',
    ])
    expect(holdings[0].tickets.map(({ id }: { id: string }) => id).sort()).toEqual([own?.id, booked?.id].sort())
    const shown = holdings[0].tickets.find(({ id }: { id: string }) => id === own?.id)
    expect(shown).toMatchObject({ note: 'likes the front row', code: 'OTTO-1', scans: [{ verdict: 'admitted' }] })
    expect(holdings[1]).toMatchObject({ tickets: [], staff: [{ id: 'otto', email }] })
    expect(answer.text).not.toContain('example.com')

    // Erased, nothing of them is there; their friend is, and so is whoever is only called alike.
    const erased = await ask('erasures', first.key, first.organisation.id)
    expect(erased.body.data.erased).toHaveLength(1)
    expect(erased.body.data.erased[0].ticketIds.sort()).toEqual([own?.id, booked?.id].sort())
    const after = await ask('subject-access', first.key, first.organisation.id)
    expect(after.body.data.holdings.flatMap((one: { tickets: unknown[] }) => one.tickets)).toEqual([])
    const list = await call('GET', `${first.path}/tickets`, { as: first.key })
    const names = list.body.data.items.map((one: { holder: { name: string | null } }) => one.holder.name)
    expect(names.sort()).toEqual(['His Friend', 'Otto Other', null])
    expect(list.body.data.items.find(({ id }: { id: string }) => id === booked?.id).booking.email).toBeNull()
    expect((await scan(phone.token, stranger?.code ?? '')).body.verdict).toBe('admitted')

    // The audit logs say that it was done and to which tickets, and not to whom.
    const audit = await call('GET', `${first.path}/audit?limit=2`, { as: first.key })
    const ofOrganisation = await call('GET', `/api/organisations/${first.organisation.id}/audit?limit=3`, {
      as: first.key,
    })
    expect(ofOrganisation.body.data.items.map(({ kind }: { kind: string }) => kind)).toEqual([
      'person.shown',
      'person.erased',
      'person.shown',
    ])
    expect(audit.text).toContain(own?.id)
    expect(audit.text + ofOrganisation.text).not.toMatch(/otto/i)
  })

  it('is asked for by organisers of this organisation alone, with an address', async () => {
    const stranger = await newOrganisation()
    for (const what of ['subject-access', 'erasures']) {
      expect((await ask(what, stranger.key, event.organisation.id)).status).toBe(404)
      const wrong = await ask(what, event.key, event.organisation.id, { email: 'Otto' })
      expect(wrong.body.data.issues).toMatchObject([{ field: 'email' }])
    }
  })
})

/** Every place in which a text stands: tables of the Gatekeeper, tables of D1, keys and values of KV. */
async function tracesOf(text: RegExp): Promise<string[]> {
  const inGatekeeper = await runInDurableObject(gatekeeperOf(event), (_, { storage }) => {
    const tables = [...storage.sql.exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return tables
      .filter(({ name }) => !name.startsWith('_cf'))
      .flatMap(({ name }) => [...storage.sql.exec(`SELECT * FROM "${name}"`)].map((row) => `${name} ${readable(row)}`))
  })
  await runInDurableObject(gatekeeperOf(event), (gatekeeper) => gatekeeper.flush())
  const { results: tables } = await env.DB.prepare(
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'",
  ).all<{ name: string }>()
  const inD1: string[] = []
  for (const { name } of tables) {
    const { results } = await env.DB.prepare(`SELECT * FROM "${name}"`).all()
    inD1.push(...results.map((row) => `D1 ${name} ${readable(row)}`))
  }
  const { keys } = await env.QR_IMAGES.list()
  const inKv = await Promise.all(
    keys.map(async (key) => `KV ${JSON.stringify(key)} ${await env.QR_IMAGES.get(key.name, 'text')}`),
  )
  expect(inGatekeeper.length).toBeGreaterThan(10)
  expect(inD1.length).toBeGreaterThan(2)
  return [...inGatekeeper, ...inD1, ...inKv].filter((found) => text.test(found))
}

/** A row with its bytes as the characters they would be. */
function readable(row: Record<string, unknown>): string {
  return Object.values(row)
    .map((value) => {
      if (value instanceof ArrayBuffer) return new TextDecoder().decode(value)
      return Array.isArray(value) ? new TextDecoder().decode(Uint8Array.from(value)) : String(value)
    })
    .join(' ')
}

async function counts() {
  const stats = await runInDurableObject(gatekeeperOf(event), (gatekeeper) => gatekeeper.stats(everybody))
  const sold = await runInDurableObject(gatekeeperOf(event), (_, { storage }) => [
    ...storage.sql.exec('SELECT * FROM sold'),
  ])
  return [stats.ok && stats.value.stats, sold]
}

async function chainHolds(): Promise<boolean> {
  const entries = await runInDurableObject(gatekeeperOf(event), (gatekeeper) => gatekeeper.entries(everybody, 0, 1000))
  const stored = await runInDurableObject(gatekeeperOf(event), (_, { storage }) =>
    [...storage.sql.exec<{ chain: ArrayBuffer }>('SELECT chain FROM entry ORDER BY seq')].map(
      (row) => `${new Uint8Array(row.chain)}`,
    ),
  )
  if (!entries.ok) return false
  let link = chainStart
  return entries.value.every((entry, i) => {
    link = chain(link, entry)
    return `${link}` === stored[i]
  })
}
