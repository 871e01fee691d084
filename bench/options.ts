import { parseArgs } from 'node:util'
import { inOneLine, UsageFailure } from '../cli/failure.ts'
import type { Window } from './load.ts'
import type { Setting } from './measure.ts'
import { type PeerName, peerNames } from './peers/start.ts'
import { type TrialName, trialNames } from './trials/trial.ts'

/** `brief` is for what leaves nothing to be done in the background. */
export type Plan = Window & {
  rounds: number
  brief: Window
  warmUp: Window
  settings: Setting[]
  peers: PeerName[]
  trials: TrialName[]
  isQuick: boolean
}

/** The parts of the bench, each of which can be run by itself. */
const scanParts = ['http', 'peers', 'lane', 'sync', 'open'] as const
type ScanPart = (typeof scanParts)[number]
const parts = [...scanParts, ...trialNames]
type Part = (typeof parts)[number]

export const benchHelp = `Measures the scan from end to end, and what else an evening asks of the server: against what the same server does
at best, and against what people would otherwise build. The peers need PostgreSQL and Redis; without them they are left
out by name.

  npm run bench
  npm run bench -- [options]

  --quick        shorter windows and two rounds, three to four minutes in place of twelve
  --only PARTS   some of ${parts.join(', ')}, with commas between
  --json         every figure for machines, instead of the table
  --help         this text

  http    scans over 1, 10, 64 and 200 connections
  peers   the same work over 64 connections, of Express, Fastify, Redis and PostgreSQL, each as one process a core
          and as one in all
  lane    scans over 64 sockets, and Node's ws with Redis
  sync    batches of 100 and 500 offline scans
  open    scans that come at a fixed rate: 60, 300, 500 and 1,000 a second, and empty calls to the Gatekeeper
  images  QR images as SVG, drawn and from the cache, and of Express with qrcode and Redis
  live    100 scans a second with nobody and with 100 people watching, and how soon those hear of each
  reports reports and lists of an event with 100,000 entries, and of one where nobody came
  import  5,000 rows imported in one go, and 100 scans a second meanwhile and without

Let nothing else run on the machine meanwhile. Exit codes: 0 measured, 1 an answer was wrong, 2 a wrong option.
`

/** Takes the arguments of the command line; gives what to do, or null where the help was asked for. */
export function parseBenchOptions(args: string[]): { plan: Plan; json: boolean } | null {
  const { quick, json, help, only } = parse(args)
  if (help) return null
  const wanted = only === undefined ? [...parts] : partsIn(only)
  const settings = scanParts.filter((part) => wanted.includes(part)).flatMap((part) => settingsOf[part])
  const trials = trialNames.filter((name) => wanted.includes(name))
  const peers = peerNames.filter((name) => settings.some(({ system }) => system === name))
  const windows = quick ? quickly : wholly
  return { plan: { ...windows, settings: distinct(settings), peers, trials, isQuick: quick }, json }
}

const closed = (size: number, system: Setting['system'], ...works: Setting['work'][]): Setting[] =>
  works.map((work) => ({ loop: 'closed', size, system, work }))
const open = (size: number, work: Setting['work'], ...systems: Setting['system'][]): Setting[] =>
  systems.map((system) => ({ loop: 'open', size, system, work }))

/** What each part measures; what a ratio needs stands in every part that has that ratio. */
const settingsOf: Record<ScanPart, Setting[]> = {
  http: [
    ...closed(1, 'http', 'first', 'duplicate', 'mixed'),
    ...closed(10, 'http', 'first', 'duplicate', 'mixed'),
    ...closed(64, 'http', 'hello', 'noop', 'first', 'duplicate', 'mixed'),
    ...closed(200, 'http', 'first', 'duplicate', 'mixed'),
  ],
  peers: [
    ...closed(64, 'http', 'first', 'duplicate'),
    ...closed(64, 'express-redis-postgres', 'first', 'duplicate'),
    ...closed(64, 'express-postgres', 'first', 'duplicate'),
    ...closed(64, 'fastify-redis', 'first'),
    ...closed(64, 'express-redis-postgres in one process', 'first', 'duplicate'),
    ...closed(64, 'express-postgres in one process', 'first', 'duplicate'),
    ...closed(64, 'fastify-redis in one process', 'first'),
  ],
  lane: [
    ...closed(64, 'http', 'first'),
    ...closed(64, 'lane', 'first', 'duplicate'),
    ...closed(64, 'ws-redis', 'first', 'duplicate'),
    ...closed(64, 'fastify-redis', 'first'),
  ],
  sync: [...open(5, 'sync 100', 'http', 'express-postgres'), ...open(2, 'sync 500', 'http', 'express-postgres')],
  open: [60, 300, 500, 1000].flatMap((rate) => [
    ...open(rate, 'noop', 'http'),
    ...open(rate, 'first', 'http', 'express-redis-postgres', 'express-postgres'),
  ]),
}

/** The first time that a setting is taken makes the compilers ready, and tells how many tickets it takes. */
const warmUp = { leadInMs: 0, windowMs: 500 }

// The outbox tells D1 every two seconds: with its lead-in, a window of our scans holds its share of that work.
const wholly = { rounds: 5, leadInMs: 200, windowMs: 2000, brief: { leadInMs: 200, windowMs: 900 }, warmUp }

const quick = { leadInMs: 200, windowMs: 600 }
const quickly = { rounds: 2, ...quick, brief: quick, warmUp: { leadInMs: 0, windowMs: 300 } }

function distinct(settings: Setting[]): Setting[] {
  return [...new Map(settings.map((setting) => [JSON.stringify(setting), setting])).values()]
}

function partsIn(text: string): Part[] {
  const named = text.split(',').map((word) => word.trim())
  const unknown = named.filter((word) => !(parts as readonly string[]).includes(word))
  if (unknown.length === 0) return parts.filter((part) => named.includes(part))
  throw new UsageFailure(`There is no part "${unknown[0]}"; see npm run bench -- --help.`)
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        quick: { type: 'boolean', default: false },
        only: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values
  } catch (error) {
    // parseArgs throws for an unknown option, and says which.
    throw new UsageFailure(`${inOneLine(error)}; see npm run bench -- --help.`)
  }
}
