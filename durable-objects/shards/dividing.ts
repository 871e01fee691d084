import { ok } from '../../core/answers.ts'
import { shardsOf } from '../../core/event-address.ts'
import { everybody } from '../actor.ts'
import type { Host } from '../host.ts'
import { log } from '../logging.ts'
import type { ScanAsk } from '../scans/judging.ts'
import type { Logged } from '../scans/scan-log.ts'
import { hasNews, stopNoting } from './news.ts'
import { Shards } from './shards.ts'
import { forgetTaken, takeIn, takenUpTo } from './taking-in.ts'

const RETRY_AFTER_MS = 5000

/**
 * Whether the event is divided among several objects, and what that means for this one: which scans are for it, what it
 * hears from the shards and what it tells them. Of an event that one object judges there is nothing to do.
 */
export class Dividing {
  readonly #host: Host
  #shards: Shards | null = null

  constructor(host: Host) {
    this.#host = host
  }

  /** Which shard of its event this object is; 0 where it is the event's Gatekeeper. */
  get shard(): number {
    return this.#isOfDivided ? this.#host.meta.number('shard') : 0
  }

  /** Looked at with every scan, so an event that one object judges pays no look-up for it. */
  get #isOfDivided(): boolean {
    const { event } = this.#host
    return event.isThere && shardsOf(event.parts().configuration.event.id) > 1
  }

  /** The shards that others than this object judge in, where the event is divided. */
  among(): Shards | null {
    if (this.#shards !== null) return this.#shards
    const { ctx, meta, event, gatekeepers } = this.#host
    if (!this.#isOfDivided || this.shard > 0 || meta.number('dissolved') === 1) return null
    const { sql } = ctx().storage
    const { id: eventId } = event.parts().configuration.event
    this.#shards = new Shards({
      gatekeepers,
      eventId,
      sql,
      meta,
      transact: (work) => ctx().storage.transactionSync(work),
      takenUpTo: (shard) => takenUpTo(sql, shard),
      takeIn: (shard, handed) => this.#takeIn(shard, handed),
    })
    return this.#shards
  }

  /**
   * Where the event is divided: runs work on what is for this object and for each shard at once, and gives what came of
   * it in the order of the scans. What is of no ticket, or at no gate, is for this object; a scan that was judged before is
   * for whoever judged it.
   */
  split<T>(scans: T[], askOf: (scan: T) => ScanAsk | null) {
    const shards = this.among()
    if (shards === null) return null
    const { judging, log, configuration } = this.#host.event.parts()
    const shardFor = (scan: T): number => {
      const ask = askOf(scan)
      if (ask === null || configuration.gates.get(ask.gateId) === undefined) return 0
      const known = log.known(ask.scanId)
      const ticketId = known ? known.entry.ticketId : judging.find(ask.presented)?.id
      return ticketId ? shards.of(ticketId) : 0
    }
    const places = Map.groupBy(scans.keys(), (place) => shardFor(scans[place] as T))
    return async <U>(
      here: (own: T[]) => Promise<U[]>,
      there: (shards: Shards, shard: number, theirs: T[]) => Promise<U[]>,
    ): Promise<U[]> => {
      const came: U[] = []
      await Promise.all(
        [...places].map(async ([shard, chosen]) => {
          const theirs = chosen.map((place) => scans[place] as T)
          const outcomes = shard === 0 ? await here(theirs) : await there(shards, shard, theirs)
          for (const [i, place] of chosen.entries()) came[place] = outcomes[i] as U
        }),
      )
      return came
    }
  }

  /** Hears everything that shards, or one of them, have judged until now. */
  async gather(shard: number | null): Promise<void> {
    await this.among()?.gather(shard)
    // What was heard may have a device blocked.
    await this.tellNews()
  }

  /** Tells shards everything that they are to judge by from now on. */
  async scatter(): Promise<void> {
    try {
      await this.among()?.scatter()
    } catch (error) {
      this.#host.alarm.soon(RETRY_AFTER_MS)
      throw error
    }
  }

  hasNews(): boolean {
    return this.among() !== null && hasNews(this.#host.ctx().storage.sql)
  }

  /** Tells shards what they have not heard, where that is anything. Those that cannot be reached judge nothing either. */
  async tellNews(): Promise<void> {
    if (this.hasNews()) await Promise.allSettled([this.scatter()])
  }

  /** Hears all of them and tells all of them. */
  async catchUp(): Promise<void> {
    try {
      await this.gather(null)
      await this.scatter()
    } catch (error) {
      // They go on by what they know, and are told as soon as they can be reached; so long no change is answered.
      log('error', 'shards: not all could be reached', { ...this.#host.named(), error })
      this.#host.alarm.soon(RETRY_AFTER_MS)
    }
  }

  /**
   * Takes the shards away once the log is forgotten: what they have is a copy, and gone as soon as what it is a copy of.
   * From then on this object judges what there still is.
   */
  async dissolve(): Promise<void> {
    const { ctx, meta, event, alarm } = this.#host
    const { sql } = ctx().storage
    await this.among()?.dissolve('once all is heard')
    if (this.among() !== null) {
      ctx().storage.transactionSync(() => {
        stopNoting(sql)
        meta.set('dissolved', 1)
      })
      this.#shards = null
      event.reread()
    }
    if (this.#isOfDivided && this.shard === 0 && forgetTaken(sql)) alarm.by(Date.now() + 1000)
  }

  /** Takes the shards away, whatever they have: all of the event goes. */
  async end(): Promise<void> {
    await this.among()?.dissolve('as they are')
    this.#shards = null
  }

  /** Takes what a shard has judged into the log. */
  #takeIn(shard: number, handed: Logged[]): void {
    const { ctx, event, alarm, statuses, live, zones } = this.#host
    zones.look(Date.now())
    const taken = event.change(everybody, (parts) => ok(takeIn(parts, ctx().storage.sql, shard, handed)))
    for (const { entry } of handed) if (entry.deviceId !== null) statuses.seen(entry.deviceId, entry.receivedAt)
    alarm.soon()
    if (taken.ok) live().tellConflicts(taken.value)
  }
}
