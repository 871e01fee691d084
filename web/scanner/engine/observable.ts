/** A value that can be watched. A Preact signal has the same shape, so a screen may wrap it in one. */
export type Observable<T> = {
  readonly value: T
  /** Tells the value at once and at each change, until the function that it gives is called. */
  subscribe(listener: (value: T) => void): () => void
}

/** A value that its owner changes and others watch. */
export class Watched<T> implements Observable<T> {
  #value: T
  readonly #listeners = new Set<(value: T) => void>()

  constructor(value: T) {
    this.#value = value
  }

  get value(): T {
    return this.#value
  }

  set(value: T): void {
    if (Object.is(value, this.#value)) return
    this.#value = value
    for (const listener of [...this.#listeners]) listener(value)
  }

  subscribe(listener: (value: T) => void): () => void {
    this.#listeners.add(listener)
    listener(this.#value)
    return () => this.#listeners.delete(listener)
  }
}
