import { z } from 'zod'
import { alertKinds } from '../../core/alerts.ts'
import type { Problem } from '../../core/answers.ts'
import { type EventId, parseUuid } from '../../core/ids.ts'
import { deviceTopics, LiveQuery, type Topic, topics, watchingTopics } from '../../core/live.ts'
import { AlertFilter } from '../../core/organiser-messages.ts'
import type { LiveRequest } from '../../durable-objects/live/socket-door.ts'
import { authorize, type Caller, identify, isStillGood, reaches } from '../access.ts'
import { alertShape } from '../alert-shape.ts'
import { parse } from '../body.ts'
import type { Env } from '../env.ts'
import { askGatekeeper, askGatekeeperAlone } from '../gatekeepers.ts'
import { ringOf } from '../key-ring.ts'
import { signLiveTicket, verifyLiveTicket } from '../live-ticket.ts'
import { answerProblem, badRequestResponse, problemResponse, roleRequired } from '../problems.ts'
import { noteCaller, type RequestContext } from '../request-log.ts'
import { type Route, route, success } from '../route.ts'
import { iso } from '../shapes.ts'
import { streamOf } from '../stream.ts'
import { eventOfCaller } from './scans.ts'

const tag = 'Live'

export const liveRoutes: Route[] = [
  route({
    method: 'post',
    path: '/api/hp-scanner/live-tickets',
    audit: { because: 'it changes nothing: what it gives opens one connection' },
    summary:
      'A ticket that opens one live connection within 30 seconds, for browsers, which can send no header with it',
    tag,
    role: 'viewer',
    body: z.object({ eventId: z.string().max(64).nullish() }),
    bodyOptional: true,
    answer: z.object({ ticket: z.string(), expiresAt: z.iso.datetime() }),
    async handle({ env, caller, actor, body, at }) {
      const eventId = eventOfCaller(caller, body.eventId ?? undefined)
      if (eventId === null) {
        return badRequestResponse([
          { field: 'eventId', message: 'is needed where the credential is not bound to an event' },
        ])
      }
      if (caller.kind !== 'device') {
        // Its Gatekeeper knows whose event it is; nothing is counted for who is no device.
        const own = await askGatekeeperAlone(env, eventId, (gatekeeper) => gatekeeper.spend(actor, 'call', at))
        if (!own.ok) return answerProblem(own.problem)
      }
      const { ticket, expiresAt } = await signLiveTicket(ringOf(env), withTicket(caller), eventId, at)
      return success({ ticket, expiresAt: iso(expiresAt) })
    },
  }),

  {
    method: 'get',
    path: '/api/hp-scanner/live/{eventId}',
    summary:
      'A WebSocket that tells of statistics, scans, standings, conflicts and alerts as they happen; since= resumes',
    tag,
    role: 'viewer',
    query: LiveQuery,
    status: 101,
    handle: openLive,
  },

  {
    method: 'get',
    path: '/api/hp-scanner/stream/{eventId}',
    summary: 'The same as server-sent events, named by their type; Last-Event-ID or since= resumes',
    tag,
    role: 'viewer',
    query: LiveQuery,
    status: 200,
    handle: openStream,
  },

  route({
    method: 'get',
    path: '/api/events/{eventId}/alerts',
    summary: 'What somebody should look at, the newest first',
    tag,
    role: 'supervisor',
    query: AlertFilter,
    answer: z.object({ items: z.array(alertShape), nextCursor: z.string().nullable() }),
    async handle({ env, eventId, actor, query: { cursor, kind, limit } }) {
      const kinds = kind === undefined ? alertKinds : [kind]
      const listed = await askGatekeeper(env, eventId, (gatekeeper) =>
        gatekeeper.listAlerts(actor, cursor ?? Number.MAX_SAFE_INTEGER, kinds, limit + 1),
      )
      if (!listed.ok) return answerProblem(listed.problem)
      const items = listed.value.slice(0, limit)
      return success({ items, nextCursor: listed.value.length > limit ? (items.at(-1)?.id ?? null) : null })
    },
  }),
]

async function openLive(
  request: Request,
  env: Env,
  _ctx: ExecutionContext,
  params: Record<string, string>,
  context: RequestContext,
): Promise<Response> {
  const opened = await openSocket(request, env, params, context, (headers) => {
    const isUpgrade = headers.get('Upgrade')?.toLowerCase() === 'websocket'
    return isUpgrade ? null : problemResponse('upgrade_required', { headers: { Upgrade: 'websocket' } })
  })
  return opened instanceof Response ? opened : opened.response
}

/** The same socket, opened by the Worker and passed on as text. */
async function openStream(
  request: Request,
  env: Env,
  _ctx: ExecutionContext,
  params: Record<string, string>,
  context: RequestContext,
): Promise<Response> {
  const opened = await openSocket(request, env, params, context, () => null)
  return opened instanceof Response ? opened : streamOf(opened.socket, opened.topics)
}

