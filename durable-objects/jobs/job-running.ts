import { ok, type Result } from '../../core/answers.ts'
import type { EventId, JobId } from '../../core/ids.ts'
import type { ChunkResult, Job, JobKind, JobMessage } from '../../core/job.ts'
import type { EventParts } from '../event-parts.ts'
import { log } from '../logging.ts'
import { kinds } from './job-kinds.ts'

/** How a job goes on after a call: with another chunk, with work for the Worker, or not by this message. */
export type Step =
  | { kind: 'next'; chunk: number }
  | { kind: 'work'; jobKind: JobKind; chunk: number; work: unknown }
  | { kind: 'over' }

/** Runs a change in a transaction of its own, when the scans that wait have been judged. */
type Transact = <T>(work: (parts: EventParts) => Result<T>) => Promise<Result<T>>

/** One call does chunks for so long at most, and so many, since the clock may stand still meanwhile. */
const SPELL_MS = 500
const SPELL_CHUNKS = 100

const over: Step = { kind: 'over' }

/** Does the chunks of jobs, one transaction each, and pushes jobs that stand still. */
export class JobRunner {
  readonly #queue: Queue<JobMessage>
  readonly #transact: Transact
  /** What is being done just now, by job and lane: a message that is delivered twice does nothing beside the first. */
  readonly #busy = new Set<string>()

  constructor(queue: Queue<JobMessage>, transact: Transact) {
    this.#queue = queue
    this.#transact = transact
  }

  /** Does this chunk and those after it in its lane, for a while. One that was done already is not done again. */
  async run(id: JobId, first: number): Promise<Step> {
    const lane = await this.#laneOf(id, first)
    if (lane === null || this.#busy.has(lane)) return over
    this.#busy.add(lane)
    try {
      const until = Date.now() + SPELL_MS
      let step = await this.#attempt(id, first)
      for (let count = 1; step.kind === 'next' && count < SPELL_CHUNKS && Date.now() < until; count++) {
        step = await this.#attempt(id, step.chunk)
      }
      return step
    } finally {
      this.#busy.delete(lane)
    }
  }

  /** Counts what the Worker did of a chunk; gives how it goes on. */
  async settle(id: JobId, no: number, result: ChunkResult): Promise<Step> {
    return this.#step((parts) => {
      const { jobs } = parts
      const job = jobs.get(id)
      if (!job) return over
      settleChunk(parts, job, no, result, Date.now())
      return stepTo(jobs.next(id, no, kinds[job.kind].lanes))
    })
  }

  /** Sends a message for the first chunk of each lane of a job. Where the queue is away, the alarm tries it again. */
  async send(eventId: EventId, { id, kind }: Job): Promise<void> {
    const first = await this.#transact(({ jobs }) => ok(jobs.firsts(id, kinds[kind].lanes)))
    if (!first.ok || first.value.length === 0) return
    try {
      await this.#queue.sendBatch(first.value.map((chunk) => ({ body: { eventId, jobId: id, chunk } })))
    } catch (error) {
      log('error', 'jobs: the queue took no message', { jobId: id, error })
    }
  }

  /** Looks after jobs that stand still; gives when to look again, or null. */
  async tend(at: number): Promise<number | null> {
    const tended = await this.#transact(({ jobs, configuration }) => {
      return ok({ eventId: configuration.event.id, ...jobs.tend(at) })
    })
    if (!tended.ok) return null
    for (const job of tended.value.stalled) await this.send(tended.value.eventId, job)
    return tended.value.nextAt
  }

  async #attempt(id: JobId, no: number): Promise<Step> {
    try {
      return await this.#step((parts) => runChunk(parts, id, no, Date.now()))
    } catch (error) {
      // A bug, or a disk that is full: the chunk was rolled back whole. It is tried again, and in the end given up, so
      // that one bad chunk does not keep the others waiting.
      log('error', 'jobs: a chunk failed', { jobId: id, chunk: no, error })
      return this.#step(({ jobs }) => {
        const job = jobs.get(id)
        jobs.tryAgain(id, no, Date.now())
        return job ? stepTo(jobs.next(id, no - kinds[job.kind].lanes, kinds[job.kind].lanes)) : over
      })
    }
  }

  async #step(work: (parts: EventParts) => Step): Promise<Step> {
    const result = await this.#transact((parts) => ok(work(parts)))
    return result.ok ? result.value : over
  }

  async #laneOf(id: JobId, no: number): Promise<string | null> {
    const found = await this.#transact(({ jobs }) => ok(jobs.get(id)))
    if (!found.ok || found.value === null) return null
    return `${id} ${no % kinds[found.value.kind].lanes}`
  }
}

function runChunk(parts: EventParts, id: JobId, no: number, at: number): Step {
  const { jobs } = parts
  const job = jobs.get(id)
  const chunk = jobs.chunk(id, no)
  // Done already: whoever did it goes on with the next.
  if (!job || !chunk) return over
  jobs.start(id, at)
  const done = kinds[job.kind].run(parts, job, chunk, at)
  if (done.by === 'gatekeeper') settleChunk(parts, job, no, done.result, at)
  // Nobody tells us when the Worker dies of it, so each time it is handed out counts.
  else if (jobs.tryAgain(id, no, at)) return { kind: 'work', jobKind: job.kind, chunk: no, work: done.work }
  return stepTo(jobs.next(id, no, kinds[job.kind].lanes))
}

function settleChunk(parts: EventParts, { id, kind }: Job, no: number, result: ChunkResult, at: number): void {
  parts.jobs.settle(id, no, result, at)
  const job = parts.jobs.get(id)
  if (job?.state === 'done') kinds[kind].whenDone?.(parts, job, at)
}

function stepTo(chunk: number | null): Step {
  return chunk === null ? over : { kind: 'next', chunk }
}
