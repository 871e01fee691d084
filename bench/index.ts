import { Failure, inOneLine } from '../cli/failure.ts'
import { describeMachine } from './machine.ts'
import { measure } from './measure.ts'
import { benchHelp, parseBenchOptions } from './options.ts'
import { type Peers, startPeers } from './peers/start.ts'
import { type Server, startServer } from './server.ts'
import { setStage } from './stage.ts'
import { summarize } from './summary.ts'
import { table } from './table.ts'
import { setTrial } from './trials/set.ts'
import type { Trial } from './trials/trial.ts'

// What `npm run bench` runs. This process does nothing but ask, and the server is one of its own.

let server: Server | null = null
let peers: Peers | null = null
const trials: Trial[] = []
let isFinishing = false
process.once('SIGINT', () => void finish(130))
process.once('SIGTERM', () => void finish(143))
// Thrown where nobody waits, on a socket: the server must not be left behind.
process.on('uncaughtException', (error) => {
  process.stderr.write(`The bench failed: ${inOneLine(error)}\n`)
  void finish(1)
})

try {
  const options = parseBenchOptions(process.argv.slice(2))
  if (options) await bench(options)
  else process.stdout.write(benchHelp)
  await finish(0)
} catch (error) {
  process.stderr.write(`${error instanceof Failure ? error.message : `The bench failed: ${inOneLine(error)}`}\n`)
  await finish(error instanceof Failure ? error.exitCode : 1)
}

async function bench({ plan, json }: NonNullable<ReturnType<typeof parseBenchOptions>>): Promise<void> {
  const machine = describeMachine()
  tell('starting the server')
  server = await startServer()
  const stage = await setStage(server)
  if (plan.peers.length > 0) tell('starting the peers')
  peers = await startPeers(plan.peers)
  for (const name of plan.trials) {
    tell(`setting up: ${name}`)
    trials.push(await setTrial(name, server, plan.isQuick))
  }
  const { running } = peers
  const skipped = [...peers.skipped, ...trials.flatMap((trial) => trial.skipped)]
  for (const { name, because } of skipped) tell(`left out: ${name}, since ${because}`)
  const rig = {
    stage,
    peers: running.map((peer) => ({ peer, fresh: [], used: [], calls: 0 })),
    serverPid: server.pid,
  }
  const { measured, taken } = await measure(rig, plan, trials, tell)
  const summary = summarize(measured, taken, trials)
  const { rounds } = plan
  if (json)
    process.stdout.write(`${JSON.stringify({ machine, rounds, skipped, ...summary, windows: windows(), taken })}\n`)
  else process.stdout.write(table(machine, summary, rounds, skipped))

  function windows() {
    return measured.map(({ latencies, ...figures }) => figures)
  }
}

function tell(line: string): void {
  process.stderr.write(`${line}\n`)
}

async function finish(exitCode: number): Promise<void> {
  // What fails on one connection mostly fails on the others as well.
  if (isFinishing) return
  isFinishing = true
  for (const trial of trials) await trial.stop()
  await peers?.stop()
  await server?.stop()
  process.exit(exitCode)
}
