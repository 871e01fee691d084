import { type ChildProcess, spawn } from 'node:child_process'
import { subscribe } from 'node:diagnostics_channel'
import { basename } from 'node:path'

/**
 * From now on, whatever workerd this process starts dies with it, even by SIGKILL. Left alone it would live on,
 * hold the port and write to the state, since it watches none of its pipes.
 */
export function guardRuntime(): void {
  // There is no /bin/sh on Windows; there the next start says that the port is in use.
  if (process.platform === 'win32') return
  // In a session of its own, so that Ctrl-C does not reach it before its work is done.
  const guard = spawn('/bin/sh', ['-c', script], { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
  const tell = (pid: number | undefined, word: 'alive' | 'dead') => guard.stdin.write(`${word} ${pid}\n`)
  guard.unref()
  // Somebody killed the guard, which is no reason to stop serving.
  guard.on('error', () => {})
  guard.stdin.on('error', () => {})

  subscribe('child_process', (message) => {
    const { process: child } = message as { process: ChildProcess }
    child.once('spawn', () => {
      if (!basename(child.spawnfile).startsWith('workerd')) return
      tell(child.pid, 'alive')
      child.once('exit', () => tell(child.pid, 'dead'))
    })
  })
}

// Its input ends when this process does, however that came about.
const script = `
while read -r word pid; do
  if [ "$word" = alive ]; then living=$pid; elif [ "$living" = "$pid" ]; then living=; fi
done
[ -z "$living" ] || kill -9 "$living"
`
