import type { EventId, JobId } from '../core/ids.ts'
import type { ChunkResult, JobKind, JobMessage } from '../core/job.ts'
import type { Step } from '../durable-objects/jobs/job-running.ts'
import { log } from '../durable-objects/logging.ts'
import type { Env } from './env.ts'
import { askGatekeeper, askGatekeeperAlone } from './gatekeepers.ts'
import { warmTickets } from './warming.ts'

/** What the Worker does of a chunk, for the kinds whose work is not the Gatekeeper's. */
type WorkerKind = {
  work: (env: Env, eventId: EventId, work: unknown) => Promise<ChunkResult>
  /** How many calls to KV a chunk may take. */
  kvCalls: number
}

/** Null: the Gatekeeper does all of it. */
const kinds: Record<JobKind, WorkerKind | null> = {
  import: null,
  warm: { work: warmTickets, kvCalls: 200 },
}

/** What is left of the calls to KV that the platform allows an invocation, whose messages share it. */
type Allowance = { kvCalls: number }
const KV_CALLS = 1000

/** A message goes on for so long, and then hands over to a new one, as an invocation may not last for ever. */
const SHIFT_MS = 10_000
const SHIFT_STEPS = 40

/** The queue's consumer: each message is one lane of one job. They do not wait for each other. */
export async function carryOn(batch: MessageBatch<JobMessage>, env: Env): Promise<void> {
  const allowance = { kvCalls: KV_CALLS }
  await Promise.all(
    batch.messages.map(async (message) => {
      try {
        await carryOnJob(env, message.body, allowance)
        message.ack()
      } catch (error) {
        // The Gatekeeper or KV is away. The chunk is still to be done, and this message or the Gatekeeper brings it back.
        log('error', 'jobs: a message was not done', { ...message.body, error })
        message.retry()
      }
    }),
  )
}

async function carryOnJob(env: Env, { eventId, jobId, chunk }: JobMessage, allowance: Allowance): Promise<void> {
  const until = Date.now() + SHIFT_MS
  let step: Step = { kind: 'next', chunk }
  let kvCalls = 0
  for (let count = 0; step.kind !== 'over'; count++) {
    const isLate = step.kind === 'next' && (count >= SHIFT_STEPS || Date.now() >= until)
    // A chunk of a kind that is known already is not even asked for where there would be no calls left for it.
    if (step.kind === 'work') kvCalls = workOf(step.jobKind).kvCalls
    if (isLate || kvCalls > allowance.kvCalls) {
      await env.JOBS.send({ eventId, jobId, chunk: step.chunk })
      return
    }
    step = await goOn(env, eventId, jobId, step, allowance)
  }
}

type Going = Exclude<Step, { kind: 'over' }>

async function goOn(env: Env, eventId: EventId, jobId: JobId, step: Going, allowance: Allowance): Promise<Step> {
  const { chunk } = step
  switch (step.kind) {
    case 'next':
      return askGatekeeper(env, eventId, (gatekeeper) => gatekeeper.runJob(jobId, chunk))
    case 'work': {
      const { work, kvCalls } = workOf(step.jobKind)
      allowance.kvCalls -= kvCalls
      const result = await work(env, eventId, step.work)
      return askGatekeeperAlone(env, eventId, (gatekeeper) => gatekeeper.settleChunk(jobId, chunk, result))
    }
  }
}

function workOf(kind: JobKind): WorkerKind {
  const found = kinds[kind]
  if (found === null) throw new Error(`the Worker has nothing to do for a job of kind ${kind}`)
  return found
}
