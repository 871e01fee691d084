import type { Gate } from '../../../core/event.ts'
import type { GateId } from '../../../core/ids.ts'
import type { Lease } from '../../../core/lease.ts'
import type { Clock } from './clock.ts'
import type { Knowing } from './knowing.ts'
import type { Names } from './names.ts'
import { Watched } from './observable.ts'
import type { Ports } from './ports.ts'
import type { ReadyOffline, Status } from './status.ts'
import type { KeptDevice } from './store.ts'

/** A snapshot older than this is no readiness to speak of. */
const FRESH_MS = 5 * 60_000

/** Which device this is, and the gate it stands at; null until somebody has enrolled it. */
export type Post = { device: KeptDevice | null; gateId: GateId | null }

/** What the screen is told of the engine, and the Gatekeeper of the device. It decides nothing. */
export class Board {
  readonly status = new Watched<Status>(blank)
  readonly hasPin = new Watched(false)

  readonly #ports: Ports
  readonly #clock: Clock
  readonly #knowing: Knowing
  readonly #names: Names
  readonly #post: Post
  #isTakenDown = false

  constructor(ports: Ports, clock: Clock, knowing: Knowing, names: Names, post: Post) {
    this.#ports = ports
    this.#clock = clock
    this.#knowing = knowing
    this.#names = names
    this.#post = post
  }

  /** Nothing is told any more. */
  takeDown(): void {
    this.#isTakenDown = true
  }

  /** This device is none any more. */
  clear(because: Status['signedOutBecause']): void {
    this.hasPin.set(false)
    this.status.set({ ...blank, signedOutBecause: because })
  }

  tell(change: Partial<Status>): void {
    if (!this.#isTakenDown) this.status.set({ ...this.status.value, ...change })
  }

  tellConnection(connection: Status['connection']): void {
    if (connection !== this.status.value.connection) this.tell({ connection })
  }

  tellLease(lease: Lease | null): void {
    this.tell({ lease: lease === null || lease.state === 'offered' ? 'none' : lease.state })
  }

  /** What is known of the event. */
  tellKnown(): void {
    const head = this.#knowing.known?.head ?? null
    const gate = this.gate()
    this.tell({
      gates: (head?.gates ?? []).map(({ id, name, kind, zone }) => ({ id, name, kind, zone })),
      gate: gate && { id: gate.id, name: gate.name, kind: gate.kind, zone: gate.zone },
      ticketTypes: (head?.ticketTypes ?? []).map(({ id, name, admits, price }) => ({ id, name, admits, price })),
      policy: head?.policy ?? null,
      snapshotAt: this.#knowing.at,
      aloneUntil: this.#knowing.aloneUntil?.at ?? null,
      clock: this.#clock.state,
    })
  }

  /** What is kept beside the scans. */
  async tellSettings(): Promise<void> {
    const { store } = this.#ports
    this.hasPin.set(await this.#names.hasPin())
    this.tell({
      enrolment: this.#post.device?.enrolment ?? null,
      conflicts: (await store.get('conflicts')) ?? [],
      blockedUntil: await store.get('blockedUntil'),
      shift: await store.get('shift'),
      names: await this.#names.state(),
    })
  }

  /** What waits to be brought home, and what nobody took. */
  async tellQueue(): Promise<void> {
    const { store } = this.#ports
    const [oldest] = await store.inState('alone', 1)
    const setAside = await store.inState('set_aside', 100)
    this.tell({
      pending: await store.count('alone'),
      pendingSince: oldest?.at ?? null,
      setAside: setAside.map(({ scanId, gateName, at, problem }) => ({
        scanId,
        gateName,
        at,
        code: problem?.code ?? '',
        message: problem?.message ?? '',
      })),
    })
  }

  /** Whether the device could do without a network now; gives whether that has changed. */
  async tellReady(): Promise<boolean> {
    const stored = await this.#ports.surroundings.readiness()
    const { at } = this.#knowing
    const keys = this.#post.device !== null && this.#knowing.keys.length > 0
    const now = this.#clock.now()
    const isFresh = at !== null && (now - at < FRESH_MS || this.status.value.connection === 'offline')
    const mayDecide = now < (this.#knowing.aloneUntil?.at ?? 0)
    const ready = { ...stored, keys, snapshot: isFresh && mayDecide }
    const readyOffline = { ...ready, all: ready.shell && ready.wasm && ready.keys && ready.snapshot }
    if (JSON.stringify(readyOffline) === JSON.stringify(this.status.value.readyOffline)) return false
    this.tell({ readyOffline })
    return true
  }

  /** What the Gatekeeper is told of how the device is doing. */
  async deviceStatus() {
    const battery = await this.#ports.surroundings.battery()
    const snapshotAt = this.#knowing.at
    return {
      pending: await this.unsynced(),
      snapshotCursor: this.#knowing.known?.head.cursor ?? null,
      snapshotAt: snapshotAt === null ? null : new Date(snapshotAt).toISOString(),
      appVersion: this.#ports.appVersion,
      readyOffline: this.status.value.readyOffline.all,
      clockSkewMs: this.#clock.state.skewMs,
      battery,
      gateId: this.#post.gateId,
    }
  }

  /** How many scans are on this device alone. */
  async unsynced(): Promise<number> {
    const { store } = this.#ports
    return (await store.count('alone')) + (await store.count('set_aside'))
  }

  /** A gate as it is known, or as it was when the device was enrolled; without a name, the one that it stands at. */
  gate(id: GateId | null = this.#post.gateId): Gate | null {
    const known = this.#knowing.known?.head.gates.find((gate) => gate.id === id)
    const atEnrolment = this.#post.device?.gate
    return known ?? (atEnrolment && atEnrolment.id === id ? atEnrolment : null)
  }
}

const nothingReady: ReadyOffline = {
  shell: false,
  wasm: false,
  keys: false,
  snapshot: false,
  persisted: false,
  all: false,
}

const blank: Status = {
  enrolment: null,
  signedOutBecause: null,
  gate: null,
  gates: [],
  ticketTypes: [],
  policy: null,
  connection: 'offline',
  snapshotAt: null,
  aloneUntil: null,
  pending: 0,
  pendingSince: null,
  syncing: false,
  setAside: [],
  readyOffline: nothingReady,
  conflicts: [],
  clock: { skewMs: null, source: 'wall' },
  blockedUntil: null,
  lease: 'none',
  names: 'none',
  shift: null,
}
