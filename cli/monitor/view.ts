import type { AlertKind, WireAlert } from '../../core/alerts.ts'
import type { ServerMessage, WireConflict } from '../../core/live.ts'
import type { WireLiveStats } from '../../core/live-stats.ts'
import type { WireEntry } from '../../core/wire-entry.ts'
import type { Link } from './feed.ts'

/** The event's own words, as far as they are shown. */
export type Occasion = {
  id: string
  title: string
  location: string | null
  timezone: string
  startsAt: string
  endsAt: string
  closedAt: string | null
  gates: { id: string; name: string; kind: string }[]
  /** None where the key may not see them; they are then called by their ids. */
  devices: { id: string; name: string }[]
}

/** What passed in ten seconds: people admitted, in all and by gate, and scans refused. */
type Moment = { admitted: number; refused: number; byGate: Map<string, number> }

/** Something to look at. A conflict is told beside the alerts, and is one for whoever watches. */
export type Worry = { at: string; kind: AlertKind; details: Record<string, unknown> }

/** All that a monitor knows of the doors. */
export type View = {
  occasion: Occasion
  link: Link
  stats: { data: WireLiveStats; at: number } | null
  newest: WireEntry[]
  worries: Worry[]
  /** By ten seconds since 1970. */
  moments: Map<number, Moment>
  /** Scans that were left out of what was missed, being too many. */
  skipped: number
}

export const MOMENT_MS = 10_000
const KEPT_MS = 30 * 60_000
const MOST_NEWEST = 100
const MOST_WORRIES = 50

export function newView(occasion: Occasion): View {
  return {
    occasion,
    link: { state: 'connecting' },
    stats: null,
    newest: [],
    worries: [],
    moments: new Map(),
    skipped: 0,
  }
}

/** Takes what the server said and the time; writes into the view what follows from it. */
export function hear(view: View, message: ServerMessage, at: number): void {
  switch (message.type) {
    case 'stats':
      view.stats = { data: message.data, at: Date.parse(message.at) }
      return
    case 'scans':
      view.skipped += message.missed
      for (const entry of message.items) noteScan(view, entry)
      forget(view, at)
      return
    case 'alert':
      noteWorries(view, [worryOf(message.alert)])
      return
    case 'conflict':
      if (!message.conflict.settled) noteWorries(view, [worryOfConflict(message.conflict)])
      return
    case 'hello':
    case 'standings':
    case 'revocations':
    case 'config':
    case 'recall':
    case 'lease':
    case 'bye':
      return
  }
}

/** Takes the curve of minutes from before anybody watched; spreads each over its minute. */
export function remember(view: View, minutes: { at: string; admitted: number; refused: number }[]): void {
  const parts = 60_000 / MOMENT_MS
  for (const { at, admitted, refused } of minutes) {
    for (let i = 0; i < parts; i++) {
      const moment = momentAt(view, Date.parse(at) + i * MOMENT_MS)
      moment.admitted += admitted / parts
      moment.refused += refused / parts
    }
  }
}

/** Puts worries in, the newest first. */
export function noteWorries(view: View, worries: Worry[]): void {
  view.worries = [...worries, ...view.worries].toSorted((a, b) => b.at.localeCompare(a.at)).slice(0, MOST_WORRIES)
}

export function worryOf({ at, kind, id: _, ...details }: WireAlert): Worry {
  return { at, kind, details }
}

function worryOfConflict({ scannedAt, gateId, shown, judged }: WireConflict): Worry {
  return { at: scannedAt, kind: 'scan.conflict', details: { gateId, shown, judged } }
}

/** People a minute over the last minutes, in so many columns of ten seconds; the last one is under way and left out. */
export function ratesOf(view: View, columns: number, at: number): number[] {
  const last = Math.floor(at / MOMENT_MS) - 1
  return Array.from({ length: columns }, (_, i) => {
    return ((view.moments.get(last - columns + 1 + i)?.admitted ?? 0) * 60_000) / MOMENT_MS
  })
}

/** People admitted at a gate in the last minute. */
export function rateAt(view: View, gateId: string, at: number): number {
  const last = Math.floor(at / MOMENT_MS)
  let people = 0
  for (let i = last - 60_000 / MOMENT_MS; i < last; i++) people += view.moments.get(i)?.byGate.get(gateId) ?? 0
  return people
}

function noteScan(view: View, entry: WireEntry): void {
  view.newest = [entry, ...view.newest].slice(0, MOST_NEWEST)
  const moment = momentAt(view, Date.parse(entry.scannedAt))
  if (entry.verdict === 'refused') moment.refused++
  if (entry.verdict !== 'admitted') return
  moment.admitted += entry.people
  const gate = entry.gateId ?? ''
  moment.byGate.set(gate, (moment.byGate.get(gate) ?? 0) + entry.people)
}

function momentAt({ moments }: View, at: number): Moment {
  const key = Math.floor(at / MOMENT_MS)
  const moment = moments.get(key) ?? { admitted: 0, refused: 0, byGate: new Map() }
  moments.set(key, moment)
  return moment
}

function forget({ moments }: View, at: number): void {
  const oldest = Math.floor((at - KEPT_MS) / MOMENT_MS)
  for (const key of moments.keys()) if (key < oldest) moments.delete(key)
}
