import { withCapacity, type Zone } from '../../core/event.ts'
import { shardsOf } from '../../core/event-address.ts'
import type { TypeId, ZoneId } from '../../core/ids.ts'
import type { Entry } from '../../core/log.ts'
import { lent, type RoomName, roomName, roomNamed } from '../../core/shards.ts'
import type { Configuration } from '../event/configuration.ts'
import type { Meta } from '../meta.ts'
import type { Counters } from '../scans/counters.ts'

/** How many people may be in a room, null for any number, and how many are. */
export type Room = { capacity: number | null; inside: number }

/** What a shard may fill of each room, and how much more it needs. */
export type Borrowing = {
  shard: number
  /** Rises with each: one that comes again is answered again, and one that comes late is not looked at any more. */
  no: number
  has: Record<RoomName, number>
  needs: Record<RoomName, number>
}

/** How much of a room a shard has kept, and the number up to which its borrowings are of before that. */
export type Kept = { people: number; no: number }

/** What it is lent, and of each room that it asked for how full that is. */
export type Lent = { people: Record<RoomName, number>; rooms: Record<RoomName, Room> }

/**
 * How many people there is room for. Of an event that one object judges that is a matter of counting. Where it is divided
 * each shard has an allotment of each room, and lets nobody in beyond that: what all of them have, and what is in by the
 * Gatekeeper's own judging, is never more than the room holds, so that nobody needs to be asked about most scans.
 */
export class Rooms {
  readonly #sql: SqlStorage
  readonly #meta: Meta
  readonly #configuration: Configuration
  readonly #counters: Counters
  readonly #shards: number
  readonly #shard: number
  /** By shard and room: of the Gatekeeper, what each shard has; of a shard, what it has itself. */
  readonly #allotted = new Map<number, Map<RoomName, number>>()
  /** At the Gatekeeper: who is inside by a shard's judging, as far as that was taken in. */
  readonly #elsewhere = new Map<RoomName, number>()
  /** In a shard: how full a room was when the Gatekeeper was last asked. */
  readonly #told = new Map<RoomName, Room>()

