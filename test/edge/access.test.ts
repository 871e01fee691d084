import { env } from 'cloudflare:workers'
import { decodeJwt, SignJWT } from 'jose'
import { beforeAll, describe, expect, it } from 'vitest'
import { type EventId, parseUuid, type TicketId } from '../../core/ids.ts'
import { deriveKey, eventTagOf } from '../../core/keys.ts'
import { sealToken } from '../../core/token.ts'
import { routes } from '../../workers/api.ts'
import { eventKeys } from '../../workers/signing.ts'
import { type BadToken, badTokens } from '../vectors/jwt-corpus.ts'
import wycheproofCrypto from '../vectors/wycheproof/json_web_crypto_test.json' with { type: 'json' }
import wycheproofKey from '../vectors/wycheproof/json_web_key_test.json' with { type: 'json' }
import wycheproofSignature from '../vectors/wycheproof/json_web_signature_test.json' with { type: 'json' }
import { admin, call, issue, newDevice, newEvent, newOrganisation, type Party, scan } from './api.ts'

let event: Party
let device: Awaited<ReturnType<typeof newDevice>>
beforeAll(async () => {
  event = await newEvent()
  device = await newDevice(event)
})

const uniform = { success: false, error: 'Not found', code: 'not_found', message: 'There is nothing here.' }

describe('a call', () => {
  it('without a credential, or with one that is none, is not answered', async () => {
    for (const as of [null, 'nonsense', 'a1_org_nonsense', `${admin}x`]) {
      const answer = await call('GET', event.path, { as })
      expect([answer.status, answer.body.code]).toEqual([401, 'unauthenticated'])
      expect(answer.headers.get('WWW-Authenticate')).toBe('Bearer')
    }
  })

  it('needs a credential on every route that does not say otherwise', async () => {
    for (const route of routes.filter(({ role }) => role !== null)) {
      const path = route.path.replaceAll(/\{\w+\}/g, crypto.randomUUID())
      const answer = await call(route.method.toUpperCase(), path)
      expect(answer.status, `${route.method} ${route.path}`).toBe(401)
    }
  })

  it('with too small a role is told which role it takes', async () => {
    const asScanner = await call('POST', `${event.path}/tickets`, { as: device.token, body: { tickets: [] } })
    expect([asScanner.status, asScanner.body.code, asScanner.body.data.required]).toEqual([
      403,
      'role_required',
      'organiser',
    ])
    const asOrganiser = await call('POST', '/api/organisations', { as: event.key, body: { name: 'Mine' } })
    expect([asOrganiser.status, asOrganiser.body.data.required]).toEqual([403, 'admin'])
  })

  it("about another organisation's event is told that there is nothing, and so is one about no event", async () => {
    const stranger = await newOrganisation()
    for (const [method, path, body] of [
      ['GET', event.path, undefined],
      ['PATCH', event.path, { title: 'Mine now' }],
      ['GET', `${event.path}/tickets`, undefined],
      ['POST', `${event.path}/tickets`, { tickets: [{ type: 'standard' }] }],
      ['POST', `${event.path}/close`, undefined],
      ['PUT', `${event.path}/gates/GATE-A`, { name: 'Mine' }],
      ['GET', `${event.path}/devices`, undefined],
    ] as const) {
      const theirs = await call(method, path, { as: stranger.key, ...(body ? { body } : {}) })
      expect([theirs.status, theirs.body], `${method} ${path}`).toEqual([404, uniform])
      const none = await call(method, path.replace(event.id, crypto.randomUUID()), {
        as: event.key,
        ...(body ? { body } : {}),
      })
      expect([none.status, none.body], `${method} ${path}`).toEqual([404, uniform])
    }
    expect((await call('GET', '/api/events/not-an-id', { as: event.key })).body).toEqual(uniform)
    expect((await call('GET', '/nowhere')).body).toEqual(uniform)
  })

  it("with another event's staff token is told that there is nothing", async () => {
    const other = await newEvent()
    const answer = await call('GET', other.path, { as: device.token })
    expect([answer.status, answer.body]).toEqual([404, uniform])
  })

  it("threat 07: with another event's ticket is told that it is for another event, and nothing is logged", async () => {
    const other = await newEvent()
    const [ticket] = await issue(other, {})
    const answer = await scan(device.token, ticket?.code ?? '')
    expect([answer.status, answer.body.code, answer.body.error]).toEqual([400, 'wrong_event', 'Invalid QR code'])
  })
})

