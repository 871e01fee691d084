import { found, ok, problem, type Result } from '../../core/answers.ts'
import type { TicketId } from '../../core/ids.ts'
import { type Actor, everybody, quietly } from '../actor.ts'
import type { OpenEvent } from '../open-event.ts'
import type { ImageLease, ImageSource, Lookups } from './images.ts'

/** What images of codes are drawn from, for the Workers that draw and keep them. */
export class ImageSources {
  readonly #event: OpenEvent

  constructor(event: OpenEvent) {
    this.#event = event
  }

  /** For whoever holds the link of this serial; brings along what the isolate counted since it last told. */
  byLink(id: TicketId, link: number, counted: Lookups | null): Result<{ source: ImageSource; lease: ImageLease }> {
    this.#count(everybody, counted)
    return this.#event.for(everybody, ({ images }) => {
      const source = images.source(id, link)
      return source ? ok({ source, lease: images.lease() }) : problem('not_found')
    })
  }

  byId(actor: Actor, id: TicketId, counted: Lookups | null): Result<ImageSource> {
    this.#count(actor, counted)
    return this.#event.for(actor, ({ images }) => found(images.source(id)))
  }

  /** How the caches of images did, and under which generation those of now are kept. */
  lookups(actor: Actor, counted: Lookups | null): Result<Lookups & { generation: number }> {
    this.#count(actor, counted)
    return this.#event.for(actor, ({ images }) => ok({ ...images.lookups(), generation: images.stamp.generation }))
  }

  /** No image that was kept until now is found any more. */
  async clear(actor: Actor): Promise<Result<null>> {
    const cleared = this.#event.change(actor, ({ images }) => {
      images.clearAll()
      return ok(null)
    })
    if (cleared.ok) await this.#event.parts().images.untilKnown()
    return cleared
  }

  /** The same for one ticket, as far as isolates go. Gives what its images are kept under elsewhere. */
  async clearOf(actor: Actor, id: TicketId): Promise<Result<ImageSource>> {
    const cleared = this.#event.change(actor, ({ images, audit }) => {
      const source = images.source(id)
      if (source) images.clearOne()
      audit.about({ kind: 'ticket', id })
      return found(source)
    })
    if (cleared.ok) await this.#event.parts().images.untilKnown()
    return cleared
  }

  #count(actor: Actor, counted: Lookups | null): void {
    if (counted === null) return
    this.#event.change(quietly(actor), ({ images }) => {
      images.count(counted)
      return ok(null)
    })
  }
}
