import {
  defaultPolicy,
  type EventDetails,
  type Gate,
  MAIN_ZONE,
  type Policy,
  type Reentry,
  type TicketType,
  type Zone,
} from '../../../core/event.ts'
import type { EventId, GateId, OrganisationId, TicketId, TypeId, ZoneId } from '../../../core/ids.ts'
import { defaultLimits } from '../../../core/limits.ts'
import { defaultRetention, nothingForgotten } from '../../../core/retention.ts'
import type { Chance } from '../../chance.ts'

/** Doors open. Small, so that every time of an evening is a small integer. */
export const STARTS_AT = 900_000_000

/** What can go wrong, and what else people do than show tickets. Each can be left out, to see what a failure needs. */
export const troubles = [
  'cuts',
  'lossy network',
  'slow network',
  'doubled calls',
  'app deaths',
  'lost storage',
  'wrong clocks',
  'server clock',
  'crashes',
  'D1',
  'gates',
  'decisions',
  'annulments',
  'force',
  'groups',
  'exits',
  'zones',
  'capacity',
  'copies',
  'limits',
  'unpaid',
] as const
export type Trouble = (typeof troubles)[number]

export type OfflinePolicy = Policy['offline']

/** What an evening is like, all of it from the seed. Times are milliseconds, and mean ones where they are of chance. */
export type Evening = {
  policy: OfflinePolicy
  reentry: Reentry
  event: EventDetails
  zones: readonly Zone[]
  types: readonly TicketType[]
  /** Without the side entrance. */
  gates: readonly Gate[]
  devices: readonly { gate: Gate; isSupervisor: boolean; skewMs: number }[]
  tickets: readonly { id: TicketId; type: TicketType; isPaid: boolean }[]
  lossy: number
  slow: number
  twice: number
  /** How often the network goes just when it matters, and comes back just when a device decides without it. */
  badMoments: number
  goodMoments: number
  guestEveryMs: number
  longestQueue: number
  late: number
  copies: number
  troubleEveryMs: number
  decisionEveryMs: number | null
  gatesEveryMs: number | null
  /** After how long those who listen are told what is new: with many of them, it takes its time. */
  tellEveryMs: number
  /** How many scans a device brings home at once. */
  batch: number
  forced: number
  has: (trouble: Trouble) => boolean
}

const LOUNGE = 'lounge' as ZoneId
/** So each is shown some five times, at several gates and within seconds. */
const TICKETS_PER_SCAN = 1 / 5
export const PARTY_OF = 3
export const SIDE = 'SIDE' as GateId

