import { Failure, inOneLine } from '../cli/failure.ts'
import { describeMachine } from './machine.ts'
import { measure } from './measure.ts'
import { benchHelp, parseBenchOptions } from './options.ts'
import { type Server, startServer } from './server.ts'
import { setStage } from './stage.ts'
import { summarize } from './summary.ts'
import { table } from './table.ts'

// What `npm run bench` runs. This process does nothing but ask, and the server is one of its own.

let server: Server | null = null
process.once('SIGINT', () => void finish(130))
process.once('SIGTERM', () => void finish(143))
// Thrown where nobody waits, on a socket: the server must not be left behind.
process.once('uncaughtException', (error) => {
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
  const measured = await measure(stage, plan, server.pid, tell)
  const summary = summarize(measured)
  if (json)
    process.stdout.write(`${JSON.stringify({ machine, rounds: plan.rounds, ...summary, windows: windows() })}\n`)
  else process.stdout.write(table(machine, summary, plan.rounds))

  function windows() {
    return measured.map(({ latencies, ...figures }) => figures)
  }
}

function tell(line: string): void {
  process.stderr.write(`${line}\n`)
}

async function finish(exitCode: number): Promise<void> {
  await server?.stop()
  process.exit(exitCode)
}
