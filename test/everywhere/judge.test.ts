import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { defaultPolicy, type Gate, type Reentry, type Ticket, type TicketType, type Zone } from '../../core/event.ts'
import { directionAt } from '../../core/gate.ts'
import type { GateId, TicketId, TypeId, ZoneId } from '../../core/ids.ts'
import { type Circumstances, judge, type Presentation } from '../../core/judge.ts'
import { localDay } from '../../core/local-day.ts'
import { advance, noStanding, type Standing } from '../../core/standing.ts'
import { canBeForced, type RefusalReason, refusalReasons } from '../../core/verdict.ts'

const at = Date.UTC(2026, 10, 20, 18)
const HOUR = 3_600_000

const type: TicketType = {
  id: 'standard' as TypeId,
  number: 1,
  name: 'Standard',
  admits: 1,
  validFrom: null,
  validUntil: null,
  zones: ['main' as ZoneId],
  capacity: null,
  price: null,
  requiresAttention: false,
  note: null,
}
const gate: Gate = { id: 'A' as GateId, name: 'A', kind: 'entry', zone: 'main' as ZoneId, accepts: null }
const zone: Zone = { id: 'main' as ZoneId, name: 'Main', capacity: null, reentry: 'none', everyoneOutAt: null }
const ticket: Ticket = {
  id: '0197a1b2-0000-7000-8000-000000000001' as TicketId,
  type: type.id,
  admits: 1,
  issuedAt: 1000,
  validFrom: null,
  validUntil: null,
  paid: true,
  blockedAt: null,
  revokedAt: null,
  reason: null,
  note: null,
  requiresAttention: false,
}
const around: Circumstances = {
  event: { closedAt: null },
  policy: defaultPolicy,
  type,
  zone,
  inside: 0,
  insideOfType: 0,
  gates: [gate],
}
const entry: Presentation = {
  direction: 'entry',
  people: 1,
  at,
  day: 20_000,
  tokenIssuedAt: 1000,
  tokenWindow: null,
  forced: false,
}
const inside: Standing = {
  ...noStanding,
  entries: 1,
  inside: 1,
  presented: 1,
  admission: 7,
  firstAt: at,
  lastAt: at,
  day: 20_000,
  entriesToday: 1,
}

type Scene = { ticket: Ticket; gate: Gate; standing: Standing; around: Circumstances; presented: Presentation }
const scene: Scene = { ticket, gate, standing: noStanding, around, presented: entry }
const judgeScene = (s: Scene) => judge(s.ticket, s.gate, s.standing, s.around, s.presented)
const refusalOf = (s: Scene) => {
  const verdict = judgeScene(s)
  return verdict.kind === 'refused' ? verdict.refusal : null
}

/** Each reason that a rule gives, and what brings it about, in the order of precedence. */
const causes: [RefusalReason, (s: Scene) => Scene][] = [
  ['event_closed', (s) => ({ ...s, around: { ...s.around, event: { closedAt: at - 1 } } })],
  ['revoked', (s) => ({ ...s, ticket: { ...s.ticket, revokedAt: at - 5, reason: 'chargeback' } })],
  ['blocked', (s) => ({ ...s, ticket: { ...s.ticket, blockedAt: at - 5 } })],
  ['unpaid', (s) => ({ ...s, ticket: { ...s.ticket, paid: false } })],
  ['too_early', (s) => ({ ...s, ticket: { ...s.ticket, validFrom: at + HOUR } })],
  ['too_late', (s) => ({ ...s, around: { ...s.around, type: { ...s.around.type, validUntil: at - HOUR } } })],
  ['wrong_gate', (s) => ({ ...s, gate: { ...s.gate, accepts: ['vip' as TypeId] } })],
  ['already_admitted', (s) => ({ ...s, standing: inside })],
  ['limit_reached', (s) => ({ ...s, around: { ...s.around, policy: { ...s.around.policy, maxEntries: 0 } } })],
  [
    'too_soon',
    (s) => ({
      ...s,
      standing: { ...s.standing, lastAt: at - 60_000 },
      around: { ...s.around, policy: { ...s.around.policy, minMinutesBetween: 5 } },
    }),
  ],
  ['full', (s) => ({ ...s, around: { ...s.around, inside: 3, zone: { ...s.around.zone, capacity: 3 } } })],
]

