import { ok, type Problem, type Result } from '../../core/answers.ts'
import { type Cursor, readCursor, writeCursor } from '../../core/cursor.ts'
import { shardsOf } from '../../core/event-address.ts'
import type { DeviceId, StaffId } from '../../core/ids.ts'
import { ClientMessage, type ServerMessage, SILENT_AFTER_MS, type Topic, type WireConflict } from '../../core/live.ts'
import { isSkewed, noteSkew } from '../devices/device-facts.ts'
import type { DeviceStatuses } from '../devices/device-status.ts'
import type { EventParts } from '../event-parts.ts'
import type { KnownConflict } from '../offline/conflicts.ts'
import type { Held } from '../offline/leases.ts'
import type { LaneCaller, ScanAnswer, ScanLane } from '../scans/scan-lane.ts'
import { LiveBatch } from './live-batch.ts'

/** Who opened a socket and what for. The Worker has checked it; `key` names an organisation's key. */
export type LiveAsk = {
  deviceId: DeviceId | null
  key: string | null
  topics: Topic[]
  since: string | null
  /** Up to where a device was told of its conflicts; '' of none yet. Not there: whoever goes by `since` for them too. */
  told?: string | null
  /** The credential is good until then, in milliseconds since 1970. */
  expiresAt: number | null
  /** Who is on the device that may scan over the socket. Not there: nobody may, or a Worker of before opened it. */
  scans?: { staffId: StaffId; role: LaneCaller['role'] } | null
}

/** What is kept with a socket while the object sleeps. */
type Attachment = Omit<LiveAsk, 'since' | 'told'> & {
  cursor: Cursor
  /** The last notice that it was told of. */
  notice: number
  /** The mark of the statistics that it was told last; null: none yet. */
  stats: string | null
  openedAt: number
  ready: boolean
}

/** How far a socket was told everything. */
type Progress = Pick<Attachment, 'cursor' | 'notice' | 'stats'>

/** What one socket is told in a batch, and how far it knows everything then; null: no further than before. */
type Letter = { socket: WebSocket; texts: string[]; progress: Progress | null }

/** What the object lends: its sockets, its parts, and a transaction around a change. */
type Host = {
  ctx: DurableObjectState
  parts: () => EventParts
  statuses: DeviceStatuses
  /** null: scans are taken over HTTP alone. */
  lane: ScanLane | null
  change: <T>(work: (parts: EventParts) => Result<T>) => Result<T>
  failed: (error: unknown) => void
}

type ScanMessage = Extract<ClientMessage, { type: 'scan' }>

/** One batch a topic at most in so long; and the first one after a pause, almost at once. */
const BATCH_EVERY_MS = 250
const FIRST_AFTER_MS = 20

/** So many sockets are told in one breath. */
const SLICE = 20

/** While the doors look otherwise by the clock alone, as the people of the last minute do, they are looked at so often. */
const LOOK_EVERY_MS = 2000

/** A holder answers within this time or counts as cut off; somebody stands at a gate meanwhile. */
const RECALL_WAIT_MS = 1000

const MOST_SOCKETS = 1000
/** Of those that a client may not have heard of; a device keeps as many. */
const MOST_CONFLICTS = 100
const MOST_OF_ONE = 5
/** A scan is 16 KiB at most, as over HTTP. */
const MOST_BYTES = 16 * 1024 + 256
/**
 * Messages of one socket in ten seconds, beside scans, which have limits of their own as long as they are kept to, and
 * `ping`, which does not even wake the object.
 */
const MOST_MESSAGES = 200
const WINDOW_MS = 10_000

/** What close codes say; 4401 is ours, after HTTP's 401. */
const closeCodes = {
  device_revoked: 4401,
  unauthenticated: 4401,
  event_gone: 4404,
  too_many: 1008,
  bad_message: 1008,
} as const

/**
 * The sockets of whoever wants to hear of things at once. Nothing here decides an entry, and nothing is remembered but
 * how far each socket was told, which is kept with it: an object that slept, or lost its memory, goes on from there.
 */
export class LiveSockets {
  readonly #host: Host
  #timer: ReturnType<typeof setTimeout> | null = null
  #isTelling = false
  /** When the timer is due. */
  #dueAt = 0
  #lastBatchAt = 0
  /** Whether there may be sockets: without any, a scan pays nothing for this. */
  #isWatched: boolean
  #conflicts: KnownConflict[] = []
  readonly #heardAt = new WeakMap<WebSocket, number>()
  readonly #rates = new WeakMap<WebSocket, { since: number; count: number }>()
  readonly #recalls = new Map<string, { id: string; answered: Promise<void>; answer: () => void }>()

