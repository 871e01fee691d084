import { judgeAlone, type OwnScan, type PresentedAlone, type TicketOutline, ticketAlone } from '../../../core/alone.ts'
import { isOver } from '../../../core/alone-until.ts'
import type { Gate } from '../../../core/event.ts'
import { formatOf } from '../../../core/formats.ts'
import type { Direction } from '../../../core/gate.ts'
import type { ScanId, TicketId } from '../../../core/ids.ts'
import { uuidAt } from '../../../core/ids.ts'
import { readShortCode } from '../../../core/short-code.ts'
import { codeHash } from '../../../core/snapshot-rows.ts'
import { type OpenFailure, openToken, readHeader, type VerifySignature } from '../../../core/token.ts'
import { refusedAlone, shownAlone, unjudgedAlone } from './alone-shown.ts'
import { type Asked, seqOf, shownAnswer } from './answers.ts'
import type { Calls, Reply } from './calls.ts'
import type { Clock } from './clock.ts'
import type { AskedScan } from './engine.ts'
import type { Knowing } from './knowing.ts'
import type { Ports } from './ports.ts'
import type { Queue } from './queue.ts'
import type { ScanLane } from './scan-lane.ts'
import type { Shown, Undecided } from './shown.ts'
import type { KeptDevice, KeptScan, KeptVerdict } from './store.ts'
import { record } from './wire.ts'

/** So long a guest waits for the Gatekeeper before the device decides alone. */
export const PATIENCE_MS = 1500
/** The same while the network is known to be away: there is little hope, and a queue. */
const PATIENCE_WHILE_AWAY_MS = 500
/** After so much of the patience without an answer over the socket, HTTP is asked too: 600 ms of 1,500. */
const LANE_SHARE = 0.4

/** What came of a scan, and what the engine has to do about it. */
export type Scanned = {
  shown: Shown
  next: 'nothing' | 'sync' | 'wipe'
  /** The Gatekeeper stopped this device until then. */
  blockedUntil?: number | null
  /** The server takes no more of these for so long. */
  waitMs?: number
}

/** What was presented, opened on the device: a ticket, or why it is none. null: there is no snapshot to open it with. */
type Opened =
  | PresentedAlone
  | { by: 'nothing'; reason: OpenFailure | 'unknown' }
  /** Somebody else signed it, or it was typed: only the Gatekeeper can tell. */
  | { by: 'other' }
  | null

export type Circumstances = {
  device: KeptDevice
  gate: Gate
  /** Whether the Gatekeeper may be asked now, and whether it was heard lately. */
  mayAsk: boolean
  isAway: boolean
  /** What a ticket found by name is, from the names that were unlocked. */
  outlineOf: (named: { ticketId: TicketId } | { shortCode: string }) => TicketOutline | null
  whoIs: (ticketId: TicketId) => string | null
}

/**
 * One scan, by the rules that keep it safe whatever happens in between: it is on the disk before anything is sent or
 * shown; what this device decided of the same ticket is brought home before the Gatekeeper is asked again; one scan
 * at a time; an exit without an answer is an exit; and whoever decides, the scan keeps its id.
 */
export class Scanning {
  readonly #ports: Ports
  readonly #calls: Calls
  readonly #lane: ScanLane
  readonly #queue: Queue
  readonly #clock: Clock
  readonly #knowing: Knowing
  readonly #verify: VerifySignature

  constructor(ports: Ports, calls: Calls, lane: ScanLane, queue: Queue, clock: Clock, knowing: Knowing) {
    this.#ports = ports
    this.#calls = calls
    this.#lane = lane
    this.#queue = queue
    this.#clock = clock
    this.#knowing = knowing
    this.#verify = ports.crypto.verifier(knowing.publicKeyOf)
  }

