import { toBase64url } from '../../core/base64url.ts'
import type { EventId, ScanId } from '../../core/ids.ts'
import type { JobMessage } from '../../core/job.ts'
import type { Topic } from '../../core/live.ts'
import { OfflineScan, ScanRequest, SyncRequest } from '../../core/messages.ts'
import type { SnapshotKeys } from '../../core/snapshot.ts'
import { joinSnapshot, type PackedRows, type Words } from '../../core/snapshot-bytes.ts'
import type { Claims } from '../../core/token.ts'
import type { Actor } from '../../durable-objects/actor.ts'
import { Gatekeeper, type LiveRequest } from '../../durable-objects/gatekeeper.ts'
import type { Step } from '../../durable-objects/job-running.ts'
import type { Desk } from '../../durable-objects/scan-lane.ts'
import type { Position } from '../../durable-objects/snapshots.ts'
import type { SyncedScan } from '../../durable-objects/syncing.ts'
import { askOf } from '../../workers/routes/scans.ts'
import { answerScan, tellScan } from '../../workers/verdict-answer.ts'
import { D1, type D1Mutation } from './d1.ts'
import { Sql, type SqlMutation } from './sql.ts'
import type { World } from './world.ts'

/*
 * The Gatekeeper that ships, on a stand-in for its platform: a database that loses what was not committed, sockets that
 * sleep with it, answers that wait for the disk, and crashes. The Worker before it is here in the fewest words: it
 * parses with the contract's schemas and knows what each code opens to; who is asking is taken for granted.
 */

/** How long a commit takes, and with it every answer. */
const COMMIT_MS = 3
const PONG_MS = 1

export type WireAnswer = { status: number; bytes: Uint8Array }

/** One end of a live socket as the network carries it. */
export type Line = { toClient: (text: string) => void; closeClient: (code: number) => void }

export type DeviceCaller = Extract<Actor, { kind: 'device' }> & { isSupervisor: boolean }

/** What a mutant does to the platform under the Gatekeeper, or to the Worker before it. */
export type ServerMutation = {
  sql?: SqlMutation
  d1?: D1Mutation
  /** Answers leave before what they tell of is on the disk. */
  hasOutputGate?: boolean
  /** An alarm that is set while one is being handled is lost. */
  keepsAlarms?: boolean
}

export class ServerSocket {
  readyState = 1
  tags: string[] = []
  readonly line: Line | null
  pingedAt: Date | null = null
  #attachment: unknown = null
  readonly #server: Server

  constructor(server: Server, line: Line | null) {
    this.#server = server
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
    this.#server.onceDurable(() => this.line?.toClient(text))
  }

  close(code: number): void {
    if (this.readyState !== 1) return
    this.readyState = 3
    this.#server.onceDurable(() => this.line?.closeClient(code))
  }
}

export class Server {
  readonly #world: World
  readonly #sql: Sql
  readonly #mutation: ServerMutation
  readonly d1: D1
  readonly #claims: (text: string) => Claims | null
  readonly #keys: SnapshotKeys
  #gatekeeper: Gatekeeper
  #incarnation = 0
  #sockets: ServerSocket[] = []
  #waiting: (() => void)[] = []
  #isCommitting = false
  #alarm: { at: number; isDurable: boolean } | null = null
  #cancelAlarm = () => {}
  #calls = 0
  #timers = 0
  #tickets = 0
  #isInAlarm = false
  isDown = false
  /** How often a message of the queue comes: 0 is never. */
  deliveries = { least: 1, most: 1 }
  /** How probable it is that the process dies just after it has done something, before or after that is on the disk. */
  crashesSoon = 0
  restarts = 0

  constructor(
    world: World,
    claims: (text: string) => Claims | null,
    keys: SnapshotKeys,
    mutation: ServerMutation = {},
  ) {
    this.#world = world
    this.#claims = claims
    this.#keys = keys
    this.#mutation = mutation
    this.#sql = new Sql(mutation.sql ?? null)
    const durable = () => new Promise<void>((resolve) => this.onceDurable(resolve))
    this.d1 = new D1(world, (ms, call) => this.after(ms, call), durable, mutation.d1 ?? null)
    this.#gatekeeper = this.#wake()
  }

