import { parseArgs } from 'node:util'
import { inOneLine, UsageFailure } from '../cli/failure.ts'
import type { Window } from './load.ts'
import type { Setting } from './measure.ts'

export type Plan = Window & { rounds: number; warmUp: Window; settings: Setting[] }

export const benchHelp = `Measures the scan from end to end, as ratios to what the same server does at best.

  npm run bench
  npm run bench -- [options]

  --quick   shorter windows and fewer rounds, under a minute
  --json    every figure for machines, instead of the table
  --help    this text

Let nothing else run on the machine meanwhile. Exit codes: 0 measured, 1 an answer was wrong, 2 a wrong option.
`

/** Takes the arguments of the command line; gives what to do, or null where the help was asked for. */
export function parseBenchOptions(args: string[]): { plan: Plan; json: boolean } | null {
  const { quick, json, help } = parse(args)
  return help ? null : { plan: quick ? quickPlan : wholePlan, json }
}

const settings: Setting[] = [
  ...[1, 10, 64].flatMap((size) =>
    (['hello', 'noop', 'first', 'duplicate'] as const).map((subject) => ({ loop: 'closed', size, subject }) as const),
  ),
  ...[60, 300, 1000].flatMap((size) =>
    (['noop', 'first'] as const).map((subject) => ({ loop: 'open', size, subject }) as const),
  ),
]

const warmUp = { leadInMs: 0, windowMs: 700 }

// The outbox tells D1 every two seconds: with a window of two seconds each holds its share of that work.
const wholePlan: Plan = { rounds: 5, leadInMs: 500, windowMs: 2000, warmUp, settings }

const quickPlan: Plan = { rounds: 2, leadInMs: 200, windowMs: 600, warmUp, settings }

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        quick: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values
  } catch (error) {
    // parseArgs throws for an unknown option, and says which.
    throw new UsageFailure(`${inOneLine(error)}; see npm run bench -- --help.`)
  }
}
