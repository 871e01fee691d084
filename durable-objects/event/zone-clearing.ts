import { ok } from '../../core/answers.ts'
import { everybody } from '../actor.ts'
import type { OpenEvent } from '../open-event.ts'

/** Nobody notices a minute, and every scan would otherwise pay for looking at the clock on the wall. */
const LOOK_EVERY_MS = 60_000

/** Empties zones at the time of day at which everybody is taken to have left them. */
export class ZoneClearing {
  readonly #event: OpenEvent
  #lookedAt = 0

  constructor(event: OpenEvent) {
    this.#event = event
  }

  /** Empties those whose time has come. Called before anything is judged. */
  look(at: number): void {
    if (at < this.#lookedAt + LOOK_EVERY_MS) return
    this.#lookedAt = at
    this.#event.change(everybody, ({ judging }) => {
      judging.clearZones(at)
      return ok(null)
    })
  }
}
