import type { Work } from './calls.ts'
import type { Measured } from './measure.ts'
import { median, quantile } from './quantile.ts'
import type { System } from './systems.ts'
import { type Found, find, type Taken } from './trials/findings.ts'
import type { Trial } from './trials/trial.ts'

/** Medians over the rounds. `othersCores`: how many cores were busy with something else, in the middle of our windows. */
export type Summary = {
  rates: Rate[]
  races: Race[]
  latencies: Latency[]
  trials: Found[]
  othersCores: number | null
}

/** Closed loop: how many calls a second. */
export type Rate = {
  connections: number
  system: System
  work: Work
  perSecond: number
  /** Microseconds of the server's CPU that a call took; null for a peer, or where the machine does not tell. */
  cpuMicros: number | null
}

/** Two of them against each other: the median of the ratios of each round, as what slows the machine slows both. */
export type Race = { connections: number; work: Work; ours: Contender; theirs: Contender; ratio: number }
export type Contender = { system: System; work: Work }

/** Open loop: milliseconds from when a call was due, over all rounds together; ratios as in a race, to ours. */
export type Latency = {
  perSecond: number
  work: Work
  system: System
  p50: number
  p95: number
  p99: number
  max: number
  /** Ours to theirs, of each quantile; null for our own. */
  ratios: { p50: number; p95: number; p99: number } | null
}

export function summarize(measured: Measured[], taken: Taken[], trials: Trial[]): Summary {
  return {
    rates: eachSetting(measured, 'closed').map(rateOf),
    races: racesIn(measured),
    latencies: eachSetting(measured, 'open').map((ones) => latencyOf(ones, measured)),
    trials: find(trials, taken),
    othersCores: known([...measured, ...taken].map(({ cpu }) => cpu?.othersCores)),
  }
}

function eachSetting(measured: Measured[], loop: Measured['loop']): Measured[][] {
  const ofLoop = measured.filter((one) => one.loop === loop)
  const groups = Object.groupBy(ofLoop, ({ size, system, work }) => `${size} ${system} ${work}`)
  return Object.values(groups)
    .map((ones = []) => ones)
    .sort(([a], [b]) => (a?.size ?? 0) - (b?.size ?? 0))
}

function rateOf(ones: Measured[]): Rate {
  const [{ size: connections, system, work }] = ones as [Measured]
  const perSecond = median(ones.map((one) => one.perSecond))
  return { connections, system, work, perSecond, cpuMicros: cpuMicros(ones) }
}

/** What is set against what: our scans against the limits of the same server, and against the peers. */
function racesIn(measured: Measured[]): Race[] {
  const own = (work: Work): Contender => ({ system: 'http', work })
  const lane = (work: Work): Contender => ({ system: 'lane', work })
  const pairs: [Contender, Contender][] = [
    ...(['first', 'duplicate', 'mixed'] as const).flatMap((work): [Contender, Contender][] => [
      [own(work), own('hello')],
      [own(work), own('noop')],
      [own(work), { system: 'express-redis-postgres', work }],
      [own(work), { system: 'express-postgres', work }],
      [own(work), { system: 'fastify-redis', work }],
      [own(work), { system: 'express-redis-postgres in one process', work }],
      [own(work), { system: 'express-postgres in one process', work }],
      [own(work), { system: 'fastify-redis in one process', work }],
      [lane(work), own(work)],
      [lane(work), { system: 'ws-redis', work }],
      [lane(work), { system: 'fastify-redis', work }],
    ]),
  ]
  const sizes = [...new Set(measured.filter(({ loop }) => loop === 'closed').map(({ size }) => size))]
  return sizes
    .sort((a, b) => a - b)
    .flatMap((connections) =>
      pairs.flatMap(([ours, theirs]) => {
        const ratio = ratioOf(
          of(measured, connections, ours),
          of(measured, connections, theirs),
          (one) => one.perSecond,
        )
        return ratio === null ? [] : [{ connections, work: ours.work, ours, theirs, ratio }]
      }),
    )
}

function of(measured: Measured[], connections: number, { system, work }: Contender): Measured[] {
  return measured.filter(
    (one) => one.loop === 'closed' && one.size === connections && one.system === system && one.work === work,
  )
}

/** The median of each round's ratio; null where they share no round. */
function ratioOf(ours: Measured[], theirs: Measured[], figure: (one: Measured) => number): number | null {
  const ratios = ours.flatMap((one) => {
    const other = theirs.find(({ round }) => round === one.round)
    return other ? [figure(one) / figure(other)] : []
  })
  return ratios.length === 0 ? null : median(ratios)
}

function latencyOf(ones: Measured[], measured: Measured[]): Latency {
  const [{ size, system, work }] = ones as [Measured]
  const all = ones.flatMap(({ latencies }) => latencies)
  const heldAgainst = work === 'noop' ? 'first' : work
  const ours = measured.filter(
    (one) => one.loop === 'open' && one.size === size && one.work === heldAgainst && one.system === 'http',
  )
  const ratio = (q: number) => ratioOf(ours, ones, ({ latencies }) => quantile(latencies, q)) ?? Number.NaN
  const isOurs = (system === 'http' && work === heldAgainst) || ours.length === 0
  return {
    perSecond: size,
    work,
    system,
    p50: quantile(all, 0.5),
    p95: quantile(all, 0.95),
    p99: quantile(all, 0.99),
    max: quantile(all, 1),
    ratios: isOurs ? null : { p50: ratio(0.5), p95: ratio(0.95), p99: ratio(0.99) },
  }
}

function cpuMicros(ones: Measured[]): number | null {
  return known(ones.map(({ cpu, calls }) => cpu && (cpu.serverMs * 1000) / calls))
}

/** The median, or null where the machine does not tell. */
function known(figures: (number | null | undefined)[]): number | null {
  const told = figures.filter((figure) => figure != null)
  return told.length === 0 ? null : median(told)
}
