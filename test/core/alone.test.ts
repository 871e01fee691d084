import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { judgeAlone, type OwnKnowledge, type OwnScan, type PresentedAlone, ticketAlone } from '../../core/alone.ts'
import { writeCursor } from '../../core/cursor.ts'
import {
  defaultPolicy,
  type EventDetails,
  type Gate,
  type Policy,
  type TicketType,
  type Zone,
} from '../../core/event.ts'
import { eventIdAt } from '../../core/event-address.ts'
import { directionAt } from '../../core/gate.ts'
import type { EventId, GateId, OrganisationId, TicketId, TypeId, ZoneId } from '../../core/ids.ts'
import { judge } from '../../core/judge.ts'
import { homeGate, type Lease, leaseGates } from '../../core/lease.ts'
import { defaultLimits } from '../../core/limits.ts'
import { localDay } from '../../core/local-day.ts'
import { defaultRetention, nothingForgotten } from '../../core/retention.ts'
import { shardOf } from '../../core/shards.ts'
import type { KnownStanding, KnownState, KnownStatus, Snapshot } from '../../core/snapshot.ts'
import { encodeSnapshot, openSnapshot } from '../../core/snapshot-bytes.ts'
import { codeHash } from '../../core/snapshot-rows.ts'
import { noStanding } from '../../core/standing.ts'
import type { Claims } from '../../core/token.ts'

const at = Date.parse('2026-09-12T18:30:00.000Z')
const day = 86_400_000
const seconds = (ms: number) => Math.floor(ms / 1000)
const main = 'main' as ZoneId
const standard = 'standard' as TypeId
const ticketId = '0198c0de-0000-7000-8000-000000000001' as TicketId
const divided = eventIdAt(at, new Uint8Array(16), null, 3)

const zone = (more: Partial<Zone> = {}): Zone => ({
  id: main,
  name: 'Main',
  capacity: null,
  reentry: 'none',
  everyoneOutAt: null,
  ...more,
})
const gate = (id: string, more: Partial<Gate> = {}): Gate => ({
  id: id as GateId,
  name: `Gate ${id}`,
  kind: 'entry',
  zone: main,
  accepts: null,
  ...more,
})
const type = (more: Partial<TicketType> = {}): TicketType => ({
  id: standard,
  number: 0,
  name: 'Standard',
  admits: 1,
  validFrom: null,
  validUntil: null,
  zones: [main],
  capacity: null,
  price: null,
  requiresAttention: false,
  note: null,
  ...more,
})
const gateA = gate('A')
const gateB = gate('B')

type Facts = {
  policy?: Partial<Policy>
  zone?: Partial<Zone>
  type?: Partial<TicketType>
  gates?: Gate[]
  closedAt?: number | null
  endsAt?: number
  standings?: KnownStanding[]
  states?: KnownState[]
  codes?: Snapshot['codes']
  seq?: number
  /** Of a divided event: up to which of its numbers the list has each shard's scans. */
  shards?: number[]
}

/** What a device knows, having gone through the bytes that it gets. */
function knowledge(facts: Facts = {}) {
  const event: EventDetails = {
    id: facts.shards ? divided : ('0198c0de-0000-7000-8000-0000000000ee' as EventId),
    organisationId: '0198c0de-0000-7000-8000-0000000000aa' as OrganisationId,
    title: 'Tech Expo',
    startsAt: at - 3_600_000,
    endsAt: facts.endsAt ?? at + 3_600_000,
    timezone: 'Europe/Berlin',
    location: null,
    capacity: null,
    zones: [zone(facts.zone)],
    policy: { ...defaultPolicy, ...facts.policy },
    limits: defaultLimits,
    rehearsalOf: null,
    retention: defaultRetention,
    forgotten: nothingForgotten,
    createdAt: at - 30 * 86_400_000,
    closedAt: facts.closedAt ?? null,
  }
  const known = openSnapshot(
    encodeSnapshot({
      event,
      keys: { readKey: '', publicKeys: [] },
      ticketTypes: [type(facts.type)],
      gates: facts.gates ?? [gateA, gateB],
      policy: event.policy,
      everyoneOut: [],
      lease: null,
      cursor: writeCursor({
        seq: facts.seq ?? 100,
        revision: 5,
        epoch: 1,
        ...(facts.shards && { shards: facts.shards }),
      }),
      full: true,
      serverTime: at,
      standings: facts.standings ?? [],
      revocations: facts.states ?? [],
      codes: facts.codes ?? [],
    }),
  )
  if (known === null) throw new Error('the snapshot did not open')
  return known
}

