import type { Entry } from './log.ts'

/*
 * The log added up by the quarter of an hour, for reports that must not read a million entries. Every zone's hours and
 * days begin at a quarter of an hour of UTC, so these add up to any of them. What is drawn as a curve, the event as a
 * whole and each of its gates, is kept by the minute too.
 */

export const tallyScopes = ['event', 'gate', 'gate-minute', 'staff'] as const
export type TallyScope = (typeof tallyScopes)[number]

export const MINUTE_MS = 60_000
export const QUARTER_MS = 15 * MINUTE_MS

/** What one key of one scope had of one outcome within one bucket. `at` and the firsts and lasts are milliseconds. */
export type Tally = {
  scope: TallyScope
  /** The gate's or member of staff's id; empty for the event. */
  key: string
  /** When the bucket begins. */
  at: number
  /** `admitted`, `exited`, `visited`, or the reason of a refusal. */
  outcome: string
  scans: number
  people: number
  firstAt: number
  lastAt: number
}

/** How many scans of one key took about so long to decide; see `latencyBucket`. */
export type LatencyTally = { scope: TallyScope; key: string; bucket: number; scans: number }

/**
 * Takes entries of the log and a way to find an earlier one; gives what they add. An annulment takes the admission's
 * people back where they were counted, and leaves the scan, which did happen.
 */
export function tallyOf(entries: readonly Entry[], at: (seq: number) => Entry | null) {
  const tallies = new Map<string, Tally>()
  const latencies = new Map<string, LatencyTally>()
  for (const entry of entries) {
    const outcome = outcomeOf(entry)
    if (outcome !== null) {
      addTo(tallies, entry, outcome, 1, entry.people)
      addLatency(latencies, entry)
    } else if (entry.verdict.kind === 'annulled') {
      const admission = at(entry.verdict.seq)
      if (admission) addTo(tallies, admission, 'admitted', 0, -admission.people)
    }
  }
  return { tallies: [...tallies.values()], latencies: [...latencies.values()] }
}

/** What a scan ended in; null for what happened at no gate. */
function outcomeOf({ verdict }: Entry): string | null {
  switch (verdict.kind) {
    case 'admitted':
    case 'exited':
    case 'visited':
      return verdict.kind
    case 'refused':
      return verdict.refusal.reason
    case 'annulled':
    case 'everyone_out':
      return null
  }
}

const bucketMs: Record<TallyScope, number> = {
  event: MINUTE_MS,
  gate: QUARTER_MS,
  'gate-minute': MINUTE_MS,
  staff: QUARTER_MS,
}

function addTo(tallies: Map<string, Tally>, entry: Entry, outcome: string, scans: number, people: number): void {
  const { scannedAt } = entry
  for (const [scope, key] of keysOf(entry)) {
    const size = bucketMs[scope]
    const at = Math.floor(scannedAt / size) * size
    const name = `${scope} ${at} ${outcome} ${key}`
    const tally = tallies.get(name)
    if (tally) {
      tally.scans += scans
      tally.people += people
      tally.firstAt = Math.min(tally.firstAt, scannedAt)
      tally.lastAt = Math.max(tally.lastAt, scannedAt)
    } else {
      tallies.set(name, { scope, key, at, outcome, scans, people, firstAt: scannedAt, lastAt: scannedAt })
    }
  }
}

function addLatency(latencies: Map<string, LatencyTally>, entry: Entry): void {
  if (entry.offline !== null) return
  const bucket = latencyBucket(entry.validationMs)
  for (const [scope, key] of keysOf(entry)) {
    // The event's are its gates' together.
    if (scope === 'event' || scope === 'gate-minute') continue
    const name = `${scope} ${bucket} ${key}`
    const tally = latencies.get(name)
    if (tally) tally.scans += 1
    else latencies.set(name, { scope, key, bucket, scans: 1 })
  }
}

function keysOf({ gateId, staffId }: Entry): [TallyScope, string][] {
  const keys: [TallyScope, string | null][] = [
    ['event', ''],
    ['gate', gateId],
    ['gate-minute', gateId],
    ['staff', staffId],
  ]
  return keys.filter((pair): pair is [TallyScope, string] => pair[1] !== null)
}

const STEP = Math.log(1.05)
const SHORTEST_MS = 0.05

/** Takes milliseconds; gives the number of a bucket whose bounds are 5 % apart, so that a quantile is right to 2.5 %. */
export function latencyBucket(ms: number): number {
  return Math.round(Math.log(Math.max(ms, SHORTEST_MS)) / STEP)
}

/** Takes the number of a bucket; gives the milliseconds in the middle of it. */
export function latencyOfBucket(bucket: number): number {
  return Math.exp(bucket * STEP)
}

/** Takes how many scans fell into each bucket and a share from 0 to 1; gives milliseconds, or null without any scan. */
export function latencyQuantile(buckets: Iterable<readonly [bucket: number, scans: number]>, share: number) {
  const sorted = [...buckets].filter(([, scans]) => scans > 0).sort(([a], [b]) => a - b)
  const total = sorted.reduce((sum, [, scans]) => sum + scans, 0)
  let seen = 0
  for (const [bucket, scans] of sorted) {
    seen += scans
    if (seen >= share * total) return Math.round(latencyOfBucket(bucket) * 10) / 10
  }
  return null
}
