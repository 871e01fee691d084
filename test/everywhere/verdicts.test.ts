import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  defaultPolicy,
  type EventDetails,
  type Gate,
  type GateKind,
  type Policy,
  type Reentry,
  type Ticket,
  type TicketType,
  type Zone,
} from '../../core/event.ts'
import { directionAt } from '../../core/gate.ts'
import type { GateId, TicketId, TypeId, ZoneId } from '../../core/ids.ts'
import { type Circumstances, judge, type Presentation } from '../../core/judge.ts'
import { localDay } from '../../core/local-day.ts'
import {
  advance,
  afterClearing,
  type Happening,
  noStanding,
  type Standing,
  standingAfter,
} from '../../core/standing.ts'
import { canBeForced, type Refusal, refusalReasons, type Verdict } from '../../core/verdict.ts'
import file from '../vectors/verdicts.json' with { type: 'json' }

/** What a vector may change of the base scene. Objects are merged, everything else is replaced. */
type Changes = {
  event?: { timezone?: string; closedAt?: number | null }
  policy?: Partial<Policy>
  ticket?: Partial<Ticket>
  type?: Partial<TicketType>
  zones?: Record<string, Partial<Zone>>
  /** Null: the event has no such gate. */
  gates?: Record<string, Partial<Gate> | null>
  others?: number
  othersOfType?: number
  standings?: Standings
  scan?: Partial<Asked>
}
type Asked = {
  at: number
  gate: string
  direction: 'entry' | 'exit' | null
  people: number
  token: number | null
  /** The token's own window; without it, the token has none. */
  tokenFrom?: number | null
  tokenUntil?: number | null
  force: boolean
}
type Standings = Record<string, Partial<Standing>>
type Gives =
  | { admitted: number; remaining?: number; forced?: Refusal; overfull?: boolean }
  | { exited: number }
  | { visited: number; visit: number }
  | { refused: Refusal }
type ScanStep = Partial<Asked> & { given?: Changes; gives: Gives }
type Step = ScanStep | { annul: number } | { everyoneOut: string; at: number }
type Vector = { name: string; causes?: string[]; given?: Changes; scan?: Partial<Asked>; standings?: Standings } & (
  | { gives: Gives }
  | { steps: Step[] }
)
type Scene = {
  event: Pick<EventDetails, 'timezone' | 'closedAt'>
  policy: Policy
  ticket: Ticket
  type: TicketType
  zones: Record<string, Zone>
  gates: Record<string, Gate | null>
  others: number
  othersOfType: number
  standings: Standings
  scan: Asked
}

const { precedence, base, causes, rules } = inNumbers(file) as {
  precedence: string[]
  base: Changes
  causes: Record<string, Changes>
  rules: { about: string; vectors: Vector[] }[]
}

/** What the rules do not read, so that the vectors need not say it. */
const rest = {
  policy: { offline: 'admit', rotatingCodes: false },
  ticket: { id: '0197a1b2-0000-7000-8000-000000000001', type: 'standard', note: null, requiresAttention: false },
  type: { number: 1, name: '', admits: 1, price: null, requiresAttention: false, note: null },
}

/** One ticket's way through an event: its log, and its standings as they follow from that. */
class Door {
  scene: Scene
  readonly #log: { seq: number; zone: string; happening: Happening }[] = []
  readonly #annulled = new Set<number>()
  readonly #clearedAt: Record<string, number> = {}
  readonly #standings: Record<string, Standing> = {}
  #seq = 0

  constructor(scene: Scene) {
    this.scene = scene
    for (const [zone, standing] of Object.entries(scene.standings)) {
      this.#standings[zone] = { ...noStanding, ...standing }
    }
  }

