import { beforeAll, describe, expect, test, vi } from 'vitest'
import { fuzz } from '../fuzz/requests.ts'
import { faultsNoted } from '../fuzz/verdicts.ts'
import { Client, type Device, enrol, gateA, gateB, inParallel, issue, type Method, makeEvent } from './client.ts'
import { guardOneTicket, logged, noteStored, others, scanner, server, stored, token, venue } from './genuine-ticket.ts'
import { expectProblem, issuesOf } from './problems.ts'
import { Contents, readGatekeeper } from './stored.ts'

guardOneTicket()

describe('whoever may not', () => {
  test('is told to sign in where no good credential came', async () => {
    const staffToken = venue.devices[0]?.credential ?? ''
    const [head, payload, signature] = staffToken.split('.') as [string, string, string]
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
    const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const bad = [
      null,
      'x',
      'a1_org_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
      'undefined',
      'x'.repeat(8000),
      `${venue.organiser.credential}x`,
      `${encoded({ alg: 'none', typ: 'staff+jwt' })}.${payload}.`,
      `${head}.${encoded({ ...claims, role: 'supervisor' })}.${signature}`,
      `${head}.${payload}.${signature.slice(0, -2)}`,
    ]
    const bodies = await inParallel(bad, 4, async (credential) => {
      const nobody = new Client(server.url, credential)
      const calls = [
        await nobody.send('POST', path, { qrPayload: token, gateId: gateA }),
        await nobody.send('GET', venue.path),
        await nobody.send('POST', '/api/organisations', { name: 'Mine' }),
        await nobody.send('POST', `${venue.path}/tickets`, { tickets: [{ type: 'vip' }] }),
        await nobody.send('POST', path, '{'),
      ]
      for (const answer of calls) expectProblem(answer, 401, 'unauthenticated')
      return calls.map(({ text }) => text)
    })
    expect(new Set(bodies.flat())).toHaveLength(1)
  })

  test('is told which role it takes', async () => {
    const [supervisor, viewer] = await Promise.all([keyOf('supervisor'), keyOf('viewer')])
    const device = await scanner()
    const ticket = `${venue.path}/tickets/${venue.tickets[0]?.id}`
    const scan = { qrPayload: token, gateId: gateA }
    const calls: [Client, string, Method, string, object?][] = [
      [viewer, 'scanner', 'POST', path, scan],
      [viewer, 'supervisor', 'GET', ticket],
      [viewer, 'supervisor', 'GET', `${ticket}/qr`],
      [viewer, 'organiser', 'POST', `${venue.path}/close`],
      [device, 'supervisor', 'POST', path, { ...scan, force: { reason: 'a friend' } }],
      [device, 'supervisor', 'POST', path, { gateId: gateA, ticketId: venue.tickets[0]?.id }],
      [device, 'supervisor', 'POST', `${ticket}/revoke`],
      [device, 'supervisor', 'POST', `${venue.path}/enrolments`, { staffId: 'sam' }],
      [device, 'organiser', 'POST', `${venue.path}/tickets`, { tickets: [{ type: 'vip' }] }],
      [supervisor, 'organiser', 'PUT', `${venue.path}/gates/MINE`, { name: 'Mine' }],
      [supervisor, 'organiser', 'POST', '/api/events', {}],
      [venue.organiser, 'admin', 'POST', '/api/organisations', { name: 'Mine' }],
    ]
    for (const [who, required, method, where, body] of calls) {
      const answer = await who.send<{ data: object }>(method, where, body)
      expectProblem(answer, 403, 'role_required')
      expect(answer.body.data, `${method} ${where}`).toEqual({ required })
    }
  })

  test('is not told whether another organisation’s event is there', async () => {
    const before = await venue.organiser.ask('GET', venue.path)
    const nothing = await others.organiser.send('GET', `/api/events/${crypto.randomUUID()}`)
    expectProblem(nothing, 404, 'not_found')
    const { id: ticketId } = venue.tickets[0] ?? { id: '' }
    const stranger = others.devices[0] as Device
    const calls: [Client, Method, string, object?][] = [
      [others.organiser, 'GET', ''],
      [others.organiser, 'PATCH', '', { title: 'Mine' }],
      [others.organiser, 'POST', '/close'],
      [others.organiser, 'PUT', `/gates/${gateA}`, { name: 'Mine' }],
      [others.organiser, 'PUT', '/ticket-types/vip', { name: 'Mine' }],
      [others.organiser, 'PUT', '/staff/me', { name: 'Me', role: 'scanner' }],
      [others.organiser, 'POST', '/tickets', { tickets: [{ type: 'vip' }] }],
      [others.organiser, 'GET', '/tickets'],
      [others.organiser, 'GET', `/tickets/${ticketId}`],
      [others.organiser, 'GET', `/tickets/${ticketId}/qr`],
      [others.organiser, 'POST', `/tickets/${ticketId}/revoke`],
      [others.organiser, 'POST', '/enrolments', { staffId: 'sam' }],
      [others.organiser, 'GET', '/devices'],
      [others.organiser, 'POST', `/devices/${venue.devices[0]?.deviceId}/revoke`],
      [stranger, 'GET', ''],
      [stranger, 'GET', `/tickets/${ticketId}`],
    ]
    for (const [who, method, where, body] of calls) {
      const answer = await who.send(method, venue.path + where, body)
      expect([answer.status, answer.text], `${method} ${where}`).toEqual([404, nothing.text])
    }
    for (const id of ['x', '%00', '..%2f', '%E0%A4%A', 'x'.repeat(2000)]) {
      const answer = await others.organiser.send('GET', `/api/events/${id}`)
      expect([answer.status, answer.text], id).toEqual([404, nothing.text])
    }
    expect(await venue.organiser.ask('GET', venue.path)).toEqual(before)
  })

  test('is not told what a scan of another event came to', async () => {
    const scanId = crypto.randomUUID()
    const theirs = others.devices[0] as Device
    await theirs.scan({ scanId, qrPayload: others.tickets[0]?.token ?? '', gateId: gateA })
    expect((await theirs.send('GET', `/api/hp-scanner/scans/${scanId}`)).status).toBe(200)
    const asked = [
      await (await scanner()).send('GET', `/api/hp-scanner/scans/${scanId}`),
      await venue.organiser.send('GET', `/api/hp-scanner/scans/${scanId}?eventId=${others.eventId}`),
      await (await scanner()).send('GET', `/api/hp-scanner/scans/no-uuid`),
    ]
    for (const answer of asked) expectProblem(answer, 404, 'not_found')
  })

  async function keyOf(role: string): Promise<Client> {
    const keys = `/api/organisations/${venue.organisationId}/keys`
    const { key } = await venue.organiser.ask<{ key: string }>('POST', keys, { name: role, role })
    return new Client(server.url, key)
  }
})

