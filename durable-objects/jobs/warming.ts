import { type JobId, type TicketId, uuidAt } from '../../core/ids.ts'
import type { Job } from '../../core/job.ts'
import { nextWithin } from '../../core/off-peak.ts'
import type { Configuration } from '../event/configuration.ts'
import type { Meta } from '../meta.ts'
import type { CodeTicket } from '../tickets/ticket-rows.ts'
import type { Tickets } from '../tickets/tickets.ts'
import type { Images } from './images.ts'
import type { GatekeeperWork } from './job-kinds.ts'
import type { Chunk, Jobs } from './jobs.ts'

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

/** A job that was broken off while it was put together is given up before that. */
const AGAIN_AFTER_MS = 180_000

/** A job that is being put together: what of, from which ticket on, and for the one that was due, when it is due again. */
export type WarmPlan = {
  id: JobId
  formats: ImageFormat[]
  keepUntil: number | null
  againAt: number | null
  part: number
  after: TicketId | null
  firstRow: number
}

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

  /** Begins a job, which `plan` puts together. */
  begin(id: JobId, formats: ImageFormat[], at: number): WarmPlan {
    return this.#begin({ id, formats, keepUntil: null, againAt: null }, at)
  }

  /**
   * Puts the next tickets into a job; gives how that goes on, or null where all are in and it is queued. Codes that rotate
   * have no image to keep, so that there is nothing to do.
   */
  plan({ part, after, firstRow, ...wish }: WarmPlan, at: number): WarmPlan | null {
    const { id, formats, keepUntil, againAt } = wish
    const { rotatingCodes } = this.#configuration.event.policy
    const { ranges, next } = rotatingCodes ? { ranges: [], next: null } : this.#tickets.validRanges(after, CHUNK)
    let row = firstRow
    const chunks = ranges.map(({ from, to, count }) => {
      const payload: Payload = { from, to, firstRow: row, formats, keepUntil }
      row += count
      return { items: count, payload }
    })
    this.#jobs.add(id, part, { chunks, settled: { done: 0, failed: 0, outcome: {}, errors: [] } }, at)
    if (next !== null) return { ...wish, part: part + 1, after: next, firstRow: row }
    this.#jobs.queue(id, { formats }, at)
    // Where another came to be due meanwhile, that one stays.
    if (againAt !== null && this.dueAt === againAt) this.#meta.set('warm_at', 0)
    return null
  }

  #begin(wish: Pick<WarmPlan, 'id' | 'formats' | 'keepUntil' | 'againAt'>, at: number): WarmPlan {
    this.#jobs.open({ id: wish.id, kind: 'warm', outcome: {}, about: {} }, at)
    return { ...wish, part: 0, after: null, firstRow: 1 }
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

  /** Begins the job that is due, if one is. Should it never be put together, another is due a while later. */
  beginDue(at: number): WarmPlan | null {
    if (this.dueAt === null || at < this.dueAt) return null
    const againAt = at + AGAIN_AFTER_MS
    this.#meta.set('warm_at', againAt)
    const id = uuidAt<JobId>(at, crypto.getRandomValues(new Uint8Array(16)))
    return this.#begin({ id, formats: ['svg'], keepUntil: this.#keepUntil(at), againAt }, at)
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
