import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { toBase64url } from './base64url.ts'
import { bytesToUuid, type GateId, type TicketId, type TypeId, type ZoneId } from './ids.ts'
import { type KnownCode, type KnownStanding, type KnownState, knownStatuses, type Snapshot } from './snapshot.ts'

/*
 * A row of a snapshot, big-endian, by its kind:
 *
 *   standing    ticket 16 · zone 2 · gate 2 · entries 2 · exits 2 · inside 2 · presented 2 · today 1 · first 5 · last 5
 *   revocation  ticket 16 · at 5 · status 1 · valid since 4
 *   code        hash 12 · ticket 16 · type 2 · admits 1 · valid from 5 · valid until 5
 *
 * Each begins with its key: a standing's is the ticket and the zone, a revocation's the ticket, a code's the hash. Zones,
 * gates and types are places in the snapshot's `words`. An instant is milliseconds since 2020 plus one, from 2020 to 2054;
 * 0 is none. A count over what its bytes hold is told as the most they hold.
 */

/** The bytes of a row of each kind. */
export const rowLength = { standing: 39, state: 26, code: 41 } as const

/** The words that rows name by their place, the first being 1. 0 stands for none. */
export type Words = { zones: string[]; gates: string[]; types: string[] }

/** A snapshot whose rows are still bytes, as the Gatekeeper packs them. */
export type PackedRows = { standings: Uint8Array; states: Uint8Array; codes: Uint8Array }

/** Writes where a ticket stands in a zone; zone and gate are places in the words. */
export function packStanding(
  view: DataView,
  ticket: Uint8Array,
  zone: number,
  gate: number,
  { entries, exits, inside, presented, today, firstAt, lastAt }: Omit<KnownStanding, 'ticketId' | 'zone' | 'gateId'>,
): void {
  setBytes(view, 0, ticket)
  view.setUint16(16, zone)
  view.setUint16(18, gate)
  view.setUint16(20, Math.min(entries, 0xffff))
  view.setUint16(22, Math.min(exits, 0xffff))
  view.setUint16(24, Math.min(inside, 0xffff))
  view.setUint16(26, Math.min(presented, 0xffff))
  view.setUint8(28, Math.min(today, 0xff))
  setInstant(view, 29, firstAt)
  setInstant(view, 34, lastAt)
}

/** Writes why a ticket may not enter. */
export function packState(
  view: DataView,
  ticket: Uint8Array,
  { at, status, validSince }: Omit<KnownState, 'ticketId'>,
): void {
  setBytes(view, 0, ticket)
  setInstant(view, 16, at)
  view.setUint8(21, knownStatuses.indexOf(status))
  view.setUint32(22, validSince)
}

/** Writes whose a barcode is; the type is a place in the words. */
export function packCode(
  view: DataView,
  hash: Uint8Array,
  ticket: Uint8Array,
  type: number,
  { admits, validFrom, validUntil }: Pick<KnownCode, 'admits' | 'validFrom' | 'validUntil'>,
): void {
  setBytes(view, 0, hash)
  setBytes(view, 12, ticket)
  view.setUint16(28, type)
  view.setUint8(30, admits)
  setInstant(view, 31, validFrom)
  setInstant(view, 36, validUntil)
}

/** Takes the length of a row and what writes each; gives the rows one after the other. */
export function packRows(length: number, writers: readonly ((view: DataView) => void)[]): Uint8Array {
  const bytes = new Uint8Array(length * writers.length)
  writers.forEach((write, i) => {
    write(new DataView(bytes.buffer, i * length, length))
  })
  return bytes
}

/** The name of a barcode in a snapshot: nobody can read the barcode back from it. */
export function codeHash(code: string): Uint8Array {
  return sha256(utf8ToBytes(code)).slice(0, 12)
}

/** Takes packed rows and their words; gives what they say. */
export function unpackRows(rows: PackedRows, words: Words): Pick<Snapshot, 'standings' | 'revocations' | 'codes'> {
  return {
    standings: rowsOf(rows.standings, rowLength.standing).map((row) => unpackStanding(row, words)),
    revocations: rowsOf(rows.states, rowLength.state).map(unpackState),
    codes: rowsOf(inOrder(rows.codes, rowLength.code, 12), rowLength.code).map((row) => unpackCode(row, words)),
  }
}

