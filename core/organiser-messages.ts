import { z } from 'zod'
import { alertKinds } from './alerts.ts'
import { auditKinds } from './audit.ts'
import { jurisdictions, MOST_SHARDS } from './event-address.ts'
import type { EventId, OrganisationId, TicketId } from './ids.ts'
import {
  deviceId,
  email,
  gateId,
  instant,
  name,
  note,
  people,
  staffId,
  typeId,
  uuid,
  zoneId,
} from './message-fields.ts'
import { defaultRetention } from './retention.ts'
import { refusalReasons } from './verdict.ts'
import { webhookKinds } from './webhooks.ts'

/*
 * What organisers send, as schemas: to set up organisations and events, to issue tickets, to read lists. Unknown fields
 * are dropped.
 */

const count = z.int().min(1).max(10_000_000)

const timezone = z.string().refine(isTimezone, 'must be an IANA time zone such as Europe/Berlin')

export const NewOrganisation = z.object({ name })

export const NewKey = z.object({
  name,
  role: z.enum(['organiser', 'supervisor', 'viewer']),
  expiresAt: instant.nullish(),
})
export type NewKey = z.output<typeof NewKey>

/** Somebody who may sign in through Cloudflare Access. */
export const NewMember = z.object({ email, role: z.enum(['organiser', 'supervisor', 'viewer']) })

/** Signing in: with a key, or by Cloudflare Access as a member of this organisation, or of the first one. */
export const SignIn = z.object({
  key: z.string().trim().min(1).max(500).nullish(),
  organisationId: uuid<OrganisationId>().nullish(),
})

const zone = z.object({
  id: zoneId,
  name,
  capacity: count.nullish(),
  reentry: z.enum(['none', 'after_exit', 'unlimited']).default('none'),
  /** When everybody is taken to have left, each day, in the event's time zone. */
  everyoneOutAt: z
    .string()
    .regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time of day such as 04:00')
    .nullish(),
})

const policy = z.object({
  offline: z.enum(['admit', 'strict', 'never']).optional(),
  aloneHours: z.int().min(1).max(8760).optional(),
  full: z.enum(['stop', 'warn']).optional(),
  maxEntries: count.nullish(),
  entriesPerDay: count.nullish(),
  minMinutesBetween: z.number().min(0).max(525_600).nullish(),
  rotatingCodes: z.boolean().optional(),
})

const atMost = z.int().min(1).max(1_000_000)

/** What one device may ask and get wrong; see `core/limits.ts`. */
const limits = z.object({
  scansPerMinute: atMost.optional(),
  scanBurst: atMost.optional(),
  callsPerMinute: atMost.optional(),
  syncsPerFiveMinutes: atMost.optional(),
  reportsPerMinute: atMost.optional(),
  invalidCodesPerFiveMinutes: atMost.optional(),
  blockMinutes: z.int().min(1).max(1440).optional(),
  duplicatesPerFiveMinutes: atMost.optional(),
})

/** Days after the event's end; see `core/retention.ts`. What is kept may be kept for less, and not for longer. */
const retention = z.object({
  personDays: z.int().min(1).max(defaultRetention.personDays).optional(),
  deviceDays: z.int().min(1).max(defaultRetention.deviceDays).optional(),
  logDays: z.int().min(1).max(defaultRetention.logDays).optional(),
})

const eventFields = {
  title: name,
  startsAt: instant,
  endsAt: instant,
  timezone,
  location: z.string().trim().max(300).nullish(),
  capacity: count.nullish(),
  zones: z
    .array(zone)
    .min(1)
    .max(50)
    .refine((zones) => new Set(zones.map(({ id }) => id)).size === zones.length, 'two zones have the same id')
    .optional(),
  policy: policy.optional(),
  limits: limits.optional(),
  retention: retention.optional(),
}

/** Where the venue is: Cloudflare's location hints. */
const locationHint = z.enum(['wnam', 'enam', 'sam', 'weur', 'eeur', 'apac', 'oc', 'afr', 'me'])

