import { type AloneUntil, aloneUntil, isOver } from '../../../core/alone-until.ts'
import { fromBase64url } from '../../../core/base64url.ts'
import { covers, holdsScan, readCursor } from '../../../core/cursor.ts'
import type { EventId } from '../../../core/ids.ts'
import { eventTagOf } from '../../../core/keys.ts'
import type { KnownStanding, KnownState } from '../../../core/snapshot.ts'
import { encodeSnapshot, type KnownTickets, openSnapshot } from '../../../core/snapshot-bytes.ts'
import type { OpeningKeys } from '../../../core/token.ts'
import type { Calls, Reply } from './calls.ts'
import type { Clock } from './clock.ts'
import type { Ports } from './ports.ts'
import type { KeptScan } from './store.ts'

const TIMEOUT_MS = 15_000
/** The first time all of it comes: 39 MB where a million are in. */
const FIRST_TIMEOUT_MS = 60_000
/** Own scans are looked up beside the snapshot for so long, also where another tab's snapshot is behind this one. */
const OWN_SCANS_KEPT_MS = 24 * 60 * 60_000
/** What is kept is said to be still all there is at most this often. */
const STILL_EVERY_MS = 10 * 60_000

/** What was decided about tickets, up to a cursor. */
type Decisions = { items: readonly KnownState[]; cursor: string }

/** What this device knows of the event: the last snapshot, with everything that was told since, in memory and kept. */
export class Knowing {
  readonly #ports: Pick<Ports, 'store' | 'tabs' | 'time'>
  readonly #calls: Calls
  readonly #clock: Clock
  readonly #anchor: (serverTime: number, sentAt: number) => void
  #known: KnownTickets | null = null
  #keys: OpeningKeys[] = []
  #publicKeys = new Map<number, Uint8Array>()
  #at: number | null = null
  #keptCursor: string | null = null
  #keptAt = 0
  #refreshing: Promise<Reply> | null = null
  #isOwed = false
  #waiting: (() => void)[] | null = null
  /** Decisions that were told while a difference is on its way. */
  #decidedMeanwhile: Decisions[] = []
  onChange: () => void = () => {}

  constructor(
    ports: Pick<Ports, 'store' | 'tabs' | 'time'>,
    calls: Calls,
    clock: Clock,
    anchor: (serverTime: number, sentAt: number) => void,
  ) {
    this.#ports = ports
    this.#calls = calls
    this.#clock = clock
    this.#anchor = anchor
  }

  get known(): KnownTickets | null {
    return this.#known
  }

  get keys(): readonly OpeningKeys[] {
    return this.#keys
  }

  publicKeyOf = ({ keyId }: OpeningKeys): Uint8Array | null => this.#publicKeys.get(keyId) ?? null

  /** The server's time that this knowledge is from. */
  get at(): number | null {
    return this.#at
  }

  /** Until when this device may decide alone by that. */
  get aloneUntil(): AloneUntil | null {
    return this.#known === null || this.#at === null ? null : aloneUntil(this.#known.head, this.#at)
  }

  /** All that happened up to now is known: the socket says so. */
  isCurrent(): void {
    if (this.#known === null) return
    this.#at = this.#clock.now()
    this.onChange()
  }

  /** Reads what was kept when the app was last open. */
  async load(): Promise<void> {
    const kept = await this.#ports.store.get('snapshot')
    const opened = kept && openSnapshot(kept.bytes)
    if (!kept || !opened) return
    const { cursor } = opened.head
    const still = await this.#ports.store.get('still')
    this.#take(opened, still?.cursor === cursor ? Math.max(kept.at, still.at) : kept.at)
    this.#keptCursor = cursor
    this.#keptAt = this.#at ?? 0
  }

  forget(): void {
    this.#known = null
    this.#keys = []
    this.#publicKeys = new Map()
    this.#at = null
    this.#keptCursor = null
    this.onChange()
  }

  /** Gets what changed, or everything the first time. Calls that come together share one request. */
  refresh(eventId: EventId): Promise<Reply> {
    this.#refreshing ??= this.#refreshAndCatchUp(eventId)
    return this.#refreshing
  }

  /** The same with a request that goes out after this call; gives whether what was owed is known now. */
  async refreshAnew(eventId: EventId): Promise<boolean> {
    this.#isOwed = true
    const reply = await this.refresh(eventId)
    return reply.kind === 'answer' && reply.status === 200
  }

  /** What the socket tells, up to a cursor: every standing and, told before, every decision about a ticket. */
  applyStandings(items: readonly KnownStanding[], cursor: string): void {
    this.#hear(() => {
      if (this.#known === null || !covers(cursor, this.#known.head.cursor)) return
      this.#known.applyStandings(items, cursor)
      this.isCurrent()
    })
  }

