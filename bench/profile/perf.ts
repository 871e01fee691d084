import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '../../cli/failure.ts'
import { looksIn, type Part, partOf, parts } from './parts.ts'

/** So many looks a second at each thread that is running. */
const LOOKS_A_SECOND = 4000

/** As long as it takes perf to begin, and more. */
const BEGINS_MS = 1000

/** On a disk, what perf writes would stand in the way of the commits that it looks at. */
const IN_MEMORY = '/dev/shm'

/** What V8 needs to be told so that its functions have names for `perf`, in a file of its own in /tmp. */
export const namingFlags = '--perf-basic-prof --interpreted-frames-native-stack'

/** Fails where this machine has no `perf`, or does not let us use it. */
export function needPerf(): void {
  const tried = spawnSync('perf', ['record', '-o', '/dev/null', '-F', '100', '-g', 'true'], { encoding: 'utf8' })
  if (tried.error) throw new Failure('This needs perf, which Linux has (Debian: apt-get install linux-perf).')
  if (tried.status !== 0) throw new Failure(`perf may not look: ${tried.stderr.trim().split('\n')[0]}`)
}

/** The server's own child that serves: workerd. */
export function workerdOf(serverPid: number): number {
  const child = readdirSync('/proc').find((pid) => /^\d+$/.test(pid) && isWorkerdOf(pid, serverPid))
  if (child === undefined) throw new Error('the server has no workerd')
  return Number(child)
}

function isWorkerdOf(pid: string, parent: number): boolean {
  try {
    const [, name = '', ppid] = /\((.*)\) \S (\d+)/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? []
    return name.startsWith('workerd') && Number(ppid) === parent
  } catch {
    // It ended while we looked.
    return false
  }
}

/**
 * Looks at a process while something is done; gives what that gave, and how many microseconds of CPU went into each part. A
 * process that waits is not looked at.
 */
export async function lookAt<T>(pid: number, work: () => Promise<T>): Promise<{ done: T; micros: Map<Part, number> }> {
  const dir = mkdtempSync(join(IN_MEMORY, 'admit-one-profile-'))
  const file = join(dir, 'perf.data')
  try {
    const perf = spawn('perf', ['record', '-F', String(LOOKS_A_SECOND), '-g', '-p', String(pid), '-o', file], {
      stdio: 'ignore',
    })
    const ended = once(perf, 'exit')
    // It says nothing when it has begun.
    await sleep(BEGINS_MS)
    const done = await work().finally(() => perf.kill('SIGINT'))
    await ended
    return { done, micros: await microsIn(file) }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

async function microsIn(file: string): Promise<Map<Part, number>> {
  const micros = new Map<Part, number>(parts.map((part) => [part, 0]))
  const script = spawn('perf', ['script', '-i', file, '-F', 'comm,ip,sym'], { stdio: ['ignore', 'pipe', 'ignore'] })
  for await (const look of looksIn(createInterface({ input: script.stdout }))) {
    const part = partOf(look)
    micros.set(part, (micros.get(part) ?? 0) + 1e6 / LOOKS_A_SECOND)
  }
  if ([...micros.values()].every((sum) => sum === 0)) throw new Error('perf saw nothing')
  return micros
}

/** Where V8 puts the names, and perf looks for them; also of runtimes that only bring D1 up to date. */
const NAMES_IN = '/tmp'
const named = () => readdirSync(NAMES_IN).filter((name) => /^perf-\d+\.map$/.test(name))

/** Takes note of the names that are there already; gives what takes away those that came since. */
export function watchNames(): () => void {
  const before = new Set(named())
  return () => {
    for (const name of named()) if (!before.has(name)) rmSync(join(NAMES_IN, name), { force: true })
  }
}