  /** One at a time, in all tabs of this device. */
  scan(asked: AskedScan, around: () => Promise<Circumstances | Shown>): Promise<Scanned> {
    return this.#ports.tabs.alone('scan', async () => {
      const circumstances = await around()
      if (!('device' in circumstances)) return { shown: circumstances, next: 'nothing' }
      return this.#scan(asked, circumstances)
    })
  }

  /**
   * Settles what was under way when the app was put away: nothing was shown of it, so nobody was let in. An exit is one
   * all the same. What the Gatekeeper may have recorded meanwhile is put right by the next sync.
   */
  settleUnshown(): Promise<void> {
    const { store, tabs } = this.#ports
    return tabs.alone('scan', async () => {
      for (const scan of await store.inState('asked', Number.POSITIVE_INFINITY)) {
        const verdict = scan.direction === 'exit' ? exited(scan.people) : notLetIn
        await store.change(new Map([[scan.scanId, (kept) => ({ ...kept, state: 'alone', verdict })]]))
      }
    })
  }

  async #scan(asked: AskedScan, around: Circumstances): Promise<Scanned> {
    const deadline = this.#ports.time.monotonic() + (around.isAway ? PATIENCE_WHILE_AWAY_MS : PATIENCE_MS)
    const opened = await this.#open(asked, around)
    const scan = await this.#save(asked, opened, around)
    const told: Asked = {
      scanId: scan.scanId,
      gate: { id: around.gate.id, name: around.gate.name },
      people: scan.people,
      at: scan.at,
      deviceId: around.device.deviceId,
      forceReason: scan.asked?.force ?? null,
    }
    const reply = around.mayAsk ? await this.#ask(scan, deadline) : noAnswer
    switch (reply.kind) {
      case 'answer':
        return this.#answered(scan, reply, told)
      case 'revoked':
      case 'not_enrolled':
        return { shown: undecided(told, { reason: 'device_revoked' }), next: 'wipe' }
      case 'wait':
        return { shown: await this.#alone(scan, opened, told, around), next: 'sync', waitMs: reply.ms }
      case 'no_answer':
        return { shown: await this.#alone(scan, opened, told, around), next: 'sync' }
    }
  }

  async #open(asked: AskedScan, around: Circumstances): Promise<Opened> {
    const { known, keys } = this.#knowing
    const { what } = asked
    if ('ticketId' in what) {
      const ticket = around.outlineOf(what)
      return ticket ? { by: 'ticket', ticket } : { by: 'other' }
    }
    if (known === null) return null
    const text = what.text.trim()
    if (readHeader(text) === null) {
      return this.#openOther(text, asked, around)
    }
    const opened = await openToken(text, keys, this.#verify, this.#ports.crypto.unseal)
    return opened.ok ? { by: 'token', claims: opened.claims } : { by: 'nothing', reason: opened.reason }
  }

  /** What is no token of ours: a code printed elsewhere, one that somebody else signed, a short code, or nothing. */
  #openOther(text: string, { source }: AskedScan, { outlineOf }: Circumstances): Opened {
    const isCode = /^[\x20-\x7e]{4,128}$/.test(text)
    const hash = codeHash(text)
    if (isCode && this.#knowing.known?.byCode(hash)) return { by: 'code', hash }
    if (formatOf(text) !== null) return { by: 'other' }
    const shortCode = source === 'manual' ? readShortCode(text) : null
    if (shortCode === null) return { by: 'nothing', reason: isCode ? 'unknown' : 'unreadable' }
    const ticket = outlineOf({ shortCode })
    return ticket ? { by: 'ticket', ticket } : { by: 'other' }
  }

  #save(asked: AskedScan, opened: Opened, { gate }: Circumstances): Promise<KeptScan> {
    const { at, clock } = this.#clock.read()
    const { what } = asked
    return this.#ports.store.add({
      scanId: uuidAt<ScanId>(at, this.#ports.random(16)),
      state: 'asked',
      ticketId: 'ticketId' in what ? what.ticketId : this.#ticketIdOf(opened),
      asked: {
        text: 'text' in what ? what.text : null,
        ticketId: 'ticketId' in what ? what.ticketId : null,
        source: asked.source,
        direction: asked.direction ?? null,
        force: asked.force?.reason ?? null,
      },
      gateId: gate.id,
      gateName: gate.name,
      zone: gate.zone,
      direction: settledDirection(gate, asked.direction ?? null),
      people: asked.people ?? 1,
      at,
      clock,
      // From before anything of it was sent: whatever a later list has of the ticket may be this scan.
      knownTo: this.#knowing.known?.head.cursor ?? null,
      verdict: null,
      seq: null,
      annulled: false,
      problem: null,
    })
  }

  #ticketIdOf(opened: Opened): TicketId | null {
    const { known } = this.#knowing
    if (opened === null || opened.by === 'nothing' || opened.by === 'other' || known === null) return null
    return ticketAlone(opened, known)?.id ?? null
  }

  /** Asks the Gatekeeper, after telling it what this device decided of the same ticket alone. */
  async #ask(scan: KeptScan, deadline: number): Promise<Reply> {
    const left = () => deadline - this.#ports.time.monotonic()
    if (scan.ticketId !== null && !(await this.#queue.isHome([scan.ticketId]))) {
      await within(this.#queue.flush({ ticketId: scan.ticketId, timeoutMs: left() }), left(), this.#ports.time)
      if (!(await this.#queue.isHome([scan.ticketId]))) return noAnswer
    }
    if (left() <= 0) return noAnswer
    const body = requestOf(scan)
    const overSocket = this.#lane.ask(body)
    if (overSocket !== null) {
      const reply = await within(overSocket, left() * LANE_SHARE, this.#ports.time)
      if (reply !== null && reply.kind !== 'no_answer') return reply
    }
    const overHttp = this.#calls.send({
      method: 'POST',
      path: '/api/hp-scanner/validate-qr',
      body,
      timeoutMs: left(),
    })
    const asked = overSocket === null ? overHttp : firstAnswer(overHttp, overSocket)
    return (await within(asked, left(), this.#ports.time)) ?? noAnswer
  }

  async #answered(scan: KeptScan, reply: Extract<Reply, { kind: 'answer' }>, told: Asked): Promise<Scanned> {
    const shown = shownAnswer(reply.body, told)
    const { verdict } = shown
    if (verdict.kind === 'undecided') {
      // It was answered: nobody judged it, and nobody will. Whoever tries again makes a new scan.
      await this.#ports.store.change(new Map([[scan.scanId, () => null]]))
      const { because } = verdict
      return because.reason === 'device_blocked'
        ? { shown, next: 'nothing', blockedUntil: because.until }
        : { shown, next: 'nothing' }
    }
    const kept: KeptVerdict =
      verdict.kind === 'refused'
        ? { kind: 'refused', code: verdict.refusal.reason }
        : { kind: verdict.kind, people: verdict.people }
    const seq = seqOf(record(reply.body.data))
    const answered = (before: KeptScan): KeptScan => ({
      ...before,
      state: 'answered',
      asked: null,
      verdict: kept,
      ticketId: shown.ticket?.id ?? before.ticketId,
      direction: shown.direction ?? before.direction,
      seq,
    })
    await this.#ports.store.change(new Map([[scan.scanId, answered]]))
    return { shown, next: 'nothing' }
  }

  async #alone(scan: KeptScan, opened: Opened, told: Asked, around: Circumstances): Promise<Shown> {
    const { known } = this.#knowing
    const { at: knownAt } = this.#knowing
    if (known === null || knownAt === null || opened === null) {
      return this.#unjudged(scan, told, whyWithoutList(around.device, scan.at))
    }
    if (opened.by === 'other') return this.#unjudged(scan, told, { reason: 'no_network' })
    if (opened.by === 'nothing') return this.#refused(scan, opened.reason, told)
    const ticket = ticketAlone(opened, known)
    if (ticket === null) return this.#refused(scan, 'unknown', told)
    let shown: Shown | null = null
    await this.#ports.store.decide(ticket.id, ({ scans, isGone, lease }) => {
      const asked = {
        gate: around.gate,
        direction: scan.asked?.direction ?? null,
        people: scan.people,
        forced: scan.asked?.force != null,
        at: scan.at,
        knownAt,
      }
      const own = { scans: ownScans(scans), isGone, lease }
      const judged = judgeAlone(asked, opened, ticket, known, own)
      const { gates, ticketTypes: types } = known.head
      shown = shownAlone(judged, told, { gates, types, who: around.whoIs(ticket.id) })
      const { direction } = judged
      return { ...scan, state: 'alone', ticketId: ticket.id, direction, verdict: verdictToKeep(shown) }
    })
    return shown ?? unjudgedAlone(told)
  }

  async #refused(scan: KeptScan, reason: OpenFailure | 'unknown', told: Asked): Promise<Shown> {
    const verdict: KeptVerdict = { kind: 'refused', code: reason }
    await this.#ports.store.change(new Map([[scan.scanId, (kept) => ({ ...kept, state: 'alone', verdict })]]))
    return refusedAlone(reason, told)
  }

  /** Nothing to judge by. Nobody is kept inside for that. */
  async #unjudged(scan: KeptScan, told: Asked, because: Undecided): Promise<Shown> {
    const isExit = scan.direction === 'exit'
    const verdict = isExit ? exited(scan.people) : notLetIn
    await this.#ports.store.change(new Map([[scan.scanId, (kept) => ({ ...kept, state: 'alone', verdict })]]))
    const shown = unjudgedAlone(told, because)
    return isExit ? { ...shown, direction: 'exit', verdict: { kind: 'exited', people: scan.people } } : shown
  }
}

