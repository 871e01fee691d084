import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { defaultPolicy, type Gate, type GateKind, type Reentry, type Ticket, type Zone } from '../../core/event.ts'
import type { GateId, TicketId, TypeId, ZoneId } from '../../core/ids.ts'
import { type Circumstances, judge, type Presentation } from '../../core/judge.ts'
import { advance, type Happening, noStanding, type Standing, standingAfter } from '../../core/standing.ts'
import { canBeForced, refusalReasons, type Verdict } from '../../core/verdict.ts'
import { Door, precedence, rules, sceneOf, verdictChecks } from '../vectors/verdicts.ts'

describe.each(verdictChecks)('$about', ({ checks }) => {
  it.each(checks)('$name', ({ given, expected }) => expect(given()).toEqual(expected))
})

describe('the vectors', () => {
  it('name every rule once', () => {
    const names = rules.flatMap(({ about, vectors }) => vectors.map(({ name }) => `${about}: ${name}`))
    expect(new Set(names).size).toBe(names.length)
    expect(names.length).toBeGreaterThanOrEqual(150)
  })

  it('have the reasons in the order of the contract', () => {
    expect(refusalReasons).toEqual(precedence)
  })

  it('have every reason overruled by force that is below `unknown`, and no other', () => {
    const overruled = refusalReasons.filter(canBeForced)
    expect(overruled).toEqual(precedence.slice(precedence.indexOf('unknown') + 1))
  })
})

const main = 'main' as ZoneId
const A = 'A' as GateId
const plain = sceneOf({ name: 'plain', steps: [] })
const reentries = fc.constantFrom<Reentry>('none', 'after_exit', 'unlimited')
const admits = fc.integer({ min: 1, max: 5 })
/** Any scan, by force or not; or the taking back of what the so-manieth step did. */
const anyStep = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      gate: fc.constantFrom('A', 'B', 'X'),
      direction: fc.constantFrom('entry' as const, 'exit' as const, null),
      people: fc.integer({ min: 1, max: 4 }),
      force: fc.boolean(),
      minutes: fc.integer({ min: 0, max: 2000 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ annul: fc.nat(30) }) },
)
type AnyStep = typeof anyStep extends fc.Arbitrary<infer S> ? S : never

/** Walks through the steps; tells of every scan with the standing before and after. */
function* walkAny(steps: AnyStep[], people: number, reentry: Reentry, mayForce: boolean) {
  const door = new Door({
    ...plain,
    ticket: { ...plain.ticket, admits: people },
    zones: { main: { ...(plain.zones.main as Zone), reentry } },
  })
  const admitted = new Set<number>()
  let at = plain.scan.at
  for (const [i, step] of steps.entries()) {
    const before = door.standing(main)
    let verdict: Verdict | null = null
    if ('annul' in step) {
      // Only an admission is taken back, and only once; anything else leaves a gap in the log's numbers.
      door.annul(admitted.delete(step.annul) ? step.annul : -1)
    } else {
      at += step.minutes * 60_000
      verdict = door.scan({ ...plain.scan, ...step, at, force: mayForce && step.force })
      if (verdict.kind === 'admitted') admitted.add(i + 1)
    }
    yield { verdict, before, after: door.standing(main), door }
  }
}

describe('whatever happens at the door', () => {
  const steps = fc.array(anyStep, { maxLength: 40 })

  it('no more than the ticket admits are inside without a force', () => {
    fc.assert(
      fc.property(steps, admits, reentries, (happened, people, reentry) => {
        for (const { after } of walkAny(happened, people, reentry, false)) {
          expect(after.inside).toBeLessThanOrEqual(people)
        }
      }),
    )
  })

  it('only a force that was needed brings more inside than the ticket admits', () => {
    fc.assert(
      fc.property(steps, admits, reentries, (happened, people, reentry) => {
        for (const { verdict, before, after } of walkAny(happened, people, reentry, true)) {
          if (verdict?.kind === 'admitted' && verdict.forced !== null) continue
          expect(after.inside).toBeLessThanOrEqual(Math.max(people, before.inside))
        }
      }),
    )
  })

  it('nobody is inside less than none, and nobody is who did not come in', () => {
    fc.assert(
      fc.property(steps, admits, reentries, (happened, people, reentry) => {
        for (const { after } of walkAny(happened, people, reentry, true)) {
          expect(after.inside).toBeGreaterThanOrEqual(0)
          expect(after.inside).toBeLessThanOrEqual(after.entries)
        }
      }),
    )
  })

  it('a refusal changes no more than the count of presentations', () => {
    fc.assert(
      fc.property(steps, admits, reentries, (happened, people, reentry) => {
        for (const { verdict, before, after } of walkAny(happened, people, reentry, true)) {
          if (verdict?.kind !== 'refused') continue
          const again = verdict.refusal.reason === 'already_admitted' ? 1 : 0
          expect(after).toEqual({ ...before, presented: before.presented + again })
        }
      }),
    )
  })

  it('taking an admission back brings nobody inside', () => {
    fc.assert(
      fc.property(steps, admits, reentries, (happened, people, reentry) => {
        for (const { verdict, before, after } of walkAny(happened, people, reentry, true)) {
          if (verdict === null) expect(after.inside).toBeLessThanOrEqual(before.inside)
        }
      }),
    )
  })
})

