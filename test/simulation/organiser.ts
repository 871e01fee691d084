import { readCursor } from '../../core/cursor.ts'
import type { GateId, TicketId } from '../../core/ids.ts'
import { everybody } from '../../durable-objects/actor.ts'
import type { TicketAction } from '../../durable-objects/tickets/tickets.ts'
import type { AmongShards } from './among-shards.ts'
import type { Decision } from './checker.ts'
import type { Crowd } from './crowd.ts'
import type { Evening } from './evening.ts'
import { must } from './must.ts'
import { isTrouble } from './platform-object.ts'

/** So many entries of a log a crash takes back at most. */
const MOST_FORGOTTEN = 5

/** Changes gates and tickets while people come in. */
export class Organiser {
  readonly #evening: Evening
  readonly #crowd: Crowd
  readonly #reissued = new Set<TicketId>()
  /** Tickets about which something is being decided, or of which nobody knows whether it was. */
  readonly #undecided = new Set<TicketId>()

  constructor(evening: Evening, crowd: Crowd) {
    this.#evening = evening
    this.#crowd = crowd
  }

  begin(): void {
    const { gatesEveryMs, hasDecisions } = this.#evening.scenario
    if (gatesEveryMs !== null) this.#sideEntrance(gatesEveryMs)
    if (hasDecisions) this.#decideNext()
  }

  /** A side entrance is opened and closed: other gates mean other shares, and all leases move. */
  #sideEntrance(everyMs: number, kind: 'entry' | 'exit' = 'exit'): void {
    const { world, server } = this.#evening
    world.after(world.chance.wait(everyMs), () => {
      if (this.#evening.isOver) return
      const isDone = !server.isDown
      if (isDone) must(server.gatekeeper.putGate(everybody, 'SIDE' as GateId, { name: 'Side', kind }))
      if (isDone) server.onceDurable(() => {})
      this.#sideEntrance(everyMs, isDone === (kind === 'entry') ? 'exit' : 'entry')
    })
  }

  /** Tickets are revoked, blocked, restored and reissued while their holders stand in the queue. */
  #decideNext(): void {
    const { world, server, among } = this.#evening
    const { chance } = world
    world.after(chance.wait(1500), () => {
      if (this.#evening.isOver) return
      const ticket = this.#crowd.ticketNear(chance.between(-5, 3))
      const action = chance.of<TicketAction>(['revoke', 'block', 'restore', 'restore', 'reissue'])
      if (ticket && among) void this.#decideAmong(among, ticket.id, action)
      else if (ticket && !server.isDown) this.#decide(ticket.id, action)
      this.#decideNext()
    })
  }

  #decide(ticketId: TicketId, action: TicketAction): void {
    const { world, server, checker } = this.#evening
    const { gatekeeper } = server
    const head = must(gatekeeper.stats(everybody)).stats.seq
    const [last] = must(gatekeeper.entries(everybody, head - 1, 1))
    // The log's time, which does not go back with the clock.
    const at = Math.max(world.serverNow, (last?.receivedAt ?? 0) + (last?.offline ? 1 : 0))
    void gatekeeper.act(everybody, ticketId, action, null, false, world.serverNow)
    const revision = this.#revisionAt(at)
    const bars = this.#bars(ticketId, action)
    const decision: Decision = { ticketId, bars, at, revision, from: head, head, isKnown: false }
    checker.decided(decision)
    this.#tell(ticketId, `the organiser: ${action}`)
    // A crash may undo it as long as nobody was told that it is done.
    server.onceDurable(() => {
      decision.isKnown = true
      if (action === 'reissue') this.#reissued.add(ticketId)
    })
  }

  /** The same where others than the Gatekeeper judge: what is decided holds for them once it was answered. */
  async #decideAmong(among: AmongShards, ticketId: TicketId, action: TicketAction): Promise<void> {
    if (this.#undecided.has(ticketId)) return
    this.#undecided.add(ticketId)
    const { world, server, checker } = this.#evening
    const judge = server.objects[among.judgeOf(ticketId)] ?? server.own
    const headOfJudge = () => Number(judge.look('SELECT max(seq) AS seq FROM entry')[0]?.seq ?? 0)
    const bars = this.#bars(ticketId, action)
    const from = Math.max(0, headOfJudge() - MOST_FORGOTTEN)
    const never = Number.POSITIVE_INFINITY
    const decision: Decision = { ticketId, bars, at: never, revision: never, from, head: never, isKnown: false }
    checker.decided(decision)
    this.#tell(ticketId, `the organiser: ${action}`)
    const at = world.serverNow
    try {
      must(await server.ask((gatekeeper) => gatekeeper.act(everybody, ticketId, action, null, false, at)))
    } catch (error) {
      if (!isTrouble(error)) throw error
      this.#tell(ticketId, `nobody knows whether: ${action}`)
      return
    }
    const changes = 'SELECT max(at) AS at FROM ticket_change WHERE ticket = unhex(?)'
    const [last] = server.own.look(changes, ticketId.replaceAll('-', '')) as { at: number | null }[]
    const revision = server.isDown ? never : this.#revisionAt(at)
    Object.assign(decision, { at: last?.at ?? at, revision, head: headOfJudge(), isKnown: true })
    this.#tell(ticketId, `the organiser heard: ${action}`)
    if (action === 'reissue') this.#reissued.add(ticketId)
    this.#undecided.delete(ticketId)
  }

  /** The codes that are shown here are the first ones: a reissue makes them old for good. */
  #bars(ticketId: TicketId, action: TicketAction): boolean {
    return action !== 'restore' || this.#reissued.has(ticketId)
  }

  #revisionAt(at: number): number {
    const { gatekeeper } = this.#evening.server
    return readCursor(must(gatekeeper.snapshot(everybody, null, at)).head.cursor)?.revision ?? 0
  }

  #tell(ticketId: TicketId, what: string): void {
    const { checker, world } = this.#evening
    checker.tell(ticketId, world.now, what)
  }
}
