import { z } from 'zod'
import { ok, type Result } from '../../core/answers.ts'
import { attachment } from '../../core/file-name.ts'
import type { OrganisationId } from '../../core/ids.ts'
import { AuditFilter } from '../../core/organiser-messages.ts'
import { type AuditMark, type AuditSlice, auditBegin } from '../../durable-objects/audit/audit.ts'
import { auditLineShape, namesFor, namesIn, showAuditLine, type WireAuditLine } from '../audit-line.ts'
import { checkOrganisationAudit, listOrganisationAudit, organisationAuditAfter, writeAudited } from '../db/audit.ts'
import { hasOrganisation } from '../db/directory.ts'
import { told } from '../doing.ts'
import type { Env } from '../env.ts'
import { auditText } from '../exports.ts'
import { askGatekeeperAlone } from '../gatekeepers.ts'
import { answerProblem, problemResponse } from '../problems.ts'
import { type Call, route, success } from '../route.ts'
import { listOf } from '../shapes.ts'
import { contentTypes, streamed } from './exports.ts'

const tag = 'Audit log'
const ofOrganisation = '/api/organisations/{organisationId}'

const checkShape = z.object({
  ok: z.boolean(),
  checked: z.int(),
  discrepancies: z.array(z.object({ id: z.string(), detail: z.string() })),
})

export const auditRoutes = [
  route({
    method: 'get',
    path: '/api/events/{eventId}/audit',
    summary: 'List what people and their keys changed about an event, the newest first',
    tag,
    role: 'organiser',
    query: AuditFilter,
    answer: listOf(auditLineShape),
    async handle({ env, eventId, actor, query }) {
      const wanted = { ...query, limit: query.limit + 1 }
      const list = await askGatekeeperAlone(env, eventId, (gatekeeper) => gatekeeper.listAudit(actor, wanted))
      if (!list.ok) return answerProblem(list.problem)
      const names = await namesFor(env, actor)
      return answerList(
        list.value.map((line) => showAuditLine(line, names)),
        query.limit,
      )
    },
  }),

  route({
    method: 'get',
    path: `${ofOrganisation}/audit`,
    summary: 'List what people and their keys changed about an organisation, the newest first',
    tag,
    role: 'organiser',
    query: AuditFilter,
    answer: listOf(auditLineShape),
    async handle({ env, organisationId, query }) {
      if (!(await hasOrganisation(env.DB, organisationId))) return problemResponse('not_found')
      const lines = await listOrganisationAudit(env.DB, organisationId, { ...query, limit: query.limit + 1 })
      const names = await namesIn(env, organisationId)
      return answerList(
        lines.map((line) => showAuditLine(line, names)),
        query.limit,
      )
    },
  }),

  route({
    method: 'get',
    path: `${ofOrganisation}/audit/integrity`,
    summary: "Check the organisation's audit log: every line against its hash, and the hashes against each other",
    tag,
    role: 'organiser',
    answer: checkShape,
    async handle({ env, organisationId }) {
      if (!(await hasOrganisation(env.DB, organisationId))) return problemResponse('not_found')
      const checked = await checkAuditLog(async (mark) =>
        ok(await checkOrganisationAudit(env.DB, organisationId, mark ?? auditBegin())),
      )
      if (!checked.ok) return answerProblem(checked.problem)
      const discrepancies = checked.value.wrong.map(({ no, detail }) => ({ id: String(no), detail }))
      return success({ ok: discrepancies.length === 0, checked: checked.value.checked, discrepancies })
    },
  }),

  ...(['csv', 'ndjson'] as const).map((format) =>
    route({
      method: 'get',
      path: `${ofOrganisation}/exports/audit.${format}`,
      audit: 'audit.exported',
      summary: `Everything that people and their keys changed about an organisation, streamed as ${format.toUpperCase()}`,
      tag,
      role: 'organiser',
      handle: (call) => exportAs(call, format),
    }),
  ),
]

/** Checks all lines, a slice at a time. */
export async function checkAuditLog(
  checkFrom: (mark: AuditMark | null) => Promise<Result<AuditSlice>>,
): Promise<Result<Omit<AuditSlice, 'mark'>>> {
  const found: Omit<AuditSlice, 'mark'> = { checked: 0, wrong: [] }
  let mark: AuditMark | null = null
  do {
    const slice: Result<AuditSlice> = await checkFrom(mark)
    if (!slice.ok) return slice
    found.checked += slice.value.checked
    found.wrong.push(...slice.value.wrong)
    mark = slice.value.mark
  } while (mark !== null)
  return ok(found)
}

function answerList(lines: WireAuditLine[], limit: number): Response {
  const items = lines.slice(0, limit)
  return success({ items, nextCursor: lines.length > limit ? (items.at(-1)?.id ?? null) : null })
}

type OrganisationCall = Call<unknown, unknown>

async function exportAs(call: OrganisationCall, format: 'csv' | 'ndjson'): Promise<Response> {
  const { env, organisationId, doing, at } = call
  if (!(await hasOrganisation(env.DB, organisationId))) return problemResponse('not_found')
  await writeAudited(env.DB, organisationId, told(doing), { subject: null, changes: [] }, at)
  return new Response(streamed('', auditText(format, pages(env, organisationId)), null), {
    headers: {
      'Content-Type': contentTypes[format],
      'Content-Disposition': attachment(`audit.${format}`),
      'Cache-Control': 'no-store',
    },
  })
}

const LINES_A_PAGE = 500

async function* pages(env: Env, organisationId: OrganisationId): AsyncGenerator<WireAuditLine[]> {
  const names = await namesIn(env, organisationId)
  for (let last = 0, full = true; full; ) {
    const lines = await organisationAuditAfter(env.DB, organisationId, last, LINES_A_PAGE)
    yield lines.map((line) => showAuditLine(line, names))
    last = lines.at(-1)?.line.no ?? last
    full = lines.length === LINES_A_PAGE
  }
}
