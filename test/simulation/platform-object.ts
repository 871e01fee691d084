import { AsyncLocalStorage } from 'node:async_hooks'
import { Unavailable } from '../../durable-objects/calling.ts'
import { Gatekeeper } from '../../durable-objects/gatekeeper.ts'
import type { Desk } from '../../durable-objects/scans/scan-lane.ts'
import { Sql, type SqlMutation } from './sql.ts'
import type { World } from './world.ts'

/** How long a commit takes, and with it every answer. */
const COMMIT_MS = 3
const PONG_MS = 1

/** What a mutant does to the platform under an object. */
export type PlatformMutation = {
  sql?: SqlMutation
  /** Answers leave before what they tell of is on the disk. */
  hasOutputGate?: boolean
  /** An alarm that is set while one is being handled is lost. */
  keepsAlarms?: boolean
}

/** One end of a live socket as the network carries it. */
export type Line = { toClient: (text: string) => void; closeClient: (code: number) => void }

/** Where code runs: what it set a timer for ends with that, and what leaves it waits for its disk. */
export type Place = {
  after: (ms: number, call: () => void) => () => void
  onceDurable: (leave: () => void) => void
  /** Gives how to see later whether the code that runs just now still does. */
  presence: () => () => boolean
}

/** Where the code that runs just now does. Promises remember it. */
export const here = new AsyncLocalStorage<Place>()

/** What went wrong between two objects, or with one of them while it was asked: nobody's bug. */
export class Trouble extends Error {
  readonly retryable: boolean
  readonly overloaded: boolean

  constructor(message: string, { retryable = false, overloaded = false } = {}) {
    super(message)
    this.retryable = retryable
    this.overloaded = overloaded
  }
}

/** Whether nothing but trouble is behind an error, however it was wrapped on its way, or it says that it is not known yet. */
export function isTrouble(error: unknown): boolean {
  if (error instanceof Trouble || Unavailable.is(error)) return true
  return error instanceof Error && error.cause !== undefined && isTrouble(error.cause)
}

export type Housing = {
  world: World
  mutation: PlatformMutation
  env: (object: PlatformObject) => object
  desk: Desk
}

export class ServerSocket {
  readyState = 1
  tags: string[] = []
  readonly line: Line | null
  pingedAt: Date | null = null
  #attachment: unknown = null
  readonly #object: PlatformObject

  constructor(object: PlatformObject, line: Line | null) {
    this.#object = object
    this.line = line
  }

  serializeAttachment(value: unknown): void {
    this.#attachment = value
  }

  deserializeAttachment(): unknown {
    return this.#attachment
  }

  send(text: string): void {
    if (this.readyState !== 1) throw new Error('the socket is closed')
    this.#object.onceDurable(() => this.line?.toClient(text))
  }

  close(code: number): void {
    if (this.readyState !== 1) return
    this.readyState = 3
    this.#object.onceDurable(() => this.line?.closeClient(code))
  }
}

/**
 * One object of the class that ships, on a stand-in for its platform: a database that loses what was not committed,
 * sockets that sleep with it, an alarm, answers that wait for the disk, and crashes. The Gatekeeper of an event is one,
 * and each of its shards.
 */
export class PlatformObject implements Place {
  readonly #housing: Housing
  readonly #world: World
  readonly #mutation: PlatformMutation
  readonly #sql: Sql
  #gatekeeper: Gatekeeper
  #incarnation = 0
  #sockets: ServerSocket[] = []
  #waiting: (() => void)[] = []
  #isCommitting = false
  #alarm: { at: number; isDurable: boolean } | null = null
  #cancelAlarm = () => {}
  #calls = 0
  #timers = 0
  #isInAlarm = false
  /** How those who wait for an answer hear that there will be none. */
  readonly #callers = new Set<() => void>()
  isDown = false
  /** How probable it is that the process dies just after it has done something, before or after that is on the disk. */
  crashesSoon = 0
  restarts = 0

