import type { TicketId } from '../../core/ids.ts'
import type { Entry } from '../../core/log.ts'
import type { Shown } from '../../web/scanner/engine/shown.ts'

/** A rule that did not hold. */
export class Violation extends Error {}

type Counts = { admitted: number; exited: number; lost: number }

/**
 * Sees what the gates physically did, and nothing of what devices and the Gatekeeper think of it: whom they let in, and
 * at the end whether the log tells the same.
 */
export class Checker {
  readonly #policy: 'strict' | 'admit'
  readonly #entered = new Map<TicketId, number>()
  readonly #done = new Map<string, Counts>()
  shown = 0
  admitted = 0
  alone = 0

  constructor(policy: 'strict' | 'admit') {
    this.#policy = policy
  }

  /** A gate shows something to somebody. */
  saw(deviceId: string, ticketId: TicketId, direction: 'entry' | 'exit', { verdict, judgedBy }: Shown): void {
    this.shown += 1
    if (judgedBy === 'device') this.alone += 1
    const counts = this.#counts(deviceId, ticketId)
    if (verdict.kind === 'exited') counts.exited += 1
    if (direction === 'exit' && verdict.kind !== 'exited') throw new Violation(`somebody was kept in: ${verdict.kind}`)
    if (verdict.kind !== 'admitted') return
    counts.admitted += 1
    this.admitted += 1
    const entered = (this.#entered.get(ticketId) ?? 0) + 1
    this.#entered.set(ticketId, entered)
    if (this.#policy === 'strict' && entered > 1) throw new Violation(`two entered with ticket ${ticketId}`)
  }

  /** A phone died over a scan: whether it let anybody in nobody knows. */
  lost(deviceId: string, ticketId: TicketId): void {
    this.#counts(deviceId, ticketId).lost += 1
  }

  /** Everybody is connected again and nothing is under way. */
  compare(entries: readonly Entry[], conflictsOf: ReadonlyMap<TicketId, number>): void {
    const annulled = new Set(entries.flatMap(({ verdict }) => (verdict.kind === 'annulled' ? [verdict.seq] : [])))
    const logged = new Map<string, Counts>()
    const enteredByLog = new Map<TicketId, number>()
    for (const { seq, deviceId, ticketId, verdict } of entries) {
      if (ticketId === null || deviceId === null || annulled.has(seq)) continue
      const key = `${deviceId} ${ticketId}`
      const counts = logged.get(key) ?? { admitted: 0, exited: 0, lost: 0 }
      if (verdict.kind === 'admitted') {
        counts.admitted += 1
        enteredByLog.set(ticketId, (enteredByLog.get(ticketId) ?? 0) + 1)
      }
      if (verdict.kind === 'exited') counts.exited += 1
      logged.set(key, counts)
    }
    for (const key of new Set([...this.#done.keys(), ...logged.keys()])) {
      const did = this.#done.get(key) ?? { admitted: 0, exited: 0, lost: 0 }
      const told = logged.get(key) ?? { admitted: 0, exited: 0, lost: 0 }
      for (const what of ['admitted', 'exited'] as const) {
        if (told[what] < did[what]) throw new Violation(`${key}: ${what} ${did[what]} times, in the log ${told[what]}`)
        if (told[what] > did[what] + did.lost) throw new Violation(`${key}: ${what} stands in the log too often`)
      }
    }
    for (const [ticketId, entered] of this.#policy === 'admit' ? enteredByLog : []) {
      const conflicts = conflictsOf.get(ticketId) ?? 0
      if (conflicts < entered - 1) throw new Violation(`${ticketId}: ${entered} entered, ${conflicts} conflicts`)
    }
  }

  #counts(deviceId: string, ticketId: TicketId): Counts {
    const key = `${deviceId} ${ticketId}`
    const known = this.#done.get(key) ?? { admitted: 0, exited: 0, lost: 0 }
    this.#done.set(key, known)
    return known
  }
}
