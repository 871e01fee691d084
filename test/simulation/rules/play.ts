import type { DeviceId } from '../../../core/ids.ts'
import { Chance } from '../../chance.ts'
import { Audit } from './audit.ts'
import { Clockwork } from './clockwork.ts'
import { Crowd } from './crowd.ts'
import { Device, type Surroundings } from './device.ts'
import { drawEvening, type Evening, type OfflinePolicy, STARTS_AT, type Trouble } from './evening.ts'
import { firstHead } from './known.ts'
import { Mischief } from './mischief.ts'
import type { Broken } from './rules.ts'
import { Server } from './server.ts'
import { Violation, Watcher } from './watcher.ts'
import { Way } from './way.ts'

/** What is to be played. */
export type Run = {
  seed: number
  scans: number
  policy: OfflinePolicy
  without?: readonly Trouble[]
  broken?: Broken
  tells?: boolean
}

/** What happened, in numbers. */
export const counted = [
  'shown',
  'admitted',
  'alone',
  'conflicts',
  'lostStorages',
  'appDeaths',
  'crashes',
  'leasesMoved',
  'decisions',
  'virtualMs',
] as const
export type Counted = Record<(typeof counted)[number], number>
export type Ran = Counted & { violation: string | null; story: string[] }

const HOME_WITHIN_MS = 300_000

/** One evening at the doors, from a seed: the same seed is the same evening. */
export function playEvening({ seed, scans, policy, without = [], broken = null, tells = false }: Run): Ran {
  const chance = new Chance(Math.imul(seed, 0x9e3779b1) ^ 0x5bd1e995)
  const evening = drawEvening(chance, seed, policy, scans, without)
  const clock = new Clockwork(STARTS_AT)
  const watcher = new Watcher(clock, evening, tells)
  const server = new Server(clock, chance, evening, broken)
  const way = new Way(clock, chance, evening, server)
  const places = placesOf(evening)
  const around: Surroundings = {
    clock,
    chance,
    evening,
    way,
    watcher,
    broken,
    places,
    firstHead: firstHead(evening, broken),
  }
  const devices = evening.devices.map((plan, no) => new Device(around, no, `device-${no}` as DeviceId, plan))
  const crowd = new Crowd(around, devices, scans)
  const mischief = new Mischief(around, devices)
  let violation: string | null = null
  try {
    crowd.open()
    mischief.begin()
    while (!crowd.isOver) clock.step(Number.MAX_SAFE_INTEGER)
    mischief.end()
    calm(clock, server, way, devices)
    new Audit(evening, watcher, server, chance).run()
  } catch (error) {
    if (!(error instanceof Violation)) throw new Error(`seed ${seed} (${policy}): ${String(error)}`, { cause: error })
    violation = error.message
  }
  const conflicts = server.ledger.files.reduce((sum, file) => sum + file.conflicts.flat().length, 0)
  return {
    violation,
    story: violation !== null && tells ? storyOf(violation, watcher, server) : [],
    shown: watcher.shown,
    admitted: watcher.admitted,
    alone: watcher.alone,
    conflicts,
    lostStorages: mischief.lostStorages,
    appDeaths: mischief.appDeaths,
    crashes: server.crashes,
    leasesMoved: server.leases.moved,
    decisions: mischief.decisions,
    virtualMs: clock.now - STARTS_AT,
  }
}

/** The network is back for good: what is pending goes home, and what is home to D1. */
function calm(clock: Clockwork, server: Server, way: Way, devices: readonly Device[]): void {
  way.isCalm = true
  server.isCalm = true
  server.d1.isAway = false
  server.d1Unheard = 0
  const until = clock.now + HOME_WITHIN_MS
  // What goes wrong just now may last a while, as what was slow before.
  const settled = clock.now + 15_000
  const isPending = () =>
    clock.now < settled ||
    server.isDown ||
    server.pendingForD1 > 0 ||
    devices.some(({ disk, isOn }) => !isOn || disk.all.some(({ state }) => state !== 'answered'))
  let look = 0
  while (clock.now < until && (clock.now < look || isPending())) {
    if (clock.now >= look) {
      look = clock.now + 1000
      for (const device of devices) {
        device.join()
        if (!server.isDown) device.start()
      }
    }
    clock.step(look)
  }
  if (isPending()) throw new Violation('what was pending did not come home')
}

function placesOf({ tickets, zones }: Evening) {
  return {
    ofTicket: new Map(tickets.map(({ id }, no) => [id, no])),
    ofZone: new Map(zones.map(({ id }, at) => [id, at])),
    zones: zones.length,
  }
}

/** What happened at the gates to the ticket that a violation names, and what the log has of it. */
function storyOf(violation: string, { story }: Watcher, { ledger }: Server): string[] {
  const no = Number(/ticket (\d+)/.exec(violation)?.[1] ?? -1)
  const logged = ledger.files[no]?.entries.flat() ?? []
  return [
    ...story.filter((one) => one.no === no || one.no === -1).map(({ at, what }) => `${at} ${what}`),
    ...logged.map((entry) => `log ${JSON.stringify(entry)}`),
  ]
}
