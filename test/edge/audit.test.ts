import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { auditKinds } from '../../core/audit.ts'
import { routes } from '../../workers/api.ts'
import type { Route } from '../../workers/route.ts'
import { admin, call, gatekeeperOf, issue, newDevice, newEvent, newOrganisation, type Party, scan } from './api.ts'

let event: Party
let sue: Awaited<ReturnType<typeof newDevice>>
beforeAll(async () => {
  // The rest of the internet, which a webhook would go to.
  vi.spyOn(globalThis, 'fetch').mockImplementation(async () => new Response('thank you'))
  event = await newEvent()
  sue = await newDevice(event, 'sue')
})

afterAll(() => vi.restoreAllMocks())

type Line = {
  id: string
  at: string
  kind: string
  actor: { kind: string; id: string; name: string | null; role: string | null; staffId: string | null }
  subject: { kind: string; id: string } | null
  changes: { field: string; before?: unknown; after?: unknown }[]
  network: string | null
  requestId: string
}

async function linesOf(path: string, as: string, query = 'limit=200'): Promise<Line[]> {
  const { body } = await call('GET', `${path}/audit?${query}`, { as })
  return body.data.items
}
const ofOrganisation = () => `/api/organisations/${event.organisation.id}`
const integrity = async () =>
  (await call('GET', `/api/hp-scanner/integrity/${event.id}`, { as: event.key })).body.data as {
    ok: boolean
    discrepancies: { invariant: string; entryId: string; detail: string }[]
  }

/** What is sent to a route that leaves a line; by the organiser, and nothing, where it does not say otherwise. */
type Sample = { body?: unknown; raw?: string; headers?: Record<string, string>; as?: string }

