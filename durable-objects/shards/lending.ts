import { ok } from '../../core/answers.ts'
import type { RoomName } from '../../core/shards.ts'
import { everybody } from '../actor.ts'
import { callGatekeeper, Unavailable } from '../calling.ts'
import type { Host } from '../host.ts'
import type { Dividing } from './dividing.ts'
import type { Borrowing, Lent } from './rooms.ts'
import { Turns } from './turns.ts'

/** How often a shard asks for places again that it had to give back before it could take them. */
const BORROWINGS = 3

/** The places of a divided event's rooms on their way between objects: who needs some, and who has some to spare. */
export class Lending {
  readonly #host: Host
  readonly #dividing: Dividing
  /** What was said to be free must not be given away twice. */
  readonly #turns = new Turns()

  constructor(host: Host, dividing: Dividing) {
    this.#host = host
    this.#dividing = dividing
  }

  /** Sees to it that this object may fill so much more of each room, if that can be had at all. */
  async makeRoom(needs: Record<RoomName, number>): Promise<void> {
    if (this.#dividing.shard === 0) return this.#turns.run(() => this.#collect(needs, 0))
    await this.#turns.run(async () => {
      // What was given back meanwhile, as somebody else needed it, is asked for again.
      for (let attempt = 1; attempt <= BORROWINGS; attempt++) if (await this.#borrow(needs)) return
      throw new Unavailable('what was lent was called back each time')
    })
  }

  /** Lends a shard so many places of rooms as it needs, where they can be had. */
  lend(borrowing: Borrowing): Promise<Lent> {
    const { event } = this.#host
    return this.#turns.run(async () => {
      const { shard, has, needs } = borrowing
      const before = event.parts().rooms.lentBefore(borrowing)
      if (before === 'too late') {
        await this.#collect(needs, shard)
        return event.parts().rooms.lendNothing(borrowing)
      }
      if (before !== null) return before
      event.change(everybody, ({ rooms }) => {
        for (const [room, people] of Object.entries(has)) rooms.note(shard, room, people)
        return ok(null)
      })
      await this.#collect(needs, shard)
      const lent = event.change(everybody, ({ rooms }) => ok(rooms.lend(borrowing)))
      if (!lent.ok) throw new Error(`a shard was lent nothing: ${lent.problem.code}`)
      return lent.value
    })
  }

  /** As a shard: asks for places, and gives whether it could take what it was lent. */
  async #borrow(needs: Record<RoomName, number>): Promise<boolean> {
    const { event, gatekeepers } = this.#host
    const address = { eventId: event.parts().configuration.event.id, shard: 0 }
    const asked = event.change(everybody, ({ rooms }) => ok(rooms.borrowing(needs)))
    if (!asked.ok) throw new Error(`a shard cannot borrow: ${asked.problem.code}`)
    const lent = await callGatekeeper(gatekeepers, address, (stub) => stub.lend(asked.value)).catch((error) => {
      throw new Unavailable('the Gatekeeper could not be asked for room', { cause: error })
    })
    const taken = event.change(everybody, ({ rooms }) => ok(rooms.take(asked.value, lent)))
    return taken.ok && taken.value
  }

  /** Has shards give back what they do not fill of rooms, where what is free does not do. */
  async #collect(needs: Record<RoomName, number>, shard: number): Promise<void> {
    const { event } = this.#host
    const shards = this.#dividing.among()
    const short = Object.keys(needs).filter((room) => event.parts().rooms.free(room) < (needs[room] ?? 0))
    if (shards === null || short.length === 0) return
    for (const room of short) {
      const kept = await shards.giveBack(room, shard)
      event.change(everybody, ({ rooms }) => {
        for (const [other, has] of kept) rooms.noteKept(other, room, has)
        return ok(null)
      })
    }
  }
}
