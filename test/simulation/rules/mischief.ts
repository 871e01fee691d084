import type { Gate } from '../../../core/event.ts'
import { MAIN_ZONE } from '../../../core/event.ts'
import type { DeviceId } from '../../../core/ids.ts'
import type { TicketDetails } from '../../../durable-objects/tickets/ticket-rows.ts'
import type { Device, Surroundings } from './device.ts'
import { SIDE } from './evening.ts'
import type { Decision } from './watcher.ts'

type Action = 'revoke' | 'block' | 'restore' | 'reissue' | 'pay'

/** What befalls devices, the server and tickets while people come in. */
export class Mischief {
  appDeaths = 0
  lostStorages = 0
  decisions = 0
  readonly #around: Surroundings
  readonly #devices: readonly Device[]
  readonly #reissued = new Set<number>()
  #enrolled: number
  #isOver = false
  readonly #toRevoke = new Set<DeviceId>()

  constructor(around: Surroundings, devices: readonly Device[]) {
    this.#around = around
    this.#devices = devices
    this.#enrolled = devices.length
  }

  begin(): void {
    const { evening, way, watcher } = this.#around
    for (const [no, { isPaid }] of evening.tickets.entries()) {
      // Known to all who were told anything.
      if (!isPaid) watcher.decided(no, { bars: true, at: 0, revision: 1, head: 0, isKnown: true })
    }
    for (const device of this.#devices) {
      const { deviceId, gate } = device
      way.server.leases.devices.push({ deviceId, gateId: gate.id, isRevoked: false })
      device.start()
      this.#befall(device)
    }
    this.#befallServer()
    if (evening.decisionEveryMs !== null) this.#organiser(evening.decisionEveryMs)
    if (evening.gatesEveryMs !== null) this.#sideEntrance(evening.gatesEveryMs, 'entry')
  }

  end(): void {
    this.#isOver = true
    for (const deviceId of this.#toRevoke) this.#revoke(deviceId)
  }

  #later(meanMs: number, call: () => void): void {
    const { clock, chance } = this.#around
    clock.after(chance.wait(meanMs), () => {
      if (!this.#isOver) call()
    })
  }

  #befall(device: Device): void {
    const { chance, evening, clock } = this.#around
    this.#later(evening.troubleEveryMs, () => {
      const what = chance.next()
      if (what < 0.6) {
        const mend = chance.happens(0.3) ? chance.between(50, 2000) : chance.between(2000, 30_000)
        if (evening.has('cuts')) {
          device.cut()
          clock.after(mend, () => device.join())
        }
      } else if (what < 0.7) {
        if (evening.has('wrong clocks')) device.skewMs += chance.between(-600_000, 600_000)
      } else if (device.isOn && evening.has('app deaths')) {
        device.kill()
        this.appDeaths += 1
        const losesAll = what > 0.97 && evening.has('lost storage')
        clock.after(chance.between(100, 3000), () => (losesAll ? this.#reenrol(device) : device.start()))
      }
      this.#befall(device)
    })
  }

  /** The browser has forgotten everything: the device is another one from now on, and the old one is taken out. */
  #reenrol(device: Device): void {
    const { watcher, way, clock, chance } = this.#around
    const { server } = way
    if (server.isDown) {
      clock.after(500, () => this.#reenrol(device))
      return
    }
    const old = device.deviceId
    const fresh = `device-${this.#enrolled}` as DeviceId
    this.#enrolled += 1
    this.lostStorages += 1
    for (const scan of device.loseStorage(fresh)) watcher.forgot(scan)
    if (watcher.tells) watcher.tell(-1, `${old} lost its storage and is ${fresh}`)
    this.#toRevoke.add(old)
    clock.after(chance.between(0, 30_000), () => this.#revoke(old))
    const enrol = () => {
      if (server.isDown) {
        clock.after(500, enrol)
        return
      }
      let isKnown = false
      const known = () => {
        isKnown = true
        device.start()
      }
      server.enrol({ deviceId: fresh, gateId: device.gate.id, isRevoked: false }, known)
      // A crash may have come in between: whoever enrols asks again.
      clock.after(1000, () => {
        if (!isKnown) enrol()
      })
    }
    enrol()
  }

  /** A person looked, and the device is nowhere at work any more. */
  #revoke(deviceId: DeviceId): void {
    const { server } = this.#around.way
    if (!this.#toRevoke.has(deviceId) || server.isDown) return
    server.revoke(deviceId, () => this.#toRevoke.delete(deviceId))
  }

  #befallServer(): void {
    const { chance, evening, way } = this.#around
    const { server } = way
    this.#later(15_000, () => {
      if (evening.has('D1')) {
        if (chance.happens(0.3)) server.d1.isAway = !server.d1.isAway
        server.d1Unheard = chance.of([0, 0, 0.3])
      }
      if (chance.happens(0.2) && evening.has('server clock')) server.skewMs = chance.between(-20_000, 20_000)
      if (chance.happens(0.5) && evening.has('crashes')) server.crash(chance.of([50, 500, 4000]))
      this.#befallServer()
    })
  }

  /** The organiser opens and closes a side entrance: other gates mean other shares, and all leases move. */
  #sideEntrance(everyMs: number, kind: 'entry' | 'exit'): void {
    const { server } = this.#around.way
    this.#later(everyMs, () => {
      const isDone = !server.isDown
      const gate: Gate = { id: SIDE, name: 'Side', kind, zone: MAIN_ZONE, accepts: null }
      if (isDone) server.putGate(gate)
      this.#sideEntrance(everyMs, isDone === (kind === 'entry') ? 'exit' : 'entry')
    })
  }

  /** Tickets are revoked, blocked, restored and reissued while their holders stand in the queue. */
  #organiser(everyMs: number): void {
    const { chance, way, watcher, evening } = this.#around
    const { server } = way
    this.#later(everyMs, () => {
      const newest = Math.floor((watcher.shown / 500) * evening.tickets.length)
      const no = Math.min(evening.tickets.length - 1, Math.max(0, newest + chance.between(-8, 5)))
      const action = chance.of<Action>(['revoke', 'block', 'restore', 'restore', 'reissue'])
      if (!server.isDown) this.#decide(no, evening.tickets[no]?.isPaid === false ? 'pay' : action)
      this.#organiser(everyMs)
    })
  }

  #decide(no: number, action: Action): void {
    const { way, watcher } = this.#around
    const { server } = way
    const file = server.ledger.files[no]
    if (!file) return
    this.decisions += 1
    // The codes that are shown here are the first ones: a reissue makes them old for good.
    const bars = (action !== 'restore' && action !== 'pay') || this.#reissued.has(no)
    const { head } = server.ledger
    const decision: Decision = { bars, at: 0, revision: 0, head, isKnown: false }
    const told = server.decide(
      file,
      (now, at) => changeBy(action, now, at),
      () => {
        decision.isKnown = true
        if (action === 'reissue') this.#reissued.add(no)
      },
    )
    Object.assign(decision, told)
    watcher.decided(no, decision)
    if (watcher.tells) watcher.tell(no, `the organiser: ${action}`)
  }
}

function changeBy(action: Action, now: TicketDetails, at: number): Partial<TicketDetails> {
  switch (action) {
    case 'revoke':
      return { revokedAt: now.revokedAt ?? at }
    case 'block':
      return { blockedAt: now.blockedAt ?? at }
    case 'restore':
      return { revokedAt: null, blockedAt: null }
    case 'pay':
      return { paid: true }
    case 'reissue':
      return { issuedAt: Math.max(now.issuedAt + 1, Math.floor(at / 1000)) }
  }
}
