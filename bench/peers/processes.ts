import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

// What all peers are started and ended by.

/** A Redis without a disk, or one that puts each write on it before it answers; null where there is none. */
export async function startRedis(
  dir: string,
  children: ChildProcess[],
  kind: 'volatile' | 'durable',
): Promise<number | null> {
  const port = await freePort()
  const own = join(dir, `redis-${port}`)
  mkdirSync(own)
  const durable = kind === 'durable' ? ['--appendonly', 'yes', '--appendfsync', 'always'] : []
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', own, ...durable]
  const redis = spawn('redis-server', options, { stdio: 'ignore' })
  children.push(redis)
  const isMissing = await Promise.race([once(redis, 'error').then(() => true), sleep(300).then(() => false)])
  return isMissing ? null : port
}

/** Fails once a peer ended, which it is not to do by itself. */
export async function failed(child: ChildProcess, name: string): Promise<never> {
  const [code] = await once(child, 'exit')
  throw new Error(`the peer ${name} ended with exit code ${code}`)
}

/** Ends a process and waits for that. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  // What PostgreSQL takes for a quick and orderly end.
  child.kill('SIGINT')
  const ended = once(child, 'exit')
  const isLate = await Promise.race([ended.then(() => false), sleep(5000).then(() => true)])
  if (isLate) child.kill('SIGKILL')
  await ended
}

export async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  if (address === null || typeof address === 'string') throw new Error('the system gave no port')
  return address.port
}
