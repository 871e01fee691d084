import { z } from 'zod'
import { type EventId, type JobId, uuidAt } from '../../core/ids.ts'
import { columnMapping, importFields } from '../../core/import-columns.ts'
import type { ChunkResult } from '../../core/job.ts'
import { deriveKey } from '../../core/keys.ts'
import type { NewTicket } from '../../core/organiser-messages.ts'
import { inSomeShard } from '../../core/shards.ts'
import type { ImportContext, ImportRow } from '../../durable-objects/jobs/importing.ts'
import type { Part } from '../../durable-objects/jobs/jobs.ts'
import type { Checked } from '../../durable-objects/tickets/tickets.ts'
import { NotCsv, TooLarge } from '../csv-text.ts'
import { askGatekeeper, askGatekeeperAlone, Unavailable } from '../gatekeepers.ts'
import { BadFile, type Batch, IMPORT_MAX_BYTES, IMPORT_MAX_ROWS, openSheet, TooManyRows } from '../importing.ts'
import { ringOf } from '../key-ring.ts'
import { answerProblem, badRequestResponse, problemResponse } from '../problems.ts'
import { type Call, route, success } from '../route.ts'
import { isoOrNull, jobShape, showJob } from '../shapes.ts'

/** Tickets that the Gatekeeper issues in one go. Few, since a scan may have to wait for them. */
const CHUNK_ROWS = 16

/** Rows that go to the Gatekeeper in one call. */
const BATCH_ROWS = 200

/** So many rows are shown as they would be issued. */
const PREVIEW_ROWS = 5

const columnsParameter = z
  .string()
  .transform((text, context): unknown => {
    try {
      return JSON.parse(text)
    } catch {
      // A SyntaxError is how JSON.parse says that this is no JSON.
      context.addIssue({ code: 'custom', message: 'must be JSON such as {"Their header": "name"}' })
      return z.NEVER
    }
  })
  .pipe(z.record(z.string(), z.enum(importFields).nullable()))

const importedJobShape = jobShape.extend({
  dryRun: z.boolean(),
  file: z.object({
    encoding: z.string(),
    delimiter: z.string(),
    headerLine: z.int(),
    columns: z.record(z.string(), z.string()),
    ignored: z.array(z.string()),
  }),
})

export const importRoutes = [
  route({
    method: 'post',
    path: '/api/events/{eventId}/imports',
    audit: 'tickets.imported',
    summary:
      'Import tickets from a CSV file (text/csv, up to 10 MiB and 100,000 rows) as a job; dryRun says what would happen',
    tag: 'Jobs',
    role: 'organiser',
    query: z.object({ dryRun: z.enum(['true', 'false']).default('false'), columns: columnsParameter.optional() }),
    answer: z.object({ job: importedJobShape, preview: z.array(z.unknown()).optional() }),
    status: 202,
    async handle(call) {
      const refused = refuseBody(call.request)
      if (refused) return refused
      const { env, eventId, actor, query } = call
      const context = await askGatekeeperAlone(env, eventId, (it) => it.importContext(actor))
      if (!context.ok) return answerProblem(context.problem)
      const isDryRun = query.dryRun === 'true'
      const id = uuidAt<JobId>(call.at, crypto.getRandomValues(new Uint8Array(16)))
      const purpose = isDryRun ? new DryRun(call, context.value) : new Staging(eventId)
      const answer = importFile(call, id, context.value, purpose).catch((error: unknown) => giveUp(call, id, error))
      // A client that hangs up ends the request; what it had sent must be put away all the same.
      call.ctx.waitUntil(answer.catch(() => 'told by the answer'))
      return answer
    },
  }),
]

type ImportCall = Call<unknown, { columns?: Parameters<typeof columnMapping>[0] | undefined }>

/** What becomes of the rows of a file: a part of the job for each batch of them. */
type Purpose = { isDryRun: boolean; preview: unknown[] | null; partOf: (batch: Batch) => Promise<Part> }

/** Reads the file into a job. All of it is there before any of it is done, so that half a file issues nothing. */
async function importFile(call: ImportCall, id: JobId, context: ImportContext, purpose: Purpose): Promise<Response> {
  const { env, eventId, actor, request, query } = call
  const key = deriveKey(ringOf(env).eldest.secret, `import/${eventId}`)
  const body = request.body ?? new Blob([]).stream()
  const { facts, batches } = await openSheet(body, columnMapping(query.columns ?? {}), { ...context, key }, BATCH_ROWS)
  const about = () => ({ dryRun: purpose.isDryRun, file: { ...facts } })
  const opened = await askGatekeeperAlone(env, eventId, (it) =>
    it.openJob(actor, { id, kind: 'import', outcome: { created: 0, existed: 0 }, about: about() }, Date.now()),
  )
  if (!opened.ok) return answerProblem(opened.problem)
  let no = 0
  for await (const batch of batches) {
    const part = await purpose.partOf(batch)
    // One after the other: a file that comes faster than it is taken waits on its connection.
    const added = await askGatekeeperAlone(env, eventId, (it) => it.addToJob(actor, id, no, part, Date.now()))
    if (!added.ok) return answerProblem(added.problem)
    if (!added.value) throw new Unavailable('the upload took so long that it was given up')
    no++
  }
  const queued = await askGatekeeper(env, eventId, (it) => it.queueJob(actor, id, about(), Date.now()))
  if (!queued.ok) return answerProblem(queued.problem)
  const errors = await askGatekeeperAlone(env, eventId, (it) => it.jobErrors(actor, id, null, 100))
  const job = showJob(queued.value, errors.ok ? errors.value : [], Date.now())
  return success({ job, ...(purpose.preview ? { preview: purpose.preview } : {}) }, { status: 202 })
}

