import { permissions } from '../../workers/permissions.ts'
import { Client, enrol, gateA, openVenue, type Venue } from '../process/client.ts'
import type { Operation, operationsIn } from './operations.ts'
import type { Words } from './values.ts'

/** What is there to be asked about, by the names that paths and bodies have for it. */
export type World = {
  /** The event whose storage is watched. */
  eventId: string
  wordsFor: (operation: Operation) => Words
}

/** The headers that somebody signs in with. */
type Credential = { Authorization?: string; Cookie?: string }

/** Makes an organisation with two events, one of them to be ended, and another organisation's one. */
export async function makeWorld(url: string): Promise<World> {
  const venue = await openVenue(url, { devices: 2, tickets: 12 })
  const spare = await openVenue(url, { devices: 1, tickets: 1 })
  const { eventId } = venue
  const everybody = await credentials(venue)
  const words: Words = {
    ...(await names(venue, spare)),
    anybody: [...Object.values(everybody).flat(), bearer(spare.organiser), {}],
  }
  return {
    eventId,
    wordsFor: (operation) => {
      const isEnding = operation.path.endsWith('/close')
      const mine = isEnding ? { ...everybody, organiser: [bearer(spare.organiser)] } : everybody
      return { ...words, 'who may': whoMay(operation, mine), ...(isEnding ? { eventId: [spare.eventId] } : {}) }
    },
  }
}

type Everybody = Record<'admin' | 'organiser' | 'supervisor' | 'viewer' | 'devices' | 'supervising', Credential[]>

async function credentials({ admin, organiser, organisationId, path, devices }: Venue): Promise<Everybody> {
  const { url } = admin
  const keyOf = async (role: string) => {
    const keys = `/api/organisations/${organisationId}/keys`
    return new Client(url, (await organiser.ask<{ key: string }>('POST', keys, { name: role, role })).key)
  }
  await organiser.ask('PUT', `${path}/staff/sue`, { name: 'Sue', role: 'supervisor' })
  const session = await new Client(url, null).send('POST', '/api/session', { key: organiser.credential })
  return {
    admin: [bearer(admin)],
    organiser: [bearer(organiser), { Cookie: session.headers.get('Set-Cookie')?.split(';')[0] ?? '' }],
    supervisor: [bearer(await keyOf('supervisor'))],
    viewer: [bearer(await keyOf('viewer'))],
    devices: devices.map(bearer),
    supervising: [bearer(await enrol(organiser, path, 'sue'))],
  }
}

/** Who is let in by the smallest role that a call needs. Those without a key in D1 are the more: they are answered sooner. */
function whoMay({ method, path }: Operation, all: Everybody): Credential[] {
  const [role, scope] = permissions[`${method} ${path}`] ?? [null, 'public']
  const { admin, organiser, supervisor, viewer, devices, supervising } = all
  const atDoors = [...devices, ...devices, ...supervising]
  switch (role) {
    case null:
      return [{}]
    case 'admin':
      return admin
    case 'organiser':
      return scope === 'caller' ? organiser : [...admin, ...admin, ...admin, ...admin, ...admin, ...organiser]
    case 'supervisor':
      return [...admin, ...admin, ...admin, ...supervising, ...supervising, ...supervising, ...organiser, ...supervisor]
    case 'scanner':
      return scope === 'caller' ? atDoors : [...admin, ...atDoors, ...supervisor]
    case 'viewer':
      return [...admin, ...admin, ...admin, ...atDoors, ...organiser, ...viewer]
  }
}

