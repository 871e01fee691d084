import type { Entry } from './log.ts'

/** What the log adds up to. Admissions, exits and `inside` count people; refusals and duplicates count scans. */
export type Stats = {
  /** The log's number of the last entry that is in here. */
  seq: number
  scans: number
  admitted: number
  exited: number
  visited: number
  /** Tickets that were admitted at least once, counted once a zone. */
  tickets: number
  refused: Record<string, number>
  byGate: Record<string, number>
  byStaff: Record<string, number>
  byType: Record<string, number>
  byDevice: Record<string, number>
  inside: Record<string, number>
}

/** The sum of an empty log. */
export function noStats(): Stats {
  return {
    seq: 0,
    scans: 0,
    admitted: 0,
    exited: 0,
    visited: 0,
    tickets: 0,
    refused: {},
    byGate: {},
    byStaff: {},
    byType: {},
    byDevice: {},
    inside: {},
  }
}

/** Adds the next entry of the log to the sum, in place. An entry that is in already is left out. */
export function countEntry(stats: Stats, entry: Entry): void {
  if (entry.seq <= stats.seq) return
  stats.seq = entry.seq
  stats.scans += 1
  add(stats.inside, entry.zone, entry.insideChange)
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
      return
    case 'refused':
      add(stats.refused, entry.verdict.refusal.reason, 1)
      return
  }
}

function add(counts: Record<string, number>, key: string | null, by: number): void {
  if (key !== null && by !== 0) counts[key] = (counts[key] ?? 0) + by
}