/** The rows are kept, to be issued once all of them are there. */
class Staging implements Purpose {
  readonly isDryRun = false
  readonly preview = null
  readonly #eventId: EventId

  constructor(eventId: EventId) {
    this.#eventId = eventId
  }

  async partOf({ rows, errors, failed }: Batch): Promise<Part> {
    const chunks = []
    for (let at = 0; at < rows.length; at += CHUNK_ROWS) {
      const payload = rows.slice(at, at + CHUNK_ROWS).map((row) => ({ ...row, id: inSomeShard(this.#eventId, row.id) }))
      chunks.push({ items: payload.length, payload })
    }
    return { chunks, settled: { done: 0, failed, outcome: {}, errors } }
  }
}

/** The rows are looked at and left. */
class DryRun implements Purpose {
  readonly isDryRun = true
  readonly preview: unknown[] = []
  readonly #call: ImportCall
  readonly #types: ImportContext['types']
  readonly #people = new Map<string, number>()

  constructor(call: ImportCall, { types }: ImportContext) {
    this.#call = call
    this.#types = types
  }

  async partOf({ rows, errors, failed }: Batch): Promise<Part> {
    const { env, eventId, actor } = this.#call
    const settled: ChunkResult = { done: 0, failed, outcome: {}, errors: [...errors] }
    const checked = await askGatekeeperAlone(env, eventId, (it) => it.checkRows(actor, rows))
    if (!checked.ok) throw new Error(checked.problem.code)
    for (const [i, row] of rows.entries()) this.#settle(row, checked.value[i] ?? { kind: 'exists' }, settled)
    return { chunks: [], settled }
  }

  #settle({ row, ticket }: ImportRow, checked: Checked, settled: ChunkResult): void {
    const issues = checked.kind === 'wrong' ? checked.issues : this.#soldOut(ticket, checked.kind === 'new')
    if (issues.length > 0) {
      settled.failed++
      settled.errors.push(...issues.map(({ field, message }) => ({ row, field, message })))
      return
    }
    settled.done++
    const outcome = checked.kind === 'new' ? 'created' : 'existed'
    settled.outcome[outcome] = (settled.outcome[outcome] ?? 0) + 1
    if (this.preview.length < PREVIEW_ROWS)
      this.preview.push({ row, created: checked.kind === 'new', ...shown(ticket) })
  }

  /** Counted over the whole file, as the tickets would be issued. */
  #soldOut({ type, admits }: NewTicket, isNew: boolean): { field: string; message: string }[] {
    const known = this.#types.find(({ id }) => id === type)
    if (!isNew || !known || known.left === null) return []
    const people = (this.#people.get(type) ?? 0) + (admits ?? known.admits)
    if (people > known.left) return [{ field: 'type', message: `"${type}" is sold out` }]
    this.#people.set(type, people)
    return []
  }
}

function shown({ validFrom, validUntil, ...ticket }: NewTicket) {
  return { ...ticket, validFrom: isoOrNull(validFrom ?? null), validUntil: isoOrNull(validUntil ?? null) }
}

/** Says no to what is no CSV file before any of it is read. */
function refuseBody({ headers }: Request): Response | null {
  if (Number(headers.get('Content-Length') ?? 0) > IMPORT_MAX_BYTES) return tooLarge()
  const type = headers.get('Content-Type')?.split(';')[0]?.trim().toLowerCase() ?? 'text/csv'
  const isText = type.startsWith('text/') || /^application\/(csv|vnd\.ms-excel|octet-stream)$/.test(type)
  if (isText) return null
  return badRequestResponse([{ field: 'Content-Type', message: `must be text/csv, with the file itself as the body` }])
}

/** Ends a job that came to nothing: as if it had never been where the file was no good, and else as failed. */
async function giveUp({ env, eventId, actor }: ImportCall, id: JobId, error: unknown): Promise<Response> {
  const answer = answerTo(error)
  const reason = answer ? null : 'the file did not arrive whole; nothing of it was issued'
  await askGatekeeperAlone(env, eventId, (it) => it.dropJob(actor, id, reason, Date.now()))
  if (answer) return answer
  throw error
}

function answerTo(error: unknown): Response | null {
  if (error instanceof BadFile) return badRequestResponse(error.issues)
  if (error instanceof NotCsv) return badRequestResponse([{ field: 'file', message: error.message }])
  if (error instanceof TooLarge || error instanceof TooManyRows) return tooLarge()
  return null
}

function tooLarge(): Response {
  const message = `is larger than ${IMPORT_MAX_BYTES / 1024 / 1024} MiB or has more than ${IMPORT_MAX_ROWS} rows: send it in parts`
  return problemResponse('too_large', { data: { issues: [{ field: 'file', message }] } })
}
