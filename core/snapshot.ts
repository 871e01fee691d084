import type { EventDetails, Gate, Policy, TicketType } from './event.ts'
import type { GateId, TicketId, TypeId, ZoneId } from './ids.ts'
import type { Lease } from './lease.ts'

/**
 * What a device carries to judge alone. No personal data. Instants are milliseconds since 1970. `full: false` is a
 * difference: it holds only what changed since the cursor that was asked with, the head apart, which is always whole.
 */
export type Snapshot = SnapshotHead & {
  standings: KnownStanding[]
  revocations: KnownState[]
  codes: KnownCode[]
}

/** Everything in a snapshot that does not grow with the event. */
export type SnapshotHead = {
  event: EventDetails
  keys: SnapshotKeys
  ticketTypes: TicketType[]
  gates: Gate[]
  policy: Policy
  /** When all were last taken to have left a zone. A standing that ends before that has nobody inside. */
  everyoneOut: { zone: ZoneId; at: number }[]
  /** The asking device's lease under the `strict` policy, if any. */
  lease: Lease | null
  cursor: string
  full: boolean
  serverTime: number
}

/**
 * In base64url: enough to open and verify every token of the event, and to make none. Each key id has a read key of its
 * own; `readKey` at the head is the one that new tokens are made with.
 */
export type SnapshotKeys = {
  readKey: string
  publicKeys: { keyId: number; publicKey: string; readKey?: string; validUntil: number | null }[]
}

/** A ticket's standing in a zone. `gateId` is where it was admitted, `today` the people entered on the day of `lastAt`. */
export type KnownStanding = {
  ticketId: TicketId
  zone: ZoneId
  entries: number
  exits: number
  inside: number
  presented: number
  today: number
  firstAt: number | null
  lastAt: number | null
  gateId: GateId | null
}

/**
 * Why a ticket, or an older code of it, may not enter. `superseded`: the ticket is good, its codes from before
 * `validSince` are not. `valid` stands in a difference only: it was barred and is not any more.
 */
export type KnownState = {
  ticketId: TicketId
  at: number
  status: KnownStatus
  /** Seconds since 1970: a token issued before this is superseded. */
  validSince: number
}

export const knownStatuses = ['valid', 'revoked', 'superseded', 'blocked', 'unpaid'] as const
export type KnownStatus = (typeof knownStatuses)[number]

/** A ticket with a barcode printed elsewhere. `hash`: base64url of the first 12 bytes of the barcode's SHA-256. */
export type KnownCode = {
  hash: string
  ticketId: TicketId
  type: TypeId
  admits: number
  validFrom: number | null
  validUntil: number | null
}

/** Takes a snapshot and a difference from its cursor; gives the snapshot as it is after that. A full one replaces it. */
export function merge(known: Snapshot, difference: Snapshot): Snapshot {
  if (difference.full) return difference
  const standings = new Map(known.standings.map((one) => [`${one.ticketId} ${one.zone}`, one]))
  for (const one of difference.standings) standings.set(`${one.ticketId} ${one.zone}`, one)
  const revocations = new Map(known.revocations.map((one) => [one.ticketId, one]))
  for (const one of difference.revocations) {
    if (one.status === 'valid') revocations.delete(one.ticketId)
    else revocations.set(one.ticketId, one)
  }
  const codes = new Map(known.codes.map((one) => [one.hash, one]))
  for (const one of difference.codes) codes.set(one.hash, one)
  return {
    ...difference,
    full: true,
    standings: [...standings.values()],
    revocations: [...revocations.values()],
    codes: [...codes.values()],
  }
}
