import type { Work } from './calls.ts'
import { type CpuUse, countCpu } from './cpu.ts'
import { closedLoop, type Load, openLoop, type Window } from './load.ts'
import type { Plan } from './options.ts'
import { settle } from './stage.ts'
import { driverOf, type Rig, type System } from './systems.ts'
import type { Taken } from './trials/findings.ts'
import type { Trial } from './trials/trial.ts'

/** One window of one setting. `size` is the number of connections, or the calls a second. */
export type Measured = Setting & Load & { round: number; cpu: CpuUse | null }

export type Setting = { loop: 'closed' | 'open'; size: number; system: System; work: Work }

/** Measures everything in turn, so that whatever else the machine does falls on all alike. */
export async function measure(
  rig: Rig,
  plan: Plan,
  trials: Trial[],
  tell: (line: string) => void,
): Promise<{ measured: Measured[]; taken: Taken[] }> {
  const measured: Measured[] = []
  const taken: Taken[] = []
  for (let round = 0; round <= plan.rounds; round++) {
    const name = round === 0 ? 'warming up' : `round ${round} of ${plan.rounds}`
    for (const setting of inTurn(plan.settings, round)) {
      const window = round === 0 ? plan.warmUp : takesItsTime(setting) ? plan : plan.brief
      const load = await measureOne(rig, setting, window, measured)
      if (load === null) continue
      tell(`${name}: ${describe(setting, load)}`)
      // The first round only teaches the compilers what is hot, and us how many tickets are needed.
      measured.push({ ...setting, ...load, round })
    }
    if (trials.length > 0) await settle(rig.stage)
    for (const trial of trials) {
      taken.push({ trial: trial.name, round, ...(await trial.measure(round)) })
      tell(`${name}: ${trial.name}`)
    }
  }
  const counts = ({ round }: { round: number }) => round > 0
  return { measured: measured.filter(counts), taken: taken.filter(counts) }
}

async function measureOne(
  rig: Rig,
  setting: Setting,
  window: Window,
  before: Measured[],
): Promise<(Load & { cpu: CpuUse | null }) | null> {
  const { loop, size, system, work } = setting
  const driver = driverOf(rig, system, work)
  if (driver === null) return null
  await driver.supply(ticketsFor(setting, window, before))
  // One window is not to pay for what another left in the outbox.
  await driver.settle()
  const cpuUsed = countCpu(rig.serverPid)
  const drive = loop === 'closed' ? closedLoop : openLoop
  const load = await drive(driver.to, size, driver.next, window)
  return { ...load, cpu: isOurs(system) ? cpuUsed() : null }
}

const isOurs = (system: System) => system === 'http' || system === 'lane'

/** Our scans leave something to be done; and whose stalls are held against theirs has as long for them. */
const takesItsTime = ({ loop, system, work }: Setting) =>
  isOurs(system) && (loop === 'open' || ['first', 'duplicate', 'mixed'].includes(work))

/** What is compared is measured side by side, each round with another system first. */
function inTurn(settings: Setting[], round: number): Setting[] {
  return Object.values(Object.groupBy(settings, ({ loop, size }) => `${loop} ${size}`)).flatMap((alike = []) => {
    const first = round % alike.length
    return [...alike.slice(first), ...alike.slice(0, first)]
  })
}

/** So many tickets that nobody has scanned go with a call. */
const ticketsPerCall: Record<Work, number> = {
  hello: 0,
  noop: 0,
  first: 1,
  duplicate: 0,
  mixed: 0.8,
  'sync 100': 100,
  'sync 500': 500,
}

/** Takes what was measured so far; gives how many tickets a window may take. */
function ticketsFor(setting: Setting, { leadInMs, windowMs }: Window, before: Measured[]): number {
  const { loop, size, system, work } = setting
  const alike = before.filter(
    (one) => one.loop === loop && one.size === size && one.system === system && one.work === work,
  )
  // Codes of peers cost next to nothing to make.
  const guess = isOurs(system) ? 8000 : 40_000
  const perSecond = loop === 'open' ? size : Math.max(guess, ...alike.map((one) => one.perSecond * 1.5))
  return Math.ceil(ticketsPerCall[work] * ((perSecond * (leadInMs + windowMs)) / 1000 + size))
}

function describe({ loop, size, system, work }: Setting, { perSecond }: Load): string {
  const how = loop === 'closed' ? `${size} connections` : `${size} a second`
  return `${system} ${work} at ${how}: ${Math.round(perSecond)} a second`
}
