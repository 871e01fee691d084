import type { JudgedAlone, NotAlone } from '../../../core/alone.ts'
import { type Gate, statusOf, type TicketType } from '../../../core/event.ts'
import type { GateId } from '../../../core/ids.ts'
import type { Refusal, RefusalReason } from '../../../core/verdict.ts'
import type { Asked } from './answers.ts'
import type { NamedGate, Shown, ShownRefusal, ShownVerdict, Undecided } from './shown.ts'

/** What names things while a device is alone. */
export type Names = {
  gates: readonly Gate[]
  types: readonly TicketType[]
  /** The holder's name, where a supervisor unlocked the names. */
  who: string | null
}

/** Takes this device's own judgement; gives what is shown of it. */
export function shownAlone(judged: JudgedAlone, asked: Asked, names: Names): Shown {
  const { ticket } = judged
  const type = names.types.find(({ id }) => id === ticket.type)
  return {
    ...unjudgedAlone(asked),
    direction: judged.direction,
    verdict: verdictOf(judged, names, asked),
    ticket: {
      id: ticket.id,
      who: names.who,
      typeName: type?.name ?? ticket.type,
      quantity: ticket.admits,
      status: statusOf(ticket),
      notes: [ticket.note, type?.note ?? null].filter((note) => note !== null),
      attention: ticket.requiresAttention || (type?.requiresAttention ?? false),
    },
  }
}

/** A code that this device can tell is no ticket of the event. */
export function refusedAlone(reason: 'unreadable' | 'forged' | 'wrong_event' | 'unknown', asked: Asked): Shown {
  return { ...unjudgedAlone(asked), verdict: { kind: 'refused', refusal: { reason } } }
}

/** Nothing could be decided, mostly for want of a network. */
export function unjudgedAlone(asked: Asked, because: Undecided = { reason: 'no_network' }): Shown {
  return {
    scanId: asked.scanId,
    at: asked.at,
    judgedBy: 'device',
    replay: false,
    gate: asked.gate,
    direction: null,
    verdict: { kind: 'undecided', because },
    ticket: null,
    forceReason: asked.forceReason,
  }
}

function verdictOf({ verdict, first }: JudgedAlone, names: Names, asked: Asked): ShownVerdict {
  switch (verdict.kind) {
    case 'admitted': {
      const overruled: RefusalReason | null = verdict.forced?.reason ?? null
      const { people, remaining, overfull } = verdict
      return { kind: 'admitted', people, remaining, forced: overruled !== null, overruled, overfull }
    }
    case 'exited':
      return { kind: 'exited', people: verdict.people }
    case 'visited':
      return { kind: 'visited', people: verdict.people, visit: verdict.visit }
    case 'refused':
      return { kind: 'refused', refusal: refusalOf(verdict.refusal, first, names, asked) }
    case 'undecided':
      return { kind: 'undecided', because: whyNot(verdict) }
    case 'annulled':
    case 'everyone_out':
      throw new Error(`a scan was judged ${verdict.kind}`)
  }
}

function whyNot(why: NotAlone): Undecided {
  switch (why.because) {
    case 'policy':
      return { reason: 'no_network' }
    case 'list_too_old':
    case 'event_over':
      return { reason: why.because, since: why.since }
  }
}

function refusalOf(refusal: Refusal, first: JudgedAlone['first'], names: Names, asked: Asked): ShownRefusal {
  switch (refusal.reason) {
    case 'wrong_gate':
    case 'held_elsewhere':
      return { reason: refusal.reason, useGates: refusal.useGates.map((id) => named(id, names)) }
    case 'already_admitted':
      return {
        reason: refusal.reason,
        attempt: refusal.attempt,
        first: first && {
          at: first.at,
          gate: first.gateId && named(first.gateId, names),
          staffId: null,
          deviceId: first.here ? asked.deviceId : null,
          here: first.here,
        },
      }
    case 'unreadable':
    case 'forged':
    case 'wrong_event':
    case 'event_closed':
    case 'unknown':
    case 'revoked':
    case 'blocked':
    case 'unpaid':
    case 'too_early':
    case 'too_late':
    case 'limit_reached':
    case 'too_soon':
    case 'full':
      return refusal
  }
}

function named(id: GateId, { gates }: Names): NamedGate {
  return { id, name: gates.find((gate) => gate.id === id)?.name ?? id }
}