describe('every call that changes something', () => {
  const key = (route: Route) => `${route.method} ${route.path}`
  const changing = routes.filter(({ method }) => method !== 'get')
  const audited = routes.filter((route) => typeof route.audit === 'string')

  it('says what the audit log is told, or why nothing', () => {
    for (const route of changing) {
      const told =
        typeof route.audit === 'string' ? auditKinds.includes(route.audit) : route.audit?.because !== undefined
      expect(told, key(route)).toBe(true)
    }
    expect(audited.length).toBeGreaterThan(30)
  })

  it('leaves a line with who did it, to what, and from where', async () => {
    const [one, two, unpaid] = await issue(event, {}, {}, { paid: false })
    const webhook = { url: 'https://hooks.example.org/services/T0/very-secret', events: ['ticket.admitted'] }
    await call('PUT', `${event.path}/webhooks/crm`, { as: event.key, body: webhook })
    await scan(sue.token, one?.code ?? '')
    await vi.waitFor(
      async () => {
        await runInDurableObject(gatekeeperOf(event), (gatekeeper) => gatekeeper.flush())
        const deliveries = await call('GET', `${event.path}/webhooks/crm/deliveries`, { as: event.key })
        expect(deliveries.body.data.items).toHaveLength(1)
      },
      { timeout: 20_000, interval: 100 },
    )
    const newKey = await call('POST', `${ofOrganisation()}/keys`, {
      as: event.key,
      body: { name: 'Till', role: 'viewer' },
    })
    const member = await call('POST', `${ofOrganisation()}/members`, {
      as: event.key,
      body: { email: 'max@example.org', role: 'viewer' },
    })
    const invitation = await call('POST', `${event.path}/enrolments`, { as: event.key, body: { staffId: 'sam' } })
    const saleId = crypto.randomUUID()
    const [foreign] = await issue(await newEvent())
    const stray = {
      scanId: crypto.randomUUID(),
      qrPayload: foreign?.code,
      gateId: 'GATE-A',
      localTimestamp: new Date(Date.now()).toISOString(),
      verdict: 'admitted',
    }
    await call('POST', '/api/hp-scanner/offline-sync', {
      as: event.key,
      body: { eventId: event.id, scans: [stray], syncedAt: stray.localTimestamp },
    })
    const day = 86_400_000
    const samples: Record<string, Sample> = {
      'post /api/events/{eventId}/enrolments': { body: { staffId: 'sam', gateId: 'GATE-A' } },
      'post /api/devices/enrol': {
        as: '',
        body: { code: invitation.body.data.code, deviceName: "Sam's own phone", deviceType: 'mobile' },
      },
      'post /api/events/{eventId}/devices/{deviceId}/revoke': {},
      'post /api/events/{eventId}/devices/{deviceId}/unblock': {},
      'post /api/events/{eventId}/conflicts/{conflictId}/handle': { body: { note: 'Nobody Named came twice' } },
      'post /api/events/{eventId}/tickets': { body: { tickets: [{ type: 'vip', holder: { name: 'Nobody Named' } }] } },
      'post /api/events/{eventId}/imports': {
        raw: 'type,name\nvip,Nobody Named\n',
        headers: { 'Content-Type': 'text/csv' },
      },
      'post /api/hp-scanner/walk-in': {
        as: sue.token,
        body: { type: 'vip', payment: { method: 'free' }, gateId: 'GATE-A', scanId: saleId, admit: false },
      },
      'post /api/organisations': { as: admin, body: { name: 'Others' } },
      'post /api/organisations/{organisationId}/keys': { body: { name: 'Wall', role: 'viewer' } },
      'post /api/organisations/{organisationId}/subject-access': { body: { email: 'nobody@example.org' } },
      'post /api/organisations/{organisationId}/erasures': { body: { email: 'nobody@example.org' } },
      'post /api/organisations/{organisationId}/members': { body: { email: 'mia@example.org', role: 'supervisor' } },
      'put /api/events/{eventId}/code-formats/{format}': { body: { secret: 'x'.repeat(40) } },
      'delete /api/events/{eventId}/code-formats/{format}': {},
      'post /api/events': {
        body: {
          title: 'Another',
          startsAt: new Date(Date.now()).toISOString(),
          endsAt: new Date(Date.now() + day).toISOString(),
          timezone: 'Europe/Berlin',
        },
      },
      'patch /api/events/{eventId}': { body: { capacity: 500, policy: { full: 'warn' } } },
      'put /api/events/{eventId}/ticket-types/{typeId}': { body: { name: 'Press' } },
      'put /api/events/{eventId}/gates/{gateId}': { body: { name: 'North' } },
      'put /api/events/{eventId}/staff/{staffId}': { body: { name: 'Ted Private', role: 'scanner' } },
      'put /api/events/{eventId}/webhooks/{webhookId}': { body: { ...webhook, events: ['ticket.refused'] } },
      'post /api/events/{eventId}/tickets/{ticketId}/revoke': { body: { reason: 'Nobody Named was rude' } },
    }
    const path = (route: Route) =>
      route.path
        .replace('{eventId}', event.id)
        .replace('{organisationId}', event.organisation.id)
        .replace(
          '{ticketId}',
          (/holder$/.test(route.path) ? two?.id : /pay$/.test(route.path) ? unpaid?.id : one?.id) ?? '',
        )
        .replace('{deviceId}', sue.id)
        .replace('{conflictId}', stray.scanId)
        .replace('{keyId}', newKey.body.data.id)
        .replace('{memberId}', member.body.data.member.id)
        .replace('{webhookId}', 'crm')
        .replace('{deliveryId}', '1')
        .replace('{format}', 'jwt')
        .replace('{typeId}', 'press')
        .replace('{gateId}', 'NORTH')
        .replace('{staffId}', 'ted')

    // What ends something comes last.
    const ends = (route: Route) =>
      /\/devices\/\{deviceId\}\/revoke$|\/close$|\/holder$|^delete .*\/\{webhookId\}$/.test(key(route))
    for (const route of [...audited.filter((one) => !ends(one)), ...audited.filter(ends)]) {
      const sample = samples[key(route)] ?? {}
      const requestId = crypto.randomUUID()
      const { as = event.key, body, raw } = sample
      const send = () =>
        call(route.method.toUpperCase(), path(route), {
          as: as || null,
          ...(raw === undefined ? {} : { raw }),
          ...(body === undefined ? {} : { body }),
          headers: { ...sample.headers, 'X-Request-Id': requestId, 'CF-Connecting-IP': '203.0.113.77' },
        })
      const answer = await send()
      expect(answer.status, `${key(route)} ${answer.text.slice(0, 300)}`).toBeLessThan(300)
      const { organisation, event: made, key: itsKey } = answer.body?.data ?? {}
      const isOrganisations = route.path.startsWith('/api/organisations')
      const where = isOrganisations
        ? `/api/organisations/${organisation?.id ?? event.organisation.id}`
        : `/api/events/${route.path === '/api/events' ? made.id : event.id}`
      const from = await linesOf(where, organisation ? itsKey : event.key)
      const lines = from.filter((line) => line.requestId === requestId)
      expect(
        lines.map(({ kind, network }) => [kind, network]),
        key(route),
      ).toEqual([[route.audit, '203.0.113.0/24']])
    }

    const all = await linesOf(event.path, event.key)
    const of = (kind: string) => all.find((line) => line.kind === kind)
    expect(of('event.changed')).toMatchObject({
      actor: { kind: 'key', role: 'organiser', name: 'First key' },
      subject: { kind: 'event', id: event.id },
      changes: [
        { field: 'capacity', before: null, after: 500 },
        { field: 'policy.full', before: 'stop', after: 'warn' },
      ],
    })
    expect(of('ticket.revoked')).toMatchObject({ subject: { kind: 'ticket', id: one?.id } })
    expect(of('ticket.revoked')?.changes).toContainEqual({ field: 'status', before: 'valid', after: 'revoked' })
    expect(of('ticket.revoked')?.changes).toContainEqual({ field: 'reason' })
    expect(of('ticket.sold')?.actor).toEqual({ kind: 'device', id: sue.id, name: 'Sue', role: null, staffId: 'sue' })
    expect(of('device.enrolled')).toMatchObject({ actor: { kind: 'invited' }, subject: { kind: 'device' } })

    // Nobody's name, no address, no secret and no code is in it.
    const text = JSON.stringify([all, await linesOf(ofOrganisation(), event.key)])
    expect(text).not.toMatch(
      /Nobody|rude|@example.org|very-secret|Private|own phone|whsec_|a1_org_|xxxx|203\.0\.113\.77/,
    )
    const check = await call('GET', `${ofOrganisation()}/audit/integrity`, { as: event.key })
    expect(check.body.data).toMatchObject({ ok: true, discrepancies: [] })
    expect((await integrity()).discrepancies).toEqual([])
  })

  it('leaves none where it is refused, or asks for what is so already', async () => {
    const other = await newEvent()
    const [ticket] = await issue(other)
    const count = async () => (await linesOf(other.path, other.key)).length
    const act = (path: string, body: unknown = {}) => call('POST', `${other.path}/${path}`, { as: other.key, body })
    await act(`tickets/${ticket?.id}/revoke`)
    const before = await count()
    await act(`tickets/${ticket?.id}/revoke`)
    await act('tickets', { tickets: [{ type: 'no such type' }] })
    await act(`tickets/${crypto.randomUUID()}/revoke`)
    await other.put('gates/GATE-A', { name: 'Main Entrance' })
    await call('PATCH', other.path, { as: other.key, body: {} })
    await act('imports?dryRun=true')
    expect(await count()).toBe(before)
  })
})

