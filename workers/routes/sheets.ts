import { z } from 'zod'
import { TicketFilter } from '../../core/organiser-messages.ts'
import type { SheetPlan } from '../../durable-objects/jobs/sheets.ts'
import type { TicketDetails } from '../../durable-objects/tickets/ticket-rows.ts'
import { askGatekeeperAlone, Unavailable } from '../gatekeepers.ts'
import { badges, type Layout, wholePage } from '../paper/layouts.ts'
import { fileName, pdfOf, zipOf } from '../paper/sheet.ts'
import { answerProblem, problemResponse } from '../problems.ts'
import { type Call, route } from '../route.ts'
import { languageFor } from '../ticket-page/words.ts'

const tag = 'Tickets'

/** Which tickets go on paper. Revoked ones do so only where they are asked for. */
const SheetFilter = TicketFilter.pick({ search: true, status: true, type: true })
type SheetFilter = z.output<typeof SheetFilter>

/** Any usual badge, and nothing so small that a code on it could not be read. */
const cardSize = z
  .string()
  .regex(/^\d{2,3}x\d{2,3}$/, 'must be millimetres such as 90x55')
  .transform((text) => text.split('x').map(Number) as [number, number])
  .refine(([width, height]) => width >= 70 && width <= 200 && height >= 38 && height <= 287, {
    error: 'must be from 70x38 to 200x287 millimetres',
  })

export const sheetRoutes = [
  route({
    method: 'get',
    path: '/api/events/{eventId}/sheet.pdf',
    audit: 'tickets.printed',
    summary:
      'Tickets on paper, as a PDF: one a page, or a sheet of badges to cut (streamed; X-Total-Count says how many)',
    tag,
    role: 'organiser',
    query: SheetFilter.extend({
      layout: z.enum(['ticket', 'badges']).default('ticket'),
      /** Of a badge, in millimetres. */
      size: cardSize.default([90, 55]),
      /** A language's tag, for the few words beside the names. */
      lang: z.string().max(40).default('en'),
    }),
    async handle(call) {
      const { layout, size, lang } = call.query
      const plan = await planOf(call)
      if (plan instanceof Response) return plan
      const chosen: Layout = layout === 'ticket' ? wholePage : badges(...size)
      const tickets = ticketsOf(call)
      const pdf = await pdfOf({ env: call.env, plan, tickets }, chosen, languageFor(lang))
      const response = download(pdf, plan, 'pdf', 'application/pdf')
      // Of tickets; a page that lists names which cannot be written, or says that there are none, comes on top.
      if (plan.total !== null) response.headers.set('X-Total-Pages', String(Math.ceil(plan.total / chosen.perPage)))
      return response
    },
  }),

  route({
    method: 'get',
    path: '/api/events/{eventId}/sheet.zip',
    audit: 'tickets.printed',
    summary: "The tickets' codes as PNGs in a ZIP, named by reference and short code (streamed)",
    tag,
    role: 'organiser',
    query: SheetFilter.extend({ size: z.coerce.number().int().min(64).max(2048).default(684) }),
    async handle(call) {
      const plan = await planOf(call)
      if (plan instanceof Response) return plan
      const zip = zipOf({ env: call.env, plan, tickets: ticketsOf(call) }, call.query.size)
      return download(zip, plan, 'zip', 'application/zip')
    },
  }),
]

type SheetCall = Call<unknown, SheetFilter>

async function planOf({ env, eventId, actor, query }: SheetCall): Promise<SheetPlan | Response> {
  const plan = await askGatekeeperAlone(env, eventId, (gatekeeper) => gatekeeper.planSheet(actor, filterOf(query)))
  if (!plan.ok) return answerProblem(plan.problem)
  return plan.value.event.policy.rotatingCodes ? problemResponse('codes_rotate') : plan.value
}

/** The tickets of a sheet, asked for in pages as they are drawn, between which the Gatekeeper judges scans. */
async function* ticketsOf({ env, eventId, actor, query }: SheetCall): AsyncGenerator<TicketDetails> {
  for (let cursor: string | undefined; ; ) {
    const filter = { ...filterOf(query), limit: PAGE, ...(cursor ? { cursor } : {}) } as TicketFilter
    const page = await askGatekeeperAlone(env, eventId, (gatekeeper) => gatekeeper.listForSheet(actor, filter))
    // The first page could be had; whatever this is, the reader must see that the rest is missing.
    if (!page.ok) throw new Unavailable(page.problem.code)
    yield* page.value.items
    if (page.value.nextCursor === null) return
    cursor = page.value.nextCursor
  }
}

const PAGE = 200

function filterOf({ search, status, type }: SheetFilter): SheetFilter {
  return { search, status, type }
}

function download(body: ReadableStream<Uint8Array>, plan: SheetPlan, extension: string, type: string): Response {
  const name = fileName({ reference: plan.event.title, shortCode: 'tickets' })
  return new Response(body, {
    headers: {
      'Content-Type': type,
      // Whoever has the file has the tickets.
      'Cache-Control': 'private, no-store',
      'Content-Disposition': `attachment; filename="tickets.${extension}"; filename*=UTF-8''${encodeURIComponent(name)}.${extension}`,
      ...(plan.total === null ? {} : { 'X-Total-Count': String(plan.total) }),
    },
  })
}
