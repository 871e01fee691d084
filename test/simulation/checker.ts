import type { DeviceId, ScanId, TicketId, ZoneId } from '../../core/ids.ts'
import type { Entry } from '../../core/log.ts'
import type { Shown } from '../../web/scanner/engine/shown.ts'
import { isLinearizable, type Model, type Operation } from '../linearizability.ts'
import type { D1Entry } from './d1.ts'
import type { Scenario } from './scenario.ts'

/** A rule that did not hold. */
export class Violation extends Error {}

/** One presentation of a ticket, as those who stand by see it. */
export type Presented = {
  deviceId: DeviceId
  ticketId: TicketId
  admits: number
  zone: ZoneId
  direction: 'entry' | 'exit'
  people: number
  force: boolean
  askedAt: number
}

/**
 * What an organiser decided about a ticket. `revision` is the Gatekeeper's at that moment; of the entries of whoever judges
 * the ticket those after `head` know of it, and those up to `from` do not.
 */
export type Decision = {
  ticketId: TicketId
  bars: boolean
  at: number
  revision: number
  from: number
  head: number
  isKnown: boolean
}

/** People whom a device let in and out, and scans of which nobody knows what came. `gone` went with a lost storage. */
type Counts = { admitted: number; exited: number; lost: number; gone: number }

/** Bodies of one ticket in one zone. `slack` are those that no log can tell of. */
type Bodies = { entered: number; exited: number; slack: number; alone: Set<DeviceId> }

/** An answer of the Gatekeeper's that was shown: it must stand for ever. */
type Promised = {
  scanId: ScanId
  ticketId: TicketId
  zone: ZoneId
  said: string
  attempt: number | null
  askedAt: number
  at: number
}

/** All that the server has in the end. */
export type Kept = {
  entries: readonly Entry[]
  /** The numbers of the entries that are conflicts. */
  conflicts: ReadonlySet<number>
  d1: readonly D1Entry[]
  tallies: ReadonlyMap<string, { scans: number; people: number }>
  inside: Readonly<Record<string, number>>
  /** Who judges a ticket, and what an entry is numbered in their log where that is not this one. */
  judgeOf: (ticketId: TicketId) => number
  judgedAs: ReadonlyMap<number, number>
  standings: (ticketId: TicketId) => readonly { zone: string; entries: number; exits: number; inside: number }[]
}

/**
 * Sees what the gates physically did, and nothing of what devices and the Gatekeeper think of it: whom they let in, and
 * at the end whether the log tells the same, and D1 the same as the log. Its sums are its own.
 */
export class Checker {
  readonly #scenario: Scenario
  readonly #bodies = new Map<string, Bodies>()
  readonly #done = new Map<string, Counts>()
  readonly #promised: Promised[] = []
  readonly #decisions = new Map<TicketId, Decision[]>()
  readonly #forced = new Set<ScanId>()
  readonly #judgedAlone = new Map<ScanId, Presented>()
  readonly #admits = new Map<TicketId, number>()
  /** Tickets of which something happened that the answers alone do not tell. */
  readonly #murky = new Set<TicketId>()
  /** What happened to each ticket at the gates, in words, for whoever looks into a failure. */
  readonly story: { ticketId: TicketId; at: number; what: string }[] = []
  readonly #tells: boolean
  shown = 0
  admitted = 0
  alone = 0
  linearized = 0

  constructor(scenario: Scenario, tells: boolean) {
    this.#scenario = scenario
    this.#tells = tells
  }