const token = (more: Partial<Claims> = {}): PresentedAlone => ({
  by: 'token',
  claims: { ticketId, issuedAt: seconds(at) - 86_400, validFrom: null, validUntil: null, type: 0, admits: 1, ...more },
})
const nothingOwn: OwnKnowledge = { scans: [], isGone: false, lease: null }
const own = (...scans: Partial<OwnScan>[]): OwnKnowledge => ({
  ...nothingOwn,
  scans: scans.map((scan) => ({
    zone: main,
    gateId: gateA.id,
    at: at - 60_000,
    people: 1,
    what: 'entered',
    seq: null,
    knownTo: null,
    ...scan,
  })),
})

function decide(
  facts: Facts,
  {
    presented = token(),
    at: gateAt = gateA,
    mine = nothingOwn,
    ...asked
  }: {
    presented?: PresentedAlone
    at?: Gate
    mine?: OwnKnowledge
    direction?: 'entry' | 'exit' | null
    people?: number
    forced?: boolean
    when?: number
    knownAt?: number
  } = {},
) {
  const known = knowledge(facts)
  const ticket = ticketAlone(presented, known)
  if (ticket === null) return null
  const { direction = null, people = 1, forced = false, when = at, knownAt = when } = asked
  return judgeAlone({ gate: gateAt, direction, people, forced, at: when, knownAt }, presented, ticket, known, mine)
}

const verdictOf = (...args: Parameters<typeof decide>) => {
  const verdict = decide(...args)?.verdict
  return verdict?.kind === 'refused' ? verdict.refusal.reason : verdict?.kind
}

const standing = (more: Partial<KnownStanding> = {}): KnownStanding => ({
  ticketId,
  zone: main,
  entries: 1,
  exits: 0,
  inside: 1,
  presented: 1,
  today: 1,
  firstAt: at - 600_000,
  lastAt: at - 600_000,
  gateId: gateB.id,
  ...more,
})

