import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { permissions } from '../../workers/permissions.ts'
import { Chance } from '../chance.ts'
import { type Operation, operationsIn } from '../fuzz/operations.ts'
import { validValue } from '../fuzz/values.ts'
import { type Answer, admin, call, gatekeeperOf, issue, newDevice, newEvent, scan } from './api.ts'

/*
 * Every call there is, from the API's own description, by everybody there is, about what is theirs, what is somebody
 * else's and what is not there at all. What must come of it follows from the table of permissions and these rules, which
 * are written down here once more:
 *
 * 1. A call that asks for no credential asks nobody for one.
 * 2. Nobody else gets an answer without a good credential: 401.
 * 3. Whatever belongs to somebody else is not there: the very bytes that what is not there gives.
 * 4. A role that is too small is told which one it takes: 403. Devices have no business with an organisation's keys.
 * 5. Everybody else gets through.
 */

type Tenant = Awaited<ReturnType<typeof newTenant>>
type Who = {
  name: string
  role: 'admin' | 'organiser' | 'supervisor' | 'scanner' | 'viewer'
  kind: 'admin' | 'organisation' | 'device'
  headers: Record<string, string>
}

let operations: Operation[]
let own: Tenant
let foreign: Tenant
const chance = new Chance(20_261_121)

beforeAll(async () => {
  operations = operationsIn((await call('GET', '/openapi.json')).body)
  // What a webhook is told goes nowhere else.
  vi.spyOn(globalThis, 'fetch').mockImplementation(async () => new Response('thank you'))
  ;[own, foreign] = [await newTenant(2), await newTenant(20)]
}, 120_000)
afterAll(() => vi.restoreAllMocks())

/**
 * An organisation with an event in which there is one of everything that a path can name. What is numbered within an event
 * has as high a number as there were admissions alone, so that of two events it is not the same.
 */
async function newTenant(admittedAlone: number) {
  const event = await newEvent()
  const { id, key, organisation, path } = event
  await event.put('gates/STALL', { name: 'Stall', kind: 'checkpoint' })
  const keyOf = async (role: string, more: object = {}) =>
    (await call('POST', `/api/organisations/${organisation.id}/keys`, { as: key, body: { name: role, role, ...more } }))
      .body.data as { id: string; key: string }
  const [ticket] = await issue(event, { holder: { name: 'Ada Foreign', email: 'ada@example.com' }, reference: 'R-1' })
  const scanner = await newDevice(event)
  const supervisor = await newDevice(event, 'sue')
  const stolen = await newDevice(event, 'sue')
  await call('POST', `${path}/devices/${stolen.id}/revoke`, { as: key })
  await event.put('webhooks/crm', { url: 'https://crm.example.com/hook', events: ['ticket.admitted'] })
  const scanned = await scan(scanner.token, ticket?.code ?? '')
  for (const device of [scanner, supervisor]) await admitAlone(device.token, ticket?.code ?? '', admittedAlone / 2)
  await runDurableObjectAlarm(gatekeeperOf(event))
  const newest = async (list: string) => (await call('GET', `${path}/${list}`, { as: key })).body.data.items[0]
  const shift = await call('POST', '/api/hp-scanner/sessions', { as: scanner.token, body: {} })
  const member = await call('POST', `/api/organisations/${organisation.id}/members`, {
    as: key,
    body: { email: 'olga@organisers.example', role: 'viewer' },
  })
  const rehearsal = await call('POST', `${path}/rehearsals`, { as: key })
  const job = await call('POST', `${path}/qr-cache/warm`, { as: key })
  await settled(`${path}/jobs/${job.body.data.job.id}`, key)
  const session = await call('POST', '/api/session', { body: { key } })
  const revoked = await keyOf('organiser')
  await call('DELETE', `/api/organisations/${organisation.id}/keys/${revoked.id}`, { as: key })
  return {
    id,
    key,
    organisation,
    keys: { supervisor: (await keyOf('supervisor')).key, viewer: (await keyOf('viewer')).key },
    spare: await keyOf('viewer'),
    expired: (await keyOf('organiser', { expiresAt: new Date(Date.now() - 1).toISOString() })).key,
    revoked: revoked.key,
    scanner,
    supervisor,
    stolen,
    ticket,
    cookie: session.headers.get('Set-Cookie')?.split(';')[0] ?? '',
    names: {
      eventId: id,
      organisationId: organisation.id,
      ticketId: ticket?.id ?? '',
      deviceId: (await newDevice(event)).id,
      scanId: scanned.body.scanId as string,
      sessionId: shift.body.data.session?.id ?? shift.body.data.id,
      jobId: job.body.data.job.id as string,
      keyId: (await keyOf('viewer')).id,
      memberId: member.body.data.member.id,
      rehearsalId: rehearsal.body.data.event.id,
      webhookId: 'crm',
      deliveryId: String((await newest('webhooks/crm/deliveries')).id),
      conflictId: String((await newest('conflicts')).id),
      gateId: 'STALL',
      typeId: 'standard',
      staffId: 'sam',
      format: 'jwt',
      ref: ticket?.url.split('/').at(-1) ?? '',
    } as Record<string, string>,
  }
}

