import { ok } from '../../core/answers.ts'
import type { RoomName } from '../../core/shards.ts'
import { everybody } from '../actor.ts'
import { callGatekeeper } from '../calling.ts'
import type { Host } from '../host.ts'
import { log } from '../logging.ts'
import type { Logged } from '../scans/scan-log.ts'
import { migrate } from '../schema.ts'
import type { Dividing } from './dividing.ts'
import { type Replica, takeOver } from './replica.ts'
import { type Kept, roomTables } from './rooms.ts'
import { HANDED_AT_ONCE } from './shards.ts'

/** The Gatekeeper comes for what was judged so soon, and once for all that is judged until then. */
const HAND_OVER_AFTER_MS = 150
const RETRY_AFTER_MS = 5000

/** What this object does where it is one of the shards of its event, as far as the event's Gatekeeper has it do so. */
export class AsShard {
  readonly #host: Host
  readonly #dividing: Dividing
  #isHandingOver = false

  constructor(host: Host, dividing: Dividing) {
    this.#host = host
    this.#dividing = dividing
  }

  /** Takes over what the event's Gatekeeper has it judge by. */
  adopt(replica: Replica): void {
    const { ctx, meta, event } = this.#host
    const { storage } = ctx()
    storage.transactionSync(() => {
      migrate(storage.sql)
      storage.sql.exec(roomTables)
      takeOver(storage.sql, meta, replica)
    })
    event.reread()
    // Rooms may hold less from now on: what is not filled is asked for anew.
    if (replica.configuration !== null) event.change(everybody, ({ rooms }) => ok(rooms.giveBackAll()))
  }

  /** Gives what was judged after an entry. Whoever asks has everything up to that. */
  handOver(after: number): Logged[] {
    const { meta, event } = this.#host
    if (!event.isBorn) return []
    if (after > meta.number('drained')) meta.set('drained', after)
    return event.parts().log.loggedAfter(after, HANDED_AT_ONCE)
  }

  /** Keeps of a room only what is full of it; gives how much that is. */
  giveBack(room: RoomName): Kept {
    const kept = this.#host.event.change(everybody, ({ rooms }) => ok(rooms.giveBack(room)))
    if (!kept.ok) throw new Error(`a shard kept nothing: ${kept.problem.code}`)
    return kept.value
  }

  /** Forgets everything, where the Gatekeeper has all of its log; null where that does not matter any more. */
  async dissolve(takenUpTo: number | null): Promise<boolean> {
    const { ctx, event, alarm } = this.#host
    if (!event.isBorn) return true
    if (takenUpTo !== null && takenUpTo < event.parts().log.head) return false
    event.reread()
    await alarm.cancel()
    await ctx().storage.deleteAll()
    return true
  }

  /** Has the Gatekeeper come for what was judged, where this is a shard. The alarm does where this is lost. */
  handOverSoon(): void {
    if (this.#isHandingOver || this.#dividing.shard === 0) return
    this.#isHandingOver = true
    this.#host.ctx().waitUntil(
      scheduler.wait(HAND_OVER_AFTER_MS).then(() => {
        this.#isHandingOver = false
        return this.callForGatekeeper()
      }),
    )
  }

  /** Has the Gatekeeper come now. */
  async callForGatekeeper(): Promise<void> {
    const { event, gatekeepers, alarm, named } = this.#host
    // It may have been dissolved since somebody meant to.
    if (!event.isBorn) return
    const { configuration, outbox } = event.parts()
    try {
      const address = { eventId: configuration.event.id, shard: 0 }
      await callGatekeeper(gatekeepers, address, (stub) => stub.gather(this.#dividing.shard))
    } catch (error) {
      log('error', 'shards: the Gatekeeper did not come', { ...named(), error })
      alarm.soon(RETRY_AFTER_MS)
      return
    }
    if (outbox.pending().entries > 0) this.handOverSoon()
  }
}
