import { z } from 'zod'
import { parseUuid, type TicketId } from '../../core/ids.ts'
import { quietly } from '../../durable-objects/actor.ts'
import type { Erasure } from '../../durable-objects/privacy/erasures.ts'
import type { Caller } from '../access.ts'
import { askGatekeeper } from '../gatekeepers.ts'
import { ringOf } from '../key-ring.ts'
import { answerProblem, problemResponse } from '../problems.ts'
import { route, success } from '../route.ts'
import { iso, listOf, showTicket, ticketShape } from '../shapes.ts'
import { clearImagesOf } from './qr-cache.ts'

const tag = 'Erasing a person'

const erasureShape = z.object({
  ticketId: z.string(),
  booking: z.boolean().describe("whether the booking's person went too"),
  by: z.string().describe('admin, or the organisation whose key it was'),
  at: z.iso.datetime(),
})

function showErasure({ ticketId, booking, by, at }: Erasure): z.input<typeof erasureShape> {
  return { ticketId, booking, by, at: iso(at) }
}

export const erasureRoutes = [
  route({
    method: 'delete',
    path: '/api/events/{eventId}/tickets/{ticketId}/holder',
    audit: 'person.erased',
    summary: 'Erase the person of a ticket; the ticket stays good. booking=true: that of its booking in any case',
    tag,
    role: 'organiser',
    query: z.object({ booking: z.enum(['true', 'false']).default('false') }),
    answer: z.object({ ticket: ticketShape, erasure: erasureShape }),
    async handle(call) {
      const { env, eventId, actor, caller, params, query, origin, at } = call
      const id = parseUuid<TicketId>(params.ticketId ?? '')
      if (id === null) return problemResponse('not_found')
      const how = { booking: query.booking === 'true', by: nameOf(caller) }
      const erased = await askGatekeeper(env, eventId, (gatekeeper) => gatekeeper.erasePerson(actor, id, how, at))
      if (!erased.ok) return answerProblem(erased.problem)
      // The images show a code and no name, but were made for this person to have.
      const cleared = await clearImagesOf({ ...call, actor: quietly(actor) }, id)
      if (!cleared.ok) return answerProblem(cleared.problem)
      const { facts, erasure } = erased.value
      const ticket = showTicket(facts, { origin, ring: ringOf(env), eventId })
      return success({ ticket, erasure: showErasure(erasure) })
    },
  }),

  route({
    method: 'get',
    path: '/api/events/{eventId}/erasures',
    summary: "List which tickets' people were erased, when and by whom",
    tag,
    role: 'organiser',
    query: z.object({
      limit: z.coerce.number().int().min(1).max(200).default(50),
      cursor: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).default(0),
    }),
    answer: listOf(erasureShape),
    async handle({ env, eventId, actor, query: { cursor, limit } }) {
      const list = await askGatekeeper(env, eventId, (gatekeeper) => gatekeeper.listErasures(actor, cursor, limit + 1))
      if (!list.ok) return answerProblem(list.problem)
      const page = list.value.slice(0, limit)
      const nextCursor = list.value.length > limit ? String(page.at(-1)?.no) : null
      return success({ items: page.map(showErasure), nextCursor })
    },
  }),
]

function nameOf(caller: Caller): string {
  return caller.kind === 'organisation' ? caller.organisationId : caller.kind
}
