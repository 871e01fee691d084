import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { gcm } from '@noble/ciphers/aes.js'
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import { defaultPolicy, type EventDetails, MAIN_ZONE } from '../../core/event.ts'
import type { DeviceId, EventId, GateId, OrganisationId, StaffId, TicketId, TypeId } from '../../core/ids.ts'
import { deriveSealingKeys, eventTagOf } from '../../core/keys.ts'
import { type Claims, openToken, sealToken } from '../../core/token.ts'
import { everybody } from '../../durable-objects/actor.ts'
import type { Ports } from '../../web/scanner/engine/ports.ts'
import type { KeptDevice } from '../../web/scanner/engine/store.ts'
import { Checker, Violation } from './checker.ts'
import { Phone, type PhoneMutation } from './phone.ts'
import { platformOf, Server, snapshotKeys } from './server.ts'
import { inWorld, World } from './world.ts'

/** A rule taken out. `around` patches shipped functions for the time of a run, and gives how to put them back. */
export type Mutation = PhoneMutation & { around?: () => () => void }

export type Run = {
  seed: number
  scans: number
  policy: 'strict' | 'admit'
  mutation?: Mutation
}

export type Ran = {
  violation: string | null
  shown: number
  admitted: number
  alone: number
  restarts: number
  virtualMs: number
}

const STARTS_AT = Date.UTC(2026, 5, 1, 18)
const eventId = '0198c0de-0000-7000-8000-0000000000ee' as EventId
const type = 'standard' as TypeId
const TYPE_NUMBER = 1
/** So each is shown some five times, at several gates and within seconds. */
const TICKETS_PER_SCAN = 1 / 5

/** Tickets are sealed, opened and verified once, for all runs: signatures are not what is tried here. */
const keys = deriveSealingKeys('the secret of the simulation', eventTagOf(eventId), 1)
const privateKey = createPrivateKey({
  key: Buffer.concat([Buffer.from(hexToBytes('302e020100300506032b657004220420')), Buffer.from(keys.signingSeed)]),
  format: 'der',
  type: 'pkcs8',
})
const publicKey = createPublicKey(privateKey)
const rawPublicKey = rawOf(publicKey)
type Sealed = { id: TicketId; text: string; claims: Claims }
const sealed: Sealed[] = []
const claimsOf = new Map<string, Claims>()
const plains = new Map<string, Uint8Array>()
const verified = new Set<string>()

async function ticketsOf(count: number): Promise<Sealed[]> {
  while (sealed.length < count) {
    const id = `0198c0de-0000-7000-9000-${String(sealed.length).padStart(12, '0')}` as TicketId
    const claims = {
      ticketId: id,
      issuedAt: STARTS_AT / 1000 - 3600,
      validFrom: null,
      validUntil: null,
      type: TYPE_NUMBER,
      admits: 1,
    }
    const text = await sealToken(claims, keys, async (message) => new Uint8Array(sign(null, message, privateKey)))
    const opened = await openToken(
      text,
      [keys],
      cachedCrypto.verifier(() => rawPublicKey),
      cachedCrypto.unseal,
    )
    if (!opened.ok) throw new Error('a ticket of our own does not open')
    claimsOf.set(text, opened.claims)
    sealed.push({ id, text, claims })
  }
  return sealed.slice(0, count)
}

const never = () => Promise.reject(new Error('nobody sets a PIN here'))

const cachedCrypto: Ports['crypto'] = {
  verifier: () => async (_keys, message, signature) => {
    const name = bytesToHex(signature)
    if (verified.has(name)) return true
    const isGenuine = verify(null, message, publicKey, signature)
    if (isGenuine) verified.add(name)
    return isGenuine
  },
  unseal: async ({ readKey }, nonce, header, bytes) => {
    const name = bytesToHex(nonce)
    const plain = plains.get(name) ?? gcm(readKey, nonce, header).decrypt(bytes)
    plains.set(name, plain)
    return plain
  },
  newDeviceKey: never,
  newPinKey: never,
  stretchPin: never,
  seal: never,
  open: never,
}

/** One evening at the doors, from a seed. */
export async function simulate({ seed, scans, policy, mutation = {} }: Run): Promise<Ran> {
  const world = new World(seed, STARTS_AT)
  const tickets = await ticketsOf(Math.ceil(scans * TICKETS_PER_SCAN) + 10)
  const checker = new Checker(policy)
  let server: Server | null = null
  const timers = { after: (ms: number, call: () => void) => (server as Server).after(ms, call) }
  const putBack = mutation.around?.() ?? (() => {})
  let violation: string | null = null
  const ran = () => ({
    violation,
    shown: checker.shown,
    admitted: checker.admitted,
    alone: checker.alone,
    restarts: server?.restarts ?? 0,
    virtualMs: world.now - STARTS_AT,
  })
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
        server = new Server(world, (text) => claimsOf.get(text) ?? null, snapshotKeys(keys.readKey, rawPublicKey))
        await new Evening(world, server, tickets, checker, { seed, scans, policy, mutation }).run()
      },
    )
    if (failures.length > 0) throw failures[0]
  } catch (error) {
    const first = failures[0] ?? error
    if (!(first instanceof Violation)) throw new Error(`seed ${seed}: ${String(first)}`, { cause: first })
    violation = first.message
  } finally {
    process.off('unhandledRejection', fail)
    putBack()
    ;(server as Server | null)?.close()
  }
  return ran()
}