  tell(ticketId: TicketId, at: number, what: string): void {
    if (this.#tells) this.story.push({ ticketId, at, what })
  }

  /** Somebody holds a code up. Whoever wants out is taken to be on the way: nobody is kept in. */
  holdsUp({ ticketId, admits, zone, direction, people }: Presented): void {
    this.#admits.set(ticketId, admits)
    if (direction === 'exit') this.#of(ticketId, zone).exited += people
  }

  /** A gate shows something to somebody. `knownRevision`: up to where the device surely knows what was decided. */
  saw(presented: Presented, shown: Shown, at: number, knownRevision: number): void {
    const { deviceId, ticketId, admits, zone, direction, force } = presented
    const { verdict, judgedBy } = shown
    this.shown += 1
    if (this.#tells) {
      const { scanId } = shown
      const said = verdict.kind === 'refused' ? verdict.refusal.reason : verdict.kind
      const asked = `asked at ${presented.askedAt % 1e7}, ${direction} of ${presented.people}${force ? ', forced' : ''}`
      this.tell(ticketId, at, `${deviceId} in ${zone} shows ${said} by the ${judgedBy} (${asked}, ${scanId})`)
    }
    if (judgedBy === 'device') {
      this.alone += 1
      this.#judgedAlone.set(shown.scanId, presented)
    }
    if (judgedBy === 'device' || force || direction === 'exit' || admits > 1) this.#murky.add(ticketId)
    this.#promise(presented, shown, at)
    if (direction === 'exit' && verdict.kind !== 'exited') throw new Violation(`somebody was kept in: ${verdict.kind}`)
    if (verdict.kind !== 'admitted' && verdict.kind !== 'exited') return
    const { people } = verdict
    if (people !== presented.people) throw new Violation(`${presented.people} came, and ${people} were let through`)
    const counts = this.#counts(deviceId, ticketId, zone)
    const bodies = this.#of(ticketId, zone)
    if (verdict.kind === 'exited') {
      counts.exited += people
      return
    }
    counts.admitted += people
    this.admitted += people
    if (force) {
      this.#forced.add(shown.scanId)
      return
    }
    bodies.entered += people
    if (judgedBy === 'device') {
      bodies.alone.add(deviceId)
      this.#mayAlone(presented, knownRevision)
    }
    this.#mayEnter(ticketId, admits, bodies)
  }

  /** A phone died over a scan: whether it let anybody in nobody knows. */
  lost({ deviceId, ticketId, zone, people }: Presented): void {
    this.#counts(deviceId, ticketId, zone).lost += people
    this.#murky.add(ticketId)
  }

  /**
   * What a device did alone is gone with its storage, and what of it the Gatekeeper heard nobody knows: also of a scan
   * that let nobody in, since the device cannot say so any more.
   */
  forgot(scanId: ScanId, kind: string): void {
    const presented = this.#judgedAlone.get(scanId)
    // One that was never shown is lost as it is.
    if (presented === undefined) return
    const { deviceId, ticketId, zone, people } = presented
    const counts = this.#counts(deviceId, ticketId, zone)
    if (kind === 'admitted' || kind === 'exited') counts.gone += people
    else counts.lost += people
    if (kind === 'admitted') this.#of(ticketId, zone).slack += people
  }

  /** Somebody was sent away again, and it is to be taken back; `settled` when the Gatekeeper said that it is. */
  tookBack({ deviceId, ticketId, zone, people }: Presented): { settled: () => void } {
    const counts = this.#counts(deviceId, ticketId, zone)
    this.#of(ticketId, zone).entered -= people
    counts.admitted -= people
    counts.lost += people
    this.#murky.add(ticketId)
    return {
      settled: () => {
        counts.lost -= people
      },
    }
  }

  decided(decision: Decision): void {
    this.#decisions.set(decision.ticketId, [...(this.#decisions.get(decision.ticketId) ?? []), decision])
    this.#murky.add(decision.ticketId)
  }

  /** Everybody is connected again and nothing is under way. */
  compare(kept: Kept): void {
    const { entries } = kept
    const annulledBy = new Map(
      entries.flatMap(({ seq, verdict }) => (verdict.kind === 'annulled' ? [[verdict.seq, seq]] : [])),
    )
    if (annulledBy.size !== entries.filter(({ verdict }) => verdict.kind === 'annulled').length) {
      throw new Violation('an admission was taken back twice')
    }
    this.#compareBodies(entries, annulledBy)
    this.#comparePromises(kept)
    this.#compareJudgement(kept, annulledBy)
    this.#compareConflicts(kept, annulledBy)
    this.#compareStandings(kept, annulledBy)
    compareD1(kept, annulledBy)
    this.#linearize()
  }

  #mayEnter(ticketId: TicketId, admits: number, { entered, exited, slack, alone }: Bodies): void {
    const { policy, reentry } = this.#scenario
    if (reentry === 'unlimited') return
    const inside = reentry === 'none' ? entered : entered - exited
    const most = policy === 'admit' ? admits * (1 + alone.size) : admits
    if (inside > most + slack) throw new Violation(`two entered with ticket ${ticketId}`)
  }

  #mayAlone({ ticketId }: Presented, knownRevision: number): void {
    if (this.#scenario.policy === 'never') throw new Violation('somebody was let in alone where nobody is')
    const last = this.#decisions.get(ticketId)?.at(-1)
    if (last?.isKnown && last.bars && last.revision <= knownRevision) {
      throw new Violation(`a device let in alone with ticket ${ticketId}, which it was told is barred`)
    }
  }

