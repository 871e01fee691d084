import type { EventId, GateId, TicketId, ZoneId } from './ids.ts'
import type { Entry } from './log.ts'
import { entryIdOf } from './shards.ts'

/** What an organiser's own systems can be told of. */
export const webhookKinds = [
  'ticket.admitted',
  'ticket.refused',
  'ticket.exited',
  'ticket.revoked',
  'scan.conflict',
  'device.blocked',
  'device.duplicates',
  'device.silent',
  'device.clock_skew',
  'device.refusing',
  'gate.surge',
  'ticket.many_gates',
  'zone.nearly_full',
  'zone.full',
  'outbox.lagging',
] as const
export type WebhookKind = (typeof webhookKinds)[number]

/** What the body of a delivery holds. `timestamp` is when it happened, not when it was sent. */
export type WebhookPayload = { type: string; timestamp: string; data: Record<string, unknown> }

/**
 * Something beside the log that is worth telling. Ids, words of the organiser's and numbers only: whatever stands in
 * here leaves the house as it is.
 */
export type Notice =
  | { kind: 'ticket.revoked'; ticketId: TicketId; reference: string | null; type: string }
  | { kind: 'scan.conflict'; ticketId: TicketId | null; details: Record<string, string | number | boolean | null> }
  | { kind: 'device.blocked'; deviceId: string; blockedUntil: number; because: string }
  /** More people than usual are shown twice at one device: shown to the organiser. */
  | { kind: 'device.duplicates'; deviceId: string; count: number }
  | { kind: 'zone.full'; zone: ZoneId; capacity: number; inside: number }
  | { kind: 'zone.nearly_full'; zone: ZoneId; capacity: number; inside: number }
  /** Nothing was heard of these, though they were at work; `deviceId` is the first of them. */
  | { kind: 'device.silent'; deviceId: string; deviceIds: string[]; lastSeenAt: number; pending: number }
  | { kind: 'device.clock_skew'; deviceId: string; skewMs: number }
  /** It refuses a far larger share of its scans than the other devices of its zone; shares are from 0 to 1. */
  | {
      kind: 'device.refusing'
      deviceId: string
      scans: number
      refused: number
      share: number
      usual: number
      limit: number
    }
  /** Far more scans in a minute than the gate usually has in one. */
  | { kind: 'gate.surge'; gateId: GateId; scans: number; usual: number; spread: number; limit: number }
  /** One ticket shown at more gates than its holder can be at. */
  | { kind: 'ticket.many_gates'; ticketId: TicketId; gateIds: GateId[]; scans: number }
  /** Somebody has a token of this device, and is not it. */
  | { kind: 'device.misused'; deviceId: string; because: Misuse }
  /** D1 has not taken the log for a while. Entry does not depend on it; reports do. */
  | { kind: 'outbox.lagging'; pending: number; since: number }
  /** Not delivered, since nobody answers there: shown to the organiser. */
  | { kind: 'webhook.disabled'; webhook: string; because: 'failing' | 'gone' }

/**
 * How a token of a device was misused: by a request without its key's signature, with one that is not its own, or with one
 * that was sent before; or by its device token of before, with which the device is taken out.
 */
export type Misuse = 'unsigned' | 'forged' | 'repeated' | 'token_reused'

/** Takes an entry of the log; gives as what it is told, or null where nobody is told of it. */
export function kindOfEntry({ verdict }: Entry): WebhookKind | null {
  switch (verdict.kind) {
    case 'admitted':
      return 'ticket.admitted'
    case 'exited':
      return 'ticket.exited'
    case 'refused':
      return 'ticket.refused'
    case 'visited':
    case 'annulled':
    case 'everyone_out':
      return null
  }
}

