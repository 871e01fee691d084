import type { Conflict } from '../../../core/attribution.ts'
import { attribute } from '../../../core/attribution.ts'
import type { Entry } from '../../../core/log.ts'
import { noStanding, type Standing } from '../../../core/standing.ts'
import type { Chance } from '../../chance.ts'
import type { Evening } from './evening.ts'
import type { Ledger, TicketFile } from './ledger.ts'
import type { Server } from './server.ts'
import { Violation, type Watcher } from './watcher.ts'

/** Why an entry that the Gatekeeper admitted itself can be a conflict all the same: how much of the ticket was used up. */
const byUse: readonly string[] = ['already_admitted', 'limit_reached', 'too_soon']

/** When everybody is connected again and nothing is under way: what the log, D1 and standings say, by our own sums. */
export class Audit {
  readonly #evening: Evening
  readonly #watcher: Watcher
  readonly #server: Server
  readonly #ledger: Ledger
  readonly #chance: Chance
  readonly #annulled = new Set<number>()

  constructor(evening: Evening, watcher: Watcher, server: Server, chance: Chance) {
    this.#evening = evening
    this.#watcher = watcher
    this.#server = server
    this.#ledger = server.ledger
    this.#chance = chance
  }

  run(): void {
    this.#collectAnnulled()
    this.#compareBodies()
    this.#comparePromises()
    this.#compareOwnJudgement()
    for (const file of this.#ledger.files) {
      for (let zone = 0; zone < file.entries.length; zone++) {
        const all = file.entries[zone] as Entry[]
        if (all.length > 0) this.#compareTicket(file, zone, all)
      }
    }
    this.#compareOccupancy()
    this.#compareD1()
  }

  #collectAnnulled(): void {
    for (const { verdict } of this.#ledger.entries) {
      if (verdict.kind !== 'annulled') continue
      if (this.#annulled.has(verdict.seq)) throw new Violation(`the admission ${verdict.seq} was taken back twice`)
      this.#annulled.add(verdict.seq)
    }
  }

  /** The log tells what the gates did: no less, and no more than what nobody knows of. */
  #compareBodies(): void {
    const logged = new Map<string, { admitted: number; exited: number }>()
    for (const { seq, deviceId, ticketId, zone, people, verdict } of this.#ledger.entries) {
      const { kind } = verdict
      if ((kind !== 'admitted' && kind !== 'exited') || ticketId === null || this.#annulled.has(seq)) continue
      const key = `${deviceId} ${this.#ledger.file(ticketId).no} ${this.#ledger.zoneAt(zone)}`
      const sum = logged.get(key)
      if (sum) sum[kind] += people
      else logged.set(key, { admitted: 0, exited: 0, [kind]: people })
    }
    for (const [key, { admitted, exited, lost, gone, no }] of this.#watcher.counts) {
      const told = logged.get(key) ?? { admitted: 0, exited: 0 }
      const isLess = told.admitted < admitted - gone || told.exited < exited - gone
      const isMore = told.admitted > admitted + lost || told.exited > exited + lost
      const said = `ticket ${no}, ${key}: ${admitted} let in and ${exited} out, ${told.admitted} and ${told.exited} in the log`
      if (isLess) throw new Violation(said)
      if (isMore) throw new Violation(`too often, ${said}`)
      logged.delete(key)
    }
    for (const key of logged.keys())
      throw new Violation(`in the log, and nobody was at a gate: ticket ${key.split(' ')[1]}, ${key}`)
  }

