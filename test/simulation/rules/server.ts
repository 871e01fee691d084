import type { Recorded } from '../../../core/answers.ts'
import { writeCursor } from '../../../core/cursor.ts'
import type { Gate } from '../../../core/event.ts'
import type { DeviceId, ScanId } from '../../../core/ids.ts'
import type { KnownStanding, KnownState } from '../../../core/snapshot.ts'
import { noStanding } from '../../../core/standing.ts'
import type { EventParts } from '../../../durable-objects/event-parts.ts'
import type { Held } from '../../../durable-objects/offline/leases.ts'
import { groupScans, type SyncedScan, type SyncOutcome, sync } from '../../../durable-objects/offline/syncing.ts'
import type { Annulling, Judging, ScanAsk } from '../../../durable-objects/scans/judging.ts'
import type { TicketDetails } from '../../../durable-objects/tickets/ticket-rows.ts'
import type { Chance } from '../../chance.ts'
import type { Clockwork } from './clockwork.ts'
import { D1 } from './d1.ts'
import type { Evening } from './evening.ts'
import { Journal } from './journal.ts'
import { LeaseBook } from './lease-book.ts'
import { Ledger, type TicketFile } from './ledger.ts'
import { partsOver } from './parts.ts'
import type { Broken } from './rules.ts'
import type { Batch, FromDevice, Socket } from './socket.ts'

const RECALL_WAIT_MS = 1000
const HEARD_WITHIN_MS = 6000
const DRAIN_EVERY_MS = 2000
/** How often the server dies within two milliseconds of having judged something. */
const CRASHES_SOON = 0.003
/** With the rule taken out, so long lies between the look and the write. */
const BREATH_MS = 40

/**
 * The Gatekeeper: the shipped judging and syncing over tables in memory. What it answers leaves it once what it wrote is on
 * the disk; a crash takes back the rest, with everything that was only being waited for.
 */
export class Server {
  readonly ledger: Ledger
  readonly leases: LeaseBook
  readonly d1: D1
  isDown = false
  crashes = 0
  /** How far its clock is off. */
  skewMs = 0
  d1Unheard = 0
  isCalm = false
  readonly #clock: Clockwork
  readonly #chance: Chance
  readonly #evening: Evening
  readonly #broken: Broken
  readonly #journal = new Journal()
  readonly #judging: Judging
  readonly #parts: EventParts
  #sockets: Socket[] = []
  #recalls = new Map<string, { id: number; waiting: (() => void)[] }>()
  #recallNo = 0
  #life = 0
  #isWaking = false
  #drained = 0
  #isDraining = false

  constructor(clock: Clockwork, chance: Chance, evening: Evening, broken: Broken) {
    this.#clock = clock
    this.#chance = chance
    this.#evening = evening
    this.#broken = broken
    this.ledger = new Ledger(evening, this.#journal, broken)
    this.leases = new LeaseBook(evening, this.ledger, this.#journal, broken)
    this.d1 = new D1(broken)
    const { parts, judging } = partsOver(this.ledger, this.leases, evening, broken)
    this.#judging = judging
    this.#parts = parts
    this.#drainLater()
  }

  get now(): number {
    return this.#clock.now + this.skewMs
  }

  get pendingForD1(): number {
    return this.ledger.head - this.#drained
  }

  /** A scan arrives. Whoever holds its ticket is asked first. */
  scan(ask: ScanAsk, answer: (recorded: Recorded) => void): void {
    if (this.#broken === 'oneBreath') {
      this.#scanInTwoBreaths(ask, answer)
      return
    }
    const first = this.#record(ask, true)
    if ('held' in first) {
      this.#recall(first.held, () => {
        const then = this.#record(ask, false)
        if (!('held' in then)) this.#answer(() => answer(then))
      })
    } else this.#answer(() => answer(first))
  }