  get gatekeeper(): Gatekeeper {
    return this.#gatekeeper
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
      if (isMine) call()
    })
    return () => {
      over()
      cancel()
    }
  }

  /** What leaves the object waits until all that was written before is on the disk. */
  onceDurable(leave: () => void): void {
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

  /** A request of a device; null where no answer comes of it. */
  async answer(caller: DeviceCaller, path: string, body: string | null): Promise<WireAnswer | null> {
    if (this.isDown) return null
    const mine = this.#incarnation
    this.#calls += 1
    const answered = await this.#route(caller, path, body)
    if (mine !== this.#incarnation) return null
    this.#calls -= 1
    this.#mayDieSoon()
    return new Promise((resolve) => this.onceDurable(() => resolve(answered)))
  }

  /** Opens a live socket; null where the server is not there. */
  async openSocket(caller: DeviceCaller, query: URLSearchParams, line: Line): Promise<ServerSocket | null> {
    if (this.isDown) return null
    const ask: LiveRequest = {
      actor: caller,
      nonce: query.get('ticket'),
      deviceId: caller.deviceId,
      key: null,
      topics: (query.get('topics') ?? '').split(',') as Topic[],
      since: query.get('since'),
      expiresAt: null,
      scans: { staffId: caller.staffId, role: caller.isSupervisor ? 'supervisor' : 'scanner' },
    }
    pending = line
    const request = { headers: { get: () => encodeURIComponent(JSON.stringify(ask)) } }
    const response = (await this.#gatekeeper.fetch(request as unknown as Request)) as unknown as {
      webSocket?: ServerSocket
    }
    return response.webSocket ?? null
  }

  hear(socket: ServerSocket, text: string): void {
    if (this.isDown || socket.readyState !== 1) return
    if (text === 'ping') {
      socket.pingedAt = new Date(this.#world.now)
      this.#world.after(PONG_MS, () => socket.line?.toClient('pong'))
      return
    }
    this.#gatekeeper.webSocketMessage(socket as unknown as WebSocket, text)
  }

  hearClose(socket: ServerSocket): void {
    if (this.isDown || !this.#sockets.includes(socket)) return
    socket.readyState = 3
    this.#sockets = this.#sockets.filter((one) => one !== socket)
    this.#gatekeeper.webSocketClose()
  }

  #mayDieSoon(): void {
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
    return new Gatekeeper(this.#state() as unknown as DurableObjectState, this.#env() as never, this.#desk)
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
      void this.#gatekeeper.alarm().then(() => {
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

  #env() {
    const JOBS = {
      sendBatch: async (messages: { body: JobMessage }[]) => {
        for (const { body } of messages) this.#queue(body)
      },
    }
    return { DB: this.d1.binding(), JOBS, LOG_LEVEL: 'silent', QR_WARM_HOURS: '0' }
  }

  /** A queue brings a message once, more often, or never. */
  #queue(message: JobMessage): void {
    const { chance } = this.#world
    const { least, most } = this.deliveries
    for (let i = chance.between(least, most); i > 0; i--) {
      this.#world.after(chance.wait(200), () => void this.#carryOn(message))
    }
  }

  /** As the Worker's consumer of the queue does, whose calls die with the object. */
  async #carryOn({ jobId, chunk }: JobMessage): Promise<void> {
    const mine = this.#incarnation
    let step: Step = { kind: 'next', chunk }
    while (step.kind === 'next' && !this.isDown && mine === this.#incarnation) {
      step = await this.#gatekeeper.runJob(jobId, step.chunk)
    }
    if (!this.isDown && mine === this.#incarnation) this.onceDurable(() => {})
  }

  #route(caller: DeviceCaller, path: string, body: string | null): Promise<WireAnswer> {
    if (path.endsWith('/validate-qr')) return this.#judge(caller, JSON.parse(body ?? ''))
    if (path.endsWith('/offline-sync')) return this.#sync(caller, JSON.parse(body ?? ''))
    if (path.startsWith('/api/hp-scanner/snapshot/')) return this.#snapshot(caller, path)
    if (path.endsWith('/live-tickets')) return this.#ticket()
    if (path.endsWith('/annul')) return this.#annul(caller, path, JSON.parse(body ?? ''))
    throw new Error(`nobody answers ${path} here`)
  }

  async #ticket(): Promise<WireAnswer> {
    return json(200, { success: true, data: { ticket: `ticket ${this.#tickets++}` } })
  }

  /** A scan over a socket, read and opened as one over HTTP is. */
  #desk: Desk = async (scan, who, judge) => {
    const body = ScanRequest.parse(scan)
    if (body.force != null && who.role !== 'supervisor') return problemBody('role_required')
    const caller = { kind: 'device', ...who } as const
    const stopped = judge.mayAsk()
    const result = stopped
      ? { ok: false as const, problem: stopped }
      : await judge.record(askOf({ caller, body }, body.scanId as never, this.#open(body.qrPayload ?? ''), 0))
    this.#mayDieSoon()
    return result.ok ? tellScan(result.value) : problemBody(result.problem.code)
  }

  async #annul(caller: DeviceCaller, path: string, { reason }: { reason: string }): Promise<WireAnswer> {
    const { deviceId, staffId, isSupervisor } = caller
    const scanId = path.split('/').at(-2) as ScanId
    const newScanId = crypto.randomUUID() as unknown as ScanId
    const annulling = { scanId, newScanId, reason, deviceId, staffId, isSupervisor }
    const annulled = await this.#gatekeeper.annul(caller, annulling, Date.now())
    return annulled.ok ? json(200, { success: true, data: { scanId } }) : problemAnswer(annulled.problem.code)
  }

  async #judge(caller: DeviceCaller, given: unknown): Promise<WireAnswer> {
    const body = ScanRequest.parse(given)
    if (body.force != null && !caller.isSupervisor) return problemAnswer('role_required')
    const ask = askOf({ caller: callerOf(caller), body }, body.scanId as never, this.#open(body.qrPayload ?? ''), 0)
    const [result] = await this.#gatekeeper.record(caller, [ask])
    if (!result?.ok) return problemAnswer(result?.problem.code ?? 'internal')
    const answer = answerScan(result.value) as unknown as { status: number; body: unknown }
    return json(answer.status, answer.body)
  }

  async #sync(caller: DeviceCaller, given: unknown): Promise<WireAnswer> {
    const scans = SyncRequest.parse(given).scans.map((one) => this.#read(caller, OfflineScan.parse(one)))
    const synced = await this.#gatekeeper.sync(caller, scans)
    if (!synced.ok) return problemAnswer(synced.problem.code)
    const items = synced.value.map(({ outcome, code, conflict, recorded }, index) => ({
      index,
      scanId: scans[index]?.ask.scanId,
      outcome,
      ...(code === null ? {} : { code }),
      ...(recorded === null ? {} : { entryLogId: String(recorded.seq) }),
      ...(conflict === null ? {} : { shown: conflict.shown, judged: conflict.judged }),
    }))
    return json(200, { success: true, results: { items } })
  }

  #read(caller: DeviceCaller, item: OfflineScan): SyncedScan {
    const { verdict, clock, localTimestamp } = item
    if (verdict == null || (typeof verdict === 'object' && !('refused' in verdict))) throw new Error('no verdict')
    const at = Date.now()
    const anchored = clock != null && clock.anchorAt <= at
    return {
      ask: askOf({ caller: callerOf(caller), body: item }, item.scanId, this.#open(item.qrPayload ?? ''), 0),
      shown:
        typeof verdict === 'object'
          ? { kind: 'refused', code: verdict.refused }
          : verdict === 'refused'
            ? { kind: verdict, code: null }
            : { kind: verdict },
      invalid: null,
      scannedAt: anchored ? clock.anchorAt + clock.elapsedMs : (localTimestamp ?? at),
      clock: anchored ? 'anchored' : 'wall',
      sequence: item.sequence ?? null,
    }
  }

  async #snapshot(caller: DeviceCaller, path: string): Promise<WireAnswer> {
    const since = new URLSearchParams(path.split('?')[1] ?? '').get('since')
    const begun = this.#gatekeeper.snapshot(caller, since, Date.now())
    if (!begun.ok) return problemAnswer(begun.problem.code)
    const parts: PackedRows[] = []
    let words: Words = { zones: [], gates: [], types: [] }
    for (let position: Position | null = begun.value.first; position !== null; ) {
      const part = this.#gatekeeper.snapshotPart(caller, position)
      if (!part.ok) return problemAnswer(part.problem.code)
      parts.push(part.value.rows)
      words = part.value.words
      position = part.value.next
    }
    const join = (kind: keyof PackedRows) => new Uint8Array(Buffer.concat(parts.map((rows) => rows[kind])))
    const rows = { standings: join('standings'), states: join('states'), codes: join('codes') }
    return { status: 200, bytes: joinSnapshot({ ...begun.value.head, keys: this.#keys }, words, rows) }
  }

  #open(text: string) {
    const claims = this.#claims(text)
    if (claims === null) throw new Error('a code that was never made')
    return { kind: 'token', claims } as const
  }
}

/** The line of the socket that is being opened: the shipped code makes its pair of sockets in between. */
let pending: Line | null = null

/** What the shipped server code finds in the place of its platform's classes. */
export function platformOf(server: () => Server): object {
  return {
    Response: AnyResponse,
    WebSocketPair: class {
      readonly 0 = new ServerSocket(server(), pending)
      readonly 1 = this[0]
    },
    WebSocketRequestResponsePair: class {},
  }
}

/** A response that is handed on as it is, without being written out and read again. */
class AnyResponse {
  readonly status: number
  readonly webSocket: unknown
  readonly body: unknown

  constructor(body: unknown, { status = 200, webSocket = null }: { status?: number; webSocket?: unknown } = {}) {
    this.status = status
    this.webSocket = webSocket
    this.body = body
  }

  static json(body: unknown, options?: { status?: number }): AnyResponse {
    return new AnyResponse(body, options)
  }
}

function callerOf({ deviceId, staffId, isSupervisor }: DeviceCaller) {
  return {
    kind: 'device',
    role: isSupervisor ? 'supervisor' : 'scanner',
    eventId: '' as EventId,
    deviceId,
    staffId,
  } as const
}

function json(status: number, body: unknown): WireAnswer {
  return { status, bytes: new TextEncoder().encode(JSON.stringify(body)) }
}

function problemBody(code: string) {
  return { status: code === 'rate_limited' ? 429 : 409, body: { success: false, code, message: '' } }
}

function problemAnswer(code: string): WireAnswer {
  const { status, body } = problemBody(code)
  return json(status, body)
}

export function snapshotKeys(readKey: Uint8Array, publicKey: Uint8Array): SnapshotKeys {
  return {
    readKey: toBase64url(readKey),
    publicKeys: [{ keyId: 1, publicKey: toBase64url(publicKey), validUntil: null }],
  }
}
