import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, symlinkSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { issue, issuePrinted, openVenue } from './client.ts'
import { untilAnswers, untilDrained } from './crashing.ts'
import { checkHistory, type Rule, type Violation } from './history.ts'
import { Holders } from './holders.ts'
import { type Crowd, Load } from './load.ts'
import { type Server, startServer } from './server.ts'
import { readD1, readGatekeeper } from './stored.ts'

const root = join(import.meta.dirname, '../..')
const controlsDir = 'test/process/controls'
const ackBeforeWrite = `${controlsDir}/ack-before-write.ts`

export type Faulted = {
  violations: Violation[]
  answered: number
  /** How often the server said that it does not know, by status: while all was well again too. */
  unknown: Record<number, number>
  /** Answers while the fault lasted, and after it. */
  meanwhile: number
  after: number
  /** How often somebody looked at a ticket. */
  looks: number
}

/** What goes wrong while stewards scan; `mend` ends it. */
type Fault = { begin: (server: Server) => Promise<void>; mend: (server: Server) => Promise<void> }

const everybody: Crowd = { clients: 24, cutOff: 2, pauseMs: 20, seed: 1 }

/** Lets stewards work at a server before, during and after a fault, and holds what they were told against what it kept. */
async function underFault(server: Server, fault: Fault, crowd = everybody): Promise<Faulted> {
  let holders: Holders | null = null
  try {
    const venue = await openVenue(server.url, { devices: 8, tickets: 0 })
    const own = await issue(venue.organiser, venue.path, 20)
    venue.tickets.push(...own)
    venue.tickets.push(...(await issuePrinted(venue.organiser, venue.path, 6000)))
    const load = new Load(venue, crowd)
    holders = new Holders(own)
    await untilAnswers(load, 100)
    await fault.begin(server)
    const before = load.answered
    await sleep(6000)
    const during = load.answered
    await fault.mend(server)
    await untilAnswers(load, during + 100)
    await load.stop()
    await load.settle()
    await holders.stop()
    // How soon that is depends on how much waits: of what D1 is told while it is there, it hears two thirds.
    await untilDrained(server, venue, 0, 120_000)
    await server.stop()
    const stored = readGatekeeper(server.stateDir, venue.eventId)
    const kept = checkHistory(load.told, stored, readD1(server.stateDir, venue.eventId))
    const { answered, unknown } = load
    const { missed, looks } = holders
    return {
      violations: [...kept, ...missed, ...toldAsBug(unknown)],
      answered,
      unknown,
      meanwhile: during - before,
      after: answered - during,
      looks,
    }
  } finally {
    try {
      await holders?.stop()
    } finally {
      await server.remove()
    }
  }
}

/** Whoever leans on what fails says that the answer is not known yet, and when to ask again: 503, and no other status. */
function toldAsBug(unknown: Faulted['unknown']): Violation[] {
  const others = Object.entries(unknown).filter(([status]) => status !== '503')
  return others.map(([status, count]) => ({ rule: 'told as a bug', detail: `${count} × ${status}` }))
}

const nothing: Fault = { begin: async () => {}, mend: async () => {} }

/** KV never works, D1 comes and goes, and some entries cannot be written: all the time. */
export function failingParts(): Promise<Faulted> {
  return allTheTime('faulty')
}

async function allTheTime(worker: string): Promise<Faulted> {
  return underFault(await startServer({ worker: `${controlsDir}/${worker}.ts` }), nothing)
}

/** The disk is full, and then there is room again, with nobody having started anything anew. null: not root. */
export async function fullDisk(): Promise<Faulted | null> {
  if (!mayMount()) return null
  return underFault(await startServer({ diskMb: DISK_MB }), noRoom)
}

const DISK_MB = 64

function mayMount(): boolean {
  return process.getuid?.() === 0
}

const ballastOf = ({ stateDir }: Server) => join(stateDir, 'ballast')

