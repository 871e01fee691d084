import type { EventId, JobId } from './ids.ts'

/** What a job does. Each kind's work stands in `durable-objects/jobs/job-kinds.ts` and `workers/jobs.ts`. */
export const jobKinds = ['import', 'warm'] as const
export type JobKind = (typeof jobKinds)[number]

/** `done` with failures is a job that ended with bad rows; `failed` is one that was given up. */
export type JobState = 'queued' | 'running' | 'done' | 'failed'

/** A long piece of work on one event. Instants are milliseconds since 1970. `done` and `failed` add up to `total`. */
export type Job = {
  id: JobId
  kind: JobKind
  state: JobState
  total: number
  done: number
  failed: number
  /** What came of what is done, by name: how many tickets were created, say. */
  outcome: Record<string, number>
  /** What else is told of it, as its kind likes. Nothing personal. */
  about: Record<string, unknown>
  createdAt: number
  startedAt: number | null
  finishedAt: number | null
}

/** The row that stands for all of a file: what is wrong with it is wrong with no single line. */
export const WHOLE_FILE = 0

/** One thing that failed: the line of a file, or the place in a list, from 1 on. Holds nothing personal. */
export type RowError = { row: number; field: string; message: string }

/** What came of one chunk of a job. */
export type ChunkResult = { done: number; failed: number; outcome: Record<string, number>; errors: RowError[] }

/** What a queue carries: which chunk is next. Everything else stays in the Gatekeeper. */
export type JobMessage = { eventId: EventId; jobId: JobId; chunk: number }

/** Takes a job and the time; gives how many of its items it has dealt with a second, one digit behind the point. */
export function perSecond(job: Job, at: number): number {
  if (job.startedAt === null) return 0
  const seconds = Math.max(0.001, ((job.finishedAt ?? at) - job.startedAt) / 1000)
  return Math.round(((job.done + job.failed) / seconds) * 10) / 10
}