/** Brings home that a device without a network let in the same ticket so often. */
async function admitAlone(token: string, qrPayload: string, often: number): Promise<void> {
  const scans = Array.from({ length: often }, () => ({
    scanId: crypto.randomUUID(),
    qrPayload,
    gateId: 'GATE-A',
    localTimestamp: new Date().toISOString(),
    verdict: 'admitted',
  }))
  await call('POST', '/api/hp-scanner/offline-sync', { as: token, body: { scans } })
}

async function settled(path: string, key: string): Promise<void> {
  for (;;) {
    const { state } = (await call('GET', path, { as: key })).body.data.job
    if (state === 'done' || state === 'failed') return
    await scheduler.wait(20)
  }
}

/** What a path names that nobody but the system gave its name to. */
const parts = [
  ...['ticketId', 'deviceId', 'jobId', 'keyId', 'scanId', 'sessionId'],
  ...['memberId', 'rehearsalId', 'conflictId', 'deliveryId'],
]

const bearer = (token: string) => ({ Authorization: `Bearer ${token}` })

function everybody(): Who[] {
  const { key, keys, scanner, supervisor, cookie } = own
  return [
    { name: 'the deployment key', role: 'admin', kind: 'admin', headers: bearer(admin) },
    { name: "an organiser's key", role: 'organiser', kind: 'organisation', headers: bearer(key) },
    { name: "an organiser's browser", role: 'organiser', kind: 'organisation', headers: { Cookie: cookie } },
    { name: "a supervisor's key", role: 'supervisor', kind: 'organisation', headers: bearer(keys.supervisor) },
    { name: "a viewer's key", role: 'viewer', kind: 'organisation', headers: bearer(keys.viewer) },
    { name: "a supervisor's device", role: 'supervisor', kind: 'device', headers: bearer(supervisor.token) },
    { name: "a scanner's device", role: 'scanner', kind: 'device', headers: bearer(scanner.token) },
  ]
}

/** What is no credential, or no good one any more. */
function nobodies(): Record<string, Record<string, string>> {
  const { key, expired, revoked, scanner, cookie, names } = own
  const [head, claims, signature = ''] = scanner.token.split('.')
  const flipped = signature.replace(/^./, (first) => (first === 'A' ? 'B' : 'A'))
  return {
    nothing: {},
    rubbish: bearer('rubbish'),
    'a key that was made up': bearer(`a1_org_${'A'.repeat(43)}`),
    'a key and one character more': bearer(`${key}A`),
    'the deployment key in other letters': bearer(admin.toUpperCase()),
    'a key whose time is over': bearer(expired),
    'a key that was revoked': bearer(revoked),
    'a staff token with another signature': bearer(`${head}.${claims}.${flipped}`),
    'a device token': bearer(scanner.deviceToken),
    "a ticket's link": bearer(names.ref ?? ''),
    "a browser's session as a key": bearer(cookie.split('=')[1] ?? ''),
    "a browser's session, sent by a page elsewhere": {
      Cookie: cookie,
      Origin: 'https://elsewhere.example',
      'Sec-Fetch-Site': 'cross-site',
    },
  }
}

const rowOf = ({ method, path }: Operation) => permissions[`${method} ${path}`] as (typeof permissions)[string]
const rank = { viewer: 0, scanner: 1, supervisor: 2, organiser: 3, admin: 4 }
const reaches = (who: Who, needed: keyof typeof rank) => needed === 'viewer' || rank[who.role] >= rank[needed]

type Asked = { headers?: Record<string, string>; names: Record<string, string>; body?: unknown }

/** Makes a call with a body that its schema allows, unless another one is given. */
function ask(operation: Operation, { headers = {}, names, body }: Asked): Promise<Answer> {
  const { method, path, query, body: schema } = operation
  const words = {
    ...Object.fromEntries(Object.entries(names).map(([name, word]) => [name, [word]])),
    type: ['standard'],
  }
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(names[name] ?? missing))
  const asked = 'eventId' in query ? `${filled}?eventId=${names.eventId}` : filled
  const content = schema === null ? undefined : body === undefined ? validValue(schema, '', words, chance) : body
  const isUpgrade = path.includes('/live/')
  return call(method, asked, {
    headers: { ...headers, ...(isUpgrade ? { Upgrade: 'websocket' } : {}) },
    ...(method === 'GET' || content === undefined ? {} : { body: content }),
  })
}