async function names(venue: Venue, spare: Venue): Promise<Words> {
  const { organiser, path, eventId, organisationId, tickets } = venue
  const own = [eventId, eventId, eventId, eventId, eventId, eventId, eventId]
  const refs = tickets.map((ticket) => ticket.qr.svg.split('/').at(-1)?.replace('.svg', ''))
  await organiser.ask('PUT', `${path}/gates/STALL`, { name: 'Stall', kind: 'checkpoint' })
  for (const [i, id] of webhooks.entries()) {
    // One of them has something to tell, so that there is a delivery.
    const events = [i === 0 ? 'ticket.admitted' : 'ticket.revoked']
    await organiser.ask('PUT', `${path}/webhooks/${id}`, { url: nowhere, events })
  }
  const { code } = await organiser.ask<{ code: string }>('POST', `${path}/enrolments`, { staffId: 'sam' })
  const stall = await organiser.ask<{ url: string }>('GET', `${path}/gates/STALL/stall-qr`)
  const passing = await enrol(organiser, path)
  return {
    ...(await scanned(venue)),
    ...(await passingNames(venue)),
    eventId: [...own, spare.eventId],
    organisationId: [organisationId, organisationId, organisationId, organisationId, spare.organisationId],
    ticketId: [...tickets.map(({ id }) => id), spare.tickets[0]?.id],
    deviceId: [passing.deviceId, 'nobody'],
    gateId: ['GATE-A', 'GATE-B', 'STALL'],
    typeId: ['vip', 'standard'],
    type: ['vip'],
    staffId: ['sam', 'sue'],
    format: ['jwt', 'hmac-json'],
    webhookId: webhooks,
    deliveryId: ['1', '2', '3', '4'],
    ref: refs,
    stall: [stall.url],
    qrPayload: [...tickets.map(({ token }) => token), tickets[1]?.token, 'PRINTED-1', spare.tickets[0]?.token],
    code: [code, 'PRINTED-1'],
    q: ['Ada', 'abc'],
    since: ['0.0', '1.1'],
    cursor: ['1', '0.0'],
    // Nothing is told to anybody.
    url: ['https://127.0.0.1/hook', nowhere],
    timezone: ['Europe/Berlin', 'UTC'],
  }
}

const webhooks = ['crm', 'erp', 'till', 'wall']
const nowhere = 'https://hooks.invalid/x'

/** Names of what is there once somebody was let in, and let in again by a device that was alone. */
async function scanned({ organiser, path, devices, tickets }: Venue): Promise<Words> {
  const [phone, other] = devices
  const [ticket] = tickets
  if (!phone || !other || !ticket) throw new Error('a world has two devices and a ticket')
  const { body } = await phone.scan({ qrPayload: ticket.token })
  const alone = {
    qrPayload: ticket.token,
    gateId: gateA,
    localTimestamp: new Date().toISOString(),
    verdict: 'admitted',
  }
  const scans = [1, 2, 3].map(() => ({ ...alone, scanId: crypto.randomUUID() }))
  await other.ask('POST', '/api/hp-scanner/offline-sync', { scans })
  const shift = await phone.ask<{ id?: string; session?: { id: string } }>('POST', '/api/hp-scanner/sessions', {})
  const idsIn = async (list: string) =>
    (await organiser.ask<{ items: { id: unknown }[] }>('GET', `${path}/${list}`)).items.map(({ id }) => id)
  return {
    scanId: [body.scanId],
    sessionId: [shift.id ?? shift.session?.id],
    conflictId: await idsIn('conflicts'),
  }
}

/** Names of what may be deleted, so that there are a few of each. */
async function passingNames({ organiser, organisationId, path }: Venue): Promise<Words> {
  const organisation = `/api/organisations/${organisationId}`
  const few = [1, 2, 3]
  const key = (no: number) =>
    organiser.ask<{ id: string; key: string }>('POST', `${organisation}/keys`, { name: `Key ${no}`, role: 'viewer' })
  const member = (no: number) =>
    organiser.ask<{ member: { id: string } }>('POST', `${organisation}/members`, {
      email: `member${no}@example.com`,
      role: 'viewer',
    })
  const rehearsal = () => organiser.ask<{ event: { id: string } }>('POST', `${path}/rehearsals`)
  const job = await organiser.ask<{ job: { id: string } }>('POST', `${path}/qr-cache/warm`)
  const keys = await Promise.all(few.map(key))
  return {
    jobId: [job.job.id],
    key: [...keys.map((one) => one.key), 'rubbish'],
    keyId: keys.map(({ id }) => id),
    memberId: (await Promise.all(few.map(member))).map((one) => one.member.id),
    rehearsalId: (await Promise.all(few.map(rehearsal))).map((one) => one.event.id),
  }
}

function bearer({ credential }: Client): Credential {
  return credential === null ? {} : { Authorization: `Bearer ${credential}` }
}

/** Reads the API's own description. */
export async function describedAt(url: string) {
  const answer = await new Client(url, null).send<Parameters<typeof operationsIn>[0]>('GET', '/openapi.json')
  return answer.body
}
