import { covers } from '../../../core/cursor.ts'
import type { DeviceId, EventId, GateId, ScanId, TicketId } from '../../../core/ids.ts'
import type { Lease } from '../../../core/lease.ts'
import type { ClientMessageInput, WireStanding, WireState } from '../../../core/live.ts'
import type { Calls } from './calls.ts'
import type { Knowing } from './knowing.ts'
import type { Leasing } from './leasing.ts'
import type { Ports } from './ports.ts'
import { collidedWith, conflictVerdict } from './queue.ts'
import type { ScanLane } from './scan-lane.ts'
import type { ShownConflict } from './status.ts'
import { instant, list, parseJson, record, text, type Wire } from './wire.ts'

const PING_EVERY_MS = 2000
/** Without a word from the server for so long the socket is taken for dead. */
const SILENT_AFTER_MS = 5000
const OPENING_MS = 8000
const FIRST_BACK_OFF_MS = 500
const LONGEST_BACK_OFF_MS = 30_000
/** While there is no socket the snapshot's difference is asked for at least this often. */
const POLL_AT_MOST_MS = 5000
const STATUS_EVERY_MS = 30_000

/** What the link tells of what it hears. */
export type LinkEvents = {
  /** The socket was opened, and later lost. */
  onLive: (isLive: boolean) => void
  /** The server was heard after it had not been: time to bring home what is pending. */
  onOccasion: () => void
  onConflict: (conflict: ShownConflict, settled: boolean) => void
  onRevoked: () => void
  anchor: (serverTime: number, sentAt: number) => void
  status: () => Promise<Omit<Extract<ClientMessageInput, { type: 'status' }>, 'type'> & { gateId: GateId | null }>
}

type Socket = ReturnType<Ports['live']>

/**
 * Keeps the device in touch with the Gatekeeper: a socket where that is possible, asking now and then where it is not.
 * It never gives up, tries ever less often and not in step with others, and at once when there is an occasion.
 */
export class Link {
  readonly #ports: Pick<Ports, 'live' | 'time' | 'origin' | 'random' | 'tabs' | 'store'>
  readonly #calls: Calls
  readonly #knowing: Knowing
  readonly #leasing: Leasing
  readonly #lane: ScanLane
  readonly #events: LinkEvents
  readonly #eventId: EventId
  readonly #deviceId: DeviceId
  #socket: Socket | null = null
  #isOpen = false
  #failures = 0
  #heardAt = 0
  #caughtUp: string | null = null
  /** Up to where a socket told of everything, conflicts too, as far as that was kept. */
  #told: string | null = null
  /** What was known when the last `pong` came. */
  #knownAtPong: string | null = null
  #ended = false
  #wake: () => void = () => {}

  constructor(
    ports: Pick<Ports, 'live' | 'time' | 'origin' | 'random' | 'tabs' | 'store'>,
    calls: Calls,
    knowing: Knowing,
    leasing: Leasing,
    lane: ScanLane,
    who: { eventId: EventId; deviceId: DeviceId },
    events: LinkEvents,
  ) {
    this.#ports = ports
    this.#calls = calls
    this.#knowing = knowing
    this.#leasing = leasing
    this.#lane = lane
    this.#eventId = who.eventId
    this.#deviceId = who.deviceId
    this.#events = events
    void this.#run()
  }

  get isLive(): boolean {
    return this.#isOpen
  }

