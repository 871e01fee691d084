import { differences } from '../../core/audit.ts'
import type { WalkInRequest } from '../../core/device-messages.ts'
import type { Sold } from '../tickets/selling.ts'
import type { TicketDetails } from '../tickets/ticket-rows.ts'
import type { Webhook } from '../webhooks/webhooks.ts'
import type { Audit } from './audit.ts'

/*
 * What a line of the audit log says of a change: ids, and of what may be personal or secret only that it changed.
 */

export type Configured = 'event' | 'ticket_type' | 'gate' | 'staff'

/** What is told by its name alone. */
const unnamed: Record<Configured, readonly string[]> = {
  event: [],
  ticket_type: [],
  gate: [],
  staff: ['name', 'email'],
}

/** Something that an organiser says of the event. Said again as it was, it is no change. */
export function putChanges(audit: Audit, kind: Configured, id: string, was: object | undefined, is: object): void {
  const changes = differences(was, is, unnamed[kind]).filter(({ field }) => field !== 'id')
  if (changes.length === 0) audit.aboutNothing()
  else audit.about({ kind, id }, changes)
}

/** Ids rise with the time, so that the first and the last of them say which tickets they were. */
export function issuedChanges(audit: Audit, issued: { ticket: TicketDetails; created: boolean }[]): void {
  const ids = issued.filter(({ created }) => created).map(({ ticket }) => ticket.id)
  const [first, last] = [ids.toSorted()[0], ids.toSorted().at(-1)]
  if (first === undefined) {
    audit.aboutNothing()
    return
  }
  const types = new Set(issued.filter(({ created }) => created).map(({ ticket }) => ticket.type))
  const made = differences({}, { created: ids.length, types: [...types] })
  if (first === last) audit.about({ kind: 'ticket', id: first }, made)
  else audit.about(null, [...made, ...differences({}, { firstId: first, lastId: last })])
}

/** A reason is free text about somebody's ticket. */
export function ticketChanges(audit: Audit, was: TicketDetails, is: TicketDetails, hasReason: boolean): void {
  const told = ({ status, paid, issuedAt, link, blockedAt, revokedAt }: TicketDetails) => ({
    status,
    paid,
    issuedAt,
    link,
    blockedAt,
    revokedAt,
  })
  const changes = differences(told(was), told(is))
  if (changes.length === 0 && !hasReason) audit.aboutNothing()
  else audit.about({ kind: 'ticket', id: is.id }, [...changes, ...(hasReason ? [{ field: 'reason' }] : [])])
}

/** What was sold and for how much; to whom is the ticket's business. */
export function saleChanges(audit: Audit, { type, people, payment }: WalkInRequest, sold: Sold): void {
  const { method, amount = null, currency = null } = payment
  if (sold.kind === 'refused') audit.aboutNothing()
  else audit.about({ kind: 'ticket', id: sold.ticket.id }, differences({}, { type, people, method, amount, currency }))
}

/** Of the address only the host: the rest is often a secret. */
export function webhookChanges(audit: Audit, id: string, was: Webhook | null, is: Webhook): void {
  const told = ({ url, events }: Webhook) => ({ host: new URL(url).host, events })
  const changes = differences(was && told(was), told(is))
  audit.about({ kind: 'webhook', id }, was?.url === is.url || was === null ? changes : [...changes, { field: 'url' }])
}

/** Whose persons were told of or erased: ids alone. */
export function personChanges(audit: Audit, tickets: TicketDetails[]): void {
  if (tickets.length === 0) audit.aboutNothing()
  else audit.about(null, [{ field: 'ticketIds', after: tickets.map(({ id }) => id) }])
}
