import type { EventDetails, Gate, Policy, Ticket, TicketType, Zone } from './event.ts'
import type { GateId } from './ids.ts'
import { type Circumstances, judge, judgeUse, type Presentation } from './judge.ts'
import { localDay } from './local-day.ts'
import type { Entry } from './log.ts'
import { advance, afterClearing, type Happening, noStanding, type Standing } from './standing.ts'
import type { RefusalReason, Verdict } from './verdict.ts'

/** What bears on a ticket's entries in a zone. It is the event as it is now, and the ticket as it was at each time. */
export type Surroundings = {
  ticketAt: (at: number) => Ticket
  type: TicketType
  zone: Zone
  event: Pick<EventDetails, 'closedAt' | 'timezone'>
  policy: Policy
  gates: { get: (id: GateId) => Gate | undefined; values: () => Iterable<Gate> }
  /** When all were taken to have left the zone, in order. */
  clearedAt: readonly number[]
}

/** An entry whose verdict is not what the Gatekeeper judges, now that it knows all. All three name entries by `seq`. */
export type Conflict = {
  seq: number
  shown: Shown
  judged: Shown
  /** The admission that it collides with. */
  with: number | null
}

/** What somebody at a gate was told, in a word. */
export type Shown = 'admitted' | 'exited' | 'visited' | RefusalReason

/** What became of a ticket in a zone: where it stands, what is judged of each entry that somebody judged alone, and conflicts. */
export type Attribution = { standing: Standing; judged: Map<number, Verdict>; conflicts: Conflict[] }

/**
 * Takes a ticket's entries in one zone, without what was annulled; gives what became of it. What the gates did stands
 * as it is, so two people let in are two; whose fault that is goes by the scans' own times. The entries may come in any
 * order: for the same set of scans the answer is the same, however and whenever they arrived.
 */
export function attribute(entries: Iterable<Entry>, around: Surroundings): Attribution {
  let standing = noStanding
  let lastAdmission: number | null = null
  const judged = new Map<number, Verdict>()
  const conflicts: Conflict[] = []
  for (const entry of inOrder(entries)) {
    const at = entry.scannedAt
    standing = afterClearing(standing, around.clearedAt.findLast((clearedAt) => clearedAt <= at) ?? null)
    const ticket = around.ticketAt(at)
    const now = judgeAgain(entry, ticket, standing, around, at)
    if (now !== null) {
      if (entry.offline !== null) judged.set(entry.seq, now)
      if (differs(entry, now)) {
        conflicts.push({
          seq: entry.seq,
          shown: shownAs(entry.verdict),
          judged: shownAs(now),
          with: collidesWith(now, lastAdmission),
        })
      }
    }
    const day = localDay(at, around.event.timezone)
    const { reentry } = around.zone
    const happening = happeningOf(entry.verdict, { admits: ticket.admits, reentry, at, day, seq: entry.seq })
    if (happening !== null) standing = advance(standing, happening)
    if (entry.verdict.kind === 'admitted') lastAdmission = entry.seq
  }
  return { standing: afterClearing(standing, around.clearedAt.at(-1) ?? null), judged, conflicts }
}

/** Takes a verdict that was written, and when and where; gives what it does to the ticket's standing, or null. */
export function happeningOf(
  verdict: Verdict,
  entry: Omit<Extract<Happening, { kind: 'entered' }>, 'kind' | 'people'>,
): Happening | null {
  switch (verdict.kind) {
    case 'admitted':
      return { kind: 'entered', people: verdict.people, ...entry }
    case 'exited':
      return { kind: 'left', people: verdict.people, at: entry.at }
    case 'visited':
      return { kind: 'visited', people: verdict.people, at: entry.at, day: entry.day, seq: entry.seq }
    case 'annulled':
    case 'everyone_out':
      return null
    case 'refused':
      return verdict.refusal.reason === 'already_admitted' ? { kind: 'presented_again' } : null
  }
}