  constructor(host: Host) {
    this.#host = host
    this.#isWatched = host.ctx.getWebSockets().length > 0
    host.ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair('ping', 'pong'))
    // What was not told when the object lost its memory is told now.
    this.wake()
  }

  /** Takes one more socket: says hello, and what was missed since the client's cursor. */
  open(ask: LiveAsk, at: number): Response {
    const { ctx, parts } = this.#host
    const { snapshots, notices, configuration } = parts()
    const { since, told, ...kept } = ask
    this.#makeRoom(ask)
    const { 0: client, 1: server } = new WebSocketPair()
    ctx.acceptWebSocket(server, tagsOf(ask))
    this.#isWatched = true
    const now = snapshots.cursor()
    const known = since === null ? now : readCursor(since)
    const canCatchUp = known !== null && snapshots.canTellFrom(known)
    const cursor = known !== null && canCatchUp ? known : now
    const attachment: Attachment = { ...kept, cursor, notice: notices.head, stats: null, openedAt: at, ready: false }
    attach(server, attachment)
    // Of a divided event each scan goes straight to whoever judges its ticket, and not by way of this object.
    const lane = this.#host.lane !== null && ask.scans != null && shardsOf(configuration.event.id) === 1
    this.#send(server, { type: 'hello', cursor: writeCursor(now), serverTime: new Date(at).toISOString(), lane })
    if (!canCatchUp) this.#send(server, { type: 'config', revision: configuration.revision })
    // A list may have been brought up to date past a conflict that nobody could tell of.
    if (told != null) this.#tellConflictsSince(server, seqOf(told, now.epoch))
    else if (since !== null && canCatchUp) this.#tellConflictsSince(server, cursor.seq)
    for (const letter of this.#write([server], [])) this.#hand(letter)
    if (ask.deviceId !== null) this.#tellLease(ask.deviceId)
    return new Response(null, { status: 101, webSocket: client })
  }

  /** Something may have changed: those who listen are told soon, and once for all that happens until then. */
  wake(afterMs: number = FIRST_AFTER_MS): void {
    const now = Date.now()
    const dueAt = Math.max(now + afterMs, this.#lastBatchAt + BATCH_EVERY_MS)
    if (!this.#isWatched || (this.#timer !== null && this.#dueAt <= dueAt)) return
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#dueAt = dueAt
    // A timer keeps the object from sleeping only until it is due, and there is one only while somebody is to be told.
    this.#timer = setTimeout(() => void this.#batch(), dueAt - now)
  }

  /** Tells of conflicts with the next batch: the devices in them, and whoever listens to alerts. */
  tellConflicts(conflicts: KnownConflict[]): void {
    if (!this.#isWatched || conflicts.length === 0) return
    this.#conflicts.push(...conflicts)
    this.wake()
  }

  /** Closes every socket of a device that was taken out, of a key that was revoked, or of an event that is no more, saying why. */
  dismiss(of: { deviceId: DeviceId } | { key: string } | 'everybody'): void {
    if (of === 'everybody') {
      if (this.#timer !== null) clearTimeout(this.#timer)
      for (const socket of this.#host.ctx.getWebSockets()) this.#close(socket, 'event_gone')
      return
    }
    const isDevice = 'deviceId' in of
    const sockets = this.#host.ctx.getWebSockets(isDevice ? deviceTag(of.deviceId) : keyTag(of.key))
    for (const socket of sockets) this.#close(socket, isDevice ? 'device_revoked' : 'unauthenticated')
  }

  /** Whether a device has an open socket on which it was heard of just now. */
  isConnected(deviceId: DeviceId): boolean {
    return this.#audible(deviceId, Date.now()).length > 0
  }

  /** When a device was last heard of on a socket that is still there; null: it has none. */
  heardAt(deviceId: DeviceId): number | null {
    const sockets = this.#host.ctx.getWebSockets(deviceTag(deviceId))
    return sockets.length === 0 ? null : Math.max(...sockets.map((socket) => this.#heardOn(socket)))
  }

  /** A message of a client. */
  message(socket: WebSocket, message: string | ArrayBuffer): void {
    const at = Date.now()
    const { deviceId, scans } = attachmentOf(socket)
    this.#heardAt.set(socket, at)
    const parsed = typeof message === 'string' && message.length <= MOST_BYTES ? parseMessage(message) : null
    if (parsed?.type !== 'scan' && this.#isTooMuch(socket, at)) this.#close(socket, 'too_many')
    else if (parsed === null || deviceId === null) this.#close(socket, 'bad_message')
    else if (parsed.type !== 'scan') this.#take(socket, deviceId, parsed, at)
    else if (scans == null || this.#host.lane === null) this.#close(socket, 'bad_message')
    else this.#scan(socket, { deviceId, ...scans }, parsed)
  }

  #scan(socket: WebSocket, scanner: Omit<LaneCaller, 'eventId'>, { id, scan }: ScanMessage): void {
    if (!isGood(attachmentOf(socket), Date.now())) {
      this.#close(socket, 'unauthenticated')
      return
    }
    const caller = { ...scanner, eventId: this.#host.parts().configuration.event.id }
    const answered = ({ status, body }: ScanAnswer, isCounted: boolean) => {
      this.#send(socket, { type: 'answer', id, status, body })
      // Whoever goes on although they were told to wait, or sends what is no scan, is not to wake the object for ever.
      if (!isCounted && this.#isTooMuch(socket, Date.now())) this.#close(socket, 'too_many')
    }
    if (this.#host.lane?.take(socket, caller, scan, answered) === false) this.#close(socket, 'too_many')
  }

  /** A socket is gone. */
  closed(): void {
    this.review()
  }

  /**
   * Asks the holder of a ticket to give it up, and waits for its answer; a holder that is not there is not waited for.
   * Whoever asks for the same ticket meanwhile waits for the same answer.
   */
  async recall(held: Held): Promise<void> {
    const sockets = this.#audible(held.holder, Date.now())
    if (sockets.length === 0) return
    const key = `${held.gateId} ${held.ticketId}`
    const recall = this.#recalls.get(key) ?? this.#beginRecall(key, held, sockets)
    let timer: ReturnType<typeof setTimeout> | null = null
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, RECALL_WAIT_MS)
    })
    await Promise.race([recall.answered, timeout])
    clearTimeout(timer)
    this.#recalls.delete(key)
  }

  /** Looks anew who may hold which lease, and tells those for whom that changed. */
  review(): void {
    const ready = new Set<DeviceId>()
    for (const socket of this.#host.ctx.getWebSockets()) {
      const { deviceId, ready: isReady } = attachmentOf(socket)
      if (deviceId !== null && isReady && socket.readyState === WebSocket.OPEN) ready.add(deviceId)
    }
    for (const deviceId of this.#change(({ leases }) => leases.review(ready))) this.#tellLease(deviceId)
  }

  #take(socket: WebSocket, deviceId: DeviceId, message: Exclude<ClientMessage, ScanMessage>, at: number): void {
    switch (message.type) {
      case 'status':
        this.#host.statuses.report(deviceId, message, at)
        this.#setReady(socket, message.readyOffline)
        this.#noteSkew(deviceId, message.clockSkewMs, at)
        break
      case 'recalled':
        this.#change(({ leases }) => leases.giveUp(deviceId, message.recallId))
        // Whoever waits looks for himself whether it is given up.
        for (const { id, answer } of this.#recalls.values()) if (id === message.recallId) answer()
        break
      case 'lease_taken':
        this.#change(({ leases, snapshots }) =>
          leases.take(deviceId, message.generation, writeCursor(snapshots.cursor())),
        )
        this.#tellLease(deviceId)
        break
      case 'lease_returned':
        this.#change(({ leases }) => leases.giveBack(deviceId, message.generation))
        this.#tellLease(deviceId)
        this.review()
        break
    }
  }

  #setReady(socket: WebSocket, ready: boolean): void {
    const attachment = attachmentOf(socket)
    if (attachment.ready === ready) return
    attach(socket, { ...attachment, ready })
    this.review()
  }

  #noteSkew(deviceId: DeviceId, skewMs: number | null | undefined, at: number): void {
    if (isSkewed(skewMs)) this.#change((parts) => noteSkew(parts, deviceId, skewMs, at))
  }

  #change<T>(work: (parts: EventParts) => T): T {
    const done = this.#host.change((parts) => ok(work(parts)))
    if (!done.ok) throw new Error(`a change of our own was refused: ${done.problem.code}`)
    return done.value
  }

  #beginRecall(key: string, held: Held, sockets: WebSocket[]) {
    const id = crypto.randomUUID()
    const { promise: answered, resolve: answer } = Promise.withResolvers<void>()
    const recall = { id, answered, answer }
    this.#recalls.set(key, recall)
    this.#change(({ leases }) => leases.recall(held, id))
    for (const socket of sockets) this.#send(socket, { type: 'recall', recallId: id, ticketIds: [held.ticketId] })
    return recall
  }

  #tellLease(deviceId: DeviceId): void {
    const lease = this.#host.parts().leases.of(deviceId)
    for (const socket of this.#host.ctx.getWebSockets(deviceTag(deviceId))) this.#send(socket, { type: 'lease', lease })
  }

  async #batch(): Promise<void> {
    this.#timer = null
    // The one before is still being handed out.
    if (this.#isTelling) return this.wake(BATCH_EVERY_MS)
    this.#isTelling = true
    this.#lastBatchAt = Date.now()
    try {
      const sockets = this.#host.ctx.getWebSockets().filter(isOpen)
      this.#isWatched = sockets.length > 0
      const at = Date.now()
      const good = sockets.filter((socket) => {
        if (isGood(attachmentOf(socket), at)) return true
        this.#close(socket, 'unauthenticated')
        return false
      })
      const letters = this.#write(good, this.#conflicts.splice(0))
      for (let i = 0; i < letters.length; i += SLICE) {
        // Whoever stands at a gate comes in between.
        if (i > 0) await scheduler.wait(0)
        for (const letter of letters.slice(i, i + SLICE)) this.#hand(letter)
      }
    } catch (error) {
      // A bug. Scans go on; whoever listens is told the next time.
      this.#host.failed(error)
    } finally {
      this.#isTelling = false
    }
  }

  /** Writes down for each socket what it does not know yet. Those that are told the same get the same text. */
  #write(sockets: WebSocket[], conflicts: KnownConflict[]): Letter[] {
    const batch = new LiveBatch(this.#host.parts(), Date.now())
    const told = conflicts.map((conflict) => ({ conflict, text: conflictText(conflict) }))
    const letters = sockets.map((socket): Letter => {
      const known = attachmentOf(socket)
      const { topics } = known
      const stats = topics.includes('stats') ? batch.stats() : null
      const hasAlerts = topics.includes('alerts')
      const texts = [
        ...batch.since(known.cursor, topics),
        ...(stats !== null && stats.mark !== known.stats ? [stats.text] : []),
        ...told.filter(({ conflict }) => concerns(conflict, known)).map(({ text }) => text),
        ...(hasAlerts && known.notice < batch.lastNotice ? batch.alertsAfter(known.notice) : []),
      ]
      const progress = {
        cursor: batch.now,
        notice: hasAlerts ? batch.lastNotice : known.notice,
        stats: stats?.mark ?? known.stats,
      }
      return { socket, texts, progress: isSame(known, progress) ? null : progress }
    })
    if (sockets.some((socket) => attachmentOf(socket).topics.includes('stats')) && batch.stats().isMoving) {
      this.wake(LOOK_EVERY_MS)
    }
    return letters
  }

  #hand({ socket, texts, progress }: Letter): void {
    for (const text of texts) this.#sendText(socket, text)
    if (progress !== null) attach(socket, { ...attachmentOf(socket), ...progress })
  }

  /** Conflicts of which a client that was away may not have heard. */
  #tellConflictsSince(socket: WebSocket, seq: number): void {
    const { deviceId, topics } = attachmentOf(socket)
    if (deviceId === null && !topics.includes('alerts')) return
    for (const conflict of this.#host.parts().conflicts.since(seq, MOST_CONFLICTS, deviceId)) {
      this.#sendText(socket, conflictText(conflict))
    }
  }

  /** Sockets on which a device was heard of just now: a socket may look open long after its phone went out of reach. */
  #audible(deviceId: DeviceId, at: number): WebSocket[] {
    const { ctx } = this.#host
    return ctx
      .getWebSockets(deviceTag(deviceId))
      .filter((socket) => isOpen(socket) && at - this.#heardOn(socket) < SILENT_AFTER_MS)
  }

  #heardOn(socket: WebSocket): number {
    const pingedAt = this.#host.ctx.getWebSocketAutoResponseTimestamp(socket)?.getTime() ?? 0
    return Math.max(pingedAt, this.#heardAt.get(socket) ?? 0, attachmentOf(socket).openedAt)
  }

  /** A device that opens more sockets than it has tabs loses the oldest. */
  #makeRoom({ deviceId }: LiveAsk): void {
    const { ctx } = this.#host
    const own = deviceId === null ? [] : ctx.getWebSockets(deviceTag(deviceId)).filter(isOpen)
    const oldest = own.sort((a, b) => attachmentOf(a).openedAt - attachmentOf(b).openedAt)
    for (const socket of oldest.slice(0, Math.max(0, own.length - MOST_OF_ONE + 1))) this.#close(socket, 'too_many')
  }

  /** Whether one more socket is one too many for the object. */
  get isFull(): boolean {
    return this.#host.ctx.getWebSockets().length >= MOST_SOCKETS
  }

  #isTooMuch(socket: WebSocket, at: number): boolean {
    const rate = this.#rates.get(socket)
    const now = rate && at - rate.since < WINDOW_MS ? { ...rate, count: rate.count + 1 } : { since: at, count: 1 }
    this.#rates.set(socket, now)
    return now.count > MOST_MESSAGES
  }

  #close(socket: WebSocket, code: keyof typeof closeCodes): void {
    this.#send(socket, { type: 'bye', code })
    try {
      socket.close(closeCodes[code], code)
    } catch {
      // It was closed already.
    }
  }

  #send(socket: WebSocket, message: ServerMessage): void {
    this.#sendText(socket, JSON.stringify(message))
  }

  #sendText(socket: WebSocket, text: string): void {
    try {
      socket.send(text)
    } catch {
      // The client has just gone; it asks for what it missed when it is back.
    }
  }
}

