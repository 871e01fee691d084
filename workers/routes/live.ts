import { z } from 'zod'
import type { Problem } from '../../core/answers.ts'
import { type EventId, parseUuid } from '../../core/ids.ts'
import { LiveQuery, type Topic, topics } from '../../core/live.ts'
import type { LiveRequest } from '../../durable-objects/gatekeeper.ts'
import { authorize, type Caller, identify } from '../access.ts'
import { parse } from '../body.ts'
import { findKey } from '../db/directory.ts'
import type { Env } from '../env.ts'
import { askGatekeeper } from '../gatekeepers.ts'
import { signLiveTicket, verifyLiveTicket } from '../live-ticket.ts'
import { answerProblem, badRequestResponse, problemResponse } from '../problems.ts'
import { noteCaller } from '../request-log.ts'
import { type Route, route, success } from '../route.ts'
import { iso } from '../shapes.ts'
import { eventOfCaller } from './scans.ts'

const tag = 'Live'

export const liveRoutes: Route[] = [
  route({
    method: 'post',
    path: '/api/hp-scanner/live-tickets',
    summary:
      'A ticket that opens one live connection within 30 seconds, for browsers, which can send no header with it',
    tag,
    role: 'scanner',
    body: z.object({ eventId: z.string().max(64).nullish() }),
    bodyOptional: true,
    answer: z.object({ ticket: z.string(), expiresAt: z.iso.datetime() }),
    async handle({ env, caller, body, at }) {
      const eventId = eventOfCaller(caller, body.eventId ?? undefined)
      if (eventId === null) {
        return badRequestResponse([
          { field: 'eventId', message: 'is needed where the credential is not bound to an event' },
        ])
      }
      const { ticket, expiresAt } = await signLiveTicket(env.TICKET_KEY, caller, eventId, at)
      return success({ ticket, expiresAt: iso(expiresAt) })
    },
  }),

  {
    method: 'get',
    path: '/api/hp-scanner/live/{eventId}',
    summary: 'A WebSocket that tells of standings, revocations, conflicts and alerts as they happen; since= resumes',
    tag,
    role: 'scanner',
    query: LiveQuery,
    status: 101,
    handle: openLive,
  },
]

/** Everything that can be checked without the Gatekeeper is: it hears of nobody who may not listen. */
async function openLive(
  request: Request,
  env: Env,
  _ctx: ExecutionContext,
  params: Record<string, string>,
): Promise<Response> {
  const at = Date.now()
  const url = new URL(request.url)
  const eventId = parseUuid<EventId>(params.eventId ?? '')
  if (eventId === null) return problemResponse('not_found')
  const who = await whoListens(request, env, url.searchParams.get('ticket'), eventId, at)
  const no = authorize(who?.caller ?? null, { role: 'scanner', eventId })
  if (no || who === null) return no ?? problemResponse('unauthenticated')
  if (request.headers.get('Upgrade')?.toLowerCase() !== 'websocket') {
    return problemResponse('upgrade_required', { headers: { Upgrade: 'websocket' } })
  }
  // A page of somebody else's must not listen with what a browser sends by itself.
  const origin = request.headers.get('Origin')
  if (origin !== null && origin !== url.origin) return problemResponse('forbidden_origin')
  const query = parse(LiveQuery, Object.fromEntries(url.searchParams))
  if (!query.ok) return query.response
  const wanted = topicsIn(query.value.topics)
  if (wanted === null) return badRequestResponse([{ field: 'topics', message: `must be of ${topics.join(', ')}` }])
  noteCaller(request, who.caller, eventId)
  const asked: LiveRequest = {
    actor: plainActor(who.caller),
    nonce: who.nonce,
    deviceId: who.caller.kind === 'device' ? who.caller.deviceId : null,
    key: who.caller.kind === 'organisation' ? (who.caller.key?.id ?? null) : null,
    topics: wanted,
    since: query.value.since ?? null,
    expiresAt: goodUntil(who.caller),
  }
  const headers = { Upgrade: 'websocket', 'X-Live': encodeURIComponent(JSON.stringify(asked)) }
  const opened = await askGatekeeper(env, eventId, (gatekeeper) =>
    (gatekeeper as unknown as Fetcher).fetch('https://gatekeeper/live', { headers }),
  )
  return opened.status === 101 ? opened : answerProblem(await opened.json<Problem>())
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
  const opened = await verifyLiveTicket(env.TICKET_KEY, ticket, at)
  if (opened?.eventId !== eventId) return null
  const { caller, nonce } = opened
  // A key that was revoked since the ticket was asked for opens nothing any more; of a device the Gatekeeper knows.
  const isRevoked = caller.kind === 'organisation' && caller.key && !(await findKey(env.DB, { id: caller.key.id }, at))
  return isRevoked ? null : { caller, nonce }
}

/** The caller as text can carry it: without the device token, which the staff token was given for. */
function plainActor(caller: Caller): LiveRequest['actor'] {
  if (caller.kind === 'admin') return { kind: 'admin' }
  if (caller.kind === 'organisation') return { kind: 'organisation', organisationId: caller.organisationId }
  return { kind: 'device', deviceId: caller.deviceId, staffId: caller.staffId, tokenHash: null }
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
      return caller.key?.expiresAt ?? null
    case 'device':
      return caller.expiresAt ?? null
  }
}
