import { MAIN_ZONE, type Policy, type Reentry } from '../../core/event.ts'
import type { GateId, TypeId, ZoneId } from '../../core/ids.ts'
import { Chance } from '../chance.ts'
import type { World } from './world.ts'

export const offlinePolicies = ['strict', 'admit', 'never'] as const
export type OfflinePolicy = Policy['offline']

/** What can go wrong, and what else people do than show tickets. Each can be left out, to see what a failure needs. */
export const troubles = [
  'cuts',
  'cuts at a bad moment',
  'lossy network',
  'slow network',
  'doubled calls',
  'slow sockets',
  'lost sockets',
  'app deaths',
  'lost storage',
  'wrong clocks',
  'clocks that jump',
  'server clock',
  'crashes',
  'evictions',
  'D1',
  'gates',
  'decisions',
  'annulments',
  'force',
  'groups',
  'exits',
  'zones',
  'capacity',
  'imports',
  'shards',
  'lost calls',
] as const
export type Trouble = (typeof troubles)[number]

export const LOUNGE = 'lounge' as ZoneId
export const single = 'single' as TypeId
export const group = 'group' as TypeId
export const GROUP_OF = 3
/** More are not played: what goes wrong among more goes wrong among these. */
const MOST_SHARDS = 4

/**
 * How bad the network is. `badMoments`: how often it goes just when it matters; `goodMoments`: how often it comes back
 * just when a device decides without it. `slowSockets`: how often what a socket carries takes long, and all behind it;
 * `socketsLastMs`: after how long a socket is torn while calls get through, in the mean; null: it is not.
 */
export type Weather = {
  lossy: number
  slow: number
  twice: number
  badMoments: number
  goodMoments: number
  slowSockets: number
  socketsLastMs: number | null
}

/** What an evening is like, all of it from the seed. */
export type Scenario = {
  policy: OfflinePolicy
  /** Whether the crowd comes at once, or the doors are readied before. */
  readyMs: number
  phones: { gateId: GateId; isSupervisor: boolean; skewMs: number }[]
  mainGates: GateId[]
  loungeGates: GateId[]
  reentry: Reentry
  capacity: number | null
  weather: Weather
  /** Mean waiting time for the next guest at a gate. */
  guestEveryMs: number
  /** How many wait at a gate at most. */
  longestQueue: number
  /** How often a guest comes late with a ticket that others showed some time ago. */
  late: number
  /** How often somebody else shows a copy of the same code at another gate within seconds. */
  copies: number
  /** Mean time between two cuts, or whatever else befalls a phone. */
  troubleEveryMs: number
  hasDecisions: boolean
  /** Mean time after which a side entrance is opened or closed, and all leases move; null: there is none. */
  gatesEveryMs: number | null
  importedRows: number
  /** Among how many objects the event is divided: 1 for one that is not. */
  shards: number
  /** How often a call between two of them fails, and how often it is slow. */
  ways: { lossy: number; slow: number }
  has: (trouble: Trouble) => boolean
}