describe('a device alone', () => {
  it('admits a genuine ticket that neither it nor its snapshot has seen', () => {
    expect(verdictOf({})).toBe('admitted')
  })

  it('refuses a ticket that its snapshot saw admitted, saying when and where', () => {
    const judged = decide({ standings: [standing()] })
    expect(judged?.verdict).toMatchObject({ kind: 'refused', refusal: { reason: 'already_admitted', attempt: 2 } })
    expect(judged?.first).toEqual({ at: at - 600_000, gateId: gateB.id, here: false })
  })

  it('refuses a ticket that it admitted itself, saying that it was here', () => {
    const judged = decide({}, { mine: own({ at: at - 5000 }) })
    expect(judged?.verdict).toMatchObject({ kind: 'refused', refusal: { reason: 'already_admitted' } })
    expect(judged?.first).toEqual({ at: at - 5000, gateId: gateA.id, here: true })
  })

  it('counts its own scan once where the snapshot has it too', () => {
    const facts = { seq: 100, standings: [standing({ entries: 1, inside: 1 })] }
    const party = token({ admits: 2 })
    expect(verdictOf(facts, { presented: party, mine: own({ seq: 100 }) })).toBe('admitted')
    expect(verdictOf(facts, { presented: party, mine: own({ seq: 101 }) })).toBe('already_admitted')
    expect(verdictOf(facts, { presented: party, mine: own({ seq: null }) })).toBe('already_admitted')
  })

  it('goes of a divided event by how the ticket’s own shard has numbered the scan', () => {
    const judge = shardOf(divided, ticketId)
    const upTo = (seq: number) => [1, 2, 3].map((shard) => (shard === judge ? seq : 1_000 - seq))
    const has = (seq: number) => ({ seq: 500, shards: upTo(seq), standings: [standing({ entries: 1, inside: 1 })] })
    const party = token({ admits: 2 })
    expect(verdictOf(has(40), { presented: party, mine: own({ seq: 40 }) })).toBe('admitted')
    expect(verdictOf(has(40), { presented: party, mine: own({ seq: 41 }) })).toBe('already_admitted')
  })

  it('admits a party piece by piece, and not one more', () => {
    const party = token({ admits: 3 })
    expect(verdictOf({}, { presented: party, people: 2 })).toBe('admitted')
    expect(verdictOf({}, { presented: party, people: 2, mine: own({ people: 2 }) })).toBe('limit_reached')
    expect(verdictOf({}, { presented: party, people: 1, mine: own({ people: 2 }) })).toBe('admitted')
  })

  it.each<[KnownStatus, string]>([
    ['revoked', 'revoked'],
    ['blocked', 'blocked'],
    ['unpaid', 'unpaid'],
  ])('refuses a ticket that it knows to be %s', (status, reason) => {
    expect(verdictOf({ states: [{ ticketId, at: at - 1000, status, validSince: 0 }] })).toBe(reason)
  })

  it('threat 39: refuses the old code of a reissued ticket and admits the new one', () => {
    const issuedAt = seconds(at) - 100
    const states: KnownState[] = [{ ticketId, at: at - 100_000, status: 'superseded', validSince: issuedAt }]
    expect(verdictOf({ states }, { presented: token({ issuedAt: issuedAt - 1 }) })).toBe('revoked')
    expect(verdictOf({ states }, { presented: token({ issuedAt }) })).toBe('admitted')
  })

  it('knows a code printed elsewhere by its hash, and no other', () => {
    const hash = codeHash('4006381333931')
    const codes = [
      {
        hash: Buffer.from(hash).toString('base64url'),
        ticketId,
        type: standard,
        admits: 1,
        validFrom: null,
        validUntil: null,
      },
    ]
    expect(verdictOf({ codes }, { presented: { by: 'code', hash } })).toBe('admitted')
    expect(verdictOf({ codes }, { presented: { by: 'code', hash: codeHash('other') } })).toBeUndefined()
    const revoked: KnownState[] = [{ ticketId, at, status: 'revoked', validSince: 0 }]
    expect(verdictOf({ codes, states: revoked }, { presented: { by: 'code', hash } })).toBe('revoked')
  })

  it('holds a rotating code to its own half minute, and the ticket to nothing of it', () => {
    const policy = { rotatingCodes: true }
    const window = { validFrom: seconds(at) - 10, validUntil: seconds(at) + 20 }
    expect(verdictOf({ policy }, { presented: token(window) })).toBe('admitted')
    expect(verdictOf({ policy }, { presented: token(window), when: at + 60_000 })).toBe('too_late')
    expect(verdictOf({ policy }, { presented: token() })).toBe('too_late')
  })

  it('does not refuse for want of room: it cannot know how many are inside', () => {
    expect(verdictOf({ zone: { capacity: 1 }, type: { capacity: 1 } })).toBe('admitted')
  })

  it('sends to the right gate and keeps to the hours, the event and the limits', () => {
    expect(
      verdictOf(
        { gates: [gateA, gate('V', { accepts: ['vip' as TypeId] })] },
        { at: gate('V', { accepts: ['vip' as TypeId] }) },
      ),
    ).toBe('wrong_gate')
    expect(verdictOf({ type: { validFrom: at + 1 } })).toBe('too_early')
    expect(verdictOf({}, { presented: token({ validUntil: seconds(at) - 1 }) })).toBe('too_late')
    expect(verdictOf({ closedAt: at - 1 })).toBe('event_closed')
  })

  it('takes everybody to have left at the time of day, also where nobody told it', () => {
    const facts = { zone: { reentry: 'after_exit' as const, everyoneOutAt: '04:00' }, standings: [standing()] }
    expect(verdictOf(facts)).toBe('already_admitted')
    expect(verdictOf(facts, { when: at + 86_400_000 })).toBe('admitted')
    expect(verdictOf({ ...facts, standings: [] }, { when: at + 86_400_000, mine: own({}) })).toBe('admitted')
  })

  it('lets in whoever went out, where the zone has it so', () => {
    const facts = { zone: { reentry: 'after_exit' as const }, standings: [standing()] }
    expect(verdictOf(facts, { direction: 'entry' })).toBe('already_admitted')
    expect(verdictOf(facts, { direction: 'entry', mine: own({ what: 'left' }) })).toBe('admitted')
    const both = gate('D', { kind: 'both' })
    expect(verdictOf({ ...facts, gates: [both] }, { at: both })).toBe('exited')
  })

  it('counts nobody out twice whose exit the list may have, since its answer alone was lost', () => {
    // Three came in and one went out again: two are in, and there is room for one more on the ticket.
    const facts = { seq: 100, zone: { reentry: 'after_exit' as const }, type: { admits: 3 } }
    const told = { ...facts, standings: [standing({ entries: 3, exits: 1, inside: 2 })] }
    const party = { presented: token({ admits: 3 }), people: 2, direction: 'entry' as const }
    const went = (knownTo: string | null) => ({ ...party, mine: own({ what: 'left', knownTo }) })
    expect(verdictOf(told, went('90.5.1'))).toBe('limit_reached')
    expect(verdictOf(told, { ...went('90.5.1'), people: 1 })).toBe('admitted')
    // Of another life of the log nothing is certain, nor of what an older version of the app kept.
    expect(verdictOf(told, went('100.5.2'))).toBe('limit_reached')
    expect(verdictOf(told, went(null))).toBe('limit_reached')
    // The list is from before this one went out, or has nobody who did.
    expect(verdictOf(told, went('100.5.1'))).toBe('admitted')
    const before = { ...facts, standings: [standing({ entries: 3, exits: 0, inside: 3 })] }
    expect(verdictOf(before, { ...went('90.5.1'), people: 1 })).toBe('admitted')
  })
})

