import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import { beforeAll, describe, expect, it } from 'vitest'
import { toBase64url } from '../../core/base64url.ts'
import type { EventId } from '../../core/ids.ts'
import { everybody } from '../../durable-objects/actor.ts'
import { sealFormatSecret } from '../../workers/code-formats.ts'
import { ringOf } from '../../workers/key-ring.ts'
import { call, gatekeeperOf, informed, issue, newDevice, newEvent, newOrganisation, type Party, scan } from './api.ts'
import { listen } from './listener.ts'

const SECRET = 'the secret of a ticket shop, 32 bytes and more'
const NEXT = 'the secret that the shop takes after that one'

let event: Party
let sam: Awaited<ReturnType<typeof newDevice>>
beforeAll(async () => {
  event = await newEvent()
  sam = await newDevice(event)
})

const put = (format: string, body: object, as = event.key) =>
  call('PUT', `${event.path}/code-formats/${format}`, { as, body })
const list = () => call('GET', `${event.path}/code-formats`, { as: event.key })

const b64 = (value: object) => toBase64url(utf8ToBytes(JSON.stringify(value)))
const mac = (secret: string, message: string) => hmac(sha256, utf8ToBytes(secret), utf8ToBytes(message))

function jwt(claims: object, secret = SECRET): string {
  const signed = `${b64({ alg: 'HS256', typ: 'JWT' })}.${b64({ aud: event.id, ...claims })}`
  return `${signed}.${toBase64url(mac(secret, signed))}`
}

function hmacJson(ticketId: string, ticketCode = '', secret = SECRET): string {
  const fields = { ticketId, eventId: event.id, guestId: '', ticketCode, timestamp: Date.now() }
  const message = ['admit-one/hmac-json/v1', ...Object.values(fields)].join('\n')
  const signature = bytesToHex(mac(secret, message))
  const checksum = bytesToHex(sha256(utf8ToBytes(message))).slice(0, 8)
  return JSON.stringify({ ...fields, signature, checksum })
}

const entries = async () =>
  runInDurableObject(await informed(event), (gatekeeper) => gatekeeper.entries(everybody, 0, 10_000))
const logged = async () => {
  const result = await entries()
  return result.ok ? result.value.length : -1
}

describe('switching a format on', () => {
  it('shows it, and never its secret', async () => {
    const answer = await put('jwt', { secret: SECRET, externalEventId: 'EXT-7' })
    expect(answer.status).toBe(200)
    const format = { format: 'jwt', externalEventId: 'EXT-7', maxAgeMs: null, secrets: 1 }
    expect(answer.body.data.format).toMatchObject(format)
    const shown = await list()
    expect(shown.body.data.items).toMatchObject([format])
    expect(shown.text + answer.text).not.toContain(SECRET)
  })

  it('keeps its secret nowhere in the clear', async () => {
    await put('jwt', { secret: SECRET })
    const dump = await runInDurableObject(gatekeeperOf(event), (_, state) =>
      [...state.storage.sql.exec('SELECT * FROM code_format')].map((row) =>
        Object.values(row).map((value) =>
          value instanceof ArrayBuffer ? new TextDecoder('latin1').decode(value) : value,
        ),
      ),
    )
    expect(dump).toHaveLength(1)
    expect(JSON.stringify(dump)).not.toContain(SECRET)
  })

  it.each([
    [{ secret: 'short' }, 'secret'],
    [{ secret: '!'.repeat(40), secretEncoding: 'base64url' }, 'secret'],
    [{ secret: `-----BEGIN PUBLIC KEY-----${'A'.repeat(60)}` }, 'secret'],
    [{}, 'secret'],
    [{ secret: SECRET, maxAgeMs: 5 }, 'maxAgeMs'],
  ])('refuses %j and names %s', async (body, field) => {
    const answer = await put('jwt', body)
    expect(answer.status).toBe(400)
    expect(answer.body.data.issues[0].field).toBe(field)
  })

  it('is for organisers of this event alone', async () => {
    const stranger = await newOrganisation()
    expect((await put('jwt', { secret: SECRET }, stranger.key)).status).toBe(404)
    expect((await put('jwt', { secret: SECRET }, sam.token)).body.code).toBe('role_required')
    expect((await put('aztec', { secret: SECRET })).status).toBe(404)
  })
})

