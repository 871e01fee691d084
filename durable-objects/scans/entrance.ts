import { ok, type Problem, problem, type Recorded, type Result } from '../../core/answers.ts'
import type { GateId, TicketId } from '../../core/ids.ts'
import type { LimitedCall } from '../../core/limits.ts'
import { counterOf, type RoomName } from '../../core/shards.ts'
import { type Actor, everybody } from '../actor.ts'
import { countScan } from '../calling.ts'
import { noteInvalid, noteRefusal } from '../devices/device-facts.ts'
import { spendCall } from '../devices/device-limits.ts'
import type { EventParts } from '../event-parts.ts'
import type { Host } from '../host.ts'
import type { KnownConflict } from '../offline/conflicts.ts'
import type { AsShard } from '../shards/as-shard.ts'
import type { Dividing } from '../shards/dividing.ts'
import type { Lending } from '../shards/lending.ts'
import type { Annulling, ScanAsk, Waiting } from './judging.ts'
import { type Desk, ScanLane } from './scan-lane.ts'

/** A visit that an attendee notes alone. */
export type Visit = Pick<ScanAsk, 'scanId' | 'fingerprint'> & { ticketId: TicketId; link: number; gateId: GateId }

/**
 * Where scans come in, whoever brings them. It sees to it that what is judged is judged by the right object, that it may
 * be asked, that it shares a commit with its neighbours and that the others hear of it; the judging is in `judging.ts`.
 */
export class Entrance {
  readonly #host: Host
  readonly #dividing: Dividing
  readonly #lending: Lending
  readonly #asShard: AsShard

  constructor(host: Host, dividing: Dividing, lending: Lending, asShard: AsShard) {
    this.#host = host
    this.#dividing = dividing
    this.#lending = lending
    this.#asShard = asShard
  }

  /**
   * Takes scans, one or five hundred. Each stands or falls alone; all share one commit. What they count as is null where
   * they were counted already.
   */
  record(actor: Actor, asks: ScanAsk[], countAs: LimitedCall | null): Promise<Result<Recorded>[]> {
    const isDivided = this.#dividing.among() !== null
    return isDivided ? this.#recordAmongAll(actor, asks, countAs) : this.#recordHere(actor, asks, countAs)
  }

  async #recordHere(actor: Actor, asks: ScanAsk[], countAs: LimitedCall | null): Promise<Result<Recorded>[]> {
    const { group, live } = this.#host
    const arrivedAt = Date.now()
    const first = await group.run(() => asks.map((ask) => this.#record(actor, ask, arrivedAt, countAs, true)))
    const waiting = first.filter(isWaiting)
    if (waiting.length === 0) return first as Result<Recorded>[]
    // Under the strict policy, tickets that another device may admit alone: it is asked to give them up. Of a divided
    // event, rooms that another shard may fill.
    await Promise.all(waiting.flatMap((one) => ('held' in one ? [live().recall(one.held)] : [])))
    const needs = waiting.flatMap((one) => ('needs' in one ? [one.needs] : []))
    if (needs.length > 0) await this.#lending.makeRoom(needs.reduce(addedUp, {}))
    return group.run(() =>
      asks.map((ask, i) => {
        const result = first[i]
        if (result && !isWaiting(result)) return result
        return this.#record(actor, ask, arrivedAt, null, false) as Result<Recorded>
      }),
    )
  }

  #record(
    actor: Actor,
    ask: ScanAsk,
    arrivedAt: number,
    countAs: LimitedCall | null,
    askFirst: boolean,
  ): Result<Recorded> | Waiting {
    const { ctx, event, alarm, live, zones } = this.#host
    if (this.#isRubbish(ask)) return problem('unreadable_code')
    const parts = event.allowed(actor)
    if (!parts.ok) return parts
    const at = Date.now()
    const spent = countAs === null ? ok(null) : spendCall(parts.value, actor, countAs, at)
    if (!spent.ok) return spent
    const timed = { ...ask, spentMs: ask.spentMs + (at - arrivedAt) }
    zones.look(at)
    try {
      const result = ctx().storage.transactionSync(() => parts.value.judging.record(timed, at, askFirst))
      if (!result.ok) return result
      if (isWaiting(result.value)) return result.value
      result.value.settle()
      if (!result.value.recorded.replay) {
        alarm.soon()
        this.#asShard.handOverSoon()
        live().wake()
        noteRefusal(parts.value, result.value.recorded.entry)
      }
      return ok(result.value.recorded)
    } catch (error) {
      // The transaction was rolled back, and memory may be ahead of the tables: read everything anew.
      event.reread()
      throw error
    }
  }

  /**
   * Where no codes were printed elsewhere, a text that is no token is rubbish. It is answered before anything else is
   * looked at, as a forged token is in the Worker, so that the two cannot be told apart.
   */
  #isRubbish({ presented }: ScanAsk): boolean {
    const { event } = this.#host
    if (presented.by !== 'code' || !event.isBorn) return false
    const { tickets } = event.parts()
    const isShortCode = presented.shortCode !== undefined && tickets.withShortCode(presented.shortCode) !== null
    return !isShortCode && !tickets.hasCodes()
  }

