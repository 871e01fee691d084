import type { EventId, GateId, OrganisationId, TicketId, TypeId, ZoneId } from './ids.ts'
import type { Limits } from './limits.ts'
import type { Forgotten, Retention } from './retention.ts'

/** The occasion. `Event` is the DOM's word, hence the name. Instants are milliseconds since 1970. */
export type EventDetails = {
  id: EventId
  organisationId: OrganisationId
  title: string
  startsAt: number
  endsAt: number
  /** IANA name: what "a day" means here. */
  timezone: string
  location: string | null
  capacity: number | null
  zones: Zone[]
  policy: Policy
  limits: Limits
  /** The event that this one is a rehearsal of; null for an event that is meant. */
  rehearsalOf: EventId | null
  /** How long what is kept, and what was forgotten already. */
  retention: Retention
  forgotten: Forgotten
  createdAt: number
  closedAt: number | null
}

/** A place whose entries are counted on their own. */
export type Zone = {
  id: ZoneId
  name: string
  capacity: number | null
  reentry: Reentry
  /** "HH:MM" in the event's time zone: everybody is taken to have left by then, each day. */
  everyoneOutAt: string | null
}

/** Where an event is a single zone without a capacity of its own, the event's is meant. */
export function withCapacity(zone: Zone, event: Pick<EventDetails, 'zones' | 'capacity'>): Zone {
  return zone.capacity === null && event.zones.length === 1 ? { ...zone, capacity: event.capacity } : zone
}

/** Whether one who was in may come in again: never, once they went out, or always. */
export type Reentry = 'none' | 'after_exit' | 'unlimited'

export const MAIN_ZONE = 'main' as ZoneId

export type Policy = {
  /** What a device does with no network; see docs/offline.md. */
  offline: 'admit' | 'strict' | 'never'
  /** A device that has heard nothing of the Gatekeeper for so long lets nobody in alone any more. */
  aloneHours: number
  /** At a zone's capacity: refuse, or admit and alert. */
  full: 'stop' | 'warn'
  maxEntries: number | null
  entriesPerDay: number | null
  minMinutesBetween: number | null
  rotatingCodes: boolean
}

export const defaultPolicy: Policy = {
  offline: 'admit',
  // A festival of several days in a valley without a network goes on.
  aloneHours: 168,
  full: 'stop',
  maxEntries: null,
  entriesPerDay: null,
  minMinutesBetween: null,
  rotatingCodes: false,
}

/** What is sold. `number` is its place in the event, which stands in the token. */
export type TicketType = {
  id: TypeId
  number: number
  name: string
  admits: number
  validFrom: number | null
  validUntil: number | null
  zones: ZoneId[]
  capacity: number | null
  /** Minor units of an ISO 4217 currency. */
  price: { amount: number; currency: string | null } | null
  requiresAttention: boolean
  note: string | null
}

/** One right to enter, for `admits` people. The person is not in here. */
export type Ticket = {
  id: TicketId
  type: TypeId
  admits: number
  /** Seconds since 1970. A token with an older date was superseded by a reissue. */
  issuedAt: number
  /** Milliseconds, always whole seconds, since the token holds them so. */
  validFrom: number | null
  validUntil: number | null
  paid: boolean
  blockedAt: number | null
  revokedAt: number | null
  /** Why it was revoked, in the organiser's words. */
  reason: string | null
  note: string | null
  requiresAttention: boolean
}

export type TicketStatus = 'valid' | 'unpaid' | 'blocked' | 'revoked'

/** Takes a ticket; gives its status, the gravest first. */
export function statusOf(ticket: Pick<Ticket, 'revokedAt' | 'blockedAt' | 'paid'>): TicketStatus {
  if (ticket.revokedAt !== null) return 'revoked'
  if (ticket.blockedAt !== null) return 'blocked'
  return ticket.paid ? 'valid' : 'unpaid'
}

/** A named way into or out of a zone. `accepts` null: every ticket type. */
export type Gate = { id: GateId; name: string; kind: GateKind; zone: ZoneId; accepts: TypeId[] | null }

export type GateKind = 'entry' | 'exit' | 'both' | 'checkpoint'