const missing = '0195f3a0-1111-7222-8333-444444444444'
const nothingNamed = (names: Record<string, string>, like: string[]) => ({
  ...names,
  ...Object.fromEntries(like.map((name) => [name, missing])),
})

/** What an answer says, whatever it was asked about and however long that took. */
function said({ status, text }: Answer, names: Record<string, string>): string {
  const known = Object.values(names).filter((name) => name.length > 20)
  const blind = known.reduce((rest, name) => rest.replaceAll(name, missing), text)
  return `${status} ${blind.replace(/"(validationTime|timestamp|serverTime|scanId|ticket|expiresAt)":("[^"]*"|[\d.]+)/g, '')}`
}

const uniform = JSON.stringify({
  success: false,
  error: 'Not found',
  code: 'not_found',
  message: 'There is nothing here.',
})

type Stored = Awaited<ReturnType<typeof everythingStored>>

/** Everything that is stored of anybody: the two Gatekeepers, D1 and KV. */
async function everythingStored() {
  const dump = (event: { id: string }) =>
    runInDurableObject(gatekeeperOf(event), (_, { storage: { sql } }) =>
      tablesIn([...sql.exec<{ name: string }>(tables)]).map((name): [string, unknown] => [
        name,
        [...sql.exec(`SELECT * FROM "${name}"`)],
      ]),
    )
  const d1: unknown[] = []
  for (const name of tablesIn((await env.DB.prepare(tables).all<{ name: string }>()).results)) {
    d1.push([name, (await env.DB.prepare(`SELECT * FROM "${name}"`).all()).results])
  }
  const kv = (await env.QR_IMAGES.list()).keys.map(({ name }) => name)
  // How often images were found is noted with whatever call comes by, and that its device was heard of.
  const isNoted = ([name]: [string, unknown]) => name === 'meta' || name === 'device_status'
  return [(await dump(own)).filter((table) => !isNoted(table)), await dump(foreign), d1, kv]
}

const tables = "SELECT name FROM sqlite_master WHERE type = 'table'"
const tablesIn = (rows: { name: string }[]) =>
  rows.map(({ name }) => name).filter((name) => !/^(sqlite|_cf)_/.test(name))

