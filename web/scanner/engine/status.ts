import type { Policy } from '../../../core/event.ts'
import type { DeviceId, EventId, GateId, ScanId, StaffId, TicketId, TypeId, ZoneId } from '../../../core/ids.ts'
import type { RefusalReason } from '../../../core/verdict.ts'

/** Everything about this device that a screen shows. Instants are milliseconds since 1970. */
export type Status = {
  enrolment: Enrolment | null
  /** Why the device signed itself out, if it did: shown once, where one enrols. */
  signedOutBecause: 'device_revoked' | null
  gate: GateChoice | null
  gates: GateChoice[]
  ticketTypes: TypeChoice[]
  policy: Policy | null
  /** `live`: the socket is open, and the snapshot less than a second old. `online`: calls are answered. */
  connection: 'live' | 'online' | 'offline'
  /** The server's time that the snapshot is from. While live, it is now. */
  snapshotAt: number | null
  /** Until when this device may decide alone, if the network went now. */
  aloneUntil: number | null
  /** Scans on this device that the Gatekeeper has not answered yet, and since when the oldest of them waits. */
  pending: number
  pendingSince: number | null
  syncing: boolean
  /** Scans that the server will not take, whatever is tried. A person has to look at them. */
  setAside: SetAside[]
  readyOffline: ReadyOffline
  /** The newest first. */
  conflicts: ShownConflict[]
  clock: ClockState
  /** Until then the Gatekeeper takes no scan from this device. */
  blockedUntil: number | null
  /** Under the `strict` policy: whether this device may admit its gate's share alone. */
  lease: 'none' | 'held' | 'ending'
  /** A supervisor unlocked the names for searching without a network. */
  names: 'none' | 'locked' | 'unlocked'
  shift: { id: string; startedAt: number; scans: number; admitted: number } | null
}

export type Enrolment = {
  event: { id: EventId; title: string; timezone: string; startsAt: number; endsAt: number }
  staff: { id: StaffId; name: string; role: 'supervisor' | 'scanner' }
  device: { id: DeviceId; name: string }
}

export type GateChoice = {
  id: GateId
  name: string
  kind: 'entry' | 'exit' | 'both' | 'checkpoint'
  zone: ZoneId
}

export type TypeChoice = {
  id: TypeId
  name: string
  admits: number
  price: { amount: number; currency: string | null } | null
}

/** What must be there before the network may go. `all` only when each of them is. */
export type ReadyOffline = {
  shell: boolean
  wasm: boolean
  keys: boolean
  snapshot: boolean
  /** The browser promised not to clear what is stored; where it did not, it may still keep it. */
  persisted: boolean
  all: boolean
}

export type ClockState = {
  /** How far this device's own clock is ahead of the server's. null: not measured yet. */
  skewMs: number | null
  /** `wall`: not measured since the start of the app; scans made alone are marked so. */
  source: 'server' | 'wall'
}

/** A scan on which the Gatekeeper judged otherwise than a device that was alone. */
export type ShownConflict = {
  scanId: ScanId | null
  ticketId: TicketId | null
  /** What the gate did, and what the Gatekeeper would have. */
  shown: ConflictVerdict
  judged: ConflictVerdict
  scannedAt: number
  gateId: GateId | null
  gateName: string | null
  deviceId: DeviceId | null
  /** This device let them in; otherwise it is told as the other one. */
  here: boolean
  with: { scanId: ScanId; deviceId: DeviceId | null; gateId: GateId | null; scannedAt: number } | null
}

export type ConflictVerdict =
  | { kind: 'admitted' | 'exited' | 'visited' }
  | { kind: 'refused'; reason: RefusalReason | 'no_network' | null }

export type SetAside = { scanId: ScanId; gateName: string; at: number; code: string; message: string }