  constructor(sql: SqlStorage, meta: Meta, configuration: Configuration, counters: Counters) {
    this.#sql = sql
    this.#meta = meta
    this.#configuration = configuration
    this.#counters = counters
    this.#shards = configuration.event === null ? 1 : shardsOf(configuration.event.id)
    this.#shard = meta.number('shard')
    if (this.#shards === 1) return
    for (const { shard, room, people } of sql.exec<Row>('SELECT * FROM allotment')) this.#of(shard).set(room, people)
    for (const { room, people } of sql.exec<Omit<Row, 'shard'>>('SELECT * FROM elsewhere')) {
      this.#elsewhere.set(room, people)
    }
  }

  /** Whether what this object may fill is less than what the rooms hold. */
  get areShared(): boolean {
    return this.#shards > 1
  }

  /** A room as it is for this object: what it may fill of it, and who is in by its own judging. */
  own(zone: ZoneId, type: TypeId | null): Room {
    const name = roomName(zone, type)
    const whole = this.#capacity(name)
    const inside = this.#inside(name)
    if (!this.areShared || whole === null) return { capacity: whole, inside }
    if (this.#shard > 0) return { capacity: this.#of(this.#shard).get(name) ?? 0, inside }
    return { capacity: whole - this.#lentOut(name), inside: this.#insideByOwnJudging(name) }
  }

  /** The same room as it is for everybody, as far as this object knows. */
  whole(zone: ZoneId, type: TypeId | null): Room {
    const name = roomName(zone, type)
    const inside = this.#shard > 0 ? 0 : this.#insideByOwnJudging(name) + this.#lentOut(name)
    return this.#told.get(name) ?? { capacity: this.#capacity(name), inside }
  }

  /** How many more people each of its rooms would have to hold for these to come in; null where there is room. */
  needed(zone: ZoneId, type: TypeId, people: number): Record<RoomName, number> | null {
    const needs = [null, type].flatMap((one) => {
      const { capacity, inside } = this.own(zone, one)
      const missing = capacity === null ? 0 : inside + people - capacity
      return missing > 0 ? [[roomName(zone, one), missing] as const] : []
    })
    return needs.length === 0 ? null : Object.fromEntries(needs)
  }

  /** In a shard: what it asks for, so that there is room for these people. The caller holds the transaction. */
  borrowing(needs: Record<RoomName, number>): Borrowing {
    const has = Object.fromEntries(Object.keys(needs).map((name) => [name, this.#has(name)]))
    return { shard: this.#shard, no: this.#nextBorrowing(), has, needs }
  }

  /**
   * In a shard: takes what it was lent, and says whether that is an answer. What it has given back since it asked may be in
   * what it was lent, and be somebody else's by now; that there was nothing to be had holds all the same. The caller holds
   * the transaction.
   */
  take({ no }: Borrowing, { people, rooms }: Lent): boolean {
    const isInTime = no === this.#meta.number('borrowing')
    const told = Object.entries(rooms)
    if (!isInTime && (told.length === 0 || told.some(([name]) => people[name] !== 0))) return false
    for (const [name, room] of told) {
      this.#told.set(name, room)
      if (isInTime) this.#put(this.#shard, name, this.#has(name) + (people[name] ?? 0))
    }
    return true
  }

  /** In a shard: keeps of a room what is full. The caller holds the transaction. */
  giveBack(name: RoomName): Kept {
    const people = this.#inside(name)
    this.#put(this.#shard, name, people)
    return { people, no: this.#nextBorrowing() }
  }

  /** In a shard: the same of all rooms. */
  giveBackAll(): void {
    for (const name of [...this.#of(this.#shard).keys()]) this.giveBack(name)
  }

  /** At the Gatekeeper: what is free of a room, by what it knows of the shards. */
  free(name: RoomName): number {
    return (this.#capacity(name) ?? Number.POSITIVE_INFINITY) - this.#lentOut(name) - this.#insideByOwnJudging(name)
  }

  /** At the Gatekeeper: notes what a shard says that it has. */
  note(shard: number, name: RoomName, people: number): void {
    this.#put(shard, name, people)
  }

  /** At the Gatekeeper: notes what a shard has kept. What it asked for before that, it will not take. */
  noteKept(shard: number, name: RoomName, { people, no }: Kept): void {
    this.#put(shard, name, people)
    this.#meta.set(`lent ${shard}`, JSON.stringify({ no, lent: nothingLent }))
  }

  /** At the Gatekeeper: lends a shard what it needs, where that is free. The caller holds the transaction. */
  lend({ shard, no, needs }: Borrowing): Lent {
    const people: Record<RoomName, number> = {}
    const rooms: Record<RoomName, Room> = {}
    for (const [name, needed] of Object.entries(needs)) {
      const free = this.free(name)
      const given = Number.isFinite(free) ? lent(free, needed, this.#shards) : needed
      people[name] = given
      rooms[name] = this.#asItIs(name)
      this.#put(shard, name, (this.#of(shard).get(name) ?? 0) + given)
    }
    this.#meta.set(`lent ${shard}`, JSON.stringify({ no, lent: { people, rooms } }))
    return { people, rooms }
  }

  /** At the Gatekeeper: what was answered to this borrowing, or that its shard has asked or given back since. */
  lentBefore({ shard, no }: Borrowing): Lent | 'too late' | null {
    const last = JSON.parse(this.#meta.text(`lent ${shard}`) ?? 'null') as { no: number; lent: Lent } | null
    if (last === null || no > last.no) return null
    return no === last.no ? last.lent : 'too late'
  }

  /** At the Gatekeeper: the answer to a borrowing that is too late to be lent anything, but not to hear that all is full. */
  lendNothing({ needs }: Borrowing): Lent {
    const names = Object.keys(needs)
    if (names.every((name) => this.free(name) >= (needs[name] ?? 0))) return { people: {}, rooms: {} }
    return {
      people: Object.fromEntries(names.map((name) => [name, 0])),
      rooms: Object.fromEntries(names.map((name) => [name, this.#asItIs(name)])),
    }
  }

  /** At the Gatekeeper: people came in and left by a shard's judging. */
  changedElsewhere(entries: Pick<Entry, 'zone' | 'type' | 'insideChange'>[]): void {
    const changed = new Set<RoomName>()
    for (const { zone, type, insideChange } of entries) {
      for (const name of type === null ? [roomName(zone, null)] : [roomName(zone, null), roomName(zone, type)]) {
        this.#elsewhere.set(name, Math.max(0, (this.#elsewhere.get(name) ?? 0) + insideChange))
        changed.add(name)
      }
    }
    for (const name of changed) this.#setElsewhere(name, this.#elsewhere.get(name) ?? 0)
  }

  /** At the Gatekeeper: everybody is taken to have left a zone. */
  cleared(zone: ZoneId): void {
    for (const name of [...this.#elsewhere.keys()].filter((one) => roomNamed(one).zone === zone)) {
      this.#setElsewhere(name, 0)
    }
  }

  /** At the Gatekeeper: what is lent counts as full. */
  #asItIs(name: RoomName): Room {
    const capacity = this.#capacity(name)
    return { capacity, inside: (capacity ?? 0) - this.free(name) }
  }

  #nextBorrowing(): number {
    const no = this.#meta.number('borrowing') + 1
    this.#meta.set('borrowing', no)
    return no
  }

  #capacity(name: RoomName): number | null {
    const { zone, type } = roomNamed(name)
    if (type !== null) return this.#configuration.type(type)?.capacity ?? null
    const known = this.#configuration.zone(zone)
    return known ? withCapacity(known as Zone, this.#configuration.event).capacity : null
  }

  #inside(name: RoomName): number {
    const { zone, type } = roomNamed(name)
    return type === null ? this.#counters.inside(zone) : this.#counters.insideOfType(zone, type)
  }

  #insideByOwnJudging(name: RoomName): number {
    return Math.max(0, this.#inside(name) - (this.#elsewhere.get(name) ?? 0))
  }

  /** A forced entry, or one of a gate that was alone, may have gone beyond what it was lent. */
  #has(name: RoomName): number {
    return Math.max(this.#of(this.#shard).get(name) ?? 0, this.#inside(name))
  }

  #lentOut(name: RoomName): number {
    return [...this.#allotted.values()].reduce((sum, rooms) => sum + (rooms.get(name) ?? 0), 0)
  }

  #of(shard: number): Map<RoomName, number> {
    const rooms = this.#allotted.get(shard) ?? new Map<RoomName, number>()
    this.#allotted.set(shard, rooms)
    return rooms
  }

  #put(shard: number, room: RoomName, people: number): void {
    this.#sql.exec('INSERT OR REPLACE INTO allotment (shard, room, people) VALUES (?, ?, ?)', shard, room, people)
    this.#of(shard).set(room, people)
  }

  #setElsewhere(room: RoomName, people: number): void {
    this.#sql.exec('INSERT OR REPLACE INTO elsewhere (room, people) VALUES (?, ?)', room, people)
    this.#elsewhere.set(room, people)
  }
}

const nothingLent: Lent = { people: {}, rooms: {} }

type Row = { shard: number; room: string; people: number }

/** The tables that only a divided event has. */
export const roomTables = `
  CREATE TABLE IF NOT EXISTS allotment (
    shard INTEGER NOT NULL, room TEXT NOT NULL, people INTEGER NOT NULL, PRIMARY KEY (shard, room)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS elsewhere (room TEXT PRIMARY KEY, people INTEGER NOT NULL) STRICT, WITHOUT ROWID;`
