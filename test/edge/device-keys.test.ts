import { beforeAll, describe, expect, it } from 'vitest'
import { call, issue, newDevice, newEvent, type Party } from './api.ts'
import { listen } from './listener.ts'
import { newKey, newSigningDevice, type SigningKey, signedCall, signedHeaders, spoiled } from './signing.ts'

let event: Party
let key: SigningKey
let device: Awaited<ReturnType<typeof newSigningDevice>>
beforeAll(async () => {
  event = await newEvent()
  key = await newKey()
  device = await newSigningDevice(event, key)
})

const VALIDATE = '/api/hp-scanner/validate-qr'
const shifts = '/api/hp-scanner/sessions'

async function newScan() {
  const [ticket] = await issue(event, {})
  return { qrPayload: ticket?.code ?? '', gateId: 'GATE-A', scanId: crypto.randomUUID() }
}

async function alertsOf({ id }: { id: string }): Promise<string[]> {
  const { body } = await call('GET', `${event.path}/alerts?kind=device.misused`, { as: event.key })
  return body.data.items
    .filter(({ deviceId }: { deviceId: string }) => deviceId === id)
    .map(({ because }: { because: string }) => because)
}

const refused = [401, 'device_signature_invalid']
const outcome = ({ status, body }: Awaited<ReturnType<typeof call>>) => [status, body.code]

