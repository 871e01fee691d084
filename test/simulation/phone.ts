import { readCursor } from '../../core/cursor.ts'
import type { ScanId } from '../../core/ids.ts'
import { openSnapshot } from '../../core/snapshot-bytes.ts'
import type { Engine } from '../../web/scanner/engine/engine.ts'
import type { Http, HttpAnswer, OpenSocket, Ports, Tabs, Time } from '../../web/scanner/engine/ports.ts'
import type { Shown } from '../../web/scanner/engine/shown.ts'
import { startEngine } from '../../web/scanner/engine/start.ts'
import type { ShownConflict } from '../../web/scanner/engine/status.ts'
import type { KeptDevice, Store } from '../../web/scanner/engine/store.ts'
import { Disk, PhoneStore } from './disk.ts'
import type { ServerSocket } from './platform-object.ts'
import type { Weather } from './scenario.ts'
import type { DeviceCaller, Server } from './server.ts'
import type { World } from './world.ts'

/** What a mutant does to a phone. Each part takes a rule out by what stands around the engine, never inside it. */
export type PhoneMutation = {
  isStrictStore?: boolean
  store?: (store: Store, phone: Phone) => Store
  tabs?: (tabs: Tabs) => Tabs
  http?: (http: Http, phone: Phone) => Http
  live?: (live: OpenSocket) => OpenSocket
  time?: (time: Time) => Time
}

/** The weather when all is well. */
const clear = { lossy: 0, slow: 0, badMoments: 0, goodMoments: 0, slowSockets: 0, socketsLastMs: null }

/** What takes long takes so long, in the mean. */
const SLOW_MS = 1500

/** So long after it heard of a decision a device has taken it in, whatever else it waits for. */
const DIGESTED_MS = 2000

/** What somebody at a gate wants of a code. */
export type Wish = { text: string; direction: 'entry' | 'exit'; people: number; force: boolean }

/** A phone at a gate: the engine that ships, with a network that is cut, late, lossy and says things twice. */
export class Phone {
  caller: DeviceCaller
  readonly gateId: string
  /** How far the phone's own clock is off. */
  skewMs: number
  readonly #world: World
  readonly #server: Server
  readonly #crypto: Ports['crypto']
  readonly #mutation: PhoneMutation
  readonly #store: PhoneStore
  #weather: Weather
  #engine: Engine | null = null
  #life = 0
  /** Up to which revision the server has told this life of the app everything, and since when: each time that it got further. */
  #told: { revision: number; since: number }[] = []
  #occasion = () => {}
  #isUp = true
  #onUp: (() => void)[] = []
  readonly #unshown = new Set<() => void>()
  /** How the server comes to hear that the sockets of an app that died are gone. */
  #hangUps: (() => void)[] = []

  constructor(
    world: World,
    server: Server,
    device: KeptDevice,
    caller: DeviceCaller,
    crypto: Ports['crypto'],
    weather: Weather,
    mutation: PhoneMutation,
    skewMs: number,
  ) {
    this.#world = world
    this.#server = server
    this.#crypto = crypto
    this.#mutation = mutation
    this.#weather = weather
    this.caller = caller
    this.gateId = device.gate?.id ?? ''
    this.#store = new PhoneStore(world, { isStrict: mutation.isStrictStore ?? true })
    this.#store.disk.things.set('device', device)
    this.skewMs = skewMs
  }

  get isOn(): boolean {
    return this.#engine !== null
  }

  get isUp(): boolean {
    return this.#isUp
  }

  /** How many wait for what their codes are shown as. */
  get queue(): number {
    return this.#unshown.size
  }

  /** What this device did and the Gatekeeper may not have heard of. */
  get unanswered() {
    return this.#store.disk.unanswered()
  }

  /** Up to which revision this life of the app knows every decision, unless it is broken; -1: none. */
  knownRevision(now: number): number {
    return this.#told.findLast(({ since }) => since < now - DIGESTED_MS)?.revision ?? -1
  }

  /** The scans of the conflicts that this device was told of and nobody took as seen, as many as it keeps. */
  get conflicts(): ScanId[] {
    const kept = this.#store.disk.things.get('conflicts') as ShownConflict[] | null | undefined
    return (kept ?? []).flatMap(({ scanId }) => scanId ?? [])
  }

  /** All that was stored is gone, and with it what the device was: it is enrolled anew. */
  replaceStorage(device: KeptDevice, caller: DeviceCaller): void {
    this.#store.disk = new Disk()
    this.#store.disk.things.set('device', device)
    this.caller = caller
  }

