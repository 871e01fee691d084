import { bytesToUtf8 } from '@noble/ciphers/utils.js'
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { fromBase64url, toBase64url } from './base64url.ts'
import { type TicketId, uuidToBytes, type ZoneId } from './ids.ts'
import {
  type KnownCode,
  type KnownStanding,
  type KnownState,
  merge,
  type Snapshot,
  type SnapshotHead,
} from './snapshot.ts'
import {
  findRow,
  inOrder,
  isSorted,
  type PackedRows,
  packCode,
  packRows,
  packStanding,
  packState,
  rowLength,
  unpackCode,
  unpackRows,
  unpackStanding,
  unpackState,
  type Words,
} from './snapshot-rows.ts'
import { afterClearing, noStanding, type Standing } from './standing.ts'

/*
 * A snapshot in one piece, version 1, big-endian:
 *
 *   magic 4 "A1SN" · version 1 · head length 4 · head, JSON in UTF-8
 *   count 4 · standings
 *   count 4 · revocations
 *   count 4 · codes
 *
 * The rows of each kind (`core/snapshot-rows.ts`) are in the order of their bytes, so that a device finds one by halving,
 * without building anything first. The words that they name by their place are in the head.
 *
 * A large one comes in parts, version 2, as they are read, so that nobody has to hold all of it before it can be sent:
 *
 *   magic 4 "A1SN" · version 2 · head length 4 · head without words, JSON in UTF-8
 *   any number of times  kind 1 (1 standings, 2 revocations, 3 codes) · count 4 · rows
 *   kind 1 (0) · words length 4 · words, JSON in UTF-8
 *
 * The end is what it ends with, so that half of one is taken for none. Words are only ever added, and the last ones hold
 * for all parts. Codes come in the order in which the Gatekeeper has them; whoever opens the snapshot puts them in theirs.
 */

const MAGIC = utf8ToBytes('A1SN')
const IN_ONE_PIECE = 1
const IN_PARTS = 2
/** The kind of a part that ends it. */
const END = 0

/** The kinds of rows in the order in which they come: how long a row is, and how much of it is its key. */
const kinds = [
  { rows: 'standings', length: rowLength.standing, key: 18 },
  { rows: 'states', length: rowLength.state, key: 16 },
  { rows: 'codes', length: rowLength.code, key: 12 },
] as const

/** Takes a snapshot; gives its bytes. */
export function encodeSnapshot(snapshot: Snapshot): Uint8Array {
  const { standings, revocations, codes, ...head } = snapshot
  const words: Words = {
    zones: [...new Set([...head.event.zones.map(({ id }) => id), ...standings.map(({ zone }) => zone)])],
    gates: [...new Set([...head.gates.map(({ id }) => id), ...standings.flatMap(({ gateId }) => gateId ?? [])])],
    types: [...new Set([...head.ticketTypes.map(({ id }) => id), ...codes.map(({ type }) => type)])],
  }
  const places = { zones: placesOf(words.zones), gates: placesOf(words.gates), types: placesOf(words.types) }
  return joinSnapshot(head, words, {
    standings: packRows(
      rowLength.standing,
      standings.map((one) => (view: DataView) => {
        const zone = places.zones.get(one.zone) ?? 0
        const gate = one.gateId === null ? 0 : (places.gates.get(one.gateId) ?? 0)
        packStanding(view, uuidToBytes(one.ticketId), zone, gate, one)
      }),
    ),
    states: packRows(
      rowLength.state,
      revocations.map((one) => (view: DataView) => packState(view, uuidToBytes(one.ticketId), one)),
    ),
    codes: packRows(
      rowLength.code,
      codes.map((one) => (view: DataView) => {
        packCode(view, fromBase64url(one.hash), uuidToBytes(one.ticketId), places.types.get(one.type) ?? 0, one)
      }),
    ),
  })
}

/** Takes a head and packed rows, in any order; gives the bytes of the snapshot. */
export function joinSnapshot(head: SnapshotHead, words: Words, rows: PackedRows): Uint8Array {
  const sections = kinds.flatMap((kind) => {
    const sorted = inOrder(rows[kind.rows], kind.length, kind.key)
    return [uint32(sorted.length / kind.length), sorted]
  })
  return concatBytes(MAGIC, Uint8Array.of(IN_ONE_PIECE), ...counted({ head, words }), ...sections)
}

/** The beginning of a snapshot in parts. */
export function startOfParts(head: SnapshotHead): Uint8Array {
  return concatBytes(MAGIC, Uint8Array.of(IN_PARTS), ...counted(head))
}

