import { readCursor } from '../../core/cursor.ts'
import { defaultPolicy, type EventDetails, type Gate, MAIN_ZONE } from '../../core/event.ts'
import type { DeviceId, EventId, GateId, JobId, OrganisationId, ScanId, StaffId, TicketId } from '../../core/ids.ts'
import { homeGate } from '../../core/lease.ts'
import { defaultRetention, nothingForgotten } from '../../core/retention.ts'
import { everybody } from '../../durable-objects/actor.ts'
import type { LogMark, LogSlice, StandingSlice } from '../../durable-objects/scans/checking.ts'
import type { StandingKey } from '../../durable-objects/scans/standings.ts'
import type { TicketAction } from '../../durable-objects/tickets/tickets.ts'
import type { Shown } from '../../web/scanner/engine/shown.ts'
import type { KeptDevice } from '../../web/scanner/engine/store.ts'
import { AmongShards } from './among-shards.ts'
import { Checker, type Decision, DIGESTED_MS, type Presented, Violation } from './checker.ts'
import { Phone, type PhoneMutation } from './phone.ts'
import { isTrouble } from './platform-object.ts'
import {
  drawScenario,
  GROUP_OF,
  group,
  LOUNGE,
  type OfflinePolicy,
  type Scenario,
  single,
  type Trouble,
  zoneOfGate,
} from './scenario.ts'
import { type DeviceCaller, platformOf, Server, type ServerMutation } from './server.ts'
import { type Sealed, type TicketOffice, ticketOffice, typeNumbers } from './ticket-office.ts'
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

const STARTS_AT = Date.UTC(2026, 5, 1, 18)
/** So each is shown some five times, at several gates and within seconds. */
const TICKETS_PER_SCAN = 1 / 5

/** An event's id says among how many objects it is divided. */
function eventIdFor(shards: number): EventId {
  const digits = shards === 1 ? '7000' : `88${(shards - 1).toString(16)}0`
  return `0198c0de-0000-${digits}-8000-0000000000ee` as EventId
}

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
        evening = new Evening(world, eventId, server, office, tickets, checker, scenario, scans, mutation)
        await evening.run()
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

/** A scan of a guest who was let in, as long as it may be taken back. */
type Regretted = { phone: Phone; scanId: ScanId; presented: Presented }

class Evening {
  readonly #world: World
  readonly #eventId: EventId
  readonly #server: Server
  readonly #office: TicketOffice
  readonly #tickets: Sealed[]
  readonly #checker: Checker
  readonly #scenario: Scenario
  readonly #mutation: Mutation
  readonly #phones: Phone[] = []
  readonly #among: AmongShards | null
  readonly #scans: number
  #event: EventDetails | null = null
  #left: number
  #isOver = false
  #violation: Violation | null = null
  #enrolled = 0
  /** Devices without a storage, which a supervisor is still to take out. */
  readonly #toRevoke = new Set<DeviceId>()
  lostStorages = 0

  constructor(
    world: World,
    eventId: EventId,
    server: Server,
    office: TicketOffice,
    tickets: Sealed[],
    checker: Checker,
    scenario: Scenario,
    scans: number,
    mutation: Mutation,
  ) {
    this.#world = world
    this.#eventId = eventId
    this.#server = server
    this.#office = office
    this.#tickets = tickets
    this.#checker = checker
    this.#scenario = scenario
    this.#scans = scans
    this.#left = scans
    this.#mutation = mutation
    this.#among = server.isDivided ? new AmongShards(eventId, server, scenario.capacity) : null
  }