describe('the rules of entry', () => {
  it('admit a ticket that nothing speaks against', () => {
    expect(judgeScene(scene)).toEqual({ kind: 'admitted', people: 1, remaining: 0, forced: null, overfull: false })
  })

  it.each(causes)('refuse for %s', (reason, cause) => {
    expect(refusalOf(cause(scene))?.reason).toBe(reason)
  })

  it('give the first of two reasons in the order of precedence', () => {
    for (const [i, [first, causeFirst]] of causes.entries()) {
      for (const [second, causeSecond] of causes.slice(i + 1)) {
        expect(refusalOf(causeSecond(causeFirst(scene)))?.reason, `${first} and ${second}`).toBe(first)
        expect(refusalOf(causeFirst(causeSecond(scene)))?.reason, `${second} and ${first}`).toBe(first)
      }
    }
  })

  it('list the reasons in the order in which they are given', () => {
    const order = causes.map(([reason]) => refusalReasons.indexOf(reason))
    expect(order).toEqual([...order].sort((a, b) => a - b))
  })

  it.each(causes)('let a supervisor overrule %s, if at all, and say what was overruled', (reason, cause) => {
    const forced = cause({ ...scene, presented: { ...entry, forced: true } })
    const verdict = judgeScene(forced)
    expect(verdict).toMatchObject(canBeForced(reason) ? { kind: 'admitted', forced: { reason } } : { kind: 'refused' })
    expect(canBeForced(reason)).toBe(reason !== 'event_closed')
  })

  it.each(causes)('let everybody out, %s or not', (_, cause) => {
    expect(judgeScene(cause({ ...scene, presented: { ...entry, direction: 'exit' } })).kind).toBe('exited')
  })
})

describe('a refusal', () => {
  it('for a revoked ticket says when and why', () => {
    const revoked = { ...scene, ticket: { ...ticket, revokedAt: 5, reason: 'chargeback' } }
    expect(refusalOf(revoked)).toEqual({ reason: 'revoked', revokedAt: 5, because: 'chargeback', superseded: false })
  })

  it('for an older code of a reissued ticket says that it was superseded', () => {
    const reissued = { ...scene, ticket: { ...ticket, issuedAt: 1001 } }
    expect(refusalOf(reissued)).toMatchObject({ reason: 'revoked', revokedAt: 1_001_000, superseded: true })
    expect(refusalOf({ ...reissued, presented: { ...entry, tokenIssuedAt: 1001 } })).toBeNull()
    expect(refusalOf({ ...reissued, presented: { ...entry, tokenIssuedAt: null } })).toBeNull()
  })

  it('for a ticket admitted already counts the presentations', () => {
    expect(refusalOf({ ...scene, standing: inside })).toEqual({ reason: 'already_admitted', attempt: 2, admission: 7 })
    const again = advance(inside, { kind: 'presented_again' })
    expect(refusalOf({ ...scene, standing: again })).toMatchObject({ attempt: 3 })
  })

  it('threat 08: outside its window is exact to the millisecond, both ends included', () => {
    const windowed = (validFrom: number | null, validUntil: number | null) =>
      refusalOf({ ...scene, ticket: { ...ticket, validFrom, validUntil } })
    expect(windowed(at, at)).toBeNull()
    expect(windowed(at + 1, null)).toEqual({ reason: 'too_early', validFrom: at + 1 })
    expect(windowed(null, at - 1)).toEqual({ reason: 'too_late', validUntil: at - 1 })
  })

  it("keeps the narrower of the ticket's and the type's window", () => {
    const both = {
      ...scene,
      ticket: { ...ticket, validFrom: at + 1 },
      around: { ...around, type: { ...type, validFrom: at + 9 } },
    }
    expect(refusalOf(both)).toEqual({ reason: 'too_early', validFrom: at + 9 })
  })

  it('at the wrong gate names the gates of that zone that would do, else those of another', () => {
    const wrong: Gate = { ...gate, id: 'W' as GateId, accepts: ['vip' as TypeId] }
    const exit: Gate = { ...gate, id: 'X' as GateId, kind: 'exit' }
    const hall: Gate = { ...gate, id: 'H' as GateId, zone: 'hall' as ZoneId }
    const gates = [wrong, exit, hall, gate]
    expect(refusalOf({ ...scene, gate: wrong, around: { ...around, gates } })).toEqual({
      reason: 'wrong_gate',
      useGates: ['A'],
    })
    expect(refusalOf({ ...scene, gate: hall, around: { ...around, gates } })).toEqual({
      reason: 'wrong_gate',
      useGates: ['A'],
    })
    expect(refusalOf({ ...scene, gate: exit, around: { ...around, gates } })).toEqual({
      reason: 'wrong_gate',
      useGates: ['A'],
    })
  })

  it('for a full zone says how full; a zone that only warns lets in and says so', () => {
    const full = { ...around, inside: 5, zone: { ...zone, capacity: 5 } }
    expect(refusalOf({ ...scene, around: full })).toEqual({ reason: 'full', capacity: 5, inside: 5 })
    const warned = judgeScene({ ...scene, around: { ...full, policy: { ...defaultPolicy, full: 'warn' } } })
    expect(warned).toMatchObject({ kind: 'admitted', overfull: true })
  })

  it('for too many on one day is over the next day', () => {
    const daily = {
      ...around,
      zone: { ...zone, reentry: 'unlimited' as const },
      policy: { ...defaultPolicy, entriesPerDay: 1 },
    }
    const seen = { ...scene, around: daily, standing: inside }
    expect(refusalOf(seen)).toEqual({ reason: 'limit_reached', limit: 1 })
    expect(refusalOf({ ...seen, presented: { ...entry, day: 20_001 } })).toBeNull()
  })

  it('for coming back too soon says when', () => {
    const slow = {
      ...around,
      zone: { ...zone, reentry: 'unlimited' as const },
      policy: { ...defaultPolicy, minMinutesBetween: 10 },
    }
    const seen = { ...scene, around: slow, standing: inside }
    expect(refusalOf(seen)).toEqual({ reason: 'too_soon', notBefore: at + 600_000 })
    expect(refusalOf({ ...seen, presented: { ...entry, at: at + 600_000 } })).toBeNull()
  })
})

