import { z } from 'zod'
import type { TicketId } from '../../core/ids.ts'
import { DuplicatePage, EntryFilter } from '../../core/organiser-messages.ts'
import { reaches } from '../access.ts'
import { type DuplicateRow, listDuplicates, listEntries } from '../db/entries.ts'
import { countDuplicates } from '../db/reports.ts'
import { askGatekeeperAlone } from '../gatekeepers.ts'
import { answerProblem } from '../problems.ts'
import { route, success } from '../route.ts'
import { entryShape, idOfRow, iso, showEntryRow } from '../shapes.ts'
import { caughtUp } from './analytics.ts'

const person = z.object({ name: z.string().nullable(), email: z.string().nullable() })

const duplicateShape = z.object({
  id: z.string(),
  ticketId: z.string().nullable(),
  event: z.object({ id: z.string(), title: z.string() }),
  booking: z.object({ user: person }),
  staff: person,
  gateId: z.string(),
  scannedAt: z.iso.datetime(),
  duplicateAttemptNumber: z.int().nullable(),
  originalScanId: z.object({ id: z.string(), scannedAt: z.iso.datetime(), gateId: z.string() }).nullable(),
})

export const entryRoutes = [
  route({
    method: 'get',
    path: '/api/events/{eventId}/entries',
    summary:
      'List the entries of the log, the newest first; nobody is named. A page that is filtered may hold fewer than asked for, ' +
      'even none: the list ends where nextCursor is null. pending: entries not yet in the list',
    tag: 'Reports',
    role: 'viewer',
    query: EntryFilter,
    answer: z.object({ items: z.array(entryShape), nextCursor: z.string().nullable(), pending: z.int() }),
    async handle(call) {
      const { env, eventId, query } = call
      const live = await caughtUp(call)
      if (!live.ok) return answerProblem(live.problem)
      const gateNames = new Map(live.value.gates.map(({ id, name }) => [id as string, name]))
      const { rows, nextCursor } = await listEntries(env.DB, eventId, query)
      return success({
        items: rows.map((row) => showEntryRow(row, gateNames)),
        nextCursor,
        pending: live.value.pending,
      })
    },
  }),

  route({
    method: 'get',
    path: '/api/hp-scanner/duplicate-attempts/{eventId}',
    summary: 'Tickets that were shown again, the newest first; people are named to supervisors and above',
    tag: 'Reports',
    role: 'viewer',
    query: DuplicatePage,
    answer: z.object({
      duplicates: z.array(duplicateShape),
      pagination: z.object({ total: z.int(), page: z.int(), limit: z.int(), pages: z.int() }),
    }),
    async handle(call) {
      const { env, eventId, query, caller, actor } = call
      const live = await caughtUp(call)
      if (!live.ok) return answerProblem(live.problem)
      const [rows, total] = await Promise.all([
        listDuplicates(env.DB, eventId, query),
        countDuplicates(env.DB, eventId, query.gateId),
      ])
      const ids = [...new Set(rows.map(({ duplicate }) => duplicate.ticket as TicketId))]
      // Where D1 is read, nobody's name is; the Gatekeeper has the people, and only those who may see them ask it.
      const namesPeople = reaches(caller.role, 'supervisor')
      const found = namesPeople
        ? await askGatekeeperAlone(env, eventId, (gatekeeper) => gatekeeper.ticketsById(actor, ids))
        : { ok: true as const, value: [] }
      if (!found.ok) return answerProblem(found.problem)
      const holders = new Map(
        found.value.map(({ id, holder, booking }) => [
          id as string,
          { name: holder.name ?? booking?.name ?? null, email: holder.email ?? booking?.email ?? null },
        ]),
      )
      const { event, staff } = live.value
      const staffById = new Map(staff.map(({ id, name, email }) => [id as string, { name, email }]))
      const names = { holders, staff: namesPeople ? staffById : new Map<string, Person>() }
      return success({
        duplicates: rows.map((row) => showDuplicate(row, event, names)),
        pagination: { total, page: query.page, limit: query.limit, pages: Math.ceil(total / query.limit) },
      })
    },
  }),
]

type Person = z.input<typeof person>

const nobody: Person = { name: null, email: null }

function showDuplicate(
  { duplicate, original }: DuplicateRow,
  { id, title }: { id: string; title: string },
  names: { holders: Map<string, Person>; staff: Map<string, Person> },
): z.input<typeof duplicateShape> {
  return {
    id: idOfRow(duplicate),
    ticketId: duplicate.ticket as string | null,
    event: { id, title },
    booking: { user: names.holders.get(duplicate.ticket as string) ?? nobody },
    staff: names.staff.get(duplicate.staff ?? '') ?? nobody,
    gateId: duplicate.gate,
    scannedAt: iso(duplicate.scannedAt),
    duplicateAttemptNumber: duplicate.attempt,
    originalScanId: original && {
      id: idOfRow(original),
      scannedAt: iso(original.scannedAt),
      gateId: original.gate,
    },
  }
}
