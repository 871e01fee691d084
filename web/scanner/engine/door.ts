import type { TicketStatus, TicketType } from '../../../core/event.ts'
import type { EventId, GateId, ScanId, TicketId } from '../../../core/ids.ts'
import type { Call, Calls } from './calls.ts'
import type { Failure, Found, Outcome, Sold, WalkIn } from './engine.ts'
import { failureOf } from './enrolling.ts'
import type { Ports } from './ports.ts'
import type { Queue } from './queue.ts'
import type { KeptScan } from './store.ts'
import { instant, list, number, oneOf, record, text, texts, type Wire } from './wire.ts'

/** What is done at the door beside scanning. All of it needs the Gatekeeper. */
export type Door = {
  annul(scanId: ScanId, reason: string): Promise<Outcome<null>>
  search(eventId: EventId, typed: string, types: readonly TicketType[]): Promise<Outcome<Found[]>>
  sell(sale: WalkIn & { scanId: ScanId }, gateId: GateId): Promise<Outcome<Sold>>
  startShift(id: string): Promise<Outcome<null>>
  endShift(): Promise<Outcome<{ scans: number; admitted: number }>>
}

const TIMEOUT_MS = 10_000
const SEARCH_TIMEOUT_MS = 4000
const statuses: readonly TicketStatus[] = ['valid', 'unpaid', 'blocked', 'revoked']

export function openDoor(store: Ports['store'], calls: Calls, queue: Queue): Door {
  const post = (path: string, body: unknown) => ask(calls, { method: 'POST', path, body, timeoutMs: TIMEOUT_MS })

  return {
    async annul(scanId, reason) {
      const scan = await store.scan(scanId)
      // The Gatekeeper can only take back what it has heard of.
      if (scan?.state === 'alone') await queue.flush(scan.ticketId === null ? {} : { ticketId: scan.ticketId })
      const annulled = await post(`/api/hp-scanner/scans/${scanId}/annul`, { reason })
      if (!annulled.ok) return annulled
      await store.change(new Map([[scanId, (kept: KeptScan): KeptScan => ({ ...kept, annulled: true })]]))
      return { ok: true, value: null }
    },

    async search(eventId, typed, types) {
      const path = `/api/hp-scanner/search/${eventId}?q=${encodeURIComponent(typed)}`
      const found = await ask(calls, { method: 'GET', path, timeoutMs: SEARCH_TIMEOUT_MS })
      return found.ok ? { ok: true, value: list(found.value.items).map((item) => foundOf(item, types)) } : found
    },

    async sell(sale, gateId) {
      const sold = await post('/api/hp-scanner/walk-in', { ...sale, gateId })
      return sold.ok ? { ok: true, value: soldOf(sold.value) } : sold
    },

    async startShift(id) {
      const started = await post('/api/hp-scanner/sessions', { id })
      if (!started.ok) return started
      await store.put('shift', shiftOf(record(started.value.session)))
      return { ok: true, value: null }
    },

    async endShift() {
      const shift = await store.get('shift')
      if (shift === null) return { ok: true, value: { scans: 0, admitted: 0 } }
      const ended = await post(`/api/hp-scanner/sessions/${shift.id}/end`, {})
      if (!ended.ok) return ended
      await store.put('shift', null)
      const { scans, admitted } = shiftOf(record(ended.value.session))
      return { ok: true, value: { scans, admitted } }
    },
  }
}

async function ask(calls: Calls, call: Call): Promise<Outcome<Wire>> {
  const reply = await calls.send(call)
  const isGood = reply.kind === 'answer' && reply.status < 300
  if (isGood) return { ok: true, value: record(reply.body.data) }
  const failure: Failure = failureOf(reply)
  return { ok: false, failure }
}

function foundOf(value: unknown, types: readonly TicketType[]): Found {
  const item = record(value)
  const standings = list(item.standing).map(record)
  const sum = (field: string) => standings.reduce((total, standing) => total + (number(standing[field]) ?? 0), 0)
  const type = text(item.type) ?? ''
  return {
    ticketId: text<TicketId>(item.ticketId) ?? ('' as TicketId),
    name: text(item.name),
    typeName: types.find(({ id }) => id === type)?.name ?? type,
    status: oneOf(item.status, statuses) ?? 'valid',
    shortCode: text(item.shortCode) ?? '',
    email: text(item.email),
    entries: sum('entries'),
    inside: sum('inside'),
  }
}

function soldOf(data: Wire): Sold {
  const ticket = record(data.ticket)
  const scan = record(data.scan)
  const qr = record(data.qr)
  return {
    ticket: {
      id: text<TicketId>(ticket.id) ?? ('' as TicketId),
      who: text(record(ticket.holder).name),
      typeName: text(ticket.type) ?? '',
      quantity: number(ticket.admits),
      status: oneOf(ticket.status, statuses),
      notes: texts(scan.notes),
      attention: ticket.requiresAttention === true,
      shortCode: text(ticket.shortCode) ?? '',
      url: text(ticket.url) ?? '',
    },
    qr: { token: text(qr.token) ?? '', svg: text(qr.svg) ?? '', png: text(qr.png) ?? '' },
    admitted: data.verdict === 'admitted',
  }
}

function shiftOf(session: Wire) {
  return {
    id: text(session.id) ?? '',
    startedAt: instant(session.startedAt) ?? 0,
    scans: number(session.scans) ?? 0,
    admitted: number(session.admitted) ?? 0,
  }
}
