import { judgeAlone, type OwnKnowledge, ticketAlone } from '../../../core/alone.ts'
import type { Recorded } from '../../../core/answers.ts'
import type { ScanAsk } from '../../../durable-objects/scans/judging.ts'
import { ownScans } from '../../../web/scanner/engine/scanning.ts'
import type { KeptVerdict } from '../../../web/scanner/engine/store.ts'
import type { Device } from './device.ts'
import type { Kept } from './disk.ts'
import type { Known } from './known.ts'
import type { Presented } from './watcher.ts'

const PATIENCE_MS = 1500
const PATIENCE_WHILE_AWAY_MS = 500

export const notLetIn: KeptVerdict = { kind: 'refused', code: 'no_network' }

/** A fingerprint of what was asked: nobody asks something else under a used name here. */
const fingerprint = new Uint8Array(8)

/** One scan after the other, by the device's rules R1 to R5. */
export class Scanning {
  readonly #device: Device
  #isBusy = false
  #waiting: Presented[] = []
  /** Whom nothing was shown yet. */
  readonly #underWay = new Set<Presented>()

  constructor(device: Device) {
    this.#device = device
  }

  get queue(): number {
    return this.#waiting.length
  }

  scan(presented: Presented): void {
    if (this.#isBusy && this.#device.around.broken !== 'oneAtATime') this.#waiting.push(presented)
    else this.#begin(presented)
  }

  /** The app died over them. */
  died(): void {
    for (const presented of this.#underWay) this.#device.around.watcher.lost(presented)
    this.#underWay.clear()
    this.#waiting = []
    this.#isBusy = false
  }

  #begin(presented: Presented): void {
    const device = this.#device
    const { around, isHeard } = device
    this.#isBusy = true
    this.#underWay.add(presented)
    presented.askedAt = around.clock.now
    const isAway = around.evening.policy === 'admit' && !isHeard
    const deadline = around.clock.now + (isAway ? PATIENCE_WHILE_AWAY_MS : PATIENCE_MS)
    const scan = keptOf(device, presented)
    device.write(
      () => device.disk.add(scan),
      () => this.#ask(scan, deadline),
    )
  }

  /** Asks the Gatekeeper, after telling it what this device decided of the same ticket alone. */
  #ask(scan: Kept, deadline: number): void {
    const device = this.#device
    const { around, homecoming } = device
    const { no } = scan.presented
    let isSettled = false
    const settle = (how: () => void) => {
      if (isSettled) return
      isSettled = true
      timer.isOff = true
      how()
    }
    const alone = () => settle(() => this.#alone(scan))
    const timer = device.after(deadline - around.clock.now, () => {
      device.heard(false)
      alone()
    })
    const send = () => {
      device.badMoment()
      // As it is sent: it may arrive when this device has long become another one.
      const ask = askOf(device, scan)
      around.way.send<Recorded>(
        device,
        (answer) => around.way.server.scan(ask, answer),
        (recorded) => {
          device.heard(true)
          settle(() => this.#answered(scan, recorded))
        },
      )
    }
    if (around.broken === 'ownGoHomeFirst' || homecoming.isHome(no)) {
      send()
      return
    }
    homecoming.flush(no, deadline - around.clock.now, () => {
      if (isSettled) return
      if (homecoming.isHome(no)) send()
      else alone()
    })
  }

  #answered(scan: Kept, { entry }: Recorded): void {
    const device = this.#device
    const verdict = keptVerdict(entry.verdict)
    const { seq, direction } = entry
    device.write(
      () => device.disk.change(scan, { state: 'answered', verdict, seq, direction }),
      () => this.#shown(scan, 'gatekeeper', device.toldRevision),
    )
    // What was answered is in the world from here on, whether the device lives to show it or not.
    const refusal = entry.verdict.kind === 'refused' ? entry.verdict.refusal : null
    const attempt = refusal?.reason === 'already_admitted' ? refusal.attempt : null
    device.around.watcher.answered(scan.presented, scan.scanId, saidOf(verdict), attempt)
  }

  /** The look, the decision and the write are one transaction. */
  #alone(scan: Kept): void {
    const device = this.#device
    const { known, around, disk, toldRevision } = device
    const { presented } = scan
    const ticket = known && ticketAlone(presented.shown.alone, known)
    let verdict: KeptVerdict = scan.direction === 'exit' ? { kind: 'exited', people: scan.people } : notLetIn
    if (known && ticket) {
      const asked = {
        gate: device.gate,
        direction: presented.direction,
        people: scan.people,
        forced: presented.force,
        at: scan.at,
        knownAt: known.head.serverTime,
      }
      const judged = judgeAlone(asked, presented.shown.alone, ticket, known, this.#own(scan, known))
      verdict = keptVerdict(judged.verdict)
    }
    const isForgotten = around.broken === 'exitIsExit' && verdict.kind === 'exited'
    device.write(
      () => disk.change(scan, { state: 'alone', verdict: isForgotten ? notLetIn : verdict }),
      () => this.#shown(scan, 'device', toldRevision, verdict),
    )
    if (around.chance.happens(around.evening.goodMoments)) device.join()
  }

  /** What this device knows of the ticket by itself. */
  #own({ presented }: Kept, known: Known): OwnKnowledge {
    const { disk, around, gate } = this.#device
    const scans = ownScans(disk.ofTicket(presented.no))
    const isGone = disk.gone.has(presented.shown.ticketId)
    const { lease } = disk
    switch (around.broken) {
      case 'ownBesideList':
        return { scans: scans.map((one) => (one.seq === null ? one : { ...one, seq: 0 })), isGone, lease }
      case 'exitCountsOnce':
        return { scans: scans.map((one) => ({ ...one, knownTo: known.head.cursor })), isGone, lease }
      case 'leaseIsCurrent':
        return { scans, isGone, lease: lease && { ...lease, cursor: '0.0.1' } }
      case 'holderOnly': {
        const gates = [{ gateId: gate.id, zone: gate.zone, types: around.evening.types.map(({ id }) => id) }]
        return {
          scans,
          isGone: false,
          lease: { generation: 0, gateId: gate.id, gates, state: 'held', cursor: '0.0.1' },
        }
      }
      default:
        return { scans, isGone, lease }
    }
  }

