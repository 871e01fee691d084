import { z } from 'zod'
import type { Recorded } from '../core/answers.ts'
import type { EventDetails, Gate, TicketType } from '../core/event.ts'
import { jurisdictionOf, jurisdictions, shardsOf } from '../core/event-address.ts'
import type { EventId } from '../core/ids.ts'
import { type Job, jobKinds, perSecond, type RowError } from '../core/job.ts'
import type { KeyRing } from '../core/key-ring.ts'
import type { ShiftLine } from '../core/report-answers.ts'
import { entryIdOf } from '../core/shards.ts'
import { webhookKinds } from '../core/webhooks.ts'
import { toWireEntry } from '../core/wire-entry.ts'
import type { DeviceFacts } from '../durable-objects/devices/device-facts.ts'
import type { Shift } from '../durable-objects/devices/shifts.ts'
import type { Staff } from '../durable-objects/event/configuration.ts'
import type { TicketFacts } from '../durable-objects/event-parts.ts'
import type { ZoneStanding } from '../durable-objects/scans/standings.ts'
import type { TicketDetails } from '../durable-objects/tickets/ticket-rows.ts'
import type { Delivery } from '../durable-objects/webhooks/deliveries.ts'
import type { Webhook } from '../durable-objects/webhooks/webhooks.ts'
import type { EntryRow } from './db/entries.ts'
import { sealLink } from './links.ts'

/*
 * Our things as the contract shows them: instants as ISO 8601 texts, nothing that clients need not see. Each function
 * stands beside the schema that describes what it gives.
 */

const instant = z.iso.datetime()
const nullable = { text: z.string().nullable(), count: z.int().nullable(), instant: instant.nullable() }

export const eventShape = z.object({
  id: z.string(),
  organisationId: z.string(),
  title: z.string(),
  startsAt: instant,
  endsAt: instant,
  timezone: z.string(),
  location: nullable.text,
  capacity: nullable.count,
  zones: z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      capacity: nullable.count,
      reentry: z.string(),
      everyoneOutAt: nullable.text,
    }),
  ),
  policy: z.object({
    offline: z.string(),
    aloneHours: z.int().describe('a device that heard nothing for so long lets nobody in alone any more'),
    full: z.string(),
    maxEntries: nullable.count,
    entriesPerDay: nullable.count,
    minMinutesBetween: z.number().nullable(),
    rotatingCodes: z.boolean(),
  }),
  limits: z.object({
    scansPerMinute: z.int(),
    scanBurst: z.int(),
    callsPerMinute: z.int(),
    syncsPerFiveMinutes: z.int(),
    reportsPerMinute: z.int(),
    invalidCodesPerFiveMinutes: z.int(),
    blockMinutes: z.int(),
    duplicatesPerFiveMinutes: z.int(),
  }),
  retention: z
    .object({ personDays: z.int(), deviceDays: z.int(), logDays: z.int() })
    .describe('days after the event that names, devices and the log are kept'),
  forgotten: z
    .object({ people: nullable.instant, devices: nullable.instant, log: nullable.instant })
    .describe('when each was taken away, because its time had come'),
  jurisdiction: z.enum(jurisdictions).nullable().describe('where the event is kept; null: anywhere'),
  shards: z.int().describe('among how many objects its tickets are divided'),
  rehearsalOf: nullable.text.describe('the event that this is a rehearsal of'),
  createdAt: instant,
  closedAt: nullable.instant,
})

export function showEvent(event: EventDetails): z.input<typeof eventShape> {
  return {
    ...event,
    startsAt: iso(event.startsAt),
    endsAt: iso(event.endsAt),
    createdAt: iso(event.createdAt),
    closedAt: isoOrNull(event.closedAt),
    jurisdiction: jurisdictionOf(event.id),
    shards: shardsOf(event.id),
    forgotten: {
      people: isoOrNull(event.forgotten.people),
      devices: isoOrNull(event.forgotten.devices),
      log: isoOrNull(event.forgotten.log),
    },
  }
}

export const eventItemShape = eventShape.omit({
  zones: true,
  policy: true,
  limits: true,
  retention: true,
  forgotten: true,
  jurisdiction: true,
  shards: true,
})