describe('every call, by everybody', { timeout: 120_000 }, () => {
  let before: Stored
  beforeAll(async () => {
    // What is under way to D1 arrives first.
    for (const { id, key } of [own, foreign]) {
      await call('GET', `/api/hp-scanner/analytics/${id}`, { as: key })
      // So do the look-ups of images, which an isolate otherwise tells with its next.
      await call('GET', `/api/events/${id}/qr-cache`, { as: key })
      // And so does what is written down now and then.
      await runDurableObjectAlarm(gatekeeperOf({ id }))
    }
    before = await everythingStored()
    expect(JSON.stringify(before[1])).toContain('Ada Foreign')
  })

  it('is in the table', () => {
    expect(operations.length).toBeGreaterThan(80)
    expect(operations.filter((operation) => rowOf(operation) === undefined)).toEqual([])
    expect(operations.filter((operation) => operation.isOpen !== (rowOf(operation)[0] === null))).toEqual([])
  })

  it('is made about something that is there: each name in a path is one of its own in either event', () => {
    const named = new Set(operations.flatMap(({ pathParams }) => pathParams))
    const without = ({ names }: Tenant) => [...named].filter((name) => !names[name] || names[name] === 'undefined')
    expect([without(own), without(foreign)]).toEqual([[], []])
    expect(parts.filter((name) => own.names[name] === foreign.names[name])).toEqual([])
  })

  it('is refused to whoever has no good credential', async () => {
    for (const operation of operations.filter(({ isOpen }) => !isOpen)) {
      for (const [name, headers] of Object.entries(nobodies())) {
        const answer = await ask(operation, { headers, names: own.names })
        expect([answer.status, answer.body?.code], `${operation.method} ${operation.path} with ${name}`).toEqual([
          401,
          'unauthenticated',
        ])
      }
    }
  })

  it('is refused to a device that was revoked', async () => {
    const stolen: Who = { name: 'it', role: 'supervisor', kind: 'device', headers: bearer(own.stolen.token) }
    for (const operation of operations.filter(({ isOpen }) => !isOpen)) {
      const [role, scope] = rowOf(operation)
      const answer = await ask(operation, { headers: stolen.headers, names: own.names })
      const mayNever = role !== null && (!reaches(stolen, role) || scope === 'organisation')
      const code = mayNever ? 'role_required' : 'device_revoked'
      // Of scans the Gatekeeper hears when they are read, so that a fault in them is told first.
      const isFault = operation.body !== null && ['bad_request', 'device_mismatch'].includes(answer.body?.code)
      expect(isFault ? code : answer.body?.code, `${operation.method} ${operation.path}: ${answer.text}`).toBe(code)
    }
  })

  it("threat 16: about somebody else's event or organisation finds nothing, to the byte", async () => {
    let uniformly = 0
    const named = operations.filter((operation) => ['event', 'organisation'].includes(rowOf(operation)[1]))
    const outsiders = everybody().filter(({ kind }) => kind !== 'admin')
    for (const operation of named) {
      const [role, scope] = rowOf(operation)
      const about = [`${scope}Id`]
      for (const who of outsiders) {
        const body = operation.body && validValue(operation.body, '', wordsOf(foreign.names), chance)
        const theirs = await ask(operation, { headers: who.headers, names: foreign.names, body })
        const none = await ask(operation, { headers: who.headers, names: nothingNamed(foreign.names, about), body })
        const where = `${operation.method} ${operation.path} by ${who.name}: ${theirs.text.slice(0, 200)}`
        expect(said(theirs, foreign.names), where).toBe(said(none, foreign.names))
        if (who.kind === 'device' && scope === 'organisation') expect(theirs.status, where).toBe(403)
        else if (theirs.text === uniform) uniformly++
        // Where a body has a fault, that is told first, whatever it is about.
        else
          expect([theirs.status, theirs.body?.code, role && reaches(who, role)], where).toEqual([
            400,
            'bad_request',
            true,
          ])
      }
    }
    expect(uniformly).toBeGreaterThan(named.length * outsiders.length * 0.8)
  })

  it("about one's own event, but with a part of somebody else's, finds nothing, to the byte", async () => {
    const withParts = operations.filter(({ pathParams }) => pathParams.some((name) => parts.includes(name)))
    expect(withParts.length).toBeGreaterThan(15)
    for (const operation of withParts) {
      const part = operation.pathParams.filter((name) => parts.includes(name))
      const mixed = { ...own.names, ...Object.fromEntries(part.map((name) => [name, foreign.names[name] ?? ''])) }
      for (const who of everybody().filter(({ kind }) => kind !== 'admin')) {
        const body = operation.body && validValue(operation.body, '', wordsOf(own.names), chance)
        const theirs = await ask(operation, { headers: who.headers, names: mixed, body })
        const none = await ask(operation, { headers: who.headers, names: nothingNamed(own.names, part), body })
        const where = `${operation.method} ${operation.path} by ${who.name}: ${theirs.text.slice(0, 200)}`
        expect(said(theirs, foreign.names), where).toBe(said(none, own.names))
        expect(theirs.status, where).toBeGreaterThanOrEqual(400)
      }
    }
  })

  it('by a role that is too small is refused, with the role that it takes', async () => {
    for (const operation of operations) {
      const [role, scope] = rowOf(operation)
      if (role === null) continue
      for (const who of everybody()) {
        if (reaches(who, role) && !(who.kind === 'device' && scope === 'organisation')) continue
        const answer = await ask(operation, { headers: who.headers, names: own.names })
        const where = `${operation.method} ${operation.path} by ${who.name}`
        expect([answer.status, answer.body?.code, answer.body?.data?.required], where).toEqual([
          403,
          'role_required',
          role,
        ])
      }
    }
  })

  it('that was refused has changed nothing, anywhere', async () => {
    const after = await everythingStored()
    for (const [i, part] of before.entries()) expect(after[i]).toEqual(part)
  })

  it("that names somebody else's event beside the path finds nothing either", async () => {
    const callers = operations.filter((operation) => rowOf(operation)[1] === 'caller')
    for (const operation of callers) {
      for (const who of everybody().filter(({ kind }) => kind === 'organisation')) {
        const words = { ...wordsOf(foreign.names), qrPayload: [foreign.ticket?.code ?? ''] }
        const body = operation.body && withEvent(validValue(operation.body, '', words, chance), foreign.id)
        const theirs = await ask(operation, { headers: who.headers, names: foreign.names, body })
        const none = await ask(operation, {
          headers: who.headers,
          names: nothingNamed(foreign.names, ['eventId']),
          body: operation.body && withEvent(body, missing),
        })
        const where = `${operation.method} ${operation.path} by ${who.name}`
        expect(said(theirs, foreign.names), where).toBe(said(none, foreign.names))
      }
    }
    expect((await everythingStored())[1]).toEqual(before[1])
  })

  it('is answered with the headers that keep browsers from doing anything with it', async () => {
    const pages = ['/', '/docs', '/openapi.json', '/console', '/scan', '/nowhere', '/t/wrong', '/qr/wrong.svg']
    const asked = [...operations.filter(({ method }) => method === 'GET'), ...pages]
    for (const one of asked) {
      const headers = { ...bearer(own.key), Origin: 'https://elsewhere.example', Accept: 'text/html' }
      const answer = await (typeof one === 'string'
        ? call('GET', one, { headers })
        : ask(one, { headers, names: own.names }))
      if (answer.status === 101) continue
      const has = (name: string) => answer.headers.get(name)
      const where = typeof one === 'string' ? one : one.path
      expect([has('X-Content-Type-Options'), has('Referrer-Policy')], where).toEqual(['nosniff', 'no-referrer'])
      expect(has('Strict-Transport-Security'), where).toMatch(/^max-age=\d{8,}/)
      expect(has('Content-Security-Policy'), where).toMatch(/^default-src 'none'.*frame-ancestors 'none'/)
      expect(has('Cache-Control'), where).toMatch(/no-store|no-cache/)
      const isPage = has('Content-Type')?.startsWith('text/html') && !where.startsWith('/docs')
      if (isPage) expect(has('Content-Security-Policy'), where).toContain("require-trusted-types-for 'script'")
      if (isPage) expect(has('Permissions-Policy'), where).toContain('geolocation=()')
      // Nobody else's page reads any of it.
      expect(
        [...answer.headers.keys()].filter((name) => name.startsWith('access-control')),
        where,
      ).toEqual([])
    }
  })

  it('lets no page from elsewhere ask beforehand, or open a socket', async () => {
    const headers = { ...bearer(own.key), Origin: 'https://elsewhere.example' }
    for (const { method, path } of operations) {
      const asked = path.replace(/\{(\w+)\}/g, (_, name: string) => own.names[name] ?? missing)
      const answer = await call('OPTIONS', asked, {
        headers: {
          ...headers,
          'Access-Control-Request-Method': method,
          'Access-Control-Request-Headers': 'authorization',
        },
      })
      expect([answer.status, answer.headers.get('Access-Control-Allow-Origin')], path).toEqual([404, null])
    }
    const path = `/api/hp-scanner/live/${own.id}`
    const refused = await call('GET', path, { headers: { ...headers, Upgrade: 'websocket' } })
    expect([refused.status, refused.body.code]).toEqual([403, 'forbidden_origin'])
    const opened = await call('GET', path, { headers: { ...bearer(own.key), Upgrade: 'websocket' } })
    expect(opened.status).toBe(101)
  })

  it('gets through to whoever may', async () => {
    // What ends things comes last.
    // No letter leaves here, so no webhook is tried.
    const names = nothingNamed(own.names, ['webhookId'])
    const isLast = ({ method, path }: Operation) => Number(method === 'DELETE' || path.endsWith('/close'))
    for (const operation of operations.toSorted((a, b) => isLast(a) - isLast(b))) {
      const [role, scope] = rowOf(operation)
      for (const who of everybody()) {
        if (role !== null && (!reaches(who, role) || (who.kind === 'device' && scope === 'organisation'))) continue
        // That the body is looked at says that the caller was let through.
        const answer = await ask(operation, { headers: who.headers, names, body: [] })
        const where = `${operation.method} ${operation.path} by ${who.name}: ${answer.status} ${answer.text.slice(0, 200)}`
        expect(answer.status, where).not.toBe(401)
        expect(answer.status, where).toBeLessThan(500)
        const required = answer.body?.code === 'role_required' ? answer.body.data.required : null
        expect(required !== null && who.kind !== 'device' && reaches(who, required), where).toBe(false)
        const isWhole = operation.method === 'GET' && operation.pathParams.every((name) => name === 'eventId')
        if (isWhole) expect(answer.status, where).not.toBe(404)
      }
    }
  })
})

function wordsOf(names: Record<string, string>) {
  return { ...Object.fromEntries(Object.entries(names).map(([name, word]) => [name, [word]])), type: ['standard'] }
}

function withEvent(body: unknown, eventId: string): unknown {
  return typeof body === 'object' && body !== null && !Array.isArray(body) ? { ...body, eventId } : body
}