  standing(zone: string): Standing {
    return afterClearing(this.#standings[zone] ?? noStanding, this.#clearedAt[zone] ?? null)
  }

  scan(asked: Asked): Verdict {
    this.#seq += 1
    const { event, policy, ticket, type, others, othersOfType } = this.scene
    const gates = Object.entries(this.scene.gates).flatMap(([id, gate]) =>
      gate ? [{ ...gate, id: id as GateId }] : [],
    )
    const gate = gates.find(({ id }) => id === asked.gate) as Gate
    const zone = this.scene.zones[gate.zone] as Zone
    const standing = this.standing(gate.zone)
    const day = localDay(asked.at, event.timezone)
    const around: Circumstances = {
      event,
      policy,
      type,
      zone,
      inside: others + standing.inside,
      insideOfType: othersOfType + standing.inside,
      gates,
    }
    const presented: Presentation = {
      direction: directionAt(gate, asked.direction, standing),
      people: asked.people,
      at: asked.at,
      day,
      tokenIssuedAt: asked.token === null ? null : asked.token / 1000,
      tokenWindow:
        asked.token === null
          ? null
          : { validFrom: inSeconds(asked.tokenFrom), validUntil: inSeconds(asked.tokenUntil) },
      forced: asked.force,
    }
    const verdict = judge({ ...ticket, issuedAt: ticket.issuedAt / 1000 }, gate, standing, around, presented)
    const happening = happeningOf(verdict, zone.reentry, ticket.admits, asked.at, day, this.#seq)
    if (happening) {
      this.#log.push({ seq: this.#seq, zone: gate.zone, happening })
      this.#standings[gate.zone] = advance(standing, happening)
    }
    return verdict
  }

  annul(seq: number): void {
    this.#seq += 1
    this.#annulled.add(seq)
    const zone = this.#log.find((entry) => entry.seq === seq)?.zone ?? ''
    const left = this.#log.filter((entry) => entry.zone === zone && !this.#annulled.has(entry.seq))
    this.#standings[zone] = standingAfter(left.map(({ happening }) => happening))
  }

  everyoneOut(zone: string, at: number): void {
    this.#seq += 1
    this.#clearedAt[zone] = at
  }
}

function inSeconds(at: number | null | undefined): number | null {
  return at == null ? null : at / 1000
}

function happeningOf(
  verdict: Verdict,
  reentry: Reentry,
  admits: number,
  at: number,
  day: number,
  seq: number,
): Happening | null {
  switch (verdict.kind) {
    case 'admitted':
      return { kind: 'entered', people: verdict.people, admits, reentry, at, day, seq }
    case 'exited':
      return { kind: 'left', people: verdict.people, at }
    case 'visited':
      return { kind: 'visited', people: verdict.people, at, day, seq }
    case 'refused':
      return verdict.refusal.reason === 'already_admitted' ? { kind: 'presented_again' } : null
    case 'annulled':
    case 'everyone_out':
      return null
  }
}

function verdictOf(gives: Gives): Verdict {
  if ('refused' in gives) return { kind: 'refused', refusal: gives.refused }
  if ('exited' in gives) return { kind: 'exited', people: gives.exited }
  if ('visited' in gives) return { kind: 'visited', people: gives.visited, visit: gives.visit }
  const { admitted: people, remaining = 0, forced = null, overfull = false } = gives
  return { kind: 'admitted', people, remaining, forced, overfull }
}

function sceneOf({ causes: named = [], given = {}, scan = {} }: Vector): Scene {
  const layers = [base, ...named.map((name) => causes[name] ?? {}), given, { scan }]
  return layers.reduce<object>(merged, rest) as Scene
}

function merged(under: object, over: object): object {
  const result: Record<string, unknown> = { ...under }
  for (const [key, value] of Object.entries(over)) {
    const there = result[key]
    result[key] = isPlain(there) && isPlain(value) ? merged(there, value) : value
  }
  return result
}

function isPlain(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Instants as milliseconds and bare dates as days, both since 1970. */
function inNumbers(value: unknown): unknown {
  if (typeof value === 'string' && /^\d{4}-\d\d-\d\dT.*Z$/.test(value)) return Date.parse(value)
  if (typeof value === 'string' && /^\d{4}-\d\d-\d\d$/.test(value)) return Date.parse(value) / 86_400_000
  if (Array.isArray(value)) return value.map(inNumbers)
  if (!isPlain(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, inNumbers(inner)]))
}

/** Takes the steps of a vector one after another and holds each to what it should give. */
function walk(vector: Vector): void {
  const door = new Door(sceneOf(vector))
  const steps: Step[] = 'steps' in vector ? vector.steps : [{ gives: vector.gives }]
  for (const [i, step] of steps.entries()) {
    if ('annul' in step) door.annul(step.annul)
    else if ('everyoneOut' in step) door.everyoneOut(step.everyoneOut, step.at)
    else {
      const { given = {}, gives, ...asked } = step
      door.scene = merged(door.scene, given) as Scene
      expect(door.scan({ ...door.scene.scan, ...asked }), `step ${i + 1}`).toEqual(verdictOf(gives))
    }
  }
  for (const [zone, standing] of Object.entries(vector.standings ?? {})) {
    expect(door.standing(zone), zone).toMatchObject(standing)
  }
}

describe.each(rules)('$about', ({ vectors }) => {
  it.each(vectors)('$name', walk)
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