  #promise({ ticketId, zone, askedAt }: Presented, { judgedBy, scanId, verdict }: Shown, at: number): void {
    if (judgedBy !== 'gatekeeper' || verdict.kind === 'undecided') return
    const refusal = verdict.kind === 'refused' ? verdict.refusal : null
    const attempt = refusal?.reason === 'already_admitted' ? refusal.attempt : null
    this.#promised.push({ scanId, ticketId, zone, said: refusal?.reason ?? verdict.kind, attempt, askedAt, at })
  }

  /** The log tells what the gates did: no less, and no more than what nobody knows of. */
  #compareBodies(entries: readonly Entry[], annulledBy: ReadonlyMap<number, number>): void {
    const logged = new Map<string, { admitted: number; exited: number }>()
    for (const { seq, deviceId, ticketId, zone, people, verdict } of entries) {
      if (ticketId === null || deviceId === null || annulledBy.has(seq)) continue
      if (verdict.kind !== 'admitted' && verdict.kind !== 'exited') continue
      const key = `${deviceId} ${ticketId} ${zone}`
      const counts = logged.get(key) ?? { admitted: 0, exited: 0 }
      counts[verdict.kind] += people
      logged.set(key, counts)
    }
    for (const key of new Set([...this.#done.keys(), ...logged.keys()])) {
      const did = this.#done.get(key) ?? nothing()
      const told = logged.get(key) ?? nothing()
      for (const what of ['admitted', 'exited'] as const) {
        if (told[what] < did[what] - did.gone) {
          throw new Violation(`${key}: ${what} ${did[what]}, and ${told[what]} in the log`)
        }
        if (told[what] > did[what] + did.lost) throw new Violation(`${key}: ${what} stands in the log too often`)
      }
    }
  }

  /** What was answered stands, once, and in an order in which it can have been asked. */
  #comparePromises({ entries, judgeOf }: Kept): void {
    const byScan = new Map(entries.map((entry) => [entry.scanId, entry]))
    if (byScan.size < entries.length) throw new Violation('a scan is in the log twice')
    const inOrder = this.#promised.map((promised) => {
      const entry = byScan.get(promised.scanId)
      if (!entry) throw new Violation(`scan ${promised.scanId} was answered and is not in the log`)
      const { verdict } = entry
      const stands = verdict.kind === 'refused' ? verdict.refusal.reason : verdict.kind
      if (stands !== promised.said)
        throw new Violation(`${promised.scanId} was told ${promised.said}, logged ${stands}`)
      if (this.#forced.has(promised.scanId) && entry.forceReason === null) {
        throw new Violation(`${promised.scanId} was forced, and the log does not say so`)
      }
      return { ...promised, seq: entry.seq }
    })
    const latest = new Map<number, number>()
    for (const { seq, ticketId, askedAt, at } of inOrder.sort((a, b) => a.seq - b.seq)) {
      const judge = judgeOf(ticketId)
      const before = latest.get(judge) ?? Number.NEGATIVE_INFINITY
      if (at < before) throw new Violation(`entry ${seq} was answered before an earlier one was asked`)
      latest.set(judge, Math.max(before, askedAt))
    }
  }

  /** What the Gatekeeper judged by itself follows from what stood in its log then: our own sum of that, in its order. */
  #compareJudgement({ entries, judgedAs }: Kept, annulledBy: ReadonlyMap<number, number>): void {
    const { reentry, capacity, shards } = this.#scenario
    const inside = new Map<string, number>()
    const perTicket = new Map<string, number>()
    for (const entry of entries) {
      const { seq, ticketId, zone, people, verdict, offline, forceReason } = entry
      const key = `${ticketId} ${zone}`
      const isOwn = offline === null && forceReason === null && verdict.kind === 'admitted' && ticketId !== null
      if (isOwn && reentry !== 'unlimited') {
        const before = perTicket.get(key) ?? 0
        if (before + people > (this.#admits.get(ticketId) ?? 1)) {
          throw new Violation(
            `entry ${seq}: the Gatekeeper let in ${people} more with ${ticketId}, of which ${before} are in`,
          )
        }
      }
      if (isOwn) this.#notBarred(entry, judgedAs.get(seq) ?? seq)
      this.#namesItsOwn(entry, entries)
      // Of a divided event, people of one shard may stand in the log before those of another who came in earlier.
      if (
        isOwn &&
        shards === 1 &&
        capacity !== null &&
        zone === 'main' &&
        (inside.get(zone) ?? 0) + people > capacity
      ) {
        throw new Violation(`entry ${seq}: the Gatekeeper let in ${people} more than the place holds`)
      }
      inside.set(zone, (inside.get(zone) ?? 0) + entry.insideChange)
      if (verdict.kind === 'admitted') perTicket.set(key, (perTicket.get(key) ?? 0) + people)
      if (verdict.kind === 'exited' && reentry !== 'none') perTicket.set(key, (perTicket.get(key) ?? 0) - people)
      if (verdict.kind === 'annulled') {
        const admission = entries[verdict.seq - 1]
        if (admission) perTicket.set(key, (perTicket.get(key) ?? 0) - admission.people)
      }
    }
    void annulledBy
  }

  /** What an entry names is of the same ticket: the admission that was the first, or that was taken back. */
  #namesItsOwn({ seq, ticketId, verdict }: Entry, entries: readonly Entry[]): void {
    const refusal = verdict.kind === 'refused' ? verdict.refusal : null
    const named =
      verdict.kind === 'annulled' ? verdict.seq : refusal?.reason === 'already_admitted' && refusal.admission
    if (!named) return
    const found = entries[named - 1]
    if (found?.verdict.kind !== 'admitted' || found.ticketId !== ticketId) {
      throw new Violation(`entry ${seq} of ${ticketId} names entry ${named}, which is no admission of it`)
    }
  }

  #notBarred({ seq, ticketId }: Entry, judged: number): void {
    const decisions = this.#decisions.get(ticketId as TicketId)
    const before = decisions?.findLast(({ head }) => head < judged)
    // Another one may hold already, or not yet.
    if (before !== decisions?.findLast(({ from }) => from < judged)) return
    if (before?.isKnown && before.bars) throw new Violation(`entry ${seq}: let in with ${ticketId}, which is barred`)
  }

  /** Whoever was let in beyond what the ticket is for, or with one that was barred then, is a conflict. */
  #compareConflicts({ entries, conflicts, judgedAs }: Kept, annulledBy: ReadonlyMap<number, number>): void {
    const accepted = new Map<string, number>()
    for (const { seq, ticketId, zone, people, verdict, offline, forceReason, scannedAt } of entries) {
      if (verdict.kind !== 'admitted' || ticketId === null || annulledBy.has(seq) || forceReason !== null) continue
      if (conflicts.has(seq)) continue
      const key = `${ticketId} ${zone}`
      accepted.set(key, (accepted.get(key) ?? 0) + people)
      const most = this.#admits.get(ticketId) ?? 1
      if (this.#scenario.reentry === 'none' && (accepted.get(key) ?? 0) > most) {
        throw new Violation(`${ticketId}: ${accepted.get(key)} entered in ${zone}, and no conflict tells of it`)
      }
      if (offline === null) continue
      const decisions = this.#decisions.get(ticketId) ?? []
      // What was home before is not judged anew for a decision that came later, whatever the clocks said then.
      const judged = judgedAs.get(seq) ?? seq
      const then = decisions.findLast(({ at, head }) => at < scannedAt && head < judged)
      const isCertain = decisions.every(({ isKnown, from, head }) => isKnown && (head < judged || judged <= from))
      if (isCertain && then?.bars) {
        throw new Violation(
          `entry ${seq}: let in alone with ${ticketId}, which was barred, and no conflict tells of it`,
        )
      }
    }
  }

  /** How many are in, by our own sum: of each ticket that only the Gatekeeper judged, and of each zone. */
  #compareStandings({ entries, inside, standings }: Kept, annulledBy: ReadonlyMap<number, number>): void {
    const perZone = new Map<string, number>()
    for (const { zone, insideChange } of entries) perZone.set(zone, (perZone.get(zone) ?? 0) + insideChange)
    for (const [zone, people] of perZone) {
      if (people !== (inside[zone] ?? 0))
        throw new Violation(`${people} are in ${zone} by the log, ${inside[zone]} by the sum`)
    }
    for (const [ticketId, scans] of Map.groupBy(entries, ({ ticketId }) => ticketId)) {
      if (ticketId === null) continue
      for (const { zone, ...told } of standings(ticketId)) {
        const own = scans.filter((entry) => entry.zone === zone && !annulledBy.has(entry.seq))
        const entered = sum(own.filter(({ verdict }) => verdict.kind === 'admitted'))
        const exited = sum(own.filter(({ verdict }) => verdict.kind === 'exited'))
        const isSame = told.entries === entered && told.exits === exited
        if (!isSame)
          throw new Violation(`${ticketId} in ${zone}: ${entered} in and ${exited} out, told ${JSON.stringify(told)}`)
        if (own.some(({ offline }) => offline !== null) || this.#scenario.reentry === 'unlimited') continue
        const now = own.reduce((people, { verdict, people: by }) => {
          if (verdict.kind === 'admitted') return people + by
          return verdict.kind === 'exited' ? Math.max(0, people - by) : people
        }, 0)
        if (now !== told.inside) throw new Violation(`${ticketId} in ${zone}: ${now} are in, told ${told.inside}`)
      }
    }
  }

  /** Tickets of which only the Gatekeeper spoke: whether one who judges one at a time can have said all of that. */
  #linearize(): void {
    if (this.#scenario.reentry !== 'none') return
    const plain = this.#promised.filter(({ ticketId, said }) => !this.#murky.has(ticketId) && counted.includes(said))
    for (const [ticketId, answers] of Map.groupBy(plain, ({ ticketId, zone }) => `${ticketId} in ${zone}`)) {
      const operations = answers.map(({ askedAt, at, said, attempt }) => ({
        start: askedAt,
        end: at,
        does: `${said} ${attempt}`,
      }))
      if (!isLinearizable(operations as Operation<string>[], oneTicket)) {
        throw new Violation(
          `nobody who judges one at a time gives these answers of ${ticketId}: ${JSON.stringify(operations)}`,
        )
      }
      this.linearized += 1
    }
  }

  #counts(deviceId: DeviceId, ticketId: TicketId, zone: ZoneId): Counts {
    return getOr(this.#done, `${deviceId} ${ticketId} ${zone}`, nothing)
  }

  #of(ticketId: TicketId, zone: ZoneId): Bodies {
    return getOr(this.#bodies, `${ticketId} ${zone}`, () => ({ entered: 0, exited: 0, slack: 0, alone: new Set() }))
  }
}

