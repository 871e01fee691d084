import { nextCall, type Subject } from './calls.ts'
import { type CpuUse, countCpu } from './cpu.ts'
import { closedLoop, type Load, openLoop, type Window } from './load.ts'
import type { Plan } from './options.ts'
import { type Stage, settle, supply } from './stage.ts'

/** One window of one subject. `size` is the number of connections, or the calls a second. */
export type Measured = Setting & Load & { round: number; cpu: CpuUse | null }

export type Setting = { loop: 'closed' | 'open'; size: number; subject: Subject }

/** Measures everything in turn, so that whatever else the machine does falls on all alike. */
export async function measure(
  stage: Stage,
  plan: Plan,
  serverPid: number,
  tell: (line: string) => void,
): Promise<Measured[]> {
  const measured: Measured[] = []
  for (let round = 0; round <= plan.rounds; round++) {
    for (const setting of inTurn(plan.settings, round)) {
      const load = await measureOne(stage, setting, round === 0 ? plan.warmUp : plan, serverPid, measured)
      tell(`${round === 0 ? 'warming up' : `round ${round} of ${plan.rounds}`}: ${describe(setting, load)}`)
      // The first round only teaches the server's compiler what is hot, and us how many tickets are needed.
      measured.push({ ...setting, ...load, round })
    }
  }
  return measured.filter(({ round }) => round > 0)
}

async function measureOne(
  stage: Stage,
  setting: Setting,
  window: Window,
  serverPid: number,
  before: Measured[],
): Promise<Load & { cpu: CpuUse | null }> {
  const { loop, size, subject } = setting
  if (subject === 'first') await supply(stage, ticketsFor(setting, window, before))
  // One window is not to pay for what another left in the outbox.
  await settle(stage)
  const cpuUsed = countCpu(serverPid)
  const drive = loop === 'closed' ? closedLoop : openLoop
  const load = await drive(stage.port, size, () => nextCall(stage, subject), window)
  return { ...load, cpu: cpuUsed() }
}

/** What is compared is measured side by side, each round with another subject first. */
function inTurn(settings: Setting[], round: number): Setting[] {
  return Object.values(Object.groupBy(settings, ({ loop, size }) => `${loop} ${size}`)).flatMap((alike = []) => {
    const first = round % alike.length
    return [...alike.slice(first), ...alike.slice(0, first)]
  })
}

/** Takes what was measured so far; gives how many tickets a window may take. */
function ticketsFor({ loop, size, subject }: Setting, { leadInMs, windowMs }: Window, before: Measured[]): number {
  const alike = before.filter((one) => one.loop === loop && one.size === size && one.subject === subject)
  const perSecond = loop === 'open' ? size : Math.max(4000 + size * 100, ...alike.map((one) => one.perSecond * 1.5))
  return Math.ceil((perSecond * (leadInMs + windowMs)) / 1000) + size
}

function describe({ loop, size, subject }: Setting, { perSecond }: Load): string {
  const how = loop === 'closed' ? `${size} connections` : `${size} a second`
  return `${subject} at ${how}: ${Math.round(perSecond)} a second`
}