describe('the policy for being alone', () => {
  it('never: decides nobody in, still refuses what is certain, and keeps nobody inside', () => {
    const policy = { offline: 'never' as const }
    expect(verdictOf({ policy })).toBe('undecided')
    expect(verdictOf({ policy, standings: [standing()] })).toBe('already_admitted')
    expect(verdictOf({ policy }, { direction: 'exit' })).toBe('exited')
    expect(verdictOf({ policy }, { forced: true })).toBe('undecided')
  })

  it('threat 39: lets nobody in by a list that is older than the event allows, and says since when', () => {
    const knownAt = at - 3_600_000
    const facts = { policy: { aloneHours: 1 } }
    expect(verdictOf(facts, { knownAt: knownAt + 1 })).toBe('admitted')
    const verdict = { kind: 'undecided', because: 'list_too_old', since: knownAt }
    expect(decide(facts, { knownAt })?.verdict).toEqual(verdict)
    expect(decide(facts, { knownAt, forced: true })?.verdict).toEqual(verdict)
    // What is certain is still said, and nobody is kept inside.
    expect(verdictOf({ ...facts, standings: [standing()] }, { knownAt })).toBe('already_admitted')
    expect(verdictOf(facts, { knownAt, direction: 'exit' })).toBe('exited')
  })

  it('goes on through a festival of six days without a network, where nobody said otherwise', () => {
    const facts = { endsAt: at + 30 * day }
    expect(verdictOf(facts, { when: at + 6 * day, knownAt: at })).toBe('admitted')
    expect(verdictOf(facts, { when: at + 7 * day, knownAt: at })).toBe('undecided')
  })

  it('threat 05: lets nobody in from a day after the event’s end on, however new the list is', () => {
    const endsAt = at - day
    expect(verdictOf({ endsAt: endsAt + 1 })).toBe('admitted')
    expect(decide({ endsAt })?.verdict).toEqual({ kind: 'undecided', because: 'event_over', since: endsAt })
    expect(verdictOf({ endsAt }, { direction: 'exit' })).toBe('exited')
  })

  const gates = leaseGates([gateA, gateB], [type()])
  const homeOf = (id: TicketId) => homeGate(gates, { ticketId: id, type: standard, zone: main })
  const lease = (more: Partial<Lease> = {}): Lease => ({
    generation: 1,
    gateId: homeOf(ticketId) as GateId,
    gates,
    state: 'held',
    cursor: writeCursor({ seq: 100, revision: 5, epoch: 1 }),
    ...more,
  })
  const policy = { offline: 'strict' as const }
  const holding = (more: Partial<Lease> = {}, rest: Partial<OwnKnowledge> = {}): { mine: OwnKnowledge } => ({
    mine: { ...nothingOwn, lease: lease(more), ...rest },
  })

  it('strict: the holder admits its own share', () => {
    expect(verdictOf({ policy }, holding())).toBe('admitted')
  })

  it('strict: everybody else sends to the gate that holds the ticket', () => {
    const other = lease().gateId === gateA.id ? gateB : gateA
    const judged = decide({ policy }, { ...holding({ gateId: other.id }), at: other })
    expect(judged?.verdict).toEqual({
      kind: 'refused',
      refusal: { reason: 'held_elsewhere', useGates: [homeOf(ticketId)] },
    })
    expect(verdictOf({ policy })).toBe('held_elsewhere')
  })

  it('strict: a lease that is offered or ending, or began after what the device knows, admits nobody', () => {
    expect(verdictOf({ policy }, holding({ state: 'offered' }))).toBe('held_elsewhere')
    expect(verdictOf({ policy }, holding({ state: 'ending' }))).toBe('held_elsewhere')
    expect(verdictOf({ policy }, holding({ cursor: null }))).toBe('held_elsewhere')
    expect(verdictOf({ policy, seq: 99 }, holding())).toBe('held_elsewhere')
  })

  it('strict: what was called back is admitted no more, and what was admitted neither', () => {
    expect(verdictOf({ policy }, holding({}, { isGone: true }))).toBe('held_elsewhere')
    expect(verdictOf({ policy }, holding({}, { scans: own({}).scans }))).toBe('already_admitted')
    expect(verdictOf({ policy, standings: [standing()] }, holding())).toBe('already_admitted')
  })

  it('strict: nobody is kept inside, and a supervisor who lets in against it is on record', () => {
    expect(verdictOf({ policy }, { direction: 'exit' })).toBe('exited')
    expect(decide({ policy }, { forced: true })?.verdict).toMatchObject({
      kind: 'admitted',
      forced: { reason: 'held_elsewhere' },
    })
  })

  it('strict: of all gates exactly one may admit a ticket alone', () => {
    fc.assert(
      fc.property(fc.uuid(), (id) => {
        const presented = token({ ticketId: id as TicketId })
        const admitting = [gateA, gateB].filter((at) => {
          const mine = { ...nothingOwn, lease: lease({ gateId: at.id }) }
          return verdictOf({ policy }, { presented, at, mine }) === 'admitted'
        })
        expect(admitting).toHaveLength(1)
      }),
      { numRuns: 300 },
    )
  })
})

