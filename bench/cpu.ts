import { readdirSync, readFileSync } from 'node:fs'

/** What was used of the CPUs: milliseconds by the server, and how many cores by those who have no part in this. */
export type CpuUse = { serverMs: number; othersCores: number }

/** Begins to count; what it gives, gives the use since then, or null on a machine that does not tell. */
export function countCpu(serverPid: number): () => CpuUse | null {
  const before = usedMs(serverPid)
  const startedAt = performance.now()
  return () => {
    const after = usedMs(serverPid)
    if (!before || !after) return null
    const serverMs = after.server - before.server
    const othersMs = after.all - before.all - serverMs - (after.own - before.own)
    return { serverMs, othersCores: Math.max(0, othersMs / (performance.now() - startedAt)) }
  }
}

/** What the kernel counts in, as good as everywhere. */
const TICK_MS = 10

function usedMs(serverPid: number): { server: number; own: number; all: number } | null {
  try {
    const processes = readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((name) => statOf(Number(name)))
    const family = processes.filter(({ pid, parent }) => pid === serverPid || parent === serverPid)
    const { user, system } = process.cpuUsage()
    const total = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0]?.split(/\s+/).map(Number) ?? []
    const [, inUser = 0, nice = 0, inSystem = 0, , , irq = 0, softirq = 0] = total
    return {
      server: family.reduce((sum, { ms }) => sum + ms, 0),
      own: (user + system) / 1000,
      all: (inUser + nice + inSystem + irq + softirq) * TICK_MS,
    }
  } catch {
    // Only Linux has /proc.
    return null
  }
}

function statOf(pid: number): { pid: number; parent: number; ms: number }[] {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
      .map(Number)
    // Fields 4, 14 and 15 of proc(5).
    return [{ pid, parent: fields[1] ?? 0, ms: ((fields[11] ?? 0) + (fields[12] ?? 0)) * TICK_MS }]
  } catch {
    // It ended while we looked.
    return []
  }
}