describe("a code that somebody else's shop signed", () => {
  beforeAll(async () => {
    await put('jwt', { secret: SECRET })
    await put('hmac-json', { secret: SECRET })
  })

  it.each([
    ['jwt', (id: string) => jwt({ ticketId: id })],
    ['jwt by sub', (id: string) => jwt({ sub: id })],
    ['hmac-json', (id: string) => hmacJson(id)],
  ] as const)('admits by our ticket id, once: %s', async (_, make) => {
    const [ticket] = await issue(event)
    const code = make(ticket?.id ?? '')
    expect((await scan(sam.token, code)).body).toMatchObject({ verdict: 'admitted', data: { ticketId: ticket?.id } })
    expect((await scan(sam.token, code)).body).toMatchObject({ code: 'already_admitted' })
    // The same ticket, whichever of its codes is held up.
    expect((await scan(sam.token, ticket?.code ?? '')).body).toMatchObject({ code: 'already_admitted' })
  })

  it('admits by the reference and by the printed code under which the shop issued it', async () => {
    const [a, b] = await issue(event, { reference: 'SHOP-1' }, { code: 'BAR-0002' })
    expect((await scan(sam.token, jwt({ ticketId: 'SHOP-1' }))).body.data.ticketId).toBe(a?.id)
    expect((await scan(sam.token, hmacJson('unheard of', 'BAR-0002'))).body.data.ticketId).toBe(b?.id)
    // Two names that are of two tickets are of none.
    expect((await scan(sam.token, jwt({ ticketId: 'SHOP-1', code: 'BAR-0002' }))).body.code).toBe('unknown')
  })

  it('that is genuine and names no ticket is unknown, and in the log', async () => {
    const before = await logged()
    const answer = await scan(sam.token, jwt({ ticketId: 'nobody' }))
    expect([answer.status, answer.body.code]).toEqual([400, 'unknown'])
    expect(await logged()).toBe(before + 1)
  })

  it('that is forged is answered as a forged token is, to the byte, and never reaches the log', async () => {
    const [ticket] = await issue(event)
    const scanId = crypto.randomUUID()
    const token = ticket?.code ?? ''
    const forgedToken = `${token.slice(0, -5)}${token.endsWith('AAAAA') ? 'BBBBB' : 'AAAAA'}`
    const before = await logged()
    const answers = await Promise.all(
      [
        forgedToken,
        jwt({ ticketId: ticket?.id }, 'a secret that an attacker has made up, long'),
        hmacJson(ticket?.id ?? '', '', 'a secret that an attacker has made up, long'),
        `${'{"ticketId":1}'.padEnd(300, ' ')}!`,
        `${'['.repeat(5000)}`,
        `{${'"a":{'.repeat(2000)}`,
      ].map((text) => scan(sam.token, text, { scanId })),
    )
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1)
    expect(answers[0]?.status).toBe(400)
    expect(await logged()).toBe(before)
  })

  it('of another event is told apart only where the signature is good', async () => {
    const other = jwt({ ticketId: 'x', aud: 'elsewhere' })
    expect((await scan(sam.token, other)).body.code).toBe('wrong_event')
  })

  it('is judged by its own window beside that of the ticket', async () => {
    const [ticket] = await issue(event)
    const now = Math.floor(Date.now() / 1000)
    const late = await scan(sam.token, jwt({ ticketId: ticket?.id, exp: now - 60 }))
    expect(late.body).toMatchObject({
      code: 'too_late',
      data: { validUntil: new Date((now - 60) * 1000 - 1).toISOString(), ticketId: ticket?.id },
    })
    const early = await scan(sam.token, jwt({ ticketId: ticket?.id, nbf: now + 60 }))
    expect(early.body).toMatchObject({
      code: 'too_early',
      data: { validFrom: new Date((now + 60) * 1000).toISOString() },
    })
    expect((await scan(sam.token, jwt({ ticketId: ticket?.id, nbf: now - 60, exp: now + 60 }))).status).toBe(200)
  })

  it('obeys what was decided about the ticket', async () => {
    const [ticket] = await issue(event)
    await call('POST', `${event.path}/tickets/${ticket?.id}/revoke`, { as: event.key })
    expect((await scan(sam.token, jwt({ ticketId: ticket?.id }))).body.code).toBe('revoked')
  })

  it('made before the ticket was reissued is superseded; one made after is good', async () => {
    const [ticket] = await issue(event)
    const id = ticket?.id
    const now = Math.floor(Date.now() / 1000)
    // Signed long before the ticket came here: that alone supersedes nothing.
    const old = jwt({ ticketId: id, iat: now - 86_400 })
    await call('POST', `${event.path}/tickets/${id}/reissue`, { as: event.key })
    expect((await scan(sam.token, old)).body).toMatchObject({ code: 'revoked', data: { superseded: true } })
    expect((await scan(sam.token, jwt({ ticketId: id }))).body).toMatchObject({ code: 'revoked' })
    expect((await scan(sam.token, jwt({ ticketId: id, iat: now + 10 }))).status).toBe(200)
  })

  it('gives the same answer to the same scanId, and a problem to another code under it', async () => {
    const [ticket] = await issue(event)
    const scanId = crypto.randomUUID()
    const code = jwt({ ticketId: ticket?.id })
    const first = await scan(sam.token, code, { scanId })
    expect((await scan(sam.token, code, { scanId })).body).toEqual({ ...first.body, replay: true })
    // With another ticket's code it is one too, but where that is another shard's (docs/scaling.md).
    const older = jwt({ ticketId: ticket?.id, iat: 1 })
    expect((await scan(sam.token, older, { scanId })).body.code).toBe('scan_id_conflict')
    // Another secret beside it changes nothing about what was answered.
    await put('jwt', { secret: NEXT, keepPrevious: true })
    expect((await scan(sam.token, code, { scanId })).body).toEqual({ ...first.body, replay: true })
    await put('jwt', { secret: SECRET })
  })

  it("opens for an organiser's key that names the event", async () => {
    const [ticket] = await issue(event)
    const body = { qrPayload: jwt({ ticketId: ticket?.id }), gateId: 'GATE-A' }
    const path = '/api/hp-scanner/validate-qr'
    expect((await call('POST', path, { as: event.key, body })).body.data.issues[0].field).toBe('eventId')
    expect((await call('POST', path, { as: event.key, body: { ...body, eventId: event.id } })).status).toBe(200)
    const stranger = await newOrganisation()
    expect((await call('POST', path, { as: stranger.key, body: { ...body, eventId: event.id } })).status).toBe(404)
  })
})

