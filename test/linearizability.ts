/**
 * Something that was asked and, perhaps, answered. Times are of one clock. `end` null: there was no answer, so that it
 * may have been done at any time after `start`, or never.
 */
export type Operation<Does> = { start: number; end: number | null; does: Does }

/** What a thing does that does one thing at a time. `step` gives null where it would have answered otherwise. */
export type Model<State, Does> = {
  initial: State
  step: (state: State, does: Does) => State | null
  /** States with the same key are the same. */
  keyOf: (state: State) => string
}

/**
 * Whether there is an order in which one thing at a time gives the very answers that were given, and in which whatever
 * was answered before something else was asked comes before it. It is searched for as Wing and Gong did, and what was
 * tried is remembered. It sees the answers only: no log, no clock of a server, nothing that could be wrong with them.
 */
export function isLinearizable<State, Does>(
  operations: readonly Operation<Does>[],
  { initial, step, keyOf }: Model<State, Does>,
): boolean {
  const byStart = [...operations].sort((a, b) => a.start - b.start)
  const isDone = byStart.map(() => false)
  const tried = new Set<string>()
  let unanswered = byStart.filter(({ end }) => end !== null).length

  const search = (state: State): boolean => {
    if (unanswered === 0) return true
    const name = `${isDone.map(Number).join('')} ${keyOf(state)}`
    if (tried.has(name)) return false
    tried.add(name)
    // Whatever began after the first of those that are left had ended comes after it.
    let firstEnd = Number.POSITIVE_INFINITY
    byStart.forEach(({ end }, i) => {
      if (!isDone[i] && end !== null) firstEnd = Math.min(firstEnd, end)
    })
    for (const [i, { start, end, does }] of byStart.entries()) {
      if (start > firstEnd) break
      if (isDone[i]) continue
      const next = step(state, does)
      if (next === null) continue
      isDone[i] = true
      if (end !== null) unanswered -= 1
      if (search(next)) return true
      isDone[i] = false
      if (end !== null) unanswered += 1
    }
    return false
  }
  return search(initial)
}
