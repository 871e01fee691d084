import type { Gate } from '../../../core/event.ts'
import type { DeviceId, ScanId } from '../../../core/ids.ts'
import type { SnapshotHead } from '../../../core/snapshot.ts'
import type { Chance } from '../../chance.ts'
import type { Clockwork } from './clockwork.ts'
import { Disk, type Kept } from './disk.ts'
import type { Evening } from './evening.ts'
import { Homecoming } from './homecoming.ts'
import { Known, type Places } from './known.ts'
import { Leasing } from './leasing.ts'
import type { Broken } from './rules.ts'
import { notLetIn, Scanning } from './scanning.ts'
import { Socket, type ToDevice } from './socket.ts'
import type { Presented, Watcher } from './watcher.ts'
import type { Way } from './way.ts'

const BEAT_MS = 2000
const SILENT_AFTER_MS = 5000
const CONNECTING_MS = 8000
const SYNC_EVERY_BEATS = 7
const KEEP_EVERY_BEATS = 10
/** A lease begins more seldom than people are scanned, and what is told just then matters more. */
const LEASE_WEIGHT = 6
/** Nor does a list often come to a device of which something is not home. */
const PENDING_WEIGHT = 6

/** All that devices of an evening have in common. */
export type Surroundings = {
  clock: Clockwork
  chance: Chance
  evening: Evening
  way: Way
  watcher: Watcher
  broken: Broken
  places: Places
  firstHead: SnapshotHead
}

/** A scanner at a gate: what is on its disk stays, what is in its memory goes with the app. */
export class Device {
  deviceId: DeviceId
  readonly gate: Gate
  readonly isSupervisor: boolean
  readonly around: Surroundings
  /** How far its own clock is off, which it goes by as long as it was not told the server's time. */
  skewMs: number
  isOn = false
  isCut = false
  /** Whether the last call was answered. */
  isHeard = false
  life = 0
  disk: Disk
  known: Known | null = null
  /** Up to which revision it was told what was decided, as those see it who told it. */
  toldRevision = 0
  readonly scanning: Scanning
  readonly homecoming: Homecoming
  readonly leasing: Leasing
  #socket: Socket | null = null
  #anchorMs: number | null = null
  #heardAt = Number.NEGATIVE_INFINITY
  #connectingSince: number | null = null
  #scans = 0
  readonly #no: number

  constructor(around: Surroundings, no: number, deviceId: DeviceId, plan: Evening['devices'][number]) {
    this.around = around
    this.#no = no
    this.deviceId = deviceId
    this.gate = plan.gate
    this.isSupervisor = plan.isSupervisor
    this.skewMs = plan.skewMs
    this.disk = new Disk(around.clock, around.chance, around.broken)
    this.scanning = new Scanning(this)
    this.homecoming = new Homecoming(this)
    this.leasing = new Leasing(this)
    this.#beat(1)
  }

  /** Whether what is sent to the app that was running then gets there. */
  isReachable(life: number): boolean {
    return this.isOn && !this.isCut && this.life === life
  }