describe('whoever stole the secret that tickets are made with', () => {
  it('threat 09: makes codes that open, and that no ticket of the event has', async () => {
    const tag = eventTagOf(parseUuid<EventId>(event.id) as EventId)
    const { sealing, sign } = await eventKeys(env.TICKET_KEY, tag)
    const [genuine] = await issue(event)
    const issuedAt = Math.floor(Date.now() / 1000)
    const made = (id: string) => {
      const ticketId = parseUuid<TicketId>(id) as TicketId
      return sealToken({ ticketId, issuedAt, validFrom: null, validUntil: null, type: 0, admits: 1 }, sealing, sign)
    }
    const forged = await scan((await newDevice(event)).token, await made(crypto.randomUUID()))
    expect([forged.status, forged.body.code]).toEqual([400, 'unknown'])
    // Only for a ticket that they know of already, and that is then let in once like any other.
    expect((await scan((await newDevice(event)).token, await made(genuine?.id ?? ''))).status).toBe(200)
  })
})

describe("an organisation's key", () => {
  it('is shown once, listed without the secret, and refused once revoked', async () => {
    const { id, key } = await newOrganisation()
    const made = await call('POST', `/api/organisations/${id}/keys`, { as: key, body: { name: 'CI', role: 'viewer' } })
    expect(made.body.data.key).toMatch(/^a1_org_/)
    const listed = await call('GET', `/api/organisations/${id}/keys`, { as: key })
    expect(listed.body.data.items).toHaveLength(2)
    expect(listed.text).not.toContain('a1_org_')
    expect((await call('GET', '/api/events', { as: made.body.data.key })).status).toBe(200)
    const revoked = await call('DELETE', `/api/organisations/${id}/keys/${made.body.data.id}`, { as: key })
    expect(revoked.status).toBe(200)
    expect((await call('GET', '/api/events', { as: made.body.data.key })).status).toBe(401)
  })

  it('is refused when its time is over', async () => {
    const { id, key } = await newOrganisation()
    const expiresAt = new Date(Date.now() - 1).toISOString()
    const made = await call('POST', `/api/organisations/${id}/keys`, {
      as: key,
      body: { name: 'Old', role: 'organiser', expiresAt },
    })
    expect((await call('GET', '/api/events', { as: made.body.data.key })).status).toBe(401)
  })

  it('of a viewer reads and changes nothing', async () => {
    const { id, key } = await newOrganisation()
    const made = await call('POST', `/api/organisations/${id}/keys`, {
      as: key,
      body: { name: 'Board', role: 'viewer' },
    })
    const answer = await call('POST', '/api/events', { as: made.body.data.key, body: {} })
    expect([answer.status, answer.body.code]).toEqual([403, 'role_required'])
  })

  it('does not open another organisation', async () => {
    const [mine, theirs] = [await newOrganisation(), await newOrganisation()]
    expect((await call('GET', `/api/organisations/${theirs.id}/keys`, { as: mine.key })).body).toEqual(uniform)
  })

  it('pages through its events without skipping or repeating one', async () => {
    const { key } = await newOrganisation()
    const made: string[] = []
    for (let i = 0; i < 3; i++) {
      const body = {
        title: `Day ${i}`,
        startsAt: '2026-11-20T10:00:00Z',
        endsAt: '2026-11-20T22:00:00Z',
        timezone: 'UTC',
      }
      made.push((await call('POST', '/api/events', { as: key, body })).body.data.event.id)
    }
    const first = await call('GET', '/api/events?limit=2', { as: key })
    const second = await call('GET', `/api/events?limit=2&cursor=${first.body.data.nextCursor}`, { as: key })
    const listed = [...first.body.data.items, ...second.body.data.items].map(({ id }: { id: string }) => id)
    expect(listed).toEqual(made)
    expect(second.body.data.nextCursor).toBeNull()
  })

  it('are listed with the newest first on request, and by a part of their title or place, as it is written', async () => {
    const { key } = await newOrganisation()
    const when = { startsAt: '2027-01-01T18:00:00Z', endsAt: '2027-01-01T23:00:00Z', timezone: 'Europe/Berlin' }
    for (const [title, location] of [
      ['Jazz', 'Barn'],
      ['100% Techno', 'Hall 4'],
      ['Opera', 'Town HALL'],
    ]) {
      await call('POST', '/api/events', { as: key, body: { ...when, title, location } })
    }
    const titles = async (query: string) => {
      const { body } = await call('GET', `/api/events?${query}`, { as: key })
      return { titles: body.data.items.map((item: { title: string }) => item.title), next: body.data.nextCursor }
    }
    const first = await titles('order=newest&limit=2')
    expect(first.titles).toEqual(['Opera', '100% Techno'])
    expect((await titles(`order=newest&limit=2&cursor=${first.next}`)).titles).toEqual(['Jazz'])
    expect((await titles('search=hall')).titles).toEqual(['100% Techno', 'Opera'])
    expect((await titles('search=0%25')).titles).toEqual(['100% Techno'])
    expect((await titles('search=_')).titles).toEqual([])
    expect((await titles(`search=${'x'.repeat(90)}`)).titles).toEqual([])
  })
})

