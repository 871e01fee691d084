import type { ScanId, TicketId } from '../../core/ids.ts'
import type { KeptScan, KeptThings, Store } from '../../web/scanner/engine/store.ts'
import type { World } from './world.ts'

/** What rests on a phone, whatever becomes of the app. */
export class Disk {
  readonly things = new Map<string, unknown>()
  readonly gone = new Set<TicketId>()
  last = 0
  /** In the order they were made, which a scan that changes keeps its place in. */
  readonly #scans = new Map<number, KeptScan>()
  readonly #byId = new Map<ScanId, number>()
  readonly #byTicket = new Map<TicketId | null, Set<number>>()
  readonly #waiting = new Map<number, KeptScan>()

  scan(scanId: ScanId): KeptScan | null {
    return this.#scans.get(this.#byId.get(scanId) ?? -1) ?? null
  }

  ofTicket(ticketId: TicketId): KeptScan[] {
    const sequences = [...(this.#byTicket.get(ticketId) ?? [])].sort((a, b) => a - b)
    return sequences.map((sequence) => this.#scans.get(sequence) as KeptScan)
  }

  inState(state: KeptScan['state']): KeptScan[] {
    // Most were answered, and nearly always the few others are asked for.
    const scans = [...(state === 'answered' ? this.#scans : this.#waiting).values()]
    return scans.filter((scan) => scan.state === state).sort((a, b) => a.sequence - b.sequence)
  }

  /** What the Gatekeeper may not have heard of. */
  unanswered(): KeptScan[] {
    return [...this.#waiting.values()].sort((a, b) => a.sequence - b.sequence)
  }

  keep(scan: KeptScan): void {
    const { sequence, scanId, ticketId, state } = scan
    const before = this.#scans.get(sequence)
    if (before && before.ticketId !== ticketId) this.#byTicket.get(before.ticketId)?.delete(sequence)
    this.#scans.set(sequence, scan)
    this.#byId.set(scanId, sequence)
    const others = this.#byTicket.get(ticketId)
    if (others) others.add(sequence)
    else this.#byTicket.set(ticketId, new Set([sequence]))
    if (state === 'answered') this.#waiting.delete(sequence)
    else this.#waiting.set(sequence, scan)
  }

  drop({ sequence, scanId, ticketId }: KeptScan): void {
    this.#scans.delete(sequence)
    this.#byId.delete(scanId)
    this.#byTicket.get(ticketId)?.delete(sequence)
    this.#waiting.delete(sequence)
  }

  copy(): Disk {
    const copy = new Disk()
    for (const [name, thing] of this.things) copy.things.set(name, thing)
    for (const scan of this.#scans.values()) copy.keep(scan)
    for (const ticket of this.gone) copy.gone.add(ticket)
    copy.last = this.last
    return copy
  }
}

/** The rules of storage that a mutant may take out. */
export type StoreRules = {
  /** R1: a write is on the disk when it is said to be. Otherwise it gets there some seconds later. */
  isStrict: boolean
}

/**
 * A phone's storage: one transaction after the other, each taking its time. An app that dies in the middle of one has
 * it done or not done, and hears of neither.
 */
export class PhoneStore {
  readonly #world: World
  readonly #rules: StoreRules
  disk = new Disk()
  /** Under R1 the same as the disk; else what the app believes to be on it. */
  #cache = this.disk
  #tail: Promise<unknown> = Promise.resolve()
  #life = 0
  #busy = 0

  constructor(world: World, rules: StoreRules) {
    this.#world = world
    this.#rules = rules
  }

  /** For a new start of the app: the one before has no hold on the storage any more. */
  open(): Store {
    const life = ++this.#life
    this.#tail = Promise.resolve()
    this.#busy = 0
    this.#cache = this.#rules.isStrict ? this.disk : this.disk.copy()
    const read = <T>(work: (disk: Disk) => T) => this.#run(life, 0, work)
    const write = <T>(work: (disk: Disk) => T) => this.#run(life, this.#world.chance.between(1, 4), work)
    return {
      get: (name) => read((disk) => (disk.things.get(name) ?? null) as KeptThings[typeof name] | null),
      put: (name, thing) =>
        write((disk) => {
          if (thing === null) disk.things.delete(name)
          else disk.things.set(name, thing)
        }),
      add: (scan) =>
        write((disk) => {
          const kept = { ...scan, sequence: ++disk.last }
          disk.keep(kept)
          return kept
        }),
      decide: (ticketId, decide) =>
        write((disk) => {
          const lease = (disk.things.get('lease') ?? null) as KeptThings['lease'] | null
          const scan = decide({ scans: disk.ofTicket(ticketId), isGone: disk.gone.has(ticketId), lease })
          disk.keep(scan)
          return scan
        }),
      change: (changes) =>
        write((disk) => {
          for (const [scanId, change] of changes) {
            const before = disk.scan(scanId)
            if (before === null) continue
            const after = change(before)
            if (after === null) disk.drop(before)
            else disk.keep(after)
          }
        }),
      scan: (scanId) => read((disk) => disk.scan(scanId)),
      inState: (state, limit) => read((disk) => disk.inState(state).slice(0, limit)),
      count: (state) => read((disk) => disk.inState(state).length),
      ofTicket: (ticketId) => read((disk) => disk.ofTicket(ticketId)),
      forgetAnswered: (mayGo) =>
        write((disk) => {
          for (const scan of disk.inState('answered')) {
            if (mayGo(scan)) disk.drop(scan)
          }
        }),
      putGone: (ticketIds) =>
        write((disk) => {
          for (const ticketId of ticketIds) disk.gone.add(ticketId)
        }),
      clearGone: () => write((disk) => disk.gone.clear()),
      wipe: () => Promise.reject(new Error('no phone is wiped here')),
      reopen: () => Promise.reject(new Error('there is one tab only')),
      close: () => {},
    }
  }

  /** The app is dead: whatever it waited for never comes. */
  close(): void {
    this.#life += 1
  }

  #run<T>(life: number, ms: number, work: (disk: Disk) => T): Promise<T> {
    if (life !== this.#life) return new Promise(() => {})
    // What reads waits for what is being written before it, as in IndexedDB.
    if (ms === 0 && this.#busy === 0) return Promise.resolve(work(this.#cache))
    this.#busy += 1
    const done = this.#tail.then(() => this.#perform(life, ms, work))
    this.#tail = done.catch(() => {})
    return done
  }

  #perform<T>(life: number, ms: number, work: (disk: Disk) => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const perform = () => {
        if (life !== this.#life) return
        try {
          const result = work(this.#cache)
          if (!this.#rules.isStrict && ms > 0) this.#keepLater()
          // Between being done and being heard of, an app may die.
          const isHeardLater = ms > 0 && this.#world.chance.happens(0.1)
          const heard = () => {
            if (life !== this.#life) return
            this.#busy -= 1
            resolve(result)
          }
          if (isHeardLater) this.#world.after(1, heard)
          else heard()
        } catch (error) {
          this.#busy -= 1
          reject(error as Error)
        }
      }
      if (ms === 0) perform()
      else this.#world.after(ms, perform)
    })
  }

  #keepLater(): void {
    const cache = this.#cache
    const kept = cache.copy()
    this.#world.after(3000, () => {
      // It comes too late where the app has died since.
      if (cache === this.#cache) this.disk = kept
    })
  }
}
