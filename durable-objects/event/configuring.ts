import { badRequest, type Issue, ok, type Result } from '../../core/answers.ts'
import { differences } from '../../core/audit.ts'
import { type EventDetails, type Gate, MAIN_ZONE, type TicketType } from '../../core/event.ts'
import { shardsOf } from '../../core/event-address.ts'
import { changedEvent } from '../../core/event-form.ts'
import type { FormatName } from '../../core/formats.ts'
import type { GateId, StaffId, TypeId } from '../../core/ids.ts'
import type { EventChanges, GateBody, NewEnrolment, StaffBody, TicketTypeBody } from '../../core/organiser-messages.ts'
import { type Configured, putChanges } from '../audit/audit-changes.ts'
import type { EventParts } from '../event-parts.ts'
import type { SealedFormats, WantedFormat } from './code-formats.ts'
import type { Configuration, Staff } from './configuration.ts'

/*
 * What an organiser says of an event, checked against what is said already. Each names every field that does not fit,
 * and then changes nothing. The caller holds the transaction.
 */

/** Codes that begin or cease to rotate are other codes: no image of before may be shown any more. */
export function changeEvent(parts: EventParts, changes: EventChanges): Result<EventDetails> {
  const { configuration, images } = parts
  const was = configuration.event
  const changed = changedWhereItFits(configuration, changes)
  if (changed.ok && isOtherCodes(was, changed.value)) images.outdate()
  return told(parts, 'event', was.id, was, changed)
}

export function isOtherCodes(was: EventDetails, is: EventDetails): boolean {
  return is.policy.rotatingCodes !== was.policy.rotatingCodes
}

function changedWhereItFits(configuration: Configuration, changes: EventChanges): Result<EventDetails> {
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
export function closeEvent(parts: EventParts, at: number): Result<EventDetails> {
  const { configuration } = parts
  const was = configuration.event
  const event = { ...was, closedAt: was.closedAt ?? at }
  configuration.setEvent(event)
  return told(parts, 'event', was.id, was, ok(event))
}

/** A type's number stands in the token in two bytes. */
const MOST_TYPES = 65_535

export function putTicketType(parts: EventParts, id: TypeId, body: TicketTypeBody): Result<TicketType> {
  const { configuration } = parts
  const was = configuration.types.get(id)
  const zones = body.zones ?? [MAIN_ZONE]
  const issues = missingZones(configuration, zones, 'zones')
  if (configuration.types.all().length >= MOST_TYPES) issues.push({ field: 'typeId', message: 'is one too many' })
  const { validFrom = null, validUntil = null, capacity = null, price = null, note = null } = body
  // Nobody could ever come in with one.
  if (validFrom !== null && validUntil !== null && validFrom > validUntil) {
    issues.push({ field: 'validUntil', message: 'must not be before validFrom' })
  }
  if (issues.length > 0) return badRequest(...issues)
  const { name, admits, requiresAttention } = body
  const about = { name, admits, validFrom, validUntil, zones, capacity, price, requiresAttention, note }
  return told(parts, 'ticket_type', id, was, ok(configuration.putType({ id, ...about })))
}

export function putGate(parts: EventParts, id: GateId, body: GateBody): Result<Gate> {
  const { configuration } = parts
  const was = configuration.gates.get(id)
  const zone = body.zone ?? MAIN_ZONE
  const unknown = body.accepts?.filter((type) => !configuration.type(type)) ?? []
  const issues = [
    ...missingZones(configuration, [zone], 'zone'),
    ...unknown.map((type) => ({ field: 'accepts', message: `the event has no ticket type "${type}"` })),
  ]
  if (issues.length > 0) return badRequest(...issues)
  const gate = { id, name: body.name, kind: body.kind, zone, accepts: body.accepts ?? null }
  configuration.putGate(gate)
  return told(parts, 'gate', id, was, ok(gate))
}

export function putStaff(parts: EventParts, id: StaffId, body: StaffBody): Result<Staff> {
  const { staff } = parts.configuration
  const was = staff.get(id)
  const member = { id, name: body.name, email: body.email ?? null, role: body.role }
  staff.put(member)
  return told(parts, 'staff', id, was, ok(member))
}

/** Keeps the right to enrol one device, under the SHA-256 of its code. */
export function invite(
  { configuration, devices, audit }: EventParts,
  { staffId, gateId = null }: NewEnrolment,
  codeHash: Uint8Array,
  expiresAt: number,
): Result<null> {
  audit.about({ kind: 'staff', id: staffId }, differences({}, { gateId, expiresAt }))
  const issues: Issue[] = []
  if (!configuration.staff.get(staffId)) issues.push({ field: 'staffId', message: 'the event has no such staff' })
  if (gateId !== null && !configuration.gate(gateId)) {
    issues.push({ field: 'gateId', message: 'the event has no such gate' })
  }
  if (issues.length > 0) return badRequest(...issues)
  devices.invite(codeHash, staffId, gateId, expiresAt)
  return ok(null)
}

/** Said in the audit log as well, where it holds. */
function told<T extends object>(
  { audit }: EventParts,
  kind: Configured,
  id: string,
  was: object | undefined,
  put: Result<T>,
): Result<T> {
  if (put.ok) putChanges(audit, kind, id, was, put.value)
  return put
}

function missingZones(configuration: Configuration, zones: string[], field: string): Issue[] {
  const known = configuration.event.zones
  return zones
    .filter((id) => !known.some((zone) => zone.id === id))
    .map((id) => ({ field, message: `the event has no zone "${id}"` }))
}

/** What the event is made of. */
export function setupOf({ configuration: { types, gates, staff } }: EventParts) {
  return { types: types.all(), gates: gates.all(), staff: staff.all() }
}

/** What an organiser says of somebody else's format, with its secret sealed. */
export function putCodeFormat(
  { formats, audit }: EventParts,
  wanted: WantedFormat,
  keepPrevious: boolean,
  at: number,
): SealedFormats {
  const { format, externalEventId, maxAgeMs } = wanted
  const was = formats.all().formats.find((one) => one.format === format)
  const toldOfIt = was && { externalEventId: was.externalEventId, maxAgeMs: was.maxAgeMs }
  const changes = differences(toldOfIt, { externalEventId, maxAgeMs })
  audit.about({ kind: 'format', id: format }, [...changes, { field: 'secret' }])
  return formats.put(wanted, keepPrevious, at)
}

export function removeCodeFormat({ formats, audit }: EventParts, format: FormatName): SealedFormats {
  audit.about({ kind: 'format', id: format })
  return formats.remove(format)
}