  constructor(housing: Housing) {
    this.#housing = housing
    this.#world = housing.world
    this.#mutation = housing.mutation
    this.#sql = new Sql(housing.mutation.sql ?? null)
    this.#gatekeeper = this.#wake()
  }

  get gatekeeper(): Gatekeeper {
    return this.#gatekeeper
  }

  /** What stands in its tables, for whoever looks from outside. */
  look(query: string, ...bindings: unknown[]): Record<string, unknown>[] {
    return this.#sql.look(query, ...bindings)
  }

  presence = (): (() => boolean) => {
    const mine = this.#incarnation
    return () => mine === this.#incarnation
  }

  /** Timers of the shipped code die with the instance that set them. */
  after = (ms: number, call: () => void): (() => void) => {
    const mine = this.#incarnation
    this.#timers += 1
    let isOver = false
    const over = () => {
      if (!isOver && mine === this.#incarnation) this.#timers -= 1
      isOver = true
    }
    const cancel = this.#world.after(ms, () => {
      const isMine = mine === this.#incarnation
      over()
      if (isMine) here.run(this, call)
    })
    return () => {
      over()
      cancel()
    }
  }

  /** What leaves the object waits until all that was written before is on the disk. */
  onceDurable = (leave: () => void): void => {
    if (this.#mutation.hasOutputGate === false) leave()
    else this.#waiting.push(leave)
    if (this.#isCommitting) return
    this.#isCommitting = true
    const mine = this.#incarnation
    this.#world.after(COMMIT_MS, () => {
      if (mine !== this.#incarnation) return
      this.#isCommitting = false
      this.commit()
    })
  }

  commit(): void {
    this.#sql.commit()
    if (this.#alarm) this.#alarm.isDurable = true
    for (const leave of this.#waiting.splice(0)) leave()
  }

  /** The process dies: what was not committed never was, nobody is answered, every socket is torn. */
  crash(downMs: number): void {
    this.#end()
    this.#sql.crash()
    for (const socket of this.#sockets.splice(0)) {
      socket.readyState = 3
      socket.line?.closeClient(1006)
    }
    if (this.#alarm?.isDurable === false) this.#alarm = null
    this.isDown = true
    for (const lost of [...this.#callers]) lost()
    this.#callers.clear()
    this.#world.after(downMs, () => {
      this.isDown = false
      this.#gatekeeper = this.#wake()
    })
  }

  /** The object loses its memory while nothing is under way; its sockets sleep on. */
  evict(): boolean {
    if (this.isDown || this.#calls > 0 || this.#timers > 0 || this.#waiting.length > 0) return false
    this.commit()
    this.#end()
    this.#gatekeeper = this.#wake()
    return true
  }

  close(): void {
    this.#end()
    this.#sql.close()
  }

  /** Runs work of this object's; null where it died meanwhile. What comes of it leaves once it is on the disk. */
  async answer<T>(work: () => Promise<T>): Promise<T | null> {
    if (this.isDown) return null
    const mine = this.#incarnation
    this.#calls += 1
    const answered = await here.run(this, work)
    if (mine !== this.#incarnation) return null
    this.#calls -= 1
    this.mayDieSoon()
    return new Promise((resolve) => this.onceDurable(() => resolve(answered)))
  }

  /** A call from another place: what comes of it, or trouble where the object is not there, or dies over it. */
  call(method: string, given: unknown[]): Promise<unknown> {
    if (this.isDown) return Promise.reject(new Trouble('the object is not there', { retryable: true }))
    return new Promise((resolve, reject) => {
      const lost = () => reject(new Trouble('the object died', { retryable: true }))
      this.#callers.add(lost)
      const gone = (tell: () => void) => () => {
        this.#callers.delete(lost)
        tell()
      }
      const mine = this.#incarnation
      const over = (tell: () => void) => {
        if (mine !== this.#incarnation) return
        this.#calls -= 1
        this.mayDieSoon()
        this.onceDurable(gone(tell))
      }
      this.#calls += 1
      const methods = this.#gatekeeper as unknown as Record<string, (...given: unknown[]) => unknown>
      const asked = here.run(this, async () => methods[method]?.(...given))
      asked.then(
        (answer) => over(() => resolve(answer)),
        (error) => over(() => reject(error)),
      )
    })
  }

  hear(socket: ServerSocket, text: string): void {
    if (this.isDown || socket.readyState !== 1) return
    if (text === 'ping') {
      socket.pingedAt = new Date(this.#world.now)
      this.#world.after(PONG_MS, () => socket.line?.toClient('pong'))
      return
    }
    here.run(this, () => this.#gatekeeper.webSocketMessage(socket as unknown as WebSocket, text))
  }

  hearClose(socket: ServerSocket): void {
    if (this.isDown || !this.#sockets.includes(socket)) return
    socket.readyState = 3
    this.#sockets = this.#sockets.filter((one) => one !== socket)
    here.run(this, () => this.#gatekeeper.webSocketClose())
  }

  mayDieSoon(): void {
    const { chance } = this.#world
    if (!chance.happens(this.crashesSoon)) return
    const mine = this.#incarnation
    this.#world.after(chance.between(0, COMMIT_MS + 1), () => {
      if (mine === this.#incarnation && !this.isDown) this.crash(500)
    })
  }

  #end(): void {
    this.#incarnation += 1
    this.#isInAlarm = false
    this.#isCommitting = false
    this.#waiting = []
    this.#calls = 0
    this.#timers = 0
    this.#cancelAlarm()
  }

  #wake(): Gatekeeper {
    this.restarts += 1
    this.#armAlarm()
    const { env, desk } = this.#housing
    return here.run(
      this,
      () => new Gatekeeper(this.#state() as unknown as DurableObjectState, env(this) as never, desk),
    )
  }

  #armAlarm(): void {
    this.#cancelAlarm()
    if (this.#alarm === null) return
    const mine = this.#incarnation
    this.#cancelAlarm = this.#world.after(this.#alarm.at - this.#world.serverNow, () => {
      if (mine !== this.#incarnation) return
      this.#alarm = null
      this.#calls += 1
      this.#isInAlarm = true
      void here
        .run(this, () => this.#gatekeeper.alarm())
        .then(() => {
          this.#isInAlarm = false
          if (mine === this.#incarnation) this.#calls -= 1
        })
    })
  }

  #state() {
    const mine = this.#incarnation
    const alive = () => {
      if (mine !== this.#incarnation) throw new Error('an object that is no more went on')
    }
    return {
      id: {},
      storage: {
        sql: {
          exec: (query: string, ...bindings: unknown[]) => {
            alive()
            return this.#sql.exec(query, ...bindings)
          },
        },
        transactionSync: <T>(work: () => T) => this.#sql.transaction(work),
        sync: () => new Promise<void>((resolve) => this.onceDurable(resolve)),
        getAlarm: async () => this.#alarm?.at ?? null,
        setAlarm: async (at: number) => {
          if (this.#mutation.keepsAlarms === false && this.#isInAlarm) return
          this.#alarm = { at, isDurable: false }
          this.#armAlarm()
        },
      },
      acceptWebSocket: (socket: ServerSocket, tags: string[]) => {
        socket.tags = tags
        this.#sockets.push(socket)
      },
      getWebSockets: (tag?: string) =>
        this.#sockets.filter((socket) => socket.readyState === 1 && (tag === undefined || socket.tags.includes(tag))),
      setWebSocketAutoResponse: () => {},
      getWebSocketAutoResponseTimestamp: (socket: ServerSocket) => socket.pingedAt,
      blockConcurrencyWhile: (work: () => Promise<unknown>) => work(),
      waitUntil: () => {},
      exports: {},
    }
  }
}