describe('every call of the API', () => {
  type Operation = { method: Method; path: string; hasBody: boolean; query: string[] }
  let operations: Operation[]

  beforeAll(async () => {
    const { body } = await venue.admin.send<{ paths: Record<string, Record<string, Described>> }>(
      'GET',
      '/openapi.json',
    )
    operations = Object.entries(body.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, described]) => ({
        method: method.toUpperCase() as Method,
        path,
        hasBody: described.requestBody !== undefined,
        query: (described.parameters ?? []).filter((one) => one.in === 'query').map((one) => one.name),
      })),
    )
    expect(operations.length).toBeGreaterThan(20)
  })

  type Described = { requestBody?: object; parameters?: { in: string; name: string }[] }

  test('answers a body that is no JSON object with what is wrong with it', async () => {
    const bodies = ['{', '[]', 'null', '5', '{"name":"\\ud800","title":"\\ud800"}', '\u0000', Uint8Array.of(0xff)]
    const withBody = operations.filter(({ hasBody }) => hasBody)
    expect(withBody.length).toBeGreaterThan(10)
    for (const { method, path } of withBody) {
      for (const body of bodies) {
        const answer = await venue.admin.send(method, filled(path), body)
        expect(answer.status, `${method} ${path} with ${body}: ${answer.text}`).toBe(400)
        expectProblem(answer, 400, 'bad_request')
        expect(issuesOf(answer).length, `${method} ${path} with ${body}`).toBeGreaterThan(0)
      }
    }
  })

  test('threat 19: answers rubbish in its query with no 5xx', async () => {
    const rubbish = [
      '',
      'x',
      '-1',
      '0',
      '1e99',
      '99999999999999999999',
      'NaN',
      '%00',
      '%F0%9F%8E%9F',
      "'--",
      'x'.repeat(300),
    ]
    const answered = operations
      .filter(({ method }) => method === 'GET')
      .flatMap(({ path, query }) => query.flatMap((name) => rubbish.map((value) => `${filled(path)}?${name}=${value}`)))
    expect(answered.length).toBeGreaterThan(50)
    expect(await withServerErrors('GET', answered)).toEqual([])
  })

  test('answers rubbish in its path with no 5xx', async () => {
    const rubbish = [
      'x',
      '%00',
      '%F0%9F%8E%9F',
      '%E0%A4%A',
      '..%2f..',
      'x'.repeat(300),
      '__proto__',
      crypto.randomUUID(),
    ]
    const asked = operations
      .filter(({ method, path }) => method === 'GET' && path.includes('{'))
      .flatMap(({ path }) => rubbish.map((value) => path.replace(/\{\w+\}/g, value)))
    expect(asked.length).toBeGreaterThan(50)
    expect(await withServerErrors('GET', asked)).toEqual([])
  })

  async function withServerErrors(method: Method, paths: string[]): Promise<string[]> {
    const statuses = await inParallel(paths, 8, async (path) => (await venue.admin.send(method, path)).status)
    return paths.filter((_, i) => (statuses[i] ?? 500) >= 500)
  }

  function filled(path: string): string {
    const ids: Record<string, string> = {
      eventId: venue.eventId,
      organisationId: venue.organisationId,
      ticketId: venue.tickets[0]?.id ?? '',
    }
    return path.replace(/\{(\w+)\}/g, (_, name: string) => ids[name] ?? 'some')
  }
})