describe('the audit log', () => {
  it('is for organisers of this event alone', async () => {
    const stranger = await newOrganisation()
    const supervisor = await newDevice(await newEvent(), 'sue')
    for (const path of [event.path, ofOrganisation()]) {
      expect((await call('GET', `${path}/audit`, { as: stranger.key })).status).toBe(404)
      expect((await call('GET', `${path}/exports/audit.csv`, { as: stranger.key })).status).toBe(404)
      expect([403, 404]).toContain((await call('GET', `${path}/audit`, { as: supervisor.token })).status)
    }
  })

  it('is read in pages, and by who, what and when', async () => {
    const party = await newEvent()
    const whole = await linesOf(party.path, party.key)
    const paged: Line[] = []
    for (let cursor = ''; ; ) {
      const { body } = await call('GET', `${party.path}/audit?limit=4${cursor}`, { as: party.key })
      paged.push(...body.data.items)
      if (body.data.nextCursor === null) break
      cursor = `&cursor=${body.data.nextCursor}`
    }
    expect(paged).toEqual(whole)
    expect(whole.map(({ id }) => Number(id))).toEqual(whole.map((_, i) => whole.length - i))
    expect(whole.at(-1)).toMatchObject({ id: '1', kind: 'event.created' })

    const gates = await linesOf(party.path, party.key, 'kind=gate.put')
    expect(gates.map(({ subject }) => subject?.id)).toEqual(['GATE-B', 'GATE-X', 'GATE-V', 'GATE-A'])
    expect(await linesOf(party.path, party.key, 'subject=vip')).toMatchObject([{ kind: 'ticket_type.put' }])
    expect(await linesOf(party.path, party.key, 'actor=deployment')).toEqual([])
    const keyId = whole[0]?.actor.id
    expect(await linesOf(party.path, party.key, `limit=200&actor=${keyId}`)).toHaveLength(whole.length)
    const middle = whole[3]?.at
    const later = await linesOf(party.path, party.key, `limit=200&from=${middle}`)
    const earlier = await linesOf(party.path, party.key, `limit=200&to=${middle}`)
    expect([...later, ...earlier]).toEqual(whole)
    expect((await call('GET', `${party.path}/audit?kind=nonsense`, { as: party.key })).body.data.issues).toMatchObject([
      { field: 'kind' },
    ])
  })

  it('is taken away as CSV and as NDJSON, which it tells of', async () => {
    for (const path of [event.path, ofOrganisation()]) {
      const lines = await linesOf(path, event.key)
      const csv = await call('GET', `${path}/exports/audit.csv`, { as: event.key })
      expect(csv.headers.get('Content-Type')).toMatch(/^text\/csv/)
      expect(csv.text.trimEnd().split('\r\n')).toHaveLength(lines.length + 2)
      const ndjson = await call('GET', `${path}/exports/audit.ndjson`, { as: event.key })
      const rows = ndjson.text
        .trimEnd()
        .split('\n')
        .map((row) => JSON.parse(row))
      expect(rows.slice(0, lines.length)).toEqual(lines.toReversed())
      expect(rows.at(-1)).toMatchObject({ kind: 'audit.exported', actor: { name: 'First key' } })
    }
  })

  it('cannot be changed, and says which line was if it is', async () => {
    const party = await newEvent()
    const tamper = (...statements: string[]) =>
      runInDurableObject(gatekeeperOf(party), (_, { storage }) => {
        for (const statement of statements) storage.sql.exec(statement)
      })
    const check = async () =>
      (await call('GET', `/api/hp-scanner/integrity/${party.id}`, { as: party.key })).body.data.discrepancies
    await expect(tamper('DELETE FROM audit WHERE no = 3')).rejects.toThrow('append-only')
    await expect(tamper("UPDATE audit SET line = '{}' WHERE no = 3")).rejects.toThrow('append-only')

    await tamper('DROP TRIGGER audit_holds', "UPDATE audit SET line = replace(line, 'VIP', 'VUP') WHERE no = 3")
    expect(await check()).toEqual([
      { invariant: 'audit', entryId: '3', detail: 'line 3 of the audit log is not what its hash was made of' },
    ])
    await tamper("UPDATE audit SET line = replace(line, 'VUP', 'VIP') WHERE no = 3")
    expect(await check()).toEqual([])
    await tamper('DROP TRIGGER audit_stays', 'DELETE FROM audit WHERE no = (SELECT max(no) FROM audit)')
    expect(await check()).toMatchObject([{ invariant: 'audit', detail: expect.stringContaining('is gone') }])

    const organisation = party.organisation
    await env.DB.exec('DROP TRIGGER organisation_audit_holds')
    await env.DB.exec("UPDATE organisation_audit SET line = replace(line, 'first', 'farst')")
    const told = await call('GET', `/api/organisations/${organisation.id}/audit/integrity`, { as: party.key })
    expect(told.body.data).toMatchObject({ ok: false, discrepancies: [{ id: '1' }] })
  })

  it('has a line for each of those who change an organisation in one moment', async () => {
    const organisation = await newOrganisation()
    const path = `/api/organisations/${organisation.id}`
    const made = await Promise.all(
      Array.from({ length: 5 }, (_, i) =>
        call('POST', `${path}/keys`, { as: organisation.key, body: { name: `Key ${i}`, role: 'viewer' } }),
      ),
    )
    expect(made.map(({ status }) => status)).toEqual([201, 201, 201, 201, 201])
    const lines = await linesOf(path, organisation.key)
    expect(lines.map(({ id }) => id)).toEqual(['6', '5', '4', '3', '2', '1'])
    expect(new Set(lines.map(({ subject }) => subject?.id)).size).toBe(6)
  })
})
