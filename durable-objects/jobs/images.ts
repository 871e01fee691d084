import type { TicketId } from '../../core/ids.ts'
import type { Configuration } from '../event/configuration.ts'
import type { Meta } from '../meta.ts'
import type { CodeTicket } from '../tickets/ticket-rows.ts'
import type { Tickets } from '../tickets/tickets.ts'

/** What an image of a code is made of and kept under. */
export type ImageSource = {
  ticket: CodeTicket
  /** The code lives for seconds only, so its image is never kept. */
  rotating: boolean
  /** Rises when all images of the event are cleared: what was kept under an older one is not found any more. */
  generation: number
  /** Rises when one ticket's images are cleared, which isolates notice by it. */
  clears: number
}

/**
 * What an isolate may believe without asking again: that no code of the event is another than at this version, for so
 * long after it asked. Whatever makes a code another is answered only when all of these have run out.
 */
export type ImageLease = { version: number; freshForMs: number }

const LEASE_MS = 500

/** How often images were asked for and found, or not found, in a cache. */
export type Lookups = { hits: number; misses: number }

/** What the event knows of its images; the images themselves are kept elsewhere. */
export class Images {
  readonly #meta: Meta
  readonly #tickets: Tickets
  readonly #configuration: Configuration
  #kept: { generation: number; clears: number } | null = null
  #version: number | null = null
  /** Until when isolates may believe what they were told. One that woke up does not know whom it told what before. */
  #believedUntil = Date.now() + LEASE_MS

  constructor(meta: Meta, tickets: Tickets, configuration: Configuration) {
    this.#meta = meta
    this.#tickets = tickets
    this.#configuration = configuration
  }

  /** For whoever has the ticket's link of this serial; without one, for whoever was let through to the ticket. */
  source(id: TicketId, link?: number): ImageSource | null {
    const ticket = this.#tickets.code(id)
    if (ticket === null || (link !== undefined && link !== ticket.link)) return null
    return { ticket, rotating: this.#configuration.event.policy.rotatingCodes, ...this.stamp }
  }

  lease(): ImageLease {
    this.#version ??= this.#meta.number('qr_version')
    this.#believedUntil = Date.now() + LEASE_MS
    return { version: this.#version, freshForMs: LEASE_MS }
  }

  /** Notes that a code, or what is kept of it, is another from now on. The caller holds the transaction. */
  outdate(): void {
    this.#version = null
    this.#meta.set('qr_version', this.#meta.number('qr_version') + 1)
  }

  /** Resolves when no isolate may believe any more what was so before. */
  async untilKnown(): Promise<void> {
    const waitMs = this.#believedUntil - Date.now()
    if (waitMs > 0) await scheduler.wait(waitMs)
  }

  get stamp(): { generation: number; clears: number } {
    this.#kept ??= { generation: this.#meta.number('qr_generation'), clears: this.#meta.number('qr_clears') }
    return this.#kept
  }

  /** Adds what an isolate counted since it last told. */
  count({ hits, misses }: Lookups): void {
    this.#meta.set('qr_hits', this.#meta.number('qr_hits') + hits)
    this.#meta.set('qr_misses', this.#meta.number('qr_misses') + misses)
  }

  /** Since all images were last cleared. */
  lookups(): Lookups {
    return { hits: this.#meta.number('qr_hits'), misses: this.#meta.number('qr_misses') }
  }

  clearOne(): void {
    this.outdate()
    this.#kept = null
    this.#meta.set('qr_clears', this.#meta.number('qr_clears') + 1)
  }

  clearAll(): void {
    this.outdate()
    this.#kept = null
    this.#meta.set('qr_generation', this.#meta.number('qr_generation') + 1)
    this.#meta.set('qr_hits', 0)
    this.#meta.set('qr_misses', 0)
  }
}
