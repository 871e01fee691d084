import type { PresentedAlone } from '../../../core/alone.ts'
import type { DeviceId, ScanId, TicketId } from '../../../core/ids.ts'
import type { ScanAsk } from '../../../durable-objects/scans/judging.ts'
import type { Clockwork } from './clockwork.ts'
import type { Kept } from './disk.ts'
import type { Evening } from './evening.ts'

/** A rule that did not hold. */
export class Violation extends Error {}

/** What is held up: the same code of a ticket, as a device opens it and as the Gatekeeper is asked about it. */
export type Code = { ticketId: TicketId; alone: PresentedAlone; asked: ScanAsk['presented'] }

/** One presentation of a ticket, as those who stand by see it. */
export type Presented = {
  /** The ticket's and the zone's places in the evening. */
  no: number
  zone: number
  deviceId: DeviceId
  admits: number
  direction: 'entry' | 'exit'
  people: number
  force: boolean
  askedAt: number
  shown: Code
}

/** What a gate showed, and up to which decision its device had been told when that was decided. */
export type Seen = { by: 'device' | 'gatekeeper'; said: string; people: number; toldRevision: number }

/**
 * What an organiser decided about a ticket. Entries after `head` know of it. `isKnown`: it is on the disk; as long as it is
 * not, nobody can say whether it stands.
 */
export type Decision = { bars: boolean; at: number; revision: number; head: number; isKnown: boolean }

/** People whom one device let in and out with one ticket, and those of whom nobody knows or whom nobody can tell of. */
export type Counts = { deviceId: DeviceId; no: number; zone: number } & Record<
  'admitted' | 'exited' | 'lost' | 'gone',
  number
>

type Bodies = { entered: number; exited: number; slack: number; alone: DeviceId[] }

/** An answer of the Gatekeeper's that a device heard: it must stand for ever. */
export type Promised = {
  scanId: ScanId
  no: number
  said: string
  attempt: number | null
  askedAt: number
  at: number
}

/** Sees what the gates physically did, and nothing of what devices and the Gatekeeper think of it. Its sums are its own. */
export class Watcher {
  readonly counts = new Map<string, Counts>()
  readonly promised: Promised[] = []
  readonly decisions: Decision[][] = []
  readonly forced = new Set<ScanId>()
  /** What happened to each ticket, in words, for whoever looks into a failure. */
  readonly story: { no: number; at: number; what: string }[] = []
  readonly tells: boolean
  shown = 0
  admitted = 0
  alone = 0
  onShown: (presented: Presented, scan: Kept, seen: Seen) => void = () => {}
  readonly #clock: Clockwork
  readonly #evening: Evening
  readonly #bodies: Bodies[] = []

  constructor(clock: Clockwork, evening: Evening, tells: boolean) {
    this.#clock = clock
    this.#evening = evening
    this.tells = tells
  }

