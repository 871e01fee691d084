import { type ChildProcess, execFileSync, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { end, failed, freePort, startRedis } from './processes.ts'

/** What people would otherwise pick. What each is made of, and what it promises, stands at the head of its server. */
const kinds = ['express-redis-postgres', 'express-postgres', 'fastify-redis', 'ws-redis'] as const
type PeerKind = (typeof kinds)[number]

/**
 * Those over HTTP run twice: as one process a core, as their authors advise, and as one in all, which has as many threads
 * for its own code as a Worker and its Gatekeeper have here.
 */
const inOneProcess = [
  'express-redis-postgres in one process',
  'express-postgres in one process',
  'fastify-redis in one process',
] as const

export const peerNames = [...kinds, ...inOneProcess]
export type PeerName = (typeof peerNames)[number]

export type Peer = {
  name: PeerName
  port: number
  codeSecret: string
  deviceToken: string
  /** Tells the peer of tickets before they are scanned, where it has to know them. */
  addTickets: (ids: string[]) => Promise<void>
}

/** The peers that run here, those that cannot and why, and how to end all of them. */
export type Peers = { running: Peer[]; skipped: { name: PeerName; because: string }[]; stop: () => Promise<void> }

const CODE_SECRET = 'the codes of the peers'
const DEVICE_TOKEN = 'the device of the peers'

const needs: Record<PeerKind, { postgres: boolean; redis: 'none' | 'volatile' | 'durable' }> = {
  'express-redis-postgres': { postgres: true, redis: 'volatile' },
  'express-postgres': { postgres: true, redis: 'none' },
  'fastify-redis': { postgres: false, redis: 'volatile' },
  'ws-redis': { postgres: false, redis: 'durable' },
}

/** Starts the peers with servers of their own, on free ports and empty, in a folder that goes with them. */
export async function startPeers(names: readonly PeerName[]): Promise<Peers> {
  const dir = mkdtempSync(join(tmpdir(), 'admit-one-peers-'))
  const children: ChildProcess[] = []
  const peers: Peers = { running: [], skipped: [], stop }
  let postgres: Postgres | null = null
  try {
    if (names.some((name) => needs[kindOf(name)].postgres)) postgres = await startPostgres(dir, children)
    for (const name of names) {
      const { postgres: needsPostgres, redis } = needs[kindOf(name)]
      const redisPort = redis === 'none' ? 0 : await startRedis(dir, children, redis)
      if (needsPostgres && postgres === null) peers.skipped.push({ name, because: 'PostgreSQL is not installed' })
      else if (redisPort === null) peers.skipped.push({ name, because: 'Redis is not installed' })
      else peers.running.push(await startPeer(name, redisPort, postgres, children))
    }
    return peers
  } catch (error) {
    await stop()
    throw error
  }

  async function stop(): Promise<void> {
    await postgres?.client.end()
    // Whoever talks to a database goes before it does.
    for (const child of children.reverse()) await end(child)
    rmSync(dir, { recursive: true, force: true })
  }
}

/** The folder that a peer's server stands in. */
function kindOf(name: PeerName): PeerKind {
  return name.replace(/ in one process$/, '') as PeerKind
}

type Postgres = { socket: string; client: Client }

async function startPeer(
  name: PeerName,
  redisPort: number,
  postgres: Postgres | null,
  children: ChildProcess[],
): Promise<Peer> {
  const port = await freePort()
  const kind = kindOf(name)
  const env = {
    ...process.env,
    NODE_ENV: 'production',
    PORT: String(port),
    REDIS_PORT: String(redisPort),
    PG_SOCKET: postgres?.socket ?? '',
    CODE_SECRET,
    DEVICE_TOKEN,
    PROCESSES: String(kind === name ? availableParallelism() : 1),
  }
  const child = fork(join(import.meta.dirname, kind, 'server.ts'), { env })
  children.push(child)
  await Promise.race([once(child, 'message'), failed(child, name)])
  const addTickets = async (ids: string[]) => {
    if (kind === 'express-postgres') {
      await postgres?.client.query('INSERT INTO ticket (id) SELECT unnest($1::uuid[])', [ids])
    }
  }
  return { name, port, codeSecret: CODE_SECRET, deviceToken: DEVICE_TOKEN, addTickets }
}

/** A PostgreSQL as it comes, but for memory: durable, with its log on the disk before it answers. */
async function startPostgres(dir: string, children: ChildProcess[]): Promise<Postgres | null> {
  const programs = postgresPrograms()
  if (programs === null) return null
  const data = join(dir, 'postgres')
  // PostgreSQL does not run as root: there it is to run as the user that its package made.
  const user = process.getuid?.() === 0 ? userOf('postgres') : null
  if (user !== null) chownSync(dir, user.uid, user.gid)
  const as = user ?? {}
  execFileSync(join(programs, 'initdb'), ['-D', data, '-U', 'postgres', '--auth', 'trust'], { stdio: 'ignore', ...as })
  const settings = {
    listen_addresses: '',
    unix_socket_directories: dir,
    shared_buffers: '256MB',
    max_connections: '200',
  }
  const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const server = spawn(join(programs, 'postgres'), ['-D', data, ...options], { stdio: 'ignore', ...as })
  children.push(server)
  const client = await connected(dir, server)
  await client.query(`
    CREATE TABLE ticket (id uuid PRIMARY KEY, admitted_at timestamptz);
    CREATE TABLE entry (scan uuid PRIMARY KEY, ticket uuid NOT NULL, gate text NOT NULL, verdict text NOT NULL,
      at timestamptz NOT NULL)`)
  return { socket: dir, client }
}

async function connected(socket: string, server: ChildProcess): Promise<Client> {
  for (let attempt = 1; ; attempt++) {
    const client = new Client({ host: socket, user: 'postgres', database: 'postgres' })
    try {
      await client.connect()
      return client
    } catch (error) {
      // It takes a moment until it listens.
      if (attempt === 100 || server.exitCode !== null) throw error
      await sleep(100)
    }
  }
}

/** Debian keeps the programs of each version in a folder of its own. */
function postgresPrograms(): string | null {
  const versions = '/usr/lib/postgresql'
  const found = existsSync(versions) ? readdirSync(versions).map((version) => join(versions, version, 'bin')) : []
  const paths = [...found.reverse(), ...(process.env.PATH ?? '').split(':')]
  return paths.find((path) => existsSync(join(path, 'initdb')) && existsSync(join(path, 'postgres'))) ?? null
}

function userOf(name: string): { uid: number; gid: number } {
  const id = (option: string) => Number(execFileSync('id', [option, name], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}
