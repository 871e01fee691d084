import type { EventDetails } from '../../core/event.ts'
import type { DeviceId, EventId, GateId } from '../../core/ids.ts'
import { everybody } from '../../durable-objects/actor.ts'
import type { KeptDevice } from '../../web/scanner/engine/store.ts'
import { AmongShards } from './among-shards.ts'
import { type Checker, Violation } from './checker.ts'
import { eventOf, importTickets, makeEvent, STARTS_AT, scanner, supervisor } from './event.ts'
import { must } from './must.ts'
import { Phone, type PhoneMutation } from './phone.ts'
import { isTrouble } from './platform-object.ts'
import { type Scenario, zoneOfGate } from './scenario.ts'
import type { DeviceCaller, Server } from './server.ts'
import type { Sealed, TicketOffice } from './ticket-office.ts'
import type { World } from './world.ts'

type Parts = {
  eventId: EventId
  world: World
  scenario: Scenario
  server: Server
  office: TicketOffice
  tickets: Sealed[]
  checker: Checker
  mutation: PhoneMutation
}

type Enrolled = { kept: KeptDevice; caller: DeviceCaller }

/** What one evening is made of: the event, the server, phones at gates, and whoever watches. What is done in it is done elsewhere. */
export class Evening {
  readonly world: World
  readonly scenario: Scenario
  readonly server: Server
  readonly tickets: readonly Sealed[]
  readonly checker: Checker
  readonly phones: Phone[] = []
  /** Who sees into all objects of a divided event; null where it is not. */
  readonly among: AmongShards | null
  /** Nobody comes any more, and nothing else goes wrong. */
  isOver = false
  /** Phones that lost what they had stored. */
  lostStorages = 0
  readonly #parts: Parts
  readonly #event: EventDetails
  #enrolled = 0
  #violation: Violation | null = null

  constructor(parts: Parts) {
    const { eventId, world, scenario, server, tickets, checker } = parts
    this.#parts = parts
    this.#event = eventOf(eventId, scenario)
    this.world = world
    this.scenario = scenario
    this.server = server
    this.tickets = tickets
    this.checker = checker
    this.among = server.isDivided ? new AmongShards(eventId, server, scenario.capacity) : null
  }

  setUp(): void {
    const { world, server, scenario } = this
    const { office, tickets, mutation } = this.#parts
    makeEvent(server.gatekeeper, this.#event, scenario, tickets)
    for (const { gateId, isSupervisor, skewMs } of scenario.phones) {
      const { kept, caller } = this.enrol(gateId, isSupervisor)
      this.phones.push(new Phone(world, server, kept, caller, office.crypto, scenario.weather, mutation, skewMs))
    }
    server.deliveries = { least: 0, most: 3 }
    if (scenario.importedRows > 0) importTickets(server.gatekeeper, scenario.importedRows, world.serverNow)
    server.commit()
  }

  /** A device becomes known to the event; what it then keeps, and as whom the server knows it. */
  enrol(gateId: GateId, isSupervisor: boolean): Enrolled {
    const { chance, serverNow } = this.world
    const { gatekeeper } = this.server
    const staffId = isSupervisor ? supervisor : scanner
    const deviceId = `device-${this.#enrolled++}` as DeviceId
    const codeHash = chance.bytes(32)
    must(gatekeeper.invite(everybody, { staffId, gateId, expiresInMs: 600_000 }, codeHash, serverNow + 600_000))
    const request = { code: '', deviceName: deviceId, deviceType: 'mobile' as const }
    must(gatekeeper.enrol({ codeHash, tokenHash: chance.bytes(32), deviceId, request }, serverNow))
    const { id: eventId, title, startsAt, endsAt, zones } = this.#event
    const role = isSupervisor ? 'supervisor' : 'scanner'
    const kept: KeptDevice = {
      eventId,
      deviceId,
      deviceToken: 'taken for granted',
      staffToken: 'taken for granted',
      expiresAt: STARTS_AT + 86_400_000,
      enrolment: {
        event: { id: eventId, title, timezone: 'UTC', startsAt, endsAt },
        staff: { id: staffId, name: staffId, role },
        device: { id: deviceId, name: deviceId },
      },
      event: { zones },
      gate: { id: gateId, name: gateId, kind: 'entry', zone: zoneOfGate(this.scenario, gateId), accepts: null },
      deviceKey: null,
    }
    return { kept, caller: { kind: 'device', deviceId, staffId, tokenHash: null, isSupervisor } }
  }

  /** Time goes on until something holds; what was seen meanwhile that must not be ends the evening. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      await this.world.run(this.world.now + 250)
      if (this.#violation) throw this.#violation
      if (this.server.ways.bug !== null) throw this.server.ways.bug
    }
  }

  /** Whoever looks does so in the middle of what the shipped code does, which must not hear of what they find. */
  check(look: () => void): void {
    try {
      look()
    } catch (error) {
      if (!(error instanceof Violation)) throw error
      this.#violation ??= error
    }
  }

  /** As any call that changes something: it is answered when shards know. Whoever made it makes it again until then. */
  tellShards(then: () => void): void {
    this.server
      .ask((gatekeeper) => gatekeeper.describe(everybody))
      .then(then, (error) => {
        if (!isTrouble(error)) throw error
        this.world.after(500, () => this.tellShards(then))
      })
  }
}