  tell(no: number, what: string): void {
    this.story.push({ no, at: this.#clock.now, what })
  }

  /** Somebody holds a code up. Whoever wants out is taken to be on the way: nobody is kept in. */
  holdsUp({ no, zone, direction, people }: Presented): void {
    if (direction === 'exit') this.#of(no, zone).exited += people
  }

  /** How many are in, as those see it who stand by. */
  insideOf(no: number, zone: number): number {
    const { entered, exited } = this.#of(no, zone)
    return entered - exited
  }

  /** A device hears the Gatekeeper's answer. */
  answered({ no, askedAt }: Presented, scanId: ScanId, said: string, attempt: number | null): void {
    this.promised.push({ scanId, no, said, attempt, askedAt, at: this.#clock.now })
  }

  /** A gate shows something to somebody. */
  saw(presented: Presented, scan: Kept, seen: Seen): void {
    const { no, zone, deviceId, admits, direction, force } = presented
    const { by, said, people, toldRevision } = seen
    this.shown += 1
    if (by === 'device') this.alone += 1
    if (this.tells) {
      const asked = `${direction} of ${presented.people}${force ? ', forced' : ''}, asked at ${presented.askedAt}`
      this.tell(no, `${deviceId} shows ${said} by the ${by} in zone ${zone} (${asked}, ${scan.scanId})`)
    }
    if (direction === 'exit' && said !== 'exited') throw new Violation(`somebody was kept in: ${said}`)
    if (said === 'admitted' || said === 'exited') {
      if (people !== presented.people) throw new Violation(`${presented.people} came, and ${people} were let through`)
      const counts = this.countsOf(deviceId, no, zone)
      if (said === 'exited') counts.exited += people
      else {
        if (by === 'device' && !force) this.#mayAlone(presented, counts, toldRevision)
        counts.admitted += people
        this.admitted += people
        if (force) this.forced.add(scan.scanId)
        else this.#enter(presented, by, admits)
      }
    }
    this.onShown(presented, scan, seen)
  }

  /** A device died over a scan: whether it let anybody in nobody knows. */
  lost({ deviceId, no, zone, people }: Presented): void {
    if (this.tells) this.tell(no, `${deviceId} died over a scan`)
    this.countsOf(deviceId, no, zone).lost += people
  }

  /** A scan is gone with its device's storage; what of it the Gatekeeper heard nobody knows. */
  forgot({ presented: { deviceId, no, zone, people }, verdict }: Kept): void {
    const counts = this.countsOf(deviceId, no, zone)
    if (verdict?.kind === 'admitted' || verdict?.kind === 'exited') {
      counts.gone += people
      counts.lost += people
    } else counts.lost += people
    if (verdict?.kind === 'admitted') this.#of(no, zone).slack += people
  }

  /** Somebody was sent away again, and it is to be taken back; gives what to call when the Gatekeeper said that it is. */
  tookBack({ deviceId, no, zone, people }: Presented): () => void {
    const counts = this.countsOf(deviceId, no, zone)
    this.#of(no, zone).entered -= people
    counts.admitted -= people
    counts.lost += people
    return () => {
      counts.lost -= people
    }
  }

  decided(no: number, decision: Decision): void {
    const all = this.decisions[no] ?? []
    this.decisions[no] = all
    all.push(decision)
  }

  countsOf(deviceId: DeviceId, no: number, zone: number): Counts {
    const key = `${deviceId} ${no} ${zone}`
    const known = this.counts.get(key)
    if (known) return known
    const made = { deviceId, no, zone, admitted: 0, exited: 0, lost: 0, gone: 0 }
    this.counts.set(key, made)
    return made
  }

  /** Somebody is let in without anybody's word: never more with one ticket than it is for, or than explains itself. */
  #enter({ no, zone, people, deviceId, shown }: Presented, by: Seen['by'], admits: number): void {
    const { policy, reentry } = this.#evening
    const bodies = this.#of(no, zone)
    bodies.entered += people
    if (by === 'device' && !bodies.alone.includes(deviceId)) bodies.alone.push(deviceId)
    if (reentry === 'unlimited') return
    const inside = reentry === 'none' ? bodies.entered : bodies.entered - bodies.exited
    const most = policy === 'admit' ? admits * (1 + bodies.alone.length) : admits
    if (inside > most + bodies.slack) throw new Violation(`two entered with ticket ${no}: ${shown.ticketId}`)
  }

  /** A device lets in alone: what it did itself it knows, and what it was told. */
  #mayAlone({ no, zone, admits, people }: Presented, { admitted }: Counts, toldRevision: number): void {
    const { policy, reentry } = this.#evening
    if (policy === 'never') throw new Violation('somebody was let in alone where nobody is')
    if (reentry === 'none' && admitted + people > admits) {
      throw new Violation(`a device let in alone with ticket ${no}, with which it had let in ${admitted} before`)
    }
    const { exited } = this.#of(no, zone)
    if (reentry === 'after_exit' && admitted - exited + people > admits) {
      throw new Violation(
        `a device let in alone with ticket ${no}, of whom it had let in ${admitted} and ${exited} are out`,
      )
    }
    const { maxEntries } = this.#evening.event.policy
    if (maxEntries !== null && admitted + people > maxEntries) {
      throw new Violation(`a device let in alone with ticket ${no} more often than anybody may enter`)
    }
    const last = this.decisions[no]?.at(-1)
    if (last?.isKnown && last.bars && last.revision <= toldRevision) {
      throw new Violation(`a device let in alone with ticket ${no}, which it was told is barred`)
    }
  }

  #of(no: number, zone: number): Bodies {
    const at = no * 2 + zone
    const known = this.#bodies[at]
    if (known) return known
    const made = { entered: 0, exited: 0, slack: 0, alone: [] }
    this.#bodies[at] = made
    return made
  }
}
