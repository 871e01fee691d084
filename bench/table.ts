import type { Machine } from './machine.ts'
import type { Latency, Rate, Summary } from './summary.ts'
import type { System } from './systems.ts'
import type { Found } from './trials/findings.ts'

const names: Record<System, string> = {
  http: 'Admit One',
  lane: 'Admit One, sockets',
  'express-redis-postgres': 'Express + Redis + PostgreSQL',
  'express-postgres': 'Express + PostgreSQL',
  'fastify-redis': 'Fastify + Redis (not durable)',
  'express-redis-postgres in one process': 'Express + Redis + PostgreSQL, one process',
  'express-postgres in one process': 'Express + PostgreSQL, one process',
  'fastify-redis in one process': 'Fastify + Redis (not durable), one process',
  'ws-redis': 'ws + Redis, each write on the disk',
}

const works = { hello: 'hello', noop: 'no-op', first: 'first scan', duplicate: 'duplicate', mixed: 'mixed' } as const

/** What this machine could not run, and why. */
export type Skipped = { name: string; because: string }

/** What a person reads of a run. */
export function table(machine: Machine, summary: Summary, rounds: number, skipped: Skipped[]): string {
  return `${[
    machineLine(machine, summary.othersCores),
    `Medians of ${rounds} rounds. The ratios are what counts: both sides of one were measured in the same round.`,
    ...(isAnyPeerIn(summary) ? [onThreads] : []),
    ...skipped.map(({ name, because }) => `Left out: ${nameOf(name)}, since ${because}.`),
    ...rateLines(summary),
    ...latencyLines(summary.latencies),
    ...summary.trials.flatMap(trialLines),
    '',
    'Every answer was checked. Our answer to a scan means that it is on the disk.',
  ].join('\n')}\n`
}

const onThreads =
  'Peers run as one process a core unless it says otherwise; locally our Worker and Gatekeeper share one thread.'

function isAnyPeerIn({ rates, latencies }: Summary): boolean {
  return [...rates, ...latencies].some(({ system }) => system !== 'http' && system !== 'lane')
}

function machineLine({ cores, cpu, node, workerd, syncMs }: Machine, othersCores: number | null): string {
  const others = othersCores === null ? [] : [`others took ${othersCores.toFixed(2)} of a core meanwhile`]
  const sync = `${(1000 / syncMs).toFixed(0)} fdatasyncs of 4 KiB a second`
  return [`${cores} cores (${cpu})`, `node ${node}`, `workerd ${workerd}`, sync, ...others].join(', ')
}

/** Each contender's own figures, and ours in proportion to them. */
function rateLines({ rates, races }: Summary): string[] {
  if (rates.length === 0) return []
  const rows = rates.map(({ connections, system, work, perSecond, cpuMicros }: Rate) => {
    const ratio = (by: 'http' | 'lane') =>
      races
        .filter((race) => race.connections === connections && race.ours.system === by)
        .filter(({ theirs }) => theirs.system === system && theirs.work === work)
        .map((race) => `${works[race.work as keyof typeof works]} ${race.ratio.toFixed(2)}`)
        .join(', ')
    return [
      String(connections),
      names[system],
      works[work as keyof typeof works] ?? work,
      perSecond.toFixed(0),
      cpuMicros === null ? '' : cpuMicros.toFixed(0),
      ratio('http'),
      ratio('lane'),
    ]
  })
  return [
    '',
    'Closed loop: each connection asks again as soon as it was answered',
    ...columns([
      ['at', 'who', 'what', 'a second', 'CPU µs', 'ours over HTTP to this', 'ours over sockets to this'],
      ...rows,
    ]),
  ]
}

function latencyLines(latencies: Latency[]): string[] {
  if (latencies.length === 0) return []
  const rows = latencies.map(({ perSecond, work, system, p50, p95, p99, max, ratios }) => [
    String(perSecond),
    names[system],
    works[work as keyof typeof works] ?? work,
    ...[p50, p95, p99, max].map((ms) => ms.toFixed(1)),
    ratios === null ? '' : [ratios.p50, ratios.p95, ratios.p99].map((ratio) => ratio.toFixed(2)).join('  '),
  ])
  return [
    '',
    'Open loop: calls come at a fixed rate; milliseconds from when each was due',
    ...columns([['a second', 'who', 'what', 'p50', 'p95', 'p99', 'max', 'ours to this: p50 p95 p99'], ...rows]),
  ]
}

/** A trial's own figures, and what they are held against. */
function trialLines({ about, sides, findings }: Found): string[] {
  const figure = (value: number | null, unit: string) => (value === null ? '' : value.toFixed(unit === 'ms' ? 1 : 0))
  const rows = findings.map(({ what, unit, value, base, ratio }) => [
    what,
    unit,
    figure(value, unit),
    figure(base, unit),
    ratio === null ? '' : ratio.toFixed(2),
  ])
  return ['', upper(about), ...columns([['what', 'in', sides.value, sides.base, 'ratio'], ...rows])]
}

function nameOf(skipped: string): string {
  return Object.entries(names).find(([system]) => system === skipped)?.[1] ?? skipped
}

function upper(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** Rows with their cells one under the other: words from the left, figures from the right. */
export function columns(rows: string[][]): string[] {
  const isText = (column: number) => rows.slice(1).some((row) => /[a-z]/i.test(row[column] ?? ''))
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows.map((row) =>
    row
      .map((cell, column) => (isText(column) ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('   ')
      .trimEnd(),
  )
}
