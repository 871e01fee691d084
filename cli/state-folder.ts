import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Failure, systemCode, whyNot } from './failure.ts'

/** The files beside the databases in a state folder. */
export const stateFiles = { lock: 'lock.json', secrets: 'secrets.json', demo: 'demo.json', ticket: 'demo-ticket.png' }

/** Makes the folder where it is missing, and fails in words where it cannot be written to. */
export function openStateFolder(dir: string): void {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    const probe = join(dir, `.probe-${process.pid}`)
    writeFileSync(probe, '')
    rmSync(probe)
  } catch (error) {
    throw new Failure(`Cannot keep state in ${dir}: ${whyNot(error)}.`)
  }
}

/** Gives what a JSON file of the state folder holds, or null where there is none. */
export function readStateFile<T>(dir: string, name: string): Partial<T> | null {
  const path = join(dir, name)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null
    throw new Failure(`Cannot read ${path}: ${whyNot(error)}.`)
  }
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Partial<T>
  } catch {
    // Not JSON: said below.
  }
  throw new Failure(`${path} is damaged; restore it from a backup, or remove it if you can do without.`)
}

/** Writes a file for this user's eyes only, whole or not at all. */
export function writeStateFile(dir: string, name: string, content: object | Uint8Array): void {
  const path = join(dir, name)
  const draft = `${path}.${process.pid}.new`
  const isBytes = content instanceof Uint8Array
  writeFileSync(draft, isBytes ? content : `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 })
  renameSync(draft, path)
}