export const ticketTypeShape = z.object({
  id: z.string(),
  name: z.string(),
  admits: z.int(),
  validFrom: nullable.instant,
  validUntil: nullable.instant,
  zones: z.array(z.string()),
  capacity: nullable.count,
  price: z.object({ amount: z.int(), currency: nullable.text }).nullable(),
  requiresAttention: z.boolean(),
  note: nullable.text,
})

export function showTicketType({ number: _, ...type }: TicketType): z.input<typeof ticketTypeShape> {
  return { ...type, validFrom: isoOrNull(type.validFrom), validUntil: isoOrNull(type.validUntil) }
}

export const gateShape = z.object({
  id: z.string(),
  name: z.string(),
  kind: z.string(),
  zone: z.string(),
  accepts: z.array(z.string()).nullable(),
})

export function showGate(gate: Gate): z.input<typeof gateShape> {
  return gate
}

export const staffShape = z.object({ id: z.string(), name: z.string(), email: nullable.text, role: z.string() })

export function showStaff(staff: Staff): z.input<typeof staffShape> {
  return staff
}

export const issuedShape = z.object({
  id: z.string(),
  shortCode: z.string(),
  reference: nullable.text,
  type: z.string(),
  status: z.enum(['valid', 'unpaid', 'blocked', 'revoked']),
  holder: z.object({ name: nullable.text, email: nullable.text }),
  booking: z.object({ id: z.string(), name: nullable.text, email: nullable.text, quantity: nullable.count }).nullable(),
  admits: z.int(),
  validFrom: nullable.instant,
  validUntil: nullable.instant,
  note: nullable.text,
  requiresAttention: z.boolean(),
  url: z.string(),
  qr: z.object({ svg: z.string(), png: z.string() }),
})

export const ticketShape = issuedShape.extend({
  standings: z.array(
    z.object({
      zone: z.string(),
      entries: z.int(),
      exits: z.int(),
      inside: z.int(),
      firstAt: nullable.instant,
      lastAt: nullable.instant,
    }),
  ),
})

/** Links to a ticket are absolute on the origin that was asked. */
export type Linking = { origin: string; ring: KeyRing; eventId: TicketEvent }
type TicketEvent = Parameters<typeof sealLink>[1]['eventId']

export function showIssued(ticket: TicketDetails, linking: Linking): z.input<typeof issuedShape> {
  const { origin, ring, eventId } = linking
  const ref = sealLink(ring, { eventId, ticketId: ticket.id, link: ticket.link })
  return {
    id: ticket.id,
    shortCode: ticket.shortCode,
    reference: ticket.reference,
    type: ticket.type,
    status: ticket.status,
    holder: ticket.holder,
    booking: ticket.booking,
    admits: ticket.admits,
    validFrom: isoOrNull(ticket.validFrom),
    validUntil: isoOrNull(ticket.validUntil),
    note: ticket.note,
    requiresAttention: ticket.requiresAttention,
    url: `${origin}/t/${ref}`,
    qr: { svg: `${origin}/qr/${ref}.svg`, png: `${origin}/qr/${ref}.png` },
  }
}

export function showTicket({ ticket, standings }: TicketFacts, linking: Linking): z.input<typeof ticketShape> {
  return { ...showIssued(ticket, linking), standings: standings.map(showStanding) }
}

export const entryShape = z.object({
  id: z.string(),
  seq: z.int(),
  scanId: z.string(),
  ticketId: nullable.text,
  gateId: nullable.text,
  gateName: nullable.text,
  zone: z.string(),
  deviceId: nullable.text,
  staffId: nullable.text,
  direction: z.string(),
  verdict: z.string(),
  code: nullable.text,
  scannedAt: instant,
  receivedAt: instant,
  offline: z.boolean(),
  forced: z.boolean(),
  people: z.int(),
  duplicateAttemptNumber: nullable.count,
  validationTime: z.number(),
  annulledAt: nullable.instant,
})

export function showEntry({ entryId, entry, gateName, annulledAt }: Recorded): z.input<typeof entryShape> {
  return toWireEntry(entryId, entry, gateName, annulledAt)
}

