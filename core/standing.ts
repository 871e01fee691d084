import type { Reentry } from './event.ts'

/** What is known of one ticket in one zone. Instants are milliseconds since 1970; counts are people. */
export type Standing = {
  entries: number
  exits: number
  /** Never below zero. */
  inside: number
  /** How many scans asked to come in and were admitted or found already admitted. */
  presented: number
  /** The log's number of the admission that a duplicate is told of. */
  admission: number | null
  firstAt: number | null
  lastAt: number | null
  /** The local day of the last entry, as days since 1970, and the entries on it. */
  day: number
  entriesToday: number
}

/** The standing of a ticket that was never scanned in this zone. */
export const noStanding: Standing = {
  entries: 0,
  exits: 0,
  inside: 0,
  presented: 0,
  admission: null,
  firstAt: null,
  lastAt: null,
  day: 0,
  entriesToday: 0,
}

/** One thing that happened to a standing. `at` is the scan's own time, `day` its local day, `seq` its place in the log. */
export type Happening =
  | { kind: 'entered'; people: number; admits: number; reentry: Reentry; at: number; day: number; seq: number }
  | { kind: 'left'; people: number; at: number }
  | { kind: 'visited'; people: number; at: number; day: number; seq: number }
  | { kind: 'presented_again' }

/** Takes a standing and what happened; gives the standing after it. Never changes what it was given. */
export function advance(standing: Standing, happening: Happening): Standing {
  switch (happening.kind) {
    case 'entered':
      return enter(standing, happening)
    case 'left':
      return {
        ...standing,
        exits: standing.exits + happening.people,
        inside: Math.max(0, standing.inside - happening.people),
      }
    case 'visited':
      // A visit is noted and uses nothing up, also where a checkpoint was put into a zone that people come into.
      return { ...standing, presented: standing.presented + 1 }
    case 'presented_again':
      return { ...standing, presented: standing.presented + 1 }
  }
}

/**
 * Takes what happened to a ticket in a zone, in the order of the scans' own times; gives its standing. What was
 * annulled is left out by the caller, and so never was.
 */
export function standingAfter(happenings: Iterable<Happening>): Standing {
  let standing = noStanding
  for (const happening of happenings) standing = advance(standing, happening)
  return standing
}

/** The standing after everybody was taken to have left at `clearedAt`: who came in since is still inside. */
export function afterClearing(standing: Standing, clearedAt: number | null): Standing {
  const left = clearedAt !== null && standing.lastAt !== null && standing.lastAt <= clearedAt
  return left && standing.inside > 0 ? { ...standing, inside: 0 } : standing
}

function enter(standing: Standing, entry: Extract<Happening, { kind: 'entered' }>): Standing {
  // Where one may come in without having gone out, the same people are counted inside once.
  const inside = standing.inside + entry.people
  const counted = entry.reentry === 'unlimited' ? Math.min(inside, Math.max(entry.admits, standing.inside)) : inside
  return {
    entries: standing.entries + entry.people,
    exits: standing.exits,
    inside: counted,
    presented: standing.presented + 1,
    admission: entry.reentry === 'none' ? (standing.admission ?? entry.seq) : entry.seq,
    firstAt: Math.min(standing.firstAt ?? entry.at, entry.at),
    lastAt: Math.max(standing.lastAt ?? entry.at, entry.at),
    day: entry.day,
    entriesToday: (standing.day === entry.day ? standing.entriesToday : 0) + entry.people,
  }
}
