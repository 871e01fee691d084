import { Client, enrol, openVenue } from '../process/client.ts'
import type { Operation } from './operations.ts'
import type { Words } from './values.ts'

/** What is there to be asked about, by the names that paths and bodies have for it. */
export type World = {
  /** The event whose storage is watched. */
  eventId: string
  wordsFor: (operation: Operation) => Words
}

/** Makes an organisation with two events, one of them to be ended, and another organisation's one. */
export async function makeWorld(url: string): Promise<World> {
  const venue = await openVenue(url, { devices: 2, tickets: 12 })
  const spare = await openVenue(url, { devices: 1, tickets: 1 })
  const { organiser, admin, organisationId, path, eventId } = venue
  const keyOf = (role: string) =>
    organiser.ask<{ id: string; key: string }>('POST', `/api/organisations/${organisationId}/keys`, {
      name: role,
      role,
    })
  const [viewer, supervisor] = [await keyOf('viewer'), await keyOf('supervisor')]
  await organiser.ask('PUT', `${path}/staff/sue`, { name: 'Sue', role: 'supervisor' })
  await organiser.ask('PUT', `${path}/gates/STALL`, { name: 'Stall', kind: 'checkpoint' })
  const passing = await enrol(organiser, path)
  const [first, second] = venue.tickets
  const scanned = await venue.devices[0]?.scan({ qrPayload: first?.token ?? '' })
  const shift = await venue.devices[0]?.ask<Record<string, unknown>>('POST', '/api/hp-scanner/sessions', {})
  const job = await organiser.ask<{ job: { id: string } }>('POST', `${path}/qr-cache/warm`)
  const { code } = await organiser.ask<{ code: string }>('POST', `${path}/enrolments`, { staffId: 'sam' })
  const refs = venue.tickets.map((ticket) => ticket.qr.svg.split('/').at(-1)?.replace('.svg', ''))
  const stall = await organiser.ask<{ url: string }>('GET', `${path}/gates/STALL/stall-qr`)
  const words: Words = {
    'a credential': [
      ...[admin, organiser, organiser, organiser, ...venue.devices].map(({ credential }) => credential),
      viewer.key,
      supervisor.key,
      spare.organiser.credential,
      null,
    ],
    eventId: [eventId, eventId, eventId, eventId, spare.eventId],
    organisationId: [organisationId, organisationId, spare.organisationId],
    ticketId: [...venue.tickets.map(({ id }) => id), spare.tickets[0]?.id],
    deviceId: [passing.deviceId, 'nobody'],
    scanId: [scanned?.body.scanId],
    sessionId: [shift?.id ?? (shift?.session as { id?: string } | undefined)?.id],
    jobId: [job.job.id],
    keyId: [(await keyOf('viewer')).id],
    gateId: ['GATE-A', 'GATE-B', 'STALL'],
    typeId: ['vip', 'standard'],
    type: ['vip'],
    staffId: ['sam', 'sue'],
    format: ['jwt', 'hmac-json'],
    webhookId: ['crm'],
    ref: refs,
    stall: [stall.url],
    qrPayload: [...venue.tickets.map(({ token }) => token), second?.token, 'PRINTED-1', spare.tickets[0]?.token],
    key: [viewer.key, 'rubbish'],
    code: [code, 'PRINTED-1'],
    q: ['Ada', 'abc'],
    since: ['0.0', '1.1'],
    cursor: ['1', '0.0'],
    // Nothing is told to anybody.
    url: ['https://127.0.0.1/hook', 'https://hooks.invalid/x'],
    timezone: ['Europe/Berlin', 'UTC'],
  }
  return {
    eventId,
    wordsFor: ({ path: asked }) => (asked.endsWith('/close') ? { ...words, eventId: [spare.eventId] } : words),
  }
}

/** Reads the API's own description. */
export async function describedAt(url: string) {
  const answer = await new Client(url, null).send<Parameters<typeof import('./operations.ts').operationsIn>[0]>(
    'GET',
    '/openapi.json',
  )
  return answer.body
}