describe('an organiser’s own words', () => {
  const words = ['constructor', 'toString', 'valueOf', 'hasOwnProperty']

  test('for gates are counted like any other, even where JavaScript has a meaning for them', async () => {
    const path = `/api/events/${await makeEvent(venue.organiser)}`
    for (const word of words) await venue.organiser.ask('PUT', `${path}/gates/${word}`, { name: word })
    const device = await enrol(venue.organiser, path)
    const tickets = await issue(venue.organiser, path, words.length)
    for (const [i, gateId] of words.entries()) {
      expect((await device.scan({ qrPayload: tickets[i]?.token ?? '', gateId })).status).toBe(200)
    }
    const stats = () => readGatekeeper(server.stateDir, path.split('/').at(-1) ?? '').stats
    await vi.waitFor(() => expect(stats()?.seq).toBe(words.length), { timeout: 20_000, interval: 100 })
    expect(stats()?.byGate).toEqual(Object.fromEntries(words.map((word) => [word, 1])))
  })

  test('for a zone keep its capacity, even where JavaScript has a meaning for them', async () => {
    const path = `/api/events/${await makeEvent(venue.organiser)}`
    const zone = 'constructor'
    await venue.organiser.ask('PATCH', path, {
      zones: [
        { id: 'main', name: 'Main' },
        { id: zone, name: 'Builders', capacity: 1 },
      ],
    })
    await venue.organiser.ask('PUT', `${path}/ticket-types/vip`, { name: 'VIP', zones: [zone] })
    await venue.organiser.ask('PUT', `${path}/gates/DOOR`, { name: 'Door', zone })
    const device = await enrol(venue.organiser, path)
    const tickets = await issue(venue.organiser, path, 2)
    const answers = await inParallel(tickets, 1, ({ token }) => device.scan({ qrPayload: token, gateId: 'DOOR' }))
    expect(answers.map(({ status, body }) => `${status} ${body.code ?? body.verdict}`)).toEqual([
      '200 admitted',
      '409 full',
    ])
  })
})

describe('requests that are nearly right, of every call', () => {
  // As many as one wants: npm run fuzz.
  test('are answered as the contract says, and nothing of those that are turned down is stored', async () => {
    const { sent, watched, faults } = await fuzz({
      url: server.url,
      stateDir: server.stateDir,
      seed: 1,
      count: 1000,
      until: Date.now() + 8000,
    })
    expect(
      faults.map(({ call, what, no }) => `${call} ${what}: npm run fuzz -- --seed 1 --from ${no} --count 1`),
    ).toEqual([])
    expect(sent).toBeGreaterThanOrEqual(100)
    expect(watched).toBeGreaterThanOrEqual(1)
  })
})

describe('after all of that', () => {
  test('the genuine ticket is let in, that is stored, and the server has noted no fault of its own', async () => {
    const contents = new Contents(server.stateDir, venue.eventId)
    const before = contents.digest()
    const answer = await (await scanner()).scan({ qrPayload: token, gateId: gateB })
    expect(answer.body).toMatchObject({ verdict: 'admitted', data: { scan: { admitted: 1 } } })
    expect(stored()).toBe(logged + 1)
    noteStored()
    // What watches the hostile requests would have seen it.
    expect(contents.digest()).not.toBe(before)
    contents.close()
    expect(faultsNoted(server.output('stderr'))).toBe('')
  })
})

const path = '/api/hp-scanner/validate-qr'
