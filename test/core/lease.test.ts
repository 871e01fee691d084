import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytesToUuid, type GateId, type TicketId, type TypeId, type ZoneId } from '../../core/ids.ts'
import { homeGate, type LeaseGate } from '../../core/lease.ts'

const MAIN = 'main' as ZoneId
const types = ['standard', 'vip'] as TypeId[]
const gate: fc.Arbitrary<LeaseGate> = fc.record({
  gateId: fc.string({ minLength: 1, maxLength: 5 }).map((id) => id as GateId),
  zone: fc.constantFrom(MAIN, 'backstage' as ZoneId),
  types: fc.subarray(types),
})
const gates = fc.uniqueArray(gate, { selector: ({ gateId }) => gateId, maxLength: 8 })
const share = fc.record({
  ticketId: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => bytesToUuid<TicketId>(bytes)),
  type: fc.constantFrom(...types),
  zone: fc.constant(MAIN),
})

describe('the home gate of a ticket', () => {
  it('is one that leads to the zone and takes the type, and there is none only where there is no such gate', () => {
    fc.assert(
      fc.property(gates, share, (all, shared) => {
        const possible = all.filter(({ zone, types: taken }) => zone === MAIN && taken.includes(shared.type))
        const home = homeGate(all, shared)
        expect(possible.map(({ gateId }) => gateId).includes(home as GateId)).toBe(possible.length > 0)
        if (possible.length === 0) expect(home).toBeNull()
      }),
    )
  })

  it('is the same in whatever order the gates stand', () => {
    fc.assert(
      fc.property(gates, share, (all, shared) => {
        expect(homeGate(all.toReversed(), shared)).toBe(homeGate(all, shared))
      }),
    )
  })

  it('stays where it is when another gate is closed', () => {
    fc.assert(
      fc.property(gates, share, fc.nat(7), (all, shared, closed) => {
        const home = homeGate(all, shared)
        const rest = all.filter(({ gateId }, i) => i !== closed || gateId === home)
        expect(homeGate(rest, shared)).toBe(home)
      }),
    )
  })

  it('is each of four gates for about a quarter of the tickets', () => {
    const four = ['A', 'B', 'C', 'D'].map((id) => ({ gateId: id as GateId, zone: MAIN, types }))
    const counts = new Map<string | null, number>()
    for (let i = 0; i < 4000; i++) {
      const bytes = new Uint8Array(16)
      new DataView(bytes.buffer).setUint32(12, i)
      const home = homeGate(four, { ticketId: bytesToUuid<TicketId>(bytes), type: 'vip' as TypeId, zone: MAIN })
      counts.set(home, (counts.get(home) ?? 0) + 1)
    }
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(120)
  })
})