/** Why a socket could not be opened, as the Worker reads it from a response that is no 101. */
export function refuseSocket(problem: Problem): Response {
  return Response.json(problem, { status: 409 })
}

function tagsOf({ deviceId, key }: LiveAsk): string[] {
  return [...(deviceId === null ? [] : [deviceTag(deviceId)]), ...(key === null ? [] : [keyTag(key)])]
}

const deviceTag = (deviceId: DeviceId) => `device ${deviceId}`
const keyTag = (key: string) => `key ${key}`

const isOpen = (socket: WebSocket) => socket.readyState === WebSocket.OPEN

/** Whether the credential that a socket was opened with is still good. */
const isGood = ({ expiresAt }: Attachment, at: number) => expiresAt === null || expiresAt > at

/** What is kept with each socket, as long as the object is awake: taking it out anew for each scan and batch adds up. */
const attachments = new WeakMap<WebSocket, Attachment>()

function attach(socket: WebSocket, attachment: Attachment): void {
  socket.serializeAttachment(attachment)
  attachments.set(socket, attachment)
}

function attachmentOf(socket: WebSocket): Attachment {
  const known = attachments.get(socket)
  if (known) return known
  const kept = socket.deserializeAttachment() as Attachment
  attachments.set(socket, kept)
  return kept
}

