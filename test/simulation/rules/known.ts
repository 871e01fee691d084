import type { Knowledge } from '../../../core/alone.ts'
import { covers } from '../../../core/cursor.ts'
import type { TicketId, ZoneId } from '../../../core/ids.ts'
import type { KnownCode, KnownStanding, KnownState, SnapshotHead } from '../../../core/snapshot.ts'
import type { Evening } from './evening.ts'
import type { Broken } from './rules.ts'
import type { Batch } from './socket.ts'

/** Where each ticket of an evening stands in its list. */
export type Places = { ofTicket: ReadonlyMap<TicketId, number>; ofZone: ReadonlyMap<ZoneId, number>; zones: number }

/** What a device carries of the event, in plain arrays. What it means is for the shipped rules. */
export class Known implements Knowledge {
  readonly head: SnapshotHead
  seq = 0
  revision = 0
  readonly #places: Places
  readonly #standings: (KnownStanding | undefined)[]
  readonly #states: (KnownState | undefined)[]

  constructor(places: Places, head: SnapshotHead, before?: Known) {
    this.#places = places
    this.head = { ...head }
    this.#standings = before ? before.#standings.slice() : []
    this.#states = before ? before.#states.slice() : []
    this.seq = before?.seq ?? 0
    this.revision = before?.revision ?? 0
  }

  copy(): Known {
    return new Known(this.#places, this.head, this)
  }

  standing(ticketId: TicketId, zone: ZoneId): KnownStanding | null {
    const { ofTicket, ofZone, zones } = this.#places
    return this.#standings[(ofTicket.get(ticketId) as number) * zones + (ofZone.get(zone) as number)] ?? null
  }

  state(ticketId: TicketId): KnownState | null {
    const state = this.#states[this.#places.ofTicket.get(ticketId) as number]
    return state === undefined || state.status === 'valid' ? null : state
  }

  byCode(): KnownCode | null {
    return null
  }

  /** Takes what was told, unless more is known already. */
  take({ standings, states, gates, seq, revision, cursor, serverTime }: Batch, broken: Broken): void {
    if (!covers(cursor, this.head.cursor)) return
    const { ofTicket, ofZone, zones } = this.#places
    if (broken !== 'hearsElsewhere') {
      for (const one of standings) {
        this.#standings[(ofTicket.get(one.ticketId) as number) * zones + (ofZone.get(one.zone) as number)] = one
      }
    }
    if (broken !== 'hearsDecisions') {
      for (const one of states) this.#states[ofTicket.get(one.ticketId) as number] = one
    }
    if (gates !== null) this.head.gates = gates
    this.head.cursor = cursor
    this.head.serverTime = serverTime
    this.seq = seq
    this.revision = revision
  }
}

/** What a device has of the event before it was told anything of its tickets. */
export function firstHead(evening: Evening, broken: Broken): SnapshotHead {
  const { event, types, gates } = evening
  const policy = broken === 'neverAlone' ? { ...event.policy, offline: 'admit' as const } : event.policy
  return {
    event,
    keys: { readKey: '', publicKeys: [] },
    ticketTypes: [...types],
    gates: [...gates],
    policy,
    everyoneOut: [],
    lease: null,
    cursor: '0.0.1',
    full: true,
    serverTime: 0,
  }
}
