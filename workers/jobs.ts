import type { EventId, JobId } from '../core/ids.ts'
import type { ChunkResult, JobKind, JobMessage } from '../core/job.ts'
import type { Step } from '../durable-objects/job-running.ts'
import { log } from '../durable-objects/logging.ts'
import type { Env } from './env.ts'
import { askGatekeeper } from './gatekeepers.ts'

/** What the Worker does of a chunk, for the kinds whose work is not the Gatekeeper's. */
type WorkerWork = (env: Env, eventId: EventId, work: unknown) => Promise<ChunkResult>

/** Null: the Gatekeeper does all of it. */
const kinds: Record<JobKind, WorkerWork | null> = {
  import: null,
}

/** A message goes on for so long, and then hands over to a new one, as an invocation may not last for ever. */
const SHIFT_MS = 10_000
const SHIFT_STEPS = 40

/** The queue's consumer: each message is one lane of one job. They do not wait for each other. */
export async function carryOn(batch: MessageBatch<JobMessage>, env: Env): Promise<void> {
  await Promise.all(
    batch.messages.map(async (message) => {
      try {
        await carryOnJob(env, message.body)
        message.ack()
      } catch (error) {
        // The Gatekeeper or KV is away. The chunk is still to be done, and this message or the Gatekeeper brings it back.
        log('error', 'jobs: a message was not done', { ...message.body, error })
        message.retry()
      }
    }),
  )
}

async function carryOnJob(env: Env, { eventId, jobId, chunk }: JobMessage): Promise<void> {
  const until = Date.now() + SHIFT_MS
  let step: Step = { kind: 'next', chunk }
  for (let count = 0; step.kind !== 'over'; count++) {
    const isLate = count >= SHIFT_STEPS || Date.now() >= until
    if (step.kind === 'next' && isLate) {
      await env.JOBS.send({ eventId, jobId, chunk: step.chunk })
      return
    }
    step = await goOn(env, eventId, jobId, step)
  }
}

async function goOn(env: Env, eventId: EventId, jobId: JobId, step: Exclude<Step, { kind: 'over' }>): Promise<Step> {
  const { chunk } = step
  switch (step.kind) {
    case 'next':
      return askGatekeeper(env, eventId, (gatekeeper) => gatekeeper.runJob(jobId, chunk))
    case 'work': {
      const result = await workOf(step.jobKind)(env, eventId, step.work)
      return askGatekeeper(env, eventId, (gatekeeper) => gatekeeper.settleChunk(jobId, chunk, result))
    }
  }
}

function workOf(kind: JobKind): WorkerWork {
  const work = kinds[kind]
  if (work === null) throw new Error(`the Worker has nothing to do for a job of kind ${kind}`)
  return work
}
