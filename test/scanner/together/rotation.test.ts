import { createHmac, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  type Answer,
  Client,
  gateA,
  issue,
  openVenue,
  type ScanAnswer,
  untilAnswered,
  type Venue,
} from '../../process/client.ts'
import { adminKey, type Server, startServer, ticketKey } from '../../process/server.ts'
import { Phone, until } from '../phone.ts'
import { wordOf } from './venue.ts'

/*
 * Every secret of a deployment is changed while people come in. The server is stopped and started for it, as a deployment
 * does with the Worker; what a device has no answer to it asks again, as ever.
 */

const nextTicketKey = '2.the ticket key that comes after it'
const nextAdminKey = 'the deployment key that comes after it'
const shopSecrets = ['the first secret of the shop, 32 b', 'the second secret of the shop, 32']

let server: Server
let venue: Venue
const phones: Phone[] = []
/** What was answered or shown otherwise than it should have been. */
const wrong: string[] = []
let scans = 0
let isOver = false

beforeAll(async () => {
  // The next key opens before anything is made with it, so that no device and no part of the network is behind.
  server = await startServer({ env: { TICKET_KEY_PREVIOUS: nextTicketKey } })
  venue = await openVenue(server.url, { devices: 3, tickets: 60 })
})
afterAll(async () => {
  for (const phone of phones) phone.turnOff()
  await server?.remove()
})

it('changes every secret while devices scan, with not one wrong refusal', async () => {
  const { organiser, path, devices } = venue
  await shopUses(shopSecrets[0] ?? '', false)
  for (let i = 0; i < 2; i++) phones.push(await newPhone())
  const before = await organiserOf(nextAdminKey, adminKey)
  expect(before).toEqual([401, 200])
  const session = await signIn()
  const link = new URL(
    (await organiser.ask<{ items: { url: string }[] }>('GET', `${path}/tickets?limit=1`)).items[0]?.url ?? '',
  )

  const shares = await Promise.all([...devices, ...phones].map(async (_, i) => codesOf(i, shopSecrets[0] ?? '')))
  const crowd = [
    ...devices.map((device, i) => scanOn(device, shares[i] ?? [])),
    ...phones.map((phone, i) => scanOnPhone(phone, shares[devices.length + i] ?? [])),
  ]
  await atWork(30)

  await redeploy({
    TICKET_KEY: nextTicketKey,
    TICKET_KEY_PREVIOUS: ticketKey,
    ADMIN_KEY: nextAdminKey,
    ADMIN_KEY_PREVIOUS: adminKey,
  })
  expect(await organiserOf(nextAdminKey, adminKey)).toEqual([200, 200])
  expect(await sessionStatus(session)).toBe(200)
  expect((await fetch(`${server.url}${link.pathname}`)).status).toBe(200)
  await shopUses(shopSecrets[1] ?? '', true)
  // Codes that are made with the new secrets, ours and the shop's, among those with the old ones.
  for (const [i, share] of shares.entries()) share.push(...(await codesOf(i, shopSecrets[1] ?? '')))
  await atWork(60)

  // The old key got into wrong hands: it vouches for nobody any more, and what was printed with it still opens.
  await redeploy({ TICKET_KEY: nextTicketKey, TICKET_KEY_PREVIOUS: `codes:${ticketKey}`, ADMIN_KEY: nextAdminKey })
  expect(await organiserOf(nextAdminKey, adminKey)).toEqual([200, 401])
  expect(await sessionStatus(session)).toBe(401)
  expect((await fetch(`${server.url}${link.pathname}`)).status).toBe(200)
  await atWork(60)

  isOver = true
  await Promise.all(crowd)
  for (const phone of phones) {
    await phone.engine.syncNow()
    await until('everything is home', () => phone.engine.status.value.pending === 0)
    expect(phone.engine.status.value.conflicts).toEqual([])
  }
  expect(wrong).toEqual([])
}, 240_000)

async function newPhone(): Promise<Phone> {
  const phone = new Phone(server.url)
  const engine = await phone.start()
  const { url } = await venue.organiser.ask<{ url: string }>('POST', `${venue.path}/enrolments`, {
    staffId: 'sam',
    gateId: gateA,
  })
  const enrolled = await engine.enrol(url, { name: 'Phone', type: 'mobile' })
  if (!enrolled.ok) throw new Error(`not enrolled: ${JSON.stringify(enrolled.failure)}`)
  await until('the phone is ready', () => engine.status.value.readyOffline.all)
  return phone
}

