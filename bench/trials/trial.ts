import type { CpuUse } from '../cpu.ts'
import type { Server } from '../server.ts'

/** What `npm run bench` measures beside windows of scans, each with means of its own. */
export const trialNames = ['images', 'live', 'reports', 'import'] as const
export type TrialName = (typeof trialNames)[number]

/** One of them, set and ready to be measured once a round. */
export type Trial = {
  name: TrialName
  /** In words, what it does. */
  about: string
  /** What the values of its readings are of, and what they are held against. */
  sides: { value: string; base: string }
  /** What it does without on this machine, and why. */
  skipped: { name: string; because: string }[]
  measure: (round: number) => Promise<Readings>
  stop: () => Promise<void>
}

/** What one round showed. `cpu` is of a time in which only ours was measured. */
export type Readings = { readings: Reading[]; cpu: CpuUse | null }

/** One figure, and the one that it is held against, of the same round; null where there is none. */
export type Reading = { what: string; unit: Unit; value: number; base: number | null }
export type Unit = 'ms' | 'a second'

/** Sets a trial on a server; each has events of its own there. */
export type SetTrial = (server: Server, isQuick: boolean) => Promise<Trial>

/** Which side of a comparison is measured first changes with each round. */
export function inTurn<T>(sides: T[], round: number): T[] {
  return round % 2 === 0 ? sides : sides.toReversed()
}
