import type { EventId } from './ids.ts'
import { type Notice, noticePayload } from './webhooks.ts'

/** The notices that somebody should look at now. A ticket that was revoked is none: whoever did it knows. */
export const alertKinds = [
  'device.blocked',
  'device.duplicates',
  'device.silent',
  'device.clock_skew',
  'device.refusing',
  'gate.surge',
  'ticket.many_gates',
  'device.misused',
  'zone.nearly_full',
  'zone.full',
  'outbox.lagging',
  'webhook.disabled',
  'scan.conflict',
] as const satisfies Notice['kind'][]
export type AlertKind = (typeof alertKinds)[number]

/** An alert on the wire: its number, which rises, its kind, when it was, and what there is to know of it. */
export type WireAlert = { id: string; kind: AlertKind; at: string; [detail: string]: unknown }

/** Takes a notice with its number and time; gives the alert, or null where it is none. Nothing in it is personal. */
export function toWireAlert(eventId: EventId, no: number, notice: Notice, at: number): WireAlert | null {
  const kind = alertKinds.find((known) => known === notice.kind)
  if (kind === undefined) return null
  const { timestamp, data } = noticePayload(eventId, notice, at)
  const { eventId: _, ...details } = data
  return { id: String(no), kind, at: timestamp, ...details }
}
