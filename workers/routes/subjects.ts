import { z } from 'zod'
import type { EventId, TicketId } from '../../core/ids.ts'
import { Subject } from '../../core/organiser-messages.ts'
import { quietly } from '../../durable-objects/actor.ts'
import type { Holding } from '../../durable-objects/privacy/subjects.ts'
import { writeAudited } from '../db/audit.ts'
import { hasOrganisation, listEvents } from '../db/directory.ts'
import { listMembers } from '../db/members.ts'
import { told } from '../doing.ts'
import { askGatekeeper } from '../gatekeepers.ts'
import { ringOf } from '../key-ring.ts'
import { answerProblem, problemResponse } from '../problems.ts'
import { type Call, route, success } from '../route.ts'
import {
  entryShape,
  iso,
  type Linking,
  page,
  showEntry,
  showStaff,
  showTicket,
  staffShape,
  ticketShape,
} from '../shapes.ts'
import { clearImagesOf } from './qr-cache.ts'

const tag = 'Erasing a person'

/** Events that are asked in one call: each is a Gatekeeper of its own, and a request may ask only so many. */
const EVENTS_AT_ONCE = 20

const nextShape = {
  events: z.int().describe('how many events were asked'),
  nextCursor: z.string().nullable().describe('null: all events were; else ask again with it'),
}

const holdingShape = z.object({
  event: z.object({ id: z.string(), title: z.string(), startsAt: z.iso.datetime(), endsAt: z.iso.datetime() }),
  tickets: z.array(
    ticketShape.extend({
      code: z.string().nullable(),
      issuedAt: z.iso.datetime(),
      reason: z.string().nullable(),
      scans: z.array(entryShape),
    }),
  ),
  staff: z.array(staffShape),
})

export const subjectRoutes = [
  route({
    method: 'post',
    path: '/api/organisations/{organisationId}/subject-access',
    audit: 'person.shown',
    summary: 'Everything that is held about a person, in all events, by their e-mail address',
    tag,
    role: 'organiser',
    body: Subject,
    answer: z.object({ holdings: z.array(holdingShape), member: z.boolean(), ...nextShape }),
    async handle(call) {
      const { env, organisationId, body, doing, actor, at } = call
      if (!(await hasOrganisation(env.DB, organisationId))) return problemResponse('not_found')
      const { events, nextCursor } = await nextEvents(call)
      const holdings: z.input<typeof holdingShape>[] = []
      for (const id of events) {
        const held = await askGatekeeper(env, id, (gatekeeper) => gatekeeper.subject(actor, body.email))
        if (!held.ok) return answerProblem(held.problem)
        const { tickets, staff } = held.value
        if (tickets.length > 0 || staff.length > 0) holdings.push(showHolding(held.value, linking(call, id)))
      }
      const members = await listMembers(env.DB, organisationId, { limit: 200 })
      const member = members.some(({ email }) => email === body.email.toLowerCase())
      // Whose it was is not in the log: that would be one more place that holds the address.
      await writeAudited(env.DB, organisationId, told(doing), { subject: null, changes: [] }, at)
      return success({ holdings, member, events: events.length, nextCursor })
    },
  }),

  route({
    method: 'post',
    path: '/api/organisations/{organisationId}/erasures',
    audit: 'person.erased',
    summary: 'Erase a person from all events, by their e-mail address; their tickets stay good',
    tag,
    role: 'organiser',
    body: Subject,
    answer: z.object({
      erased: z.array(z.object({ eventId: z.string(), ticketIds: z.array(z.string()) })),
      ...nextShape,
    }),
    async handle(call) {
      const { env, organisationId, body, doing, actor, at } = call
      if (!(await hasOrganisation(env.DB, organisationId))) return problemResponse('not_found')
      const { events, nextCursor } = await nextEvents(call)
      const erased: { eventId: EventId; ticketIds: TicketId[] }[] = []
      for (const eventId of events) {
        const gone = await askGatekeeper(env, eventId, (gatekeeper) =>
          gatekeeper.eraseSubject(actor, body.email, organisationId, at),
        )
        if (!gone.ok) return answerProblem(gone.problem)
        for (const id of gone.value) {
          const cleared = await clearImagesOf({ env, eventId, actor: quietly(actor) }, id)
          if (!cleared.ok) return answerProblem(cleared.problem)
        }
        if (gone.value.length > 0) erased.push({ eventId, ticketIds: gone.value })
      }
      await writeAudited(env.DB, organisationId, told(doing), { subject: null, changes: [] }, at)
      return success({ erased, events: events.length, nextCursor })
    },
  }),
]

type SubjectCall = Call<z.output<typeof Subject>, unknown>

async function nextEvents({ env, organisationId, body }: SubjectCall) {
  const wanted = { limit: EVENTS_AT_ONCE, cursor: body.cursor, order: 'oldest' as const }
  const { items, nextCursor } = page(await listEvents(env.DB, organisationId, wanted), EVENTS_AT_ONCE)
  return { events: items.map(({ id }) => id as EventId), nextCursor }
}

function linking({ env, origin }: SubjectCall, eventId: EventId): Linking {
  return { origin, ring: ringOf(env), eventId }
}

function showHolding({ event, tickets, staff }: Holding, link: Linking): z.input<typeof holdingShape> {
  return {
    event: { ...event, startsAt: iso(event.startsAt), endsAt: iso(event.endsAt) },
    tickets: tickets.map(({ code, reason, scans, ...facts }) => ({
      ...showTicket(facts, link),
      code,
      issuedAt: iso(facts.ticket.issuedAt * 1000),
      reason,
      scans: scans.map(showEntry),
    })),
    staff: staff.map(showStaff),
  }
}
