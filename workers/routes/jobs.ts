import { z } from 'zod'
import { csvRow } from '../../core/csv.ts'
import { type JobId, parseUuid } from '../../core/ids.ts'
import type { RowError } from '../../core/job.ts'
import { Page } from '../../core/organiser-messages.ts'
import { askGatekeeperAlone } from '../gatekeepers.ts'
import { answerProblem, problemResponse } from '../problems.ts'
import { type Call, route, success } from '../route.ts'
import { jobShape, listOf, page, showJob } from '../shapes.ts'

const tag = 'Jobs'

/** So many errors stand in a job's answer; all of them are in its errors.csv. */
const ERRORS_SHOWN = 100

/** So many are asked for at a time, so that neither side holds all of them. */
const ERRORS_A_TIME = 1000

export const jobRoutes = [
  route({
    method: 'get',
    path: '/api/events/{eventId}/jobs',
    summary: 'List the jobs of an event, the newest first',
    tag,
    role: 'organiser',
    query: Page,
    answer: listOf(jobShape),
    async handle({ env, eventId, actor, query, at }) {
      const cursor = parseUuid<JobId>(query.cursor ?? '')
      const list = await askGatekeeperAlone(env, eventId, (it) => it.listJobs(actor, query.limit + 1, cursor))
      if (!list.ok) return answerProblem(list.problem)
      const { items, nextCursor } = page(list.value, query.limit)
      // What failed is told with each job alone.
      return success({ items: items.map((job) => showJob(job, [], at)), nextCursor })
    },
  }),

  route({
    method: 'get',
    path: '/api/events/{eventId}/jobs/{jobId}',
    summary: 'Show how far a job is, and the first 100 of what failed',
    tag,
    role: 'organiser',
    answer: z.object({ job: jobShape }),
    async handle(call) {
      const { env, eventId, actor, at } = call
      const id = jobIdOf(call)
      if (id === null) return problemResponse('not_found')
      const job = await askGatekeeperAlone(env, eventId, (it) => it.job(actor, id))
      if (!job.ok) return answerProblem(job.problem)
      const errors = await askGatekeeperAlone(env, eventId, (it) => it.jobErrors(actor, id, null, ERRORS_SHOWN))
      return success({ job: showJob(job.value, errors.ok ? errors.value : [], at) })
    },
  }),

  route({
    method: 'get',
    path: '/api/events/{eventId}/jobs/{jobId}/errors.csv',
    summary: 'All that failed in a job, as CSV: row, field, message',
    tag,
    role: 'organiser',
    async handle(call) {
      const id = jobIdOf(call)
      if (id === null) return problemResponse('not_found')
      const first = await errorsAfter(call, id, null)
      if (!first.ok) return answerProblem(first.problem)
      return new Response(streamErrors(call, id, first.value), {
        headers: {
          'Content-Type': 'text/csv; charset=utf-8',
          'Content-Disposition': `attachment; filename="errors-${id}.csv"`,
          'Cache-Control': 'private, no-store',
        },
      })
    },
  }),
]

type AnyCall = Call<unknown, unknown>

function jobIdOf({ params }: AnyCall): JobId | null {
  return parseUuid<JobId>(params.jobId ?? '')
}

function errorsAfter({ env, eventId, actor }: AnyCall, id: JobId, after: RowError | null) {
  return askGatekeeperAlone(env, eventId, (it) => it.jobErrors(actor, id, after, ERRORS_A_TIME))
}

function streamErrors(call: AnyCall, id: JobId, first: RowError[]): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  let errors = first
  return new ReadableStream({
    start: (controller) => controller.enqueue(encoder.encode(csvRow(['row', 'field', 'message']))),
    async pull(controller) {
      const rows = errors.map(({ row, field, message }) => csvRow([row, field, message]))
      if (rows.length > 0) controller.enqueue(encoder.encode(rows.join('')))
      if (errors.length < ERRORS_A_TIME) return controller.close()
      const more = await errorsAfter(call, id, errors.at(-1) ?? null)
      // The job was cleared away meanwhile: a cut-off answer must not look like a whole one.
      if (!more.ok) return controller.error(new Error(more.problem.code))
      errors = more.value
    },
  })
}