  get now(): number {
    return this.around.clock.now + (this.#anchorMs ?? this.skewMs)
  }

  get isAnchored(): boolean {
    return this.#anchorMs !== null
  }

  /** Calls later, unless the app is not the same any more. */
  after(ms: number, call: () => void): { isOff: boolean } {
    const { life } = this
    return this.around.clock.after(ms, () => {
      if (this.life === life && this.isOn) call()
    })
  }

  /** Writes to the disk, and goes on once that stands. */
  write(work: () => void, then: () => void = () => {}): void {
    const ms = this.disk.write(work)
    this.after(ms, then)
  }

  /** A name that no other scan has. */
  newId(): ScanId {
    this.#scans += 1
    const [no, count] = [this.#no.toString(16).padStart(4, '0'), this.#scans.toString(16).padStart(8, '0')]
    return `0198c0de-0000-7000-a000-${no}${count}` as ScanId
  }

  start(): void {
    if (this.isOn) return
    const { disk } = this
    this.isOn = true
    this.known = disk.known?.known.copy() ?? null
    this.toldRevision = disk.known?.toldRevision ?? 0
    this.#anchorMs = null
    this.#settleUnshown()
    this.#connect()
    this.homecoming.start()
  }

  /** The app dies. Whoever stood at the gate was shown nothing. */
  kill(): void {
    if (!this.isOn) return
    this.isOn = false
    this.life += 1
    this.disk.crash()
    this.scanning.died()
    this.homecoming.died()
    // The system says goodbye where it can.
    if (!this.isCut) this.#socket?.close()
    this.#socket = null
    this.#connectingSince = null
    this.isHeard = false
  }

  cut(): void {
    this.isCut = true
  }

  join(): void {
    if (!this.isCut) return
    this.isCut = false
    if (this.isOn && this.#socket === null) this.#connect()
    if (this.isOn) this.homecoming.sync()
  }

  /** The browser has forgotten everything: another device from now on. Gives what nobody will ever hear of. */
  loseStorage(deviceId: DeviceId): Kept[] {
    const lost = this.disk.all.filter(({ state }) => state !== 'answered')
    this.disk = new Disk(this.around.clock, this.around.chance, this.around.broken)
    this.deviceId = deviceId
    this.known = null
    this.toldRevision = 0
    return lost
  }

  /** A call was answered, or was not. */
  heard(isHeard: boolean): void {
    const was = this.isHeard
    this.isHeard = isHeard
    if (isHeard && !was) this.after(0, () => this.homecoming.sync())
  }

  /** Something that happened at the worst of moments. */
  badMoment(weight = 1): void {
    const { chance, evening, way, clock } = this.around
    if (way.isCalm || this.isCut || !chance.happens(evening.badMoments * weight)) return
    this.cut()
    clock.after(chance.between(500, 6000), () => this.join())
  }

  hear(socket: Socket, said: ToDevice): void {
    if (this.#socket === null) this.#adopt(socket)
    if (this.#socket !== socket) return
    this.#heardAt = this.around.clock.now
    switch (said.type) {
      case 'pong':
        return
      case 'batch': {
        const isFirst = this.known === null
        const known = this.known ?? new Known(this.around.places, this.around.firstHead)
        this.known = known
        known.take(said, this.around.broken)
        this.toldRevision = said.revision
        // What it decided alone is in there, perhaps, and will not get home just now.
        if (this.disk.pending(null, 1).length > 0) this.badMoment(PENDING_WEIGHT)
        this.#anchorMs = this.around.way.server.skewMs + this.around.chance.between(-20, 20)
        if (isFirst) this.keep()
        this.leasing.check()
        return
      }
      case 'lease':
        this.badMoment(said.lease?.state === 'held' ? LEASE_WEIGHT : 1)
        this.leasing.hear(said.lease)
        return
      case 'recall':
        this.badMoment()
        this.leasing.recall(said.ticketId, said.id)
        return
    }
  }

  say(said: Parameters<Socket['say']>[0]): void {
    this.#socket?.say(said)
  }

  /** Keeps what is known of the event. */
  keep(): void {
    const { known, toldRevision } = this
    if (known !== null) this.write(() => this.disk.putKnown(known.copy(), toldRevision))
  }

  scan(presented: Presented): void {
    this.scanning.scan(presented)
  }

  #adopt(socket: Socket): void {
    this.#socket = socket
    this.#connectingSince = null
    socket.say({ type: 'ready' })
    this.heard(true)
    this.after(0, () => this.homecoming.sync())
  }

  #connect(): void {
    const { way, clock } = this.around
    const isConnecting = this.#connectingSince !== null && clock.now - this.#connectingSince < CONNECTING_MS
    if (!this.isOn || this.#socket !== null || isConnecting) return
    this.#connectingSince = clock.now
    const since = { seq: this.known?.seq ?? 0, revision: this.known?.revision ?? 0 }
    const socket = new Socket(this, way)
    let isOpened = false
    way.send<null>(
      this,
      () => {
        // Of a call that was said twice only the first can open it.
        if (isOpened) return
        isOpened = true
        way.server.opened(socket, since)
        socket.send({ type: 'pong' })
      },
      () => {},
    )
  }

  #beat(beats: number): void {
    this.around.clock.after(BEAT_MS, () => {
      if (this.isOn) {
        if (this.#socket !== null && this.around.clock.now - this.#heardAt > SILENT_AFTER_MS) {
          this.#socket.breakOff()
          this.#socket = null
        }
        if (this.#socket === null) this.#connect()
        else this.#socket.say({ type: 'ping' })
        if (beats % SYNC_EVERY_BEATS === 0) this.homecoming.sync()
        if (beats % KEEP_EVERY_BEATS === 0) this.keep()
      }
      this.#beat(beats + 1)
    })
  }

  /** What was under way when the app died was shown to nobody. An exit is one all the same. */
  #settleUnshown(): void {
    for (const scan of this.disk.all) {
      if (scan.state !== 'asked') continue
      const verdict = scan.direction === 'exit' ? ({ kind: 'exited', people: scan.people } as const) : notLetIn
      this.write(() => this.disk.change(scan, { state: 'alone', verdict }))
    }
  }
}
