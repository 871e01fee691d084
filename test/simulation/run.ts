import { everybody } from '../../durable-objects/actor.ts'
import type { AmongShards } from './among-shards.ts'
import { audit, conflictsUntold } from './audit.ts'
import { Checker, Violation } from './checker.ts'
import { Crowd, TICKETS_PER_SCAN } from './crowd.ts'
import { Evening } from './evening.ts'
import { eventIdFor, importOf, STARTS_AT } from './event.ts'
import { Mischief } from './mischief.ts'
import { must } from './must.ts'
import { Organiser } from './organiser.ts'
import type { Phone, PhoneMutation } from './phone.ts'
import { drawScenario, type OfflinePolicy, type Trouble } from './scenario.ts'
import { platformOf, Server, type ServerMutation } from './server.ts'
import { ticketOffice } from './ticket-office.ts'
import { inWorld, World } from './world.ts'

/** A rule taken out. `around` patches shipped functions for the time of a run, and gives how to put them back. */
export type Mutation = PhoneMutation & ServerMutation & { around?: () => () => void }

export type Run = {
  seed: number
  scans: number
  policy: OfflinePolicy
  /** Makes a mutant anew for the evening. */
  mutation?: () => Mutation
  /** Troubles that are left out, to see what a failure needs. */
  without?: readonly Trouble[]
  /** Among how many objects the event is divided, where the policy lets it be; not said: as the seed has it. */
  shards?: number
  /** Tell what happened to the tickets that a violation names. */
  tells?: boolean
}

export type Ran = {
  violation: string | null
  story: string[]
  shown: number
  admitted: number
  alone: number
  /** Tickets whose answers were searched for an order in which they can have been given. */
  linearized: number
  restarts: number
  /** Phones that lost what they had stored. */
  lostStorages: number
  /** Among how many objects the event was divided. */
  shards: number
  virtualMs: number
}

const LOOK_EVERY_MS = 1000

/** One evening at the doors, from a seed. */
export async function simulate(run: Run): Promise<Ran> {
  const { seed, scans, policy, without = [], tells = false } = run
  const mutation = run.mutation?.() ?? {}
  const world = new World(seed, STARTS_AT)
  const scenario = drawScenario(world, policy, without, run.shards)
  const eventId = eventIdFor(scenario.shards)
  const office = ticketOffice(eventId, STARTS_AT / 1000 - 3600)
  const tickets = await office.tickets(Math.ceil(scans * TICKETS_PER_SCAN) + 10)
  const checker = new Checker(scenario, tells)
  let server: Server | null = null
  let evening: Evening | null = null
  const timers = { after: (ms: number, call: () => void) => (server as Server).after(ms, call) }
  const putBack = mutation.around?.() ?? (() => {})
  let violation: string | null = null
  let story: string[] = []
  // What is thrown where nobody waits, as in what follows from a timer.
  const failures: unknown[] = []
  const fail = (error: unknown) => failures.push(error)
  process.on('unhandledRejection', fail)
  try {
    await inWorld(
      world,
      timers,
      platformOf(() => server as Server),
      async () => {
        server = new Server(world, eventId, office.open, office.snapshotKeys, mutation)
        evening = new Evening({ eventId, world, scenario, server, office, tickets, checker, mutation })
        await play(evening, scans)
      },
    )
    if (failures.length > 0) throw failures[0]
  } catch (error) {
    const first = failures[0] ?? error
    if (!(first instanceof Violation)) throw new Error(`seed ${seed} (${policy}): ${String(first)}`, { cause: first })
    violation = first.message
    if (tells) story = storyOf(violation, checker, (server as Server | null)?.gatekeeper ?? null)
  } finally {
    process.off('unhandledRejection', fail)
    putBack()
    ;(server as Server | null)?.close()
  }
  const { shown, admitted, alone, linearized } = checker
  return {
    violation,
    story,
    shown,
    admitted,
    alone,
    linearized,
    restarts: (server as Server | null)?.restarts ?? 0,
    lostStorages: (evening as Evening | null)?.lostStorages ?? 0,
    shards: scenario.shards,
    virtualMs: world.now - STARTS_AT,
  }
}

