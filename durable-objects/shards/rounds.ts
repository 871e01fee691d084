/**
 * Runs one piece of work again and again, never twice at a time. Whoever asks while it runs cannot know whether it saw
 * what they mean, so all of them wait for one more run together.
 */
export class Rounds {
  readonly #work: () => Promise<void>
  #running: Promise<void> | null = null
  #next: Promise<void> | null = null

  constructor(work: () => Promise<void>) {
    this.#work = work
  }

  /** Resolves when a run that began after this call has ended; rejects with what that one threw. */
  run(): Promise<void> {
    if (this.#running === null) return this.#start()
    this.#next ??= this.#running.then(ignore, ignore).then(() => {
      this.#next = null
      return this.#start()
    })
    return this.#next
  }

  #start(): Promise<void> {
    const running = this.#work().finally(() => {
      if (this.#running === running) this.#running = null
    })
    this.#running = running
    return running
  }
}

/** How the run before went is whose who asked for that. */
function ignore(): void {}
