import { globSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { openDB } from 'idb'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { EventStream } from '../../event-stream.ts'
import { gateA } from '../../process/client.ts'
import { until } from '../phone.ts'
import { Doors } from './venue.ts'

/*
 * Words that stand for people are put in wherever a person may be named, and then looked for in everything that is on
 * the disk, was written to the logs, was told to anybody, or rests on a phone.
 */

/** Whoever has a ticket; whoever works at the door. */
const GUEST = /quetzal/i
const STAFF = /toucan/i

let doors: Doors
let phone: Awaited<ReturnType<Doors['phone']>>
let stream: EventStream
const told: string[] = []
const receiver = createServer(async (request, response) => {
  for await (const chunk of request) told.push(String(chunk))
  response.writeHead(204).end()
})

beforeAll(async () => {
  doors = await Doors.open({}, { options: ['--allow-local-webhooks'], env: { LOG_LEVEL: 'debug' } })
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
  const { organiser, path } = doors
  await organiser.ask('PUT', `${path}/staff/sue`, {
    name: 'Sue Toucan',
    email: 'sue@toucan.example',
    role: 'supervisor',
  })
  const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`
  const events = ['ticket.admitted', 'ticket.refused', 'ticket.revoked', 'scan.conflict', 'device.blocked']
  await organiser.ask('PUT', `${path}/webhooks/crm`, { url, events })
  phone = await doors.phone(gateA, 'sue')
  const live = await fetch(
    `${organiser.url}/api/hp-scanner/stream/${path.split('/').at(-1)}?topics=stats,scans,standings,alerts`,
    {
      headers: { Authorization: `Bearer ${organiser.credential}` },
    },
  )
  stream = new EventStream(live.body as ReadableStream<Uint8Array>)
})

afterAll(async () => {
  await stream?.leave()
  receiver.close()
  await doors?.close()
})

type Issued = { tickets: { id: string; qr: { svg: string; png: string } }[] }

describe('a person', () => {
  test('is where they may be, and nowhere else', async () => {
    const { organiser, path } = doors
    const guest = {
      type: 'vip',
      holder: { name: 'Quetzal Holder', email: 'holder@quetzal.example' },
      booking: { id: 'B-1', name: 'Quetzal Booker', email: 'booker@quetzal.example' },
      note: 'Quetzal needs a ramp',
    }
    const { tickets } = await organiser.ask<Issued>('POST', `${path}/tickets`, {
      // An organiser's own reference is told where references are; one that names somebody goes when they are erased.
      tickets: [guest, guest, { ...guest, reference: 'quetzal@example.org' }],
    })
    const [first, second] = tickets
    const csv = 'type,name,email,bookingName,note\nvip,Quetzal Import,import@quetzal.example,Quetzal B,Quetzal N\n'
    const imported = await organiser.send<{ data: { job: { id: string } } }>('POST', `${path}/imports`, csv, {
      headers: { 'Content-Type': 'text/csv' },
    })
    await until('the import is done', async () => {
      const { job } = await organiser.ask<{ job: { state: string } }>(
        'GET',
        `${path}/jobs/${imported.body.data.job.id}`,
      )
      return job.state === 'done'
    })
    const code = await organiser.send<{ qr_token: string }>('GET', `${path}/tickets/${first?.id}/qr`)
    expect(JSON.stringify(code.body)).not.toMatch(GUEST)
    for (const image of [first?.qr.svg, first?.qr.png]) {
      expect(Buffer.from(await (await fetch(image ?? '')).arrayBuffer()).toString('latin1')).not.toMatch(GUEST)
    }

    // Let in, refused, found by name and checked in, sold at the door, revoked with a reason.
    const shown = await phone.engine.scan({ what: { text: code.body.qr_token }, source: 'camera' })
    expect(JSON.stringify(shown)).toMatch(GUEST)
    await phone.engine.scan({ what: { text: code.body.qr_token }, source: 'camera' })
    const event = path.split('/').at(-1)
    const found = await organiser.ask<{ items: unknown[] }>('GET', `/api/hp-scanner/search/${event}?q=quetzal`)
    expect(found.items).toHaveLength(4)
    await phone.engine.scan({ what: { ticketId: second?.id as never }, source: 'manual' })
    await organiser.ask('POST', `/api/hp-scanner/walk-in?eventId=${event}`, {
      type: 'vip',
      holder: { name: 'Quetzal Walker', email: 'walker@quetzal.example' },
      payment: { method: 'free' },
      gateId: gateA,
      scanId: crypto.randomUUID(),
    })
    await organiser.ask('POST', `${path}/tickets/${first?.id}/revoke`, { reason: 'Quetzal asked for it' })
    // With no network the phone judges by what it carries.
    phone.setNetwork('down')
    await phone.engine.scan({ what: { text: code.body.qr_token }, source: 'camera' })
    phone.setNetwork('up')
    await until('the phone has told all', () => phone.engine.status.value.pending === 0)
    await until('the organiser was told', () => told.join('').includes('ticket.revoked'))
    // Nothing is left to tell D1.
    await until('D1 has it', async () =>
      / 0$/.test(/^admit_outbox_pending_entries.*$/m.exec(await metrics())?.[0] ?? ''),
    )

    const places = inGatekeeper(GUEST)
    expect(places.filter((table) => !guestTables.includes(table))).toEqual([])
    expect(places).toEqual(expect.arrayContaining(['holder', 'booking', 'search_word', 'ticket']))
    expect(inGatekeeper(STAFF)).toEqual(['staff'])
    await nowhereElse(GUEST)
    await nowhereElse(STAFF)
    // A phone knows by name who works on it, and nobody's address.
    expect(await onPhone()).not.toMatch(/quetzal|@toucan/i)
  })

  test('who is erased is nowhere at all', async () => {
    const { organiser, path } = doors
    const { items } = await organiser.ask<{ items: { id: string }[] }>('GET', `${path}/tickets?limit=200`)
    for (const { id } of items) await organiser.ask('DELETE', `${path}/tickets/${id}/holder?booking=true`)
    expect(inGatekeeper(GUEST)).toEqual([])
    await nowhereElse(GUEST)
    for (const file of ['tickets.csv', 'tickets.ndjson', 'audit.ndjson']) {
      expect((await organiser.send('GET', `${path}/exports/${file}`)).text).not.toMatch(GUEST)
    }
  })
})

/** Where the Gatekeeper may name somebody with a ticket. */
const guestTables = ['holder', 'booking', 'search_word', 'ticket', 'ticket_change', 'job_chunk']

const metrics = async () => (await doors.organiser.send('GET', '/metrics')).text

/** Neither in D1, in KV, in the logs, in what is measured, nor in what anybody was told. */
async function nowhereElse(who: RegExp): Promise<void> {
  const { stateDir } = doors.server
  const files = globSync('**/*', { cwd: stateDir, withFileTypes: true }).filter((file) => file.isFile())
  const elsewhere = files
    .map((file) => join(file.parentPath, file.name))
    .filter((file) => !file.startsWith(join(stateDir, 'do')))
  expect(elsewhere.length).toBeGreaterThan(2)
  // As bytes: also what a database has let go of and not yet written over.
  expect(elsewhere.filter((file) => who.test(readFileSync(file, 'latin1')))).toEqual([])
  const output = doors.server.output('stdout') + doors.server.output('stderr')
  expect(output).toContain('/api/hp-scanner/search/{eventId}')
  expect(output).not.toMatch(who)
  expect(await metrics()).not.toMatch(who)
  expect(told.join('\n')).not.toMatch(who)
  expect(stream.events.length).toBeGreaterThan(2)
  expect(JSON.stringify(stream.events)).not.toMatch(who)
}

/** The tables of all Gatekeepers in which somebody is named. */
function inGatekeeper(who: RegExp): string[] {
  const found = new Set<string>()
  for (const file of globSync('do/**/*.sqlite', { cwd: doors.server.stateDir })) {
    const db = new DatabaseSync(join(doors.server.stateDir, file), { readOnly: true, timeout: 5000 })
    const tables = db
      .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'")
      .all() as { name: string }[]
    for (const { name } of tables) {
      if (
        db
          .prepare(`SELECT * FROM "${name}"`)
          .all()
          .some((row) => who.test(textOf(row)))
      )
        found.add(name)
    }
    db.close()
  }
  return [...found].sort()
}

/** Everything in the phone's storage, bytes as the characters they would be. */
async function onPhone(): Promise<string> {
  const db = await openDB(phone.name)
  const stores = await Promise.all([...db.objectStoreNames].map((store) => db.getAll(store)))
  db.close()
  const text = textOf(stores)
  expect(text).toContain('deviceToken')
  return text
}

function textOf(value: unknown): string {
  return JSON.stringify(value, (_, inner) =>
    inner instanceof Uint8Array ? Buffer.from(inner).toString('latin1') : inner,
  )
}
