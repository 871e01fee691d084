import { nextCall } from './calls.ts'
import { countCpu } from './cpu.ts'
import { closedLoop } from './load.ts'
import { median } from './quantile.ts'
import { startServer } from './server.ts'
import { type Stage, setStage, settle, supply } from './stage.ts'

/*
 * What `npm run bench:scaling` runs: first scans of an event that one object judges and of such that are divided, in turn
 * on the same server. Locally all objects share one thread, so that nothing gets faster by dividing; what is seen is what
 * it costs: of a scan of a divided event, all that is more than of another is the handing over and the taking in.
 */

const SHARDS = [1, 2, 4, 8]
const CONNECTIONS = 64
const WINDOW = { leadInMs: 500, windowMs: 2500 }
const ROUNDS = Number(process.argv[2] ?? 5)
/** More than any machine judges in a window. */
const MOST_A_SECOND = 6000

/** Of a scan, in microseconds of CPU: being judged and answered, and being handed over and taken in. */
type Figures = { perSecond: number; judging: number; takingIn: number }

const server = await startServer()
try {
  const stages: Stage[] = []
  for (const shards of SHARDS) stages.push(await setStage(server, shards))
  for (const stage of stages) await measure(stage)
  const rounds: Figures[][] = []
  for (let i = 0; i < ROUNDS; i++) {
    const round: Figures[] = []
    for (const stage of stages) round.push(await measure(stage))
    rounds.push(round)
  }
  report(rounds)
} finally {
  await server.stop()
}

async function measure(stage: Stage): Promise<Figures> {
  await supply(stage, (MOST_A_SECOND * (WINDOW.leadInMs + WINDOW.windowMs)) / 1000)
  const { api, eventId } = stage
  await api.post(`/bench/hold/${eventId}`, {})
  const judged = countCpu(server.pid)
  const { perSecond, calls } = await closedLoop(stage.port, CONNECTIONS, () => nextCall(stage, 'first'), WINDOW)
  const judging = microsOf(judged, calls)
  const taken = countCpu(server.pid)
  await api.post(`/bench/gather/${eventId}`, {})
  const takingIn = microsOf(taken, calls)
  // What it costs to tell D1 is no more for the one than for the other.
  await settle(stage)
  return { perSecond, judging, takingIn }
}

function microsOf(counted: ReturnType<typeof countCpu>, calls: number): number {
  return ((counted()?.serverMs ?? Number.NaN) * 1000) / calls
}

function report(rounds: Figures[][]): void {
  const of = (i: number, what: (figures: Figures) => number) => median(rounds.map((round) => what(at(round, i))))
  const ratio = (i: number, what: (figures: Figures) => number) =>
    median(rounds.map((round) => what(at(round, i)) / what(at(round, 0))))
  process.stdout.write('shards  first scans/s  to one   judging  to one  taking in\n')
  for (const [i, shards] of SHARDS.entries()) {
    const cells = [
      String(shards).padStart(6),
      of(i, ({ perSecond }) => perSecond)
        .toFixed(0)
        .padStart(13),
      ratio(i, ({ perSecond }) => perSecond)
        .toFixed(2)
        .padStart(6),
      `${of(i, ({ judging }) => judging).toFixed(0)} µs`.padStart(8),
      ratio(i, ({ judging }) => judging)
        .toFixed(2)
        .padStart(6),
      `${of(i, ({ takingIn }) => takingIn).toFixed(0)} µs`.padStart(9),
    ]
    process.stdout.write(`${cells.join('  ')}\n`)
  }
}

function at(round: Figures[], i: number): Figures {
  const figures = round[i]
  if (!figures) throw new Error('a round lacks an event')
  return figures
}
