import { parseArgs } from 'node:util'
import { Failure, inOneLine, UsageFailure } from '../../cli/failure.ts'
import { v8Flags } from '../../cli/local-runtime.ts'
import type { Work } from '../calls.ts'
import { closedLoop, type Load, openLoop } from '../load.ts'
import { median } from '../quantile.ts'
import { startServer } from '../server.ts'
import { setStage } from '../stage.ts'
import { driverOf, type Rig } from '../systems.ts'
import { columns } from '../table.ts'
import { type Part, parts } from './parts.ts'
import { lookAt, namingFlags, needPerf, watchNames, workerdOf } from './perf.ts'

const help = `Says where the server's CPU goes for one call, beside the empty call to the Gatekeeper. Being looked at takes time
itself: for how fast something is, there is npm run bench. Needs Linux and its perf.

  npm run bench:profile -- [options]

  --work WORK      hello, noop, first (unless said), duplicate, mixed, "sync 100" or "sync 500"
  --rate N         so many calls a second; 60 unless said
  --connections N  instead: each of so many connections asks again as soon as it was answered
  --seconds N      how long to look; 10 unless said
  --help           this text
`

/** More scans than are answered in a second, however many connections ask. */
const MOST_A_SECOND = 5000

const works = ['hello', 'noop', 'first', 'duplicate', 'mixed', 'sync 100', 'sync 500'] as const satisfies Work[]

type Options = { work: Work; rate: number; connections: number | null; seconds: number }

/** What was seen of one kind of call: microseconds of CPU for each, and its median latency. */
type Seen = { micros: Map<Part, number>; ms: number }

try {
  const options = parse(process.argv.slice(2))
  if (options) await profile(options)
  else process.stdout.write(help)
} catch (error) {
  process.stderr.write(`${error instanceof Failure ? error.message : `The profile failed: ${inOneLine(error)}`}\n`)
  process.exitCode = error instanceof Failure ? error.exitCode : 1
}

async function profile(options: Options): Promise<void> {
  needPerf()
  process.env.MINIFLARE_WORKERD_V8_FLAGS = `${v8Flags} ${namingFlags}`
  const forgetNames = watchNames()
  const server = await startServer()
  try {
    const workerd = workerdOf(server.pid)
    const rig = { stage: await setStage(server), peers: [], serverPid: server.pid }
    // The first look is to find everything compiled, and a duplicate somebody who is in.
    for (const work of ['noop', 'first', options.work] as const) {
      const warmUp = await prepare(rig, { ...options, work, seconds: 2 })
      await warmUp()
    }
    const base = await look(rig, workerd, { ...options, work: 'noop' })
    const seen = await look(rig, workerd, options)
    process.stdout.write(told(options, seen, base))
  } finally {
    await server.stop()
    forgetNames()
  }
}

async function look(rig: Rig, workerd: number, options: Options): Promise<Seen> {
  const { done, micros } = await lookAt(workerd, await prepare(rig, options))
  return { micros: new Map([...micros].map(([part, sum]) => [part, sum / done.calls])), ms: median(done.latencies) }
}

/** Makes everything ready, tickets too; gives what makes the calls. */
async function prepare(rig: Rig, { work, rate, connections, seconds }: Options): Promise<() => Promise<Load>> {
  const driver = driverOf(rig, 'http', work)
  if (driver === null) throw new Error(`nobody does ${work}`)
  const scans = work.startsWith('sync') ? Number(work.slice('sync '.length)) : 1
  await driver.supply((connections === null ? scans * rate : MOST_A_SECOND) * seconds + scans)
  await driver.settle()
  const window = { leadInMs: 0, windowMs: seconds * 1000 }
  return () =>
    connections === null
      ? openLoop(driver.to, rate, driver.next, window)
      : closedLoop(driver.to, connections, driver.next, window)
}

function told({ work, rate, connections }: Options, seen: Seen, base: Seen): string {
  const of =
    (part: Part) =>
    ({ micros }: Seen) =>
      micros.get(part) ?? 0
  const all = ({ micros }: Seen) => [...micros.values()].reduce((sum, part) => sum + part, 0)
  const row = (name: string, figure: (of: Seen) => number, digits = 0) => [
    name,
    figure(seen).toFixed(digits),
    figure(base).toFixed(digits),
  ]
  const how = connections === null ? `at ${rate} a second` : `over ${connections} connections`
  return `${[
    `CPU of workerd for one call ${how}, by what was going on innermost, in microseconds`,
    '',
    ...columns([
      ['', work, 'no-op'],
      ...parts.map((part) => row(part, of(part))),
      row('all of it', all),
      row('median latency while it was looked at, in milliseconds', ({ ms }) => ms, 1),
    ]),
  ].join('\n')}\n`
}

/** null: the help was asked for. */
function parse(args: string[]): Options | null {
  const { work, rate, connections, seconds, help: isHelp } = valuesOf(args)
  if (isHelp) return null
  const known = works.find((name) => name === work)
  if (known === undefined) throw new UsageFailure(`There is no work "${work}"; see npm run bench:profile -- --help.`)
  return {
    work: known,
    rate: count('rate', rate),
    connections: connections === undefined ? null : count('connections', connections),
    seconds: count('seconds', seconds),
  }
}

function count(name: string, text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text)
  throw new UsageFailure(`--${name} takes a whole number, not "${text}".`)
}

function valuesOf(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        work: { type: 'string', default: 'first' },
        rate: { type: 'string', default: '60' },
        connections: { type: 'string' },
        seconds: { type: 'string', default: '10' },
        help: { type: 'boolean', default: false },
      },
    }).values
  } catch (error) {
    // parseArgs throws for an unknown option, and says which.
    throw new UsageFailure(`${inOneLine(error)}; see npm run bench:profile -- --help.`)
  }
}
