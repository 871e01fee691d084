import type { EventDetails, Gate } from '../../../core/event.ts'
import type { Direction } from '../../../core/gate.ts'
import type { DeviceId, EventId, GateId, ScanId, TicketId, ZoneId } from '../../../core/ids.ts'
import type { Lease } from '../../../core/lease.ts'
import type { ScanSource } from '../../../core/log.ts'
import type { Enrolment, ShownConflict } from './status.ts'

/*
 * What rests on a device. No name is in here that was not sealed with a supervisor's PIN.
 */

/** One scan of this device. Its text is kept until the Gatekeeper has answered, and not longer. */
export type KeptScan = {
  scanId: ScanId
  /** 1, 2, 3 … on this device. */
  sequence: number
  /**
   * `asked`: it is being asked about, nothing was shown. `alone`: this device showed `verdict`, and the Gatekeeper has
   * not heard of it. `set_aside`: the same, and the server takes it for ill-formed. `answered`: by the Gatekeeper.
   */
  state: 'asked' | 'alone' | 'set_aside' | 'answered'
  /** null where it was not one of ours. */
  ticketId: TicketId | null
  asked: KeptAsk | null
  gateId: GateId
  gateName: string
  zone: ZoneId | null
  direction: Direction | null
  people: number
  /** When it was made, by the device's best knowledge of the server's time, and how it came by that. */
  at: number
  clock: { anchorAt: number; elapsedMs: number; anchorId: string } | null
  /** The cursor of the list that the device had then; not there where an older version of the app kept the scan. */
  knownTo?: string | null
  /** What was shown; null as long as nothing was. */
  verdict: KeptVerdict | null
  /** Its number in the log of whoever judged it. */
  seq: number | null
  annulled: boolean
  problem: { code: string; message: string } | null
}

export type KeptAsk = {
  text: string | null
  ticketId: TicketId | null
  source: ScanSource
  direction: 'entry' | 'exit' | null
  force: string | null
}

export type KeptVerdict =
  | { kind: 'admitted' | 'exited' | 'visited'; people: number }
  /** `code` is a refusal's reason, or `no_network` where nobody decided. */
  | { kind: 'refused'; code: string }

/** What a device kept of its enrolment, in one piece. */
export type KeptDevice = {
  eventId: EventId
  deviceId: DeviceId
  deviceToken: string
  staffToken: string
  /** When the staff token ends, in the server's time. */
  expiresAt: number
  enrolment: Enrolment
  /** As they were at enrolment; the snapshot has them too, and newer. */
  event: Pick<EventDetails, 'zones'>
  gate: Gate | null
  /** A CryptoKeyPair that cannot leave the device. */
  deviceKey: unknown
}

/** Small things, each under its own name. */
export type KeptThings = {
  device: KeptDevice
  gateId: GateId
  /** The snapshot's bytes: `core/snapshot-bytes.ts`. */
  snapshot: { bytes: Uint8Array; at: number }
  /** That the snapshot with this cursor was still all there was to know then. */
  still: { cursor: string; at: number }
  lease: Lease
  /** How far the device's clock was ahead when that was last measured. */
  skewMs: number
  conflicts: ShownConflict[]
  /** Up to where this device was told of the event's conflicts. */
  told: { eventId: EventId; cursor: string }
  blockedUntil: number
  shift: { id: string; startedAt: number; scans: number; admitted: number }
  pin: { key: unknown; salt: Uint8Array; check: Uint8Array; wrong: number; notBefore: number }
  names: { nonce: Uint8Array; sealed: Uint8Array; count: number }
}

/** What is looked at before a device decides alone; nothing comes between the look and the write. */
export type Look = { scans: KeptScan[]; isGone: boolean; lease: Lease | null }

/** A device's storage. What is written is on the disk when the promise resolves. */
export type Store = {
  get<K extends keyof KeptThings>(name: K): Promise<KeptThings[K] | null>
  /** null removes it. */
  put<K extends keyof KeptThings>(name: K, thing: KeptThings[K] | null): Promise<void>

  /** Keeps a new scan with the next number; gives it. */
  add(scan: Omit<KeptScan, 'sequence'>): Promise<KeptScan>
  /**
   * Looks at what there is of a ticket, lets `decide` make a scan of it and writes that: all in one transaction, so
   * that a recall comes before or after it, and no other tab between.
   */
  decide(ticketId: TicketId, decide: (look: Look) => KeptScan): Promise<KeptScan>
  /** Changes scans in one transaction; those that are not there are left out. */
  change(changes: ReadonlyMap<ScanId, (scan: KeptScan) => KeptScan | null>): Promise<void>
  scan(scanId: ScanId): Promise<KeptScan | null>
  /** In the order they were made, up to `limit`. */
  inState(state: KeptScan['state'], limit: number): Promise<KeptScan[]>
  count(state: KeptScan['state']): Promise<number>
  ofTicket(ticketId: TicketId): Promise<KeptScan[]>
  /** Forgets answered scans of which that is so. */
  forgetAnswered(mayGo: (scan: KeptScan) => boolean): Promise<void>

  /** Writes tickets down as never to be admitted alone under this lease. */
  putGone(ticketIds: readonly TicketId[]): Promise<void>
  clearGone(): Promise<void>

  /** Removes all of it, for every tab. */
  wipe(): Promise<void>
  /** After another tab has wiped it. */
  reopen(): Promise<void>
  close(): void
}