type Opened = { response: Response; socket: WebSocket; topics: Topic[] }

/** Everything that can be checked without the Gatekeeper is: it hears of nobody who may not listen. */
async function openSocket(
  request: Request,
  env: Env,
  params: Record<string, string>,
  context: RequestContext,
  check: (headers: Headers) => Response | null,
): Promise<Opened | Response> {
  const at = Date.now()
  const url = new URL(request.url)
  const eventId = parseUuid<EventId>(params.eventId ?? '')
  if (eventId === null) return problemResponse('not_found')
  const who = await whoListens(request, env, url.searchParams.get('ticket'), eventId, at)
  const no = await authorize(request, env, who?.caller ?? null, { role: 'viewer', eventId })
  if (no || who === null) return no ?? problemResponse('unauthenticated')
  const wrong = check(request.headers)
  if (wrong) return wrong
  // A page of somebody else's must not listen with what a browser sends by itself.
  const origin = request.headers.get('Origin')
  if (origin !== null && origin !== url.origin) return problemResponse('forbidden_origin')
  const query = parse(LiveQuery, Object.fromEntries(url.searchParams))
  if (!query.ok) return query.response
  const { caller } = who
  const wanted = query.value.topics === undefined ? usualTopics(caller) : topicsIn(query.value.topics)
  if (wanted === null) return badRequestResponse([{ field: 'topics', message: `must be of ${topics.join(', ')}` }])
  const isJudging = wanted.includes('standings') || wanted.includes('revocations')
  // Which ticket stands where is for those who judge, and for their supervisors.
  if (isJudging && !reaches(caller.role, 'scanner')) return roleRequired('scanner')
  noteCaller(context, caller, eventId)
  const asked: LiveRequest = {
    actor: plainActor(caller),
    nonce: who.nonce,
    deviceId: caller.kind === 'device' ? caller.deviceId : null,
    key: caller.kind === 'organisation' ? ((caller.key ?? caller.member)?.id ?? null) : null,
    topics: wanted,
    // What a browser sends by itself when it comes back is newer than the address that it came to first.
    since: request.headers.get('Last-Event-ID') ?? query.value.since ?? null,
    told: query.value.told ?? null,
    expiresAt: goodUntil(caller),
    scans: caller.kind === 'device' ? { staffId: caller.staffId, role: caller.role } : null,
  }
  const headers = { Upgrade: 'websocket', 'X-Live': encodeURIComponent(JSON.stringify(asked)) }
  const response = await askGatekeeper(env, eventId, (gatekeeper) =>
    (gatekeeper as unknown as Fetcher).fetch('https://gatekeeper/live', { headers }),
  )
  const socket = response.webSocket
  return socket === null ? answerProblem(await response.json<Problem>()) : { response, socket, topics: wanted }
}

type Listener = { caller: Caller; nonce: string | null }

async function whoListens(
  request: Request,
  env: Env,
  ticket: string | null,
  eventId: EventId,
  at: number,
): Promise<Listener | null> {
  if (ticket === null) {
    const caller = await identify(request, env, at)
    return caller && { caller, nonce: null }
  }
  const opened = await verifyLiveTicket(ringOf(env), ticket, at)
  if (opened?.eventId !== eventId) return null
  const { caller, nonce } = opened
  // A key that was revoked since the ticket was asked for opens nothing any more; of a device the Gatekeeper knows.
  return (await isStillGood(caller, env, at)) ? { caller, nonce } : null
}

/** Whoever fetched the ticket has proved who they are; the ticket does it for them, once. */
function withTicket(caller: Caller): Caller {
  return caller.kind === 'device' ? { ...caller, proof: { by: 'socket' } } : caller
}

/** The caller as text can carry it: without the device token, which the staff token was given for. */
function plainActor(caller: Caller): LiveRequest['actor'] {
  if (caller.kind === 'admin') return { kind: 'admin' }
  if (caller.kind === 'organisation') return { kind: 'organisation', organisationId: caller.organisationId }
  const { deviceId, staffId, proof } = caller
  const plain = { kind: 'device' as const, deviceId, staffId, tokenHash: null }
  return proof === undefined || proof.by === 'nothing' ? plain : { ...plain, proof }
}

function usualTopics(caller: Caller): Topic[] {
  return caller.kind === 'device' ? [...deviceTopics] : [...watchingTopics]
}

function topicsIn(text: string): Topic[] | null {
  const wanted = text.split(',').filter((word) => word !== '')
  const known = topics.filter((topic) => wanted.includes(topic))
  return known.length === new Set(wanted).size ? known : null
}

function goodUntil(caller: Caller): number | null {
  switch (caller.kind) {
    case 'admin':
      return null
    case 'organisation':
      return (caller.key ?? caller.member)?.expiresAt ?? null
    case 'device':
      return caller.expiresAt ?? null
  }
}