/** Takes a verdict; gives it in a word. */
export function shownAs(verdict: Verdict): Shown {
  switch (verdict.kind) {
    case 'admitted':
    case 'exited':
    case 'visited':
      return verdict.kind
    case 'refused':
      return verdict.refusal.reason
    case 'annulled':
    case 'everyone_out':
      throw new Error(`${verdict.kind} is shown to nobody at a gate`)
  }
}

/**
 * By the scans' own times. Those that the Gatekeeper judged keep the order that it judged them in, even where its clock
 * went back; of one and the same millisecond they come first, and then the devices' own counting decides.
 */
function inOrder(entries: Iterable<Entry>): Entry[] {
  let latest = Number.NEGATIVE_INFINITY
  const timed = [...entries]
    .sort((a, b) => a.seq - b.seq)
    .map((entry) => {
      if (entry.offline !== null) return { entry, at: entry.scannedAt }
      latest = Math.max(latest, entry.scannedAt)
      return { entry, at: latest }
    })
  return timed.sort((a, b) => a.at - b.at || byWhom(a.entry, b.entry)).map(({ entry }) => entry)
}

function byWhom(a: Entry, b: Entry): number {
  if (a.offline === null || b.offline === null) {
    return Number(a.offline !== null) - Number(b.offline !== null) || a.seq - b.seq
  }
  return (
    byText(a.deviceId ?? '', b.deviceId ?? '') ||
    (a.offline.sequence ?? 0) - (b.offline.sequence ?? 0) ||
    byText(a.scanId, b.scanId)
  )
}

function byText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}

/** What is judged of an entry, by the rules that it is known how they stood; null where there is nothing to judge. */
function judgeAgain(
  entry: Entry,
  ticket: Ticket,
  standing: Standing,
  around: Surroundings,
  at: number,
): Verdict | null {
  const { kind } = entry.verdict
  if (kind === 'annulled' || kind === 'everyone_out') return null
  if (entry.offline === null && kind !== 'admitted') return null
  const { closedAt } = around.event
  const then: Circumstances = {
    event: { closedAt: closedAt !== null && closedAt <= at ? closedAt : null },
    // How full the place was then nobody knows: that is no reason to say that somebody should not have come in.
    policy: { ...around.policy, full: 'warn' },
    type: around.type,
    zone: around.zone,
    inside: 0,
    insideOfType: 0,
    gates: around.gates.values(),
  }
  const presented: Presentation = {
    direction: entry.direction,
    people: entry.people,
    at,
    day: localDay(at, around.event.timezone),
    tokenIssuedAt: entry.offline?.token?.issuedAt ?? null,
    tokenWindow: entry.offline?.token ?? null,
    forced: entry.forceReason !== null,
  }
  if (entry.offline === null) return judgeUse(ticket, standing, then, { ...presented, direction: 'entry' })
  const gate = entry.gateId === null ? undefined : around.gates.get(entry.gateId)
  return gate ? judge(ticket, gate, standing, then, presented) : null
}

/** What an earlier scan brings about: there is an admission that such an entry collides with. */
const byAnother: readonly RefusalReason[] = ['already_admitted', 'limit_reached', 'too_soon']

/** A refusal that says nothing about the ticket: another gate's device was cut off, or this one was. */
const saysNothing: readonly RefusalReason[] = ['held_elsewhere', 'full']

function differs({ verdict }: Entry, now: Verdict): boolean {
  if (verdict.kind !== 'refused') return now.kind === 'refused'
  return now.kind !== 'refused' && !saysNothing.includes(verdict.refusal.reason)
}

function collidesWith(now: Verdict, lastAdmission: number | null): number | null {
  if (now.kind !== 'refused') return null
  const { refusal } = now
  if (refusal.reason === 'already_admitted') return refusal.admission
  return byAnother.includes(refusal.reason) ? lastAdmission : null
}
