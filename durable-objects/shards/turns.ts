/** One piece of work after the other, whichever it is: what one has seen must not be changed by another while it waits. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve()

  /** Resolves with what the work gives, or rejects with what it throws, once all that came before it is over. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work)
    this.#last = turn.catch(() => {
      // Whoever asked for it hears of it.
    })
    return turn
  }
}
