import { z } from 'zod'
import type { Result } from '../../core/answers.ts'
import type { EventDetails } from '../../core/event.ts'
import { eventIdAt } from '../../core/event-address.ts'
import { newEvent } from '../../core/event-form.ts'
import { type GateId, type OrganisationId, parseUuid, type StaffId, type TypeId, wordShape } from '../../core/ids.ts'
import {
  EventChanges,
  EventFilter,
  GateBody,
  NewEvent,
  StaffBody,
  TicketTypeBody,
} from '../../core/organiser-messages.ts'
import { hasOrganisation, listEvents } from '../db/directory.ts'
import { askGatekeeper, askGatekeeperAlone } from '../gatekeepers.ts'
import { answerProblem, badRequestResponse, roleRequired } from '../problems.ts'
import { type Call, route, success } from '../route.ts'
import {
  eventItemShape,
  eventShape,
  gateShape,
  iso,
  isoOrNull,
  listOf,
  page,
  showEvent,
  showGate,
  showStaff,
  showTicketType,
  staffShape,
  ticketTypeShape,
} from '../shapes.ts'
import { ShortListQuery, shortList } from '../short-list.ts'

const tag = 'Events'

export const eventRoutes = [
  route({
    method: 'post',
    path: '/api/events',
    audit: 'event.created',
    summary: 'Make an event, and its Gatekeeper near the venue',
    tag,
    role: 'organiser',
    body: NewEvent,
    answer: z.object({ event: eventShape }),
    status: 201,
    async handle(call) {
      const organisationId = await organisationFor(call)
      if (organisationId instanceof Response) return organisationId
      const { body, env, doing, at } = call
      const id = eventIdAt(at, crypto.getRandomValues(new Uint8Array(16)), body.jurisdiction ?? null, body.shards)
      const event = newEvent(id, organisationId, body, at)
      const created = await askGatekeeper(
        env,
        event.id,
        (gatekeeper) => gatekeeper.create(event, null, doing),
        body.locationHint,
      )
      if (!created.ok) return answerProblem(created.problem)
      // So that it stands in the list at once; where D1 is away just now, the outbox tells it later.
      await askGatekeeper(env, event.id, (gatekeeper) => gatekeeper.flush())
      return success({ event: showEvent(created.value) }, { status: 201 })
    },
  }),

  route({
    method: 'get',
    path: '/api/events',
    summary: 'List the events of the organisation in the order they were made, or by a part of their title or place',
    tag,
    role: 'viewer',
    query: EventFilter,
    answer: listOf(eventItemShape),
    async handle({ env, caller, query }) {
      if (caller.kind === 'device') return roleRequired('organiser')
      const organisationId = caller.kind === 'organisation' ? caller.organisationId : null
      const { items, nextCursor } = page(await listEvents(env.DB, organisationId, query), query.limit)
      const shown = items.map(({ tag: _tag, version: _version, forgetAt: _forgetAt, organisation, ...event }) => ({
        ...event,
        organisationId: organisation,
        startsAt: iso(event.startsAt),
        endsAt: iso(event.endsAt),
        createdAt: iso(event.createdAt),
        closedAt: isoOrNull(event.closedAt),
      }))
      return success({ items: shown, nextCursor })
    },
  }),

  route({
    method: 'get',
    path: '/api/events/{eventId}',
    summary: 'Show an event',
    tag,
    role: 'viewer',
    answer: z.object({ event: eventShape }),
    async handle({ env, eventId, actor }) {
      return answerEvent(await askGatekeeperAlone(env, eventId, (gatekeeper) => gatekeeper.describe(actor)))
    },
  }),

  route({
    method: 'patch',
    path: '/api/events/{eventId}',
    audit: 'event.changed',
    summary: 'Change an event; what is not named stays as it is',
    tag,
    role: 'organiser',
    body: EventChanges,
    answer: z.object({ event: eventShape }),
    async handle({ env, eventId, actor, body }) {
      return answerEvent(await askGatekeeper(env, eventId, (gatekeeper) => gatekeeper.change(actor, body)))
    },
  }),

  route({
    method: 'post',
    path: '/api/events/{eventId}/close',
    audit: 'event.closed',
    summary: 'Close an event: late scans are refused and logged',
    tag,
    role: 'organiser',
    answer: z.object({ event: eventShape }),
    async handle({ env, eventId, actor, at }) {
      return answerEvent(await askGatekeeper(env, eventId, (gatekeeper) => gatekeeper.close(actor, at)))
    },
  }),

  route({
    method: 'put',
    path: '/api/events/{eventId}/ticket-types/{typeId}',
    audit: 'ticket_type.put',
    summary: 'Say what is sold',
    tag,
    role: 'organiser',
    body: TicketTypeBody,
    answer: z.object({ ticketType: ticketTypeShape }),
    async handle({ env, eventId, actor, params, body }) {
      const id = word<TypeId>(params.typeId)
      if (id === null) return badWord('typeId')
      const put = await askGatekeeper(env, eventId, (gatekeeper) => gatekeeper.putTicketType(actor, id, body))
      return put.ok ? success({ ticketType: showTicketType(put.value) }) : answerProblem(put.problem)
    },
  }),

  route({
    method: 'put',
    path: '/api/events/{eventId}/gates/{gateId}',
    audit: 'gate.put',
    summary: 'Say where people come in and go out',
    tag,
    role: 'organiser',
    body: GateBody,
    answer: z.object({ gate: gateShape }),
    async handle({ env, eventId, actor, params, body }) {
      const id = word<GateId>(params.gateId)
      if (id === null) return badWord('gateId')
      const put = await askGatekeeper(env, eventId, (gatekeeper) => gatekeeper.putGate(actor, id, body))
      return put.ok ? success({ gate: showGate(put.value) }) : answerProblem(put.problem)
    },
  }),

  route({
    method: 'put',
    path: '/api/events/{eventId}/staff/{staffId}',
    audit: 'staff.put',
    summary: 'Say who works at the doors',
    tag,
    role: 'organiser',
    body: StaffBody,
    answer: z.object({ staff: staffShape }),
    async handle({ env, eventId, actor, params, body }) {
      const id = word<StaffId>(params.staffId)
      if (id === null) return badWord('staffId')
      const put = await askGatekeeper(env, eventId, (gatekeeper) => gatekeeper.putStaff(actor, id, body))
      return put.ok ? success({ staff: showStaff(put.value) }) : answerProblem(put.problem)
    },
  }),
  route({
    method: 'get',
    path: '/api/events/{eventId}/ticket-types',
    summary: 'List what is sold',
    tag,
    role: 'viewer',
    query: ShortListQuery,
    answer: listOf(ticketTypeShape),
    async handle({ env, eventId, actor, query }) {
      const setup = await askGatekeeperAlone(env, eventId, (gatekeeper) => gatekeeper.setup(actor))
      return setup.ok ? shortList(setup.value.types.map(showTicketType), query) : answerProblem(setup.problem)
    },
  }),

  route({
    method: 'get',
    path: '/api/events/{eventId}/gates',
    summary: 'List where people come in and go out',
    tag,
    role: 'viewer',
    query: ShortListQuery,
    answer: listOf(gateShape),
    async handle({ env, eventId, actor, query }) {
      const setup = await askGatekeeperAlone(env, eventId, (gatekeeper) => gatekeeper.setup(actor))
      return setup.ok ? shortList(setup.value.gates.map(showGate), query) : answerProblem(setup.problem)
    },
  }),

  route({
    method: 'get',
    path: '/api/events/{eventId}/staff',
    summary: 'List who works at the doors, with their addresses',
    tag,
    role: 'supervisor',
    query: ShortListQuery,
    answer: listOf(staffShape),
    async handle({ env, eventId, actor, query }) {
      const setup = await askGatekeeperAlone(env, eventId, (gatekeeper) => gatekeeper.setup(actor))
      return setup.ok ? shortList(setup.value.staff.map(showStaff), query) : answerProblem(setup.problem)
    },
  }),
]

function answerEvent(result: Result<EventDetails>): Response {
  return result.ok ? success({ event: showEvent(result.value) }) : answerProblem(result.problem)
}

/** An organisation's key makes events for its organisation; the deployment key says for which. */
async function organisationFor({ caller, body, env }: Call<NewEvent, object>): Promise<OrganisationId | Response> {
  if (caller.kind === 'organisation') return caller.organisationId
  const id = parseUuid<OrganisationId>(body.organisationId ?? '')
  if (id !== null && (await hasOrganisation(env.DB, id))) return id
  return badRequestResponse([{ field: 'organisationId', message: 'must name an organisation' }])
}

function word<T extends TypeId | GateId | StaffId>(text: string | undefined): T | null {
  return text !== undefined && wordShape.test(text) ? (text as T) : null
}

function badWord(field: string): Response {
  return badRequestResponse([{ field, message: 'must be 1 to 64 letters, digits, spaces or . _ ~ : + @ -' }])
}
