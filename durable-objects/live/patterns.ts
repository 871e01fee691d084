import type { DeviceId, GateId, TicketId, ZoneId } from '../../core/ids.ts'
import type { Entry } from '../../core/log.ts'
import { refusesFarMore, type Scanned, surgeAt } from '../../core/outliers.ts'
import type { Notice } from '../../core/webhooks.ts'
import type { ScanLog } from '../scans/scan-log.ts'

const MINUTE_MS = 60_000

/** A gate is compared with its own last hour, a device with its neighbours of the last quarter of an hour. */
const GATE_MINUTES = 60
const DEVICE_MINUTES = 15

/** A ticket that is shown at so many gates in so long is at more places than one person. */
const MANY_GATES = 3
const GATES_WITHIN_MS = 15 * MINUTE_MS

/** So many tickets that were shown again are looked at each time, and so many of their scans. */
const MOST_TICKETS = 200
const MOST_SCANS = 50

/** So many entries are read at most to know the last hour after waking up. */
const LOOK_BACK = 3000

export type Unusual = Extract<Notice, { kind: 'gate.surge' | 'ticket.many_gates' | 'device.refusing' }>

/**
 * What is out of the ordinary at the doors. A scan costs a few counters; what they say is looked at by the clock
 * (`durable-objects/live/watching.ts`). Scans that were judged alone are left out: they arrive in heaps. Nothing here grows with
 * the event: an hour of minutes a gate, a quarter of one a device, and the tickets that were shown again since the last look.
 */
export class Patterns {
  readonly #log: ScanLog
  readonly #gates = new Map<GateId, Minutes>()
  readonly #devices = new Map<DeviceId, { scans: Minutes; refused: Minutes; zone: ZoneId }>()
  readonly #shownAgain = new Set<TicketId>()
  #isOpen = false

  constructor(log: ScanLog) {
    this.#log = log
  }

  count(entry: Entry): void {
    if (this.#isOpen) this.#add(entry)
  }

  /** What is out of the ordinary now. The same may be given again with the next look. */
  unusual(at: number): Unusual[] {
    this.#open()
    const minute = Math.floor(at / MINUTE_MS)
    return [...this.#surges(minute), ...this.#atManyGates(at), ...this.#refusing(minute)]
  }

  /** After waking up, the newest part of the log says how it was. */
  #open(): void {
    if (this.#isOpen) return
    this.#isOpen = true
    for (const entry of this.#log.after(Math.max(0, this.#log.head - LOOK_BACK), LOOK_BACK)) this.#add(entry)
  }

  #add({ verdict, offline, gateId, deviceId, zone, ticketId, receivedAt }: Entry): void {
    const isScan = verdict.kind !== 'annulled' && verdict.kind !== 'everyone_out'
    if (!isScan || offline !== null) return
    const minute = Math.floor(receivedAt / MINUTE_MS)
    const isRefused = verdict.kind === 'refused'
    if (gateId !== null) kept(this.#gates, gateId, () => new Minutes(GATE_MINUTES)).add(minute)
    if (deviceId !== null) {
      const device = kept(this.#devices, deviceId, () => ({
        scans: new Minutes(DEVICE_MINUTES),
        refused: new Minutes(DEVICE_MINUTES),
        zone,
      }))
      device.zone = zone
      device.scans.add(minute)
      if (isRefused) device.refused.add(minute)
    }
    const isAgain = isRefused && verdict.refusal.reason === 'already_admitted'
    if (isAgain && ticketId !== null && this.#shownAgain.size < MOST_TICKETS) this.#shownAgain.add(ticketId)
  }

  /** The minute under way, and the one before it, which the last look may have seen only half of. */
  #surges(minute: number): Unusual[] {
    return [...this.#gates].flatMap(([gateId, minutes]) =>
      [minute - 1, minute].flatMap((one) => {
        const scans = minutes.at(one)
        const usual = surgeAt(minutes.before(minute - 1, GATE_MINUTES - 2), scans)
        if (!usual) return []
        const { median, spread, limit } = usual
        return [
          { kind: 'gate.surge' as const, gateId, scans, usual: median, spread: tenths(spread), limit: tenths(limit) },
        ]
      }),
    )
  }

  #atManyGates(at: number): Unusual[] {
    const tickets = [...this.#shownAgain]
    this.#shownAgain.clear()
    return tickets.flatMap((ticketId) => {
      const lately = this.#log
        .of(ticketId, MOST_SCANS)
        .filter(({ verdict, receivedAt }) => isShown(verdict.kind) && receivedAt > at - GATES_WITHIN_MS)
      const gateIds = [...new Set(lately.flatMap(({ gateId }) => gateId ?? []))]
      if (gateIds.length < MANY_GATES) return []
      return [{ kind: 'ticket.many_gates' as const, ticketId, gateIds, scans: lately.length }]
    })
  }

  #refusing(minute: number): Unusual[] {
    const devices = [...this.#devices].map(([deviceId, { scans, refused, zone }]) => ({
      deviceId,
      zone,
      scans: scans.sum(minute),
      refused: refused.sum(minute),
    }))
    return devices.flatMap(({ deviceId, zone, ...own }) => {
      const others: Scanned[] = devices.filter((other) => other.deviceId !== deviceId && other.zone === zone)
      const usual = refusesFarMore(own, others)
      if (!usual) return []
      const share = hundredths(own.refused / own.scans)
      const { median, limit } = usual
      return [
        {
          kind: 'device.refusing' as const,
          deviceId,
          ...own,
          share,
          usual: hundredths(median),
          limit: hundredths(limit),
        },
      ]
    })
  }
}

/** At a gate, to come in: a way out and a stall are other places that one person goes to. */
function isShown(kind: Entry['verdict']['kind']): boolean {
  return kind === 'admitted' || kind === 'refused'
}

/** Counts of the last minutes, and of no others. */
class Minutes {
  readonly #counts: Uint32Array
  #newest = 0

  constructor(size: number) {
    this.#counts = new Uint32Array(size)
  }

  add(minute: number): void {
    this.#moveTo(minute)
    const place = minute % this.#counts.length
    if (minute > this.#newest - this.#counts.length) this.#counts[place] = (this.#counts[place] ?? 0) + 1
  }

  at(minute: number): number {
    const isKept = minute <= this.#newest && minute > this.#newest - this.#counts.length
    return isKept ? (this.#counts[minute % this.#counts.length] ?? 0) : 0
  }

  /** The counts of the `many` minutes before this one. */
  before(minute: number, many: number): number[] {
    return Array.from({ length: many }, (_, i) => this.at(minute - 1 - i))
  }

  /** All that is kept and not too old for this minute. */
  sum(minute: number): number {
    return this.before(minute + 1, this.#counts.length).reduce((sum, count) => sum + count, 0)
  }

  #moveTo(minute: number): void {
    const { length } = this.#counts
    for (let one = Math.max(this.#newest + 1, minute - length + 1); one <= minute; one++) this.#counts[one % length] = 0
    this.#newest = Math.max(this.#newest, minute)
  }
}

function kept<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  map.set(key, made)
  return made
}

const tenths = (value: number) => Math.round(value * 10) / 10
const hundredths = (value: number) => Math.round(value * 100) / 100
