import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Failure, systemCode } from './failure.ts'
import { readStateFile, stateFiles } from './state-folder.ts'

type Holder = { pid: number; birth: string }

/**
 * Takes a state folder for this process alone and gives what releases it; fails while another living process has
 * it. What a killed process left behind is taken over.
 */
export function lockState(dir: string): () => void {
  const path = join(dir, stateFiles.lock)
  const self: Holder = { pid: process.pid, birth: birthOf(process.pid) ?? '' }
  if (!create(path, self)) {
    refuseWhileHeld(dir, stateFiles.lock)
    removeStale(dir, path)
    if (!create(path, self)) throw new Failure(inUse(dir, readHolder(dir, stateFiles.lock)))
  }
  return () => {
    if (readHolder(dir, stateFiles.lock)?.pid === self.pid) rmSync(path, { force: true })
  }
}

function create(path: string, holder: Holder): boolean {
  try {
    writeFileSync(path, JSON.stringify(holder), { flag: 'wx', mode: 0o600 })
    return true
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false
    throw error
  }
}

// Two starts may find the same stale lock: what is moved aside must not be the lock that the other has just made.
function removeStale(dir: string, path: string): void {
  const aside = `${stateFiles.lock}.${process.pid}`
  try {
    renameSync(path, join(dir, aside))
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return
    throw error
  }
  try {
    refuseWhileHeld(dir, aside)
  } catch (error) {
    renameSync(join(dir, aside), path)
    throw error
  }
  rmSync(join(dir, aside), { force: true })
}

function refuseWhileHeld(dir: string, name: string): void {
  const holder = readHolder(dir, name)
  if (holder && isAlive(holder)) throw new Failure(inUse(dir, holder))
}

function readHolder(dir: string, name: string): Holder | null {
  try {
    const { pid, birth } = readStateFile<Holder>(dir, name) ?? {}
    return typeof pid === 'number' && typeof birth === 'string' ? { pid, birth } : null
  } catch {
    // Cut off while it was being written: nobody's lock.
    return null
  }
}

function isAlive({ pid, birth }: Holder): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    // EPERM: it lives, as another user's.
    if (systemCode(error) !== 'EPERM') return false
  }
  return birthOf(pid) === birth
}

// Process ids come back, in a container even the same one at every start, so a pid alone does not name a process.
function birthOf(pid: number): string | null {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    const [state, ...fields] = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
    // A zombie is dead, whatever its parent has yet to notice.
    return state === 'Z' ? null : `${boot}/${fields[18]}`
  } catch {
    // Only Linux has /proc; elsewhere the pid has to do.
    return ''
  }
}

function inUse(dir: string, holder: Holder | null): string {
  const who = holder ? `another Admit One (process ${holder.pid})` : 'another Admit One'
  return `${dir} is in use by ${who}; stop it or start with --state DIR.`
}
