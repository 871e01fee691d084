import { env, exports } from 'cloudflare:workers'
import type { EventId, TicketId } from '../../core/ids.ts'
import { shardName, shardOf } from '../../core/shards.ts'

const ORIGIN = 'https://admit.example'

export type Answer = { status: number; headers: Headers; text: string; body: Body }
// A test reads what the contract promises, field by field; what is not there fails the expectation it is in.
// biome-ignore lint/suspicious/noExplicitAny: the answer of any call
type Body = any

export type Credential = string | null

/** Calls the Worker as a client would. */
export async function call(
  method: string,
  path: string,
  options: { as?: Credential; body?: unknown; raw?: BodyInit; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const headers = new Headers(options.headers)
  if (options.as) headers.set('Authorization', `Bearer ${options.as}`)
  const body = options.raw ?? (options.body === undefined ? undefined : JSON.stringify(options.body))
  if (body !== undefined && !headers.has('Content-Type')) headers.set('Content-Type', 'application/json')
  const url = path.startsWith('http') ? path : ORIGIN + path
  const response = await exports.default.fetch(
    new Request(url, { method, headers, body: body ?? null, redirect: 'manual' }),
  )
  const text = await textOf(response)
  return { status: response.status, headers: response.headers, text, body: parse(text) }
}

/** A socket or a stream of events never ends; that it began is all there is to wait for. */
async function textOf(response: Response): Promise<string> {
  const isStream = response.headers.get('Content-Type')?.startsWith('text/event-stream') === true
  response.webSocket?.accept()
  response.webSocket?.close()
  if (isStream) await response.body?.cancel()
  return isStream || response.webSocket ? '' : new TextDecoder().decode(await response.arrayBuffer())
}

function parse(text: string): Body {
  try {
    return JSON.parse(text)
  } catch {
    // An image or a page.
    return null
  }
}

export const admin = env.ADMIN_KEY

/** An organisation with its key. */
export async function newOrganisation(name = 'The Organisers') {
  const { body } = await call('POST', '/api/organisations', { as: admin, body: { name } })
  return { id: body.data.organisation.id as string, key: body.data.key as string }
}

export type Party = Awaited<ReturnType<typeof newEvent>>

/** More than any test asks: the limits have a test of their own. */
export const plenty = {
  scansPerMinute: 1_000_000,
  scanBurst: 1_000_000,
  callsPerMinute: 1_000_000,
  syncsPerFiveMinutes: 1_000_000,
  reportsPerMinute: 1_000_000,
  invalidCodesPerFiveMinutes: 1_000_000,
}

/** An event of a new organisation with two types, gates of each kind, a scanner and a supervisor. */
export async function newEvent(changes: Record<string, unknown> = {}) {
  const organisation = await newOrganisation()
  const now = Date.now()
  const created = await call('POST', '/api/events', {
    as: organisation.key,
    body: {
      title: 'Tech Expo 2026',
      startsAt: new Date(now - 3_600_000).toISOString(),
      endsAt: new Date(now + 36_000_000).toISOString(),
      timezone: 'Europe/Berlin',
      limits: plenty,
      shards: Number(env.SHARDS),
      ...changes,
    },
  })
  const id = created.body.data.event.id as string
  const put = (path: string, body: unknown) => call('PUT', `/api/events/${id}/${path}`, { as: organisation.key, body })
  await put('ticket-types/standard', { name: 'Standard' })
  await put('ticket-types/vip', { name: 'VIP', note: 'Welcome drink' })
  await put('gates/GATE-A', { name: 'Main Entrance' })
  await put('gates/GATE-V', { name: 'VIP Entrance', accepts: ['vip'] })
  await put('gates/GATE-X', { name: 'Exit', kind: 'exit' })
  await put('gates/GATE-B', { name: 'Turnstile', kind: 'both' })
  await put('staff/sam', { name: 'Sam', role: 'scanner' })
  await put('staff/sue', { name: 'Sue', role: 'supervisor' })
  return { id, key: organisation.key, organisation, path: `/api/events/${id}`, put }
}

/** A device of the event, enrolled as a person would. */
export async function newDevice(event: { path: string; key: string }, staffId = 'sam', gateId: string | null = null) {
  const invited = await call('POST', `${event.path}/enrolments`, { as: event.key, body: { staffId, gateId } })
  const enrolled = await call('POST', '/api/devices/enrol', {
    body: { code: invited.body.data.code, deviceName: `${staffId}'s phone`, deviceType: 'mobile' },
  })
  const { deviceId, deviceToken, staffToken } = enrolled.body.data
  return { id: deviceId as string, deviceToken: deviceToken as string, token: staffToken as string }
}

/** Issues tickets; gives them with the texts of their codes. */
export async function issue(event: { path: string; key: string }, ...tickets: Record<string, unknown>[]) {
  const wanted = tickets.length > 0 ? tickets : [{}]
  const issued = await call('POST', `${event.path}/tickets`, {
    as: event.key,
    body: { tickets: wanted.map((ticket) => ({ type: 'standard', ...ticket })) },
  })
  const made: { id: string; shortCode: string; url: string; qr: { svg: string; png: string }; code: string }[] = []
  for (const ticket of issued.body.data.tickets) made.push({ ...ticket, code: await codeOf(event, ticket.id) })
  return made
}

export async function codeOf(event: { path: string; key: string }, ticketId: string): Promise<string> {
  const { body } = await call('GET', `${event.path}/tickets/${ticketId}/qr`, { as: event.key })
  return body.qr_token
}

export function scan(as: string, qrPayload: string, more: Record<string, unknown> = {}) {
  return call('POST', '/api/hp-scanner/validate-qr', { as, body: { qrPayload, gateId: 'GATE-A', ...more } })
}

/** The event's Gatekeeper, to look behind the API. */
export function gatekeeperOf(event: { id: string }) {
  return env.GATEKEEPER.getByName(event.id)
}

/** The same when it has heard what its shards have judged, where the event is divided among any. */
export async function informed(event: { id: string }) {
  const gatekeeper = gatekeeperOf(event)
  await gatekeeper.gather()
  return gatekeeper
}

/** The object that judges a ticket: the event's Gatekeeper, or a shard of it. */
export function judgeOf(event: { id: string }, ticketId: string | undefined) {
  const id = event.id as EventId
  return env.GATEKEEPER.getByName(shardName(id, shardOf(id, ticketId as TicketId)))
}

/** How an event is to be made for a test of what one object alone has: its storage, its log's numbers, its memory. */
export const undivided = { shards: 1 }
