import type { GateId, ScanId, TicketId } from '../../../core/ids.ts'
import { seqOf } from './answers.ts'
import type { Calls, Reply } from './calls.ts'
import type { Ports } from './ports.ts'
import type { ConflictVerdict, ShownConflict } from './status.ts'
import type { KeptScan, KeptVerdict } from './store.ts'
import { instant, list, record, text, type Wire } from './wire.ts'

/** What came of bringing pending scans home. `more`: some are still here, and may be tried again after `waitMs`. */
export type Flushed = { answered: number; more: boolean; waitMs: number; revoked: boolean; serverTime: number | null }

const BATCH_ITEMS = 100
/** Where very many wait, the server's limit on batches counts for more than the length of one. */
const LARGE_BATCH_ITEMS = 350
const MANY = 1000
const BATCH_BYTES = 200 * 1024
const TIMEOUT_MS = 10_000
const CONFLICTS_KEPT = 100

/**
 * The scans that the Gatekeeper has not heard of, and their way there. All tabs and the service worker share them, one
 * of them at work at a time. A scan leaves the queue when it was answered and not before; one that the server takes for
 * ill-formed is set aside, so that it stands in nobody's way.
 */
export class Queue {
  readonly #ports: Pick<Ports, 'store' | 'tabs' | 'time'>
  readonly #calls: Calls

  constructor(ports: Pick<Ports, 'store' | 'tabs' | 'time'>, calls: Calls) {
    this.#ports = ports
    this.#calls = calls
  }

  /** Sends what is pending, all of it or that of one ticket, until it is done or the server is not heard. */
  flush({ ticketId, timeoutMs = TIMEOUT_MS }: { ticketId?: TicketId; timeoutMs?: number } = {}): Promise<Flushed> {
    return this.#ports.tabs.alone('sync', async () => {
      const total: Flushed = { answered: 0, more: false, waitMs: 0, revoked: false, serverTime: null }
      for (;;) {
        const scans = await this.#pending(ticketId)
        if (scans.length === 0) return total
        const sent = await this.#send(batchOf(scans), timeoutMs)
        total.answered += sent.answered
        total.serverTime = sent.serverTime ?? total.serverTime
        if (sent.answered === 0 || sent.revoked) return { ...sent, answered: total.answered, more: true }
        this.#ports.tabs.tell({ type: 'queue' })
      }
    })
  }

  /** Whether nothing of these tickets on this device is unknown to the Gatekeeper. */
  async isHome(ticketIds: readonly TicketId[]): Promise<boolean> {
    const scans = await Promise.all(ticketIds.map((id) => this.#ports.store.ofTicket(id)))
    return !scans.flat().some(({ state }) => state === 'alone' || state === 'set_aside')
  }

  async #pending(ticketId: TicketId | undefined): Promise<KeptScan[]> {
    const { store } = this.#ports
    if (ticketId !== undefined) return (await store.ofTicket(ticketId)).filter(({ state }) => state === 'alone')
    const limit = (await store.count('alone')) > MANY ? LARGE_BATCH_ITEMS : BATCH_ITEMS
    return store.inState('alone', limit)
  }

  async #send(scans: KeptScan[], timeoutMs: number): Promise<Flushed> {
    const reply = await this.#calls.send({
      method: 'POST',
      path: '/api/hp-scanner/offline-sync',
      body: {
        scans: scans.map(itemOf),
        deviceId: (await this.#ports.store.get('device'))?.deviceId,
        syncedAt: new Date(this.#ports.time.wall()).toISOString(),
        numbered: true,
      },
      timeoutMs,
    })
    const nothing: Flushed = { answered: 0, more: true, waitMs: 0, revoked: false, serverTime: null }
    if (reply.kind === 'revoked') return { ...nothing, revoked: true }
    if (reply.kind === 'wait') return { ...nothing, waitMs: reply.ms }
    if (reply.kind !== 'answer') return nothing
    if (reply.status === 200) return this.#settle(scans, reply.body)
    return reply.status === 400 || reply.status === 413 ? this.#isolate(scans, reply, timeoutMs) : nothing
  }

  async #settle(scans: KeptScan[], body: Wire): Promise<Flushed> {
    const results = record(record(body.data).results ?? body.results)
    const byId = new Map(list(results.items).map((item) => [text(record(item).scanId)?.toLowerCase(), record(item)]))
    const answered = scans.flatMap((scan) => {
      const item = byId.get(scan.scanId)
      return item && text(item.outcome) !== null && item.code !== 'internal' ? [{ scan, item }] : []
    })
    await this.#ports.store.change(new Map(answered.map(({ scan, item }) => [scan.scanId, settledBy(item)])))
    const conflicts = answered.filter(({ item }) => item.outcome === 'conflict')
    await this.#keepConflicts(conflicts.map(({ scan, item }) => conflictOf(scan, item)))
    const serverTime = instant(body.serverTime ?? record(body.data).serverTime)
    return { answered: answered.length, more: answered.length < scans.length, waitMs: 0, revoked: false, serverTime }
  }

  /** The server takes this batch for ill-formed: halves it until the scan that is so stands alone, and sets that aside. */
  async #isolate(scans: KeptScan[], reply: Extract<Reply, { kind: 'answer' }>, timeoutMs: number): Promise<Flushed> {
    const [only] = scans
    if (only && scans.length === 1) {
      const problem = { code: text(reply.body.code) ?? 'bad_request', message: text(reply.body.message) ?? '' }
      await this.#ports.store.change(
        new Map([[only.scanId, (scan: KeptScan): KeptScan => ({ ...scan, state: 'set_aside', problem })]]),
      )
      return { answered: 1, more: false, waitMs: 0, revoked: false, serverTime: null }
    }
    const half = Math.ceil(scans.length / 2)
    const first = await this.#send(scans.slice(0, half), timeoutMs)
    // The server may want patience in the midst of it. What is left stays where it is.
    if (first.answered === 0) return first
    const second = await this.#send(scans.slice(half), timeoutMs)
    return { ...second, answered: first.answered + second.answered }
  }

  async #keepConflicts(conflicts: ShownConflict[]): Promise<void> {
    if (conflicts.length === 0) return
    await changeConflicts(this.#ports, (others) => [...conflicts, ...others])
    this.#ports.tabs.tell({ type: 'settings' })
  }
}

