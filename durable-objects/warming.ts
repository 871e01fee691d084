import { type JobId, type TicketId, uuidAt } from '../core/ids.ts'
import type { Job } from '../core/job.ts'
import { nextWithin } from '../core/off-peak.ts'
import type { Configuration } from './configuration.ts'
import type { Images } from './images.ts'
import type { GatekeeperWork } from './job-kinds.ts'
import type { Chunk, Jobs } from './jobs.ts'
import type { Meta } from './meta.ts'
import type { CodeTicket, Tickets } from './tickets.ts'

export type ImageFormat = 'svg' | 'png'

/** What the Worker is to draw and keep. */
export type WarmWork = {
  /** Those of the chunk that are still valid, of so many that were. */
  tickets: CodeTicket[]
  count: number
  /** The place of the first of them in the job, from 1 on. */
  firstRow: number
  generation: number
  formats: ImageFormat[]
  /** Milliseconds since 1970; null: as long as usual. */
  keepUntil: number | null
}

/** Codes in one go of the Worker: a second's work even on a busy machine, long before a job counts as standing still. */
const CHUNK = 100

const DAY_MS = 86_400_000
/** However busy the hour, images are there so long before the event begins. */
const LATEST_MS = 2 * 3_600_000
const MAX_KEPT_MS = 7 * DAY_MS

type Payload = { from: TicketId; to: TicketId; firstRow: number; formats: ImageFormat[]; keepUntil: number | null }

/** Has the images of all valid tickets drawn before they are asked for: when told to, after an import, before the event. */
export class Warming {
  readonly #meta: Meta
  readonly #tickets: Tickets
  readonly #configuration: Configuration
  readonly #jobs: Jobs
  readonly #images: Images
  /** The hours of the event's day for what nobody waits for, as `core/off-peak.ts` reads them. */
  readonly #hours: string

  constructor(meta: Meta, tickets: Tickets, configuration: Configuration, jobs: Jobs, images: Images, hours: string) {
    this.#meta = meta
    this.#tickets = tickets
    this.#configuration = configuration
    this.#jobs = jobs
    this.#images = images
    this.#hours = hours
  }

  /** Makes the job. Codes that rotate have no image to keep, so that there is nothing to do. */
  begin(id: JobId, formats: ImageFormat[], keepUntil: number | null, at: number): Job | null {
    const { rotatingCodes } = this.#configuration.event.policy
    let firstRow = 1
    const chunks = (rotatingCodes ? [] : this.#tickets.validRanges(CHUNK)).map(({ from, to, count }) => {
      const payload: Payload = { from, to, firstRow, formats, keepUntil }
      firstRow += count
      return { items: count, payload }
    })
    this.#jobs.open({ id, kind: 'warm', outcome: {}, about: {} }, at)
    this.#jobs.add(id, 0, { chunks, settled: { done: 0, failed: 0, outcome: {}, errors: [] } }, at)
    this.#jobs.queue(id, { formats }, at)
    return this.#jobs.get(id)
  }

  /** There are new tickets: their images are drawn as soon as the hour is right. */
  afterImport(at: number): void {
    const { timezone } = this.#configuration.event
    const wished = nextWithin(this.#hours, at, timezone)
    if (wished !== null) this.#meta.set('warm_at', wished)
  }

  /** An event that begins within a day is warmed for it, once there are tickets, and once. */
  beforeStart(at: number): void {
    const { startsAt, timezone, closedAt } = this.#configuration.event
    if (startsAt <= at || startsAt > at + DAY_MS || closedAt !== null) return
    if (this.#meta.number('warmed_for') === startsAt || !this.#tickets.hasValid()) return
    const wished = nextWithin(this.#hours, at, timezone)
    if (wished === null) return
    this.#meta.set('warmed_for', startsAt)
    this.#meta.set('warm_at', Math.min(wished, Math.max(at, startsAt - LATEST_MS)))
  }

  /** When the next begins by itself; null where none will. */
  get dueAt(): number | null {
    return this.#meta.number('warm_at') || null
  }

  /** Makes the job that is due, if one is. */
  beginDue(at: number): Job | null {
    if (this.dueAt === null || at < this.dueAt) return null
    this.#meta.set('warm_at', 0)
    return this.begin(uuidAt<JobId>(at, crypto.getRandomValues(new Uint8Array(16))), ['svg'], this.#keepUntil(at), at)
  }

  /** What the Worker is to do of a chunk. */
  work({ items, payload }: Chunk): WarmWork {
    const { from, to, ...rest } = payload as Payload
    return {
      ...rest,
      count: items,
      tickets: this.#tickets.validCodes(from, to),
      generation: this.#images.stamp.generation,
    }
  }

  /** What is warmed for an event that is about to begin lasts until it is over. */
  #keepUntil(at: number): number | null {
    const { startsAt, endsAt } = this.#configuration.event
    return startsAt > at + DAY_MS ? null : Math.min(endsAt, at + MAX_KEPT_MS)
  }
}

/** The Worker draws; all that stands here is which tickets are still valid. */
export function warmChunk({ warming }: { warming: Warming }, _job: Job, chunk: Chunk): GatekeeperWork {
  return { by: 'worker', work: warming.work(chunk) }
}
