import type { ClockState } from './status.ts'

/** A moment at which the server's time was known. Scans name it, so that those from one anchor are told apart. */
type Anchor = { id: string; serverAt: number; monotonicAt: number; wallAt: number; uncertaintyMs: number }

/** Both clocks run at nearly the same pace; where they part by more, one was set or the device slept. */
const CLOCKS_MAY_PART_MS = 2000

/** A measurement this old gives way to any newer one. */
const ANCHOR_AGES_MS = 10 * 60_000

/**
 * The server's time on this device: an anchor from an answer and, from there on, a clock that nobody can set. Before
 * the first answer since the start it is the device's own clock, corrected by what was last known of it.
 */
export class Clock {
  readonly #monotonic: () => number
  readonly #wall: () => number
  #anchor: Anchor | null = null
  #skewMs: number | null

  constructor(time: { monotonic: () => number; wall: () => number }, skewMs: number | null) {
    this.#monotonic = time.monotonic
    this.#wall = time.wall
    this.#skewMs = skewMs
  }

  /** The server's time in milliseconds since 1970, as well as it is known. */
  now(): number {
    return this.read().at
  }

  /** The time, and the anchor that vouches for it; null where only the device's own clock does. */
  read(): { at: number; clock: { anchorAt: number; elapsedMs: number; anchorId: string } | null } {
    const anchor = this.#anchor
    if (anchor === null) return { at: Math.round(this.#wall() - (this.#skewMs ?? 0)), clock: null }
    const elapsedMs = this.#monotonic() - anchor.monotonicAt
    const sleptMs = this.#wall() - anchor.wallAt - elapsedMs
    // In some browsers the monotonic clock stands still while the device sleeps; the other one does not.
    if (sleptMs > CLOCKS_MAY_PART_MS) return { at: Math.round(anchor.serverAt + elapsedMs + sleptMs), clock: null }
    return {
      at: Math.round(anchor.serverAt + elapsedMs),
      clock: { anchorAt: Math.round(anchor.serverAt), elapsedMs: Math.round(elapsedMs), anchorId: anchor.id },
    }
  }

  /** Takes the server's time from an answer and when its request went out; gives whether this was the better measure. */
  anchor(serverTime: number, sentAtMonotonic: number, newId: () => string): boolean {
    if (!Number.isFinite(serverTime)) return false
    const monotonicAt = this.#monotonic()
    const uncertaintyMs = (monotonicAt - sentAtMonotonic) / 2
    const before = this.#anchor
    const isStale =
      before === null ||
      this.read().clock === null ||
      monotonicAt - before.monotonicAt > ANCHOR_AGES_MS ||
      uncertaintyMs < before.uncertaintyMs
    if (!isStale) return false
    const wallAt = this.#wall()
    const serverAt = serverTime + uncertaintyMs
    this.#anchor = { id: newId(), serverAt, monotonicAt, wallAt, uncertaintyMs }
    this.#skewMs = Math.round(wallAt - serverAt)
    return true
  }

  /** Takes the server's time from an answer that says that ours is wrong: whatever was known before is worth nothing. */
  correct(serverTime: number, sentAtMonotonic: number, newId: () => string): void {
    if (!Number.isFinite(serverTime)) return
    this.#anchor = null
    this.anchor(serverTime, sentAtMonotonic, newId)
  }

  get state(): ClockState {
    const vouched = this.#anchor !== null && this.read().clock !== null
    return { skewMs: this.#skewMs, source: vouched ? 'server' : 'wall' }
  }
}