  #shown(scan: Kept, by: 'device' | 'gatekeeper', toldRevision: number, verdict = scan.verdict as KeptVerdict): void {
    const device = this.#device
    this.#underWay.delete(scan.presented)
    this.#isBusy = false
    const next = this.#waiting.shift()
    if (next) this.#begin(next)
    if (by === 'device' && device.isHeard) device.after(500, () => device.homecoming.sync())
    const people = verdict.kind === 'refused' ? 0 : verdict.people
    device.around.watcher.saw(scan.presented, scan, { by, said: saidOf(verdict), people, toldRevision })
  }
}

function keptOf(device: Device, presented: Presented): Kept {
  const { now: at, isAnchored, gate } = device
  return {
    scanId: device.newId(),
    sequence: device.disk.all.length + 1,
    state: 'asked',
    ticketId: presented.shown.ticketId,
    asked: null,
    gateId: gate.id,
    gateName: gate.name,
    zone: gate.zone,
    direction: presented.direction,
    people: presented.people,
    at,
    clock: isAnchored ? anchored : null,
    knownTo: device.known?.head.cursor ?? null,
    verdict: null,
    seq: null,
    annulled: false,
    problem: null,
    presented,
  }
}

const anchored = { anchorAt: 0, elapsedMs: 0, anchorId: '' }

export function askOf(device: Device, { scanId, presented, people }: Kept): ScanAsk {
  return {
    scanId,
    presented: presented.shown.asked,
    gateId: device.gate.id,
    direction: presented.direction,
    people,
    forceReason: presented.force ? 'they are with the band' : null,
    source: 'camera',
    deviceId: device.deviceId,
    staffId: null,
    fingerprint,
    spentMs: 0,
  }
}

function keptVerdict(verdict: Recorded['entry']['verdict'] | { kind: 'undecided' }): KeptVerdict {
  switch (verdict.kind) {
    case 'admitted':
    case 'exited':
    case 'visited':
      return { kind: verdict.kind, people: verdict.people }
    case 'refused':
      return { kind: 'refused', code: verdict.refusal.reason }
    default:
      return notLetIn
  }
}

function saidOf(verdict: KeptVerdict): string {
  return verdict.kind === 'refused' ? verdict.code : verdict.kind
}
