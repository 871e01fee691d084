import type { Problem, Recorded, Result } from '../../core/answers.ts'
import type { DeviceId, EventId, StaffId } from '../../core/ids.ts'
import type { OpenFailure } from '../../core/token.ts'
import type { Actor } from '../actor.ts'
import type { ScanAsk } from './judging.ts'

/** Who scans over a socket: the device that opened it, and who was on it then. */
export type LaneCaller = {
  eventId: EventId
  deviceId: DeviceId
  staffId: StaffId
  role: 'supervisor' | 'scanner'
}

/** What is answered to a scan: over HTTP a status and a body, over a socket the same two in a message. */
export type ScanAnswer = { status: number; body: unknown }

/** What judging a scan takes of the Gatekeeper, be it called from afar or be it oneself. */
export type Judge = {
  record: (ask: ScanAsk) => Promise<Result<Recorded>>
  /** Counts a code that was none; gives why the device may not go on, where that is so. */
  countInvalid: (reason: OpenFailure) => Promise<Problem | null>
}

/**
 * What the Worker does around the judging: it reads a scan, opens its code and words its answer, alike however the scan
 * came. Handed in by the Worker, as the Gatekeeper knows of neither codes nor words. `mayAsk` says, before a code is
 * opened, whether the device is to be answered at all. It never rejects.
 */
export type Desk = (
  scan: unknown,
  caller: LaneCaller,
  judge: Judge & { mayAsk: () => Problem | null },
) => Promise<ScanAnswer>

/** Hears the answer, and whether it counts against the device's scans or codes that were none. */
type Answered = (answer: ScanAnswer, isCounted: boolean) => void

/** The parts of the Gatekeeper that scans over sockets use. */
type Host = {
  desk: Desk
  mayAsk: (actor: Actor) => Problem | null
  record: (actor: Actor, ask: ScanAsk) => Promise<Result<Recorded>>
  countInvalid: (actor: Actor, reason: OpenFailure) => Problem | null
}

/** The scans of one socket that are not answered yet. */
type Line = { waiting: (() => Promise<void>)[]; isMoving: boolean }

/** A device scans one after the other; whoever sends so many without an answer floods. */
const MOST_WAITING = 50

/**
 * Scans over the sockets of devices. Those of one socket are taken one after the other, so that answers come in order and
 * a flood on one socket opens one code at a time, between which all other sockets come in. Nothing is remembered: a socket
 * that is lost takes what waits on it along, and its device asks again with the same `scanId`, here or over HTTP.
 */
export class ScanLane {
  readonly #host: Host
  readonly #lines = new WeakMap<WebSocket, Line>()

  constructor(host: Host) {
    this.#host = host
  }

  /** Has a scan answered in its turn; false where too many wait already. */
  take(socket: WebSocket, caller: LaneCaller, scan: unknown, answered: Answered): boolean {
    const line = this.#lines.get(socket) ?? { waiting: [], isMoving: false }
    this.#lines.set(socket, line)
    if (line.waiting.length >= MOST_WAITING) return false
    line.waiting.push(() => this.#answer(caller, scan, answered))
    if (!line.isMoving) void this.#move(socket, line)
    return true
  }

  async #move(socket: WebSocket, line: Line): Promise<void> {
    line.isMoving = true
    for (let next = line.waiting.shift(); next; next = line.waiting.shift()) {
      // Whoever is gone asks again elsewhere; what was judged is not lost with the socket.
      if (socket.readyState === WebSocket.OPEN) await next()
    }
    line.isMoving = false
  }

  async #answer(caller: LaneCaller, scan: unknown, answered: Answered): Promise<void> {
    const { desk, mayAsk, record, countInvalid } = this.#host
    const { deviceId, staffId } = caller
    const actor: Actor = { kind: 'device', deviceId, staffId, tokenHash: null, proof: { by: 'socket' } }
    let isCounted = false
    const answer = await desk(scan, caller, {
      mayAsk: () => mayAsk(actor),
      record: (ask) => {
        isCounted = true
        return record(actor, ask)
      },
      countInvalid: async (reason) => {
        isCounted = true
        return countInvalid(actor, reason)
      },
    })
    answered(answer, isCounted)
  }
}
