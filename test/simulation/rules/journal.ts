/**
 * What was written and is not on the disk yet. Writes show at once to whoever reads them, as inside a transaction; a crash
 * takes back, the latest first, those that had not come to the disk.
 */
export class Journal {
  #undo: (() => void)[] = []
  #onDiskAt: number[] = []
  /** When what is written from here on is on the disk. */
  onDiskAt = 0

  wrote(undo: () => void): void {
    this.#undo.push(undo)
    this.#onDiskAt.push(this.onDiskAt)
  }

  /** Forgets how to take back what is on the disk. */
  tidy(now: number): void {
    if (this.#undo.length < 64) return
    const kept = this.#onDiskAt.findIndex((at) => at > now)
    const from = kept === -1 ? this.#undo.length : kept
    this.#undo = this.#undo.slice(from)
    this.#onDiskAt = this.#onDiskAt.slice(from)
  }

  /** The power goes. */
  crash(now: number): void {
    for (let i = this.#undo.length - 1; i >= 0; i--) {
      if ((this.#onDiskAt[i] as number) > now) this.#undo[i]?.()
    }
    this.#undo = []
    this.#onDiskAt = []
  }
}