describe('threat 12: a device whose enrolment was signed', () => {
  it.each(['Ed25519', 'P-256'] as const)('scans with requests that its %s key signed', async (kind) => {
    const own = await newKey(kind)
    const phone = await newSigningDevice(event, own)
    expect(phone.status).toBe(201)
    const scanned = await signedCall(own, 'POST', VALIDATE, { as: phone.token, body: await newScan() })
    expect([scanned.status, scanned.body.verdict]).toEqual([200, 'admitted'])
    const path = `/api/hp-scanner/search/${event.id}?q=abc%20d`
    expect((await signedCall(own, 'GET', path, { as: phone.token })).status).toBe(200)
    expect(await alertsOf(phone)).toEqual([])
  })

  it('is nobody without its signature, and the organiser hears of it once', async () => {
    const own = await newKey()
    const phone = await newSigningDevice(event, own)
    const body = await newScan()
    for (let i = 0; i < 3; i++) {
      expect(outcome(await call('POST', VALIDATE, { as: phone.token, body }))).toEqual(refused)
    }
    expect(await alertsOf(phone)).toEqual(['unsigned'])
    const scanned = await signedCall(own, 'POST', VALIDATE, { as: phone.token, body })
    expect(scanned.body.verdict).toBe('admitted')
  })

  it("threat 12: is nobody with another's key, and the organiser hears of it", async () => {
    const phone = await newSigningDevice(event, await newKey())
    const thief = await newKey()
    expect(outcome(await signedCall(thief, 'POST', VALIDATE, { as: phone.token, body: await newScan() }))).toEqual(
      refused,
    )
    expect(await alertsOf(phone)).toEqual(['forged'])
  })

  it('is not taken for it when its request is sent again, and the organiser hears of it', async () => {
    const own = await newKey()
    const phone = await newSigningDevice(event, own)
    const path = `/api/hp-scanner/search/${event.id}?q=abc`
    const headers = await signedHeaders(own, 'GET', path, phone.token)
    expect((await call('GET', path, { as: phone.token, headers })).status).toBe(200)
    expect(outcome(await call('GET', path, { as: phone.token, headers }))).toEqual(refused)
    expect(await alertsOf(phone)).toEqual(['repeated'])
  })

  it('signs the method, the path, the query, the token and every byte of the body', async () => {
    const body = await newScan()
    const other = { ...body, gateId: 'GATE-B' }
    const send = async (signing: object, sent: unknown = body) => {
      const headers = await signedHeaders(key, 'POST', VALIDATE, device.token, { body, ...signing })
      return outcome(await call('POST', VALIDATE, { as: device.token, headers, body: sent }))
    }
    expect(await send({ signedMethod: 'PUT' })).toEqual(refused)
    expect(await send({ signedPath: shifts })).toEqual(refused)
    expect(await send({ signedPath: `${VALIDATE}?x=1` })).toEqual(refused)
    expect(await send({ body: other })).toEqual([400, 'digest_mismatch'])
    expect(await send({}, other)).toEqual([400, 'digest_mismatch'])
    // A body that the signature says nothing of.
    expect(await send({ body: undefined })).toEqual(refused)
    const headers = await signedHeaders(key, 'POST', VALIDATE, 'another token', { body })
    expect(outcome(await call('POST', VALIDATE, { as: device.token, headers, body }))).toEqual(refused)
    expect(await send({})).toEqual([200, undefined])
  })

  it('chooses neither the form of its signature nor what is covered', async () => {
    const body = await newScan()
    const good = await signedHeaders(key, 'POST', VALIDATE, device.token, { body })
    const { Signature: signature = '', 'Signature-Input': input = '' } = good
    for (const changed of [
      { Signature: spoiled(signature) },
      { Signature: 'device=::' },
      { Signature: `${signature}, other=:AAAA:` },
      { 'Signature-Input': input.replace(' "content-digest"', '') },
      { 'Signature-Input': input.replace(' "authorization"', '') },
      { 'Signature-Input': input.replace(/;created=\d+/, '') },
      { 'Signature-Input': input.replace(/;nonce="[^"]*"/, '') },
      { 'Signature-Input': `${input};alg="none"` },
      { 'Signature-Input': `${input};keyid="another"` },
      { 'Signature-Input': input.replace('device=', 'sig1=') },
      { 'Signature-Input': 'x'.repeat(5000) },
      { 'Content-Digest': 'sha-512=:AAAA:' },
    ]) {
      const answer = await call('POST', VALIDATE, { as: device.token, headers: { ...good, ...changed }, body })
      expect(outcome(answer), JSON.stringify(changed).slice(0, 80)).toEqual(refused)
    }
    expect((await call('POST', VALIDATE, { as: device.token, headers: good, body })).body.verdict).toBe('admitted')
  })

  it('is told the time where its own is wrong, for an enrolment as for a scan, and nobody is alarmed', async () => {
    const before = await alertsOf(device)
    for (const minutes of [-61, -2, 2, 61]) {
      const signing = { at: Date.now() + minutes * 60_000 }
      const answer = await signedCall(key, 'POST', VALIDATE, { as: device.token, body: await newScan(), signing })
      expect(outcome(answer)).toEqual([401, 'device_signature_stale'])
      expect(Math.abs(Date.parse(answer.body.data.serverTime) - Date.now())).toBeLessThan(10_000)
    }
    const invited = await call('POST', `${event.path}/enrolments`, { as: event.key, body: { staffId: 'sam' } })
    const own = await newKey()
    const body = { code: invited.body.data.code, deviceName: 'Late', deviceType: 'mobile', publicKey: own.publicKey }
    const early = await signedCall(own, 'POST', '/api/devices/enrol', { body, signing: { at: Date.now() - 3_600_000 } })
    expect(outcome(early)).toEqual([401, 'device_signature_stale'])
    // The code was not used up by it.
    expect((await signedCall(own, 'POST', '/api/devices/enrol', { body })).status).toBe(201)
    expect(await alertsOf(device)).toEqual(before)
  })

  it('has to have the key that it enrols with', async () => {
    const enrol = async (own: SigningKey, publicKey: string) => {
      const invited = await call('POST', `${event.path}/enrolments`, { as: event.key, body: { staffId: 'sam' } })
      const body = { code: invited.body.data.code, deviceName: 'Phone', deviceType: 'mobile', publicKey }
      return signedCall(own, 'POST', '/api/devices/enrol', { body })
    }
    const own = await newKey()
    expect(outcome(await enrol(own, (await newKey()).publicKey))).toEqual(refused)
    for (const none of ['', 'A'.repeat(43), 'no key', `B${'A'.repeat(86)}`]) {
      expect((await enrol(own, none)).status, none).toBeGreaterThanOrEqual(400)
      expect((await enrol(own, none)).status, none).toBeLessThan(500)
    }
    expect((await enrol(own, 'no key')).body.data.issues[0].field).toBe('publicKey')
  })

  it('opens its live connection with a ticket that it fetched with its signature', async () => {
    const fetched = await signedCall(key, 'POST', '/api/hp-scanner/live-tickets', { as: device.token, body: {} })
    const listener = await listen(event.id, null, `?ticket=${fetched.body.data.ticket}`)
    expect((await listener.next('hello')).type).toBe('hello')
    const unsigned = await call('POST', '/api/hp-scanner/live-tickets', { as: device.token, body: {} })
    expect(outcome(unsigned)).toEqual(refused)
  })

  it('without a key goes on with its token alone, as a client of the contract', async () => {
    const plain = await newDevice(event)
    expect((await call('POST', VALIDATE, { as: plain.token, body: await newScan() })).body.verdict).toBe('admitted')
    const invited = await call('POST', `${event.path}/enrolments`, { as: event.key, body: { staffId: 'sam' } })
    const named = { code: invited.body.data.code, deviceName: 'Named', deviceType: 'mobile', publicKey: key.publicKey }
    const { body } = await call('POST', '/api/devices/enrol', { body: named })
    // It named a key and did not sign: nobody knows whether it has it.
    const scanned = await call('POST', VALIDATE, { as: body.data.staffToken, body: await newScan() })
    expect(scanned.body.verdict).toBe('admitted')
  })
})

describe("a device's token", () => {
  type Renewed = { status: number; code?: string; staffToken?: string; deviceToken?: string }
  const renew = async (phone: { id: string }, deviceToken: string, rotate = true): Promise<Renewed> => {
    const body = { deviceId: phone.id, deviceToken, ...(rotate ? { rotate } : {}) }
    const answer = await call('POST', '/api/devices/token', { body })
    return { status: answer.status, code: answer.body.code, ...answer.body.data }
  }
  /** As if so much time had gone by since the device's tokens were last used. */
  const later = async (phone: { id: string }, ms: number) => {
    const { runInDurableObject } = await import('cloudflare:test')
    const { gatekeeperOf } = await import('./api.ts')
    await runInDurableObject(gatekeeperOf(event), (_, { storage }) => {
      storage.sql.exec(
        'UPDATE device_token SET ended_at = ended_at - ? WHERE device = (SELECT no FROM device WHERE id = ?)',
        ms,
        phone.id,
      )
    })
  }

  it('is the same as long as no other is asked for', async () => {
    const phone = await newDevice(event)
    for (let i = 0; i < 3; i++) {
      const renewed = await renew(phone, phone.deviceToken, false)
      expect([renewed.status, renewed.deviceToken]).toEqual([200, undefined])
    }
  })

  it('is followed by another, and is over a minute after that was first used', async () => {
    const phone = await newDevice(event)
    const { deviceToken: second = '' } = await renew(phone, phone.deviceToken)
    expect(second).toMatch(/^a1_dev_/)
    expect(second).not.toBe(phone.deviceToken)
    const { deviceToken: third = '' } = await renew(phone, second)
    // An answer that comes late, or a tab that has not heard of it: for a minute the one before still works.
    expect((await renew(phone, phone.deviceToken)).status).toBe(200)
    await later(phone, 61_000)
    const header = { 'X-Device-Token': phone.deviceToken }
    const [scan, path] = [await newScan(), VALIDATE]
    expect(outcome(await call('POST', path, { as: phone.token, body: scan, headers: header }))).toEqual([
      403,
      'device_token_invalid',
    ])
    const current = { 'X-Device-Token': third }
    expect((await call('POST', path, { as: phone.token, body: scan, headers: current })).status).toBe(200)
  })

  it('threat 12: that comes again when it is over takes the device out, whoever has the other, and the organiser hears of it', async () => {
    const phone = await newDevice(event)
    const { deviceToken: second = '' } = await renew(phone, phone.deviceToken)
    await renew(phone, second)
    await later(phone, 61_000)
    expect(await renew(phone, phone.deviceToken)).toMatchObject({ status: 401, code: 'device_revoked' })
    expect(await renew(phone, second)).toMatchObject({ status: 401, code: 'device_revoked' })
    expect(outcome(await call('POST', VALIDATE, { as: phone.token, body: await newScan() }))).toEqual([
      401,
      'device_revoked',
    ])
    expect(await alertsOf(phone)).toEqual(['token_reused'])
  })

  it('locks nobody out who lost the answer to a renewal, however often and for however long', async () => {
    const phone = await newDevice(event)
    let token = phone.deviceToken
    for (let round = 0; round < 3; round++) {
      // None of these answers arrives; the device has what it had.
      for (let lost = 0; lost < 20; lost++) expect((await renew(phone, token)).status).toBe(200)
      await later(phone, 86_400_000)
      const { status, deviceToken = '' } = await renew(phone, token)
      expect(status).toBe(200)
      token = deviceToken
    }
    expect((await renew(phone, token)).status).toBe(200)
  })

  it('renewed by two tabs at once leaves the device with one that works, whichever it kept', async () => {
    for (const kept of [0, 1]) {
      const phone = await newDevice(event)
      const both = await Promise.all([renew(phone, phone.deviceToken), renew(phone, phone.deviceToken)])
      await later(phone, 86_400_000)
      const next = await renew(phone, both[kept]?.deviceToken ?? '')
      expect(next.status).toBe(200)
      await later(phone, 86_400_000)
      // The one that neither tab kept is over, and shows that somebody else has it.
      expect((await renew(phone, both[1 - kept]?.deviceToken ?? '')).code).toBe('device_revoked')
    }
  })

  it('of a device with a key renews nothing without its signature, and takes nobody out', async () => {
    const own = await newKey()
    const phone = await newSigningDevice(event, own)
    const ask = (deviceToken: string, rotate = true) => ({ deviceId: phone.id, deviceToken, rotate })
    const signed = (token: string) => signedCall(own, 'POST', '/api/devices/token', { body: ask(token) })
    expect(await renew(phone, phone.deviceToken)).toMatchObject({ status: 401, code: 'device_signature_invalid' })
    const second = (await signed(phone.deviceToken)).body.data.deviceToken
    await signed(second)
    await later(phone, 61_000)
    expect(await renew(phone, phone.deviceToken)).toMatchObject({ status: 401, code: 'device_signature_invalid' })
    const renewed = await signed(second)
    expect(renewed.status).toBe(200)
    const scanned = await signedCall(own, 'POST', VALIDATE, { as: renewed.body.data.staffToken, body: await newScan() })
    expect(scanned.body.verdict).toBe('admitted')
  })
})
