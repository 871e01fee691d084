/** Something that is to happen at a time. */
type Due = { at: number; no: number; call: () => void; isOff: boolean }

/** What happens when, without a promise: one queue, and a clock that jumps from one thing to the next. */
export class Clockwork {
  /** Whole milliseconds. */
  now: number
  #no = 0
  readonly #heap: Due[] = []

  constructor(startsAt: number) {
    this.now = startsAt
  }

  /** Calls once, after so long; what it gives can be called off. Of one millisecond, first come, first served. */
  after(ms: number, call: () => void): Due {
    const due: Due = { at: this.now + (ms > 0 ? Math.floor(ms) : 0), no: this.#no++, call, isOff: false }
    const heap = this.#heap
    let i = heap.push(due) - 1
    while (i > 0) {
      const parent = (i - 1) >> 1
      const above = heap[parent] as Due
      if (!isBefore(due, above)) break
      heap[i] = above
      i = parent
    }
    heap[i] = due
    return due
  }

  /** Lets the next thing happen, if one is due until then; gives whether there was one. */
  step(until: number): boolean {
    const next = this.#heap[0]
    if (next === undefined || next.at > until) {
      this.now = Math.max(this.now, until)
      return false
    }
    this.#pop()
    if (next.isOff) return true
    this.now = next.at
    next.call()
    return true
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop() as Due
    const { length } = heap
    if (length === 0) return
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= length) break
      if (child + 1 < length && isBefore(heap[child + 1] as Due, heap[child] as Due)) child += 1
      const below = heap[child] as Due
      if (!isBefore(below, last)) break
      heap[i] = below
      i = child
    }
    heap[i] = last
  }
}

function isBefore(a: Due, b: Due): boolean {
  return a.at < b.at || (a.at === b.at && a.no < b.no)
}