describe('an enrolment', () => {
  const invite = async () =>
    (await call('POST', `${event.path}/enrolments`, { as: event.key, body: { staffId: 'sam', gateId: 'GATE-A' } })).body
      .data
  const enrol = (code: string) =>
    call('POST', '/api/devices/enrol', { body: { code, deviceName: 'Phone', deviceType: 'mobile' } })

  it('threat 13: makes a device of whoever brings its code, once', async () => {
    const { code, url, qr, expiresAt } = await invite()
    expect(url).toContain(`/scan#enrol=${code}`)
    expect(qr).toMatch(/^data:image\/svg\+xml;base64,/)
    expect(Date.parse(expiresAt)).toBeGreaterThan(Date.now())
    const enrolled = await enrol(code.toLowerCase().replace(/(.{4})/g, '$1-'))
    expect(enrolled.status).toBe(201)
    expect(enrolled.body.data).toMatchObject({
      event: { id: event.id },
      gate: { id: 'GATE-A' },
      staff: { id: 'sam', role: 'scanner' },
    })
    const again = await enrol(code)
    expect([again.status, again.body.code]).toEqual([410, 'enrolment_used'])
  })

  it('is over when its time is', async () => {
    const body = { staffId: 'sam', expiresInMs: 1000 }
    const { code } = (await call('POST', `${event.path}/enrolments`, { as: event.key, body })).body.data
    await scheduler.wait(1100)
    expect((await enrol(code)).status).toBe(410)
  })

  it('threat 13: with a wrong code is not found, five times, and then slowed down; the right code still works', async () => {
    const { code } = await invite()
    const wrong = code.replace(/.$/, code.endsWith('A') ? 'E' : 'A')
    const statuses: number[] = []
    for (let i = 0; i < 6; i++) statuses.push((await enrol(i % 2 ? wrong : `WRONG${i}`)).status)
    expect(statuses).toEqual([404, 404, 404, 404, 404, 429])
    expect((await enrol(code)).status).toBe(201)
  })

  it('names staff and gates that exist', async () => {
    const answer = await call('POST', `${event.path}/enrolments`, {
      as: event.key,
      body: { staffId: 'nobody', gateId: 'nowhere' },
    })
    expect(answer.status).toBe(400)
    expect(answer.body.data.issues.map(({ field }: { field: string }) => field)).toEqual(['staffId', 'gateId'])
  })
})

describe('a device', () => {
  it('renews its staff token with its device token, until it is revoked', async () => {
    const phone = await newDevice(event)
    const renew = (deviceToken: string, deviceId = phone.id) =>
      call('POST', '/api/devices/token', { body: { deviceId, deviceToken } })
    const renewed = await renew(phone.deviceToken)
    expect(renewed.body.data).toMatchObject({ staffToken: expect.any(String), expiresAt: expect.any(String) })
    expect((await renew(`${phone.deviceToken}x`)).body.code).toBe('device_token_invalid')
    expect((await renew(phone.deviceToken, 'another')).body.code).toBe('device_token_invalid')
    await call('POST', `${event.path}/devices/${phone.id}/revoke`, { as: event.key })
    const refused = await renew(phone.deviceToken)
    expect([refused.status, refused.body.code]).toEqual([401, 'device_revoked'])
    const [ticket] = await issue(event, {})
    const scanned = await scan(phone.token, ticket?.code ?? '')
    expect([scanned.status, scanned.body.code]).toEqual([401, 'device_revoked'])
  })

  it('may not speak for another, in a header or in the body', async () => {
    const [ticket] = await issue(event, {})
    const body = { qrPayload: ticket?.code, gateId: 'GATE-A' }
    const named = await call('POST', '/api/hp-scanner/validate-qr', {
      as: device.token,
      body,
      headers: { 'X-Device-ID': 'other' },
    })
    expect([named.status, named.body.code]).toEqual([403, 'device_mismatch'])
    expect((await scan(device.token, ticket?.code ?? '', { deviceId: 'other' })).body.code).toBe('device_mismatch')
    const readAs = (id: string) =>
      call('GET', `/api/hp-scanner/search/${event.id}?q=nobody`, { as: device.token, headers: { 'X-Device-ID': id } })
    const read = await readAs('other')
    expect([read.status, read.body.code]).toEqual([403, 'device_mismatch'])
    expect((await readAs(device.id)).status).toBe(200)
    expect((await scan(device.token, ticket?.code ?? '', { deviceId: device.id })).status).toBe(200)
  })

  it('that sends its device token must send the current one', async () => {
    const [ticket] = await issue(event, {})
    const body = { qrPayload: ticket?.code, gateId: 'GATE-A' }
    const send = (token: string) =>
      call('POST', '/api/hp-scanner/validate-qr', { as: device.token, body, headers: { 'X-Device-Token': token } })
    const wrong = await send('a1_dev_wrong')
    expect([wrong.status, wrong.body.code]).toEqual([403, 'device_token_invalid'])
    expect((await send(device.deviceToken)).status).toBe(200)
  })
})

