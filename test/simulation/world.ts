import { Chance } from '../chance.ts'

/*
 * A world in which nothing happens by itself: one queue of events, one clock that jumps from one to the next, and one
 * source of chance. The same seed is the same world, to the last millisecond.
 */

type Happening = { at: number; no: number; call: (() => void) | null }

/** Where the shipped code's own clocks and timers find themselves while a world runs. */
type Timers = { after: (ms: number, call: () => void) => () => void }

const realImmediate = setImmediate

export class World {
  readonly seed: number
  readonly chance: Chance
  now: number
  /** How far the server's clock is off. */
  serverSkewMs = 0
  #no = 0
  readonly #heap: Happening[] = []

  constructor(seed: number, startsAt: number) {
    this.seed = seed
    this.chance = new Chance(seed)
    this.now = startsAt
  }

  /** The server's clock. */
  get serverNow(): number {
    return Math.floor(this.now + this.serverSkewMs)
  }

  /** Calls once, after so long; gives how to call it off. */
  after(ms: number, call: () => void): () => void {
    const happening: Happening = { at: this.now + Math.max(0, ms), no: this.#no++, call }
    this.#push(happening)
    return () => {
      happening.call = null
    }
  }

  /** Lets happen whatever is due until then, each after all that followed from the one before. */
  async run(until: number): Promise<void> {
    await settled()
    for (let next = this.#heap[0]; next && next.at <= until; next = this.#heap[0]) {
      this.#pop()
      if (next.call === null) continue
      this.now = Math.max(this.now, next.at)
      next.call()
      await settled()
    }
    this.now = Math.max(this.now, until)
  }

  #push(happening: Happening): void {
    const heap = this.#heap
    let i = heap.push(happening) - 1
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (!isBefore(happening, heap[parent] as Happening)) break
      heap[i] = heap[parent] as Happening
      i = parent
    }
    heap[i] = happening
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop() as Happening
    if (heap.length === 0) return
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Happening, heap[child] as Happening)) child += 1
      if (!isBefore(heap[child] as Happening, last)) break
      heap[i] = heap[child] as Happening
      i = child
    }
    heap[i] = last
  }
}

function isBefore(a: Happening, b: Happening): boolean {
  return a.at < b.at || (a.at === b.at && a.no < b.no)
}

/** Once every promise that could go on has: a turn of the real event loop begins after all of them. */
function settled(): Promise<void> {
  return new Promise((resolve) => realImmediate(resolve))
}

/**
 * Has the shipped server code find this world in the place of its platform's clock, timers and chance, while `run` runs.
 * The phones' engine needs none of this: it has ports.
 */
export async function inWorld<T>(world: World, timers: Timers, more: object, run: () => Promise<T>): Promise<T> {
  const cancels = new Map<number, () => void>()
  let last = 0
  const hex = (length: number) => Buffer.from(world.chance.bytes(length)).toString('hex')
  const replaced: Record<string, unknown> = {
    setTimeout: (call: () => void, ms = 0) => {
      const id = ++last
      cancels.set(
        id,
        timers.after(ms, () => {
          cancels.delete(id)
          call()
        }),
      )
      return id
    },
    clearTimeout: (id: number | null) => {
      if (id === null) return
      cancels.get(id)?.()
      cancels.delete(id)
    },
    scheduler: { wait: (ms: number) => new Promise<void>((resolve) => timers.after(ms, resolve)) },
    crypto: {
      subtle: crypto.subtle,
      randomUUID: () => `${hex(4)}-${hex(2)}-4${hex(2).slice(1)}-8${hex(2).slice(1)}-${hex(6)}`,
      getRandomValues: (bytes: Uint8Array) => {
        bytes.set(world.chance.bytes(bytes.length))
        return bytes
      },
    },
    ...more,
  }
  const before = Object.keys(replaced).map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)] as const)
  const { now: dateNow } = Date
  const { random } = Math
  for (const [name, value] of Object.entries(replaced)) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true })
  }
  Date.now = () => world.serverNow
  Math.random = () => world.chance.next()
  try {
    return await run()
  } finally {
    Date.now = dateNow
    Math.random = random
    for (const [name, descriptor] of before) {
      if (descriptor) Object.defineProperty(globalThis, name, descriptor)
      else Reflect.deleteProperty(globalThis, name)
    }
  }
}
