import { defaultPolicy, type EventDetails, MAIN_ZONE } from '../../core/event.ts'
import type { EventId, JobId, OrganisationId, StaffId, TicketId, TypeId, ZoneId } from '../../core/ids.ts'
import { defaultRetention, nothingForgotten } from '../../core/retention.ts'
import { everybody } from '../../durable-objects/actor.ts'
import type { Gatekeeper } from '../../durable-objects/gatekeeper.ts'
import { must } from './must.ts'
import { GROUP_OF, group, LOUNGE, type Scenario, single, zoneOfGate } from './scenario.ts'
import { type Sealed, typeNumbers } from './ticket-office.ts'

/*
 * The event whose evening it is: all that an organiser makes before the doors open, and the import that goes on meanwhile.
 */

export const STARTS_AT = Date.UTC(2026, 5, 1, 18)
export const scanner = 'sam' as StaffId
export const supervisor = 'sue' as StaffId

const importId = '0198c0de-0000-7000-b000-000000000001' as JobId
const IMPORT_CHUNK = 10
const ISSUED_AT_ONCE = 500

/** An event's id says among how many objects it is divided. */
export function eventIdFor(shards: number): EventId {
  const digits = shards === 1 ? '7000' : `88${(shards - 1).toString(16)}0`
  return `0198c0de-0000-${digits}-8000-0000000000ee` as EventId
}

/** The event as the scenario wants it. No limit is ever met: limits are tried elsewhere. */
export function eventOf(id: EventId, { policy, reentry, capacity, loungeGates }: Scenario): EventDetails {
  const zone = { id: MAIN_ZONE, name: 'Main', capacity, reentry, everyoneOutAt: null }
  const lounge = { ...zone, id: LOUNGE, name: 'Lounge', capacity: null }
  return {
    id,
    organisationId: '0198c0de-0000-7000-8000-0000000000aa' as OrganisationId,
    title: 'The simulated one',
    startsAt: STARTS_AT,
    endsAt: STARTS_AT + 86_400_000,
    timezone: 'UTC',
    location: null,
    capacity: null,
    zones: loungeGates.length === 0 ? [zone] : [zone, lounge],
    policy: { ...defaultPolicy, offline: policy },
    limits: {
      scansPerMinute: 1_000_000,
      scanBurst: 1_000_000,
      callsPerMinute: 1_000_000,
      syncsPerFiveMinutes: 1_000_000,
      reportsPerMinute: 1_000_000,
      invalidCodesPerFiveMinutes: 1_000_000,
      blockMinutes: 1,
      duplicatesPerFiveMinutes: 1_000_000,
    },
    rehearsalOf: null,
    retention: defaultRetention,
    forgotten: nothingForgotten,
    createdAt: STARTS_AT,
    closedAt: null,
  }
}

/** Makes the event with its ticket types, staff and gates, and issues its tickets. */
export function makeEvent(gatekeeper: Gatekeeper, event: EventDetails, scenario: Scenario, tickets: Sealed[]): void {
  must(gatekeeper.create(event))
  const zones = event.zones.map(({ id }) => id)
  makeTicketType(gatekeeper, single, 1, zones)
  makeTicketType(gatekeeper, group, GROUP_OF, zones)
  must(gatekeeper.putStaff(everybody, scanner, { name: 'Sam', role: 'scanner' }))
  must(gatekeeper.putStaff(everybody, supervisor, { name: 'Sue', role: 'supervisor' }))
  for (const id of [...scenario.mainGates, ...scenario.loungeGates]) {
    must(gatekeeper.putGate(everybody, id, { name: id, kind: 'entry', zone: zoneOfGate(scenario, id) }))
  }
  for (let i = 0; i < tickets.length; i += ISSUED_AT_ONCE) {
    const wanted = tickets.slice(i, i + ISSUED_AT_ONCE).map(({ id, admits }) => ({
      id,
      ticket: { type: admits === 1 ? single : group, paid: true, requiresAttention: false },
    }))
    must(gatekeeper.issue(everybody, wanted, STARTS_AT - 3_600_000))
  }
}

function makeTicketType(gatekeeper: Gatekeeper, type: TypeId, admits: number, zones: ZoneId[]): void {
  const made = must(gatekeeper.putTicketType(everybody, type, { name: type, admits, zones, requiresAttention: false }))
  if (made.number !== typeNumbers[type]) throw new Error(`the type ${type} has the number ${made.number}`)
}

/** A file of tickets is imported while people come: a job, whose messages come once, more often or never. */
export function importTickets(gatekeeper: Gatekeeper, rows: number, at: number): void {
  must(gatekeeper.openJob(everybody, { id: importId, kind: 'import', outcome: {}, about: {} }, at))
  const settled = { done: 0, failed: 0, outcome: {}, errors: [] }
  const chunks = Array.from({ length: rows / IMPORT_CHUNK }, (_, chunk) => ({
    items: IMPORT_CHUNK,
    payload: Array.from({ length: IMPORT_CHUNK }, (_, i) => {
      const row = chunk * IMPORT_CHUNK + i
      const ticketId = `0198c0de-0000-7000-a000-${String(row).padStart(12, '0')}` as TicketId
      return {
        row,
        id: ticketId,
        ticket: { type: single, paid: true, requiresAttention: false, reference: `R${row}` },
      }
    }),
  }))
  must(gatekeeper.addToJob(everybody, importId, 0, { chunks, settled }, at))
  void gatekeeper.queueJob(everybody, importId, {}, at)
}

/** How far the import is. */
export function importOf(gatekeeper: Gatekeeper) {
  return must(gatekeeper.job(everybody, importId))
}