/** Codes of ours and of the shop's for tickets of a device's own, which nobody else scans. */
async function codesOf(device: number, secret: string): Promise<string[]> {
  const { organiser, path, eventId } = venue
  const ours = (await issue(organiser, path, 6)).map(({ token }) => token)
  const references = [...Array(2)].map(() => `SHOP-${device}-${randomUUID()}`)
  await organiser.ask('POST', `${path}/tickets`, {
    tickets: references.map((reference) => ({ type: 'vip', reference })),
  })
  return [...ours, ...references.map((ticketId) => signedByShop({ ticketId, eventId }, secret))]
}

function signedByShop(claims: object, secret: string): string {
  const text = [{ alg: 'HS256' }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`
}

function shopUses(secret: string, keepPrevious: boolean): Promise<unknown> {
  return venue.organiser.ask('PUT', `${venue.path}/code-formats/jwt`, { secret, keepPrevious })
}

/** A client of the contract: a staff token, renewed with a device token when it is not taken any more. */
async function scanOn(device: Venue['devices'][number], codes: string[]): Promise<void> {
  let client: Client = device
  const admitted = new Set<string>()
  for (let i = 0; !isOver; i = (i + 1) % codes.length) {
    const scan = { qrPayload: codes[i] ?? '', scanId: randomUUID() }
    let answer = await untilAnswered(() => client.scan(scan))
    if (answer?.status === 401) {
      const { deviceId, deviceToken } = device
      const renewed = await untilAnswered(() =>
        new Client(server.url, null).send<{ data: { staffToken: string } }>('POST', '/api/devices/token', {
          deviceId,
          deviceToken,
        }),
      )
      client = new Client(server.url, renewed?.body.data.staffToken ?? null)
      answer = await untilAnswered(() => client.scan(scan))
    }
    note(scan.qrPayload, verdictOf(answer), admitted)
    await sleep(20)
  }
}

async function scanOnPhone(phone: Phone, codes: string[]): Promise<void> {
  const admitted = new Set<string>()
  for (let i = 0; !isOver; i = (i + 1) % codes.length) {
    const text = codes[i] ?? ''
    const shown = wordOf(await phone.engine.scan({ what: { text }, source: 'camera' }))
    // A device alone knows no shop's secret, and says so.
    if (text.includes('.') && shown.endsWith('by device')) continue
    note(text, shown.split(' ')[0] ?? '', admitted)
    await sleep(20)
  }
}

/** The first time somebody comes in, and every further time is told that they are in. */
function note(code: string, verdict: string, admitted: Set<string>): void {
  scans += 1
  const expected = admitted.has(code) ? 'already_admitted' : 'admitted'
  if (verdict !== expected) wrong.push(`${verdict} in place of ${expected}: ${code.slice(0, 12)}`)
  admitted.add(code)
}

function verdictOf(answer: Answer<ScanAnswer> | null): string {
  if (answer === null) return 'no answer'
  return answer.status === 200 ? answer.body.verdict : `${answer.body.code}`
}

/** Until so many more scans were answered. */
async function atWork(count: number): Promise<void> {
  const target = scans + count
  await until(`${count} more scans`, () => scans >= target, 60_000)
}

async function redeploy(env: Record<string, string>): Promise<void> {
  await server.stop()
  server.env = env
  await server.restart()
}

function organiserOf(...keys: string[]): Promise<number[]> {
  return Promise.all(keys.map(async (key) => (await new Client(server.url, key).send('GET', '/api/events')).status))
}

async function signIn(): Promise<string> {
  const { headers } = await new Client(server.url, null).send('POST', '/api/session', {
    key: venue.organiser.credential,
  })
  return headers.get('Set-Cookie')?.split(';')[0] ?? ''
}

async function sessionStatus(cookie: string): Promise<number> {
  return (await new Client(server.url, null).send('GET', '/api/session', undefined, { headers: { Cookie: cookie } }))
    .status
}
