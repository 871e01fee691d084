import { isOver } from '../../../core/alone-until.ts'
import { type GateId, type ScanId, type TicketId, uuidAt } from '../../../core/ids.ts'
import type { Asked } from './answers.ts'
import { Board, type Post } from './board.ts'
import { Calls } from './calls.ts'
import { Clock } from './clock.ts'
import { type Door, openDoor } from './door.ts'
import type { AskedScan, DeviceType, Engine, Failure, Found, Outcome, Sold, WalkIn } from './engine.ts'
import { enrolDevice } from './enrolling.ts'
import { Knowing } from './knowing.ts'
import { Leasing } from './leasing.ts'
import { Link } from './link.ts'
import { Names } from './names.ts'
import { Watched } from './observable.ts'
import type { Ports, TabMessage } from './ports.ts'
import { changeConflicts, type Flushed, Queue } from './queue.ts'
import { ScanLane } from './scan-lane.ts'
import { type Circumstances, Scanning, undecided } from './scanning.ts'
import type { Shown } from './shown.ts'
import type { ShownConflict, Status } from './status.ts'
import type { KeptDevice } from './store.ts'

const SYNC_EVERY_MS = 15_000
/** Packing the snapshot of 25,000 tickets takes a phone some tenths of a second. */
const KEEP_EVERY_MS = 60_000
const READY_EVERY_MS = 3000
const LONGEST_SYNC_BACK_OFF_MS = 60_000
const RECENT = 50

/** Starts the scanner on these ports: reads what was kept, settles what was under way, and goes looking for the network. */
export async function startEngine(ports: Ports): Promise<Engine> {
  const scanner = new Scanner(ports, new Clock(ports.time, await ports.store.get('skewMs')))
  await scanner.start()
  return scanner
}

class Scanner implements Engine {
  readonly recent = new Watched<Shown[]>([])
  readonly busy = new Watched(false)

  readonly #ports: Ports
  readonly #clock: Clock
  readonly #calls: Calls
  readonly #lane = new ScanLane()
  readonly #queue: Queue
  readonly #knowing: Knowing
  readonly #leasing: Leasing
  readonly #scanning: Scanning
  readonly #names: Names
  readonly #door: Door
  readonly #post: Post = { device: null, gateId: null }
  readonly #board: Board
  readonly #ends: (() => void)[] = []
  readonly #timers = new Set<() => void>()
  #link: Link | null = null
  #isHeard = false
  #notBefore = 0
  #syncFailures = 0
  #syncing: Promise<void> | null = null
  #disposed = false
  #isWiping = false

  constructor(ports: Ports, clock: Clock) {
    this.#ports = ports
    this.#clock = clock
    this.#calls = new Calls(ports, clock)
    this.#queue = new Queue(ports, this.#calls)
    this.#knowing = new Knowing(ports, this.#calls, clock, (serverTime, sentAt) => this.#anchor(serverTime, sentAt))
    this.#leasing = new Leasing(ports.store, this.#queue, this.#knowing)
    this.#scanning = new Scanning(ports, this.#calls, this.#lane, this.#queue, clock, this.#knowing)
    this.#names = new Names(ports, this.#calls)
    this.#door = openDoor(ports.store, this.#calls, this.#queue)
    this.#board = new Board(ports, clock, this.#knowing, this.#names, this.#post)
    this.#calls.onContact = (heard) => this.#setHeard(heard)
    this.#lane.onHeard = () => this.#setHeard(true)
    this.#knowing.onChange = () => this.#board.tellKnown()
    this.#leasing.onChange = (lease) => this.#board.tellLease(lease)
    this.#leasing.say = (message) => this.#link?.say(message)
  }

  get status(): Watched<Status> {
    return this.#board.status
  }

  get hasPin(): Watched<boolean> {
    return this.#board.hasPin
  }

