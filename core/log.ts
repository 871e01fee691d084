import { sha256 } from '@noble/hashes/sha2.js'
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import type { Direction } from './gate.ts'
import type { DeviceId, GateId, ScanId, StaffId, TicketId, TypeId, ZoneId } from './ids.ts'
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
  /** By how many people the ticket's standing inside the zone changed, and whether it is its first admission there. */
  insideChange: number
  first: boolean
  source: ScanSource | null
  /** Why a supervisor asked to let them in all the same, or took the admission back. */
  forceReason: string | null
  /** The scan's own time, and when it arrived. */
  scannedAt: number
  receivedAt: number
  /** Milliseconds spent deciding. */
  validationMs: number
}

/** The hash before the first entry. */
export const chainStart: Uint8Array = new Uint8Array(32)

/**
 * Takes the hash of the entry before and an entry; gives the entry's own hash (SHA-256), so that no entry can be
 * changed, left out or put in later without every hash after it being wrong.
 */
export function chain(previous: Uint8Array, entry: Entry): Uint8Array {
  return sha256(concatBytes(previous, utf8ToBytes(canonical(entry))))
}

/** One spelling for one entry. The leading number is the version of the spelling. */
function canonical(entry: Entry): string {
  return JSON.stringify([
    1,
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
  ])
}