describe('the same knowledge', () => {
  it('gives the same verdict to a device and to the Gatekeeper, wherever room is no question', () => {
    const states = fc.constantFrom<KnownStatus | null>(null, 'revoked', 'blocked', 'unpaid', 'superseded')
    const arbitrary = fc.record({
      reentry: fc.constantFrom('none' as const, 'after_exit' as const, 'unlimited' as const),
      kind: fc.constantFrom('entry' as const, 'exit' as const, 'both' as const, 'checkpoint' as const),
      accepts: fc.constantFrom<TypeId[] | null>(null, [standard], ['vip' as TypeId]),
      state: states,
      entries: fc.integer({ min: 0, max: 3 }),
      exits: fc.integer({ min: 0, max: 3 }),
      admits: fc.integer({ min: 1, max: 4 }),
      people: fc.integer({ min: 1, max: 3 }),
      direction: fc.constantFrom(null, 'entry' as const, 'exit' as const),
      forced: fc.boolean(),
      closed: fc.boolean(),
      window: fc.constantFrom(null, -1, 1),
      maxEntries: fc.constantFrom(null, 2),
      entriesPerDay: fc.constantFrom(null, 1),
      minMinutesBetween: fc.constantFrom(null, 30),
    })
    fc.assert(
      fc.property(arbitrary, (one) => {
        const entered = one.entries > 0
        const inside = Math.max(0, one.entries - one.exits)
        const lastAt = entered ? at - 600_000 : null
        const known = {
          ...standing({ entries: one.entries, exits: one.exits, inside, presented: one.entries, today: one.entries }),
          firstAt: lastAt,
          lastAt,
        }
        const validSince = seconds(at) - 100
        const limits = {
          maxEntries: one.maxEntries,
          entriesPerDay: one.entriesPerDay,
          minMinutesBetween: one.minMinutesBetween,
        }
        const here = gate('X', { kind: one.kind, accepts: one.accepts })
        const facts: Facts = {
          policy: limits,
          zone: { reentry: one.reentry },
          gates: [here, gateB],
          closedAt: one.closed ? at - 1 : null,
          standings: [known],
          states: one.state === null ? [] : [{ ticketId, at: at - 1000, status: one.state, validSince }],
        }
        const validUntil = one.window === null ? null : seconds(at) + one.window
        const issuedAt = validSince - 1
        const presented = token({ admits: one.admits, validUntil, issuedAt })
        const judged = decide(facts, {
          presented,
          at: here,
          people: one.people,
          direction: one.direction,
          forced: one.forced,
        })

        const has = knowledge(facts)
        const day = localDay(at, 'Europe/Berlin')
        const full = entered
          ? {
              ...noStanding,
              ...known,
              admission: null,
              day: localDay(lastAt ?? 0, 'Europe/Berlin'),
              entriesToday: one.entries,
            }
          : { ...noStanding, exits: one.exits }
        const expected = judge(
          {
            id: ticketId,
            type: standard,
            admits: one.admits,
            issuedAt: one.state === null ? 0 : validSince,
            validFrom: null,
            validUntil: validUntil === null ? null : validUntil * 1000,
            paid: one.state !== 'unpaid',
            blockedAt: one.state === 'blocked' ? at - 1000 : null,
            revokedAt: one.state === 'revoked' ? at - 1000 : null,
            reason: null,
            note: null,
            requiresAttention: false,
          },
          here,
          full,
          {
            event: has.head.event,
            policy: has.head.policy,
            type: type(),
            zone: zone({ reentry: one.reentry }),
            inside: 0,
            insideOfType: 0,
            gates: has.head.gates,
          },
          {
            direction: directionAt(here, one.direction, full),
            people: one.people,
            at,
            day,
            tokenIssuedAt: issuedAt,
            tokenWindow: null,
            forced: one.forced,
          },
        )
        expect(judged?.verdict).toEqual(expected)
      }),
      { numRuns: 1000 },
    )
  })
})