/** Takes an entry and what the event calls its ticket and gate; gives what is told of it. Nothing in it is personal. */
export function entryPayload(
  eventId: EventId,
  type: WebhookKind,
  entry: Entry,
  names: { reference: string | null; gateName: string | null },
): WebhookPayload {
  const { verdict } = entry
  const refusal = verdict.kind === 'refused' ? verdict.refusal : null
  return {
    type,
    timestamp: iso(entry.scannedAt),
    data: {
      eventId,
      entryId: entryIdOf(eventId, entry),
      scanId: entry.scanId,
      ticketId: entry.ticketId,
      reference: names.reference,
      ticketType: entry.type,
      gateId: entry.gateId satisfies GateId | null,
      gateName: names.gateName,
      zone: entry.zone,
      deviceId: entry.deviceId,
      direction: entry.direction,
      verdict: verdict.kind,
      code: refusal?.reason ?? null,
      duplicateAttemptNumber: refusal?.reason === 'already_admitted' ? refusal.attempt : null,
      people: entry.people,
      forced: verdict.kind === 'admitted' && verdict.forced !== null,
      offline: entry.offline !== null,
      scannedAt: iso(entry.scannedAt),
      receivedAt: iso(entry.receivedAt),
    },
  }
}

/** Takes a notice and when it was; gives what is told of it. */
export function noticePayload(eventId: EventId, notice: Notice, at: number): WebhookPayload {
  return { type: notice.kind, timestamp: iso(at), data: { eventId, ...noticeData(notice, at) } }
}

function noticeData(notice: Notice, at: number): Record<string, unknown> {
  switch (notice.kind) {
    case 'ticket.revoked':
      return {
        ticketId: notice.ticketId,
        reference: notice.reference,
        ticketType: notice.type,
        revokedAt: iso(at),
      }
    case 'scan.conflict':
      return { ticketId: notice.ticketId, ...notice.details }
    case 'device.blocked':
      return { deviceId: notice.deviceId, blockedUntil: iso(notice.blockedUntil), because: notice.because }
    case 'device.duplicates':
      return { deviceId: notice.deviceId, count: notice.count }
    case 'zone.full':
    case 'zone.nearly_full':
      return { zone: notice.zone, capacity: notice.capacity, inside: notice.inside }
    case 'device.silent': {
      const { deviceId, deviceIds, lastSeenAt, pending } = notice
      return { deviceId, deviceIds, lastSeenAt: iso(lastSeenAt), pending }
    }
    case 'device.clock_skew':
      return { deviceId: notice.deviceId, skewMs: notice.skewMs }
    case 'device.refusing':
    case 'gate.surge':
    case 'ticket.many_gates': {
      const { kind: _, ...details } = notice
      return details
    }
    case 'device.misused':
      return { deviceId: notice.deviceId, because: notice.because }
    case 'outbox.lagging':
      return { pending: notice.pending, since: iso(notice.since) }
    case 'webhook.disabled':
      return { webhook: notice.webhook, because: notice.because }
  }
}

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/** How long after a failed attempt the next one comes: eleven attempts in 72 hours. */
export const RETRY_AFTER_MS: readonly number[] = [
  5 * SECOND,
  MINUTE,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  20 * HOUR + 24 * MINUTE,
]

/** An endpoint that has answered nothing but failures for so long is sent no more. */
export const GIVE_UP_AFTER_MS: number = 72 * HOUR

/** While an endpoint fails, one delivery at a time finds out whether it is back, this often at least. */
const PROBE_EVERY_MS = 5 * MINUTE

/**
 * Takes how often a delivery failed by now, the wait that the receiver asked for and a random number from 0 to 1; gives
 * how long to wait, or null when there have been attempts enough. A tenth more or less keeps the failures of one
 * moment from coming back in one moment.
 */
export function retryDelayMs(failures: number, askedMs: number | null, random: number): number | null {
  const planned = RETRY_AFTER_MS[failures - 1]
  if (planned === undefined) return null
  return Math.round(Math.max(planned * (0.9 + 0.2 * random), Math.min(askedMs ?? 0, HOUR)))
}

/** Takes how many attempts in a row an endpoint failed; gives how long it is left alone. */
export function holdMs(failures: number): number {
  return Math.min(RETRY_AFTER_MS[failures - 1] ?? PROBE_EVERY_MS, PROBE_EVERY_MS)
}

function iso(at: number): string {
  return new Date(at).toISOString()
}