export const NewEvent = z
  .object({
    ...eventFields,
    locationHint: locationHint.optional(),
    /** Where the event is kept, for ever. */
    jurisdiction: z.enum(jurisdictions).nullish(),
    /** Among how many objects its tickets are divided, for ever; 1 is enough for any but the largest events. */
    shards: z.int().min(1).max(MOST_SHARDS).default(1),
    organisationId: z.string().optional(),
  })
  .refine(endsAfterItStarts, { path: ['endsAt'], message: 'must be after startsAt' })
  .refine(({ shards, policy }) => shards === 1 || policy?.offline !== 'strict', {
    path: ['shards'],
    message: 'must be 1 where the offline policy is strict: one object holds the leases',
  })
export type NewEvent = z.output<typeof NewEvent>

export const EventChanges = z
  .object(eventFields)
  .partial()
  .refine(endsAfterItStarts, { path: ['endsAt'], message: 'must be after startsAt' })
export type EventChanges = z.output<typeof EventChanges>

/** Money: minor units and an ISO 4217 code, never a float. */
const price = z.union([
  z
    .int()
    .min(0)
    .transform((amount) => ({ amount, currency: null })),
  z.object({
    amount: z.int().min(0),
    currency: z
      .string()
      .regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code')
      .nullable()
      .default(null),
  }),
])

export const TicketTypeBody = z.object({
  name,
  admits: people.default(1),
  validFrom: instant.nullish(),
  validUntil: instant.nullish(),
  zones: z.array(zoneId).min(1).max(50).optional(),
  capacity: count.nullish(),
  price: price.nullish(),
  requiresAttention: z.boolean().default(false),
  note: note.nullish(),
})
export type TicketTypeBody = z.output<typeof TicketTypeBody>

export const GateBody = z.object({
  name,
  kind: z.enum(['entry', 'exit', 'both', 'checkpoint']).default('entry'),
  zone: zoneId.optional(),
  accepts: z.array(typeId).max(1000).nullish(),
})
export type GateBody = z.output<typeof GateBody>

export const StaffBody = z.object({ name, email: email.nullish(), role: z.enum(['supervisor', 'scanner']) })
export type StaffBody = z.output<typeof StaffBody>

export const NewTicket = z.object({
  reference: z.string().trim().min(1).max(200).nullish(),
  type: typeId,
  holder: z.object({ name: name.nullish(), email: email.nullish() }).nullish(),
  booking: z
    .object({
      id: z.string().trim().min(1).max(200),
      name: name.nullish(),
      email: email.nullish(),
      quantity: count.nullish(),
    })
    .nullish(),
  admits: people.nullish(),
  validFrom: instant.nullish(),
  validUntil: instant.nullish(),
  paid: z.boolean().default(true),
  /** A barcode printed elsewhere. */
  code: z
    .string()
    .trim()
    .regex(/^[\x20-\x7e]{4,128}$/, 'must be 4 to 128 printable ASCII characters')
    .nullish(),
  note: note.nullish(),
  requiresAttention: z.boolean().default(false),
})
export type NewTicket = z.output<typeof NewTicket>

/** Which images are drawn beforehand. */
export const WarmBody = z.object({
  formats: z
    .array(z.enum(['svg', 'png']))
    .min(1)
    .max(2)
    .default(['svg']),
})

export const IssueRequest = z.object({ tickets: z.array(NewTicket).min(1).max(500) })

/** Tickets to rehearse with. Each has its code made at once, hence so few in one call. */
export const RehearsalTickets = z.object({ type: typeId, count: z.int().min(1).max(200) })

export const ReasonBody = z.object({ reason: note.nullish() })

export const ReissueBody = z.object({ reason: note.nullish(), newLink: z.boolean().default(false) })

/** A format of somebody else's codes, switched on with the secret that they are signed with. */
export const CodeFormatBody = z.object({
  secret: z.string().min(1).max(1024),
  secretEncoding: z.enum(['utf8', 'base64url']).default('utf8'),
  /** What the shop calls this event, beside our id. */
  externalEventId: z.string().min(1).max(200).nullish(),
  /** How long a code is good for after it was made. */
  maxAgeMs: z.int().min(1000).max(31_622_400_000).nullish(),
  /** Codes signed with the secret before stay good too. */
  keepPrevious: z.boolean().default(false),
})

export const NewEnrolment = z.object({
  staffId,
  gateId: gateId.nullish(),
  expiresInMs: z.int().min(1000).max(86_400_000).default(600_000),
})
export type NewEnrolment = z.output<typeof NewEnrolment>

