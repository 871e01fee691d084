import { randomBytes, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Gate } from '../../core/event.ts'
import type { ZoneId } from '../../core/ids.ts'
import { NoAnswer, Refusal } from '../api.ts'
import { type Figures, PATIENCE_MS, waitsOf } from './figures.ts'
import { patiently } from './patiently.ts'
import type { Act, Arrival, Plan, Sold } from './plan.ts'
import type { Rules, Scanner, TrialTicket } from './stage.ts'

/** A scan that somebody came with. */
type Scan = {
  kind: Act['kind']
  body: { scanId: string; qrPayload: string; gateId: string; direction: 'entry' | 'exit'; people: number }
  ticket: TrialTicket | null
  zone: ZoneId
}

/** A device and those who stand in front of it: one at a time, in the order they came. */
type Door = { scanner: Scanner; queue: Arrival[]; isBusy: boolean; pending: (Scan & { at: string })[] }

/** Somebody who is in, and where. */
type Guest = { ticket: TrialTicket; zone: ZoneId }

type ScanAnswer = { verdict?: string; code?: string }

const LATE_MS = 250
const SYNC_BATCH = 100
const patience = { tries: 4, timeoutMs: 10_000 }

/** Those who come to the doors, as planned, and what they were told. */
export class Crowd {
  /** Scans that are over, one way or the other. */
  done = 0
  readonly #plan: Plan
  readonly #rules: Rules
  readonly #doors: Door[]
  readonly #tickets: Map<Sold, TrialTicket[]>
  /** Tickets that are in, by their place in an array, so that one can be picked. */
  readonly #inside: Guest[] = []
  readonly #waits: number[] = []
  readonly #wrong = new Map<string, Figures['wrong'][number]>()
  readonly #outcomes: Record<string, number> = {}
  readonly #synced = { scans: 0, conflicts: 0, refused: 0 }
  readonly #failures: unknown[] = []
  #unanswered = 0
  #limited = 0
  #overdue = 0
  #people = 0
  #startedAt = 0

  constructor(plan: Plan, rules: Rules, scanners: Scanner[], tickets: Map<Sold, TrialTicket[]>) {
    this.#plan = plan
    this.#rules = rules
    this.#doors = scanners.map((scanner) => ({ scanner, queue: [], isBusy: false, pending: [] }))
    this.#tickets = tickets
  }

  /** Waits that were so far, for whoever watches. */
  get waits(): Figures['waits'] {
    return waitsOf(this.#waits.slice(-2000))
  }

  /** Lets everybody come at their time, and waits until all were told something and every device is home. */
  async run(stop: AbortSignal): Promise<void> {
    this.#startedAt = performance.now()
    for (const arrival of this.#plan.arrivals) {
      const earlyMs = arrival.atMs - this.#now()
      if (earlyMs > 1) await sleep(earlyMs, undefined, { signal: stop })
      stop.throwIfAborted()
      if (this.#now() > arrival.atMs + LATE_MS) this.#overdue++
      const door = this.#doors[arrival.device] as Door
      door.queue.push(arrival)
      this.#serve(door, stop).catch((error: unknown) => {
        this.#failures.push(error)
      })
      if (this.#failures.length > 0) throw this.#failures[0]
    }
    while (this.#doors.some(({ isBusy }) => isBusy)) {
      if (this.#failures.length > 0) throw this.#failures[0]
      await sleep(20, undefined, { signal: stop })
    }
    for (const door of this.#doors) await this.#bringHome(door, stop)
  }

  figures(): Pick<
    Figures,
    'planned' | 'answered' | 'waits' | 'late' | 'unanswered' | 'wrong' | 'outcomes' | 'limited' | 'overdue' | 'synced'
  > & { told: number } {
    return {
      planned: this.#plan.arrivals.length,
      answered: this.#waits.length,
      waits: waitsOf(this.#waits),
      late: this.#waits.filter((wait) => wait > PATIENCE_MS).length,
      unanswered: this.#unanswered,
      wrong: [...this.#wrong.values()],
      outcomes: this.#outcomes,
      limited: this.#limited,
      overdue: this.#overdue,
      synced: this.#synced,
      told: this.#people,
    }
  }

  #now(): number {
    return performance.now() - this.#startedAt
  }

  async #serve(door: Door, stop: AbortSignal): Promise<void> {
    if (door.isBusy) return
    door.isBusy = true
    for (let next = door.queue.shift(); next; next = door.queue.shift()) {
      const scan = this.#scanOf(door, next.act)
      if (scan === null) this.done++
      else if (this.#isCutOff(next)) this.#keep(door, scan)
      else {
        if (door.pending.length > 0 && !this.#limited) await this.#bringHome(door, stop)
        await this.#ask(door, scan, next.atMs)
      }
    }
    door.isBusy = false
  }

  #isCutOff({ atMs, device }: Arrival): boolean {
    const { devices, fromMs, untilMs } = this.#plan.cut
    return devices.has(device) && atMs >= fromMs && atMs < untilMs
  }

  /** null: nobody is there to come with a code of before, or to go out. */
  #scanOf({ scanner }: Door, act: Act): Scan | null {
    const scan = (qrPayload: string, ticket: TrialTicket | null, gate: Gate = scanner.gate): Scan => ({
      kind: act.kind,
      body: {
        scanId: randomUUID(),
        qrPayload,
        gateId: gate.id,
        direction: act.kind === 'exit' ? 'exit' : 'entry',
        people: ticket?.type.admits ?? 1,
      },
      ticket,
      zone: gate.zone,
    })
    switch (act.kind) {
      case 'first': {
        const ticket = this.#tickets.get(act.type)?.pop()
        return ticket ? scan(ticket.qr_token, ticket, act.gate) : null
      }
      case 'again': {
        const guest = this.#pickInside(scanner)
        return guest ? scan(guest.ticket.qr_token, guest.ticket) : null
      }
      case 'forged':
        return scan(forged(this.#inside[0]?.ticket.qr_token), null)
      case 'exit': {
        const place = Math.floor(Math.random() * this.#inside.length)
        const [guest] = this.#inside.splice(place, 1)
        return guest ? scan(guest.ticket.qr_token, guest.ticket, act.gate) : null
      }
    }
  }

  #pickInside({ gate }: Scanner): Guest | undefined {
    const fitting = this.#inside.slice(-200).filter(({ zone, ticket: { type } }) => {
      return zone === gate.zone && (gate.accepts === null || gate.accepts.includes(type.id))
    })
    return fitting[Math.floor(Math.random() * fitting.length)]
  }

  async #ask(door: Door, scan: Scan, atMs: number): Promise<void> {
    const body = { ...scan.body, source: 'camera', deviceType: 'handheld', localTimestamp: new Date().toISOString() }
    try {
      const answer = await door.scanner.api.post<ScanAnswer>('/api/hp-scanner/validate-qr', body, patience)
      this.#note(scan, answer, atMs)
    } catch (error) {
      if (error instanceof NoAnswer) this.#unanswered++
      else if (!(error instanceof Refusal)) throw error
      else if (error.status === 429) this.#limit(door, scan)
      else this.#note(scan, error.body as ScanAnswer, atMs)
    }
    this.done++
  }

  #note(scan: Scan, { verdict, code }: ScanAnswer, atMs: number): void {
    this.#waits.push(this.#now() - atMs)
    const outcome = code ?? verdict ?? 'nothing'
    this.#outcomes[outcome] = (this.#outcomes[outcome] ?? 0) + 1
    if (!this.#expected(scan).includes(outcome)) this.#noteWrong(scan.kind, outcome)
    if (outcome === 'admitted') this.#letIn(scan)
  }

  #letIn({ kind, body, ticket, zone }: Scan): void {
    this.#people += body.people
    if (kind === 'first' && ticket) this.#inside.push({ ticket, zone })
  }

  #noteWrong(kind: Act['kind'], got: string): void {
    const name = { first: 'a first scan', again: 'a code shown again', forged: 'a forged code', exit: 'a way out' }[
      kind
    ]
    const known = this.#wrong.get(`${kind} ${got}`) ?? { kind: name, got, scans: 0 }
    known.scans++
    this.#wrong.set(`${kind} ${got}`, known)
  }

