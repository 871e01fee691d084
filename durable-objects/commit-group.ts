/**
 * Lets work that arrives while a commit is on its way to the disk wait together and share the next one. The first
 * piece of work is done at once, so that a lone scan waits for nothing; under load one commit carries dozens.
 */
export class CommitGroup {
  readonly #committed: () => Promise<void>
  #waiting: (() => void)[] = []
  #underWay = false

  /** Takes a function that resolves when everything written so far is durable. */
  constructor(committed: () => Promise<void>) {
    this.#committed = committed
  }

  /** Runs synchronous work, now or with the next group, and gives its result; what it throws fails it alone. */
  run<T>(work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const attempt = () => {
        try {
          resolve(work())
        } catch (error) {
          reject(error)
        }
      }
      this.#waiting.push(attempt)
      if (!this.#underWay) void this.#commitUntilIdle()
    })
  }

  async #commitUntilIdle(): Promise<void> {
    this.#underWay = true
    try {
      while (this.#waiting.length > 0) {
        for (const attempt of this.#waiting.splice(0)) attempt()
        await this.#committed()
        // One more turn lets the calls that the runtime has ready arrive before the next group is judged.
        if (this.#waiting.length > 0) await scheduler.wait(0)
      }
    } catch {
      // The commit failed. The runtime now breaks every answer that waits for it and starts the object anew, so the
      // scanners ask again with the same scanId; there is nothing left to tell them here.
    } finally {
      this.#underWay = false
    }
  }
}