describe('the same happenings', () => {
  const anyHappening: fc.Arbitrary<Happening> = fc.oneof(
    fc.record({
      kind: fc.constant('entered' as const),
      people: fc.integer({ min: 1, max: 4 }),
      admits,
      reentry: reentries,
      at: fc.nat(500_000_000),
      day: fc.nat(5),
      seq: fc.nat(100),
    }),
    fc.record({
      kind: fc.constant('left' as const),
      people: fc.integer({ min: 1, max: 4 }),
      at: fc.nat(500_000_000),
    }),
    fc.record({
      kind: fc.constant('visited' as const),
      people: fc.integer({ min: 1, max: 4 }),
      at: fc.nat(500_000_000),
      day: fc.nat(5),
      seq: fc.nat(100),
    }),
    fc.record({ kind: fc.constant('presented_again' as const) }),
  )
  const log = fc.array(anyHappening, { maxLength: 30 })

  it('give the same standing in one batch and in any', () => {
    fc.assert(
      fc.property(log, fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1 }), (happenings, sizes) => {
        let standing = noStanding
        for (let from = 0, batch = 0; from < happenings.length; batch++) {
          const to = from + (sizes[batch % sizes.length] ?? 1)
          standing = happenings.slice(from, to).reduce(advance, standing)
          from = to
        }
        expect(standing).toEqual(standingAfter(happenings))
      }),
    )
  })

  it('give the same standing when some are taken back as they come, and when those never were', () => {
    const taken = fc.array(fc.record({ happening: anyHappening, takenBackAfter: fc.option(fc.nat(5)) }), {
      maxLength: 30,
    })
    fc.assert(
      fc.property(taken, (all) => {
        const isThere = (i: number, now: number) => {
          const after = all[i]?.takenBackAfter ?? null
          return after === null || i + after >= now
        }
        const without = (now: number) => all.slice(0, now).filter((_, i) => isThere(i, now))
        let standing = noStanding
        for (const [now, { happening }] of all.entries()) {
          const isRetold = without(now).length !== all.slice(0, now).filter((_, i) => isThere(i, now - 1)).length
          if (isRetold) standing = standingAfter(without(now).map((entry) => entry.happening))
          standing = advance(standing, happening)
        }
        const left = all.filter((_, i) => isThere(i, all.length - 1)).map((entry) => entry.happening)
        expect(standing).toEqual(standingAfter(left))
      }),
    )
  })

  it('change nothing in the standing that they follow', () => {
    fc.assert(
      fc.property(log, anyHappening, (before, next) => {
        const standing = Object.freeze(standingAfter(before))
        const copy = { ...standing }
        advance(standing, next)
        expect(standing).toEqual(copy)
        expect(noStanding).toEqual({ ...noStanding, entries: 0, inside: 0, presented: 0, admission: null })
      }),
    )
  })
})

