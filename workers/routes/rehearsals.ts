import { z } from 'zod'
import { eventIdAt, jurisdictionOf, shardsOf } from '../../core/event-address.ts'
import { type EventId, parseUuid, type TicketId, uuidAt } from '../../core/ids.ts'
import { RehearsalTickets } from '../../core/organiser-messages.ts'
import { rehearsalOf } from '../../core/rehearsal.ts'
import { inSomeShard } from '../../core/shards.ts'
import { codeOf } from '../codes.ts'
import { rehearsalsOf } from '../db/directory.ts'
import { askGatekeeper, askGatekeeperAlone } from '../gatekeepers.ts'
import { answerProblem, badRequestResponse, problemResponse } from '../problems.ts'
import { type Call, route, success } from '../route.ts'
import { eventShape, iso, listOf, showEvent } from '../shapes.ts'

const tag = 'Rehearsals'

/** More of them at once are nobody's rehearsal. */
const MOST = 100

/** Why the audit log is told nothing of rehearsals. */
const ofACopy = 'nobody enters by a rehearsal, and within a day it is gone with everything in it'

export const rehearsalRoutes = [
  route({
    method: 'post',
    path: '/api/events/{eventId}/rehearsals',
    audit: { because: ofACopy },
    summary: 'Make a copy to rehearse on: settings, types and gates, on from now on; it is deleted after a day',
    tag,
    role: 'organiser',
    answer: z.object({ event: eventShape }),
    status: 201,
    async handle({ env, eventId, actor, at }) {
      const event = await askGatekeeperAlone(env, eventId, (gatekeeper) => gatekeeper.describe(actor))
      if (!event.ok) return answerProblem(event.problem)
      const setup = await askGatekeeperAlone(env, eventId, (gatekeeper) => gatekeeper.setup(actor))
      if (!setup.ok) return answerProblem(setup.problem)
      if (event.value.rehearsalOf !== null) {
        return badRequestResponse([{ field: 'eventId', message: 'is a rehearsal itself' }])
      }
      const id = eventIdAt(at, crypto.getRandomValues(new Uint8Array(16)), jurisdictionOf(eventId), shardsOf(eventId))
      const { types, gates } = setup.value
      const copy = rehearsalOf({ event: event.value, types, gates }, id, at)
      const made = await askGatekeeper(env, id, (gatekeeper) => gatekeeper.create(copy.event, copy))
      if (!made.ok) return answerProblem(made.problem)
      // So that it is known to be there, whatever becomes of whoever asked for it.
      await askGatekeeper(env, id, (gatekeeper) => gatekeeper.flush())
      return success({ event: showEvent(made.value) }, { status: 201 })
    },
  }),

  route({
    method: 'get',
    path: '/api/events/{eventId}/rehearsals',
    summary: 'List the rehearsals of an event that are still there, the newest first',
    tag,
    role: 'organiser',
    answer: listOf(z.object({ id: z.string(), title: z.string(), createdAt: z.iso.datetime() })),
    async handle({ env, eventId, actor }) {
      const event = await askGatekeeperAlone(env, eventId, (gatekeeper) => gatekeeper.describe(actor))
      if (!event.ok) return answerProblem(event.problem)
      const items = await rehearsalsOf(env.DB, eventId, MOST)
      return success({
        items: items.map(({ id, title, createdAt }) => ({ id, title, createdAt: iso(createdAt) })),
        nextCursor: null,
      })
    },
  }),

  route({
    method: 'post',
    path: '/api/events/{eventId}/rehearsals/{rehearsalId}/tickets',
    audit: { because: ofACopy },
    summary:
      'Issue nameless tickets of a rehearsal, and give the text of their codes; they are good there and nowhere else',
    tag,
    role: 'organiser',
    body: RehearsalTickets,
    answer: z.object({ tickets: z.array(z.object({ id: z.string(), type: z.string(), qr_token: z.string() })) }),
    status: 201,
    async handle(call) {
      const { env, actor, body, at } = call
      const id = await rehearsalNamed(call)
      if (id === null) return problemResponse('not_found')
      const wanted = Array.from({ length: body.count }, () => ({
        id: inSomeShard(id, uuidAt<TicketId>(at, crypto.getRandomValues(new Uint8Array(16)))),
        ticket: { type: body.type, paid: true, requiresAttention: false },
      }))
      const issued = await askGatekeeper(env, id, (gatekeeper) => gatekeeper.issue(actor, wanted, at))
      if (!issued.ok) return answerProblem(issued.problem)
      const tickets = issued.value.map(async ({ ticket }) => {
        return { id: ticket.id, type: ticket.type, qr_token: await codeOf(env, id, ticket) }
      })
      return success({ tickets: await Promise.all(tickets) }, { status: 201 })
    },
  }),

  route({
    method: 'delete',
    path: '/api/events/{eventId}/rehearsals/{rehearsalId}',
    audit: { because: ofACopy },
    summary: 'Delete a rehearsal with all that was scanned in it',
    tag,
    role: 'organiser',
    answer: z.object({ deleted: z.literal(true) }),
    async handle({ env, eventId, actor, params }) {
      const id = parseUuid<EventId>(params.rehearsalId ?? '')
      if (id === null) return problemResponse('not_found')
      const ended = await askGatekeeper(env, id, (gatekeeper) => gatekeeper.endRehearsal(actor, eventId))
      return ended.ok ? success({ deleted: true }) : answerProblem(ended.problem)
    },
  }),
]

/** The rehearsal that the path names; null where it is none of the event's, or not the caller's. */
async function rehearsalNamed({ env, eventId, actor, params }: Call<unknown, unknown>): Promise<EventId | null> {
  const id = parseUuid<EventId>(params.rehearsalId ?? '')
  const found = id && (await askGatekeeperAlone(env, id, (gatekeeper) => gatekeeper.describe(actor)))
  return found?.ok && found.value.rehearsalOf === eventId ? id : null
}