  /** What the rules of the event may say to it. */
  #expected({ kind, zone }: Scan): string[] {
    const again = ['already_admitted', 'limit_reached', 'too_soon', 'full', 'held_elsewhere']
    switch (kind) {
      case 'first':
        return this.#rules.offline === 'strict' ? ['admitted', 'full', 'held_elsewhere'] : ['admitted', 'full']
      case 'again':
        return this.#rules.mayComeAgain(zone) ? [...again, 'admitted'] : again
      case 'forged':
        return ['unreadable', 'forged']
      case 'exit':
        return ['exited']
    }
  }

  /** A device that asks too much decides alone, as one does that has no network. */
  #limit(door: Door, scan: Scan): void {
    this.#limited++
    this.#outcomes.rate_limited = (this.#outcomes.rate_limited ?? 0) + 1
    door.pending.push({ ...scan, at: new Date().toISOString() })
  }

  #keep(door: Door, scan: Scan): void {
    door.pending.push({ ...scan, at: new Date().toISOString() })
    this.done++
  }

  /** Sends what a device did while it was cut off. Under the policy `admit` it let people in; else it decided nothing. */
  async #bringHome(door: Door, stop: AbortSignal): Promise<void> {
    while (door.pending.length > 0) {
      const batch = door.pending.splice(0, SYNC_BATCH)
      const scans = batch.map(({ kind, body, at }) => ({ ...body, localTimestamp: at, ...this.#shown(kind) }))
      type Results = { results: { items: { outcome: string; verdict?: string }[]; conflicts: number; failed: number } }
      const { deviceId, api } = door.scanner
      const body = { deviceId, scans, syncedAt: new Date().toISOString() }
      const send = () => api.post<Results>('/api/hp-scanner/offline-sync', body, { tries: 5, timeoutMs: 30_000 })
      const { results } = await patiently(send, stop)
      for (const [i, item] of results.items.entries()) {
        const scan = batch[i]
        if (scan && item.verdict === 'admitted') this.#letIn(scan)
      }
      this.#synced.scans += batch.length
      this.#synced.conflicts += results.conflicts
      this.#synced.refused += results.failed
    }
  }

  #shown(kind: Act['kind']): { verdict?: string | { refused: string } } {
    if (kind === 'exit') return { verdict: 'exited' }
    if (kind === 'forged') return { verdict: { refused: 'forged' } }
    if (this.#rules.offline !== 'admit') return {}
    return { verdict: kind === 'first' ? 'admitted' : { refused: 'already_admitted' } }
  }
}

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** A code like a real one, of which the end was made up. */
function forged(like: string | undefined): string {
  const made = Array.from(randomBytes(212), (byte) => letters[byte % 32]).join('')
  return like ? like.slice(0, 100) + made.slice(0, like.length - 100) : `A1${made.slice(0, 210)}`
}