  async start(): Promise<void> {
    const life = ++this.#life
    this.#told = []
    const store = this.#untimely(this.#store.open())
    const mutated = this.#mutation.store?.(store, this) ?? store
    const tabs = oneTab()
    const http = this.#http(life)
    const live = this.#live(life)
    const engine = await startEngine({
      http: this.#mutation.http?.(http, this) ?? http,
      live: this.#mutation.live?.(live) ?? live,
      store: mutated,
      time: this.#mutation.time?.(this.#time(life)) ?? this.#time(life),
      random: (length) => this.#world.chance.bytes(length),
      crypto: this.#crypto,
      tabs: this.#mutation.tabs?.(tabs) ?? tabs,
      surroundings: {
        readiness: async () => ({ shell: true, wasm: true, persisted: true }),
        onOccasion: (call) => {
          this.#occasion = call
          return () => {}
        },
        onHidden: () => () => {},
        requestSync: () => {},
        battery: async () => null,
        wipe: async () => {},
      },
      origin: 'https://door.invalid',
      appVersion: '0.0.0',
    })
    if (life === this.#life) this.#engine = engine
  }

  /** The app dies, whatever it was at. */
  kill(): void {
    this.#life += 1
    this.#store.close()
    this.#engine = null
    this.#occasion = () => {}
    for (const lost of this.#unshown) lost()
    this.#unshown.clear()
    for (const hangUp of this.#hangUps.splice(0)) hangUp()
  }

  /** Somebody shows a code. What is shown is told where the app lives long enough to show it. */
  scan({ text, direction, people, force }: Wish, lost: () => void, shown: (shown: Shown) => void): void {
    const life = this.#life
    this.#unshown.add(lost)
    const scanned = this.#engine?.scan({
      what: { text },
      source: 'camera',
      direction,
      people,
      ...(force ? { force: { reason: 'the band' } } : {}),
    })
    void scanned?.then((one) => {
      if (life !== this.#life) return
      this.#unshown.delete(lost)
      shown(one)
    })
  }

  /** Takes an admission back; gives whether the Gatekeeper said that it is. */
  async annul(scanId: ScanId): Promise<boolean> {
    const life = this.#life
    const annulled = await this.#engine?.annul(scanId, 'the wrong queue')
    return life === this.#life && annulled?.ok === true
  }

  cut(): void {
    this.#isUp = false
  }

  /** The network goes just now, as it does at the worst of times. */
  #mayCut({ share, leastMs, mostMs }: BadMoment): void {
    const { chance } = this.#world
    if (!this.#isUp || !chance.happens(this.#weather.badMoments * share)) return
    this.cut()
    this.#world.after(chance.between(leastMs, mostMs), () => this.join())
  }

  /** The network may come back just when this device is deciding without it. */
  #untimely(store: Store): Store {
    const { chance } = this.#world
    return {
      ...store,
      decide: (ticketId, decide) => {
        const decided = store.decide(ticketId, decide)
        if (!this.#isUp && chance.happens(this.#weather.goodMoments)) this.join()
        return decided
      },
    }
  }

  /** The network is there again, and stays. */
  clearUp(): void {
    this.#weather = { ...clear, twice: this.#weather.twice }
    this.join()
  }

  join(): void {
    this.#isUp = true
    for (const tell of this.#onUp.splice(0)) tell()
    if (this.#world.chance.happens(0.5)) this.#occasion()
  }

  #time(life: number): Time {
    const world = this.#world
    return {
      monotonic: () => world.now,
      wall: () => world.now + this.skewMs,
      after: (ms, call) =>
        world.after(ms, () => {
          if (life === this.#life) call()
        }),
    }
  }

  /** Most answers come soon, a few when nobody waits for them any more. */
  #latency(): number {
    const { chance } = this.#world
    return chance.happens(this.#weather.slow) ? chance.wait(SLOW_MS) : 5 + chance.wait(20)
  }

  #isLost(): boolean {
    return !this.#isUp || this.#world.chance.happens(this.#weather.lossy)
  }

  #http(life: number): Http {
    const world = this.#world
    // What is under way is under way for whom the phone was then.
    const { caller } = this
    const isAlive = () => life === this.#life
    return ({ path, body, timeoutMs }) =>
      new Promise<HttpAnswer>((resolve, reject) => {
        // An answer that comes when nobody waits for it any more, or for the second time, tells nobody anything.
        let isAwaited = true
        const giveUp = world.after(timeoutMs, () => {
          isAwaited = false
          if (isAlive()) reject(new Error('no answer'))
        })
        if (!this.#isUp && world.chance.happens(0.5)) {
          giveUp()
          world.after(5, () => {
            if (isAlive()) reject(new Error('no network'))
          })
          return
        }
        const arrive = async () => {
          const answer = await this.#server.answer(caller, path, body)
          if (answer === null || this.#isLost()) return
          world.after(this.#latency(), () => {
            if (!isAlive() || !isAwaited) return
            isAwaited = false
            giveUp()
            if (path.includes('/snapshot/')) this.#heardAll(openSnapshot(answer.bytes)?.head.cursor ?? null)
            resolve({ ...answer, header: () => null })
          })
        }
        if (this.#isLost()) return
        world.after(this.#latency(), arrive)
        if (world.chance.happens(this.#weather.twice)) world.after(this.#latency(), arrive)
      })
  }

  #live(life: number): OpenSocket {
    const world = this.#world
    const { caller } = this
    return (url, on) => {
      const isAlive = () => life === this.#life
      let socket: ServerSocket | null = null
      let isOver = false
      let isTorn = false
      // What is told while the phone is cut off waits in the network, and comes in its order once it is back.
      const carry = (then: () => void, lane: Lane) => {
        const takes = world.chance.happens(this.#weather.slowSockets) ? SLOW_MS : 15
        lane.at = Math.max(lane.at + 0.001, world.now + 5 + world.chance.wait(takes))
        const arrive = () => {
          if (!isTorn) then()
        }
        world.after(lane.at - world.now, () => this.#whenUp(arrive, lane))
      }
      const [up, down]: [Lane, Lane] = [
        { at: 0, held: [] },
        { at: 0, held: [] },
      ]
      const end = (code: number) => {
        if (isOver) return
        isOver = true
        if (isAlive()) on.closed(code)
      }
      // Nothing gets through any more. Either side is told of it, or finds out by the silence, each in its own time.
      const tear = () => {
        isTorn = true
        if (world.chance.happens(0.5)) end(1006)
        const heardAfterMs = world.chance.of([0, 2000, 60_000])
        world.after(heardAfterMs, () => {
          if (socket) this.#server.hearClose(socket)
        })
      }
      const line = {
        toClient: (text: string) =>
          carry(() => {
            if (isOver || !isAlive()) return
            if (text.startsWith('{"type":"standings"')) this.#heardAll((JSON.parse(text) as { cursor: string }).cursor)
            on.message(text)
            // A lease that was just taken, and a ticket that is just called back.
            if (text.startsWith('{"type":"lease"') || text.startsWith('{"type":"recall"')) this.#mayCut(promising)
          }, down),
        closeClient: (code: number) => carry(() => end(code), down),
      }
      carry(() => {
        if (isOver || !isAlive()) return
        void this.#server.openSocket(caller, new URL(url).searchParams, line).then((opened) => {
          socket = opened
          if (opened === null) carry(() => end(1006), down)
          else
            carry(() => {
              if (!isOver && isAlive()) on.opened()
            }, down)
        })
      }, up)
      const { socketsLastMs } = this.#weather
      if (socketsLastMs !== null) {
        world.after(world.chance.wait(socketsLastMs), () => {
          if (!isOver && this.#weather.socketsLastMs !== null) tear()
        })
      }
      const hangUp = () =>
        carry(() => {
          if (socket) this.#server.hearClose(socket)
        }, up)
      this.#hangUps.push(hangUp)
      return {
        send: (text) => {
          // Just when somebody asks: it is another gate that is let in there, perhaps, while this one decides alone.
          if (text.startsWith('{"type":"scan"')) this.#mayCut(asking)
          carry(() => {
            if (socket) this.#server.hear(socket, text)
            // Just when the server takes the device's word for it.
            if (text.startsWith('{"type":"lease_') || text.startsWith('{"type":"recalled"')) this.#mayCut(promising)
          }, up)
        },
        close: () => {
          hangUp()
          world.after(0, () => end(1000))
        },
      }
    }
  }

  #heardAll(cursor: string | null): void {
    const known = cursor === null ? null : readCursor(cursor)
    if (known !== null && known.revision > (this.#told.at(-1)?.revision ?? -1)) {
      this.#told.push({ revision: known.revision, since: this.#world.now })
    }
  }

  #whenUp(then: () => void, lane: Lane): void {
    if (this.#isUp) {
      then()
      return
    }
    lane.held.push(then)
    if (lane.held.length > 1) return
    this.#onUp.push(() => {
      for (const one of lane.held.splice(0)) one()
    })
  }
}

/** A moment at which the network may go: in which share of those that there are, and for how long. */
type BadMoment = { share: number; leastMs: number; mostMs: number }

/** Somebody holds up a code. Of these there are many. */
const asking: BadMoment = { share: 0.2, leastMs: 500, mostMs: 20_000 }

/** A lease or a ticket changes hands: cut off for as long as it takes some tickets of that share to come by, at 1.5 s each. */
const promising: BadMoment = { share: 1, leastMs: 5000, mostMs: 40_000 }

/** One direction of a socket: nothing overtakes, and what is held while there is no network. */
type Lane = { at: number; held: (() => void)[] }

/** A device with one tab. What is named the same comes one after the other. */
function oneTab(): Tabs {
  const tails = new Map<string, Promise<unknown>>()
  const busy = new Map<string, number>()
  const alone: Tabs['alone'] = (name, run) => {
    busy.set(name, (busy.get(name) ?? 0) + 1)
    const done = (tails.get(name) ?? Promise.resolve()).then(run)
    const over = () => {
      busy.set(name, (busy.get(name) ?? 0) - 1)
    }
    tails.set(name, done.then(over, over))
    return done
  }
  return {
    alone,
    aloneOrNot: (name, run) => ((busy.get(name) ?? 0) > 0 ? Promise.resolve(null) : alone(name, run)),
    tell: () => {},
    listen: () => () => {},
  }
}
