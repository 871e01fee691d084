import { MAIN_ZONE } from '../../../core/event.ts'
import type { GateId } from '../../../core/ids.ts'
import { homeGate, type LeaseGate, leaseGates } from '../../../core/lease.ts'
import type { Chance } from '../../chance.ts'
import type { Device, Surroundings } from './device.ts'
import type { Kept } from './disk.ts'
import { ISSUED_AT } from './ledger.ts'
import { annulmentOf } from './server.ts'
import type { Code, Presented, Seen } from './watcher.ts'

/** Those who stand at the gates: they come as they come, with tickets of their own and copies of others'. */
export class Crowd {
  readonly #around: Surroundings
  readonly #chance: Chance
  readonly #devices: readonly Device[]
  readonly #codes: Code[]
  readonly #scans: number
  readonly #gates: readonly LeaseGate[]
  readonly #homes: (GateId | null)[] = []
  #left: number

  constructor(around: Surroundings, devices: readonly Device[], scans: number) {
    this.#around = around
    this.#chance = around.chance
    this.#devices = devices
    this.#scans = scans
    this.#left = scans
    this.#gates = leaseGates(around.evening.gates, around.evening.types)
    this.#codes = around.evening.tickets.map(({ id, type }) => codeOf(id, type))
    around.watcher.onShown = (presented, scan, seen) => this.#goOn(presented, scan, seen)
  }

  get isOver(): boolean {
    return this.#left <= 0
  }

  open(): void {
    const readyMs = this.#chance.of([0, 1000, 8000])
    for (const device of this.#devices) this.#guests(device, readyMs)
  }

  #guests(device: Device, waitMs: number): void {
    const { clock, evening } = this.#around
    clock.after(waitMs + this.#chance.wait(evening.guestEveryMs), () => {
      if (this.isOver) return
      if (device.isOn && device.scanning.queue < evening.longestQueue) this.#comes(device)
      this.#guests(device, 0)
    })
  }

  /** Somebody comes, with a ticket of those that are shown just now, or rather late with one of before. */
  #comes(device: Device): void {
    const { evening, clock } = this.#around
    const chance = this.#chance
    const newest = Math.floor(((this.#scans - this.#left) / this.#scans) * (evening.tickets.length - 10))
    const no = chance.happens(evening.late) ? chance.between(0, newest) : Math.max(0, newest + chance.between(-5, 3))
    this.#show(device, no, null)
    if (!chance.happens(evening.copies)) return
    // Somebody has a copy: at the same gate, at the one to whose share the ticket belongs, or at another one.
    const where = chance.next()
    const other = where < 0.25 ? device : where < 0.7 ? this.#atHome(no) : chance.of(this.#devices)
    clock.after(chance.wait(1000), () => {
      if (!this.isOver && other.isOn) this.#show(other, no, null)
    })
  }

  /** A device at the gate to whose share a ticket belongs, as long as no other gates were opened. */
  #atHome(no: number): Device {
    const { evening } = this.#around
    const { id: ticketId, type } = evening.tickets[no] as (typeof evening.tickets)[number]
    this.#homes[no] ??= homeGate(this.#gates, { ticketId, type: type.id, zone: MAIN_ZONE })
    const home = this.#homes[no]
    return this.#chance.of(this.#devices.filter(({ gate }) => gate.id === home))
  }

  /** `comingIn`: so many who mean to come in; null: whoever comes, to wherever they want. */
  #show(device: Device, no: number, comingIn: number | null): void {
    const { evening, watcher, places } = this.#around
    const chance = this.#chance
    this.#left -= 1
    const admits = evening.tickets[no]?.type.admits ?? 1
    const zone = places.ofZone.get(device.gate.zone) as number
    const wantsOut = chance.happens(evening.reentry === 'none' ? 0.08 : 0.3) && evening.has('exits')
    const isStray = chance.happens(0.2)
    const isIn = watcher.insideOf(no, zone)
    const goesOut = comingIn === null && wantsOut && (isIn > 0 || isStray)
    const isForced = chance.happens(evening.forced) && device.isSupervisor
    const many = admits > 1 ? chance.between(1, admits) : 1
    // Mostly those go out who are in.
    const people = comingIn ?? (goesOut && !isStray ? Math.min(many, isIn) : many)
    const presented: Presented = {
      no,
      zone,
      deviceId: device.deviceId,
      admits,
      direction: goesOut ? 'exit' : 'entry',
      people,
      force: isForced && !goesOut,
      askedAt: 0,
      shown: this.#codes[no] as Code,
    }
    watcher.holdsUp(presented)
    device.scan(presented)
  }

  /** Whoever is sent to another gate goes there, or tries again; whom a steward let in by mistake he sends away again. */
  #goOn(presented: Presented, scan: Kept, seen: Seen): void {
    const { evening, clock } = this.#around
    const chance = this.#chance
    if (seen.said === 'held_elsewhere') {
      if (chance.happens(0.3)) return
      const device = chance.happens(0.3) ? chance.of(this.#devices) : this.#atHome(presented.no)
      clock.after(chance.wait(1500), () => {
        if (!this.isOver && device.isOn) this.#show(device, presented.no, null)
      })
      return
    }
    if (seen.said === 'exited' && evening.reentry === 'after_exit') {
      // They come back to where they went out, and bring somebody along.
      if (presented.admits > presented.people && chance.happens(seen.by === 'device' ? 0.8 : 0.2))
        this.#comesBack(presented)
      return
    }
    const mayRegret = seen.said === 'admitted' && !presented.force && evening.has('annulments')
    if (mayRegret && chance.happens(0.04)) this.#regret(presented, scan)
  }

  #comesBack({ deviceId, no, people }: Presented): void {
    const device = this.#devices.find((one) => one.deviceId === deviceId)
    this.#around.clock.after(this.#chance.wait(2000), () => {
      if (!this.isOver && device?.isOn) this.#show(device, no, people + 1)
    })
  }

  #regret(presented: Presented, scan: Kept): void {
    const { clock, way, watcher } = this.#around
    const device = this.#devices.find(({ deviceId }) => deviceId === presented.deviceId)
    clock.after(this.#chance.wait(2000), () => {
      if (!device?.isOn || device.deviceId !== presented.deviceId) return
      const settled = watcher.tookBack(presented)
      if (watcher.tells) watcher.tell(presented.no, `${device.deviceId} takes ${scan.scanId} back`)
      const { scanId } = scan
      const annulling = {
        scanId,
        newScanId: annulmentOf(scanId),
        reason: 'a mistake',
        deviceId: device.deviceId,
        staffId: null,
        isSupervisor: device.isSupervisor,
      }
      let isSettled = false
      const ask = () =>
        way.send<boolean>(
          device,
          (answer) => way.server.annul(annulling, answer),
          (isAnnulled) => {
            if (!isAnnulled || isSettled) return
            isSettled = true
            settled()
            device.write(() => device.disk.change(scan, { annulled: true }))
          },
        )
      // The Gatekeeper can only take back what it has heard of.
      if (scan.state === 'alone') device.homecoming.flush(presented.no, 10_000, ask)
      else ask()
    })
  }
}

function codeOf(
  ticketId: Code['ticketId'],
  { number, admits }: Surroundings['evening']['tickets'][number]['type'],
): Code {
  const window = { validFrom: null, validUntil: null }
  return {
    ticketId,
    alone: { by: 'token', claims: { ticketId, issuedAt: ISSUED_AT, ...window, type: number, admits } },
    asked: { by: 'token', ticketId, issuedAt: ISSUED_AT, ...window },
  }
}