const noAnswer: Reply = { kind: 'no_answer' }
const notLetIn: KeptVerdict = { kind: 'refused', code: 'no_network' }
const exited = (people: number): KeptVerdict => ({ kind: 'exited', people })

/** Something is shown of every scan, also where nobody could even be asked. */
export function undecided(told: Asked, because: Undecided): Shown {
  return unjudgedAlone(told, because)
}

/** A device has no snapshot before its first answer, and none any more when the event is over. */
function whyWithoutList({ enrolment }: KeptDevice, at: number): Undecided {
  const { endsAt } = enrolment.event
  return isOver({ endsAt }, at) ? { reason: 'event_over', since: endsAt } : { reason: 'not_ready' }
}

/** What this device did with a ticket, as far as it bears on the ticket's standing. */
export function ownScans(scans: readonly KeptScan[]): OwnScan[] {
  return scans.flatMap((scan) => {
    const what = whatHappened(scan.verdict)
    if (what === null || scan.zone === null || scan.annulled) return []
    const { zone, gateId, at, people, seq, knownTo = null } = scan
    return [{ zone, gateId, at, people, what, seq, knownTo }]
  })
}

function whatHappened(verdict: KeptVerdict | null): OwnScan['what'] | null {
  switch (verdict?.kind) {
    case 'admitted':
      return 'entered'
    case 'exited':
      return 'left'
    case 'visited':
      return 'visited'
    case 'refused':
      return verdict.code === 'already_admitted' ? 'presented_again' : null
    case undefined:
      return null
  }
}

