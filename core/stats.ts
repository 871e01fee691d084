import type { Entry } from './log.ts'
import { latencyBucket } from './tally.ts'

/** What the log adds up to. Admissions, exits and `inside` count people; refusals and duplicates count scans. */
export type Stats = {
  /** The log's number of the last entry that is in here. */
  seq: number
  scans: number
  /** Scans that a device judged alone. */
  offline: number
  /** Entries by the kind of their verdict. It only ever grows, unlike the sums of people. */
  verdicts: Record<string, number>
  admitted: number
  exited: number
  visited: number
  /** Tickets that were admitted at least once, each counted once in however many zones that was. */
  tickets: number
  refused: Record<string, number>
  byGate: Record<string, number>
  byStaff: Record<string, number>
  byType: Record<string, number>
  byDevice: Record<string, number>
  scansByDevice: Record<string, number>
  /** Tickets that a device showed though they were in already. */
  duplicatesByDevice: Record<string, number>
  /** Visits by checkpoint, and how many of them were a ticket's first there. */
  visits: Record<string, number>
  visitors: Record<string, number>
  inside: Record<string, number>
  /** By zone, then by ticket type. */
  insideByType: Record<string, Record<string, number>>
  /** How many scans took about so long to decide, by the bucket of `core/tally.ts`. */
  latency: Record<string, number>
}

/** The sum of an empty log. */
export function noStats(): Stats {
  return {
    seq: 0,
    scans: 0,
    offline: 0,
    verdicts: {},
    admitted: 0,
    exited: 0,
    visited: 0,
    tickets: 0,
    refused: {},
    byGate: {},
    byStaff: {},
    byType: {},
    byDevice: {},
    scansByDevice: {},
    duplicatesByDevice: {},
    visits: {},
    visitors: {},
    inside: {},
    insideByType: {},
    latency: {},
  }
}

/** Adds the next entry of the log to the sum, in place. An entry that is in already is left out. */
export function countEntry(stats: Stats, entry: Entry): void {
  if (entry.seq <= stats.seq) return
  stats.seq = entry.seq
  add(stats.verdicts, entry.verdict.kind, 1)
  if (isScan(entry)) {
    stats.scans += 1
    if (entry.offline !== null) stats.offline += 1
    add(stats.scansByDevice, entry.deviceId, 1)
    // How long a device took that was cut off is not known here.
    if (entry.offline === null) add(stats.latency, String(latencyBucket(entry.validationMs)), 1)
  }
  add(stats.inside, entry.zone, entry.insideChange)
  if (!Object.hasOwn(stats.insideByType, entry.zone)) stats.insideByType[entry.zone] = {}
  add(stats.insideByType[entry.zone] ?? {}, entry.type, entry.insideChange)
  switch (entry.verdict.kind) {
    case 'admitted':
      stats.admitted += entry.people
      if (entry.first) stats.tickets += 1
      add(stats.byGate, entry.gateId, entry.people)
      add(stats.byStaff, entry.staffId, entry.people)
      add(stats.byType, entry.type, entry.people)
      add(stats.byDevice, entry.deviceId, entry.people)
      return
    case 'exited':
      stats.exited += entry.people
      return
    case 'visited':
      stats.visited += entry.people
      add(stats.visits, entry.gateId, entry.people)
      if (entry.first) add(stats.visitors, entry.gateId, entry.people)
      return
    case 'annulled':
      stats.admitted -= entry.people
      if (entry.first) stats.tickets -= 1
      add(stats.byGate, entry.gateId, -entry.people)
      add(stats.byStaff, entry.verdict.staffId, -entry.people)
      add(stats.byType, entry.type, -entry.people)
      add(stats.byDevice, entry.verdict.deviceId, -entry.people)
      return
    case 'everyone_out':
      stats.insideByType[entry.zone] = {}
      return
    case 'refused':
      add(stats.refused, entry.verdict.refusal.reason, 1)
      if (entry.verdict.refusal.reason === 'already_admitted') add(stats.duplicatesByDevice, entry.deviceId, 1)
      return
  }
}

/** Whether somebody stood at a gate: what a person or a clock did afterwards is in the log too. */
function isScan({ verdict }: Entry): boolean {
  return verdict.kind !== 'annulled' && verdict.kind !== 'everyone_out'
}

/** Takes sums and a key; gives the sum. Keys are organisers' words, and `constructor` is one as good as any. */
export function countOf(counts: Record<string, number>, key: string): number {
  return Object.hasOwn(counts, key) ? (counts[key] ?? 0) : 0
}

function add(counts: Record<string, number>, key: string | null, by: number): void {
  if (key !== null && by !== 0) counts[key] = countOf(counts, key) + by
}
