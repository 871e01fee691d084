import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import { toWireAlert } from '../../core/alerts.ts'
import { type Cursor, writeCursor } from '../../core/cursor.ts'
import { type ServerMessage, type Topic, toWireStanding, toWireState } from '../../core/live.ts'
import { toWireLiveStats } from '../../core/live-stats.ts'
import { entryIdOf } from '../../core/shards.ts'
import { toWireEntry } from '../../core/wire-entry.ts'
import type { EventParts } from '../event-parts.ts'
import { doorsNow } from './doors.ts'

/** Whoever missed more standings and states gets the snapshot's difference instead. */
const MOST_ITEMS = 2000

/** Whoever missed more scans is told the newest of them, and how many there were before. */
const MOST_SCANS = 500

/** Between looks at the doors while nothing but the time changes, the lag is told in steps of this. */
const LAG_STEP_MS = 10_000

/** The doors as a text, and a mark that is another when they look otherwise. */
type Stats = { mark: string; text: string; isMoving: boolean }

/** What is told at one moment. Each text is made when the first socket needs it, and is the same for all that need it. */
export class LiveBatch {
  readonly now: Cursor
  readonly #parts: EventParts
  readonly #at: number
  readonly #texts = new Map<string, unknown>()

  constructor(parts: EventParts, at: number) {
    this.#parts = parts
    this.#at = at
    this.now = parts.snapshots.cursor()
  }

  /** What happened since a cursor, for whoever listens to these topics. */
  since(cursor: Cursor, topics: Topic[]): string[] {
    if (writeCursor(cursor) === writeCursor(this.now)) return []
    return this.#once(`${writeCursor(cursor)} ${topics.join()}`, () => {
      const has = (topic: Topic) => topics.includes(topic)
      const isJudging = has('standings') || has('revocations')
      const changes = isJudging ? this.#changesSince(cursor) : null
      const isTooMuch = isJudging && changes === null
      const isConfigured = this.#parts.configuration.configuredAt > cursor.revision
      const scans = has('scans') ? this.#scansSince(cursor) : null
      // The standings last: they carry the cursor, and a socket may break in between.
      return [
        isTooMuch || isConfigured ? text({ type: 'config', revision: this.now.revision }) : null,
        has('revocations') ? (changes?.revocations ?? null) : null,
        scans,
        has('standings') ? (changes?.standings ?? null) : null,
      ].filter((told) => told !== null)
    })
  }

  /** What the doors look like. `isMoving`: they will look otherwise soon, though nothing happens. */
  stats(): Stats {
    return this.#once('stats', () => {
      const doors = doorsNow(this.#parts, this.#at)
      const data = toWireLiveStats(doors, this.#parts.drained.admitted(), this.#at)
      const stepped = { ...data, lagMs: Math.floor(data.lagMs / LAG_STEP_MS) }
      return {
        mark: bytesToHex(sha256(utf8ToBytes(JSON.stringify(stepped)))).slice(0, 16),
        text: text({ type: 'stats', data, at: new Date(this.#at).toISOString() }),
        isMoving: data.perMinute > 0 || data.pendingEntries > 0,
      }
    })
  }

  /** The alerts after a notice. A conflict has a message of its own. */
  alertsAfter(no: number): string[] {
    return this.#once(`alerts ${no}`, () => {
      const { notices, configuration } = this.#parts
      return notices.after(no, 100).flatMap(({ no, notice, at }) => {
        const alert = toWireAlert(configuration.event.id, no, notice, at)
        return alert === null || alert.kind === 'scan.conflict' ? [] : [text({ type: 'alert', alert })]
      })
    })
  }

  get lastNotice(): number {
    return this.#once('last notice', () => this.#parts.notices.head)
  }

  /** null: more than is told here. */
  #changesSince(since: Cursor): { standings: string; revocations: string | null } | null {
    return this.#once(`changes ${writeCursor(since)}`, () => {
      const { snapshots } = this.#parts
      if (!snapshots.canTellFrom(since)) return null
      const standings = snapshots.standingsSince(since.seq)
      const states = this.now.revision > since.revision ? snapshots.statesSince(since.revision) : []
      if (standings.length + states.length > MOST_ITEMS) return null
      const cursor = writeCursor(this.now)
      return {
        // Without items too: it says how far the client knows everything.
        standings: text({ type: 'standings', items: standings.map(toWireStanding), cursor }),
        revocations: states.length > 0 ? text({ type: 'revocations', items: states.map(toWireState), cursor }) : null,
      }
    })
  }

  #scansSince(since: Cursor): string | null {
    return this.#once(`scans ${writeCursor(since)}`, () => {
      const { log, configuration } = this.#parts
      const from = Math.max(since.seq, this.now.seq - MOST_SCANS)
      const items = log.after(from, MOST_SCANS).map((entry) => {
        const gateName = entry.gateId === null ? null : (configuration.gate(entry.gateId)?.name ?? entry.gateId)
        const annulledAt = entry.verdict.kind === 'admitted' ? log.annulledAt(entry.seq) : null
        return toWireEntry(entryIdOf(configuration.event.id, entry), entry, gateName, annulledAt)
      })
      if (items.length === 0) return null
      return text({ type: 'scans', items, missed: from - since.seq, cursor: writeCursor(this.now) })
    })
  }

  #once<T>(name: string, make: () => T): T {
    if (!this.#texts.has(name)) this.#texts.set(name, make())
    return this.#texts.get(name) as T
  }
}

function text(message: ServerMessage): string {
  return JSON.stringify(message)
}
