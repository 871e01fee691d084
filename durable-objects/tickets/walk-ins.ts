import { ok, type Result } from '../../core/answers.ts'
import type { GateId } from '../../core/ids.ts'
import type { Actor } from '../actor.ts'
import { saleChanges } from '../audit/audit-changes.ts'
import { factsOf } from '../event-parts.ts'
import type { Host } from '../host.ts'
import type { Held } from '../offline/leases.ts'
import type { Entrance } from '../scans/entrance.ts'
import type { ZoneStanding } from '../scans/standings.ts'
import type { Lending } from '../shards/lending.ts'
import { type Selling, type Sold, sell, TakenBack } from './selling.ts'

/** What the person at the door is told of a sale. */
export type SoldTicket = Sold & { standings: ZoneStanding[]; rotates: boolean }

/** Sales at the door, and whom else they ask: a gate that holds the ticket alone, objects that have room to give away. */
export class WalkIns {
  readonly #host: Host
  readonly #entrance: Entrance
  readonly #lending: Lending

  constructor(host: Host, entrance: Entrance, lending: Lending) {
    this.#host = host
    this.#entrance = entrance
    this.#lending = lending
  }

  /** Sells at the door: the ticket, the payment and, if wished, the admission, all or nothing. */
  async sell(actor: Actor, selling: Selling, at: number): Promise<Result<SoldTicket>> {
    const { event, live } = this.#host
    const held = this.#heldFor(actor, selling)
    if (held) await live().recall(held)
    await this.#makeRoomFor(actor, selling)
    try {
      const sold = this.#entrance.settled(actor, (parts) => {
        const isKnown = parts.sales.known(selling.ask.scanId) !== null
        const result = sell(parts, selling, at)
        if (isKnown) parts.audit.aboutNothing()
        else if (result.ok) saleChanges(parts.audit, selling.request, result.value.recorded)
        return result
      })
      if (!sold.ok || sold.value.kind === 'refused')
        return sold.ok ? ok({ ...sold.value, standings: [], rotates: false }) : sold
      const parts = event.parts()
      const rotates = parts.configuration.event.policy.rotatingCodes
      return ok({ ...sold.value, ...factsOf(parts, sold.value.ticket), rotates })
    } catch (error) {
      if (error instanceof TakenBack) return ok({ ...error.answer, standings: [], rotates: false })
      throw error
    }
  }

  /** A ticket that is about to be sold is another gate's to admit, too, once somebody has its code. */
  #heldFor(actor: Actor, { request, ticketId, ask }: Selling): Held | null {
    const parts = this.#host.event.allowed(actor)
    const zone = parts.ok ? parts.value.configuration.gate(request.gateId as GateId)?.zone : undefined
    if (!parts.ok || !zone || !request.admit) return null
    return parts.value.leases.heldAgainst({ ticketId, type: request.type, zone }, ask.deviceId)
  }

  /** Whoever is sold a ticket comes in by this object's judging, whoever else has room to give away. */
  async #makeRoomFor(actor: Actor, { request, ask }: Selling): Promise<void> {
    const parts = this.#host.event.allowed(actor)
    const zone = parts.ok ? parts.value.configuration.gate(request.gateId as GateId)?.zone : undefined
    if (!parts.ok || !zone || !request.admit || !parts.value.rooms.areShared) return
    const needs = parts.value.rooms.needed(zone, request.type, ask.people)
    if (needs !== null) await this.#lending.makeRoom(needs)
  }
}