/** Takes some rows, each kind in the order of the Gatekeeper; gives them as parts of a snapshot: no bytes where there are none. */
export function partOf(rows: PackedRows): Uint8Array {
  const parts = kinds.flatMap((kind, i) => {
    const own = rows[kind.rows]
    return own.length === 0 ? [] : [Uint8Array.of(i + 1), uint32(own.length / kind.length), own]
  })
  return concatBytes(...parts)
}

/** The end of a snapshot in parts, with the words of the last of them. */
export function endOfParts(words: Words): Uint8Array {
  return concatBytes(Uint8Array.of(END), ...counted(words))
}

/** Takes bytes; gives the snapshot in them, or null where they are none of this version, whole and in order. */
export function decodeSnapshot(bytes: Uint8Array): Snapshot | null {
  return openSnapshot(bytes)?.toSnapshot() ?? null
}

/** Takes a snapshot's bytes; gives what a device looks things up in, or null as `decodeSnapshot` does. */
export function openSnapshot(bytes: Uint8Array): KnownTickets | null {
  const parts = split(bytes)
  return parts && new KnownTickets(parts)
}

/**
 * What a device knows of the tickets: the rows of a snapshot as they came, and over them what has changed since. It
 * takes no time to open and holds little more than the bytes.
 */
export class KnownTickets {
  #parts: Parts
  #standings = new Map<string, KnownStanding>()
  #states = new Map<TicketId, KnownState>()
  #codes = new Map<string, KnownCode>()
  #head: SnapshotHead

  constructor(parts: Parts) {
    this.#parts = parts
    this.#head = parts.head
  }

  get head(): SnapshotHead {
    return this.#head
  }

  /** What is known of a ticket in a zone; null where it was never scanned there. */
  standing(ticketId: TicketId, zone: ZoneId): KnownStanding | null {
    const changed = this.#standings.get(`${ticketId} ${zone}`)
    if (changed) return changed
    const { standings, words } = this.#parts
    const place = words.zones.indexOf(zone) + 1
    if (place === 0) return null
    const key = new Uint8Array(18)
    key.set(uuidToBytes(ticketId))
    new DataView(key.buffer).setUint16(16, place)
    const row = findRow(standings, rowLength.standing, key)
    return row && unpackStanding(row, words)
  }