/**
 * Changes the conflicts that are kept: the newest first, each scan's last one only. Several are told in one breath, and in
 * several tabs, so each change waits for the one before.
 */
export function changeConflicts(
  { store, tabs }: Pick<Ports, 'store' | 'tabs'>,
  change: (kept: ShownConflict[]) => ShownConflict[],
): Promise<void> {
  return tabs.alone('conflicts', async () => {
    const conflicts = change((await store.get('conflicts')) ?? [])
    const last = conflicts.filter(({ scanId }, i, all) => all.findIndex((one) => one.scanId === scanId) === i)
    await store.put('conflicts', last.slice(0, CONFLICTS_KEPT))
  })
}

/** Takes one word of the wire for a verdict: how it went, or why it was refused. */
export function conflictVerdict(word: unknown): ConflictVerdict {
  const said = text(word) ?? text(record(word).refused) ?? text(record(word).code) ?? text(record(word).verdict)
  switch (said) {
    case 'admitted':
    case 'exited':
    case 'visited':
      return { kind: said }
    default:
      return {
        kind: 'refused',
        reason: said === 'refused' ? null : (said as Extract<ConflictVerdict, { kind: 'refused' }>['reason']),
      }
  }
}

export function collidedWith(value: unknown): ShownConflict['with'] {
  const other = record(value)
  const scanId = text<ScanId>(other.scanId)
  const scannedAt = instant(other.scannedAt)
  if (scanId === null || scannedAt === null) return null
  return { scanId, scannedAt, deviceId: text(other.deviceId), gateId: text(other.gateId) }
}

/** As many from the front as fit into one request. */
function batchOf(scans: KeptScan[]): KeptScan[] {
  let bytes = 0
  const over = scans.findIndex((scan) => {
    // Every character of an item is ASCII or was cut short before; a few that are not do not matter here.
    bytes += JSON.stringify(itemOf(scan)).length + 1
    return bytes > BATCH_BYTES
  })
  return over === -1 ? scans : scans.slice(0, Math.max(1, over))
}

function itemOf(scan: KeptScan) {
  const { asked, verdict, clock } = scan
  return {
    // As it was asked of the Gatekeeper, to the letter: it may have heard of the scan under this id already.
    scanId: scan.scanId,
    ...(asked?.ticketId ? { ticketId: asked.ticketId } : { qrPayload: asked?.text ?? '' }),
    gateId: scan.gateId,
    gateName: scan.gateName,
    ...(asked?.direction ? { direction: asked.direction } : {}),
    people: scan.people,
    ...(asked ? { source: asked.source } : {}),
    ...(asked?.force ? { force: { reason: asked.force } } : {}),
    localTimestamp: new Date(scan.at).toISOString(),
    ...(verdict ? { verdict: verdict.kind === 'refused' ? { refused: verdict.code } : verdict.kind } : {}),
    sequence: scan.sequence,
    ...(clock ? { clock } : {}),
  }
}

/** What the Gatekeeper's answer to an item makes of the scan. What it did at the gate stays as it was. */
function settledBy(item: Wire): (scan: KeptScan) => KeptScan {
  const seq = seqOf(item)
  return (scan) => {
    const code = text(item.code) ?? ''
    // The gate did something that the server cannot write down: a person has to look at it.
    if (unwritable.includes(code) && scan.verdict?.kind !== 'refused') {
      return { ...scan, state: 'set_aside', problem: { code, message: '' } }
    }
    return {
      ...scan,
      state: 'answered',
      asked: null,
      seq,
      ticketId: text<TicketId>(item.ticketId) ?? scan.ticketId,
    }
  }
}

const unwritable: readonly string[] = ['bad_request', 'unknown_gate', 'scan_id_conflict', 'role_required']

function conflictOf(scan: KeptScan, item: Wire): ShownConflict {
  return {
    scanId: scan.scanId,
    ticketId: text<TicketId>(item.ticketId) ?? scan.ticketId,
    shown: shownWord(scan.verdict) ?? conflictVerdict(item.shown),
    judged: conflictVerdict(item.judged),
    scannedAt: scan.at,
    gateId: scan.gateId as GateId,
    gateName: scan.gateName,
    deviceId: null,
    here: true,
    with: collidedWith(item.with),
  }
}

function shownWord(verdict: KeptVerdict | null): ConflictVerdict | null {
  if (verdict === null) return null
  return verdict.kind === 'refused' ? conflictVerdict(verdict.code) : { kind: verdict.kind }
}