/** What happened at the gates to the tickets that a violation names, and what the log has of them. */
function storyOf(violation: string, { story }: Checker, gatekeeper: Server['gatekeeper'] | null): string[] {
  const seen = story.filter(({ ticketId }) => violation.includes(ticketId))
  const entries = gatekeeper?.entries(everybody, 0, 1_000_000)
  const logged = (entries?.ok ? entries.value : []).filter(({ ticketId }) => ticketId && violation.includes(ticketId))
  return [
    ...seen.map(({ at, what }) => `${at % 1e7} ${what}`),
    ...logged.map((entry) => `log ${JSON.stringify(entry)}`),
  ]
}

/** People come while things go wrong; then all is calm, and what is kept is held against what was seen. */
async function play(evening: Evening, scans: number): Promise<void> {
  const { world, scenario, phones, among } = evening
  const crowd = new Crowd(evening, scans)
  const mischief = new Mischief(evening)
  const organiser = new Organiser(evening, crowd)
  evening.setUp()
  if (among) await divide(evening, among)
  for (const phone of phones) void phone.start()
  // The doors are readied before the crowd comes, or just then.
  await evening.until(() => world.now >= STARTS_AT + scenario.readyMs)
  for (const phone of phones) {
    crowd.comeTo(phone)
    mischief.befall(phone)
  }
  mischief.befallServer()
  organiser.begin()
  await evening.until(() => crowd.isIn)
  evening.isOver = true
  await calm(evening, mischief)
  audit(evening)
}

/** Shards hear of the event before it begins; from then on anything may become of what is said between objects. */
async function divide(evening: Evening, among: AmongShards): Promise<void> {
  const { world, server, scenario } = evening
  let isTold = false
  evening.tellShards(() => {
    isTold = true
  })
  await evening.until(() => isTold)
  server.commit()
  server.ways.weather = scenario.ways
  const look = () => {
    evening.check(() => among.look())
    world.after(LOOK_EVERY_MS, look)
  }
  look()
}

/** Nothing goes wrong any more: what is pending goes home, and what is home to D1. */
async function calm(evening: Evening, mischief: Mischief): Promise<void> {
  const { world, phones, among } = evening
  const from = world.now
  // What goes wrong just now may last a while; then all is well again.
  await evening.until(() => world.now > from + 15_000)
  mischief.end()
  const isHome = () => phones.every(({ queue, unanswered }) => queue === 0 && unanswered.length === 0)
  await evening.until(() => world.now > from + 300_000 || isHome())
  if (!isHome()) throw new Violation(`what was pending did not come home: ${phones.flatMap(notHome).join('; ')}`)
  await world.run(world.now + 3000)
  const isGathered = () => among?.areGathered !== false
  await evening.until(() => world.now > from + 350_000 || isGathered())
  if (!isGathered()) throw new Violation('what shards judged, or what was changed, did not get to the others')
  // An alarm and a retry later at most.
  await evening.until(() => world.now > from + 400_000 || pendingForD1(evening) === 0)
  if (pendingForD1(evening) > 0) throw new Violation('what was logged did not get to D1')
  // A job that stands still is looked after ever less often.
  await evening.until(() => world.now > from + 3_600_000 || !isImporting(evening))
  if (isImporting(evening)) throw new Violation('the import does not go on')
  // A socket that could not be opened is tried again half a minute later at most.
  for (let tries = 0; tries < 40 && conflictsUntold(evening).length > 0; tries++) await world.run(world.now + 3000)
  const [untold] = conflictsUntold(evening)
  if (untold) throw new Violation(untold)
}

/** What a phone still waits for, in words. */
function notHome({ caller, isOn, queue, unanswered }: Phone): string[] {
  if (queue === 0 && unanswered.length === 0) return []
  const waiting = unanswered.map(({ scanId, ticketId, state }) => `${scanId} of ${ticketId} ${state}`)
  return [`${caller.deviceId} is ${isOn ? 'on' : 'off'}, ${queue} wait: ${waiting.join(', ')}`]
}

function pendingForD1({ server }: Evening): number {
  return must(server.gatekeeper.stats(everybody)).pending
}

function isImporting({ scenario, server }: Evening): boolean {
  if (scenario.importedRows === 0) return false
  const { state } = importOf(server.gatekeeper)
  return state === 'queued' || state === 'running'
}
