import { runInDurableObject } from 'cloudflare:test'
import { describe, expect, it } from 'vitest'
import { IMPORT_MAX_ROWS, openSheet, TooManyRows } from '../../workers/importing.ts'
import { csvCorpus } from '../vectors/csv-corpus.ts'
import { call, gatekeeperOf, newDevice, newEvent, newOrganisation, type Party, scan } from './api.ts'

const upload = (event: Party, file: BodyInit, query: Record<string, string> = {}, as: string | null = event.key) =>
  call('POST', `${event.path}/imports?${new URLSearchParams(query)}`, {
    as,
    raw: file,
    headers: { 'Content-Type': 'text/csv' },
  })

async function finished(event: Party, id: string) {
  const show = async () => (await call('GET', `${event.path}/jobs/${id}`, { as: event.key })).body.data.job
  await expect.poll(() => show().then(({ state }) => state), { timeout: 20_000 }).toMatch(/done|failed/)
  return show()
}

/** Imports a file; gives the job as it ended. */
async function imported(event: Party, file: BodyInit, query: Record<string, string> = {}) {
  const { status, body, text } = await upload(event, file, query)
  expect(status, text).toBe(202)
  return finished(event, body.data.job.id)
}

async function listed(event: Party) {
  const { body } = await call('GET', `${event.path}/tickets?limit=200`, { as: event.key })
  return body.data.items
}

const countOf = (event: Party, table: string) =>
  runInDurableObject(gatekeeperOf(event), (_, { storage }) =>
    Number(storage.sql.exec(`SELECT count(*) AS n FROM ${table}`).one().n),
  )

describe('a CSV file with', () => {
  it.each(csvCorpus)('$oddity', async ({ file, query = {}, tickets = [], errors = [], refused }) => {
    const event = await newEvent()
    if (refused !== undefined) {
      for (const dryRun of ['true', 'false']) {
        const { status, body } = await upload(event, file, { ...query, dryRun })
        expect({ status, code: body.code, field: body.data.issues[0].field }).toEqual({
          status: 400,
          code: 'bad_request',
          field: 'file',
        })
        expect(body.data.issues[0].message).toContain(refused)
      }
      expect((await call('GET', `${event.path}/jobs`, { as: event.key })).body.data.items).toEqual([])
      return
    }
    const failed = new Set(errors.map(([row]) => row)).size
    const expected = { state: 'done', total: tickets.length + failed, done: tickets.length, failed }

    const dry = await upload(event, file, { ...query, dryRun: 'true' })
    expect(dry.body.data.job, dry.text).toMatchObject({ ...expected, dryRun: true })
    expect(await countOf(event, 'ticket')).toBe(0)

    const job = await imported(event, file, query)
    expect(job).toMatchObject({ ...expected, dryRun: false, outcome: dry.body.data.job.outcome })
    expect(job.errors).toEqual(dry.body.data.job.errors)
    expect(job.errors.map(({ row, field }: { row: number; field: string }) => [row, field])).toEqual(
      errors.map(([row, field]) => [row, field]),
    )
    for (const [i, [, , reason]] of errors.entries()) expect(job.errors[i].message).toContain(reason)
    expect(await listed(event)).toMatchObject(tickets)
    // The images of what is new may be being drawn already, as a job of its own.
    expect(await countOf(event, "job_chunk WHERE job IN (SELECT id FROM job WHERE kind = 'import')")).toBe(0)

    // Once more, the same file: nothing is issued twice.
    const again = await imported(event, file, query)
    expect(again).toMatchObject({ ...expected, outcome: { created: 0, existed: tickets.length } })
    expect(await countOf(event, 'ticket')).toBe(tickets.length)
  })
})

