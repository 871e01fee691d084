/**
 * Keeps values up to a total cost, bytes for instance, and lets go of those that were not asked for the longest. What
 * alone costs more than everything may is not kept.
 */
export class LeastRecent<V> {
  readonly #most: number
  /** In the order in which they were last asked for: a Map keeps the order of setting. */
  readonly #kept = new Map<string, { value: V; cost: number }>()
  #cost = 0

  constructor(most: number) {
    this.#most = most
  }

  get cost(): number {
    return this.#cost
  }

  get(key: string): V | undefined {
    const known = this.#kept.get(key)
    if (!known) return undefined
    this.#kept.delete(key)
    this.#kept.set(key, known)
    return known.value
  }

  set(key: string, value: V, cost: number): void {
    this.#forget(key)
    if (cost > this.#most) return
    this.#kept.set(key, { value, cost })
    this.#cost += cost
    for (const oldest of this.#kept.keys()) {
      if (this.#cost <= this.#most) break
      this.#forget(oldest)
    }
  }

  #forget(key: string): void {
    this.#cost -= this.#kept.get(key)?.cost ?? 0
    this.#kept.delete(key)
  }
}
