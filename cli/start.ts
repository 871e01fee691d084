import { enableCompileCache } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import { claimPort } from './claim-port.ts'
import { Failure, inOneLine } from './failure.ts'
import type { LocalRuntime } from './local-runtime.ts'
import { loadSecrets } from './secrets.ts'
import { parseStartOptions, type StartOptions, startHelp } from './start-options.ts'
import { openStateFolder } from './state-folder.ts'
import { lockState } from './state-lock.ts'

// What `npm start` runs: one server on this computer, until it is told to stop.

let runtime: LocalRuntime | null = null
let releaseLock = () => {}
let isStopping = false

try {
  const options = parseStartOptions(process.argv.slice(2))
  if (options) await start(options)
  else process.stdout.write(startHelp)
} catch (error) {
  // Whatever was cut off by stopping is no failure.
  if (!isStopping) await giveUp(error)
}

async function start(options: StartOptions): Promise<void> {
  const { host, stateDir, allowLocalWebhooks } = options
  stopOnSignals()
  openStateFolder(stateDir)
  const port = await claimPort(host, options.port)
  releaseLock = lockState(stateDir)
  const secrets = loadSecrets(stateDir, process.env, options.newTicketKey)

  // Imported here because Miniflare takes a while to load, and what can be refused is refused at once.
  enableCompileCache()
  const { startRuntime } = await import('./local-runtime.ts')
  const root = `${import.meta.dirname}/..`
  runtime = await startRuntime({
    root,
    worker: options.worker,
    host,
    port,
    stateDir,
    secrets,
    allowLocalWebhooks,
    onDeath: giveUp,
  })
  await untilHealthy(runtime.url)
  sweepEveryMinute(runtime)

  if (options.empty) {
    console.log(`Admit One is ready at ${runtime.url}`)
    return
  }
  const { openDemo } = await import('./demo.ts')
  const { welcome } = await import('./welcome.ts')
  const demo = await openDemo({ root, url: runtime.url, adminKey: secrets.adminKey, stateDir })
  console.log(await welcome(demo, stateDir))
}

function stopOnSignals(): void {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => void stop())
  // npm hands a signal on to the shell between us, which dies of it and tells nobody.
  const { ppid } = process
  const stopWithNpm = () => process.ppid !== ppid && void stop()
  if (process.env.npm_lifecycle_event === 'start') setInterval(stopWithNpm, 200).unref()
}

async function stop(): Promise<void> {
  if (isStopping) return
  await putAway()
  process.exit(0)
}

async function giveUp(error: unknown): Promise<void> {
  if (isStopping) return
  process.stderr.write(error instanceof Failure ? `${error.message}\n` : `${describeBug(error)}\n`)
  await putAway()
  process.exit(error instanceof Failure ? error.exitCode : 1)
}

async function putAway(): Promise<void> {
  isStopping = true
  // Every acknowledged scan is on the disk, so nothing is lost by being cut short. A runtime that never got ready
  // says so once more here; leaving this process kills what is left of it.
  await Promise.race([runtime?.dispose().catch(() => {}), sleep(1500)])
  releaseLock()
}

function describeBug(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

async function untilHealthy(url: string): Promise<void> {
  let last = 'no answer'
  for (const deadline = Date.now() + 30_000; Date.now() < deadline; await sleep(50)) {
    try {
      const response = await fetch(`${url}/api/hp-scanner/health`, { signal: AbortSignal.timeout(5000) })
      if (response.ok) return
      last = `${response.status} ${await response.text()}`
    } catch (error) {
      // Not listening yet, or restarting.
      last = inOneLine(error)
    }
  }
  throw new Failure(`The worker started but is not well: GET ${url}/api/hp-scanner/health gave ${last}.`)
}

function sweepEveryMinute(runtime: LocalRuntime): void {
  const sweep = () => runtime.sweep().catch((error: unknown) => console.error(`Sweep failed: ${inOneLine(error)}`))
  setInterval(sweep, 60_000).unref()
}