/** Draws an evening. What is left out is drawn all the same, so that the rest of the evening stays as it was. */
export function drawScenario(
  world: World,
  policy: OfflinePolicy,
  without: readonly Trouble[],
  wanted?: number,
): Scenario {
  const { chance } = world
  const { shards, ways, isFull: isFullOfMany } = drawShards(world.seed, policy, wanted)
  const { slowSockets, socketsLastMs } = drawSockets(world.seed)
  const has = (trouble: Trouble) => !without.includes(trouble)
  const names = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}-${i}` as GateId)
  const mainGates = names('GATE', chance.between(2, 4))
  const withLounge = chance.happens(0.3)
  const loungeGates = withLounge && has('zones') ? names('LOUNGE', 1) : []
  const gates = [...mainGates, ...loungeGates]
  const count = chance.between(3, 6)
  const phones = Array.from({ length: Math.max(count, gates.length) }, (_, i) => {
    const isSupervisor = chance.happens(0.3)
    const skewMs = chance.happens(0.3) ? chance.between(-3_600_000, 3_600_000) : 0
    return {
      gateId: gates[i % gates.length] as GateId,
      isSupervisor: isSupervisor && has('force'),
      skewMs: has('wrong clocks') ? skewMs : 0,
    }
  })
  const reentry = chance.of<Reentry>(['none', 'none', 'none', 'after_exit', 'unlimited'])
  // What is rare by itself hardly ever comes together by chance: in these evenings leases move all the time, while
  // phones are cut off just then and the same tickets are shown everywhere.
  const isRestless = chance.happens(0.4)
  const often = <T>(items: readonly [T, ...T[]], most: T): T => {
    const drawn = chance.of(items)
    return isRestless ? most : drawn
  }
  const weather = {
    lossy: chance.of([0, 0.02, 0.1, 0.25]),
    slow: chance.of([0, 0.02, 0.1, 0.3]),
    twice: chance.of([0, 0.05, 0.2]),
    badMoments: often([0, 0.1, 0.4], 0.4),
    goodMoments: often([0, 0.3, 0.8], 0.8),
  }
  const isFull = chance.happens(0.15)
  const importsRows = chance.happens(0.3)
  const opensGates = chance.happens(0.5)
  const gatesEveryMs = chance.of([1500, 10_000])
  return {
    policy,
    readyMs: chance.of([0, 1000, 8000]),
    phones,
    mainGates,
    loungeGates,
    reentry: has('exits') ? reentry : 'none',
    capacity: (isFull || isFullOfMany) && has('capacity') ? 40 : null,
    weather: {
      lossy: has('lossy network') ? weather.lossy : 0,
      slow: has('slow network') ? weather.slow : 0,
      twice: has('doubled calls') ? weather.twice : 0,
      badMoments: has('cuts at a bad moment') ? weather.badMoments : 0,
      goodMoments: has('cuts at a bad moment') ? weather.goodMoments : 0,
      slowSockets: has('slow sockets') ? slowSockets : 0,
      socketsLastMs: has('lost sockets') ? socketsLastMs : null,
    },
    guestEveryMs: chance.of([150, 400, 900]),
    longestQueue: often([1, 3, 1000], 2),
    late: often([0, 0.05, 0.2], 0.2),
    copies: often([0, 0.1, 0.3], 0.3),
    troubleEveryMs: often([12_000, 12_000, 40_000], 40_000),
    hasDecisions: chance.happens(0.5) && has('decisions'),
    gatesEveryMs: opensGates && has('gates') ? gatesEveryMs : null,
    importedRows: importsRows && has('imports') ? 60 : 0,
    shards: has('shards') ? shards : 1,
    ways: has('lost calls') ? ways : { lossy: 0, slow: 0 },
    has,
  }
}

/** With a chance of its own, so that an evening is what it was whether others may be divided or not. */
function drawShards(seed: number, policy: OfflinePolicy, wanted: number | undefined) {
  const chance = new Chance(seed ^ 0x5a5a5a5a)
  const isDivided = chance.happens(0.4)
  const drawn = chance.between(2, MOST_SHARDS)
  const ways = { lossy: chance.of([0, 0.02, 0.15]), slow: chance.of([0, 0.02, 0.2]) }
  const isFull = chance.happens(0.5)
  // Leases take one object that holds them all.
  const shards = policy === 'strict' ? 1 : (wanted ?? (isDivided ? drawn : 1))
  return { shards, ways, isFull: isFull && shards > 1 }
}

/** With a chance of its own, likewise. */
function drawSockets(seed: number): Pick<Weather, 'slowSockets' | 'socketsLastMs'> {
  const chance = new Chance(seed ^ 0x3c3c3c3c)
  return { slowSockets: chance.of([0, 0, 0, 0.02, 0.2]), socketsLastMs: chance.of([null, null, null, 8000, 40_000]) }
}

export const zoneOfGate = ({ loungeGates }: Scenario, gateId: GateId): ZoneId =>
  loungeGates.includes(gateId) ? LOUNGE : MAIN_ZONE
