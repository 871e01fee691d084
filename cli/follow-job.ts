import { setTimeout as sleep } from 'node:timers/promises'
import { Presets, SingleBar } from 'cli-progress'
import type { Api } from './api.ts'

/** A job as the server shows it. */
export type Job = {
  id: string
  state: 'queued' | 'running' | 'done' | 'failed'
  total: number
  done: number
  failed: number
  outcome: Record<string, number>
  perSecond: number
  errors: { row: number; field: string; message: string }[]
}

/** Whoever just began a job may learn at once that it is over; one that takes its time is asked after less often. */
const FIRST_WAIT_MS = 100
const WAIT_MS = 1000

/** Waits until a job is over and gives it as it is then. Draws a bar on stderr where somebody watches. */
export async function followJob(api: Api, eventId: string, begun: Job, what: string): Promise<Job> {
  const bar = new SingleBar(
    {
      format: `${what} {bar} {percentage}% | {value} of {total} | {speed}/s | {eta_formatted} left`,
      hideCursor: true,
      clearOnComplete: true,
      stream: process.stderr,
    },
    Presets.shades_classic,
  )
  if (process.stderr.isTTY) bar.start(begun.total, 0, { speed: 0 })
  try {
    let job = begun
    for (let waitMs = FIRST_WAIT_MS; !isOver(job); waitMs = Math.min(waitMs * 2, WAIT_MS)) {
      await sleep(waitMs)
      const { data } = await api.get<{ data: { job: Job } }>(`/api/events/${eventId}/jobs/${begun.id}`)
      job = data.job
      bar.setTotal(job.total)
      bar.update(job.done + job.failed, { speed: Math.round(job.perSecond) })
      if (!process.stderr.isTTY && !isOver(job)) tellPlainly(what, job)
    }
    return job
  } finally {
    bar.stop()
  }
}

// Where nobody watches there is a log, perhaps: a line a second at most, and none for what is over at once.
function tellPlainly(what: string, { total, done, failed, perSecond }: Job): void {
  if (done + failed > 0) process.stderr.write(`${what}: ${done + failed} of ${total}, ${Math.round(perSecond)}/s\n`)
}

function isOver({ state }: Job): boolean {
  return state === 'done' || state === 'failed'
}