  async start(): Promise<void> {
    this.#ends.push(
      this.#ports.tabs.listen((message) => this.#background(this.#hearTab(message))),
      this.#ports.surroundings.onOccasion(() => this.#onOccasion()),
      this.#ports.surroundings.onHidden(() => this.#background(this.#knowing.keep())),
    )
    await this.#scanning.settleUnshown()
    await this.#load()
    this.#every(SYNC_EVERY_MS, () => this.#sync())
    this.#every(KEEP_EVERY_MS, async () => {
      // Nobody waits at the door for this; the next time will do.
      if (this.busy.value) return
      await this.#knowing.keep()
      // Not as the app starts: a clock that was set wrong is put right by the first answer.
      await this.#clearUp()
    })
    this.#every(READY_EVERY_MS, () => this.#tellReady())
  }

  async enrol(linkOrCode: string, about: { name: string; type: DeviceType }): Promise<Outcome<null>> {
    const pending = await this.#board.unsynced()
    // They belong to the device that made them.
    if (pending > 0) return failed({ code: 'still_pending', pending })
    const enrolled = await enrolDevice(linkOrCode, about, this.#ports, this.#calls)
    if (!enrolled.ok) return enrolled
    await this.#knowing.refresh(enrolled.value.eventId)
    this.#board.tell({ signedOutBecause: null })
    await this.#load()
    this.#ports.tabs.tell({ type: 'settings' })
    return done
  }

  async scan(asked: AskedScan): Promise<Shown> {
    this.busy.set(true)
    try {
      const scanned = await this.#scanning.scan(asked, () => this.#circumstances(asked))
      if (scanned.blockedUntil !== undefined) await this.#setBlocked(scanned.blockedUntil)
      if (scanned.waitMs !== undefined) this.#notBefore = this.#ports.time.monotonic() + scanned.waitMs
      if (scanned.next === 'wipe') await this.#wipe('device_revoked')
      if (scanned.next === 'sync') this.#wentAlone()
      this.recent.set([scanned.shown, ...this.recent.value].slice(0, RECENT))
      return scanned.shown
    } catch (error) {
      // Signed out in the midst of it: what failed is a storage that is being taken away.
      if (this.#isWiping || this.#post.device === null) {
        return undecided(this.#askedOf(asked), { reason: 'not_enrolled' })
      }
      // The disk is full, or the browser took the storage away. What could not be kept was not sent either.
      return undecided(this.#askedOf(asked), { reason: 'problem', code: 'storage', message: String(error) })
    } finally {
      this.busy.set(false)
    }
  }

  async annul(scanId: ScanId, reason: string): Promise<Outcome<null>> {
    const annulled = await this.#door.annul(scanId, reason)
    if (annulled.ok) this.#ports.tabs.tell({ type: 'queue' })
    await this.#board.tellQueue()
    return annulled
  }

  async search(typed: string): Promise<Outcome<{ items: Found[]; from: 'gatekeeper' | 'device' }>> {
    const device = this.#post.device
    if (device === null) return failed({ code: 'not_enrolled' })
    const types = this.#knowing.known?.head.ticketTypes ?? []
    const found = await this.#door.search(device.eventId, typed, types)
    if (found.ok) return { ok: true, value: { items: found.value, from: 'gatekeeper' } }
    const names = found.failure.code === 'no_network' ? this.#names.search(typed) : null
    if (names === null) return found
    const zone = this.#board.gate()?.zone
    const items = names.map((named) => {
      const standing = zone === undefined ? null : (this.#knowing.known?.standing(named.id, zone) ?? null)
      return {
        ticketId: named.id,
        name: named.name,
        typeName: types.find(({ id }) => id === named.type)?.name ?? named.type,
        status: named.status,
        shortCode: named.shortCode,
        email: null,
        entries: standing?.entries ?? 0,
        inside: standing?.inside ?? 0,
      }
    })
    return { ok: true, value: { items, from: 'device' } }
  }

  async sellWalkIn(sale: WalkIn): Promise<Outcome<Sold>> {
    const gate = this.#board.gate()
    if (this.#post.device === null || gate === null) return failed({ code: 'not_enrolled' })
    const sold = await this.#door.sell({ ...sale, scanId: sale.scanId ?? this.#newId<ScanId>() }, gate.id)
    // Who was let in with the sale is known here only once the Gatekeeper has told it.
    if (sold.ok) this.#background(this.#knowing.refresh(this.#post.device.eventId))
    return sold
  }

  async startShift(): Promise<Outcome<null>> {
    const started = await this.#door.startShift(this.#newId<ScanId>())
    await this.#board.tellSettings()
    return started
  }

  async endShift(): Promise<Outcome<{ scans: number; admitted: number }>> {
    const ended = await this.#door.endShift()
    await this.#board.tellSettings()
    return ended
  }

  async lookAt(gateId: GateId): Promise<void> {
    await this.#ports.store.put('gateId', gateId)
    this.#post.gateId = gateId
    this.#board.tellKnown()
    this.#ports.tabs.tell({ type: 'settings' })
    await this.#link?.tellStatus()
  }

  async syncNow(): Promise<void> {
    this.#notBefore = 0
    this.#link?.nudge()
    await this.#sync()
  }

  async dismissConflicts(): Promise<void> {
    await changeConflicts(this.#ports, () => [])
    this.#ports.tabs.tell({ type: 'settings' })
    await this.#board.tellSettings()
  }

  async setPin(pin: string, current?: string): Promise<Outcome<null>> {
    if (this.#post.device?.enrolment.staff.role !== 'supervisor') return failed({ code: 'supervisor_needed' })
    const set = await this.#names.setPin(pin, current)
    await this.#board.tellSettings()
    return set
  }

  async checkPin(pin: string): Promise<boolean> {
    return (await this.#names.check(pin)).ok
  }

  async unlockNames(pin: string, progress: (done: number) => void = () => {}): Promise<Outcome<{ names: number }>> {
    const device = this.#post.device
    if (device?.enrolment.staff.role !== 'supervisor') return failed({ code: 'supervisor_needed' })
    if (this.#isOver()) return failed({ code: 'event_over' })
    const unlocked = await this.#names.unlock(pin, device.eventId, progress)
    await this.#board.tellSettings()
    return unlocked
  }

  lockNames(): void {
    this.#names.lock()
    this.#background(this.#board.tellSettings())
  }

  async signOut({ force }: { force: boolean } = { force: false }): Promise<Outcome<null>> {
    await this.#queue.flush()
    const pending = await this.#board.unsynced()
    if (pending > 0 && !force) {
      await this.#board.tellQueue()
      return failed({ code: 'still_pending', pending })
    }
    const returned = await this.#leasing.giveBack()
    if (returned !== null) this.#link?.say(returned)
    await this.#wipe(null)
    return done
  }

  dispose(): void {
    this.#disposed = true
    this.#board.takeDown()
    this.#link?.end()
    for (const end of [...this.#ends, ...this.#timers]) end()
    this.#ports.store.close()
  }

  /** What a scan needs to know, looked up when its turn has come; or what is shown where it cannot even begin. */
  async #circumstances(asked: AskedScan): Promise<Circumstances | Shown> {
    const device = this.#post.device
    const gate = this.#board.gate(asked.gateId)
    if (device === null || gate === null) {
      return undecided(this.#askedOf(asked), { reason: device === null ? 'not_enrolled' : 'unknown_gate' })
    }
    const until = await this.#ports.store.get('blockedUntil')
    if (until !== null && until > this.#clock.now()) {
      return undecided(this.#askedOf(asked), { reason: 'device_blocked', until })
    }
    const { known, aloneUntil } = this.#knowing
    const admitsAlone = known?.head.policy.offline === 'admit' && this.#clock.now() < (aloneUntil?.at ?? 0)
    return {
      device,
      gate,
      mayAsk: this.#ports.time.monotonic() >= this.#notBefore,
      // Where nobody may enter without the Gatekeeper, it is worth the wait.
      isAway: admitsAlone && !this.#isHeard,
      outlineOf: (named) => this.#names.outlineOf(named),
      whoIs: (ticketId) => this.#names.whoIs(ticketId),
    }
  }

  #askedOf({ gateId, people, force }: AskedScan): Asked {
    const gate = this.#board.gate(gateId)
    return {
      scanId: this.#newId<ScanId>(),
      gate: { id: gate?.id ?? gateId ?? ('' as GateId), name: gate?.name ?? '' },
      people: people ?? 1,
      at: this.#clock.now(),
      deviceId: this.#post.device?.deviceId ?? ('' as KeptDevice['deviceId']),
      forceReason: force?.reason ?? null,
    }
  }

  async #load(): Promise<void> {
    const { store } = this.#ports
    this.#post.device = await store.get('device')
    this.#post.gateId = (await store.get('gateId')) ?? this.#post.device?.gate?.id ?? null
    if (this.#knowing.known === null) await this.#knowing.load()
    await this.#leasing.load()
    await this.#board.tellSettings()
    await this.#board.tellQueue()
    this.#board.tellKnown()
    await this.#tellReady()
    this.#connect()
  }

  #connect(): void {
    const device = this.#post.device
    if (device === null || this.#link !== null || this.#disposed) return
    this.#link = new Link(this.#ports, this.#calls, this.#knowing, this.#leasing, this.#lane, device, {
      onLive: () => this.#tellConnection(),
      onOccasion: () => this.#background(this.#sync()),
      onConflict: (conflict, settled) => this.#background(this.#hearConflict(conflict, settled)),
      onRevoked: () => this.#background(this.#wipe('device_revoked')),
      anchor: (serverTime, sentAt) => this.#anchor(serverTime, sentAt),
      status: () => this.#board.deviceStatus(),
    })
  }

  /** Brings home what is pending. Occasions that come while it is at it are this one. */
  #sync(): Promise<void> {
    this.#syncing ??= this.#syncOnce().finally(() => {
      this.#syncing = null
    })
    return this.#syncing
  }

  async #syncOnce(): Promise<void> {
    if (this.#disposed || this.#post.device === null || this.#ports.time.monotonic() < this.#notBefore) return
    if ((await this.#ports.store.count('alone')) > 0) {
      this.#board.tell({ syncing: true })
      const sentAt = this.#ports.time.monotonic()
      await this.#afterSync(await this.#queue.flush(), sentAt)
      this.#board.tell({ syncing: false })
      await this.#board.tellQueue()
      await this.#board.tellSettings()
      await this.#link?.tellStatus()
    }
    await this.#leasing.settle()
  }

  async #afterSync(flushed: Flushed, sentAt: number): Promise<void> {
    if (flushed.revoked) return this.#wipe('device_revoked')
    if (flushed.serverTime !== null) this.#anchor(flushed.serverTime, sentAt)
    this.#syncFailures = flushed.more ? this.#syncFailures + 1 : 0
    if (!flushed.more) return
    const backOffMs = Math.min(LONGEST_SYNC_BACK_OFF_MS, 500 * 2 ** Math.min(10, this.#syncFailures))
    this.#later(Math.max(flushed.waitMs, backOffMs), () => this.#sync())
  }

  #wentAlone(): void {
    this.#background(this.#board.tellQueue())
    this.#ports.tabs.tell({ type: 'queue' })
    this.#ports.surroundings.requestSync()
    if (this.#isHeard) this.#later(500, () => this.#sync())
  }

  #onOccasion(): void {
    this.#link?.nudge()
    this.#background(this.#sync())
    this.#background(this.#tellReady())
  }

  async #hearTab(message: TabMessage): Promise<void> {
    switch (message.type) {
      case 'queue':
        return this.#board.tellQueue()
      case 'settings':
        return this.#load()
      case 'wiped':
        await this.#ports.store.reopen()
        return this.#forget(message.because)
    }
  }

  async #hearConflict(conflict: ShownConflict, settled: boolean): Promise<void> {
    await changeConflicts(this.#ports, (kept) =>
      settled ? kept.filter(({ scanId }) => scanId !== conflict.scanId) : [conflict, ...kept],
    )
    this.#ports.tabs.tell({ type: 'settings' })
    await this.#board.tellSettings()
  }

  #isOver(): boolean {
    const event = this.#knowing.known?.head.event ?? this.#post.device?.enrolment.event
    return event !== undefined && isOver(event, this.#clock.now())
  }

  /** When the event is over, names go off the device, and the rest of what it carried once nothing is pending. */
  async #clearUp(): Promise<void> {
    if (!this.#isOver()) return
    await this.#names.forget()
    if ((await this.#board.unsynced()) === 0) await this.#knowing.forgetKept()
    await this.#board.tellSettings()
  }

  async #setBlocked(until: number | null): Promise<void> {
    await this.#ports.store.put('blockedUntil', until)
    await this.#board.tellSettings()
  }

  /** Everything goes: this device is none any more. */
  async #wipe(because: Status['signedOutBecause']): Promise<void> {
    this.#link?.end()
    this.#isWiping = true
    try {
      await this.#ports.store.wipe()
      await this.#ports.surroundings.wipe()
    } finally {
      this.#isWiping = false
    }
    this.#ports.tabs.tell({ type: 'wiped', because })
    this.#forget(because)
  }

  #forget(because: Status['signedOutBecause']): void {
    this.#link?.end()
    this.#link = null
    this.#post.device = null
    this.#post.gateId = null
    this.#names.lock()
    this.#leasing.forget()
    this.#knowing.forget()
    this.recent.set([])
    this.#board.clear(because)
  }

  #anchor(serverTime: number, sentAt: number): void {
    if (!this.#clock.anchor(serverTime, sentAt, () => this.#newId<ScanId>())) return
    const clock = this.#clock.state
    this.#board.tell({ clock })
    if (clock.skewMs !== null) this.#background(this.#ports.store.put('skewMs', clock.skewMs))
  }

  #setHeard(isHeard: boolean): void {
    const was = this.#isHeard
    this.#isHeard = isHeard
    this.#tellConnection()
    if (isHeard && !was) this.#background(this.#sync())
  }

  #tellConnection(): void {
    this.#board.tellConnection(this.#link?.isLive ? 'live' : this.#isHeard ? 'online' : 'offline')
  }

  async #tellReady(): Promise<void> {
    if (await this.#board.tellReady()) await this.#link?.tellStatus()
  }

  /** Work that nobody waits for. What fails after the end had its storage taken away; anything else is a bug. */
  #background(work: Promise<unknown>): void {
    work.catch((error) => {
      // Meanwhile the storage is closed, and what was to be kept is about what is being forgotten.
      if (!this.#disposed && !this.#isWiping) throw error
    })
  }

  #newId<T extends ScanId | TicketId>(): T {
    return uuidAt<T>(this.#clock.now(), this.#ports.random(16))
  }

  #later(ms: number, run: () => Promise<unknown>): void {
    const cancel = this.#ports.time.after(ms, () => {
      this.#timers.delete(cancel)
      if (!this.#disposed) this.#background(run())
    })
    this.#timers.add(cancel)
  }

  #every(ms: number, run: () => Promise<unknown>): void {
    this.#later(ms, async () => {
      await run()
      this.#every(ms, run)
    })
  }
}

const done: Outcome<null> = { ok: true, value: null }

function failed(failure: Failure): Extract<Outcome<never>, { ok: false }> {
  return { ok: false, failure }
}
