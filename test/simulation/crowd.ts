import { MAIN_ZONE } from '../../core/event.ts'
import type { GateId, ScanId } from '../../core/ids.ts'
import { homeGate } from '../../core/lease.ts'
import type { Shown } from '../../web/scanner/engine/shown.ts'
import type { Presented } from './checker.ts'
import type { Evening } from './evening.ts'
import type { Phone } from './phone.ts'
import { GROUP_OF, group, single, zoneOfGate } from './scenario.ts'
import type { Sealed } from './ticket-office.ts'

/** So each is shown some five times, at several gates and within seconds. */
export const TICKETS_PER_SCAN = 1 / 5

/** A scan of a guest who was let in, as long as it may be taken back. */
type Regretted = { phone: Phone; scanId: ScanId; presented: Presented }

/** Those who stand at the gates: most have tickets that others have shown, or are showing elsewhere, right now. */
export class Crowd {
  readonly #evening: Evening
  readonly #scans: number
  #left: number

  constructor(evening: Evening, scans: number) {
    this.#evening = evening
    this.#scans = scans
    this.#left = scans
  }

  /** All came who were to come. */
  get isIn(): boolean {
    return this.#left <= 0
  }

  /** The ticket that is shown for the first time just now, or so many ahead of it. */
  ticketNear(ahead: number): Sealed | undefined {
    const { tickets } = this.#evening
    return tickets[Math.max(0, Math.floor((this.#scans - this.#left) * TICKETS_PER_SCAN) + ahead)]
  }

  /** People come to a gate, one after the other, all evening. */
  comeTo(phone: Phone): void {
    const { world, scenario } = this.#evening
    const { chance } = world
    world.after(chance.wait(scenario.guestEveryMs), () => {
      if (this.#evening.isOver) return
      // Where a gate does not get on, people go to another one: what is shown is shown at about the same time.
      if (phone.isOn && phone.queue < scenario.longestQueue) {
        this.#present(phone)
        // A second reader on the same device, before the first has been answered.
        if (chance.happens(0.1)) this.#present(phone)
      }
      this.comeTo(phone)
    })
  }

  /** The next guest at a gate; and perhaps somebody with a copy of the same ticket at another one, at about that time. */
  #present(phone: Phone): void {
    const { world, scenario, phones } = this.#evening
    const { chance } = world
    const age = chance.happens(scenario.late) ? chance.between(6, 60) : chance.between(0, 5)
    const ticket = this.ticketNear(-age) as Sealed
    this.#show(phone, ticket)
    if (!chance.happens(scenario.copies)) return
    // Whoever bought the ticket goes where it belongs.
    const atHome = phones.filter(({ gateId }) => gateId === this.#homeOf(ticket))
    const elsewhere = chance.of(chance.happens(0.5) && atHome.length > 0 ? atHome : phones)
    this.#showLater(chance.wait(1000), elsewhere, ticket)
  }

  /** The gate to whose share a ticket belongs, as long as no other gates were opened. */
  #homeOf({ id: ticketId, admits }: Sealed): GateId | null {
    const type = admits === 1 ? single : group
    const { mainGates } = this.#evening.scenario
    const gates = mainGates.map((gateId) => ({ gateId, zone: MAIN_ZONE, types: [single, group] }))
    return homeGate(gates, { ticketId, type, zone: MAIN_ZONE })
  }

  #showLater(ms: number, phone: Phone, ticket: Sealed): void {
    this.#evening.world.after(ms, () => {
      if (!this.#evening.isOver && phone.isOn) this.#show(phone, ticket)
    })
  }

  #show(phone: Phone, ticket: Sealed): void {
    const { world, checker } = this.#evening
    this.#left -= 1
    const presented = this.#wishOf(phone, ticket)
    const { direction, people, force } = presented
    checker.holdsUp(presented)
    phone.scan(
      { text: ticket.text, direction, people, force },
      () => checker.lost(presented),
      (shown) => {
        const { now } = world
        const knownRevision = phone.knownRevision(now)
        this.#evening.check(() => checker.saw(presented, shown, now, knownRevision))
        this.#sendElsewhere(phone, shown, ticket)
        if (this.#isRegretted(presented, shown)) this.#regret({ phone, scanId: shown.scanId, presented })
      },
    )
  }

  /** What the guest with this ticket wants at this gate. */
  #wishOf(phone: Phone, ticket: Sealed): Presented {
    const { world, scenario } = this.#evening
    const { chance } = world
    const { has } = scenario
    const goesOut = chance.happens(scenario.reentry === 'none' ? 0.08 : 0.3)
    const force = chance.happens(0.05) && phone.caller.isSupervisor
    const people = chance.between(1, GROUP_OF)
    return {
      deviceId: phone.caller.deviceId,
      ticketId: ticket.id,
      admits: ticket.admits,
      zone: zoneOfGate(scenario, phone.gateId as GateId),
      direction: goesOut && has('exits') ? 'exit' : 'entry',
      people: ticket.admits > 1 && has('groups') ? people : 1,
      force,
      askedAt: world.now,
    }
  }

  /** Of those who are told to go to another gate most do, and some are scanned again at once. */
  #sendElsewhere(here: Phone, { verdict }: Shown, ticket: Sealed): void {
    const { world, phones } = this.#evening
    const { chance } = world
    const refusal = verdict.kind === 'refused' ? verdict.refusal : null
    const gates = refusal?.reason === 'held_elsewhere' ? refusal.useGates : []
    const there = phones.filter(({ gateId }) => gates.some(({ id }) => id === gateId))
    if (there.length === 0 || chance.happens(0.2)) return
    const staysHere = chance.happens(0.5)
    const phone = staysHere ? here : chance.of(there)
    this.#showLater(chance.wait(staysHere ? 300 : 2000), phone, ticket)
  }

  #isRegretted({ force }: Presented, { verdict }: Shown): boolean {
    const { scenario, world } = this.#evening
    return verdict.kind === 'admitted' && !force && scenario.has('annulments') && world.chance.happens(0.04)
  }

  /** Somebody was let in by mistake, is sent away again, and the steward takes the admission back. */
  #regret({ phone, scanId, presented }: Regretted): void {
    const { world, checker } = this.#evening
    const { deviceId } = phone.caller
    world.after(world.chance.wait(2000), () => {
      if (!phone.isOn || phone.caller.deviceId !== deviceId) return
      const { settled } = checker.tookBack(presented)
      const tell = (what: string) => checker.tell(presented.ticketId, world.now, `${deviceId} ${what}`)
      tell(`takes ${scanId} back`)
      void phone.annul(scanId).then((isAnnulled) => {
        tell(isAnnulled ? `heard that ${scanId} is taken back` : `did not hear that ${scanId} is taken back`)
        if (isAnnulled) settled()
      })
    })
  }
}
