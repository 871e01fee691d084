import type { EventDetails, Gate, Policy, Reentry, Ticket, TicketType, Zone } from '../../core/event.ts'
import { directionAt } from '../../core/gate.ts'
import type { GateId } from '../../core/ids.ts'
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
import type { Refusal, Verdict } from '../../core/verdict.ts'
import type { Check } from './check.ts'
import file from './verdicts.json' with { type: 'json' }

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

export const { precedence, base, causes, rules } = inNumbers(file) as {
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
export class Door {
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

export function sceneOf({ causes: named = [], given = {}, scan = {} }: Vector): Scene {
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

/** Each vector: its steps taken one after another, what each gives, and the standings at the end as far as named. */
export const verdictChecks: { about: string; checks: Check[] }[] = rules.map(({ about, vectors }) => ({
  about,
  checks: vectors.map((vector) => ({
    name: vector.name,
    given: () => walked(vector),
    expected: { verdicts: stepsOf(vector).flatMap(verdictsOf), standings: vector.standings ?? {} },
  })),
}))

function walked(vector: Vector) {
  const door = new Door(sceneOf(vector))
  const verdicts: Verdict[] = []
  for (const step of stepsOf(vector)) {
    if ('annul' in step) door.annul(step.annul)
    else if ('everyoneOut' in step) door.everyoneOut(step.everyoneOut, step.at)
    else {
      const { given = {}, gives: _, ...asked } = step
      door.scene = merged(door.scene, given) as Scene
      verdicts.push(door.scan({ ...door.scene.scan, ...asked }))
    }
  }
  const standings = Object.entries(vector.standings ?? {}).map(([zone, named]) => {
    const standing: Record<string, unknown> = door.standing(zone)
    return [zone, Object.fromEntries(Object.keys(named).map((name) => [name, standing[name]]))]
  })
  return { verdicts, standings: Object.fromEntries(standings) }
}

function stepsOf(vector: Vector): Step[] {
  return 'steps' in vector ? vector.steps : [{ gives: vector.gives }]
}

function verdictsOf(step: Step): Verdict[] {
  return 'gives' in step ? [verdictOf(step.gives)] : []
}
