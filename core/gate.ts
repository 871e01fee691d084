import type { Gate, TicketType } from './event.ts'
import type { Standing } from './standing.ts'

/** What a scan asks for: to come in, to go out, or to be noted as a visit at a checkpoint. */
export type Direction = 'entry' | 'exit' | 'visit'

/**
 * Takes the gate, the direction that the scanner asked for and the ticket's standing in the gate's zone; gives what
 * the scan means. Without a wish, a gate for both ways lets out whoever is inside and lets in whoever is not.
 */
export function directionAt(gate: Gate, asked: 'entry' | 'exit' | null, standing: Standing): Direction {
  if (gate.kind === 'checkpoint') return 'visit'
  if (asked !== null) return asked
  if (gate.kind === 'both') return standing.inside > 0 ? 'exit' : 'entry'
  return gate.kind
}

/** Whether this gate lets a ticket of this type in: it is a way in, its zone is the type's, and it takes the type. */
export function admitsType(gate: Gate, type: Pick<TicketType, 'id' | 'zones'>): boolean {
  return gate.kind !== 'exit' && type.zones.includes(gate.zone) && (gate.accepts?.includes(type.id) ?? true)
}

/** Takes a gate that refused and all gates of the event; gives those that would let this type into the event. */
export function gatesFor(type: TicketType, refusing: Gate, gates: Iterable<Gate>): Gate[] {
  const ways = [...gates].filter((gate) => gate.kind !== 'checkpoint' && admitsType(gate, type))
  const sameZone = ways.filter((gate) => gate.zone === refusing.zone)
  return sameZone.length > 0 ? sameZone : ways
}
