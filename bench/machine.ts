import { closeSync, fdatasyncSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { quantile } from './quantile.ts'

export type Machine = { cores: number; cpu: string; node: string; workerd: string; syncMs: number }

/** What absolute figures depend on. */
export function describeMachine(): Machine {
  return {
    cores: availableParallelism(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    node: process.versions.node,
    workerd: versionOf('workerd'),
    syncMs: timeToSync(),
  }
}

function versionOf(name: string): string {
  const path = join(import.meta.dirname, '../node_modules', name, 'package.json')
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version
}

/** How long the disk takes to promise 4 KiB, where the server's state lies: each commit takes at least that. */
function timeToSync(): number {
  const path = join(tmpdir(), `admit-one-bench-sync-${process.pid}`)
  const file = openSync(path, 'w')
  const block = Buffer.alloc(4096, 1)
  const times = Array.from({ length: 100 }, () => {
    const startedAt = performance.now()
    writeSync(file, block)
    fdatasyncSync(file)
    return performance.now() - startedAt
  })
  closeSync(file)
  rmSync(path)
  return quantile(times, 0.5)
}
