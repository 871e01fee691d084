import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, statfsSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { issue, issuePrinted, openVenue, tokenOf } from './client.ts'
import { untilAnswers, untilDrained } from './crashing.ts'
import { checkHistory, type Violation } from './history.ts'
import { type Crowd, Load } from './load.ts'
import { type Server, startServer } from './server.ts'
import { readD1, readGatekeeper } from './stored.ts'

const root = join(import.meta.dirname, '../..')

export type Faulted = {
  violations: Violation[]
  answered: number
  /** How often the server said that it does not know, by status: while all was well again too. */
  unknown: Record<number, number>
  /** Answers while the fault lasted, and after it. */
  meanwhile: number
  after: number
}

/** What goes wrong while stewards scan; `mend` ends it. */
type Fault = { begin: (server: Server) => Promise<void>; mend: (server: Server) => Promise<void> }

const crowd: Crowd = { clients: 24, cutOff: 2, pauseMs: 20, seed: 1 }

/** Lets stewards work at a server before, during and after a fault, and holds what they were told against what it kept. */
async function underFault(server: Server, fault: Fault): Promise<Faulted> {
  try {
    const venue = await openVenue(server.url, { devices: 8, tickets: 0 })
    venue.tickets.push(...(await issue(venue.organiser, venue.path, 20)))
    venue.tickets.push(...(await issuePrinted(venue.organiser, venue.path, 3000)))
    const load = new Load(venue, crowd)
    await untilAnswers(load, 100)
    await fault.begin(server)
    const before = load.answered
    await sleep(6000)
    const during = load.answered
    await fault.mend(server)
    await untilAnswers(load, during + 100)
    await load.stop()
    await load.settle()
    // Drawn with or without anything that keeps images.
    await tokenOf(venue.organiser, venue.path, String(venue.tickets[0]?.id))
    // How soon that is depends on how much waits: of what D1 is told while it is there, it hears two thirds.
    await untilDrained(server, venue, 0, 120_000)
    await server.stop()
    const stored = readGatekeeper(server.stateDir, venue.eventId)
    const violations = checkHistory(load.told, stored, readD1(server.stateDir, venue.eventId))
    const { answered, unknown } = load
    return { violations, answered, unknown, meanwhile: during - before, after: answered - during }
  } finally {
    await server.remove()
  }
}

const nothing: Fault = { begin: async () => {}, mend: async () => {} }

/** KV never works, D1 comes and goes, and some entries cannot be written: all the time. */
export async function failingParts(): Promise<Faulted> {
  return underFault(await startServer({ worker: 'test/process/controls/faulty.ts' }), nothing)
}

/** The disk is full, and then there is room again, with nobody having started anything anew. null: not root. */
export async function fullDisk(): Promise<Faulted | null> {
  if (process.getuid?.() !== 0) return null
  const ballastOf = ({ stateDir }: Server) => join(stateDir, 'ballast')
  return underFault(await startServer({ diskMb: 64 }), {
    begin: async (server) => {
      const { bavail, bsize } = statfsSync(server.stateDir)
      writeFileSync(ballastOf(server), Buffer.alloc(bavail * bsize - 64 * 1024))
    },
    mend: async (server) => rmSync(ballastOf(server)),
  })
}

/**
 * The Worker of one version and the Gatekeeper of another, as they meet for some minutes while a new version is being
 * deployed. `before` is what git calls the older one.
 */
export async function twoVersions(before: string, worker: 'before' | 'after'): Promise<Faulted> {
  const dir = mkdtempSync(join(tmpdir(), 'admit-one-before-'))
  try {
    const archive = execFileSync('git', ['archive', before], { cwd: root, maxBuffer: 1 << 30 })
    const old = join(dir, 'before')
    mkdirSync(old)
    execFileSync('tar', ['-x', '-C', old], { input: archive })
    symlinkSync(join(root, 'node_modules'), join(old, 'node_modules'))
    const [workerRoot, gatekeeperRoot] = worker === 'before' ? [old, root] : [root, old]
    const entry = join(dir, 'index.ts')
    writeFileSync(
      entry,
      `export { default } from '${workerRoot}/workers/index.ts'\n` +
        `export { WebhookSender } from '${workerRoot}/workers/index.ts'\n` +
        `export { Gatekeeper } from '${gatekeeperRoot}/workers/index.ts'\n`,
    )
    return await underFault(await startServer({ worker: entry }), nothing)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}
