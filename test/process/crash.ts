import { parseArgs } from 'node:util'
import { crash, inWords, type Outcome, type Plan, rulesOf } from './crashing.ts'
import {
  type Control,
  controlOfVersions,
  type Faulted,
  failingParts,
  controls as faultControls,
  fullDisk,
  twoVersions,
} from './faults.ts'

/*
 * `npm run crash`: kill -9 of whole servers under load, as often as one likes. It begins with two servers that are broken
 * on purpose: a run that does not find them out is worth nothing, nor one that finds them out without a kill. Then it goes round by round, each with a server of its
 * own that is killed ten times and whose history is checked in the end.
 */

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '50' },
    seed: { type: 'string', default: '1' },
    minutes: { type: 'string', default: 'Infinity' },
    between: { type: 'string', default: '1000' },
    /** Faults in the place of kills. */
    faults: { type: 'boolean', default: false },
    /** What git calls the version before; with it, both are made to meet. */
    before: { type: 'string' },
  },
})
const KILLS_A_ROUND = 10
const kills = Number(values.kills)
const between = Number(values.between)
const until = Date.now() + Number(values.minutes) * 60_000
// More new tickets than a round can use, so that most scans could let somebody in.
const plan = { tickets: KILLS_A_ROUND * between + 3000, between, again: 150, crowd: { pauseMs: 2 } }

// Without gates that are cut off: what they bring home has the first control write everything.
const busy = { tickets: 4000, between: 200, again: 400, crowd: { pauseMs: 10, cutOff: 0 } }
const ackBeforeWrite = { ...busy, worker: 'test/process/controls/ack-before-write.ts' }
const controls: { name: string; plan: Omit<Plan, 'seed'>; rule: string }[] = [
  { name: 'answers before it writes', plan: { ...ackBeforeWrite, kills: 2 }, rule: 'lost' },
  {
    name: 'waits between its look and its write',
    plan: { ...busy, worker: 'test/process/controls/stale-look-up.ts', kills: 1 },
    rule: 'in twice',
  },
]
if (values.faults) await tryFaults()
else await killServers()

async function tryFaults(): Promise<void> {
  const { before } = values
  const ofVersions = before === undefined ? [] : [controlOfVersions(before)]
  for (const control of [...faultControls, ...ofVersions]) await findFaultOut(control)

  report('D1, KV and the storage fail', await failingParts())
  report('the disk is full for a while', await fullDisk())
  if (before === undefined) return
  report(`the Worker of ${before}, the Gatekeeper of now`, await twoVersions(before, 'before'))
  report(`the Worker of now, the Gatekeeper of ${before}`, await twoVersions(before, 'after'))
}

/** A broken server has to be found out where something fails, and only there. */
async function findFaultOut({ name, rule, failed, well }: Control): Promise<void> {
  const whereItFails = await failed()
  if (whereItFails === null) {
    console.log(`control: a server that ${name}: left out, since only root can have a small disk made`)
    return
  }
  const rules = rulesOf(whereItFails.violations)
  if (!rules.includes(rule)) fail(`a server that ${name} was not found out: ${rules.join(', ') || 'nothing'}`)
  console.log(`control: a server that ${name} was found out: ${counted(whereItFails.violations)}`)
  if (well === null) return
  const whereNothingFails = await well()
  const foundAnyway = counted(whereNothingFails.violations)
  if (foundAnyway !== '') fail(`a server that ${name} was found out though nothing failed: ${foundAnyway}`)
  console.log(`control: it was not found out in ${whereNothingFails.answered} answers, since nothing failed`)
}

function counted(violations: Faulted['violations']): string {
  const byRule = Object.entries(Object.groupBy(violations, ({ rule }) => rule))
  return byRule.map(([rule, found]) => `${found?.length} × ${rule}`).join(', ')
}

function report(name: string, faulted: Faulted | null): void {
  if (faulted === null) {
    console.log(`${name}: left out, since only root can have a small disk made`)
    return
  }
  const { violations, ...counts } = faulted
  console.log(`${name}: ${violations.length} promises broken; ${JSON.stringify(counts)}`)
  for (const { rule, detail } of violations.slice(0, 10)) console.error(`${rule}: ${detail}`)
  if (violations.length > 0) process.exitCode = 1
}

async function killServers(): Promise<void> {
  for (const { name, plan, rule } of controls) await findOut(name, plan, rule)
  await findNothing('answers before it writes', ackBeforeWrite)

  const total = { kills: 0, acked: 0, synced: 0, admitted: 0, duplicates: 0, conflicts: 0, toldAgain: 0, settled: 0 }
  for (let seed = Number(values.seed); total.kills < kills && Date.now() < until; seed++) {
    const wanted = Math.min(KILLS_A_ROUND, kills - total.kills)
    const outcome = await crash({ ...plan, kills: wanted, seed })
    check(seed, outcome)
    total.kills += wanted
    for (const what of ['acked', 'synced', 'admitted', 'duplicates', 'conflicts', 'toldAgain', 'settled'] as const) {
      total[what] += outcome[what]
    }
    console.log(`seed ${seed}: ${inWords(outcome)}; ${total.kills} kills and ${total.acked} answers so far`)
  }
  console.log(`nothing lost, nobody in twice, D1 equal to the log: ${JSON.stringify(total)}`)
}

/** Whether a kill comes in the very moment that shows the fault is chance: each control has three runs to be found out. */
async function findOut(name: string, plan: Omit<Plan, 'seed'>, rule: string): Promise<void> {
  for (let seed = 1; seed <= 3; seed++) {
    const outcome = await crash({ ...plan, seed })
    const rules = rulesOf([...outcome.forgotten, ...outcome.violations])
    if (!rules.includes(rule)) continue
    console.log(`control: a server that ${name} was found out: ${rules.join(', ')}`)
    return
  }
  fail(`a server that ${name} was not found out`)
}

/** As long as nobody kills it, the broken server keeps every promise: so it was the kill that found it out. */
async function findNothing(name: string, plan: Omit<Plan, 'seed' | 'kills'>): Promise<void> {
  const outcome = await crash({ ...plan, kills: 0, seed: 1 })
  const rules = rulesOf(outcome.violations)
  if (rules.length > 0) fail(`a server that ${name} was found out though nobody killed it: ${rules.join(', ')}`)
  console.log(`control: a server that ${name} was not found out in ${outcome.acked} answers, since nobody killed it`)
}

function check(seed: number, outcome: Outcome): void {
  const { forgotten, violations, drainedAlone } = outcome
  if (forgotten.length === 0 && violations.length === 0 && drainedAlone) return
  for (const { rule, detail } of [...forgotten, ...violations].slice(0, 20)) console.error(`${rule}: ${detail}`)
  fail(`seed ${seed}: ${inWords(outcome)}\nagain with: npm run crash -- --kills 10 --seed ${seed}`)
}

function fail(message: string): never {
  console.error(message)
  process.exit(1)
}
