import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from 'redis'

/** Express, `qrcode` and Redis, doing the job that our Worker does. */
export type Peer = { port: number; pid: number; clear: () => Promise<void>; stop: () => Promise<void> }

/** Takes the text of each code by the ref in its address; gives the peer, or null on a machine without Redis. */
export async function startPeer(tokens: Map<string, string>, processes: number): Promise<Peer | null> {
  const dir = mkdtempSync(join(tmpdir(), 'admit-one-peer-'))
  const leaveNothing = () => rmSync(dir, { recursive: true, force: true })
  process.once('exit', leaveNothing)
  const [redisPort, port] = [await freePort(), await freePort()]
  const redis = spawn('redis-server', ['--port', String(redisPort), '--save', '', '--dir', dir], { stdio: 'ignore' })
  const missing = await Promise.race([once(redis, 'error').then(() => true), sleep(200).then(() => false)])
  if (missing) return null
  children.add(redis)

  const client = createClient({ socket: { host: '127.0.0.1', port: redisPort } })
  client.on('error', () => {
    // It is tried again until Redis listens; what goes wrong later fails the call it goes wrong in.
  })
  await client.connect()
  const tickets = join(dir, 'tickets.json')
  writeFileSync(tickets, JSON.stringify(Object.fromEntries(tokens)))
  const server = fork(join(import.meta.dirname, 'peers/express-qrcode/server.ts'), {
    env: {
      ...process.env,
      NODE_ENV: 'production',
      PORT: String(port),
      REDIS_PORT: String(redisPort),
      TICKETS: tickets,
      PROCESSES: String(processes),
    },
  })
  children.add(server)
  await Promise.race([once(server, 'message'), failed(server)])
  return {
    port,
    pid: server.pid ?? 0,
    clear: async () => {
      await client.flushAll()
    },
    stop: async () => {
      // A Redis that is gone has ended it already, and would have it throw.
      if (client.isOpen) client.destroy()
      await Promise.all([end(server), end(redis)])
      leaveNothing()
    },
  }
}

/** Those that run. Whoever ends the bench while they are being started has nothing else to stop them by. */
const children = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of children) child.kill()
})

async function failed(server: ChildProcess): Promise<never> {
  const [code] = await once(server, 'exit')
  throw new Error(`the peer ended with exit code ${code}`)
}

async function end(child: ChildProcess): Promise<void> {
  children.delete(child)
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  await once(child, 'exit')
}

async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  if (address === null || typeof address === 'string') throw new Error('the system gave no port')
  return address.port
}
