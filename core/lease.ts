import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import type { Gate, TicketType } from './event.ts'
import { admitsType } from './gate.ts'
import type { GateId, TicketId, TypeId, ZoneId } from './ids.ts'

/** A way in as it was when a generation of leases began: which zone it leads to, and which types it takes. */
export type LeaseGate = { gateId: GateId; zone: ZoneId; types: TypeId[] }

/**
 * What a device knows of its gate's lease. `offered`: nothing may be done with it yet; the device answers
 * `lease_taken`. `held`: tickets of this gate's share may be admitted alone once the device knows everything up to
 * `cursor`. `ending`: nothing new may be admitted alone; the device syncs all that is pending and answers
 * `lease_returned`.
 */
export type Lease = {
  generation: number
  gateId: GateId
  /** Every way in of this generation, so that the holder can tell its share from the others'. */
  gates: LeaseGate[]
  state: 'offered' | 'held' | 'ending'
  /** What the holder must know before it may admit anybody alone; null until the lease is held. */
  cursor: string | null
}

/** What a share is told by. */
export type Shared = { ticketId: TicketId; type: TypeId; zone: ZoneId }

/** Takes an event's gates and types; gives the ways in that a new generation of leases is frozen on. */
export function leaseGates(gates: Iterable<Gate>, types: readonly TicketType[]): LeaseGate[] {
  return [...gates]
    .filter(({ kind }) => kind === 'entry' || kind === 'both')
    .map((gate) => ({
      gateId: gate.id,
      zone: gate.zone,
      types: types.filter((type) => admitsType(gate, type)).map(({ id }) => id),
    }))
}

/**
 * The one gate to whose share a ticket belongs in a zone, by rendezvous hashing: of the gates that take its type, the
 * one whose hash with the ticket is the highest. null where no gate does. The same gates in any order, the same answer.
 */
export function homeGate(gates: readonly LeaseGate[], { ticketId, type, zone }: Shared): GateId | null {
  let best: { gateId: GateId; weight: number } | null = null
  for (const gate of gates) {
    if (gate.zone !== zone || !gate.types.includes(type)) continue
    const weight = weightOf(ticketId, gate.gateId)
    const wins = best === null || weight > best.weight || (weight === best.weight && gate.gateId > best.gateId)
    if (wins) best = { gateId: gate.gateId, weight }
  }
  return best?.gateId ?? null
}

function weightOf(ticketId: TicketId, gateId: GateId): number {
  const hash = sha256(utf8ToBytes(`${ticketId} ${gateId}`))
  return new DataView(hash.buffer, hash.byteOffset).getUint32(0)
}