const noRoom: Fault = {
  begin: async (server) => {
    // What room there is changes with every entry that is written meanwhile: so it is taken until there is none.
    const ballast = openSync(ballastOf(server), 'w')
    try {
      for (let bytes = 1 << 20; bytes >= 4096; bytes /= 2) while (hasTaken(ballast, bytes));
    } finally {
      closeSync(ballast)
    }
  },
  mend: async (server) => rmSync(ballastOf(server)),
}

function hasTaken(file: number, bytes: number): boolean {
  try {
    return writeSync(file, Buffer.alloc(bytes)) === bytes
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return false
    throw error
  }
}

/**
 * The Worker of one version and the Gatekeeper of another, as they meet for some minutes while a new version is being
 * deployed. `before` is what git calls the older one.
 */
export function twoVersions(before: string, worker: 'before' | 'after'): Promise<Faulted> {
  return withVersion(before, (old) => {
    const [ofWorker, ofGatekeeper] = worker === 'before' ? [old, root] : [root, old]
    return { worker: `${ofWorker}/workers/index.ts`, gatekeeper: `${ofGatekeeper}/workers/index.ts` }
  })
}

/** Takes which module the Worker is of and which the Gatekeeper, given where the older version lies. */
async function withVersion(
  before: string,
  pair: (old: string) => { worker: string; gatekeeper: string },
): Promise<Faulted> {
  const dir = mkdtempSync(join(tmpdir(), 'admit-one-before-'))
  try {
    const archive = execFileSync('git', ['archive', before], { cwd: root, maxBuffer: 1 << 30 })
    const old = join(dir, 'before')
    mkdirSync(old)
    execFileSync('tar', ['-x', '-C', old], { input: archive })
    symlinkSync(join(root, 'node_modules'), join(old, 'node_modules'))
    const { worker, gatekeeper } = pair(old)
    const entry = join(dir, 'index.ts')
    writeFileSync(
      entry,
      `export { default, WebhookSender } from '${worker}'\nexport { Gatekeeper } from '${gatekeeper}'\n`,
    )
    return await underFault(await startServer({ worker: entry }), nothing)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

/**
 * A server that is broken on purpose, so that the fault shows it: `failed` has to be found out by this rule. `well` is the
 * same server where nothing fails, and keeps every promise: so it was the fault that was seen. null: not root.
 */
export type Control = {
  name: string
  rule: Rule
  failed: () => Promise<Faulted | null>
  well: (() => Promise<Faulted>) | null
}

// Without gates that are cut off: what they bring home has it write everything.
const online: Crowd = { ...everybody, cutOff: 0 }

export const controls: Control[] = [
  {
    name: 'answers although the entry could not be written',
    rule: 'lost',
    failed: () => allTheTime('deaf-to-storage-failed'),
    well: () => allTheTime('deaf-to-storage'),
  },
  {
    name: 'notes as told what D1 did not take',
    rule: 'missing in D1',
    failed: () => allTheTime('deaf-to-d1-failed'),
    well: () => allTheTime('deaf-to-d1'),
  },
  {
    name: 'has no image where KV has none for it',
    rule: 'no image',
    failed: () => allTheTime('needs-kv-failed'),
    well: () => allTheTime('needs-kv'),
  },
  {
    name: 'answers before it knows that there is room on the disk',
    rule: 'lost',
    failed: async () =>
      mayMount() ? underFault(await startServer({ worker: ackBeforeWrite, diskMb: DISK_MB }), noRoom, online) : null,
    well: async () => underFault(await startServer({ worker: ackBeforeWrite }), nothing, online),
  },
]

/** What the two versions' control is: the Gatekeeper of now, but that it tells the Worker of attempts counted otherwise. */
export function controlOfVersions(before: string): Control {
  return {
    name: 'has a Gatekeeper that counts attempts otherwise than its Worker',
    rule: 'changed',
    failed: () =>
      withVersion(before, (old) => ({
        worker: `${old}/workers/index.ts`,
        gatekeeper: `${root}/${controlsDir}/counts-from-zero.ts`,
      })),
    // The same with a Gatekeeper that is whole is what is tried after it.
    well: null,
  }
}
