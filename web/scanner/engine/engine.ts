import type { deviceTypes } from '../../../core/device-messages.ts'
import type { TicketStatus } from '../../../core/event.ts'
import type { GateId, ScanId, TicketId, TypeId } from '../../../core/ids.ts'
import type { ScanSource } from '../../../core/log.ts'
import type { Observable } from './observable.ts'
import type { Shown, ShownTicket } from './shown.ts'
import type { Status } from './status.ts'

/**
 * The scanner without its screens: it enrols, judges with the Gatekeeper or alone, keeps what is pending and brings it
 * home. One for each tab; those of one device share what is stored.
 */
export type Engine = {
  readonly status: Observable<Status>
  /** The last scans of this device, the newest first. In memory: names are not stored. */
  readonly recent: Observable<Shown[]>

  /** Takes the link of an enrolment QR or its code alone. */
  enrol(linkOrCode: string, device: { name: string; type: DeviceType }): Promise<Outcome<null>>
  /** Never rejects: whatever happens there is something to show. One scan at a time; others wait their turn. */
  scan(asked: AskedScan): Promise<Shown>
  /** Takes an admission back. What is pending of that ticket is brought home first; it needs the network. */
  annul(scanId: ScanId, reason: string): Promise<Outcome<null>>
  /** At least three characters. Without a network only what was unlocked is searched. */
  search(text: string): Promise<Outcome<{ items: Found[]; from: 'gatekeeper' | 'device' }>>
  /** Sells a ticket and lets its people in. Sent again with the same `scanId` it is the same sale. */
  sellWalkIn(sale: WalkIn): Promise<Outcome<Sold>>
  startShift(): Promise<Outcome<null>>
  endShift(): Promise<Outcome<{ scans: number; admitted: number }>>

  /** Scans from now on are at this gate; it is remembered. */
  lookAt(gateId: GateId): Promise<void>
  /** Sends what is pending now instead of at the next occasion. */
  syncNow(): Promise<void>
  /** Takes the conflicts that are shown as seen. */
  dismissConflicts(): Promise<void>

  /** Whether this device has a PIN for what only a supervisor does; the first one is set on a supervisor's device. */
  readonly hasPin: Observable<boolean>
  /** A new PIN in place of another needs that one, and the names are fetched anew under it. */
  setPin(pin: string, current?: string): Promise<Outcome<null>>
  checkPin(pin: string): Promise<boolean>
  /** Fetches the names where they are not here yet, and opens them for searching with no network. */
  unlockNames(pin: string, progress?: (done: number) => void): Promise<Outcome<{ names: number }>>
  lockNames(): void

  /** Whether a scan is under way or shown: an update of the app waits for its end. */
  readonly busy: Observable<boolean>
  /** Wipes everything from this device. What is still pending is lost, unless `force` is left out: then it is refused. */
  signOut(options?: { force: boolean }): Promise<Outcome<null>>
  dispose(): void
}

export type DeviceType = (typeof deviceTypes)[number]

export type AskedScan = {
  /** The text of a code, or the ticket that was found by a search. */
  what: { text: string } | { ticketId: TicketId }
  source: ScanSource
  people?: number
  direction?: 'entry' | 'exit'
  force?: { reason: string }
  /** The gate at which; without it the one that was chosen. */
  gateId?: GateId
}

/** What came of something that needs the network or a right. */
export type Outcome<T> = { ok: true; value: T } | { ok: false; failure: Failure }

export type Failure =
  | { code: 'no_network' }
  | { code: 'not_enrolled' }
  | { code: 'enrolment_unknown' }
  | { code: 'enrolment_used' }
  | { code: 'not_a_link' }
  | { code: 'rate_limited'; retryAfterMs: number }
  | { code: 'wrong_pin' }
  /** Too many wrong PINs. */
  | { code: 'locked'; until: number }
  | { code: 'supervisor_needed' }
  | { code: 'still_pending'; pending: number }
  /** Names are not kept any more. */
  | { code: 'event_over' }
  /** Anything else, in the server's words. */
  | { code: 'problem'; problem: string; message: string }

export type Found = {
  ticketId: TicketId
  name: string | null
  typeName: string
  status: TicketStatus
  shortCode: string
  email: string | null
  entries: number
  inside: number
}

export type WalkIn = {
  /** A UUID that the screen makes once a sale and keeps until it is answered; without it the engine makes one. */
  scanId?: ScanId
  type: TypeId
  people: number
  holder?: { name?: string; email?: string }
  payment: { method: 'cash' | 'card' | 'free'; amount?: number; currency?: string }
  admit: boolean
}

export type Sold = {
  ticket: ShownTicket & { shortCode: string; url: string }
  qr: { token: string; svg: string; png: string }
  admitted: boolean
}