function parseMessage(text: string): ClientMessage | null {
  try {
    const parsed = ClientMessage.safeParse(JSON.parse(text))
    return parsed.success ? parsed.data : null
  } catch {
    // A SyntaxError is how JSON.parse says that this is no JSON.
    return null
  }
}

/** How far a cursor reaches in the log of this epoch; what is none of it reaches nowhere. */
function seqOf(text: string, epoch: number): number {
  const cursor = readCursor(text)
  return cursor?.epoch === epoch ? cursor.seq : 0
}

function concerns(conflict: KnownConflict, { deviceId, topics }: Attachment): boolean {
  if (topics.includes('alerts') && deviceId === null) return true
  return deviceId !== null && (conflict.deviceId === deviceId || conflict.with?.deviceId === deviceId)
}

function isSame(a: Progress, b: Progress): boolean {
  return a.stats === b.stats && a.notice === b.notice && writeCursor(a.cursor) === writeCursor(b.cursor)
}

function conflictText(conflict: KnownConflict): string {
  return JSON.stringify({ type: 'conflict', conflict: toWireConflict(conflict) } satisfies ServerMessage)
}

function toWireConflict(conflict: KnownConflict): WireConflict {
  const { ticketId, scanId, zone, gateId, deviceId, scannedAt, shown, judged, with: other, settled } = conflict
  return {
    ...{ ticketId, scanId, zone, gateId, deviceId, shown, judged, settled },
    scannedAt: new Date(scannedAt).toISOString(),
    with: other && { ...other, scannedAt: new Date(other.scannedAt).toISOString() },
  }
}