describe('an import', () => {
  it('takes thousands of rows, and each ticket opens the door', async () => {
    const event = await newEvent()
    const rows = [...Array(3000).keys()].map(
      (i) => `R-${i},${i % 3 === 0 ? 'vip' : 'standard'},Guest ${i},${i}@example.org`,
    )
    const job = await imported(event, `reference,type,name,email\n${rows.join('\n')}\n`)
    expect(job).toMatchObject({
      state: 'done',
      total: 3000,
      done: 3000,
      failed: 0,
      outcome: { created: 3000, existed: 0 },
    })
    const { body } = await call('GET', `${event.path}/tickets?search=R-2999`, { as: event.key })
    const { qr_token } = (await call('GET', `${event.path}/tickets/${body.data.items[0].id}/qr`, { as: event.key }))
      .body
    const device = await newDevice(event)
    expect((await scan(device.token, qr_token)).body).toMatchObject({ verdict: 'admitted' })
  })

  it('finds what was imported by name, and nobody by the reference that we made', async () => {
    const event = await newEvent()
    await imported(event, 'type,name\nstandard,Grace Hopper\n')
    const find = async (q: string) =>
      (await call('GET', `/api/hp-scanner/search/${event.id}?q=${q}`, { as: event.key })).body.data.items.length
    expect([await find('hopper'), await find('import')]).toEqual([1, 0])
  })

  it('says in a dry run what it understood and what it would issue, and keeps no name for that', async () => {
    const event = await newEvent()
    await call('POST', `${event.path}/tickets`, {
      as: event.key,
      body: { tickets: [{ type: 'vip', reference: 'A-1' }] },
    })
    const file = 'Ref;Ticket Type;Guest;Phone\nA-1;vip;Ada;1\nA-2;VIP;Bo;2\nA-3;balcony;Cy;3\n'
    const { status, body } = await upload(event, file, { dryRun: 'true' })
    expect(status).toBe(202)
    expect(body.data.job).toMatchObject({
      kind: 'import',
      state: 'done',
      dryRun: true,
      total: 3,
      done: 2,
      failed: 1,
      outcome: { created: 1, existed: 1 },
      file: {
        encoding: 'utf-8',
        delimiter: ';',
        headerLine: 1,
        columns: { Ref: 'reference', 'Ticket Type': 'type', Guest: 'name' },
        ignored: ['Phone'],
      },
    })
    expect(body.data.preview).toMatchObject([
      { row: 2, created: false, reference: 'A-1', type: 'vip', holder: { name: 'Ada' } },
      { row: 3, created: true, reference: 'A-2', type: 'vip', holder: { name: 'Bo' } },
    ])
    expect(await countOf(event, 'ticket')).toBe(1)
    const stored = await runInDurableObject(gatekeeperOf(event), (_, { storage }) =>
      ['job', 'job_chunk', 'job_error'].map((table) =>
        JSON.stringify(storage.sql.exec(`SELECT * FROM ${table}`).toArray()),
      ),
    )
    expect(stored.join()).not.toMatch(/Ada|Bo|Cy/)
  })

  it('stops at the capacity of a type, and the dry run says so beforehand', async () => {
    const event = await newEvent()
    await event.put('ticket-types/small', { name: 'Small', capacity: 25 })
    const rows = [...Array(40).keys()].map((i) => `S-${i},small`)
    const file = `reference,type\n${rows.join('\n')}\n`
    const dry = (await upload(event, file, { dryRun: 'true' })).body.data.job
    const job = await imported(event, file)
    expect(dry).toMatchObject({ done: 25, failed: 15, outcome: { created: 25 } })
    expect(job).toMatchObject({ done: 25, failed: 15, outcome: { created: 25 } })
    expect(job.errors).toEqual(dry.errors)
    expect(job.errors[0]).toEqual({ row: 27, field: 'type', message: '"small" is sold out' })
  })

  it('knows a row with a barcode again by that, even where the name was mended', async () => {
    const event = await newEvent()
    await imported(event, 'type,name,code\nvip,Adda,4006381333931\n')
    const job = await imported(event, 'type,name,code\nvip,Ada,4006381333931\n')
    expect(job.outcome).toEqual({ created: 0, existed: 1 })
  })

  it('takes the one ticket type that there is where a file names none', async () => {
    const organisation = await newOrganisation()
    const created = await call('POST', '/api/events', {
      as: organisation.key,
      body: { title: 'A', startsAt: '2026-12-01T10:00:00Z', endsAt: '2026-12-01T20:00:00Z', timezone: 'Europe/Berlin' },
    })
    const path = `/api/events/${created.body.data.event.id}`
    const event = { ...(await newEvent()), path, key: organisation.key, id: created.body.data.event.id }
    await call('PUT', `${path}/ticket-types/only`, { as: organisation.key, body: { name: 'Only one' } })
    expect(await imported(event, 'name,email\nAda,ada@example.org\n')).toMatchObject({ done: 1, failed: 0 })
    expect(await listed(event)).toMatchObject([{ type: 'only' }])
  })

  it('makes one booking of what one buyer bought without a number, and says nothing of them by its id', async () => {
    const event = await newEvent()
    await imported(
      event,
      'type,name,buyer email\nvip,Ada,bo@example.org\nvip,Bo,bo@example.org\nvip,Cy,cy@example.org\n',
    )
    const ids = (await listed(event)).map(({ booking }: { booking: { id: string } }) => booking.id)
    expect(ids[0]).toBe(ids[1])
    expect(ids[2]).not.toBe(ids[0])
    expect(ids.join()).not.toContain('example')
  })
})