/** What is asked of a list: `limit` items after `cursor`. */
export const Page = z.object({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  /** Where the page before said that the list goes on. */
  cursor: uuid().optional(),
})

/** Which conflicts: those that nobody has dealt with yet, unless others are asked for. */
export const ConflictFilter = Page.extend({
  cursor: z.coerce.number().int().min(1).optional(),
  state: z.enum(['open', 'handled', 'all']).default('open'),
})

export const HandleConflict = z.object({ note: note.nullish() })

/** Which events, and whether the one that was made last comes first. */
export const EventFilter = Page.extend({
  search: z.string().trim().max(100).optional(),
  order: z.enum(['oldest', 'newest']).default('oldest'),
})

const webhookSecret = z
  .string()
  .regex(
    /^whsec_(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/,
    'must be whsec_ and base64, after the Standard Webhooks specification',
  )
  .min(38, 'must hold at least 24 bytes')
  .max(94, 'must hold at most 64 bytes')

export const WebhookBody = z.object({
  url: z.string().trim().min(1).max(2000),
  events: z
    .array(z.enum(webhookKinds))
    .min(1)
    .max(100)
    .transform((events) => [...new Set(events)]),
  secret: webhookSecret.nullish(),
})
export type WebhookBody = z.output<typeof WebhookBody>

export const RotateSecret = z.object({ secret: webhookSecret.nullish() })

export const DeliveryFilter = z.object({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.coerce.number().int().min(1).optional(),
  state: z.enum(['pending', 'delivered', 'failed']).optional(),
})
export type DeliveryFilter = z.output<typeof DeliveryFilter>

export const AlertFilter = z.object({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.coerce.number().int().min(1).optional(),
  kind: z.enum(alertKinds).optional(),
})
export type AlertFilter = z.output<typeof AlertFilter>

/** A person, by their address; in a body, since addresses of calls are logged. `cursor`: where the answer before said to go on. */
export const Subject = z.object({ email, cursor: uuid<EventId>().optional() })

/** Lines of the audit log. `actor`: a key's, a device's or a member of staff's id, or `deployment`. */
export const AuditFilter = z.object({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.coerce.number().int().min(1).optional(),
  actor: z.string().max(64).optional(),
  kind: z.enum(auditKinds).optional(),
  subject: z.string().max(200).optional(),
  from: instant.optional(),
  to: instant.optional(),
})
export type AuditFilter = z.output<typeof AuditFilter>

/** Tickets. With `gate`, `from` or `to`: those with a scan there, from `from` to before `to`, whatever its verdict. */
export const TicketFilter = Page.extend({
  search: z.string().trim().max(200).optional(),
  status: z.enum(['valid', 'unpaid', 'blocked', 'revoked']).optional(),
  type: typeId.optional(),
  gate: gateId.optional(),
  from: instant.optional(),
  to: instant.optional(),
})
export type TicketFilter = z.output<typeof TicketFilter>

/** Entries of the log, the newest first. */
export const EntryFilter = z.object({
  limit: Page.shape.limit,
  cursor: z
    .string()
    .regex(/^\d{1,16}\.\d{1,9}\.\d{1,15}$/, 'must be one that this list gave')
    .optional(),
  gate: gateId.optional(),
  staff: staffId.optional(),
  device: deviceId.optional(),
  type: typeId.optional(),
  verdict: z.enum(['admitted', 'exited', 'visited', 'refused', 'annulled', 'everyone_out']).optional(),
  code: z.enum(refusalReasons).optional(),
  ticket: uuid<TicketId>().optional(),
  from: instant.optional(),
  to: instant.optional(),
})
export type EntryFilter = z.output<typeof EntryFilter>

/** Duplicates, in pages that can be counted. */
export const DuplicatePage = z.object({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  page: z.coerce.number().int().min(1).max(100_000).default(1),
  gateId: z.string().max(64).optional(),
})
export type DuplicatePage = z.output<typeof DuplicatePage>

/** Says no only where both are instants: what is not one has its own issue. */
function endsAfterItStarts(event: { startsAt?: number | undefined; endsAt?: number | undefined }): boolean {
  const { startsAt, endsAt } = event
  return !(typeof startsAt === 'number' && typeof endsAt === 'number' && startsAt >= endsAt)
}

function isTimezone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }) !== null
  } catch {
    // A RangeError is how Intl says that it knows no such zone.
    return false
  }
}
