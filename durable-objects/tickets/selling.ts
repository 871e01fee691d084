import { badRequest, ok, problem, type Recorded, type Result } from '../../core/answers.ts'
import type { WalkInRequest } from '../../core/device-messages.ts'
import type { TicketId } from '../../core/ids.ts'
import type { Refusal } from '../../core/verdict.ts'
import type { Configuration } from '../event/configuration.ts'
import type { Judging, ScanAsk } from '../scans/judging.ts'
import type { ScanLog } from '../scans/scan-log.ts'
import type { Telling } from '../scans/telling.ts'
import { amountOf, type Sales } from './sales.ts'
import type { TicketDetails } from './ticket-rows.ts'
import type { Tickets } from './tickets.ts'

/** A sale at the door and the scan that lets the buyer in. `ticketId` is made by the caller. */
export type Selling = { request: WalkInRequest; ticketId: TicketId; ask: Omit<ScanAsk, 'presented'> }

/** What was sold; or, where somebody may not come in, why, and then nothing was sold. */
export type Sold =
  | { kind: 'sold'; ticket: TicketDetails; recorded: Recorded | null }
  | { kind: 'refused'; refusal: Refusal; useGates: Recorded['useGates'] }

type Parts = {
  configuration: Configuration
  tickets: Tickets
  sales: Sales
  log: ScanLog
  telling: Telling
  judging: Judging
}

/**
 * Ticket, payment and admission in one transaction, which the caller holds. The same scan id again is the same sale. A
 * refusal is thrown as `TakenBack`, so that the transaction writes nothing.
 */
export function sell(parts: Parts, selling: Selling, at: number): Result<{ recorded: Sold; settle: () => void }> {
  const { configuration, tickets, sales, log, judging } = parts
  const { request, ask } = selling
  const known = sales.known(ask.scanId)
  if (known) return again(parts, selling, known)
  if (log.known(ask.scanId)) return problem('scan_id_conflict')
  const gate = configuration.gates.get(request.gateId)
  if (!gate) return problem('unknown_gate')
  const type = configuration.type(request.type)
  if (!type) return badRequest({ field: 'type', message: `the event has no ticket type "${request.type}"` })
  const paid = amountOf(request, type)
  if ('field' in paid) return badRequest(paid)
  const admits = Math.max(type.admits, request.people)
  const { closedAt } = configuration.event
  if (closedAt !== null) throw refused({ reason: 'event_closed', closedAt })
  if (admits > tickets.left(type)) {
    const capacity = type.capacity ?? 0
    throw refused({ reason: 'full', capacity, inside: capacity - tickets.left(type) })
  }
  const issued = tickets.issue([{ id: selling.ticketId, ticket: toTicket(request, admits) }], at)
  const ticket = issued.ok ? issued.value[0]?.ticket : undefined
  if (!ticket) return issued.ok ? problem('not_found') : issued
  const sale = { ticketId: ticket.id, method: request.payment.method, ...paid, admitted: request.admit }
  const { staffId, deviceId, fingerprint } = ask
  const taken = { gateId: gate.id, staffId, deviceId, people: request.people, soldAt: at }
  sales.add(ask.scanId, { ...sale, fingerprint }, taken)
  if (!request.admit) return ok({ recorded: { kind: 'sold', ticket, recorded: null }, settle: () => {} })
  const judged = judging.record({ ...ask, presented: { by: 'ticket', ticketId: ticket.id } }, at)
  if (!judged.ok) return judged
  const { recorded, settle } = judged.value
  const { verdict } = recorded.entry
  if (verdict.kind === 'refused') throw refused(verdict.refusal, recorded.useGates)
  return ok({ recorded: { kind: 'sold', ticket, recorded }, settle })
}

/** Carries an answer out of a transaction that is to be taken back. */
export class TakenBack extends Error {
  readonly answer: Sold
  constructor(answer: Sold) {
    super('taken back')
    this.answer = answer
  }
}

function refused(refusal: Refusal, useGates: Recorded['useGates'] = []): TakenBack {
  return new TakenBack({ kind: 'refused', refusal, useGates })
}

function again({ tickets, log, telling }: Parts, { ask }: Selling, known: NonNullable<ReturnType<Sales['known']>>) {
  const isSame = known.fingerprint.every((byte, i) => byte === ask.fingerprint[i])
  const ticket = tickets.get(known.ticketId)
  if (!isSame || !ticket) return problem('scan_id_conflict')
  const logged = log.known(ask.scanId)
  const recorded = logged && telling.again(logged)
  return ok({ recorded: { kind: 'sold' as const, ticket, recorded }, settle: () => {} })
}

function toTicket({ type, holder }: WalkInRequest, admits: number) {
  return { type, holder: holder ?? null, admits, paid: true, requiresAttention: false }
}