  /** Where the event is divided: each scan to whoever judges its ticket, and the problems of all in their order. */
  async #recordAmongAll(actor: Actor, asks: ScanAsk[], countAs: LimitedCall | null): Promise<Result<Recorded>[]> {
    const problems = await Promise.all(asks.map((ask) => this.#countElsewhere(actor, ask, countAs)))
    const passed = asks.filter((_, i) => problems[i] === null)
    await this.#dividing.tellNews()
    const elsewhere = this.#dividing.split(passed, (ask) => ask)
    const recorded = await elsewhere?.(
      (own) => this.#recordHere(actor, own, null),
      (shards, shard, theirs) => shards.call(shard, (stub) => stub.record(actor, theirs, null)),
    )
    // Whose guesses were one too many is blocked everywhere.
    await this.#dividing.tellNews()
    return problems.map((found) =>
      found ? { ok: false, problem: found } : (recorded?.shift() ?? problem('not_found')),
    )
  }

  /** Where the event is divided, has the one shard that counts a device count a scan of it; gives why it is not judged. */
  async #countElsewhere(actor: Actor, ask: ScanAsk, countAs: LimitedCall | null): Promise<Problem | null> {
    if (this.#isRubbish(ask)) return { code: 'unreadable_code' }
    if (actor.kind !== 'device' || countAs === null) return null
    const parts = this.#host.event.parts()
    const eventId = parts.configuration.event.id
    const address = { eventId, shard: counterOf(eventId, actor.deviceId) }
    const counted = await countScan(this.#host.gatekeepers, address, actor)
    return problemOf(counted ?? spendCall(parts, actor, countAs, Date.now()))
  }

  /** Notes the visit of an attendee who scanned a stall's own QR code, for whoever holds the ticket's link. */
  async visit(visit: Visit): Promise<Result<Recorded>> {
    const ticket = this.#host.event.for(everybody, ({ tickets }) => ok(tickets.get(visit.ticketId)))
    if (!ticket.ok || ticket.value?.link !== visit.link) return problem('not_found')
    const ask: ScanAsk = {
      ...visit,
      presented: { by: 'ticket', ticketId: visit.ticketId },
      direction: null,
      people: 1,
      forceReason: null,
      source: 'camera',
      deviceId: null,
      staffId: null,
      spentMs: 0,
    }
    const [recorded] = await this.record(everybody, [ask], 'scan')
    return recorded ?? problem('not_found')
  }

  /** Takes an admission back. Gives it as it stands in the log, with when it was taken back. */
  async annul(actor: Actor, annulling: Annulling, at: number): Promise<Result<Recorded>> {
    const shards = this.#dividing.among()
    const ticketId = shards && this.#host.event.parts().log.known(annulling.scanId)?.entry.ticketId
    const shard = ticketId ? shards.of(ticketId) : 0
    if (shards === null || shard === 0) return this.#annulHere(actor, annulling, at)
    // Handed on as it came, it would have to be disposed of by whoever asked for it.
    return { ...(await shards.call(shard, (stub) => stub.annul(actor, annulling, at))) }
  }

  #annulHere(actor: Actor, annulling: Annulling, at: number): Result<Recorded> {
    let conflicts: KnownConflict[] = []
    const annulled = this.settled(actor, ({ judging }) => {
      const result = judging.annul(annulling, at)
      if (result.ok) conflicts = result.value.conflicts
      return result
    })
    if (annulled.ok) this.#host.live().tellConflicts(conflicts)
    return annulled
  }

  /** Runs what appends to the log; the memory above the tables follows once the transaction has held. */
  settled<T>(actor: Actor, work: (parts: EventParts) => Result<{ recorded: T; settle: () => void }>): Result<T> {
    const { event, alarm, live } = this.#host
    const result = event.change(actor, work)
    if (!result.ok) return result
    result.value.settle()
    alarm.soon()
    this.#asShard.handOverSoon()
    live().wake()
    return ok(result.value.recorded)
  }

  /** Counts codes that were not ours. They are counted and not logged: anyone can make them without end. */
  countInvalid(actor: Actor, reason: string, count: number, at: number): Result<null> {
    return this.#host.event.change(actor, (parts) => {
      noteInvalid(parts, actor.kind === 'device' ? actor.deviceId : null, reason, count, at)
      return ok(null)
    })
  }

  /** The way in over sockets, where somebody at this desk opens codes. */
  laneWith(desk: Desk): ScanLane {
    return new ScanLane({
      desk,
      record: async (actor, ask) => (await this.record(actor, [ask], 'scan'))[0] ?? problem('not_found'),
      countInvalid: (actor, reason) => problemOf(this.countInvalid(actor, reason, 1, Date.now())),
      mayAsk: (actor) =>
        problemOf(
          this.#host.event.for(actor, (parts) => {
            const at = Date.now()
            // It is counted when it is judged. Only what would not be judged is counted, and refused, here.
            const isFine = actor.kind !== 'device' || parts.limits.wouldPass(actor.deviceId, 'scan', at)
            return isFine ? ok(null) : spendCall(parts, actor, 'scan', at)
          }),
        ),
    })
  }
}

function isWaiting(result: object): result is Waiting {
  return 'held' in result || 'needs' in result
}

function addedUp(sums: Record<RoomName, number>, more: Record<RoomName, number>): Record<RoomName, number> {
  const added = Object.entries(more).map(([room, people]) => [room, people + (sums[room] ?? 0)])
  return { ...sums, ...Object.fromEntries(added) }
}

function problemOf(result: Result<unknown>): Problem | null {
  return result.ok ? null : result.problem
}
