import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export const adminKey = 'the deployment key of the process tests'
export const ticketKey = 'the ticket key of the process tests'

const root = join(import.meta.dirname, '../..')
const node = join(root, 'node_modules/.bin/node')
const startScript = join(root, 'cli/start.ts')

type Options = {
  worker?: string
  options?: string[]
  /** What it sees in its environment beside what all see. */
  env?: Record<string, string>
  /** Its state is on a disk of its own of so many megabytes. Only root can have one made. */
  diskMb?: number
  /** Its state is kept in memory where the system has a folder for that, for who does not ask whether it lasts. */
  inMemory?: boolean
}

/** Starts a server of its own, on a free port with an empty state, and waits until it is well. */
export async function startServer({
  worker,
  options = [],
  env = {},
  diskMb,
  inMemory = false,
}: Options = {}): Promise<Server> {
  const under = inMemory && existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
  const server = new Server(await freePort(), [...(worker ? ['--worker', worker] : []), ...options], env, under)
  try {
    if (diskMb !== undefined) server.mountDisk(diskMb)
    await server.restart()
    return server
  } catch (error) {
    await server.remove()
    throw error
  }
}

/** Starts a server where it is expected to give up; gives its exit code and what it said. */
export function startInVain(
  port: number,
  stateDir: string,
): Promise<{ code: unknown; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const args = [startScript, '--port', String(port), '--state', stateDir, '--empty']
    execFile(node, args, { cwd: root, env: environment(tmpdir()), timeout: 20_000 }, (error, stdout, stderr) =>
      resolve({ code: error ? (error.code ?? error.signal) : 0, stdout, stderr }),
    )
  })
}

/** A server in a process group of its own. Whoever started it must `remove` it, whatever happened in between. */
export class Server {
  readonly port: number
  readonly url: string
  readonly stateDir: string
  readonly #dir: string
  readonly #more: string[]
  /** Holds from the next start on. */
  env: Record<string, string>
  readonly #undertaker: ChildProcess
  #process: ChildProcess | null = null

  constructor(port: number, more: string[], env: Record<string, string> = {}, under = tmpdir()) {
    this.#dir = mkdtempSync(join(under, 'admit-one-test-'))
    this.port = port
    this.url = `http://127.0.0.1:${port}`
    this.stateDir = join(this.#dir, 'state')
    this.#more = more
    this.env = env
    mkdirSync(join(this.#dir, 'tmp'))
    this.#undertaker = spawn('/bin/sh', ['-c', undertaking, 'sh', this.#dir], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    })
  }

  /** Puts its state on a small disk of its own. */
  mountDisk(megabytes: number): void {
    mkdirSync(this.stateDir)
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', this.stateDir])
  }

  /** Starts it where it is not running, on the same port and state. */
  async restart(): Promise<void> {
    const files = ['stdout', 'stderr'].map((name) => openSync(join(this.#dir, name), 'w'))
    const args = [startScript, '--port', String(this.port), '--state', this.stateDir, '--empty', ...this.#more]
    this.#process = spawn(node, args, {
      cwd: root,
      env: { ...environment(join(this.#dir, 'tmp')), ...this.env },
      detached: true,
      stdio: ['ignore', ...files],
    })
    for (const file of files) closeSync(file)
    this.#undertaker.stdin?.write(`${this.#process.pid}\n`)
    await this.#untilHealthy(this.#process)
  }

  /** Kills everything of it at once, in the midst of whatever it was doing. */
  async kill9(): Promise<void> {
    await this.#end('SIGKILL', (pid) => process.kill(-pid, 'SIGKILL'))
  }

  /** Asks it to stop, as `kill` or a service manager does; throws where it does not end well. */
  async stop(): Promise<void> {
    const [code, signal] = await this.#end('SIGTERM', (pid) => process.kill(pid, 'SIGTERM'))
    if (code !== 0) throw new Error(`the server ended with ${code ?? signal} at SIGTERM:\n${this.output('stderr')}`)
  }

  /** What the runtime that it started holds in memory now, in megabytes. */
  memoryMb(): number {
    const processes = execFileSync('ps', ['-eo', 'ppid=,rss='], { encoding: 'utf8' }).trim().split('\n')
    const children = processes.map((line) => line.trim().split(/\s+/).map(Number))
    return Math.max(...children.filter(([parent]) => parent === this.#process?.pid).map(([, kb = 0]) => kb)) / 1024
  }

  /** What it wrote since its last start. */
  output(stream: 'stdout' | 'stderr'): string {
    return readFileSync(join(this.#dir, stream), 'utf8')
  }

  /** Ends it, if it runs, and removes all it left behind. */
  async remove(): Promise<void> {
    const buried = once(this.#undertaker, 'exit')
    this.#undertaker.stdin?.end()
    await buried
  }

  async #end(signal: string, send: (pid: number) => void): Promise<unknown[]> {
    const running = this.#process
    if (!running?.pid) throw new Error('the server is not running')
    const exited = once(running, 'exit', { signal: AbortSignal.timeout(15_000) })
    send(running.pid)
    const how = await exited
    this.#process = null
    this.#undertaker.stdin?.write('\n')
    // A workerd that outlived the rest would still hold the port.
    for (const deadline = Date.now() + 5000; await isListening(this.port); await sleep(20)) {
      if (Date.now() > deadline) throw new Error(`somebody still listens at port ${this.port} after ${signal}`)
    }
    return how
  }

  async #untilHealthy(starting: ChildProcess): Promise<void> {
    for (const deadline = Date.now() + 40_000; Date.now() < deadline; await sleep(25)) {
      if (starting.exitCode !== null || starting.signalCode !== null) break
      try {
        const response = await fetch(`${this.url}/api/hp-scanner/health`, { signal: AbortSignal.timeout(5000) })
        if (response.status === 200) return
      } catch {
        // Nobody listens yet.
      }
    }
    throw new Error(`the server did not start:\n${this.output('stderr')}`)
  }
}

/** What the server sees of this process's environment: nothing that the test runner put there. */
function environment(tmp: string): NodeJS.ProcessEnv {
  const { PATH, HOME } = process.env
  return { PATH, HOME, TMPDIR: tmp, ADMIN_KEY: adminKey, TICKET_KEY: ticketKey }
}

// Told each process group as it starts, and an empty line when it has ended. Its input ends when this process does,
// however that came about, so that not even a killed test run leaves a server or a folder behind.
const undertaking = `
while read -r group; do living=$group; done
[ -z "$living" ] || kill -9 -"$living"
! mountpoint -q "$1/state" || umount -l "$1/state"
rm -rf "$1" || { sleep 1; rm -rf "$1"; }
`

/**
 * A port that nobody listens at. It is none of those that the system gives to outgoing connections (above 32768 on Linux,
 * 49152 elsewhere), one of which could take it while the server is down.
 */
async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 32_000)
    if (!(await isListening(port))) return port
  }
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(1000) })
    return true
  } catch {
    // Refused: nobody is there.
    return false
  } finally {
    socket.destroy()
  }
}
