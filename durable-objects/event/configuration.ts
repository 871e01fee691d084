import { defaultPolicy, type EventDetails, type Gate, type TicketType, type Zone } from '../../core/event.ts'
import type { GateId, StaffId, TypeId, ZoneId } from '../../core/ids.ts'
import { defaultLimits } from '../../core/limits.ts'
import { defaultRetention, nothingForgotten } from '../../core/retention.ts'
import type { Meta } from '../meta.ts'

export type Staff = { id: StaffId; name: string; email: string | null; role: 'supervisor' | 'scanner' }

/**
 * The event, its zones, ticket types, gates and staff: what grows with the organiser's plans and not with the
 * number of tickets, so all of it is kept in memory over the tables it came from.
 */
export class Configuration {
  readonly #meta: Meta
  #event: EventDetails
  readonly zones: Words<Zone>
  readonly types: Words<TicketType>
  readonly gates: Words<Gate>
  readonly staff: Words<Staff>

  constructor(sql: SqlStorage, meta: Meta) {
    this.#meta = meta
    const event = JSON.parse(meta.text('event') ?? 'null')
    // An event of before a setting was thought of has the usual one, and was no rehearsal.
    this.#event = event && {
      rehearsalOf: null,
      forgotten: nothingForgotten,
      ...event,
      policy: { ...defaultPolicy, ...event.policy },
      limits: { ...defaultLimits, ...event.limits },
      retention: { ...defaultRetention, ...event.retention },
    }
    this.zones = new Words(sql, 'zone')
    this.types = new Words(sql, 'ticket_type')
    this.gates = new Words(sql, 'gate')
    this.staff = new Words(sql, 'staff')
  }

  get event(): EventDetails {
    return this.#event
  }

  /** Rises with each change of what a device judges by: of the configuration, or of a ticket's state. */
  get revision(): number {
    return this.#meta.number('revision')
  }

  /** Takes the next revision, for a change of a ticket's state. */
  nextRevision(): number {
    this.#meta.set('revision', this.revision + 1)
    return this.revision
  }

  /** The revision of the last change of the configuration. */
  get configuredAt(): number {
    return this.#meta.number('configured_at')
  }

  /** Takes the next revision for a change of the configuration, which every device is to hear of. */
  reconfigured(): void {
    this.#meta.set('configured_at', this.nextRevision())
  }

  /** Writes the event and its zones. A zone that is not named any more stays known, for the log's sake. */
  setEvent(event: EventDetails): void {
    for (const zone of event.zones) this.zones.put(zone)
    this.#meta.set('event', JSON.stringify(event))
    this.#meta.set('directory', this.#meta.number('directory') + 1)
    this.reconfigured()
    this.#event = event
  }

  putType(type: Omit<TicketType, 'number'>): TicketType {
    const number = this.types.numberOf(type.id) ?? this.types.nextNumber()
    const complete = { ...type, number }
    this.types.put(complete)
    this.reconfigured()
    return complete
  }

  putGate(gate: Gate): void {
    this.gates.put(gate)
    this.reconfigured()
  }

  zone(id: ZoneId): Zone | undefined {
    return this.zones.get(id)
  }

  type(id: TypeId): TicketType | undefined {
    return this.types.get(id)
  }

  gate(id: GateId): Gate | undefined {
    return this.gates.get(id)
  }
}

/** One table of organiser's words: each with its details, and a small number for the tables that grow. */
class Words<T extends { id: string }> {
  readonly #sql: SqlStorage
  readonly #table: string
  readonly #byId = new Map<string, { no: number; details: T }>()
  readonly #byNumber = new Map<number, T>()

  constructor(sql: SqlStorage, table: 'zone' | 'ticket_type' | 'gate' | 'staff') {
    this.#sql = sql
    this.#table = table
    for (const row of sql.exec<{ no: number; details: string }>(`SELECT no, details FROM ${table} ORDER BY no`)) {
      this.#keep(row.no, JSON.parse(row.details))
    }
  }

  get(id: string): T | undefined {
    return this.#byId.get(id)?.details
  }

  numberOf(id: string): number | undefined {
    return this.#byId.get(id)?.no
  }

  byNumber(no: number): T | undefined {
    return this.#byNumber.get(no)
  }

  nextNumber(): number {
    return this.#byNumber.size + 1
  }

  all(): T[] {
    return [...this.#byNumber.values()]
  }

  values(): Iterable<T> {
    return this.#byNumber.values()
  }

  /** The ids in the order of their numbers, the first being 1. */
  ids(): string[] {
    return this.all().map(({ id }) => id)
  }

  put(details: T): void {
    const no = this.numberOf(details.id) ?? this.nextNumber()
    this.#sql.exec(
      `INSERT INTO ${this.#table} (no, id, details) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET details = excluded.details`,
      no,
      details.id,
      JSON.stringify(details),
    )
    this.#keep(no, details)
  }

  #keep(no: number, details: T): void {
    this.#byId.set(details.id, { no, details })
    this.#byNumber.set(no, details)
  }
}