  /** Something gives hope: tries now in place of later. */
  nudge(): void {
    if (this.#isOpen) return
    this.#failures = 0
    this.#wake()
  }

  say(message: ClientMessageInput): void {
    if (this.#isOpen) this.#send(message)
  }

  /** Tells the Gatekeeper how this device is doing. */
  async tellStatus(): Promise<void> {
    if (!this.#isOpen) return
    const status = await this.#events.status()
    this.#send({ type: 'status', ...status })
  }

  end(): void {
    this.#ended = true
    this.#socket?.close()
    this.#wake()
  }

  async #run(): Promise<void> {
    while (!this.#ended) {
      const isHeard = await this.#attempt()
      if (!this.#ended) await this.#pause(isHeard)
    }
  }

  /** Hears what is new, and stays as long as the socket holds; gives whether the server was heard at all. */
  async #attempt(): Promise<boolean> {
    try {
      const reply = await this.#knowing.refresh(this.#eventId)
      if (this.#ended) return false
      if (reply.kind === 'revoked') this.#events.onRevoked()
      const isHeard = reply.kind === 'answer'
      if (isHeard) this.#events.onOccasion()
      // One socket a device: whatever is told over it is kept where all tabs look it up.
      const lastedMs = isHeard ? ((await this.#ports.tabs.aloneOrNot('live', () => this.#converse())) ?? 0) : 0
      // A socket that held for a while was a good one, however it ended.
      this.#failures = lastedMs > SILENT_AFTER_MS ? 0 : this.#failures + 1
      return isHeard
    } catch {
      // The storage is being wiped, or was taken away: this tab will be told, or has to try again.
      this.#failures += 1
      return false
    }
  }

  #pause(isHeard: boolean): Promise<void> {
    const longest = isHeard ? POLL_AT_MOST_MS : LONGEST_BACK_OFF_MS
    const ms = Math.min(longest, FIRST_BACK_OFF_MS * 2 ** Math.min(10, this.#failures))
    const [chance = 0] = this.#ports.random(1)
    return new Promise((resolve) => {
      const cancel = this.#ports.time.after(ms / 2 + (ms / 2) * (chance / 255), resolve)
      this.#wake = () => {
        cancel()
        resolve()
      }
    })
  }

  /** Opens a socket and stays until it ends; gives for how many milliseconds it was open. */
  async #converse(): Promise<number> {
    const reply = await this.#calls.send({
      method: 'POST',
      path: '/api/hp-scanner/live-tickets',
      body: {},
      timeoutMs: OPENING_MS,
    })
    const ticket = reply.kind === 'answer' ? text(record(reply.body.data).ticket) : null
    if (ticket === null || this.#ended) return 0
    const since = this.#knowing.known?.head.cursor ?? ''
    // The list may have been brought up to date without a socket, and that tells of no conflict.
    const kept = await this.#ports.store.get('told')
    const told = kept?.eventId === this.#eventId ? kept.cursor : ''
    const query = new URLSearchParams({ topics: 'standings,revocations,alerts', since, told, ticket })
    const url = `${this.#ports.origin.replace(/^http/, 'ws')}/api/hp-scanner/live/${this.#eventId}?${query}`
    const { time } = this.#ports
    const startedAt = time.monotonic()
    this.#heardAt = startedAt
    let openedAt: number | null = null
    await new Promise<void>((resolve) => {
      let isOver = false
      const end = () => {
        isOver = true
        stop()
        resolve()
      }
      const socket = this.#ports.live(url, {
        opened: () => {
          openedAt = time.monotonic()
        },
        message: (message) => {
          // What a socket says after it was given up may be long overtaken.
          if (isOver) return
          this.#heardAt = time.monotonic()
          this.#hear(message, startedAt)
        },
        closed: end,
      })
      this.#socket = socket
      const stop = this.#beat(() => {
        const silentMs = time.monotonic() - this.#heardAt
        if (silentMs > (openedAt === null ? OPENING_MS : SILENT_AFTER_MS)) {
          // A dead network closes nothing, and waiting for its close may take minutes.
          socket.close()
          end()
        } else if (openedAt !== null) socket.send('ping')
      })
    })
    this.#socket = null
    this.#lane.close()
    this.#setOpen(false)
    return openedAt === null ? 0 : time.monotonic() - openedAt
  }

  #beat(beat: () => void): () => void {
    let beats = 0
    let cancel = () => {}
    const next = () => {
      cancel = this.#ports.time.after(PING_EVERY_MS, () => {
        beats += 1
        if ((beats * PING_EVERY_MS) % STATUS_EVERY_MS === 0) this.#background(this.tellStatus())
        next()
        beat()
      })
    }
    next()
    return () => cancel()
  }

  #setOpen(isOpen: boolean): void {
    if (this.#isOpen === isOpen) return
    this.#isOpen = isOpen
    this.#caughtUp = null
    this.#knownAtPong = null
    this.#events.onLive(isOpen)
  }

  #hear(message: string, startedAt: number): void {
    if (message === 'pong') {
      this.#hearPong()
      return
    }
    const body = parseJson(new TextEncoder().encode(message))
    if (body !== null) this.#background(this.#handle(body, startedAt))
  }

  /** Up to a quarter of a second ago, all that happened was told. */
  #hearPong(): void {
    const cursor = this.#knowing.known?.head.cursor
    if (this.#caughtUp === null || cursor === undefined || !covers(cursor, this.#caughtUp)) return
    this.#knowing.isCurrent()
    // Conflicts are told after the standings that they come of, and all of them long before the next `pong`.
    const told = this.#knownAtPong
    if (told !== null && told !== this.#told) this.#background(this.#keepTold(told))
    this.#knownAtPong = cursor
  }

  #keepTold(cursor: string): Promise<void> {
    this.#told = cursor
    return this.#ports.store.put('told', { eventId: this.#eventId, cursor })
  }

  async #handle(body: Wire, startedAt: number): Promise<void> {
    switch (body.type) {
      case 'hello': {
        const serverTime = instant(body.serverTime)
        if (serverTime !== null) this.#events.anchor(serverTime, startedAt)
        this.#setOpen(true)
        this.#caughtUp = text(body.cursor)
        if (body.lane === true) this.#lane.open((message) => this.#send(message))
        await this.tellStatus()
        this.#events.onOccasion()
        return
      }
      case 'standings':
        this.#knowing.applyStandings(list(body.items).map(standingOf), text(body.cursor) ?? '')
        return this.#leasing.check()
      case 'revocations':
        this.#knowing.applyStates(list(body.items).map(stateOf), text(body.cursor) ?? '')
        return this.#leasing.check()
      case 'config':
        // Without it the socket's later words would leave a gap: better to begin again where this device stands.
        if (!(await this.#knowing.refreshAnew(this.#eventId))) return this.#socket?.close()
        await this.#knowing.keep()
        return this.#leasing.check()
      case 'conflict': {
        const conflict = record(body.conflict)
        return this.#events.onConflict(this.#conflictOf(conflict), conflict.settled === true)
      }
      case 'recall': {
        const recallId = text(body.recallId) ?? ''
        const isGone = await this.#leasing.recall(list(body.ticketIds) as TicketId[])
        if (isGone) this.#send({ type: 'recalled', recallId })
        return
      }
      case 'lease': {
        const said = await this.#leasing.hear((body.lease ?? null) as Lease | null)
        if (said !== null) this.#send(said)
        return
      }
      case 'answer':
        return this.#lane.hear(body)
      case 'bye':
        if (body.code === 'device_revoked') this.#events.onRevoked()
        return
    }
  }

  /** Work that nobody waits for. After the end its storage may be gone; anything else is a bug. */
  #background(work: Promise<unknown>): void {
    work.catch((error) => {
      if (!this.#ended) throw error
    })
  }

  #send(message: ClientMessageInput): void {
    this.#socket?.send(JSON.stringify(message))
  }

  #conflictOf(conflict: Wire): ShownConflict {
    const deviceId = text<DeviceId>(conflict.deviceId)
    const gateId = text<GateId>(conflict.gateId)
    return {
      scanId: text<ScanId>(conflict.scanId),
      ticketId: text<TicketId>(conflict.ticketId),
      shown: conflictVerdict(conflict.shown),
      judged: conflictVerdict(conflict.judged),
      scannedAt: instant(conflict.scannedAt) ?? 0,
      gateId,
      gateName: this.#knowing.known?.head.gates.find(({ id }) => id === gateId)?.name ?? gateId,
      deviceId,
      here: deviceId === this.#deviceId,
      with: collidedWith(conflict.with),
    }
  }
}

function standingOf(value: unknown) {
  const wire = value as WireStanding
  return { ...wire, firstAt: instant(wire.firstAt), lastAt: instant(wire.lastAt) }
}

function stateOf(value: unknown) {
  const wire = value as WireState
  return { ...wire, at: instant(wire.at) ?? 0 }
}