/** The answers that count as a presentation. */
const counted: readonly string[] = ['admitted', 'already_admitted']

const oneTicket: Model<number, string> = {
  initial: 0,
  step: (presented, said) => {
    const now = presented === 0 ? 'admitted null' : `already_admitted ${presented + 1}`
    return said === now ? presented + 1 : null
  },
  keyOf: String,
}

/** D1 has each entry once and as it is, and its sums are those of the log. */
function compareD1({ entries, d1, tallies }: Kept, annulledBy: ReadonlyMap<number, number>): void {
  const rowOf = ({ seq, scanId, verdict, people, insideChange }: Entry): D1Entry => ({
    seq,
    scan: scanId.replaceAll('-', ''),
    verdict: verdict.kind,
    people,
    inside_change: insideChange,
    annulled: annulledBy.has(seq) ? 1 : 0,
  })
  for (let i = 0; i < Math.max(entries.length, d1.length); i++) {
    const entry = entries[i]
    const [expected, found] = [JSON.stringify(entry && rowOf(entry)), JSON.stringify(d1[i] && { ...d1[i] })]
    if (expected !== found) throw new Violation(`D1 has ${found} where the log has ${expected}`)
  }
  const sums = new Map<string, { scans: number; people: number }>()
  for (const { seq, verdict, people } of entries) {
    if (verdict.kind === 'annulled' || verdict.kind === 'everyone_out') continue
    const outcome = verdict.kind === 'refused' ? verdict.refusal.reason : verdict.kind
    const sum = getOr(sums, outcome, () => ({ scans: 0, people: 0 }))
    sum.scans += 1
    sum.people += annulledBy.has(seq) ? 0 : people
  }
  for (const [outcome, { scans, people }] of sums) {
    const told = tallies.get(outcome)
    if (told?.scans !== scans || told.people !== people) {
      throw new Violation(
        `D1 adds up ${JSON.stringify(told)} of ${outcome}, the log ${JSON.stringify({ scans, people })}`,
      )
    }
  }
}

const nothing = (): Counts => ({ admitted: 0, exited: 0, lost: 0, gone: 0 })

const sum = (entries: readonly Entry[]) => entries.reduce((people, entry) => people + entry.people, 0)

function getOr<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  map.set(key, made)
  return made
}