  /** What was answered stands, once, and in an order in which it can have been asked. */
  #comparePromises(): void {
    const { entries } = this.#ledger
    const byScan = new Map(entries.map((entry) => [entry.scanId, entry]))
    if (byScan.size < entries.length) throw new Violation('a scan is in the log twice')
    const answers = this.#watcher.promised.map((promised) => {
      const { no, scanId, said, attempt } = promised
      const entry = byScan.get(scanId)
      if (!entry) throw new Violation(`ticket ${no}: scan ${scanId} was answered and is not in the log`)
      const { verdict, seq } = entry
      const refusal = verdict.kind === 'refused' ? verdict.refusal : null
      const stands = refusal?.reason ?? verdict.kind
      if (stands !== said) throw new Violation(`ticket ${no}: ${scanId} was told ${said}, logged ${stands}`)
      if (refusal?.reason === 'already_admitted' && refusal.attempt !== attempt) {
        throw new Violation(`ticket ${no}: ${scanId} was told attempt ${attempt}, logged ${refusal.attempt}`)
      }
      return { seq, no, askedAt: promised.askedAt, at: promised.at }
    })
    let latest = Number.NEGATIVE_INFINITY
    for (const { seq, no, askedAt, at } of answers.sort((a, b) => a.seq - b.seq)) {
      if (at < latest) throw new Violation(`ticket ${no}: entry ${seq} was answered before an earlier one was asked`)
      latest = Math.max(latest, askedAt)
    }
    for (const scanId of this.#watcher.forced) {
      if (byScan.get(scanId)?.forceReason === null)
        throw new Violation(`${scanId} was forced, and the log does not say so`)
    }
  }

  /** What the Gatekeeper judged by itself follows from what stood in its log then: our own sum of that, in its order. */
  #compareOwnJudgement(): void {
    const { reentry, zones } = this.#evening
    const inside = zones.map(() => 0)
    const perTicket = new Map<string, number>()
    const entered = new Map<string, number>()
    const ofType = this.#ledger.insideOfType.map(() => 0)
    const { maxEntries } = this.#evening.event.policy
    const { entries } = this.#ledger
    for (const entry of entries) {
      const { seq, ticketId, people, verdict, offline, forceReason, insideChange } = entry
      if (ticketId === null) continue
      const zone = this.#ledger.zoneAt(entry.zone)
      const { no, ticket } = this.#ledger.file(ticketId)
      const key = ticketId + entry.zone
      const before = perTicket.get(key) ?? 0
      if (verdict.kind === 'admitted' && offline === null && forceReason === null) {
        if (reentry !== 'unlimited' && before + people > ticket.admits) {
          throw new Violation(`ticket ${no}: entry ${seq} lets in ${people} more, and ${before} are in`)
        }
        const capacity = zones[zone]?.capacity ?? null
        if (capacity !== null && (inside[zone] as number) + people > capacity) {
          throw new Violation(`ticket ${no}: entry ${seq} lets in ${people} more than the place holds`)
        }
        const type = this.#ledger.type(ticket.type)
        const typeAt = this.#ledger.typeAt(entry.zone, type.id)
        if (type.capacity !== null && (ofType[typeAt] as number) + people > type.capacity) {
          throw new Violation(`ticket ${no}: entry ${seq} lets in ${people} more than there is room of its type`)
        }
        if (maxEntries !== null && (entered.get(key) ?? 0) + people > maxEntries) {
          throw new Violation(`ticket ${no}: entry ${seq} lets in ${people} more than may ever enter with it`)
        }
        const last = this.#watcher.decisions[no]?.findLast(({ head }) => head < seq)
        if (last?.isKnown && last.bars) throw new Violation(`ticket ${no}: entry ${seq} lets in, and it is barred`)
      }
      this.#namesItsOwn(entry, no)
      inside[zone] = (inside[zone] as number) + insideChange
      const typeAt = this.#ledger.typeAt(entry.zone, ticket.type)
      ofType[typeAt] = (ofType[typeAt] as number) + insideChange
      if (verdict.kind === 'admitted') entered.set(key, (entered.get(key) ?? 0) + people)
      else if (verdict.kind === 'annulled') {
        entered.set(key, (entered.get(key) ?? 0) - (entries[verdict.seq - 1]?.people ?? 0))
      }
      if (verdict.kind === 'admitted') perTicket.set(key, before + people)
      else if (verdict.kind === 'exited' && reentry !== 'none') perTicket.set(key, before - people)
      else if (verdict.kind === 'annulled') perTicket.set(key, before - (entries[verdict.seq - 1]?.people ?? 0))
    }
  }

  /** What an entry names is of the same ticket: the admission that was the first, or that was taken back. */
  #namesItsOwn({ seq, ticketId, verdict }: Entry, no: number): void {
    const refusal = verdict.kind === 'refused' ? verdict.refusal : null
    const named =
      verdict.kind === 'annulled' ? verdict.seq : refusal?.reason === 'already_admitted' && refusal.admission
    if (!named) return
    const found = this.#ledger.entries[named - 1]
    if (found?.verdict.kind !== 'admitted' || found.ticketId !== ticketId) {
      throw new Violation(`ticket ${no}: entry ${seq} names entry ${named}, which is no admission of it`)
    }
  }

  /** Where a ticket stands follows from its entries in whatever order they come, and so do its conflicts. */
  #compareTicket(file: TicketFile, zone: number, all: readonly Entry[]): void {
    const entries = all.filter(({ seq }) => !this.#annulled.has(seq))
    const kept = file.conflicts[zone] as Conflict[]
    const standing = file.standings[zone] ?? noStanding
    const told = attribute(this.#shuffled(entries), this.#surroundings(file, zone))
    if (!isSame(told.standing, standing)) {
      throw new Violation(
        `ticket ${file.no}: the log says ${JSON.stringify(told.standing)}, kept is ${JSON.stringify(standing)}`,
      )
    }
    if (told.conflicts.length !== kept.length || told.conflicts.some((one, i) => !isSame(one, kept[i] as Conflict))) {
      const [log, is] = [told.conflicts, kept].map((conflicts) => JSON.stringify(conflicts))
      throw new Violation(`ticket ${file.no}: by the log its conflicts are ${log}, kept are ${is}`)
    }
    this.#compareSums(file, zone, entries, standing)
    this.#compareConflicts(file, entries, new Map(kept.map((one) => [one.seq, one])))
  }

  #compareSums({ no }: TicketFile, _zone: number, entries: readonly Entry[], standing: Standing): void {
    let [entered, exited, inside, isPure] = [0, 0, 0, this.#evening.reentry !== 'unlimited']
    for (const { verdict, people, offline } of entries) {
      if (offline !== null) isPure = false
      if (verdict.kind === 'admitted') {
        entered += people
        inside += people
      } else if (verdict.kind === 'exited') {
        exited += people
        inside = Math.max(0, inside - people)
      }
    }
    const isRight = standing.entries === entered && standing.exits === exited && (!isPure || standing.inside === inside)
    if (!isRight) {
      const sums = `${entered} in and ${exited} out, ${inside} inside`
      throw new Violation(`ticket ${no}: ${sums}, kept is ${JSON.stringify(standing)}`)
    }
  }

  /** Whoever was let in beyond what the ticket is for, or with one that was barred then, is a conflict, and nobody else. */
  #compareConflicts(
    { no, ticket }: TicketFile,
    entries: readonly Entry[],
    conflicts: ReadonlyMap<number, Conflict>,
  ): void {
    const decisions = this.#watcher.decisions[no] ?? []
    let [accepted, all] = [0, 0]
    for (const { seq, people, verdict, offline, forceReason, scannedAt } of entries) {
      const conflict = conflicts.get(seq)
      if (conflict && offline === null && !byUse.includes(conflict.judged)) {
        throw new Violation(
          `ticket ${no}: the Gatekeeper admitted ${seq} itself, and now it is a conflict: ${conflict.judged}`,
        )
      }
      if (verdict.kind !== 'admitted') continue
      all += people
      if (forceReason !== null || conflict) continue
      accepted += people
      if (offline === null) continue
      // Where the Gatekeeper's clock was set back, its time stands still for a while: what was first then, nobody knows.
      if (decisions.some(({ at }) => at === scannedAt)) continue
      const then = decisions.findLast(({ at, head }) => at < scannedAt && head < seq)
      if (then?.bars && decisions.every(({ isKnown }) => isKnown)) {
        throw new Violation(`ticket ${no}: ${seq} was let in alone while it was barred, and no conflict tells of it`)
      }
    }
    if (this.#evening.reentry !== 'none') return
    if (accepted > ticket.admits) {
      throw new Violation(`ticket ${no}: ${accepted} entered with it, and no conflict tells of it`)
    }
    const isFalse = [...conflicts.values()].some(({ shown, judged }) => shown === 'admitted' && byUse.includes(judged))
    const { maxEntries } = this.#evening.event.policy
    if (all <= Math.min(ticket.admits, maxEntries ?? ticket.admits) && isFalse)
      throw new Violation(`ticket ${no}: ${all} entered with it, which is no conflict`)
  }

  #compareOccupancy(): void {
    for (const [zone, { id }] of this.#evening.zones.entries()) {
      let [byLog, byTickets] = [0, 0]
      for (const entry of this.#ledger.entries) if (entry.zone === id) byLog += entry.insideChange
      for (const { standings } of this.#ledger.files) byTickets += standings[zone]?.inside ?? 0
      const kept = this.#ledger.inside[zone]
      if (byLog !== kept || byTickets !== kept) {
        throw new Violation(`${byLog} are in ${id} by the log, ${byTickets} by the tickets, ${kept} by the sum`)
      }
    }
  }

  /** D1 has each entry once and as it is, and its sums are those of the log. */
  #compareD1(): void {
    const { d1 } = this.#server
    const { entries } = this.#ledger
    const sums = new Map<string, { scans: number; people: number }>()
    for (let i = 0; i < Math.max(entries.length, d1.rows.length); i++) {
      const [entry, row] = [entries[i], d1.rows[i]]
      const isAnnulled = this.#annulled.has(i + 1)
      if (!entry || row?.entry !== entry || row.isAnnulled !== isAnnulled) {
        throw new Violation(`D1 has ${JSON.stringify(row)} where the log has ${JSON.stringify(entry)}, ${isAnnulled}`)
      }
      const { verdict, people } = entry
      if (verdict.kind === 'annulled') continue
      const outcome = verdict.kind === 'refused' ? verdict.refusal.reason : verdict.kind
      const sum = sums.get(outcome) ?? { scans: 0, people: 0 }
      sums.set(outcome, sum)
      sum.scans += 1
      sum.people += isAnnulled ? 0 : people
    }
    for (const [outcome, sum] of sums) {
      const told = d1.sums.get(outcome)
      if (!told || told.scans !== sum.scans || told.people !== sum.people) {
        throw new Violation(`D1 adds up ${JSON.stringify(told)} of ${outcome}, the log ${JSON.stringify(sum)}`)
      }
    }
  }

  #surroundings(file: TicketFile, zone: number): Parameters<typeof attribute>[1] {
    const { event } = this.#evening
    const { changes, ticket } = file
    return {
      ticketAt: (at) => (changes.findLast((change) => change.at <= at) ?? changes[0])?.ticket ?? ticket,
      type: this.#ledger.type(ticket.type),
      zone: this.#ledger.zone(zone),
      event,
      policy: event.policy,
      gates: this.#ledger.gates,
      clearedAt: [],
    }
  }

  #shuffled(entries: readonly Entry[]): Entry[] {
    const all = entries.slice()
    for (let i = all.length - 1; i > 0; i--) {
      const k = this.#chance.between(0, i)
      const [a, b] = [all[i] as Entry, all[k] as Entry]
      all[i] = b
      all[k] = a
    }
    return all
  }
}

function isSame<T extends object>(a: T, b: T): boolean {
  for (const name in a) if (a[name] !== b[name]) return false
  return true
}