/** What an entry that D1 has is called. */
export function idOfRow({ event, seq, scan }: Pick<EntryRow, 'event' | 'seq' | 'scan'>): string {
  return entryIdOf(event as EventId, { seq, scanId: scan as string })
}

/** The same of an entry as D1 has it. */
export function showEntryRow(row: EntryRow, gateNames: ReadonlyMap<string, string>): z.input<typeof entryShape> {
  const gateId = row.gate === '' ? null : row.gate
  return {
    id: idOfRow(row),
    seq: row.seq,
    scanId: row.scan as string,
    ticketId: row.ticket as string | null,
    gateId,
    gateName: gateId && (gateNames.get(gateId) ?? gateId),
    zone: row.zone,
    deviceId: row.device,
    staffId: row.staff,
    direction: row.direction,
    verdict: row.verdict,
    code: row.code,
    scannedAt: iso(row.scannedAt),
    receivedAt: iso(row.receivedAt),
    offline: row.offline === 1,
    forced: row.forced === 1,
    people: row.people,
    duplicateAttemptNumber: row.attempt,
    validationTime: row.validationMs,
    annulledAt: isoOrNull(row.annulledAt),
  }
}

export const deviceShape = z.object({
  id: z.string(),
  name: z.string(),
  type: z.string(),
  staffId: z.string(),
  staffName: z.string(),
  gateId: nullable.text,
  enrolledAt: instant,
  revokedAt: nullable.instant,
  blockedUntil: nullable.instant,
  /** Whether it listens now, and when it was last heard of. */
  connected: z.boolean(),
  lastSeenAt: nullable.instant,
  /** What it said of itself last; null where it never did. */
  pendingScans: nullable.count,
  clockSkewMs: z.number().nullable(),
  appVersion: nullable.text,
  readyOffline: z.boolean().nullable(),
  snapshotAt: nullable.instant,
  battery: z.number().nullable(),
})

export function showDevice(device: DeviceFacts): z.input<typeof deviceShape> {
  return {
    id: device.id,
    name: device.name,
    type: device.type,
    staffId: device.staff.id,
    staffName: device.staff.name,
    gateId: device.gateId,
    enrolledAt: iso(device.enrolledAt),
    revokedAt: isoOrNull(device.revokedAt),
    blockedUntil: isoOrNull(device.blockedUntil),
    connected: device.connected,
    lastSeenAt: isoOrNull(device.status.lastSeenAt),
    pendingScans: device.status.pending ?? null,
    clockSkewMs: device.status.clockSkewMs ?? null,
    appVersion: device.status.appVersion ?? null,
    readyOffline: device.status.readyOffline ?? null,
    snapshotAt: isoOrNull(device.status.snapshotAt ?? null),
    battery: device.status.battery ?? null,
  }
}

const zoneStandingShape = ticketShape.shape.standings.element

export const foundShape = z.object({
  ticketId: z.string(),
  name: nullable.text,
  type: z.string(),
  status: z.string(),
  shortCode: z.string(),
  standing: z.array(zoneStandingShape),
  email: nullable.text.optional(),
  booking: issuedShape.shape.booking.optional(),
})

/** A scanner is told whose ticket it is and no more: no address, no purchase. */
export function showFound({ ticket, standings }: TicketFacts, withContact: boolean): z.input<typeof foundShape> {
  return {
    ticketId: ticket.id,
    name: ticket.holder.name ?? ticket.booking?.name ?? null,
    type: ticket.type,
    status: ticket.status,
    shortCode: ticket.shortCode,
    standing: standings.map(showStanding),
    ...(withContact ? { email: ticket.holder.email ?? ticket.booking?.email ?? null, booking: ticket.booking } : {}),
  }
}

function showStanding({ zone, standing }: ZoneStanding): z.input<typeof zoneStandingShape> {
  return {
    zone,
    entries: standing.entries,
    exits: standing.exits,
    inside: standing.inside,
    firstAt: isoOrNull(standing.firstAt),
    lastAt: isoOrNull(standing.lastAt),
  }
}

