import { shardsOf } from '../../core/event-address.ts'
import type { EventId, TicketId } from '../../core/ids.ts'
import { type RoomName, shardOf } from '../../core/shards.ts'
import { callGatekeeper, type Gatekeepers, type Stub } from '../calling.ts'
import type { Meta } from '../meta.ts'
import type { Logged } from '../scans/scan-log.ts'
import { readNews, wereTold } from './news.ts'
import { configurationOf, type Replica, ticketsOf } from './replica.ts'
import type { Kept } from './rooms.ts'
import { Rounds } from './rounds.ts'

/** Tickets that shards are told of in one go, and entries that one hands over in one go. */
const TOLD_AT_ONCE = 500
export const HANDED_AT_ONCE = 500

type Host = {
  gatekeepers: Gatekeepers
  eventId: EventId
  sql: SqlStorage
  meta: Meta
  transact: (work: () => void) => void
  takenUpTo: (shard: number) => number
  takeIn: (shard: number, handed: Logged[]) => void
}

/**
 * The shards of a divided event as its Gatekeeper sees them. Each judges its own tickets and nobody else does; the
 * Gatekeeper tells them what they judge by, and takes what they judged into the one log.
 */
export class Shards {
  readonly #host: Host
  readonly #telling = new Rounds(() => this.#tell())
  readonly #hearing: Rounds[]

  constructor(host: Host) {
    this.#host = host
    this.#hearing = this.#numbers.map((shard) => new Rounds(() => this.#hear(shard)))
  }

  get #numbers(): number[] {
    return Array.from({ length: shardsOf(this.#host.eventId) }, (_, i) => i + 1)
  }

  /** Who judges a ticket: a shard's number, or 0 for the Gatekeeper itself. */
  of(ticket: TicketId): number {
    return shardOf(this.#host.eventId, ticket)
  }

  call<T>(shard: number, call: (stub: Stub) => Promise<T>): Promise<T> {
    return callGatekeeper(this.#host.gatekeepers, { eventId: this.#host.eventId, shard }, call)
  }

  /** Hears everything that shards, or one of them, have judged until now. */
  async gather(shard: number | null): Promise<void> {
    const all = shard === null ? this.#hearing : this.#hearing.slice(shard - 1, shard)
    await Promise.all(all.map((rounds) => rounds.run()))
  }

  /** Tells shards everything that they are to judge by from now on. */
  scatter(): Promise<void> {
    return this.#telling.run()
  }

  /** Has all shards but one give back what they do not fill of a room; gives what each of them keeps. */
  async giveBack(room: RoomName, but: number): Promise<[shard: number, kept: Kept][]> {
    const others = this.#numbers.filter((shard) => shard !== but)
    return Promise.all(
      others.map(async (shard) => [shard, await this.call(shard, (stub) => stub.giveBack(room))] as [number, Kept]),
    )
  }

  /** Takes the shards away with all that they have: at once, or each when there is nothing of it that is not in the log. */
  async dissolve(when: 'as they are' | 'once all is heard'): Promise<void> {
    await Promise.all(
      this.#numbers.map(async (shard) => {
        for (let isGone = false; !isGone; ) {
          if (when === 'once all is heard') await this.gather(shard)
          const upTo = when === 'once all is heard' ? this.#host.takenUpTo(shard) : null
          isGone = await this.call(shard, (stub) => stub.dissolve(upTo))
        }
      }),
    )
  }

  async #hear(shard: number): Promise<void> {
    for (;;) {
      const after = this.#host.takenUpTo(shard)
      const handed = await this.call(shard, (stub) => stub.handOver(after))
      if (handed.length === 0) return
      this.#host.takeIn(shard, handed)
    }
  }

  async #tell(): Promise<void> {
    const { sql, meta, transact } = this.#host
    for (;;) {
      const news = readNews(sql, TOLD_AT_ONCE)
      if (news.configuration === null && news.tickets.length === 0) return
      const configuration = news.configuration === null ? null : configurationOf(sql, meta)
      const no = meta.number('copy') + 1
      transact(() => meta.set('copy', no))
      await Promise.all(
        this.#numbers.map(async (shard) => {
          const ids = news.tickets.map(({ id }) => id).filter((id) => this.of(id) === shard)
          if (configuration === null && ids.length === 0) return
          const replica: Replica = { no, shard, configuration, tickets: ticketsOf(sql, ids) }
          await this.call(shard, (stub) => stub.adopt(replica))
        }),
      )
      transact(() => wereTold(sql, news))
    }
  }
}