/** Draws an evening. What is left out is drawn all the same, so that the rest of the evening stays as it was. */
export function drawEvening(
  chance: Chance,
  seed: number,
  policy: OfflinePolicy,
  scans: number,
  without: readonly Trouble[],
): Evening {
  const has = (trouble: Trouble) => !without.includes(trouble)
  const drawn = {
    main: chance.between(2, 3),
    withLounge: chance.happens(0.3),
    devices: chance.between(3, 5),
    reentry: chance.of<Reentry>(['none', 'none', 'none', 'after_exit', 'after_exit', 'unlimited']),
    isFull: chance.happens(0.15),
    decides: chance.happens(0.5),
    movesGates: chance.happens(0.5),
    isRestless: chance.happens(0.4),
    parties: chance.of([0.15, 0.3, 0.6]),
    isPartyFull: chance.happens(0.1),
    maxEntries: chance.of([null, null, null, null, null, 2, 3, 4]),
  }
  const reentry = has('exits') ? drawn.reentry : 'none'
  const capacity = drawn.isFull && has('capacity') ? 40 : null
  const main: Zone = { id: MAIN_ZONE, name: 'Main', capacity, reentry, everyoneOutAt: null }
  const hasLounge = drawn.withLounge && has('zones')
  const zones = hasLounge ? [main, { ...main, id: LOUNGE, name: 'Lounge', capacity: null }] : [main]
  const gate = (id: string, zone: ZoneId): Gate => ({ id: id as GateId, name: id, kind: 'both', zone, accepts: null })
  const gates = [
    ...Array.from({ length: drawn.main }, (_, i) => gate(`GATE-${i}`, MAIN_ZONE)),
    ...(hasLounge ? [gate('LOUNGE-0', LOUNGE)] : []),
  ]
  const partyCapacity = drawn.isPartyFull && has('capacity') ? 15 : null
  const types = [typeOf('single', 1, 1, zones, null), typeOf('party', 2, PARTY_OF, zones, partyCapacity)] as const
  const often = <T>(items: readonly T[], most: T): T => {
    const one = chance.of(items)
    return drawn.isRestless ? most : one
  }
  const devices = Array.from({ length: Math.max(drawn.devices, gates.length) }, (_, i) => {
    const isSupervisor = chance.happens(0.3)
    const skewMs = chance.happens(0.3) ? chance.between(-3_600_000, 3_600_000) : 0
    return {
      gate: gates[i % gates.length] as Gate,
      isSupervisor: isSupervisor && has('force'),
      skewMs: has('wrong clocks') ? skewMs : 0,
    }
  })
  const count = Math.ceil(scans * TICKETS_PER_SCAN) + 10
  const tickets = Array.from({ length: count }, (_, no) => ({
    id: ticketId(seed, no),
    type: chance.happens(drawn.parties) && has('groups') ? types[1] : types[0],
    isPaid: !chance.happens(0.04) || !has('unpaid'),
  }))
  const lossy = chance.of([0, 0.02, 0.1, 0.25])
  const slow = chance.of([0, 0.02, 0.1, 0.3])
  const twice = chance.of([0, 0.05, 0.2])
  const badMoments = often([0, 0.02, 0.1], 0.1)
  const goodMoments = often([0, 0.3, 0.8], 0.8)
  const copies = often([0, 0.1, 0.3], 0.3)
  const decisionEveryMs = chance.of([1500, 4000])
  const gatesEveryMs = chance.of([1500, 10_000])
  return {
    policy,
    reentry,
    event: eventOf(zones, policy, has('limits') ? drawn.maxEntries : null),
    zones,
    types,
    gates,
    devices,
    tickets,
    lossy: has('lossy network') ? lossy : 0,
    slow: has('slow network') ? slow : 0,
    twice: has('doubled calls') ? twice : 0,
    badMoments: has('cuts') ? badMoments : 0,
    goodMoments,
    copies: has('copies') ? copies : 0,
    decisionEveryMs: drawn.decides && has('decisions') ? decisionEveryMs : null,
    gatesEveryMs: drawn.movesGates && has('gates') ? gatesEveryMs : null,
    guestEveryMs: chance.of([150, 400, 900]),
    longestQueue: often([1, 3, 8], 2),
    late: often([0, 0.05, 0.2], 0.2),
    troubleEveryMs: often([8000, 12_000, 40_000], 20_000),
    tellEveryMs: often([250, 250, 1000], 1000),
    batch: chance.of([2, 10, 100]),
    forced: has('force') ? 0.05 : 0,
    has,
  }
}

/** The last letters are the ticket's, those before are the seed's: shares differ from evening to evening. */
function ticketId(seed: number, no: number): TicketId {
  const [s, n] = [(seed >>> 0).toString(16).padStart(8, '0'), no.toString(16).padStart(4, '0')]
  return `0198c0de-0000-7000-9000-${s}${n}` as TicketId
}

function typeOf(
  id: string,
  number: number,
  admits: number,
  zones: readonly Zone[],
  capacity: number | null,
): TicketType {
  return {
    id: id as TypeId,
    number,
    name: id,
    admits,
    validFrom: null,
    validUntil: null,
    zones: zones.map((zone) => zone.id),
    capacity,
    price: null,
    requiresAttention: false,
    note: null,
  }
}

function eventOf(zones: Zone[], offline: OfflinePolicy, maxEntries: number | null): EventDetails {
  return {
    id: '0198c0de-0000-7000-8000-0000000000ee' as EventId,
    organisationId: '0198c0de-0000-7000-8000-0000000000aa' as OrganisationId,
    title: 'The simulated one',
    startsAt: STARTS_AT,
    endsAt: STARTS_AT + 86_400_000,
    timezone: 'UTC',
    location: null,
    capacity: null,
    zones,
    policy: { ...defaultPolicy, offline, maxEntries },
    limits: defaultLimits,
    rehearsalOf: null,
    retention: defaultRetention,
    forgotten: nothingForgotten,
    createdAt: STARTS_AT,
    closedAt: null,
  }
}
