import { z } from 'zod'
import type { Result } from '../../core/answers.ts'
import { toBase64url } from '../../core/base64url.ts'
import type { EventId, TicketId } from '../../core/ids.ts'
import { eventTagOf } from '../../core/keys.ts'
import type { SnapshotKeys } from '../../core/snapshot.ts'
import type { Actor } from '../../durable-objects/actor.ts'
import type { Person } from '../../durable-objects/tickets/ticketing.ts'
import type { Env } from '../env.ts'
import { askGatekeeper, askGatekeeperAlone } from '../gatekeepers.ts'
import { ringOf } from '../key-ring.ts'
import { answerProblem } from '../problems.ts'
import { type Call, route } from '../route.ts'
import { eventKeys } from '../signing.ts'
import { snapshotShape } from '../snapshot-shape.ts'
import { asBytes, asJson, beginParts } from '../snapshot-stream.ts'

const OCTETS = 'application/octet-stream'

export const snapshotRoutes = [
  route({
    method: 'get',
    path: '/api/hp-scanner/snapshot/{eventId}',
    summary:
      'What a device carries to judge alone, whole or since a cursor, streamed; as bytes for application/octet-stream. ' +
      'What breaks off is worth nothing: ask again',
    tag: 'Scanner',
    role: 'scanner',
    query: z.object({ since: z.string().max(60).optional() }),
    answer: snapshotShape,
    handle: serveSnapshot,
  }),

  route({
    method: 'get',
    path: '/api/hp-scanner/snapshot/{eventId}/people',
    summary: 'Whose tickets they are, all at once and streamed, for searching by name with no network',
    tag: 'Scanner',
    role: 'supervisor',
    answer: z.object({
      items: z.array(
        z.object({
          ticketId: z.string(),
          name: z.string().nullable(),
          type: z.string(),
          shortCode: z.string(),
          reference: z.string().nullable(),
        }),
      ),
      nextCursor: z.null(),
    }),
    handle: servePeople,
  }),
]

/** People read in one call to the Gatekeeper. */
const PEOPLE = 500

async function servePeople({ env, eventId, actor }: Call<unknown, unknown>): Promise<Response> {
  const first = await peopleAfter(env, eventId, actor, undefined)
  if (!first.ok) return answerProblem(first.problem)
  const encoder = new TextEncoder()
  let page: PeoplePage = first.value
  let begun = false
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const head = begun ? ',' : '{"success":true,"data":{"items":['
      const rows = page.items.map((person) => JSON.stringify(person)).join(',')
      controller.enqueue(encoder.encode(rows === '' && begun ? '' : head + rows))
      begun = true
      if (page.nextCursor === null) {
        controller.enqueue(encoder.encode('],"nextCursor":null}}'))
        return controller.close()
      }
      const next = await peopleAfter(env, eventId, actor, page.nextCursor)
      // The answer has begun, so all that can be done is to break it off, which whoever reads it sees.
      if (!next.ok) return controller.error(new Error(next.problem.code))
      page = next.value
    },
  })
  return new Response(body, { headers: { 'Content-Type': 'application/json', 'Cache-Control': 'private, no-store' } })
}

type PeoplePage = { items: Person[]; nextCursor: TicketId | null }

function peopleAfter(
  env: Env,
  eventId: EventId,
  actor: Actor,
  cursor: TicketId | undefined,
): Promise<Result<PeoplePage>> {
  return askGatekeeperAlone(env, eventId, (gatekeeper) => gatekeeper.people(actor, cursor, PEOPLE))
}

async function serveSnapshot(call: Call<unknown, { since?: string | undefined }>): Promise<Response> {
  const { env, eventId, actor, query, request, at } = call
  const begun = await askGatekeeper(env, eventId, (gatekeeper) => gatekeeper.snapshot(actor, query.since ?? null, at))
  if (!begun.ok) return answerProblem(begun.problem)
  const isForBytes = request.headers.get('Accept')?.includes(OCTETS) ?? false
  const head = { ...begun.value.head, keys: await keysOf(env, eventId) }
  const headers = {
    // It tells how codes are read: nobody on the way keeps it.
    'Cache-Control': 'private, no-store',
    Vary: 'Accept',
    ETag: `W/"${head.cursor}-${head.full ? 'full' : query.since}-${isForBytes ? 'bytes' : 'json'}"`,
  }
  if (request.headers.get('If-None-Match') === headers.ETag) return new Response(null, { status: 304, headers })
  const asking = { env, eventId, actor }
  const parts = await beginParts(asking, begun.value.first)
  if (!parts.ok) return answerProblem(parts.problem)
  return isForBytes
    ? new Response(asBytes(asking, head, parts.value), { headers: { ...headers, 'Content-Type': OCTETS } })
    : new Response(asJson(asking, head, parts.value), { headers: { ...headers, 'Content-Type': 'application/json' } })
}

/** What opens every code of the event that is about, and the next ones too where they are made known beforehand. */
async function keysOf(env: Env, eventId: EventId): Promise<SnapshotKeys> {
  const ring = ringOf(env)
  const tag = eventTagOf(eventId)
  const all = await Promise.all(ring.all.map(({ id, secret }) => eventKeys(secret, tag, id)))
  const publicKeys = all.map(({ sealing, publicKey }) => ({
    keyId: sealing.keyId,
    publicKey: toBase64url(publicKey),
    readKey: toBase64url(sealing.readKey),
    validUntil: null,
  }))
  return { readKey: publicKeys[0]?.readKey ?? '', publicKeys }
}