/** The standing in a row; a place that no word has is the empty word. */
export function unpackStanding(row: DataView, words: Words): KnownStanding {
  const gate = row.getUint16(18)
  return {
    ticketId: ticketAt(row, 0),
    zone: (words.zones[row.getUint16(16) - 1] ?? '') as ZoneId,
    gateId: gate === 0 ? null : ((words.gates[gate - 1] ?? '') as GateId),
    entries: row.getUint16(20),
    exits: row.getUint16(22),
    inside: row.getUint16(24),
    presented: row.getUint16(26),
    today: row.getUint8(28),
    firstAt: getInstant(row, 29),
    lastAt: getInstant(row, 34),
  }
}

/** What is known against the ticket in a row; a status that we do not know is `revoked`. */
export function unpackState(row: DataView): KnownState {
  return {
    ticketId: ticketAt(row, 0),
    at: getInstant(row, 16) ?? 0,
    status: knownStatuses[row.getUint8(21)] ?? 'revoked',
    validSince: row.getUint32(22),
  }
}

/** The barcode in a row; a place that no word has is the empty word. */
export function unpackCode(row: DataView, words: Words): KnownCode {
  return {
    hash: toBase64url(bytesAt(row, 0, 12)),
    ticketId: ticketAt(row, 12),
    type: (words.types[row.getUint16(28) - 1] ?? '') as TypeId,
    admits: row.getUint8(30),
    validFrom: getInstant(row, 31),
    validUntil: getInstant(row, 36),
  }
}

/** The row that begins with these bytes, by halving. */
export function findRow(rows: Uint8Array, length: number, key: Uint8Array): DataView | null {
  let [low, high] = [0, rows.length / length]
  while (low < high) {
    const middle = (low + high) >>> 1
    const order = compare(rows, middle * length, key, 0, key.length)
    if (order === 0) return new DataView(rows.buffer, rows.byteOffset + middle * length, length)
    if (order < 0) low = middle + 1
    else high = middle
  }
  return null
}

/** Rows in the order of their keys; of two with the same key the later one. */
export function inOrder(rows: Uint8Array, length: number, key: number): Uint8Array {
  if (isSorted(rows, length, key)) return rows
  const order = Uint32Array.from({ length: rows.length / length }, (_, i) => i).sort(
    (a, b) => compare(rows, a * length, rows, b * length, key) || a - b,
  )
  const kept = order.filter((row, i) => {
    const next = order[i + 1]
    return next === undefined || compare(rows, row * length, rows, next * length, key) !== 0
  })
  const sorted = new Uint8Array(kept.length * length)
  kept.forEach((row, i) => {
    sorted.set(rows.subarray(row * length, (row + 1) * length), i * length)
  })
  return sorted
}

/** Whether rows are in the order of their keys, each key once. */
export function isSorted(rows: Uint8Array, length: number, key: number): boolean {
  for (let at = length; at < rows.length; at += length) {
    if (compare(rows, at - length, rows, at, key) >= 0) return false
  }
  return true
}

function compare(a: Uint8Array, aFrom: number, b: Uint8Array, bFrom: number, length: number): number {
  for (let i = 0; i < length; i++) {
    const difference = (a[aFrom + i] ?? 0) - (b[bFrom + i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

function rowsOf(bytes: Uint8Array, length: number): DataView[] {
  const rows: DataView[] = []
  for (let at = 0; at < bytes.length; at += length) rows.push(new DataView(bytes.buffer, bytes.byteOffset + at, length))
  return rows
}

/** 2020-01-01. */
const INSTANTS_FROM = 1_577_836_800_000
const LAST_INSTANT = 2 ** 40 - 1

function setInstant(view: DataView, offset: number, at: number | null): void {
  const value = at === null ? 0 : Math.min(LAST_INSTANT, Math.max(1, Math.floor(at) - INSTANTS_FROM + 1))
  view.setUint8(offset, Math.floor(value / 2 ** 32))
  view.setUint32(offset + 1, value % 2 ** 32)
}

function getInstant(view: DataView, offset: number): number | null {
  const value = view.getUint8(offset) * 2 ** 32 + view.getUint32(offset + 1)
  return value === 0 ? null : value - 1 + INSTANTS_FROM
}

function ticketAt(row: DataView, offset: number): TicketId {
  return bytesToUuid<TicketId>(bytesAt(row, offset, 16))
}

function bytesAt(row: DataView, offset: number, length: number): Uint8Array {
  return new Uint8Array(row.buffer, row.byteOffset + offset, length)
}

function setBytes(view: DataView, offset: number, bytes: Uint8Array): void {
  new Uint8Array(view.buffer, view.byteOffset + offset, bytes.length).set(bytes)
}
