import { badRequest, type Issue, ok, type Result } from '../core/answers.ts'
import { type EventDetails, type Gate, MAIN_ZONE, type TicketType } from '../core/event.ts'
import { shardsOf } from '../core/event-address.ts'
import { changedEvent } from '../core/event-form.ts'
import type { GateId, StaffId, TypeId } from '../core/ids.ts'
import type { EventChanges, GateBody, NewEnrolment, StaffBody, TicketTypeBody } from '../core/messages.ts'
import type { Configuration, Staff } from './configuration.ts'
import type { Devices } from './devices.ts'

/*
 * What an organiser says of an event, checked against what is said already. Each names every field that does not fit,
 * and then changes nothing.
 */

export function changeEvent(configuration: Configuration, changes: EventChanges): Result<EventDetails> {
  const event = changedEvent(configuration.event, changes)
  if (event.startsAt >= event.endsAt) return badRequest({ field: 'endsAt', message: 'must be after startsAt' })
  const astray = configuration.gates.all().find((gate) => !event.zones.some((zone) => zone.id === gate.zone))
  if (event.policy.offline === 'strict' && shardsOf(event.id) > 1) {
    return badRequest({ field: 'policy.offline', message: 'cannot be strict where the event is divided among objects' })
  }
  if (astray) return badRequest({ field: 'zones', message: `gate "${astray.id}" leads to zone "${astray.zone}"` })
  configuration.setEvent(event)
  return ok(event)
}

/** An event is closed once: closing it again changes nothing. */
export function closeEvent(configuration: Configuration, at: number): Result<EventDetails> {
  const event = { ...configuration.event, closedAt: configuration.event.closedAt ?? at }
  configuration.setEvent(event)
  return ok(event)
}

/** A type's number stands in the token in two bytes. */
const MOST_TYPES = 65_535

export function putTicketType(configuration: Configuration, id: TypeId, body: TicketTypeBody): Result<TicketType> {
  const zones = body.zones ?? [MAIN_ZONE]
  const issues = missingZones(configuration, zones, 'zones')
  if (configuration.types.all().length >= MOST_TYPES) issues.push({ field: 'typeId', message: 'is one too many' })
  if (issues.length > 0) return badRequest(...issues)
  const { name, admits, requiresAttention } = body
  const { validFrom = null, validUntil = null, capacity = null, price = null, note = null } = body
  const about = { name, admits, validFrom, validUntil, zones, capacity, price, requiresAttention, note }
  return ok(configuration.putType({ id, ...about }))
}

export function putGate(configuration: Configuration, id: GateId, body: GateBody): Result<Gate> {
  const zone = body.zone ?? MAIN_ZONE
  const unknown = body.accepts?.filter((type) => !configuration.type(type)) ?? []
  const issues = [
    ...missingZones(configuration, [zone], 'zone'),
    ...unknown.map((type) => ({ field: 'accepts', message: `the event has no ticket type "${type}"` })),
  ]
  if (issues.length > 0) return badRequest(...issues)
  const gate = { id, name: body.name, kind: body.kind, zone, accepts: body.accepts ?? null }
  configuration.putGate(gate)
  return ok(gate)
}

export function putStaff(configuration: Configuration, id: StaffId, body: StaffBody): Result<Staff> {
  const staff = { id, name: body.name, email: body.email ?? null, role: body.role }
  configuration.staff.put(staff)
  return ok(staff)
}

/** Keeps the right to enrol one device, under the SHA-256 of its code. */
export function invite(
  { configuration, devices }: { configuration: Configuration; devices: Devices },
  { staffId, gateId = null }: NewEnrolment,
  codeHash: Uint8Array,
  expiresAt: number,
): Result<null> {
  const issues: Issue[] = []
  if (!configuration.staff.get(staffId)) issues.push({ field: 'staffId', message: 'the event has no such staff' })
  if (gateId !== null && !configuration.gate(gateId)) {
    issues.push({ field: 'gateId', message: 'the event has no such gate' })
  }
  if (issues.length > 0) return badRequest(...issues)
  devices.invite(codeHash, staffId, gateId, expiresAt)
  return ok(null)
}

function missingZones(configuration: Configuration, zones: string[], field: string): Issue[] {
  const known = configuration.event.zones
  return zones
    .filter((id) => !known.some((zone) => zone.id === id))
    .map((id) => ({ field, message: `the event has no zone "${id}"` }))
}
