import type { Chance } from '../../chance.ts'
import type { Clockwork } from './clockwork.ts'
import type { Device } from './device.ts'
import type { Evening } from './evening.ts'
import type { Server } from './server.ts'

/** The network between devices and the Gatekeeper: calls are lost, late, overtaken and said twice, and so are answers. */
export class Way {
  readonly server: Server
  isCalm = false
  readonly #clock: Clockwork
  readonly #chance: Chance
  readonly #evening: Evening

  constructor(clock: Clockwork, chance: Chance, evening: Evening, server: Server) {
    this.#clock = clock
    this.#chance = chance
    this.#evening = evening
    this.server = server
  }

  /** Sends a call. `arrive` takes it, perhaps twice or never; `answered` is told what came back, perhaps twice or never. */
  send<T>(device: Device, arrive: (answer: (given: T) => void) => void, answered: (given: T) => void): void {
    if (device.isCut) return
    const { life } = device
    const back = (given: T) => {
      if (this.#isLost()) return
      this.#clock.after(this.#delay(), () => {
        if (device.isReachable(life)) answered(given)
      })
    }
    const there = (delay: number) => {
      if (this.#isLost()) return
      this.#clock.after(delay, () => {
        if (!device.isCut && !this.server.isDown) arrive(back)
      })
    }
    there(this.#delay())
    if (!this.isCalm && this.#chance.happens(this.#evening.twice)) there(this.#chance.between(1, 5000))
  }

  /** On a socket: never before what was said earlier. Gives when. */
  inOrder(notBefore: number, come: () => void): number {
    const { now } = this.#clock
    const at = Math.max(notBefore, now + this.#delay())
    this.#clock.after(at - now, come)
    return at
  }

  #isLost(): boolean {
    return !this.isCalm && this.#chance.happens(this.#evening.lossy)
  }

  #delay(): number {
    const chance = this.#chance
    const isSlow = !this.isCalm && chance.happens(this.#evening.slow)
    return isSlow ? chance.between(300, 4000) : chance.between(3, 50)
  }
}
