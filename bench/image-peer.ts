import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from 'redis'
import { end, failed, freePort, startRedis } from './peers/processes.ts'

/** Express, `qrcode` and Redis, doing the job that our Worker does. */
export type Peer = { port: number; pid: number; clear: () => Promise<void>; stop: () => Promise<void> }

/** Takes the text of each code by the ref in its address; gives the peer, or null on a machine without Redis. */
export async function startPeer(tokens: Map<string, string>, processes: number): Promise<Peer | null> {
  const dir = mkdtempSync(join(tmpdir(), 'admit-one-peer-'))
  const children: ChildProcess[] = []
  // Whoever ends the bench while it is being started has nothing else to stop it by.
  process.once('exit', () => {
    for (const child of children) child.kill()
    rmSync(dir, { recursive: true, force: true })
  })
  const redisPort = await startRedis(dir, children, 'volatile')
  if (redisPort === null) return null

  const client = createClient({ socket: { host: '127.0.0.1', port: redisPort } })
  client.on('error', () => {
    // It is tried again until Redis listens; what goes wrong later fails the call it goes wrong in.
  })
  await client.connect()
  const tickets = join(dir, 'tickets.json')
  writeFileSync(tickets, JSON.stringify(Object.fromEntries(tokens)))
  const port = await freePort()
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
  children.push(server)
  await Promise.race([once(server, 'message'), failed(server, 'of the images')])
  return {
    port,
    pid: server.pid ?? 0,
    clear: async () => {
      await client.flushAll()
    },
    stop: async () => {
      // A Redis that is gone has ended it already, and would have it throw.
      if (client.isOpen) client.destroy()
      for (const child of children.toReversed()) await end(child)
    },
  }
}