  /**
   * A decision about a ticket holds at once, whatever else is on its way: whoever was revoked stands at the gate now. The
   * cursor stays: only with the standings of the same batch all of it is known.
   */
  applyStates(items: readonly KnownState[], cursor: string): void {
    this.#decide({ items, cursor })
    if (this.#waiting !== null) this.#decidedMeanwhile.push({ items, cursor })
  }

  /** Keeps what is known, unless it is kept already, another tab kept something newer, or the event is over. */
  async keep(): Promise<void> {
    const known = this.#known
    const at = this.#at
    if (known === null || at === null || isOver(known.head.event, this.#clock.now())) return
    if (known.head.cursor === this.#keptCursor) return this.#keepStill(known.head.cursor, at)
    const { store, tabs } = this.#ports
    await tabs.alone('snapshot', async () => {
      const stored = await store.get('snapshot')
      const before = stored && openSnapshot(stored.bytes)?.head
      const isOlder = before && before.event.id === known.head.event.id && covers(before.cursor, known.head.cursor)
      if (isOlder) return
      const { cursor } = known.head
      await store.put('snapshot', { bytes: encodeSnapshot(known.toSnapshot()), at })
      this.#keptCursor = cursor
      this.#keptAt = at
      const now = this.#clock.now()
      await store.forgetAnswered((scan) => mayBeForgotten(scan, known.head, now))
    })
  }

  /** Takes what was kept off the device, and the scans that it stands beside. What is pending stays, whatever it is. */
  async forgetKept(): Promise<void> {
    const { store, tabs } = this.#ports
    await tabs.alone('snapshot', async () => {
      this.#keptCursor = null
      await store.put('snapshot', null)
      await store.put('still', null)
      await store.forgetAnswered(() => true)
    })
  }

  /** Nothing has happened since, and that is worth knowing too: whoever is cut off goes by how old the list is. */
  async #keepStill(cursor: string, at: number): Promise<void> {
    if (at - this.#keptAt < STILL_EVERY_MS) return
    this.#keptAt = at
    await this.#ports.store.put('still', { cursor, at })
  }

  /**
   * While a difference is on its way, the standings that the socket tells wait: the difference may be the older of the two.
   * Where it did not come although it was owed, what waited is worth nothing, since what came before it is missing.
   */
  async #refreshAndCatchUp(eventId: EventId): Promise<Reply> {
    this.#waiting = []
    try {
      let isMissing = false
      let reply: Reply
      do {
        const isOwed = this.#isOwed
        this.#isOwed = false
        reply = await this.#refresh(eventId)
        isMissing = isOwed && !(reply.kind === 'answer' && reply.status === 200)
      } while (this.#isOwed && !isMissing)
      const told = this.#waiting
      this.#waiting = null
      if (!isMissing) for (const apply of told) apply()
      return reply
    } finally {
      this.#waiting = null
      this.#decidedMeanwhile = []
      this.#isOwed = false
      this.#refreshing = null
    }
  }

  #hear(apply: () => void): void {
    if (this.#waiting === null) apply()
    else this.#waiting.push(apply)
  }

  /** Takes decisions that are newer than what is known. */
  #decide({ items, cursor }: Decisions): void {
    if (this.#known === null || !covers(cursor, this.#known.head.cursor)) return
    this.#known.applyStates(items, this.#known.head.cursor)
    this.onChange()
  }

  async #refresh(eventId: EventId): Promise<Reply> {
    const since = this.#known?.head.cursor
    const query = since === undefined ? '' : `?since=${encodeURIComponent(since)}`
    const sentAt = this.#ports.time.monotonic()
    const reply = await this.#calls.send({
      method: 'GET',
      path: `/api/hp-scanner/snapshot/${eventId}${query}`,
      timeoutMs: since === undefined ? FIRST_TIMEOUT_MS : TIMEOUT_MS,
      binary: true,
    })
    if (reply.kind !== 'answer' || reply.status !== 200) return reply
    const told = openSnapshot(reply.bytes)
    if (told === null) return { kind: 'no_answer' }
    this.#anchor(told.head.serverTime, sentAt)
    const isFirst = this.#known === null
    this.#apply(told, reply.bytes)
    // This answer may be older than decisions that the socket told of meanwhile, and now lies over them.
    for (const decisions of this.#decidedMeanwhile) this.#decide(decisions)
    if (isFirst) await this.keep()
    return reply
  }

  #apply(told: KnownTickets, bytes: Uint8Array): void {
    const known = this.#known
    if (known === null || told.head.full) {
      // A difference to nothing is nothing: the next call asks for everything.
      if (told.head.full) this.#take(told, told.head.serverTime)
      return
    }
    // The socket may have told of later things meanwhile. Those stay, and this answer is asked for again some time.
    if (!covers(told.head.cursor, known.head.cursor)) return
    known.applyDelta(bytes)
    this.#take(known, told.head.serverTime)
  }

  #take(known: KnownTickets, at: number): void {
    const { event, keys } = known.head
    this.#known = known
    this.#at = at
    const eventTag = eventTagOf(event.id)
    // One readKey for all: what a server said before its secrets could be changed.
    this.#keys = keys.publicKeys.map(({ keyId, readKey }) => ({
      keyId,
      eventTag,
      readKey: fromBase64url(readKey ?? keys.readKey),
    }))
    this.#publicKeys = new Map(keys.publicKeys.map(({ keyId, publicKey }) => [keyId, fromBase64url(publicKey)]))
    this.onChange()
  }
}

/** Whether an answered scan need not be kept beside this list any more: it is old, and no number says that it is not in there. */
export function mayBeForgotten(
  { ticketId, seq, at }: Pick<KeptScan, 'ticketId' | 'seq' | 'at'>,
  { cursor, event }: { cursor: string; event: { id: EventId } },
  now: number,
): boolean {
  if (at >= now - OWN_SCANS_KEPT_MS) return false
  if (ticketId === null || seq === null) return true
  const known = readCursor(cursor)
  return known !== null && holdsScan(known, event.id, ticketId, seq)
}
