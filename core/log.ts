import { sha256 } from '@noble/hashes/sha2.js'
import { concatBytes } from '@noble/hashes/utils.js'
import type { Direction } from './gate.ts'
import type { DeviceId, GateId, ScanId, StaffId, TicketId, TypeId, ZoneId } from './ids.ts'
import type { TokenWindow } from './token.ts'
import { utf8 } from './utf8.ts'
import type { Verdict } from './verdict.ts'

/** Where a scan's text came from. */
export const scanSources = ['camera', 'wedge', 'nfc', 'manual'] as const
export type ScanSource = (typeof scanSources)[number]

/** One scan in the log, with its verdict. Append-only. Instants are milliseconds since 1970. No personal data. */
export type Entry = {
  /** 1, 2, 3 … without a gap. */
  seq: number
  scanId: ScanId
  /** null: no ticket was found. */
  ticketId: TicketId | null
  type: TypeId | null
  /** null: it happened at no gate. */
  gateId: GateId | null
  zone: ZoneId
  deviceId: DeviceId | null
  staffId: StaffId | null
  direction: Direction
  people: number
  verdict: Verdict
  /** By how many people the ticket's standing inside the zone changed. */
  insideChange: number
  /**
   * Whether the ticket was admitted nowhere before, or with an annulment is admitted nowhere any more. Of a visit:
   * whether it is the ticket's first there.
   */
  first: boolean
  source: ScanSource | null
  /** Why a supervisor asked to let them in all the same, or took the admission back. */
  forceReason: string | null
  /** The scan's own time, and when it arrived. */
  scannedAt: number
  receivedAt: number
  /** Milliseconds spent deciding. */
  validationMs: number
  /** What the device said of a scan that it judged alone; null where the Gatekeeper judged. */
  offline: Alone | null
}

/** What a device says of a scan that it judged alone. */
export type Alone = {
  /** The device's own number of the scan, rising; null where it told none. */
  sequence: number | null
  /** What the token itself said, in seconds since 1970; null where the ticket was found otherwise. */
  token: ({ issuedAt: number } & TokenWindow) | null
  /** Whether the scan's time was counted on from the server's, or is the device's own word. */
  clock: 'anchored' | 'wall'
  /** The scan that was answered, but whose answer never came, so that the gate did otherwise. */
  amends: ScanId | null
}

/** The hash before the first entry. */
export const chainStart: Uint8Array = new Uint8Array(32)

/**
 * Takes the hash of the entry before and an entry; gives the entry's own hash (SHA-256), so that no entry can be
 * changed, left out or put in later without every hash after it being wrong.
 */
export function chain(previous: Uint8Array, entry: Entry): Uint8Array {
  return sha256(concatBytes(previous, utf8(canonical(entry))))
}

/**
 * One spelling for one entry. The leading number is the version of the spelling: 2 is for scans that a device judged
 * alone, which there were none of while there was only 1.
 */
function canonical(entry: Entry): string {
  const { offline } = entry
  return JSON.stringify([
    offline === null ? 1 : 2,
    entry.seq,
    entry.scanId,
    entry.ticketId,
    entry.type,
    entry.gateId,
    entry.zone,
    entry.deviceId,
    entry.staffId,
    entry.direction,
    entry.people,
    entry.verdict,
    entry.insideChange,
    entry.first,
    entry.source,
    entry.forceReason,
    entry.scannedAt,
    entry.receivedAt,
    entry.validationMs,
    ...(offline === null ? [] : [offline.sequence, offline.token, offline.clock, offline.amends]),
  ])
}