type Vector = { tcId: number; comment: string; jws?: unknown }

/** Sends each as a credential; gives those that were answered otherwise than a call without one is. */
async function refusedAlike(tokens: BadToken[]): Promise<string[]> {
  const none = await call('GET', event.path)
  const others: string[] = []
  for (const { what, token } of tokens) {
    const answer = await call('GET', event.path, { as: token })
    if (answer.status !== 401 || answer.text !== none.text) others.push(`${what}: ${answer.status}`)
  }
  return others
}

describe('a staff token', () => {
  const key = deriveKey(env.TICKET_KEY, 'staff-token/staff-1')
  const forge = (change: (jwt: SignJWT) => SignJWT, header: Record<string, string> = {}) =>
    change(
      new SignJWT({ event: event.id, device: device.id, role: 'scanner' })
        .setProtectedHeader({ alg: 'HS256', typ: 'staff+jwt', kid: 'staff-1', ...header })
        .setIssuer('admit-one')
        .setAudience('admit-one/scanner')
        .setSubject('sam')
        .setIssuedAt()
        .setExpirationTime('1h'),
    ).sign(key)

  it('made with our key and our words is taken: what the others lack is what they are refused for', async () => {
    expect((await call('GET', event.path, { as: await forge((jwt) => jwt) })).status).toBe(200)
  })

  it.each([
    ['of another type', (jwt: SignJWT) => jwt, { typ: 'JWT' }],
    ['under another key id', (jwt: SignJWT) => jwt, { kid: 'staff-2' }],
    ['under another algorithm', (jwt: SignJWT) => jwt, { alg: 'HS512' }],
    ['for somebody else', (jwt: SignJWT) => jwt.setAudience('elsewhere'), {}],
    ['from somebody else', (jwt: SignJWT) => jwt.setIssuer('elsewhere'), {}],
    ['whose time is over', (jwt: SignJWT) => jwt.setExpirationTime('-1s'), {}],
  ])('threat 11: %s is refused', async (_, change, header) => {
    expect((await call('GET', event.path, { as: await forge(change, header) })).status).toBe(401)
  })

  it('threat 10: that differs from a good one in any one thing is refused, all in the same words', async () => {
    const header = { alg: 'HS256', typ: 'staff+jwt', kid: 'staff-1' }
    const good = await forge((jwt) => jwt)
    expect((await call('GET', event.path, { as: good })).status).toBe(200)
    const bad = await badTokens(key, header, decodeJwt(good), good)
    expect(bad.length).toBeGreaterThan(100)
    const taken = await refusedAlike(bad)
    expect(taken).toEqual([])
  })

  it('is none of the public vectors for signed JSON, valid ones of strangers included', async () => {
    const files = [wycheproofSignature, wycheproofKey, wycheproofCrypto] as { testGroups: { tests: Vector[] }[] }[]
    const all = files.flatMap(({ testGroups }) => testGroups.flatMap(({ tests }) => tests))
    const tokens = all.flatMap(({ tcId, comment, jws }) =>
      typeof jws === 'string' && /^[\x21-\x7e]+$/.test(jws) ? [{ what: `${tcId} ${comment}`, token: jws }] : [],
    )
    expect(tokens.length).toBeGreaterThan(450)
    expect(await refusedAlike(tokens)).toEqual([])
  })

  it('without a signature is refused', async () => {
    const [, claims] = device.token.split('.')
    const none = btoa(JSON.stringify({ alg: 'none', typ: 'staff+jwt', kid: 'staff-1' })).replaceAll('=', '')
    expect((await call('GET', event.path, { as: `${none}.${claims}.` })).status).toBe(401)
  })
})