describe('judge', () => {
  const instant = fc.integer({ min: 0, max: 4_000_000_000_000 })
  const count = fc.integer({ min: 0, max: 300 })
  const maybe = <T>(some: fc.Arbitrary<T>) => fc.option(some, { nil: null })
  const word = fc.constantFrom('standard', 'vip', 'main', 'lounge', '', '__proto__')
  const typeIds = fc.array(word as fc.Arbitrary<TypeId>, { maxLength: 3 })
  const zoneId = word as fc.Arbitrary<ZoneId>
  const gate: fc.Arbitrary<Gate> = fc.record({
    id: word as fc.Arbitrary<GateId>,
    name: word,
    kind: fc.constantFrom<GateKind>('entry', 'exit', 'both', 'checkpoint'),
    zone: zoneId,
    accepts: maybe(typeIds),
  })
  const ticket: fc.Arbitrary<Ticket> = fc.record({
    id: fc.constant(plain.ticket.id as TicketId),
    type: word as fc.Arbitrary<TypeId>,
    admits: fc.integer({ min: 1, max: 255 }),
    issuedAt: fc.nat(4_000_000_000),
    validFrom: maybe(instant),
    validUntil: maybe(instant),
    paid: fc.boolean(),
    blockedAt: maybe(instant),
    revokedAt: maybe(instant),
    reason: maybe(fc.string()),
    note: fc.constant(null),
    requiresAttention: fc.boolean(),
  })
  const standing: fc.Arbitrary<Standing> = fc.record({
    entries: count,
    exits: count,
    inside: count,
    presented: count,
    admission: maybe(count),
    firstAt: maybe(instant),
    lastAt: maybe(instant),
    day: fc.nat(50_000),
    entriesToday: count,
  })
  const around: fc.Arbitrary<Circumstances> = fc.record({
    event: fc.record({ closedAt: maybe(instant) }),
    policy: fc.record({
      offline: fc.constant(defaultPolicy.offline),
      aloneHours: fc.constant(defaultPolicy.aloneHours),
      full: fc.constantFrom('stop' as const, 'warn' as const),
      maxEntries: maybe(count),
      entriesPerDay: maybe(count),
      minMinutesBetween: maybe(fc.double({ min: 0, max: 525_600, noNaN: true })),
      rotatingCodes: fc.boolean(),
    }),
    type: fc.record({
      id: word as fc.Arbitrary<TypeId>,
      number: fc.constant(1),
      name: word,
      admits,
      validFrom: maybe(instant),
      validUntil: maybe(instant),
      zones: fc.array(zoneId, { minLength: 1, maxLength: 3 }),
      capacity: maybe(count),
      price: fc.constant(null),
      requiresAttention: fc.boolean(),
      note: fc.constant(null),
    }),
    zone: fc.record({
      id: zoneId,
      name: word,
      capacity: maybe(count),
      reentry: reentries,
      everyoneOutAt: fc.constant(null),
    }),
    inside: count,
    insideOfType: count,
    gates: fc.array(gate, { maxLength: 5 }),
  })
  const presentation: fc.Arbitrary<Presentation> = fc.record({
    direction: fc.constantFrom('entry' as const, 'exit' as const, 'visit' as const),
    people: fc.integer({ min: 1, max: 255 }),
    at: instant,
    day: fc.nat(50_000),
    tokenIssuedAt: maybe(fc.nat(4_000_000_000)),
    tokenWindow: maybe(
      fc.record({ validFrom: maybe(fc.nat(4_000_000_000)), validUntil: maybe(fc.nat(4_000_000_000)) }),
    ),
    forced: fc.boolean(),
  })
  const anyScene = fc.tuple(ticket, gate, standing, around, presentation)
  const kinds = { entry: 'admitted', exit: 'exited', visit: 'visited' } as const

  it('has an answer to everything: what was asked, or a reason of the list', () => {
    fc.assert(
      fc.property(anyScene, (scene) => {
        const [, , , , { direction, people }] = scene
        const verdict = judge(...scene)
        if (verdict.kind === 'refused') {
          expect(refusalReasons).toContain(verdict.refusal.reason)
          expect(direction).not.toBe('exit')
        } else expect(verdict).toMatchObject({ kind: kinds[direction], people })
      }),
      { numRuns: 1000 },
    )
  })

  it('gives the same answer to the same, and changes nothing that it was given', () => {
    fc.assert(
      fc.property(anyScene, (scene) => {
        const copy = structuredClone(scene)
        expect(judge(...scene)).toEqual(judge(...copy))
        expect(scene).toEqual(copy)
      }),
    )
  })

  it('refuses by force only once the event is closed, and keeps the reason that it would have given without', () => {
    fc.assert(
      fc.property(anyScene, ([ticketThere, gateThere, known, circumstances, presented]) => {
        const judged = (forced: boolean) =>
          judge(ticketThere, gateThere, known, circumstances, { ...presented, forced, direction: 'entry' })
        const [without, by] = [judged(false), judged(true)]
        if (without.kind === 'admitted') expect(by).toEqual(without)
        else if (circumstances.event.closedAt !== null) expect(by).toEqual(without)
        else expect(by).toMatchObject({ kind: 'admitted', forced: without.kind === 'refused' && without.refusal })
      }),
      { numRuns: 500 },
    )
  })

  it('sends nobody to a gate that would refuse them, nor back to the same', () => {
    fc.assert(
      fc.property(anyScene, ([ticketThere, gateThere, known, circumstances, presented]) => {
        // Ids are unique within an event.
        const gates = [gateThere, ...circumstances.gates].map((other, i) => ({ ...other, id: `${A}${i}` as GateId }))
        const [here] = gates as [Gate]
        const there = { ...circumstances, gates }
        const asked = { ...presented, direction: 'entry' as const, forced: false }
        const verdict = judge(ticketThere, here, known, there, asked)
        if (verdict.kind !== 'refused' || verdict.refusal.reason !== 'wrong_gate') return
        expect(verdict.refusal.useGates).not.toContain(here.id)
        for (const id of verdict.refusal.useGates) {
          const other = gates.find((candidate) => candidate.id === id) as Gate
          expect(judge(ticketThere, other, known, there, asked)).not.toMatchObject({
            refusal: { reason: 'wrong_gate' },
          })
        }
      }),
      { numRuns: 1000 },
    )
  })
})
