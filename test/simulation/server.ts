import type { Recorded, Result } from '../../core/answers.ts'
import { toBase64url } from '../../core/base64url.ts'
import { OfflineScan, ScanRequest, SyncRequest } from '../../core/device-messages.ts'
import { shardsOf } from '../../core/event-address.ts'
import type { EventId, ScanId } from '../../core/ids.ts'
import type { JobMessage } from '../../core/job.ts'
import type { Topic } from '../../core/live.ts'
import type { Entry } from '../../core/log.ts'
import { entryIdOf, shardName } from '../../core/shards.ts'
import type { SnapshotKeys } from '../../core/snapshot.ts'
import { joinSnapshot } from '../../core/snapshot-bytes.ts'
import type { PackedRows, Words } from '../../core/snapshot-rows.ts'
import type { Claims } from '../../core/token.ts'
import type { Actor } from '../../durable-objects/actor.ts'
import type { Gatekeepers, Stub } from '../../durable-objects/calling.ts'
import type { Gatekeeper } from '../../durable-objects/gatekeeper.ts'
import type { Step } from '../../durable-objects/jobs/job-running.ts'
import type { LiveRequest } from '../../durable-objects/live/socket-door.ts'
import type { Position, SnapshotPart } from '../../durable-objects/offline/snapshots.ts'
import type { SyncedScan } from '../../durable-objects/offline/syncing.ts'
import type { ScanAsk } from '../../durable-objects/scans/judging.ts'
import type { Desk } from '../../durable-objects/scans/scan-lane.ts'
import { askGatekeeper, askJudge } from '../../workers/gatekeepers.ts'
import { askOf } from '../../workers/routes/scans.ts'
import { tellScan } from '../../workers/verdict-answer.ts'
import { D1, type D1Mutation } from './d1.ts'
import {
  here,
  isTrouble,
  type Line,
  type Place,
  type PlatformMutation,
  PlatformObject,
  ServerSocket,
} from './platform-object.ts'
import { Ways } from './ways.ts'
import type { World } from './world.ts'

/*
 * The server as phones see it: the Gatekeeper that ships and, of a divided event, its shards, each an object of its own
 * with its own disk and its own deaths. The Worker before them is here in the fewest words: it parses with the contract's
 * schemas and knows what each code opens to; who is asking is taken for granted.
 */

export type WireAnswer = { status: number; bytes: Uint8Array }

export type DeviceCaller = Extract<Actor, { kind: 'device' }> & { isSupervisor: boolean }

/** What a mutant does to the platform under the objects, or to the Worker before them. */
export type ServerMutation = PlatformMutation & {
  d1?: D1Mutation
  /** Some scans are taken to another shard than the one that judges their ticket. */
  strays?: boolean
}

export class Server {
  readonly #world: World
  readonly #mutation: ServerMutation
  readonly #eventId: EventId
  readonly d1: D1
  readonly #claims: (text: string) => Claims | null
  readonly #keys: SnapshotKeys
  readonly #ways: Ways
  /** The event's Gatekeeper, and after it its shards, if it has any. */
  readonly objects: PlatformObject[]
  #tickets = 0
  #scans = 0
  /** How often a message of the queue comes: 0 is never. */
  deliveries = { least: 1, most: 1 }