class Evening {
  readonly #world: World
  readonly #server: Server
  readonly #tickets: Sealed[]
  readonly #checker: Checker
  readonly #run: Required<Run>
  readonly #phones: Phone[] = []
  #left: number
  #isOver = false
  #violation: Violation | null = null

  constructor(world: World, server: Server, tickets: Sealed[], checker: Checker, run: Required<Run>) {
    this.#world = world
    this.#server = server
    this.#tickets = tickets
    this.#checker = checker
    this.#run = run
    this.#left = run.scans
  }

  async run(): Promise<void> {
    const world = this.#world
    this.#setUp()
    for (const phone of this.#phones) void phone.start()
    // The doors are readied before the crowd comes, or just then.
    const readyMs = world.chance.of([0, 1000, 8000])
    await this.#until(() => world.now >= STARTS_AT + readyMs)
    for (const phone of this.#phones) {
      this.#guests(phone)
      this.#trouble(phone)
    }
    this.#serverTrouble()
    if (world.chance.happens(0.25)) this.#organiser()
    await this.#until(() => this.#left <= 0)
    this.#isOver = true
    await this.#calm()
    this.#compare()
  }

  /** The network is back for good: what is pending goes home. */
  async #calm(): Promise<void> {
    const until = this.#world.now + 300_000
    await this.#until(() => this.#world.now > until - 285_000)
    for (const phone of this.#phones) phone.join()
    for (const phone of this.#phones) if (!phone.isOn) void phone.start()
    this.#server.isD1Away = false
    await this.#until(() => this.#world.now > until || this.#phones.every(({ pending }) => pending === 0))
    if (this.#world.now > until) throw new Violation('what was pending did not come home')
    await this.#world.run(this.#world.now + 3000)
  }

  async #until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      await this.#world.run(this.#world.now + 250)
      if (this.#violation) throw this.#violation
    }
  }

  #setUp(): void {
    const { chance } = this.#world
    const { gatekeeper } = this.#server
    const event: EventDetails = {
      id: eventId,
      organisationId: '0198c0de-0000-7000-8000-0000000000aa' as OrganisationId,
      title: 'The simulated one',
      startsAt: STARTS_AT,
      endsAt: STARTS_AT + 86_400_000,
      timezone: 'UTC',
      location: null,
      capacity: null,
      zones: [{ id: MAIN_ZONE, name: 'Main', capacity: null, reentry: 'none', everyoneOutAt: null }],
      policy: { ...defaultPolicy, offline: this.#run.policy },
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
      createdAt: STARTS_AT,
      closedAt: null,
    }
    must(gatekeeper.create(event))
    const made = must(
      gatekeeper.putTicketType(everybody, type, { name: 'Standard', admits: 1, requiresAttention: false }),
    )
    if (made.number !== TYPE_NUMBER) throw new Error(`the first type has the number ${made.number}`)
    must(gatekeeper.putStaff(everybody, 'sam' as StaffId, { name: 'Sam', role: 'scanner' }))
    const gates = Array.from({ length: chance.between(2, 4) }, (_, i) => `GATE-${i}` as GateId)
    for (const id of gates) must(gatekeeper.putGate(everybody, id, { name: id, kind: 'entry' }))
    for (let i = 0; i < this.#tickets.length; i += 500) {
      const wanted = this.#tickets.slice(i, i + 500).map(({ id }) => ({
        id,
        ticket: { type, paid: true, requiresAttention: false },
      }))
      must(gatekeeper.issue(everybody, wanted, STARTS_AT - 3_600_000))
    }
    const weather = {
      lossy: chance.of([0, 0.02, 0.1, 0.25]),
      slow: chance.of([0, 0.02, 0.1, 0.3]),
      twice: chance.of([0, 0.05, 0.2]),
    }
    for (let i = 0; i < chance.between(3, 6); i++) {
      const gateId = gates[i % gates.length] as GateId
      const deviceId = `device-${i}` as DeviceId
      const codeHash = chance.bytes(32)
      must(
        gatekeeper.invite(
          everybody,
          { staffId: 'sam' as StaffId, gateId, expiresInMs: 600_000 },
          codeHash,
          STARTS_AT + 1000,
        ),
      )
      const request = { code: '', deviceName: deviceId, deviceType: 'mobile' as const }
      must(gatekeeper.enrol({ codeHash, tokenHash: chance.bytes(32), deviceId, request }, STARTS_AT))
      const caller = { kind: 'device', deviceId, staffId: 'sam' as StaffId, tokenHash: null } as const
      const kept: KeptDevice = {
        eventId,
        deviceId,
        deviceToken: 'taken for granted',
        staffToken: 'taken for granted',
        expiresAt: STARTS_AT + 86_400_000,
        enrolment: {
          event: { id: eventId, title: event.title, timezone: 'UTC', startsAt: event.startsAt, endsAt: event.endsAt },
          staff: { id: 'sam' as StaffId, name: 'Sam', role: 'scanner' },
          device: { id: deviceId, name: deviceId },
        },
        event: { zones: event.zones },
        gate: { id: gateId, name: gateId, kind: 'entry', zone: MAIN_ZONE, accepts: null },
        deviceKey: null,
      }
      this.#phones.push(new Phone(this.#world, this.#server, kept, caller, cachedCrypto, weather, this.#run.mutation))
    }
    this.#server.commit()
  }

  /** People come to a gate, most with tickets that others have shown, or are showing elsewhere, right now. */
  #guests(phone: Phone): void {
    const { chance } = this.#world
    this.#world.after(chance.wait(700), () => {
      if (this.#isOver) return
      if (phone.isOn) {
        this.#present(phone)
        // A second reader on the same device, before the first has been answered.
        if (chance.happens(0.1)) this.#present(phone)
      }
      this.#guests(phone)
    })
  }

  #present(phone: Phone): void {
    const { chance } = this.#world
    this.#left -= 1
    const shownSoFar = this.#run.scans - this.#left
    const newest = Math.floor(shownSoFar * TICKETS_PER_SCAN)
    const ticket = this.#tickets[Math.max(0, newest - chance.between(0, 5))] as Sealed
    const direction = chance.happens(0.08) ? 'exit' : 'entry'
    const { deviceId } = phone.caller
    const lost = () => this.#checker.lost(deviceId, ticket.id)
    phone.scan(ticket.text, direction, lost, (shown) => {
      try {
        this.#checker.saw(deviceId, ticket.id, direction, shown)
      } catch (error) {
        if (!(error instanceof Violation)) throw error
        this.#violation ??= error
      }
    })
  }

  #trouble(phone: Phone): void {
    const { chance } = this.#world
    this.#world.after(chance.wait(12_000), () => {
      if (this.#isOver) return
      const mend = chance.happens(0.3) ? chance.between(50, 2000) : chance.between(2000, 30_000)
      if (chance.happens(0.75)) {
        phone.cut()
        this.#world.after(mend, () => phone.join())
      } else if (phone.isOn) {
        phone.kill()
        this.#world.after(chance.between(100, 3000), () => void phone.start())
      }
      this.#trouble(phone)
    })
  }

  #serverTrouble(): void {
    const { chance } = this.#world
    this.#world.after(chance.wait(20_000), () => {
      if (this.#isOver) return
      if (chance.happens(0.3)) this.#server.isD1Away = !this.#server.isD1Away
      if (!this.#server.isDown) {
        if (chance.happens(0.5)) this.#server.crash(chance.of([50, 500, 4000]))
        else this.#server.evict()
      }
      this.#serverTrouble()
    })
  }

  /** The organiser opens and closes a side entrance: other gates mean other shares, and all leases move. */
  #organiser(kind: 'entry' | 'exit' = 'exit'): void {
    this.#world.after(this.#world.chance.wait(30_000), () => {
      if (this.#isOver) return
      const isDone = !this.#server.isDown
      if (isDone) must(this.#server.gatekeeper.putGate(everybody, 'SIDE' as GateId, { name: 'Side', kind }))
      if (isDone) this.#server.onceDurable(() => {})
      this.#organiser(isDone === (kind === 'entry') ? 'exit' : 'entry')
    })
  }

  #compare(): void {
    const { gatekeeper } = this.#server
    const entries = must(gatekeeper.entries(everybody, 0, 1_000_000))
    const { conflicts } = must(gatekeeper.listConflicts(everybody, null, 1_000_000, 'all'))
    const conflictsOf = new Map<TicketId, number>()
    for (const { conflict } of conflicts) {
      const { ticketId, shown } = conflict
      if (ticketId !== null && shown === 'admitted') conflictsOf.set(ticketId, (conflictsOf.get(ticketId) ?? 0) + 1)
    }
    this.#checker.compare(entries, conflictsOf)
  }
}

function must<T>(result: { ok: true; value: T } | { ok: false; problem: { code: string } }): T {
  if (!result.ok) throw new Error(`it could not be set up: ${result.problem.code} ${JSON.stringify(result.problem)}`)
  return result.value
}

function rawOf(key: KeyObject): Uint8Array {
  return new Uint8Array(Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url'))
}
