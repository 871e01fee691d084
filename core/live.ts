import { z } from 'zod'
import type { WireAlert } from './alerts.ts'
import type { DeviceId, GateId, ScanId, TicketId, ZoneId } from './ids.ts'
import type { Lease } from './lease.ts'
import type { WireLiveStats } from './live-stats.ts'
import type { KnownStanding, KnownState, KnownStatus } from './snapshot.ts'
import type { WireEntry } from './wire-entry.ts'

/*
 * What goes over the live socket, one JSON text a message. Instants are ISO 8601 texts, as everywhere on the wire.
 */

/** What a client may ask to hear of. */
export const topics = ['stats', 'scans', 'standings', 'revocations', 'alerts'] as const
export type Topic = (typeof topics)[number]

/** What is told to whoever does not say: a device what it needs to judge alone, others what the doors look like. */
export const deviceTopics = ['standings', 'revocations', 'alerts'] as const satisfies Topic[]
export const watchingTopics = ['stats', 'scans', 'alerts'] as const satisfies Topic[]

/** From the Gatekeeper to a client. */
export type ServerMessage =
  /**
   * The first message. `cursor` is the event's own; what was missed since the client's own cursor follows. `lane`: scans
   * may be sent over this socket.
   */
  | { type: 'hello'; cursor: string; serverTime: string; lane: boolean }
  /** What the doors look like: at once, and then when it is another. */
  | { type: 'stats'; data: WireLiveStats; at: string }
  /**
   * What was written to the log, in order. `missed`: so many before them are left out, being too many; they are in the
   * list of entries. After it the client knows the log up to `cursor`.
   */
  | { type: 'scans'; items: WireEntry[]; missed: number; cursor: string }
  /** The last message of a batch: after it the client knows everything up to `cursor`, revocations included. */
  | { type: 'standings'; items: WireStanding[]; cursor: string }
  | { type: 'revocations'; items: WireState[]; cursor: string }
  | { type: 'conflict'; conflict: WireConflict }
  | { type: 'alert'; alert: WireAlert }
  /** What the client judges by has changed, or more was missed than fits here: get the snapshot's difference. */
  | { type: 'config'; revision: number }
  /** Write these tickets down as never to be admitted alone, durably, then answer `recalled`. */
  | { type: 'recall'; recallId: string; ticketIds: TicketId[] }
  /** The client's lease as it is now; null where it has none. */
  | { type: 'lease'; lease: Lease | null }
  /** The answer to the scan that was sent with this `id`: status and body are those that HTTP has for it. */
  | { type: 'answer'; id: string; status: number; body: unknown }
  /** The last message before the socket is closed: `device_revoked`, `unauthenticated`, `event_gone`, `too_many`,
   * `bad_message`. */
  | { type: 'bye'; code: string }

export type WireStanding = Omit<KnownStanding, 'firstAt' | 'lastAt'> & { firstAt: string | null; lastAt: string | null }

export type WireState = { ticketId: TicketId; at: string; status: KnownStatus; validSince: number }

/**
 * A scan that was shown otherwise than the Gatekeeper judges it, now that it knows all. `with` is the admission that it
 * collides with. `settled`: it was a conflict and, with what became known since, is none.
 */
export type WireConflict = {
  ticketId: TicketId | null
  scanId: ScanId
  zone: ZoneId | null
  gateId: GateId | null
  deviceId: DeviceId | null
  scannedAt: string
  /** `admitted`, `visited`, or why it was refused. */
  shown: string
  judged: string
  with: { scanId: ScanId; deviceId: DeviceId | null; gateId: GateId | null; scannedAt: string } | null
  settled: boolean
}

const instant = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text))
const generation = z.int().min(1)

/** As long as `writeCursor` makes one of sixteen shards whose logs have millions of entries. */
const MOST_OF_A_CURSOR = 300

/** How a device is doing. Sent when it changes, and each 30 s. */
const DeviceStatus = z.object({
  type: z.literal('status'),
  /** Scans that are not answered yet. */
  pending: z.int().min(0).max(1_000_000),
  snapshotCursor: z.string().max(MOST_OF_A_CURSOR).nullish(),
  snapshotAt: instant.nullish(),
  appVersion: z.string().max(40).nullish(),
  /** Shell, decoder, keys and snapshot are all on the device. */
  readyOffline: z.boolean().default(false),
  /** By how much the device's wall clock is ahead of the server's. */
  clockSkewMs: z.number().min(-1e12).max(1e12).nullish(),
  battery: z.number().min(0).max(1).nullish(),
})
export type DeviceStatus = z.output<typeof DeviceStatus>

/** From a client to the Gatekeeper. Beside these a client sends the bare text `ping`, and is answered `pong`. */
export const ClientMessage = z.discriminatedUnion('type', [
  DeviceStatus,
  /**
   * The tickets of a recall are written down as gone. A device may say so only while none of its own scans of them is
   * unanswered by the server: those are synced first.
   */
  z.object({ type: z.literal('recalled'), recallId: z.string().max(64) }),
  /** The offered lease is written down. It may be used once `lease` says `held` and its cursor is covered. */
  z.object({ type: z.literal('lease_taken'), generation }),
  /** Nothing is pending, and nobody will be admitted alone under this lease any more. */
  z.object({ type: z.literal('lease_returned'), generation }),
  /**
   * A scan: what else is the body of `validate-qr`, parsed by itself so that a bad one is answered like there. `id` is
   * the client's own word for this asking. Answers come in the order of the scans.
   */
  z.object({ type: z.literal('scan'), id: z.string().min(1).max(64), scan: z.unknown() }),
])
export type ClientMessage = z.output<typeof ClientMessage>
/** What a client writes, before it is parsed. */
export type ClientMessageInput = z.input<typeof ClientMessage>

/** What a client asks for with a socket, in the query. `told`: up to where it was told of conflicts, as a cursor. */
export const LiveQuery = z.object({
  topics: z.string().max(200).optional(),
  since: z.string().max(MOST_OF_A_CURSOR).optional(),
  told: z.string().max(MOST_OF_A_CURSOR).optional(),
  ticket: z.string().max(2000).optional(),
})

/** A client that sent nothing for this long, not even `ping`, is taken to be away. */
export const SILENT_AFTER_MS = 6000

export const PING_EVERY_MS = 2000

export function toWireStanding(known: KnownStanding): WireStanding {
  return { ...known, firstAt: isoOrNull(known.firstAt), lastAt: isoOrNull(known.lastAt) }
}

export function fromWireStanding(wire: WireStanding): KnownStanding {
  return { ...wire, firstAt: msOrNull(wire.firstAt), lastAt: msOrNull(wire.lastAt) }
}

export function toWireState(known: KnownState): WireState {
  return { ...known, at: new Date(known.at).toISOString() }
}

export function fromWireState(wire: WireState): KnownState {
  return { ...wire, at: Date.parse(wire.at) }
}

function isoOrNull(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString()
}

function msOrNull(text: string | null): number | null {
  return text === null ? null : Date.parse(text)
}