  constructor(
    world: World,
    eventId: EventId,
    claims: (text: string) => Claims | null,
    keys: SnapshotKeys,
    mutation: ServerMutation = {},
  ) {
    this.#world = world
    this.#eventId = eventId
    this.#claims = claims
    this.#keys = keys
    this.#mutation = mutation
    this.#ways = new Ways(world)
    const durable = () => new Promise<void>((resolve) => this.own.onceDurable(resolve))
    this.d1 = new D1(world, (ms, call) => this.own.after(ms, call), durable, mutation.d1 ?? null)
    const housing = { world, mutation, env: (object: PlatformObject) => this.#env(object), desk: this.#desk }
    const objects = this.isDivided ? 1 + shardsOf(eventId) : 1
    this.objects = Array.from({ length: objects }, () => new PlatformObject(housing))
  }

  get isDivided(): boolean {
    return shardsOf(this.#eventId) > 1
  }

  /** The object that is the event's Gatekeeper. */
  get own(): PlatformObject {
    return this.objects[0] as PlatformObject
  }

  get shards(): PlatformObject[] {
    return this.objects.slice(1)
  }

  get gatekeeper(): Gatekeeper {
    return this.own.gatekeeper
  }

  get isDown(): boolean {
    return this.own.isDown
  }

  get restarts(): number {
    return this.objects.reduce((sum, { restarts }) => sum + restarts, 0)
  }

  /** The ways between objects, and from the Worker to them. */
  get ways(): Ways {
    return this.#ways
  }

  set crashesSoon(probability: number) {
    for (const object of this.objects) object.crashesSoon = probability
  }

  /** Timers of the shipped code are those of the object that it runs in. */
  after = (ms: number, call: () => void): (() => void) => (here.getStore() ?? this.own).after(ms, call)

  onceDurable(leave: () => void): void {
    this.own.onceDurable(leave)
  }

  commit(): void {
    for (const object of this.objects) object.commit()
  }

  /** One of the objects dies; all of them at once where a new version is deployed. */
  crash(downMs: number): void {
    for (const object of this.#some()) if (!object.isDown) object.crash(downMs)
  }

  evict(): void {
    for (const object of this.#some()) object.evict()
  }

  #some(): PlatformObject[] {
    const { chance } = this.#world
    if (!this.isDivided || chance.happens(0.1)) return this.objects
    return [chance.of(this.objects)]
  }

  close(): void {
    for (const object of this.objects) object.close()
  }

  /**
   * Asks the Gatekeeper something, as the Worker does. Where the event is not divided, the Worker's way to it counts as
   * part of the phone's.
   */
  ask<T>(call: (gatekeeper: Stub) => Promise<T>): Promise<T> {
    if (!this.isDivided) return call(this.gatekeeper as unknown as Stub)
    return here.run(this.#worker, () =>
      askGatekeeper({ GATEKEEPER: this.#seenFrom(this.#worker) }, this.#eventId, call),
    )
  }

  /** The Worker does not die, and has no disk. */
  readonly #worker: Place = {
    after: (ms, call) => this.#world.after(ms, () => here.run(this.#worker, call)),
    onceDurable: (leave) => leave(),
    presence: () => () => true,
  }

  /** The namespace as it is handed to whoever calls objects by their names. A mutant finds one behind all of them. */
  #seenFrom(from: Place, always: number | null = null): Gatekeepers {
    const shardNamed = (name: string) => this.objects.findIndex((_, shard) => shardName(this.#eventId, shard) === name)
    const getByName = (name: string) =>
      this.#ways.stub(from, this.objects[always ?? shardNamed(name)] as PlatformObject)
    return { getByName } as unknown as Gatekeepers
  }

  /** A request of a device; null where no answer comes of it. */
  answer(caller: DeviceCaller, path: string, body: string | null): Promise<WireAnswer | null> {
    if (!this.isDivided) return this.own.answer(() => this.#route(caller, path, body))
    return here.run(this.#worker, () => this.#route(caller, path, body)).catch(orUnavailable)
  }

  /** Opens a live socket; null where the server is not there. */
  async openSocket(caller: DeviceCaller, query: URLSearchParams, line: Line): Promise<ServerSocket | null> {
    if (!this.isDivided && this.isDown) return null
    const ask: LiveRequest = {
      actor: caller,
      nonce: query.get('ticket'),
      deviceId: caller.deviceId,
      key: null,
      topics: (query.get('topics') ?? '').split(',') as Topic[],
      since: query.get('since'),
      told: query.get('told'),
      expiresAt: null,
      scans: { staffId: caller.staffId, role: caller.isSupervisor ? 'supervisor' : 'scanner' },
    }
    const headers = { get: () => encodeURIComponent(JSON.stringify(ask)) }
    const request = {
      // The object reads them just before it makes its pair of sockets.
      get headers() {
        pending = line
        return headers
      },
    }
    const opened = await this.ask((gatekeeper) => gatekeeper.fetch(request as unknown as Request)).catch(orNothing)
    return (opened as unknown as { webSocket?: ServerSocket } | null)?.webSocket ?? null
  }

  hear(socket: ServerSocket, text: string): void {
    this.own.hear(socket, text)
  }

  hearClose(socket: ServerSocket): void {
    this.own.hearClose(socket)
  }

  #env(object: PlatformObject) {
    const JOBS = {
      sendBatch: async (messages: { body: JobMessage }[]) => {
        for (const { body } of messages) this.#queue(body)
      },
    }
    return { DB: this.d1.binding(), GATEKEEPER: this.#seenFrom(object), JOBS, LOG_LEVEL: 'silent', QR_WARM_HOURS: '0' }
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
    const mine = this.own.restarts
    let step: Step | null = { kind: 'next', chunk }
    while (step?.kind === 'next' && !this.isDown && mine === this.own.restarts) {
      const next: number = step.chunk
      step = await this.ask((gatekeeper) => gatekeeper.runJob(jobId, next)).catch(orNothing)
    }
    if (!this.isDown && mine === this.own.restarts) this.onceDurable(() => {})
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
    this.own.mayDieSoon()
    return result.ok ? tellScan(result.value) : problemBody(result.problem.code)
  }

  async #annul(caller: DeviceCaller, path: string, { reason }: { reason: string }): Promise<WireAnswer> {
    const { deviceId, staffId, isSupervisor } = caller
    const scanId = path.split('/').at(-2) as ScanId
    const newScanId = crypto.randomUUID() as unknown as ScanId
    const annulling = { scanId, newScanId, reason, deviceId, staffId, isSupervisor }
    const at = Date.now()
    const annulled = await this.ask((gatekeeper) => gatekeeper.annul(caller, annulling, at))
    return annulled.ok ? json(200, { success: true, data: { scanId } }) : problemAnswer(annulled.problem.code)
  }

  async #judge(caller: DeviceCaller, given: unknown): Promise<WireAnswer> {
    const body = ScanRequest.parse(given)
    if (body.force != null && !caller.isSupervisor) return problemAnswer('role_required')
    const ask = askOf({ caller: callerOf(caller), body }, body.scanId as never, this.#open(body.qrPayload ?? ''), 0)
    const result = await this.#askJudge(caller, ask)
    if (!result?.ok) return problemAnswer(result?.problem.code ?? 'internal')
    const { status, body: told } = tellScan(result.value, body.numbered === true)
    return json(status, told)
  }

  async #askJudge(caller: DeviceCaller, ask: ScanAsk): Promise<Result<Recorded> | undefined> {
    if (!this.isDivided) return (await this.gatekeeper.record(caller, [ask]))[0]
    const isAstray = this.#mutation.strays === true && ++this.#scans % 5 === 0
    const GATEKEEPER = this.#seenFrom(this.#worker, isAstray ? 1 : null)
    return askJudge({ GATEKEEPER }, this.#eventId, caller, ask)
  }

  async #sync(caller: DeviceCaller, given: unknown): Promise<WireAnswer> {
    const scans = SyncRequest.parse(given).scans.map((one) => this.#read(caller, OfflineScan.parse(one)))
    const synced = await this.ask((gatekeeper) => gatekeeper.sync(caller, scans))
    if (!synced.ok) return problemAnswer(synced.problem.code)
    const items = synced.value.map(({ outcome, code, conflict, recorded }, index) => ({
      index,
      scanId: scans[index]?.ask.scanId,
      outcome,
      ...(code === null ? {} : { code }),
      ...(recorded === null ? {} : this.#named(recorded)),
      ...(conflict === null ? {} : { shown: conflict.shown, judged: conflict.judged }),
    }))
    return json(200, { success: true, results: { items } })
  }

  #named(entry: Pick<Entry, 'seq' | 'scanId'>) {
    return { entryLogId: entryIdOf(this.#eventId, entry), judgeSeq: entry.seq }
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
    const at = Date.now()
    const begun = await this.ask((gatekeeper) => gatekeeper.snapshot(caller, since, at))
    if (!begun.ok) return problemAnswer(begun.problem.code)
    const parts: PackedRows[] = []
    let words: Words = { zones: [], gates: [], types: [] }
    for (let position: Position | null = begun.value.first; position !== null; ) {
      const from: Position = position
      const part: Result<SnapshotPart> = await this.ask((gatekeeper) => gatekeeper.snapshotPart(caller, from))
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
      readonly 0 = new ServerSocket(server().own, pending)
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

/** Nothing but trouble is no answer; anything else is a bug, which is for whoever plays the evening to hear of. */
function orNothing(error: unknown): null {
  if (!isTrouble(error)) throw error
  return null
}

function orUnavailable(error: unknown): WireAnswer {
  if (!isTrouble(error)) throw error
  return json(503, { success: false, code: 'unavailable', message: '' })
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