describe('the direction', () => {
  it.each([
    ['entry', null, 0, 'entry'],
    ['exit', null, 1, 'exit'],
    ['both', null, 0, 'entry'],
    ['both', null, 1, 'exit'],
    ['both', 'entry', 1, 'entry'],
    ['entry', 'exit', 1, 'exit'],
    ['checkpoint', null, 0, 'visit'],
    ['checkpoint', 'exit', 0, 'visit'],
  ] as const)('at a gate for %s, asked %s, with %d inside, is %s', (kind, asked, count, direction) => {
    expect(directionAt({ ...gate, kind }, asked, { ...noStanding, inside: count })).toBe(direction)
  })
})

describe('a visit', () => {
  it('lets nobody in and nobody out: who is inside stays inside', () => {
    const visit = { kind: 'visited', people: 1, at, day: 1, seq: 9 } as const
    expect(advance(noStanding, visit).inside).toBe(0)
    expect(advance(inside, visit).inside).toBe(inside.inside)
  })
})

describe('a local day', () => {
  it('begins at midnight there, on days with a clock change too', () => {
    const day = (iso: string, timezone = 'Europe/Berlin') => localDay(Date.parse(iso), timezone)
    expect(day('2026-10-24T21:59:59Z')).toBe(day('2026-10-24T10:00:00Z'))
    expect(day('2026-10-24T22:00:00Z')).toBe(day('2026-10-24T10:00:00Z') + 1)
    // The day with 25 hours.
    expect(day('2026-10-25T22:59:59Z')).toBe(day('2026-10-24T22:00:00Z'))
    expect(day('2026-10-25T23:00:00Z')).toBe(day('2026-10-24T22:00:00Z') + 1)
    // The day with 23 hours.
    expect(day('2026-03-28T23:00:00Z') + 1).toBe(day('2026-03-29T22:00:00Z'))
    expect(day('2026-11-20T23:30:00Z', 'Asia/Kolkata')).toBe(day('2026-11-21T12:00:00Z', 'Asia/Kolkata'))
  })
})

describe('whatever is scanned', () => {
  const scan = fc.record({
    direction: fc.constantFrom('entry' as const, 'exit' as const),
    people: fc.integer({ min: 1, max: 4 }),
  })
  const run = (scans: { direction: 'entry' | 'exit'; people: number }[], admits: number, reentry: Reentry) => {
    const zoneThere = { ...zone, reentry }
    let standing = noStanding
    const seen: Standing[] = []
    for (const [i, { direction, people }] of scans.entries()) {
      const verdict = judge(
        { ...ticket, admits },
        gate,
        standing,
        { ...around, zone: zoneThere },
        { ...entry, direction, people },
      )
      if (verdict.kind === 'admitted') {
        standing = advance(standing, { kind: 'entered', people, admits, reentry, at: at + i, day: 1, seq: i })
      }
      if (verdict.kind === 'exited') standing = advance(standing, { kind: 'left', people, at: at + i })
      seen.push(standing)
    }
    return seen
  }
  const reentries = fc.constantFrom('none' as const, 'after_exit' as const, 'unlimited' as const)

  it('never are more inside than the ticket admits, nor fewer than none', () => {
    fc.assert(
      fc.property(
        fc.array(scan, { maxLength: 40 }),
        fc.integer({ min: 1, max: 5 }),
        reentries,
        (scans, admits, reentry) => {
          for (const standing of run(scans, admits, reentry)) {
            expect(standing.inside).toBeGreaterThanOrEqual(0)
            expect(standing.inside).toBeLessThanOrEqual(admits)
          }
        },
      ),
    )
  })

  it('without re-entry, never more came in than the ticket admits', () => {
    fc.assert(
      fc.property(fc.array(scan, { maxLength: 40 }), fc.integer({ min: 1, max: 5 }), (scans, admits) => {
        for (const standing of run(scans, admits, 'none')) expect(standing.entries).toBeLessThanOrEqual(admits)
      }),
    )
  })

  it('an exit makes no right to come in that was not there', () => {
    fc.assert(
      fc.property(fc.array(scan, { maxLength: 40 }), fc.integer({ min: 1, max: 3 }), (scans, admits) => {
        const exitsFirst = Array.from({ length: 5 }, () => ({ direction: 'exit' as const, people: 1 }))
        const entered = (list: typeof scans) => run(list, admits, 'after_exit').at(-1)?.entries ?? 0
        expect(entered([...exitsFirst, ...scans])).toBe(entered(scans))
      }),
    )
  })
})