export const shiftShape = z.object({
  id: z.string(),
  staffId: z.string(),
  deviceId: z.string(),
  startedAt: instant,
  endedAt: nullable.instant,
  scans: z.int(),
  admitted: z.int(),
}) satisfies z.ZodType<ShiftLine>

export function showShift(shift: Shift): z.input<typeof shiftShape> {
  return { ...shift, startedAt: iso(shift.startedAt), endedAt: isoOrNull(shift.endedAt) }
}

export const jobShape = z.object({
  id: z.string(),
  kind: z.enum(jobKinds),
  state: z.enum(['queued', 'running', 'done', 'failed']),
  total: z.int(),
  done: z.int(),
  failed: z.int(),
  errors: z.array(z.object({ row: z.int(), field: z.string(), message: z.string() })),
  outcome: z.record(z.string(), z.int()),
  createdAt: instant,
  startedAt: nullable.instant,
  finishedAt: nullable.instant,
  perSecond: z.number(),
})

/** A job, the first of what failed in it, and whatever its kind tells besides. */
export function showJob(job: Job, errors: RowError[], at: number): z.input<typeof jobShape> {
  const { id, kind, state, total, done, failed, outcome, about } = job
  return {
    ...about,
    id,
    kind,
    state,
    total,
    done,
    failed,
    errors,
    outcome,
    createdAt: iso(job.createdAt),
    startedAt: isoOrNull(job.startedAt),
    finishedAt: isoOrNull(job.finishedAt),
    perSecond: perSecond(job, at),
  }
}

/** A list and where it goes on. */
export const listOf = <T extends z.ZodType>(item: T) => z.object({ items: z.array(item), nextCursor: nullable.text })

/** Takes one row more than the page holds; gives the page and its cursor. */
export function page<T extends { id: string }>(rows: T[], limit: number): { items: T[]; nextCursor: string | null } {
  const items = rows.slice(0, limit)
  return { items, nextCursor: rows.length > limit ? (items.at(-1)?.id ?? null) : null }
}

/** An SVG that an `<img>` shows as it stands. */
export function svgDataUri(svg: string): string {
  return `data:image/svg+xml;base64,${btoa(svg)}`
}

export function iso(at: number): string {
  return new Date(at).toISOString()
}

export function isoOrNull(at: number | null): string | null {
  return at === null ? null : iso(at)
}

export const webhookShape = z.object({
  id: z.string(),
  url: z.string(),
  events: z.array(z.enum(webhookKinds)),
  state: z.enum(['active', 'failing', 'disabled']),
  failingSince: nullable.instant,
  disabledAt: nullable.instant,
  disabledBecause: z.enum(['failing', 'gone']).nullable(),
  lastSucceededAt: nullable.instant,
  previousSecretUntil: nullable.instant,
  pending: z.int(),
  behind: z.int(),
  failed: z.int(),
  createdAt: instant,
})

export function showWebhook({ no: _no, ...webhook }: Webhook) {
  const { succeededAt, oldSecretUntil, ...rest } = webhook
  return {
    ...rest,
    failingSince: isoOrNull(webhook.failingSince),
    disabledAt: isoOrNull(webhook.disabledAt),
    lastSucceededAt: isoOrNull(succeededAt),
    previousSecretUntil: isoOrNull(oldSecretUntil),
    createdAt: iso(webhook.createdAt),
  }
}

export const deliveryShape = z.object({
  id: z.string(),
  messageId: z.string(),
  type: z.enum(webhookKinds),
  ticketId: z.string().nullable(),
  entryId: z.string().nullable(),
  state: z.enum(['pending', 'delivered', 'failed']),
  attempts: z.int(),
  status: nullable.count,
  problem: nullable.text,
  createdAt: instant,
  lastAttemptAt: nullable.instant,
  nextAttemptAt: nullable.instant,
})

export function showDelivery(delivery: Delivery) {
  const { no, kind, madeAt, triedAt, dueAt, ...rest } = delivery
  return {
    id: String(no),
    type: kind,
    ...rest,
    createdAt: iso(madeAt),
    lastAttemptAt: isoOrNull(triedAt),
    nextAttemptAt: isoOrNull(dueAt),
  }
}