  /** Why a ticket may not enter, or null where nothing is known against it. */
  state(ticketId: TicketId): KnownState | null {
    const changed = this.#states.get(ticketId)
    if (changed) return changed.status === 'valid' ? null : changed
    const row = findRow(this.#parts.states, rowLength.state, uuidToBytes(ticketId))
    return row && unpackState(row)
  }

  /** The ticket with a barcode printed elsewhere. */
  byCode(hash: Uint8Array): KnownCode | null {
    const changed = this.#codes.get(toBase64url(hash))
    if (changed) return changed
    const row = findRow(this.#parts.codes, rowLength.code, hash)
    return row && unpackCode(row, this.#parts.words)
  }

  /** Takes standings that were told later, from a live socket. */
  applyStandings(items: readonly KnownStanding[], cursor: string): void {
    for (const one of items) this.#standings.set(`${one.ticketId} ${one.zone}`, one)
    this.#head = { ...this.#head, cursor }
  }

  /** Takes decisions about tickets that were told later, from a live socket. */
  applyStates(items: readonly KnownState[], cursor: string): void {
    for (const one of items) this.#states.set(one.ticketId, one)
    this.#head = { ...this.#head, cursor }
  }

  /** Takes a lease that was told later, from a live socket. */
  applyLease(lease: SnapshotHead['lease']): void {
    this.#head = { ...this.#head, lease }
  }

  /** Takes the bytes of a difference, or of a full snapshot; gives false where they are no snapshot, and changes nothing. */
  applyDelta(bytes: Uint8Array): boolean {
    const parts = split(bytes)
    if (parts === null) return false
    if (parts.head.full) {
      this.#parts = parts
      this.#standings.clear()
      this.#states.clear()
      this.#codes.clear()
      this.#head = parts.head
      return true
    }
    const { standings, revocations, codes } = toSnapshot(parts)
    this.applyStandings(standings, parts.head.cursor)
    this.applyStates(revocations, parts.head.cursor)
    for (const one of codes) this.#codes.set(one.hash, one)
    this.#head = { ...parts.head, full: true }
    return true
  }

  /** All of it as one snapshot, to be kept: `encodeSnapshot` makes the bytes. */
  toSnapshot(): Snapshot {
    const known = toSnapshot(this.#parts)
    const changes = [this.#standings, this.#states, this.#codes]
    if (changes.every(({ size }) => size === 0)) return { ...known, ...this.#head }
    return merge(known, {
      ...this.#head,
      full: false,
      standings: [...this.#standings.values()],
      revocations: [...this.#states.values()],
      codes: [...this.#codes.values()],
    })
  }
}

/**
 * Takes what is known of a ticket in a zone, when everybody last left it, and the local day of `lastAt` as days since
 * 1970; gives the standing that the ticket is judged by.
 */
export function toStanding(known: KnownStanding | null, everyoneOutAt: number | null, lastDay: number): Standing {
  if (known === null) return noStanding
  const { entries, exits, inside, presented, firstAt, lastAt, today } = known
  const standing = { entries, exits, inside, presented, admission: null, firstAt, lastAt, day: lastDay }
  return afterClearing({ ...standing, entriesToday: today }, everyoneOutAt)
}

type Parts = PackedRows & { head: SnapshotHead; words: Words }

function split(bytes: Uint8Array): Parts | null {
  const reader = new Reader(bytes)
  const magic = reader.take(MAGIC.length)
  if (magic === null || !MAGIC.every((byte, i) => byte === magic[i])) return null
  switch (reader.take(1)?.[0]) {
    case IN_ONE_PIECE:
      return splitPiece(reader)
    case IN_PARTS:
      return joinParts(reader)
    default:
      return null
  }
}

function splitPiece(reader: Reader): Parts | null {
  const json = reader.takeCounted(1)
  const [standings, states, codes] = kinds.map(({ length }) => reader.takeCounted(length))
  if (!json || !standings || !states || !codes || !reader.isAtEnd) return null
  const rows = { standings, states, codes }
  const isInOrder = kinds.every((kind) => isSorted(rows[kind.rows], kind.length, kind.key))
  const top = isInOrder ? (parse(json) as Pick<Parts, 'head' | 'words'> | null) : null
  return top && isHead(top.head) && areWords(top.words) ? { ...top, ...rows } : null
}

function joinParts(reader: Reader): Parts | null {
  const head = reader.takeCounted(1)
  const read = kinds.map((): Uint8Array[] => [])
  for (let no = reader.take(1)?.[0]; no !== END; no = reader.take(1)?.[0]) {
    const kind = kinds[(no ?? 0) - 1]
    const rows = kind && reader.takeCounted(kind.length)
    if (!rows) return null
    read[(no ?? 0) - 1]?.push(rows)
  }
  const words = reader.takeCounted(1)
  if (head === null || words === null || !reader.isAtEnd) return null
  const [standings, states, codes] = kinds.map(({ length, key }, i) => inOrder(joined(read[i] ?? []), length, key))
  const top = { head: parse(head), words: parse(words) }
  if (!standings || !states || !codes || !isHead(top.head) || !areWords(top.words)) return null
  return { head: top.head, words: top.words, standings, states, codes }
}

function parse(json: Uint8Array): unknown {
  try {
    return JSON.parse(bytesToUtf8(json))
  } catch {
    // A SyntaxError or a TypeError: these bytes are not what we write.
    return null
  }
}

function isHead(head: unknown): head is SnapshotHead {
  return typeof (head as SnapshotHead | null)?.cursor === 'string'
}

function areWords(words: unknown): words is Words {
  const { zones, gates, types } = (words ?? {}) as Partial<Words>
  return [zones, gates, types].every((list) => Array.isArray(list))
}

function toSnapshot({ head, words, ...rows }: Parts): Snapshot {
  return { ...head, ...unpackRows(rows, words) }
}

function placesOf(words: readonly string[]): Map<string, number> {
  return new Map(words.map((word, i) => [word, i + 1]))
}

function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value)
  return bytes
}

/** One after the other. There may be more than a call takes arguments. */
function joined(pieces: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}

/** JSON, and its length before it. */
function counted(value: unknown): [Uint8Array, Uint8Array] {
  const json = utf8ToBytes(JSON.stringify(value))
  return [uint32(json.length), json]
}

class Reader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  take(length: number): Uint8Array | null {
    if (this.#at + length > this.#bytes.length) return null
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  /** What a count of four bytes stands before. */
  takeCounted(each: number): Uint8Array | null {
    const count = this.take(4)
    return count && this.take(new DataView(count.buffer, count.byteOffset).getUint32(0) * each)
  }
}