function verdictToKeep({ verdict }: Shown): KeptVerdict {
  switch (verdict.kind) {
    case 'refused':
      return { kind: 'refused', code: verdict.refusal.reason }
    case 'undecided':
      return notLetIn
    default:
      return { kind: verdict.kind, people: verdict.people }
  }
}

/** The direction as far as it is certain without looking at the ticket. */
function settledDirection(gate: Gate, asked: 'entry' | 'exit' | null): Direction | null {
  if (gate.kind === 'checkpoint') return 'visit'
  return asked ?? (gate.kind === 'both' ? null : gate.kind)
}

function requestOf(scan: KeptScan) {
  const { asked } = scan
  return {
    scanId: scan.scanId,
    ...(asked?.ticketId ? { ticketId: asked.ticketId } : { qrPayload: asked?.text ?? '' }),
    gateId: scan.gateId,
    gateName: scan.gateName,
    localTimestamp: new Date(scan.at).toISOString(),
    ...(asked?.direction ? { direction: asked.direction } : {}),
    ...(asked ? { source: asked.source } : {}),
    people: scan.people,
    ...(asked?.force ? { force: { reason: asked.force } } : {}),
    numbered: true,
  }
}

/** The same was asked twice, under one `scanId`: whichever is answered first counts, and a lack of an answer does not. */
async function firstAnswer(...asked: Promise<Reply>[]): Promise<Reply> {
  const answers = asked.map(async (one) => {
    const reply = await one
    if (reply.kind === 'no_answer') throw new Error('no answer')
    return reply
  })
  try {
    return await Promise.any(answers)
  } catch {
    // An AggregateError: none of them was answered.
    return noAnswer
  }
}

/** Gives what a promise gives, or null when it took too long. What comes later is nobody's business any more. */
function within<T>(promise: Promise<T>, ms: number, time: Ports['time']): Promise<T | null> {
  return new Promise((resolve, reject) => {
    const cancel = time.after(ms, () => resolve(null))
    promise.then(resolve, reject).finally(cancel)
  })
}
