import { z } from 'zod'
import { ok } from '../../core/answers.ts'
import type { AuditKind } from '../../core/audit.ts'
import { type EventId, parseUuid, type TicketId, uuidAt } from '../../core/ids.ts'
import { IssueRequest, ReasonBody, ReissueBody, TicketFilter } from '../../core/organiser-messages.ts'
import { inSomeShard } from '../../core/shards.ts'
import type { TicketFacts } from '../../durable-objects/event-parts.ts'
import type { TicketAction } from '../../durable-objects/tickets/tickets.ts'
import { askGatekeeper } from '../gatekeepers.ts'
import { ringOf } from '../key-ring.ts'
import { answerProblem, problemResponse } from '../problems.ts'
import { type Call, route, success } from '../route.ts'
import { entryShape, type Linking, listOf, showEntry, showTicket, ticketShape } from '../shapes.ts'

const tag = 'Tickets'

/** 1 MiB: 500 tickets with everything that can be said of them. */
const ISSUE_MAX_BYTES = 1024 * 1024

const actionSummary = {
  revoke: 'Take the right to enter away',
  restore: 'Give back what was revoked or blocked',
  block: 'Put a ticket on hold',
  pay: 'Note that a ticket is paid',
} satisfies Partial<Record<TicketAction, string>>

const auditOf = {
  revoke: 'ticket.revoked',
  restore: 'ticket.restored',
  block: 'ticket.blocked',
  pay: 'ticket.paid',
} satisfies Partial<Record<TicketAction, AuditKind>>

export const ticketRoutes = [
  route({
    method: 'post',
    path: '/api/events/{eventId}/tickets',
    audit: 'tickets.issued',
    summary: 'Issue 1 to 500 tickets, all or none; a known reference gives the ticket that has it',
    tag,
    role: 'organiser',
    body: IssueRequest,
    maxBytes: ISSUE_MAX_BYTES,
    answer: z.object({ tickets: z.array(ticketShape.extend({ created: z.boolean() })) }),
    status: 201,
    async handle(call) {
      const { env, eventId, actor, body, at } = call
      const wanted = body.tickets.map((ticket) => ({ id: newTicketId(eventId, at), ticket }))
      const issued = await askGatekeeper(env, eventId, (gatekeeper) => gatekeeper.issue(actor, wanted, at))
      if (!issued.ok) return answerProblem(issued.problem)
      const tickets = issued.value.map(({ created, ...facts }) => ({ ...showTicket(facts, linking(call)), created }))
      return success({ tickets }, { status: 201 })
    },
  }),

  route({
    method: 'get',
    path: '/api/events/{eventId}/tickets',
    summary: 'List tickets in the order they were issued; with gate, from or to those that were scanned there',
    tag,
    role: 'supervisor',
    query: TicketFilter,
    answer: listOf(ticketShape),
    async handle(call) {
      const list = await listTickets(call, call.query)
      if (!list.ok) return answerProblem(list.problem)
      const items = list.value.items.map((facts) => showTicket(facts, linking(call)))
      return success({ items, nextCursor: list.value.nextCursor })
    },
  }),

  route({
    method: 'get',
    path: '/api/events/{eventId}/tickets/{ticketId}',
    summary: 'Show a ticket with its scans',
    tag,
    role: 'supervisor',
    answer: z.object({ ticket: ticketShape.extend({ scans: z.array(entryShape) }) }),
    async handle(call) {
      const { env, eventId, actor } = call
      const id = ticketIdOf(call)
      const found = id && (await askGatekeeper(env, eventId, (gatekeeper) => gatekeeper.ticket(actor, id)))
      if (!found) return problemResponse('not_found')
      if (!found.ok) return answerProblem(found.problem)
      const { scans, ...facts } = found.value
      return success({ ticket: { ...showTicket(facts, linking(call)), scans: scans.map(showEntry) } })
    },
  }),

  ...(['revoke', 'restore', 'block', 'pay'] as const).map((action) =>
    route({
      method: 'post',
      path: `/api/events/{eventId}/tickets/{ticketId}/${action}`,
      audit: auditOf[action],
      summary: actionSummary[action],
      tag,
      role: 'supervisor',
      body: ReasonBody,
      bodyOptional: true,
      answer: z.object({ ticket: ticketShape }),
      handle: (call) => act(call, action, call.body.reason ?? null, false),
    }),
  ),

  route({
    method: 'post',
    path: '/api/events/{eventId}/tickets/{ticketId}/reissue',
    audit: 'ticket.reissued',
    summary: 'Make a new code, which supersedes the old one; newLink makes the link to it new as well',
    tag,
    role: 'supervisor',
    body: ReissueBody,
    bodyOptional: true,
    answer: z.object({ ticket: ticketShape }),
    handle: (call) => act(call, 'reissue', call.body.reason ?? null, call.body.newLink),
  }),
]

/** A page may take this many calls, between which the Gatekeeper judges scans; then it is given with what it has. */
const MOST_CALLS = 100

/** Asks until the page is full, since the Gatekeeper looks at only so many tickets in one call. */
async function listTickets<B, Q>({ env, eventId, actor }: Call<B, Q>, filter: TicketFilter) {
  const items: TicketFacts[] = []
  let cursor = filter.cursor
  for (let calls = 1; ; calls++) {
    const wanted = { ...filter, cursor, limit: filter.limit - items.length }
    const list = await askGatekeeper(env, eventId, (gatekeeper) => gatekeeper.listTickets(actor, wanted))
    if (!list.ok) return list
    items.push(...list.value.items)
    cursor = list.value.nextCursor ?? undefined
    if (cursor === undefined || items.length >= filter.limit || calls === MOST_CALLS) {
      return ok({ items, nextCursor: cursor ?? null })
    }
  }
}

async function act<B, Q>(call: Call<B, Q>, action: TicketAction, reason: string | null, newLink: boolean) {
  const { env, eventId, actor, at } = call
  const id = ticketIdOf(call)
  if (id === null) return problemResponse('not_found')
  const acted = await askGatekeeper(env, eventId, (gatekeeper) =>
    gatekeeper.act(actor, id, action, reason, newLink, at),
  )
  if (!acted.ok) return answerProblem(acted.problem)
  return success({ ticket: showTicket(acted.value, linking(call)) })
}

function linking<B, Q>({ origin, env, eventId }: Call<B, Q>): Linking {
  return { origin, ring: ringOf(env), eventId }
}

function ticketIdOf<B, Q>({ params }: Call<B, Q>): TicketId | null {
  return parseUuid<TicketId>(params.ticketId ?? '')
}

function newTicketId(eventId: EventId, at: number): TicketId {
  return inSomeShard(eventId, uuidAt<TicketId>(at, crypto.getRandomValues(new Uint8Array(16))))
}