describe('a file that is too much', () => {
  it('by its own word is refused before it is read', async () => {
    const event = await newEvent()
    const { status, body } = await upload(event, new Uint8Array(10 * 1024 * 1024 + 1))
    expect({ status, code: body.code }).toEqual({ status: 413, code: 'too_large' })
  })

  it('in bytes is refused where nobody said how long it is, and leaves nothing behind', async () => {
    const event = await newEvent()
    // Few rows, of which much is in a column that nobody asked for: it is the bytes that count here.
    const row = new TextEncoder().encode(`vip,${'x'.repeat(4000)}\n`.repeat(20))
    let sent = 0
    const stream = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (sent > 10.5 * 1024 * 1024) return controller.close()
        controller.enqueue(sent === 0 ? new TextEncoder().encode('type,remarks of ours\n') : row)
        sent += row.length
      },
    })
    const { status, body } = await upload(event, stream)
    expect({ status, code: body.code }).toEqual({ status: 413, code: 'too_large' })
    expect((await call('GET', `${event.path}/jobs`, { as: event.key })).body.data.items).toEqual([])
    await gatekeeperOf(event).flush()
    await expect
      .poll(
        async () => {
          await gatekeeperOf(event).flush()
          return (await countOf(event, 'job_chunk')) + (await countOf(event, 'job'))
        },
        { timeout: 20_000 },
      )
      .toBe(0)
    expect(await countOf(event, 'ticket')).toBe(0)
  }, 180_000)

  it('in rows is refused, and not one row sooner', async () => {
    // A hundred thousand rows take a while to read; the rule is the same for three.
    const context = { timezone: 'UTC', types: [{ id: 'vip', name: 'VIP' }], key: new Uint8Array(32) }
    const read = async (rows: number) => {
      const file = new Blob([`type\n${'vip\n\n'.repeat(rows)}`]).stream()
      const { batches } = await openSheet(file, new Map(), context, 2, { bytes: 1000, rows: 3 })
      let count = 0
      for await (const batch of batches) count += batch.rows.length
      return count
    }
    expect(IMPORT_MAX_ROWS).toBe(100_000)
    expect(await read(3)).toBe(3)
    await expect(read(4)).rejects.toThrow(TooManyRows)
  })
})

describe('who asks for an import', () => {
  it('must be an organiser of the event', async () => {
    const event = await newEvent()
    const other = await newOrganisation('Somebody else')
    const ask = (as: string | null) => upload(event, 'type\nvip\n', {}, as)
    expect((await ask(null)).status).toBe(401)
    expect((await ask(other.key)).status).toBe(404)
    expect((await ask((await newDevice(event, 'sue')).token)).status).toBe(403)
  })

  it.each([
    ['columns that are no JSON', { columns: 'name' }, 'columns'],
    ['a field that there is not', { columns: '{"a":"shoeSize"}' }, 'columns.a'],
    ['a dry run of another kind', { dryRun: 'perhaps' }, 'dryRun'],
  ])('is told of %s', async (_, query, field) => {
    const event = await newEvent()
    const { status, body } = await upload(event, 'type\nvip\n', query)
    expect(status).toBe(400)
    expect(body.data.issues[0].field).toBe(field)
  })
})
