import type { DeviceId, GateId } from '../../core/ids.ts'
import { everybody } from '../../durable-objects/actor.ts'
import type { Evening } from './evening.ts'
import { must } from './must.ts'
import type { Phone } from './phone.ts'

/** How often the server dies within two milliseconds of having judged something. */
const CRASHES_SOON = 0.003

/** What befalls phones and the server while people come in. */
export class Mischief {
  readonly #evening: Evening
  /** Devices without a storage, which a supervisor is still to take out. */
  readonly #toRevoke = new Set<DeviceId>()

  constructor(evening: Evening) {
    this.#evening = evening
  }

  befall(phone: Phone): void {
    const { world, scenario } = this.#evening
    const { chance } = world
    const { has } = scenario
    world.after(chance.wait(scenario.troubleEveryMs), () => {
      if (this.#evening.isOver) return
      const mend = chance.happens(0.3) ? chance.between(50, 2000) : chance.between(2000, 30_000)
      const what = chance.next()
      const jump = chance.between(-600_000, 600_000)
      if (what < 0.7) {
        if (has('cuts')) phone.cut()
        world.after(mend, () => phone.join())
      } else if (what < 0.8) {
        if (has('clocks that jump')) phone.skewMs += jump
      } else if (phone.isOn && has('app deaths')) {
        phone.kill()
        const losesAll = what > 0.97 && has('lost storage')
        const back = losesAll ? () => this.#reenrol(phone) : () => void phone.start()
        world.after(chance.between(100, 3000), back)
      }
      this.befall(phone)
    })
  }

  befallServer(): void {
    const { server, scenario } = this.#evening
    if (scenario.has('crashes')) server.crashesSoon = CRASHES_SOON
    this.#befallServerLater()
  }

  /** The network is back for good, and everybody is there who was away. */
  end(): void {
    const { server, phones } = this.#evening
    server.crashesSoon = 0
    server.deliveries = { least: 1, most: 3 }
    server.d1.isAway = false
    server.d1.unheard = 0
    server.ways.weather = { lossy: 0, slow: 0 }
    for (const deviceId of [...this.#toRevoke]) this.#revoke(deviceId)
    for (const phone of phones) {
      phone.clearUp()
      if (!phone.isOn) void phone.start()
    }
  }

  #befallServerLater(): void {
    const { world, server, scenario } = this.#evening
    const { chance } = world
    const { has } = scenario
    world.after(chance.wait(15_000), () => {
      if (this.#evening.isOver) return
      const isAwayNow = chance.happens(0.3)
      const unheard = chance.of([0, 0, 0.3])
      const jump = chance.happens(0.2) ? chance.between(-20_000, 20_000) : 0
      const downMs = chance.of([50, 500, 4000])
      const crashes = chance.happens(0.5)
      if (has('D1')) {
        if (isAwayNow) server.d1.isAway = !server.d1.isAway
        server.d1.unheard = unheard
      }
      if (has('server clock') && jump !== 0) world.serverSkewMs = jump
      if (!server.isDown) {
        if (crashes && has('crashes')) server.crash(downMs)
        else if (has('evictions')) server.evict()
      }
      this.#befallServerLater()
    })
  }

  /** The browser has forgotten everything: the phone is another device from now on, and the old one is taken out. */
  #reenrol(phone: Phone): void {
    const { world, server, checker, among } = this.#evening
    if (server.isDown) {
      world.after(500, () => this.#reenrol(phone))
      return
    }
    const { deviceId, isSupervisor } = phone.caller
    for (const { scanId, verdict } of phone.unanswered) checker.forgot(scanId, verdict?.kind ?? 'asked')
    const { kept, caller } = this.#evening.enrol(phone.gateId as GateId, isSupervisor)
    phone.replaceStorage(kept, caller)
    this.#evening.lostStorages += 1
    this.#tellOfAll(`${deviceId} lost its storage`)
    this.#toRevoke.add(deviceId)
    world.after(world.chance.between(0, 30_000), () => this.#revoke(deviceId))
    // What is said to be done is done: without this, a crash would forget the new device.
    const start = () => void phone.start()
    server.onceDurable(() => (among ? this.#evening.tellShards(start) : start()))
  }

  /** A person looked, and the device is nowhere at work any more. */
  #revoke(deviceId: DeviceId): void {
    const { world, server } = this.#evening
    if (!this.#toRevoke.has(deviceId) || server.isDown) return
    this.#tellOfAll(`${deviceId} is revoked`)
    must(server.gatekeeper.revokeDevice(everybody, deviceId, world.serverNow))
    server.onceDurable(() => this.#toRevoke.delete(deviceId))
  }

  #tellOfAll(what: string): void {
    const { tickets, checker, world } = this.#evening
    for (const { id } of tickets) checker.tell(id, world.now, what)
  }
}