describe('a format that was changed a moment ago, elsewhere', () => {
  const seal = (secret: string) => sealFormatSecret(ringOf(env), event.id as EventId, 'jwt', utf8ToBytes(secret))
  // Past this isolate's memory, as another isolate would.
  const putElsewhere = (secret: string, keepPrevious = false) => {
    const wanted = { format: 'jwt' as const, secret: seal(secret), externalEventId: null, maxAgeMs: null }
    return runInDurableObject(gatekeeperOf(event), (it) =>
      it.putCodeFormat(everybody, wanted, keepPrevious, Date.now()),
    )
  }
  const admits = async (secret: string) => {
    const [ticket] = await issue(event)
    return (await scan(sam.token, jwt({ ticketId: ticket?.id }, secret))).status === 200
  }

  it('takes what is signed with the new secret and refuses the old one at once', async () => {
    await put('jwt', { secret: SECRET })
    expect(await admits(SECRET)).toBe(true)
    await putElsewhere(NEXT)
    expect(await admits(SECRET)).toBe(false)
    expect(await admits(NEXT)).toBe(true)
  })

  it('does so over the socket too', async () => {
    const socket = await listen(event.id, sam.token)
    const admitsThere = async (secret: string) => {
      const [ticket] = await issue(event)
      return (await socket.scan(jwt({ ticketId: ticket?.id }, secret))).status === 200
    }
    await put('jwt', { secret: SECRET })
    expect(await admitsThere(SECRET)).toBe(true)
    await putElsewhere(NEXT)
    expect([await admitsThere(SECRET), await admitsThere(NEXT)]).toEqual([false, true])
    socket.socket.close()
  })

  it('takes both where the old secret is kept, and does so though the call arrives twice', async () => {
    await put('jwt', { secret: SECRET })
    await putElsewhere(NEXT, true)
    await putElsewhere(NEXT, true)
    expect([await admits(SECRET), await admits(NEXT)]).toEqual([true, true])
    expect((await list()).body.data.items).toContainEqual(expect.objectContaining({ format: 'jwt', secrets: 2 }))
    await putElsewhere(NEXT)
    expect([await admits(SECRET), await admits(NEXT)]).toEqual([false, true])
  })

  it('switched off opens nothing more', async () => {
    await put('jwt', { secret: SECRET })
    expect(await admits(SECRET)).toBe(true)
    await runInDurableObject(gatekeeperOf(event), (it) => it.removeCodeFormat(everybody, 'jwt'))
    expect(await admits(SECRET)).toBe(false)
    await put('jwt', { secret: SECRET })
    expect((await call('DELETE', `${event.path}/code-formats/jwt`, { as: event.key })).status).toBe(200)
    expect(await admits(SECRET)).toBe(false)
  })
})

describe('a short code that somebody typed', () => {
  it('finds the ticket, however it was typed, also where no codes were printed elsewhere', async () => {
    const plain = await newEvent()
    const device = await newDevice(plain)
    const [ticket] = await issue(plain)
    const typed = `${ticket?.shortCode.slice(0, 4).toLowerCase().replaceAll('0', 'o')} - ${ticket?.shortCode.slice(4)}`
    expect((await scan(device.token, typed)).body.success).toBe(false)
    const answer = await scan(device.token, typed, { source: 'manual' })
    expect(answer.body).toMatchObject({ verdict: 'admitted', data: { ticketId: ticket?.id } })
  })

  it('that is a printed code of another ticket is that code', async () => {
    const [first] = await issue(event)
    const [second] = await issue(event, { code: first?.shortCode })
    expect((await scan(sam.token, first?.shortCode ?? '', { source: 'manual' })).body.data.ticketId).toBe(second?.id)
  })

  it('that no ticket has is answered like any unknown code, and counted', async () => {
    const counted = () =>
      runInDurableObject(gatekeeperOf(event), (_, state) =>
        Number(state.storage.sql.exec("SELECT sum(count) AS n FROM invalid_code WHERE reason = 'unknown'").one().n),
      )
    const before = await counted()
    const typed = await scan(sam.token, 'ZZZZ-ZZZZ', { source: 'manual' })
    const scanned = await scan(sam.token, 'ZZZZ-ZZZZ')
    expect(typed.body).toMatchObject({ code: 'unknown', message: scanned.body.message })
    expect(await counted()).toBe(before + 2)
  })
})
