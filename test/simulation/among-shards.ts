import { MAIN_ZONE } from '../../core/event.ts'
import type { EventId, TicketId } from '../../core/ids.ts'
import type { Entry } from '../../core/log.ts'
import { shardOf } from '../../core/shards.ts'
import { everybody } from '../../durable-objects/actor.ts'
import { Violation } from './checker.ts'
import type { PlatformObject } from './platform-object.ts'
import type { Server } from './server.ts'

/** Who is in the main zone by one object's judging; of them at most `beyond` were forced in, or let in by a gate alone. */
type Inside = { inside: number; beyond: number }

const insideOf = `SELECT ifnull(sum(inside_change), 0) AS inside,
  ifnull(sum(max(inside_change, 0)) FILTER (WHERE offline IS NOT NULL OR force_reason IS NOT NULL), 0) AS beyond
  FROM entry WHERE zone = (SELECT no FROM zone WHERE id = '${MAIN_ZONE}')`
const allotted = 'SELECT shard, people FROM allotment WHERE room = ? AND shard > 0'

/**
 * Sees into all objects of a divided event at once, as none of them can: what they have between them of a room at any
 * time, and in the end whether the Gatekeeper's log and standings are theirs.
 */
export class AmongShards {
  readonly #eventId: EventId
  readonly #server: Server
  readonly #capacity: number | null

  constructor(eventId: EventId, server: Server, capacity: number | null) {
    this.#eventId = eventId
    this.#server = server
    this.#capacity = capacity
  }

  /** No room is fuller than it may be, and no more of it is lent than there is, whatever is on its way just now. */
  look(): void {
    const capacity = this.#capacity
    if (capacity === null) return
    const { own, shards } = this.#server
    const byShards = shards.map((shard) => one<Inside>(shard, insideOf))
    const byItself = one<Inside>(own, `${insideOf} AND seq NOT IN (SELECT own FROM taken)`)
    const all = [byItself, ...byShards]
    const most = capacity + sum(all.map(({ beyond }) => beyond))
    const inside = sum(all.map((judged) => judged.inside))
    if (inside > most) throw new Violation(`${inside} are inside, and there is room for ${most}`)
    const lent = allotments(own)
    const given = sum([...lent.values()]) + byItself.inside
    if (given > most) throw new Violation(`${given} places are given away of ${most}`)
    for (const [i, shard] of shards.entries()) {
      const has = allotments(shard).get(i + 1) ?? 0
      const may = (lent.get(i + 1) ?? 0) + (byShards[i]?.beyond ?? 0)
      if (has > may) throw new Violation(`shard ${i + 1} may fill ${has} places, and was lent ${may}`)
    }
  }

  /** Whether the Gatekeeper has all that shards judged, and they all that was changed. */
  get areGathered(): boolean {
    const { own, shards } = this.#server
    if (own.look('SELECT 1 FROM untold LIMIT 1').length > 0) return false
    return shards.every((shard, i) => {
      const { seq } = one<{ seq: number | null }>(shard, 'SELECT max(seq) AS seq FROM entry')
      const taken = one<{ seq: number | null }>(own, 'SELECT max(seq) AS seq FROM taken WHERE shard = ?', i + 1)
      return (seq ?? 0) === (taken.seq ?? 0)
    })
  }

  /** What an entry of the Gatekeeper's log is numbered in that of whoever judged it. */
  judgedAs(): Map<number, number> {
    const rows = this.#server.own.look('SELECT seq, own FROM taken') as { seq: number; own: number }[]
    return new Map(rows.map(({ seq, own }) => [own, seq]))
  }

  compare(entries: readonly Entry[]): void {
    const logged = new Map(entries.map((entry) => [entry.seq, entry]))
    for (const [i, shard] of this.#server.shards.entries()) this.#compareLog(i + 1, shard, logged)
    for (const { seq, ticketId } of logged.values()) {
      // Those that shards judged have been taken out.
      if (ticketId !== null && this.judgeOf(ticketId) > 0) throw new Violation(`entry ${seq} is no shard's`)
      if (ticketId === null) throw new Violation(`entry ${seq}: a ticket that was issued is not known`)
    }
    const tickets = new Set(entries.flatMap(({ ticketId }) => ticketId ?? []))
    for (const ticketId of tickets) this.#compareStanding(ticketId)
  }

  judgeOf(ticketId: TicketId): number {
    return shardOf(this.#eventId, ticketId)
  }

  #compareLog(number: number, shard: PlatformObject, logged: Map<number, Entry>): void {
    const { own } = this.#server
    const rows = own.look('SELECT seq, own FROM taken WHERE shard = ?', number) as { seq: number; own: number }[]
    const taken = new Map(rows.map((row) => [row.seq, row.own]))
    const found = shard.gatekeeper.entries(everybody, 0, 1_000_000)
    for (const entry of found.ok ? found.value : []) {
      const { seq, ticketId } = entry
      if (ticketId !== null && this.judgeOf(ticketId) !== number) {
        throw new Violation(`shard ${number} judged ${ticketId}, which is not its own`)
      }
      const as = taken.get(seq) ?? 0
      const same = logged.get(as)
      if (!same || told(same) !== told(entry)) {
        throw new Violation(`shard ${number} has ${told(entry)}, the one log ${same ? told(same) : 'nothing'}`)
      }
      logged.delete(as)
    }
  }

  #compareStanding(ticketId: TicketId): void {
    const judge = this.#server.objects[this.judgeOf(ticketId)] as PlatformObject
    const [by, known] = [judge, this.#server.own].map((object) => standingsOf(object, ticketId))
    if (by !== known) throw new Violation(`${ticketId} stands at ${by} with its judge, and at ${known} in the one log`)
  }
}

/** Where a ticket stands. What an entry is numbered differs from log to log. */
function standingsOf({ gatekeeper }: PlatformObject, ticketId: TicketId): string {
  const facts = gatekeeper.ticket(everybody, ticketId)
  if (!facts.ok) return facts.problem.code
  return JSON.stringify(
    facts.value.standings.map(({ zone, standing: { admission: _, ...rest } }) => ({ zone, ...rest })),
  )
}

function told({ scanId, ticketId, verdict, people, insideChange, zone, scannedAt, receivedAt }: Entry): string {
  return JSON.stringify([scanId, ticketId, verdict.kind, people, insideChange, zone, scannedAt, receivedAt])
}

function allotments(object: PlatformObject): Map<number, number> {
  const rows = object.look(allotted, MAIN_ZONE) as { shard: number; people: number }[]
  return new Map(rows.map(({ shard, people }) => [shard, people]))
}

function one<T>(object: PlatformObject, query: string, ...bindings: unknown[]): T {
  return object.look(query, ...bindings)[0] as T
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((so, number) => so + number, 0)
}
