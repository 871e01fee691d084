import 'fake-indexeddb/auto'
import type { ServerMessage } from '../../core/live.ts'
import type { Engine } from '../../web/scanner/engine/engine.ts'
import type { Http, OpenSocket, Ports, Surroundings } from '../../web/scanner/engine/ports.ts'
import { startEngine } from '../../web/scanner/engine/start.ts'
import type { Store } from '../../web/scanner/engine/store.ts'
import { webCryptography } from '../../web/scanner/platform/cryptography.ts'
import { openStore } from '../../web/scanner/platform/idb-store.ts'
import { fetchHttp, webSocket } from '../../web/scanner/platform/network.ts'
import { browserTabs } from '../../web/scanner/platform/tabs.ts'
import { realTime } from '../../web/scanner/platform/time.ts'

/**
 * How the network between one phone and the server is. `deaf`: what is sent arrives, and no answer comes back. `large
 * calls fail`: as at the edge of a cell, where scans get through and batches do not. `no sockets`: as behind a proxy that
 * takes calls alone.
 */
export type Network = 'up' | 'down' | 'deaf' | 'large calls fail' | 'no sockets'

let phones = 0

/**
 * A phone at the door: the engine that ships, on the storage, cryptography and network code that ship, in Node. Only
 * the network between it and the server can be cut.
 */
export class Phone {
  readonly name = `phone-${process.pid}-${phones++}`
  readonly #origin: string
  readonly #sockets = new Set<ReturnType<OpenSocket>>()
  readonly #occasions = new Set<() => void>()
  readonly #more: Partial<Ports>
  readonly #waiting = new Set<() => void>()
  readonly requests: string[] = []
  /** What its sockets told it, in order. */
  readonly heard: ServerMessage[] = []
  #network: Network = 'up'
  #engine: Engine | null = null
  #store: Store | null = null
  wiped = false

  constructor(origin: string, more: Partial<Ports> = {}) {
    this.#origin = origin
    this.#more = more
  }

  get engine(): Engine {
    if (!this.#engine) throw new Error('the phone is off')
    return this.#engine
  }

  /** What rests on the phone. */
  get store(): Store {
    if (!this.#store) throw new Error('the phone is off')
    return this.#store
  }

  /** Starts the app: as after a crash where it was on before. */
  async start(): Promise<Engine> {
    this.turnOff()
    this.#store = await openStore(this.name)
    this.#engine = await startEngine({
      http: this.#http,
      live: this.#live,
      store: this.#store,
      time: realTime,
      random: (length) => crypto.getRandomValues(new Uint8Array(length)),
      crypto: webCryptography(),
      tabs: browserTabs(this.name),
      surroundings: this.#surroundings,
      origin: this.#origin,
      appVersion: '0.0.0-test',
      ...this.#more,
    })
    return this.#engine
  }

  turnOff(): void {
    this.#engine?.dispose()
    this.#engine = null
    this.#store = null
    for (const socket of this.#sockets) socket.close()
  }

  /** Its sockets end, and the network stays. */
  loseSockets(): void {
    for (const socket of this.#sockets) socket.close()
  }

  setNetwork(network: Network): void {
    this.#network = network
    for (const giveUp of this.#waiting) giveUp()
    this.#waiting.clear()
    if (network !== 'up') for (const socket of this.#sockets) socket.close()
    if (network !== 'down') for (const call of this.#occasions) call()
  }

  #http: Http = async (request) => {
    this.requests.push(`${request.method} ${request.path.split('?')[0]}`)
    if (!this.#carries(request.path)) throw new Error('no network')
    const answer = await fetchHttp(this.#origin)(request)
    if (this.#network !== 'down' && this.#network !== 'deaf') return answer
    await new Promise<void>((resolve) => {
      this.#waiting.add(resolve)
      setTimeout(resolve, request.timeoutMs)
    })
    throw new Error('no answer')
  }

  #carries(path: string): boolean {
    if (this.#network === 'large calls fail') return !path.includes('offline-sync')
    return this.#network !== 'down'
  }

  #live: OpenSocket = (url, on) => {
    let closed = false
    const end = (code: number) => {
      if (closed) return
      closed = true
      this.#sockets.delete(wrapped)
      on.closed(code)
    }
    const hear = (text: string) => {
      on.message(text)
      if (text !== 'pong') this.heard.push(JSON.parse(text))
    }
    const socket =
      this.#network === 'up' || this.#network === 'large calls fail'
        ? webSocket(url, { ...on, message: (text) => !closed && hear(text), closed: end })
        : null
    const wrapped = {
      send: (text: string) => {
        if (!closed) socket?.send(text)
      },
      close: () => {
        socket?.close()
        end(1006)
      },
    }
    this.#sockets.add(wrapped)
    if (socket === null) queueMicrotask(() => end(1006))
    return wrapped
  }

  #surroundings: Surroundings = {
    readiness: async () => ({ shell: true, wasm: true, persisted: true }),
    onOccasion: (call) => {
      this.#occasions.add(call)
      return () => this.#occasions.delete(call)
    },
    onHidden: () => () => {},
    requestSync: () => {},
    battery: async () => null,
    wipe: async () => {
      this.wiped = true
    },
  }
}

/** Waits until something holds; what it is stands in the failure. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, ms = 15_000): Promise<void> {
  for (const deadline = Date.now() + ms; !(await holds()); await new Promise((resolve) => setTimeout(resolve, 20))) {
    if (Date.now() > deadline) throw new Error(`waited in vain: ${what}`)
  }
}