  async run(): Promise<void> {
    const world = this.#world
    this.#setUp()
    if (this.#among) await this.#divide(this.#among)
    for (const phone of this.#phones) void phone.start()
    // The doors are readied before the crowd comes, or just then.
    await this.#until(() => world.now >= STARTS_AT + this.#scenario.readyMs)
    for (const phone of this.#phones) {
      this.#guests(phone)
      this.#trouble(phone)
    }
    this.#serverTrouble()
    if (this.#scenario.gatesEveryMs !== null) this.#sideEntrance(this.#scenario.gatesEveryMs)
    if (this.#scenario.hasDecisions) this.#organiser()
    if (this.#scenario.has('crashes')) this.#server.crashesSoon = CRASHES_SOON
    await this.#until(() => this.#left <= 0)
    this.#isOver = true
    await this.#calm()
    this.#compare()
  }

  /** Shards hear of the event before it begins; from then on anything may become of what is said between objects. */
  async #divide(among: AmongShards): Promise<void> {
    let isTold = false
    this.#tellShards(() => {
      isTold = true
    })
    await this.#until(() => isTold)
    this.#server.commit()
    this.#server.ways.weather = this.#scenario.ways
    const look = () => {
      this.#check(() => among.look())
      this.#world.after(LOOK_EVERY_MS, look)
    }
    look()
  }

  /** As any call that changes something: it is answered when shards know. Whoever made it makes it again until then. */
  #tellShards(then: () => void): void {
    this.#server
      .ask((gatekeeper) => gatekeeper.describe(everybody))
      .then(then, (error) => {
        if (!isTrouble(error)) throw error
        this.#world.after(500, () => this.#tellShards(then))
      })
  }

  /** The network is back for good: what is pending goes home, and what is home to D1. */
  async #calm(): Promise<void> {
    const from = this.#world.now
    // What goes wrong just now may last a while; then all is well again.
    await this.#until(() => this.#world.now > from + 15_000)
    this.#server.crashesSoon = 0
    this.#server.deliveries = { least: 1, most: 3 }
    this.#server.d1.isAway = false
    this.#server.d1.unheard = 0
    this.#server.ways.weather = { lossy: 0, slow: 0 }
    for (const deviceId of [...this.#toRevoke]) this.#revoke(deviceId)
    for (const phone of this.#phones) {
      phone.clearUp()
      if (!phone.isOn) void phone.start()
    }
    const isHome = () => this.#phones.every(({ queue, unanswered }) => queue === 0 && unanswered.length === 0)
    await this.#until(() => this.#world.now > from + 300_000 || isHome())
    if (!isHome())
      throw new Violation(`what was pending did not come home: ${this.#phones.flatMap(notHome).join('; ')}`)
    await this.#world.run(this.#world.now + 3000)
    const isGathered = () => this.#among?.areGathered !== false
    await this.#until(() => this.#world.now > from + 350_000 || isGathered())
    if (!isGathered()) throw new Violation('what shards judged, or what was changed, did not get to the others')
    // An alarm and a retry later at most.
    await this.#until(() => this.#world.now > from + 400_000 || this.#pendingForD1() === 0)
    if (this.#pendingForD1() > 0) throw new Violation('what was logged did not get to D1')
    // A job that stands still is looked after ever less often.
    await this.#until(() => this.#world.now > from + 3_600_000 || !this.#isImporting())
    if (this.#isImporting()) throw new Violation('the import does not go on')
  }

  async #until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      await this.#world.run(this.#world.now + 250)
      if (this.#violation) throw this.#violation
      if (this.#server.ways.bug !== null) throw this.#server.ways.bug
    }
  }

  #isImporting(): boolean {
    if (this.#scenario.importedRows === 0) return false
    const { state } = must(this.#server.gatekeeper.job(everybody, jobId))
    return state === 'queued' || state === 'running'
  }

  #pendingForD1(): number {
    return must(this.#server.gatekeeper.stats(everybody)).pending
  }

  #setUp(): void {
    const { gatekeeper } = this.#server
    const { policy, reentry, capacity, loungeGates, mainGates, phones, importedRows } = this.#scenario
    const zone = { id: MAIN_ZONE, name: 'Main', capacity, reentry, everyoneOutAt: null }
    const zones = [zone, ...(loungeGates.length === 0 ? [] : [{ ...zone, id: LOUNGE, name: 'Lounge', capacity: null }])]
    const event: EventDetails = {
      id: this.#eventId,
      organisationId: '0198c0de-0000-7000-8000-0000000000aa' as OrganisationId,
      title: 'The simulated one',
      startsAt: STARTS_AT,
      endsAt: STARTS_AT + 86_400_000,
      timezone: 'UTC',
      location: null,
      capacity: null,
      zones,
      policy: { ...defaultPolicy, offline: policy },
      limits: {
        scansPerMinute: 1_000_000,
        scanBurst: 1_000_000,
        callsPerMinute: 1_000_000,
        syncsPerFiveMinutes: 1_000_000,
        reportsPerMinute: 1_000_000,
        invalidCodesPerFiveMinutes: 1_000_000,
        blockMinutes: 1,
        duplicatesPerFiveMinutes: 1_000_000,
      },
      rehearsalOf: null,
      retention: defaultRetention,
      forgotten: nothingForgotten,
      createdAt: STARTS_AT,
      closedAt: null,
    }
    this.#event = event
    must(gatekeeper.create(event))
    for (const [type, admits] of [
      [single, 1],
      [group, GROUP_OF],
    ] as const) {
      const made = must(
        gatekeeper.putTicketType(everybody, type, {
          name: type,
          admits,
          zones: zones.map(({ id }) => id),
          requiresAttention: false,
        }),
      )
      if (made.number !== typeNumbers[type]) throw new Error(`the type ${type} has the number ${made.number}`)
    }
    must(gatekeeper.putStaff(everybody, 'sam' as StaffId, { name: 'Sam', role: 'scanner' }))
    must(gatekeeper.putStaff(everybody, 'sue' as StaffId, { name: 'Sue', role: 'supervisor' }))
    for (const id of [...mainGates, ...loungeGates]) {
      must(gatekeeper.putGate(everybody, id, { name: id, kind: 'entry', zone: zoneOfGate(this.#scenario, id) }))
    }
    for (let i = 0; i < this.#tickets.length; i += 500) {
      const wanted = this.#tickets.slice(i, i + 500).map(({ id, admits }) => ({
        id,
        ticket: { type: admits === 1 ? single : group, paid: true, requiresAttention: false },
      }))
      must(gatekeeper.issue(everybody, wanted, STARTS_AT - 3_600_000))
    }
    for (const { gateId, isSupervisor, skewMs } of phones) {
      const { kept, caller } = this.#enrol(gateId, isSupervisor)
      const { weather } = this.#scenario
      this.#phones.push(
        new Phone(this.#world, this.#server, kept, caller, this.#office.crypto, weather, this.#mutation, skewMs),
      )
    }
    this.#server.deliveries = { least: 0, most: 3 }
    if (importedRows > 0) this.#import(importedRows)
    this.#server.commit()
  }

  #enrol(gateId: GateId, isSupervisor: boolean): { kept: KeptDevice; caller: DeviceCaller } {
    const { chance, serverNow } = this.#world
    const { gatekeeper } = this.#server
    const event = this.#event as EventDetails
    const staffId = (isSupervisor ? 'sue' : 'sam') as StaffId
    const role = isSupervisor ? 'supervisor' : 'scanner'
    const deviceId = `device-${this.#enrolled++}` as DeviceId
    const codeHash = chance.bytes(32)
    must(gatekeeper.invite(everybody, { staffId, gateId, expiresInMs: 600_000 }, codeHash, serverNow + 600_000))
    const request = { code: '', deviceName: deviceId, deviceType: 'mobile' as const }
    must(gatekeeper.enrol({ codeHash, tokenHash: chance.bytes(32), deviceId, request }, serverNow))
    const gate: Gate = {
      id: gateId,
      name: gateId,
      kind: 'entry',
      zone: zoneOfGate(this.#scenario, gateId),
      accepts: null,
    }
    const { id: eventId } = event
    const kept: KeptDevice = {
      eventId,
      deviceId,
      deviceToken: 'taken for granted',
      staffToken: 'taken for granted',
      expiresAt: STARTS_AT + 86_400_000,
      enrolment: {
        event: { id: eventId, title: event.title, timezone: 'UTC', startsAt: event.startsAt, endsAt: event.endsAt },
        staff: { id: staffId, name: staffId, role },
        device: { id: deviceId, name: deviceId },
      },
      event: { zones: event.zones },
      gate,
      deviceKey: null,
    }
    return { kept, caller: { kind: 'device', deviceId, staffId, tokenHash: null, isSupervisor } }
  }

  /** A file of tickets is imported while people come: a job, whose messages come once, more often or never. */
  #import(rows: number): void {
    const { gatekeeper } = this.#server
    const id = jobId
    must(gatekeeper.openJob(everybody, { id, kind: 'import', outcome: {}, about: {} }, this.#world.serverNow))
    const settled = { done: 0, failed: 0, outcome: {}, errors: [] }
    const chunks = Array.from({ length: rows / IMPORT_CHUNK }, (_, chunk) => ({
      items: IMPORT_CHUNK,
      payload: Array.from({ length: IMPORT_CHUNK }, (_, i) => {
        const row = chunk * IMPORT_CHUNK + i
        const ticketId = `0198c0de-0000-7000-a000-${String(row).padStart(12, '0')}` as TicketId
        return {
          row,
          id: ticketId,
          ticket: { type: single, paid: true, requiresAttention: false, reference: `R${row}` },
        }
      }),
    }))
    must(gatekeeper.addToJob(everybody, id, 0, { chunks, settled }, this.#world.serverNow))
    void gatekeeper.queueJob(everybody, id, {}, this.#world.serverNow)
  }

  /** People come to a gate, most with tickets that others have shown, or are showing elsewhere, right now. */
  #guests(phone: Phone): void {
    const { chance } = this.#world
    this.#world.after(chance.wait(this.#scenario.guestEveryMs), () => {
      if (this.#isOver) return
      // Where a gate does not get on, people go to another one: what is shown is shown at about the same time.
      if (phone.isOn && phone.queue < this.#scenario.longestQueue) {
        this.#present(phone)
        // A second reader on the same device, before the first has been answered.
        if (chance.happens(0.1)) this.#present(phone)
      }
      this.#guests(phone)
    })
  }

  /** The next guest at a gate; and perhaps somebody with a copy of the same ticket at another one, at about that time. */
  #present(phone: Phone): void {
    const { chance } = this.#world
    const newest = Math.floor((this.#scans - this.#left) * TICKETS_PER_SCAN)
    const age = chance.happens(this.#scenario.late) ? chance.between(6, 60) : chance.between(0, 5)
    const ticket = this.#tickets[Math.max(0, newest - age)] as Sealed
    this.#show(phone, ticket)
    if (!chance.happens(this.#scenario.copies)) return
    // Whoever bought the ticket goes where it belongs.
    const atHome = this.#phones.filter(({ gateId }) => gateId === this.#homeOf(ticket))
    const elsewhere = chance.of(chance.happens(0.5) && atHome.length > 0 ? atHome : this.#phones)
    this.#world.after(chance.wait(1000), () => {
      if (!this.#isOver && elsewhere.isOn) this.#show(elsewhere, ticket)
    })
  }

  /** The gate to whose share a ticket belongs, as long as no other gates were opened. */
  #homeOf({ id: ticketId, admits }: Sealed): GateId | null {
    const type = admits === 1 ? single : group
    const gates = this.#scenario.mainGates.map((gateId) => ({ gateId, zone: MAIN_ZONE, types: [single, group] }))
    return homeGate(gates, { ticketId, type, zone: MAIN_ZONE })
  }

  #show(phone: Phone, ticket: Sealed): void {
    const { chance } = this.#world
    const { has } = this.#scenario
    this.#left -= 1
    const goesOut = chance.happens(this.#scenario.reentry === 'none' ? 0.08 : 0.3)
    const isForced = chance.happens(0.05) && phone.caller.isSupervisor
    const people = chance.between(1, GROUP_OF)
    const presented: Presented = {
      deviceId: phone.caller.deviceId,
      ticketId: ticket.id,
      admits: ticket.admits,
      zone: zoneOfGate(this.#scenario, phone.gateId as GateId),
      direction: goesOut && has('exits') ? 'exit' : 'entry',
      people: ticket.admits > 1 && has('groups') ? people : 1,
      force: isForced,
      askedAt: this.#world.now,
    }
    const { direction, force } = presented
    this.#checker.holdsUp(presented)
    phone.scan(
      { text: ticket.text, direction, people: presented.people, force },
      () => this.#checker.lost(presented),
      (shown) => {
        const { now } = this.#world
        const { told } = phone
        const revision = told !== null && told.since < now - DIGESTED_MS ? told.revision : -1
        this.#check(() => this.#checker.saw(presented, shown, now, revision))
        this.#sendElsewhere(phone, shown, ticket)
        const mayRegret = shown.verdict.kind === 'admitted' && !force && has('annulments') && chance.happens(0.04)
        if (mayRegret) this.#regret({ phone, scanId: shown.scanId, presented })
      },
    )
  }

  /** Of those who are told to go to another gate most do, and some are scanned again at once. */
  #sendElsewhere(here: Phone, { verdict }: Shown, ticket: Sealed): void {
    const { chance } = this.#world
    const refusal = verdict.kind === 'refused' ? verdict.refusal : null
    const gates = refusal?.reason === 'held_elsewhere' ? refusal.useGates : []
    const there = this.#phones.filter(({ gateId }) => gates.some(({ id }) => id === gateId))
    if (there.length === 0 || chance.happens(0.2)) return
    const staysHere = chance.happens(0.5)
    const phone = staysHere ? here : chance.of(there)
    this.#world.after(chance.wait(staysHere ? 300 : 2000), () => {
      if (!this.#isOver && phone.isOn) this.#show(phone, ticket)
    })
  }

  /** Somebody was let in by mistake, is sent away again, and the steward takes the admission back. */
  #regret({ phone, scanId, presented }: Regretted): void {
    const { deviceId } = phone.caller
    this.#world.after(this.#world.chance.wait(2000), () => {
      if (!phone.isOn || phone.caller.deviceId !== deviceId) return
      const { settled } = this.#checker.tookBack(presented)
      const tell = (what: string) => this.#checker.tell(presented.ticketId, this.#world.now, `${deviceId} ${what}`)
      tell(`takes ${scanId} back`)
      void phone.annul(scanId).then((isAnnulled) => {
        tell(isAnnulled ? `heard that ${scanId} is taken back` : `did not hear that ${scanId} is taken back`)
        if (isAnnulled) settled()
      })
    })
  }

  #check(look: () => void): void {
    try {
      look()
    } catch (error) {
      if (!(error instanceof Violation)) throw error
      this.#violation ??= error
    }
  }

  #trouble(phone: Phone): void {
    const { chance } = this.#world
    const { has } = this.#scenario
    this.#world.after(chance.wait(this.#scenario.troubleEveryMs), () => {
      if (this.#isOver) return
      const mend = chance.happens(0.3) ? chance.between(50, 2000) : chance.between(2000, 30_000)
      const what = chance.next()
      const jump = chance.between(-600_000, 600_000)
      if (what < 0.7) {
        if (has('cuts')) phone.cut()
        this.#world.after(mend, () => phone.join())
      } else if (what < 0.8) {
        if (has('clocks that jump')) phone.skewMs += jump
      } else if (phone.isOn && has('app deaths')) {
        phone.kill()
        const losesAll = what > 0.97 && has('lost storage')
        const back = losesAll ? () => this.#reenrol(phone) : () => void phone.start()
        this.#world.after(chance.between(100, 3000), back)
      }
      this.#trouble(phone)
    })
  }

  /** The browser has forgotten everything: the phone is another device from now on, and the old one is taken out. */
  #reenrol(phone: Phone): void {
    if (this.#server.isDown) {
      this.#world.after(500, () => this.#reenrol(phone))
      return
    }
    const { deviceId, isSupervisor } = phone.caller
    for (const { scanId, verdict } of phone.unanswered) this.#checker.forgot(scanId, verdict?.kind ?? 'asked')
    const { kept, caller } = this.#enrol(phone.gateId as GateId, isSupervisor)
    phone.replaceStorage(kept, caller)
    this.lostStorages += 1
    for (const { id } of this.#tickets) this.#checker.tell(id, this.#world.now, `${deviceId} lost its storage`)
    this.#toRevoke.add(deviceId)
    this.#world.after(this.#world.chance.between(0, 30_000), () => this.#revoke(deviceId))
    // What is said to be done is done: without this, a crash would forget the new device.
    const start = () => void phone.start()
    this.#server.onceDurable(() => (this.#among ? this.#tellShards(start) : start()))
  }

  /** A person looked, and the device is nowhere at work any more. */
  #revoke(deviceId: DeviceId): void {
    if (!this.#toRevoke.has(deviceId) || this.#server.isDown) return
    for (const { id } of this.#tickets) this.#checker.tell(id, this.#world.now, `${deviceId} is revoked`)
    must(this.#server.gatekeeper.revokeDevice(everybody, deviceId, this.#world.serverNow))
    this.#server.onceDurable(() => this.#toRevoke.delete(deviceId))
  }

  #serverTrouble(): void {
    const { chance } = this.#world
    const { has } = this.#scenario
    this.#world.after(chance.wait(15_000), () => {
      if (this.#isOver) return
      const isAwayNow = chance.happens(0.3)
      const unheard = chance.of([0, 0, 0.3])
      const jump = chance.happens(0.2) ? chance.between(-20_000, 20_000) : 0
      const downMs = chance.of([50, 500, 4000])
      const crashes = chance.happens(0.5)
      if (has('D1')) {
        if (isAwayNow) this.#server.d1.isAway = !this.#server.d1.isAway
        this.#server.d1.unheard = unheard
      }
      if (has('server clock') && jump !== 0) this.#world.serverSkewMs = jump
      if (!this.#server.isDown) {
        if (crashes && has('crashes')) this.#server.crash(downMs)
        else if (has('evictions')) this.#server.evict()
      }
      this.#serverTrouble()
    })
  }

  /** The organiser opens and closes a side entrance: other gates mean other shares, and all leases move. */
  #sideEntrance(everyMs: number, kind: 'entry' | 'exit' = 'exit'): void {
    this.#world.after(this.#world.chance.wait(everyMs), () => {
      if (this.#isOver) return
      const isDone = !this.#server.isDown
      if (isDone) must(this.#server.gatekeeper.putGate(everybody, 'SIDE' as GateId, { name: 'Side', kind }))
      if (isDone) this.#server.onceDurable(() => {})
      this.#sideEntrance(everyMs, isDone === (kind === 'entry') ? 'exit' : 'entry')
    })
  }

  /** Tickets are revoked, blocked, restored and reissued while their holders stand in the queue. */
  #organiser(): void {
    const { chance } = this.#world
    this.#world.after(chance.wait(1500), () => {
      if (this.#isOver) return
      const newest = Math.floor((this.#scans - this.#left) * TICKETS_PER_SCAN)
      const ticket = this.#tickets[Math.max(0, newest + chance.between(-5, 3))]
      const action = chance.of<TicketAction>(['revoke', 'block', 'restore', 'restore', 'reissue'])
      if (ticket && this.#among) void this.#decideAmong(this.#among, ticket.id, action)
      else if (ticket && !this.#server.isDown) this.#decide(ticket.id, action)
      this.#organiser()
    })
  }

  readonly #reissued = new Set<TicketId>()

  #decide(ticketId: TicketId, action: TicketAction): void {
    const { gatekeeper } = this.#server
    const head = must(gatekeeper.stats(everybody)).stats.seq
    const [last] = must(gatekeeper.entries(everybody, head - 1, 1))
    // The log's time, which does not go back with the clock.
    const at = Math.max(this.#world.serverNow, (last?.receivedAt ?? 0) + (last?.offline ? 1 : 0))
    void gatekeeper.act(everybody, ticketId, action, null, false, this.#world.serverNow)
    const revision = this.#revisionAt(at)
    // The codes that are shown here are the first ones: a reissue makes them old for good.
    const bars = action !== 'restore' || this.#reissued.has(ticketId)
    const decision: Decision = { ticketId, bars, at, revision, from: head, head, isKnown: false }
    this.#checker.decided(decision)
    this.#checker.tell(ticketId, this.#world.now, `the organiser: ${action}`)
    // A crash may undo it as long as nobody was told that it is done.
    this.#server.onceDurable(() => {
      decision.isKnown = true
      if (action === 'reissue') this.#reissued.add(ticketId)
    })
  }

  #revisionAt(at: number): number {
    return readCursor(must(this.#server.gatekeeper.snapshot(everybody, null, at)).head.cursor)?.revision ?? 0
  }

  /** Tickets about which something is being decided, or of which nobody knows whether it was. */
  readonly #undecided = new Set<TicketId>()

  /** The same where others than the Gatekeeper judge: what is decided holds for them once it was answered. */
  async #decideAmong(among: AmongShards, ticketId: TicketId, action: TicketAction): Promise<void> {
    if (this.#undecided.has(ticketId)) return
    this.#undecided.add(ticketId)
    const judge = this.#server.objects[among.judgeOf(ticketId)] ?? this.#server.own
    const headOfJudge = () => Number(judge.look('SELECT max(seq) AS seq FROM entry')[0]?.seq ?? 0)
    const bars = action !== 'restore' || this.#reissued.has(ticketId)
    const from = Math.max(0, headOfJudge() - MOST_FORGOTTEN)
    const never = Number.POSITIVE_INFINITY
    const decision: Decision = { ticketId, bars, at: never, revision: never, from, head: never, isKnown: false }
    this.#checker.decided(decision)
    this.#checker.tell(ticketId, this.#world.now, `the organiser: ${action}`)
    const at = this.#world.serverNow
    try {
      must(await this.#server.ask((gatekeeper) => gatekeeper.act(everybody, ticketId, action, null, false, at)))
    } catch (error) {
      if (!isTrouble(error)) throw error
      this.#checker.tell(ticketId, this.#world.now, `nobody knows whether: ${action}`)
      return
    }
    const changes = 'SELECT max(at) AS at FROM ticket_change WHERE ticket = unhex(?)'
    const [last] = this.#server.own.look(changes, ticketId.replaceAll('-', '')) as { at: number | null }[]
    const revision = this.#server.isDown ? never : this.#revisionAt(at)
    Object.assign(decision, { at: last?.at ?? at, revision, head: headOfJudge(), isKnown: true })
    this.#checker.tell(ticketId, this.#world.now, `the organiser heard: ${action}`)
    if (action === 'reissue') this.#reissued.add(ticketId)
    this.#undecided.delete(ticketId)
  }

  #compare(): void {
    const { gatekeeper, d1 } = this.#server
    const entries = must(gatekeeper.entries(everybody, 0, 1_000_000))
    const { conflicts } = must(gatekeeper.listConflicts(everybody, null, 1_000_000, 'all'))
    const standings = this.#standings()
    this.#checker.compare({
      entries,
      conflicts: new Set(conflicts.map(({ seq }) => seq)),
      d1: d1.entries(),
      tallies: d1.tallies(),
      inside: must(gatekeeper.stats(everybody)).stats.inside,
      standings: (ticketId) => standings.get(ticketId) ?? [],
      judgeOf: (ticketId) => this.#among?.judgeOf(ticketId) ?? 0,
      judgedAs: this.#among?.judgedAs() ?? new Map(),
    })
    this.#among?.compare(entries)
    this.#compareImport()
    this.#compareOwnChecks()
  }

  /** Where each ticket stands, as the organiser is told. */
  #standings() {
    const { items } = must(this.#server.gatekeeper.listTickets(everybody, { limit: 1_000_000 }))
    return new Map(
      items.map(({ ticket, standings }) => [ticket.id, standings.map(({ zone, standing }) => ({ zone, ...standing }))]),
    )
  }

  /** Every row became a ticket, once, however often its message came. */
  #compareImport(): void {
    const { importedRows } = this.#scenario
    if (importedRows === 0) return
    const { gatekeeper } = this.#server
    const job = must(gatekeeper.job(everybody, jobId))
    if (job.state !== 'done' || job.done !== importedRows) throw new Violation(`the import is ${JSON.stringify(job)}`)
    const { created = 0, existed = 0 } = job.outcome
    if (created !== importedRows || existed > 0) throw new Violation(`${created} rows imported, ${existed} twice`)
  }

  /** The organiser's own button: the log with its hashes and sums, and each standing against it. */
  #compareOwnChecks(): void {
    const { gatekeeper } = this.#server
    const found: unknown[] = []
    for (let mark: LogMark | null = null, isDone = false; !isDone; isDone = mark === null) {
      const slice: LogSlice = must(gatekeeper.checkLog(everybody, mark))
      found.push(...slice.discrepancies)
      mark = slice.mark
    }
    for (let from: StandingKey | null = null, isDone = false; !isDone; isDone = from === null) {
      const slice: StandingSlice = must(gatekeeper.checkStandings(everybody, from))
      found.push(...slice.discrepancies)
      from = slice.next
    }
    if (found.length > 0) throw new Violation(`the integrity report says ${JSON.stringify(found[0])}`)
  }
}

/** What a phone still waits for, in words. */
function notHome({ caller, isOn, queue, unanswered }: Phone): string[] {
  if (queue === 0 && unanswered.length === 0) return []
  const waiting = unanswered.map(({ scanId, ticketId, state }) => `${scanId} of ${ticketId} ${state}`)
  return [`${caller.deviceId} is ${isOn ? 'on' : 'off'}, ${queue} wait: ${waiting.join(', ')}`]
}

const jobId = '0198c0de-0000-7000-b000-000000000001' as JobId
const IMPORT_CHUNK = 10
const LOOK_EVERY_MS = 1000
/** So many entries of a log a crash takes back at most. */
const MOST_FORGOTTEN = 5
/** How often the server dies within two milliseconds of having judged something. */
const CRASHES_SOON = 0.003

function must<T>(result: { ok: true; value: T } | { ok: false; problem: { code: string } }): T {
  if (!result.ok) throw new Error(`it could not be set up: ${result.problem.code} ${JSON.stringify(result.problem)}`)
  return result.value
}