  /** Scans that a device judged alone arrive. */
  sync(scans: SyncedScan[], answer: (outcomes: SyncOutcome[]) => void): void {
    this.#begin()
    const outcomes: SyncOutcome[] = []
    const taken = this.#broken === 'gateCounts' ? scans.filter(({ ask }) => !this.ledger.log.known(ask.scanId)) : scans
    const groups = groupScans(this.#parts, taken)
    const synced = sync(
      this.#parts,
      groups.map(({ group }) => group),
      this.now,
    )
    for (const [i, { places }] of groups.entries()) {
      for (const [k, place] of places.entries()) outcomes[place] = synced.outcomes[i]?.[k] as SyncOutcome
    }
    this.#wake()
    this.#answer(() => answer(outcomes))
  }

  /** Somebody wants an admission taken back. */
  annul(annulling: Annulling, answer: (isAnnulled: boolean) => void): void {
    this.#begin()
    const annulled = this.#judging.annul(annulling, this.now)
    if (annulled.ok) annulled.value.settle()
    this.#wake()
    this.#answer(() => answer(annulled.ok))
  }

  /** An organiser decided about a ticket; `known` once that is on the disk. Gives the revision, and the log's time. */
  decide(
    file: TicketFile,
    change: (now: TicketDetails, at: number) => Partial<TicketDetails>,
    known: () => void,
  ): { revision: number; at: number } {
    this.#begin()
    const at = this.ledger.log.timeAt(this.now)
    const revision = this.ledger.decide(file, change(file.ticket, at), at)
    this.#wake()
    this.#answer(known)
    return { revision, at }
  }

  putGate(gate: Gate): void {
    this.#begin()
    this.ledger.putGate(gate)
    this.review()
    this.#wake()
  }

  enrol(device: LeaseBook['devices'][number], known: () => void): void {
    this.#begin()
    this.leases.devices.push(device)
    this.#journal.wrote(() => this.leases.devices.splice(this.leases.devices.indexOf(device), 1))
    this.#answer(known)
  }

  /** A person looked, and the device is nowhere at work any more. */
  revoke(deviceId: DeviceId, known: () => void): void {
    this.#begin()
    this.leases.release(deviceId)
    this.review()
    this.#answer(known)
  }

  /** A device is there and says how far it knows the event. */
  opened(socket: Socket, since: { seq: number; revision: number }): void {
    this.#sockets = this.#sockets.filter(({ device }) => device !== socket.device)
    this.#sockets.push(socket)
    // Of another epoch of the log, as one that was never on the disk: everything anew.
    const isOurs = since.seq <= this.ledger.head && since.revision <= this.ledger.revision
    socket.seq = isOurs ? since.seq : 0
    socket.revision = isOurs ? since.revision : 0
    socket.heardAt = this.#clock.now
    this.#begin()
    this.#tell(socket)
    this.#tellLease(socket.device.deviceId)
    this.review()
  }

  /** A device says something over its socket. */
  hear(socket: Socket, said: FromDevice): void {
    socket.heardAt = this.#clock.now
    const { deviceId } = socket.device
    switch (said.type) {
      case 'ping':
        socket.send({ type: 'pong' })
        return
      case 'ready':
        socket.isReady = true
        this.#begin()
        this.review()
        return
      case 'recalled':
        this.#begin()
        this.leases.giveUp(deviceId, said.id)
        for (const { id, waiting } of this.#recalls.values()) {
          if (id === said.id) for (const go of waiting.splice(0)) go()
        }
        return
      case 'lease_taken':
        this.#begin()
        this.leases.take(deviceId, said.generation, this.#cursor())
        this.#tellLease(deviceId)
        return
      case 'lease_returned':
        this.#begin()
        this.leases.giveBack(deviceId, said.generation)
        this.#tellLease(deviceId)
        this.review()
        return
    }
  }

  /** Looks anew who may hold which lease, and tells those for whom that changed. */
  review(): void {
    if (!this.leases.isStrict) return
    const ready = new Set<DeviceId>()
    for (const { device, isReady, isClosed } of this.#sockets) if (isReady && !isClosed) ready.add(device.deviceId)
    for (const deviceId of this.leases.review(ready)) this.#tellLease(deviceId)
  }

  crash(downMs: number): void {
    if (this.isDown) return
    this.crashes += 1
    this.#life += 1
    this.#journal.crash(this.#clock.now)
    this.#recalls = new Map()
    for (const socket of this.#sockets) socket.breakOff()
    this.#sockets = []
    this.leases.restart()
    this.#isDraining = false
    this.#isWaking = false
    this.isDown = true
    this.#clock.after(downMs, () => {
      this.isDown = false
    })
  }

  /** From here on until the next of it, what is written comes to the disk together. */
  #begin(): void {
    const { now } = this.#clock
    this.#journal.tidy(now)
    this.#journal.onDiskAt = Math.max(this.#journal.onDiskAt, now + this.#chance.between(0, 3))
  }

  /** Once what was written so far is on the disk, unless it never gets there. */
  #answer(answer: () => void): void {
    const life = this.#life
    const waitMs = this.#broken === 'answerWaits' ? 0 : this.#journal.onDiskAt - this.#clock.now
    this.#clock.after(waitMs, () => {
      if (this.#life === life || this.#broken === 'answerWaits') answer()
    })
  }

  #record(ask: ScanAsk, askFirst: boolean): Recorded | { held: Held } {
    this.#begin()
    const result = this.#judging.record(ask, this.now, askFirst)
    if (!result.ok) throw new Error(`a scan was not judged: ${result.problem.code}`)
    const judged = result.value
    if ('held' in judged) return judged
    if ('needs' in judged) throw new Error('an event that is not divided has nobody to borrow from')
    judged.settle()
    this.#wake()
    if (!this.isCalm && this.#evening.has('crashes') && this.#chance.happens(CRASHES_SOON)) {
      this.#clock.after(this.#chance.between(0, 2), () => this.crash(this.#chance.of([50, 500, 4000])))
    }
    return judged.recorded
  }

  #scanInTwoBreaths(ask: ScanAsk, answer: (recorded: Recorded) => void): void {
    const life = this.#life
    const { ledger } = this
    const file = ledger.file((ask.presented as { ticketId: TicketDetails['id'] }).ticketId)
    const zone = ledger.zoneAt(ledger.gates.get(ask.gateId as Gate['id'])?.zone as Gate['zone'])
    const standing = file.standings[zone] ?? noStanding
    this.#clock.after(BREATH_MS, () => {
      if (this.#life !== life) return
      ledger.stale = { file, zone, standing }
      const recorded = this.#record(ask, false)
      ledger.stale = null
      if (!('held' in recorded)) this.#answer(() => answer(recorded))
    })
  }

  /** Asks the holder of a ticket to give it up, and waits for its answer; one that is not there is not waited for. */
  #recall(held: Held, then: () => void): void {
    const socket = this.#sockets.find(
      ({ device, heardAt, isClosed }) =>
        device.deviceId === held.holder && !isClosed && this.#clock.now - heardAt <= HEARD_WITHIN_MS,
    )
    if (!socket) {
      then()
      return
    }
    const key = held.gateId + held.ticketId
    const life = this.#life
    let isDone = false
    const go = () => {
      if (isDone || this.#life !== life) return
      isDone = true
      this.#recalls.delete(key)
      then()
    }
    const asked = this.#recalls.get(key)
    if (asked) asked.waiting.push(go)
    else {
      this.#recallNo += 1
      const id = this.#recallNo
      this.#recalls.set(key, { id, waiting: [go] })
      this.leases.recall(held, id)
      this.#answer(() => socket.send({ type: 'recall', id, ticketId: held.ticketId }))
    }
    this.#clock.after(RECALL_WAIT_MS, go)
  }

  #tellLease(deviceId: DeviceId): void {
    const lease = this.leases.of(deviceId)
    for (const socket of this.#sockets) {
      if (socket.device.deviceId === deviceId) this.#answer(() => socket.send({ type: 'lease', lease }))
    }
  }

  /** Those who listen are told what is new, some time soon. */
  #wake(): void {
    if (this.#isWaking || this.#sockets.length === 0) return
    this.#isWaking = true
    const life = this.#life
    this.#clock.after(this.#evening.tellEveryMs, () => {
      if (this.#life !== life) return
      this.#isWaking = false
      this.#sockets = this.#sockets.filter(({ isClosed }) => !isClosed)
      for (const socket of this.#sockets) this.#tell(socket)
    })
  }

  #tell(socket: Socket): void {
    const { ledger } = this
    const { head, revision } = ledger
    if (socket.seq === head && socket.revision === revision) return
    const standings: KnownStanding[] = []
    for (let seq = socket.seq; seq < head; seq++) {
      const { ticketId, zone } = ledger.entries[seq] as { ticketId: TicketDetails['id']; zone: Gate['zone'] }
      const told = ledger.standingTold(ledger.file(ticketId), ledger.zoneAt(zone))
      if (told) standings.push(told)
    }
    const states: KnownState[] = []
    for (let i = ledger.decisions.length - 1; i >= 0; i--) {
      const { revision: of, file } = ledger.decisions[i] as (typeof ledger.decisions)[number]
      if (of <= socket.revision) break
      if (file.state) states.push(file.state)
    }
    const gates = ledger.configuredAt > socket.revision ? [...ledger.gates.values()] : null
    const batch: Omit<Batch, 'serverTime'> = {
      type: 'batch',
      standings,
      states,
      gates,
      seq: head,
      revision,
      cursor: this.#cursor(),
    }
    socket.seq = head
    socket.revision = revision
    this.#answer(() => socket.send({ ...batch, serverTime: this.now }))
  }

  #cursor(): string {
    return writeCursor({ seq: this.ledger.head, revision: this.ledger.revision, epoch: 1 })
  }

  #drainLater(): void {
    this.#clock.after(DRAIN_EVERY_MS, () => {
      if (!this.isDown) this.#drain()
      this.#drainLater()
    })
  }

  /** Tells D1 what waits. It may be away, not be heard, or hear the same again much later. */
  #drain(): void {
    const from = this.#drained
    const entries = this.ledger.entries.slice(from, from + 500)
    if (this.#isDraining || entries.length === 0) return
    this.#isDraining = true
    const to = from + entries.length
    const at = (seq: number) => this.ledger.entries[seq - 1] ?? null
    const isRepeated = this.#chance.happens(0.05) && this.#evening.has('D1') && !this.isCalm
    this.#answer(() => {
      if (this.d1.isAway) {
        this.#heardOfD1(null, to)
        return
      }
      const drained = this.d1.take({ from, to, entries, at })
      const isHeard = !this.#chance.happens(this.d1Unheard)
      const life = this.#life
      if (isRepeated) this.#clock.after(this.#chance.between(100, 3000), () => this.d1.take({ from, to, entries, at }))
      this.#clock.after(this.#chance.between(5, 50), () => {
        if (this.#life === life) this.#heardOfD1(isHeard ? drained : null, to)
      })
    })
  }

  #heardOfD1(drained: number | null, to: number): void {
    this.#isDraining = false
    const noted = this.#broken === 'markAfterYes' ? to : drained
    if (noted === null) return
    const before = this.#drained
    this.#begin()
    this.#drained = noted
    this.#journal.wrote(() => {
      this.#drained = before
    })
  }
}

/** The same ids as every other scan: what names an annulment in the log. */
export function annulmentOf(scanId: ScanId): ScanId {
  return `${scanId}-back` as ScanId
}
