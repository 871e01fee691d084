import { z } from 'zod'
import { AnnulRequest, SearchQuery, WalkInRequest } from '../../core/device-messages.ts'
import { type DeviceId, parseUuid, type ScanId, type TicketId, uuidAt, uuidToBytes } from '../../core/ids.ts'
import type { TillLine } from '../../core/report-answers.ts'
import { SEARCH_MIN } from '../../core/search.ts'
import { inNoShard } from '../../core/shards.ts'
import { reaches } from '../access.ts'
import { shownCode } from '../codes.ts'
import { askGatekeeper } from '../gatekeepers.ts'
import { ringOf } from '../key-ring.ts'
import { answerProblem, badRequestResponse, problemResponse } from '../problems.ts'
import { type Call, route, success } from '../route.ts'
import {
  entryShape,
  foundShape,
  iso,
  shiftShape,
  showEntry,
  showFound,
  showShift,
  showTicket,
  ticketShape,
} from '../shapes.ts'
import { answerUnsold, scanOf } from '../verdict-answer.ts'
import { eventNeeded, eventOfCaller, fingerprintOf } from './scans.ts'

const tag = 'At the door'

const tillShape = z.object({
  staffId: z.string().nullable(),
  gateId: z.string().nullable(),
  method: z.string(),
  currency: z.string().nullable(),
  sales: z.int(),
  people: z.int(),
  amount: z.int(),
}) satisfies z.ZodType<TillLine>

export const doorRoutes = [
  route({
    method: 'post',
    path: '/api/hp-scanner/scans/{scanId}/annul',
    audit: { because: 'it is an entry of the log, with whoever took the admission back and why' },
    summary: 'Take an admission back: the same device within 15 minutes, or a supervisor',
    tag,
    role: 'scanner',
    body: AnnulRequest,
    query: z.object({ eventId: z.string().optional() }),
    answer: z.object({ scanId: z.string(), annulledAt: z.string(), entry: entryShape }),
    async handle(call) {
      const { env, caller, actor, params, query, body, at } = call
      const scanId = parseUuid<ScanId>(params.scanId ?? '')
      const eventId = eventOfCaller(caller, query.eventId)
      if (eventId === null) return eventNeeded()
      if (scanId === null) return problemResponse('not_found')
      const annulling = {
        scanId,
        newScanId: newUuid<ScanId>(at),
        reason: body.reason,
        deviceId: caller.kind === 'device' ? caller.deviceId : null,
        staffId: caller.kind === 'device' ? caller.staffId : null,
        isSupervisor: reaches(caller.role, 'supervisor'),
      }
      const annulled = await askGatekeeper(env, eventId, (gatekeeper) => gatekeeper.annul(actor, annulling, at))
      if (!annulled.ok) return answerProblem(annulled.problem)
      const entry = showEntry(annulled.value)
      return success({ scanId, annulledAt: entry.annulledAt, entry }, { message: 'Admission taken back' })
    },
  }),

  route({
    method: 'get',
    path: '/api/hp-scanner/search/{eventId}',
    summary: 'Find a ticket by the beginnings of words: name, e-mail, booking, reference, short code',
    tag,
    role: 'scanner',
    query: SearchQuery,
    answer: z.object({ items: z.array(foundShape), nextCursor: z.null() }),
    async handle({ env, eventId, actor, caller, query }) {
      const text = query.q.trim()
      if ([...text].length < SEARCH_MIN) {
        return badRequestResponse([{ field: 'q', message: `must be at least ${SEARCH_MIN} characters` }])
      }
      const found = await askGatekeeper(env, eventId, (gatekeeper) => gatekeeper.search(actor, text, query.limit))
      if (!found.ok) return answerProblem(found.problem)
      const withContact = reaches(caller.role, 'supervisor')
      const items = found.value.map((facts) => showFound(facts, withContact))
      return success({ items, nextCursor: null })
    },
  }),

  route({
    method: 'post',
    path: '/api/hp-scanner/walk-in',
    audit: 'ticket.sold',
    summary: 'Sell a ticket at the door and, unless told otherwise, let its people in',
    tag,
    role: 'scanner',
    body: WalkInRequest,
    query: z.object({ eventId: z.string().optional() }),
    answer: z.object({
      ticket: ticketShape,
      qr: z.object({ token: z.string(), svg: z.string(), png: z.string() }),
      verdict: z.string().nullable(),
      scan: z.record(z.string(), z.unknown()).nullable(),
      replay: z.boolean(),
    }),
    status: 201,
    handle: sellAtTheDoor,
  }),

  route({
    method: 'post',
    path: '/api/hp-scanner/sessions',
    audit: { because: 'a shift is its own record: who, on which device, from when to when' },
    summary: 'Start a shift on this device; one that was forgotten on it ends, and each ends by itself after 12 hours',
    tag,
    role: 'scanner',
    body: z.object({ id: z.string().optional() }),
    bodyOptional: true,
    answer: z.object({ session: shiftShape }),
    status: 201,
    async handle({ env, caller, actor, body, at }) {
      if (caller.kind !== 'device')
        return badRequestResponse([{ field: '', message: 'is for a device with a staff token' }])
      const id = parseUuid<ScanId>(body.id ?? '') ?? newUuid<ScanId>(at)
      const { eventId, deviceId, staffId } = caller
      const started = await askGatekeeper(env, eventId, (gatekeeper) =>
        gatekeeper.startShift(actor, uuidToBytes(id), deviceId, staffId, at),
      )
      return started.ok
        ? success({ session: showShift(started.value) }, { status: 201 })
        : answerProblem(started.problem)
    },
  }),

  route({
    method: 'post',
    path: '/api/hp-scanner/sessions/{sessionId}/end',
    audit: { because: 'a shift is its own record: who, on which device, from when to when' },
    summary: 'End a shift',
    tag,
    role: 'scanner',
    query: z.object({ eventId: z.string().optional() }),
    answer: z.object({ session: shiftShape }),
    async handle({ env, caller, actor, params, query, at }) {
      const id = parseUuid<ScanId>(params.sessionId ?? '')
      const eventId = eventOfCaller(caller, query.eventId)
      if (eventId === null) return eventNeeded()
      if (id === null) return problemResponse('not_found')
      const onlyOf: DeviceId | null =
        caller.kind === 'device' && !reaches(caller.role, 'supervisor') ? caller.deviceId : null
      const ended = await askGatekeeper(env, eventId, (gatekeeper) =>
        gatekeeper.endShift(actor, uuidToBytes(id), onlyOf, at),
      )
      return ended.ok ? success({ session: showShift(ended.value) }) : answerProblem(ended.problem)
    },
  }),

  route({
    method: 'get',
    path: '/api/hp-scanner/shift-report/{eventId}',
    summary: 'Every shift, the newest first',
    tag,
    role: 'supervisor',
    answer: z.object({ items: z.array(shiftShape), nextCursor: z.null() }),
    async handle({ env, eventId, actor, at }) {
      const shifts = await askGatekeeper(env, eventId, (gatekeeper) => gatekeeper.listShifts(actor, at))
      if (!shifts.ok) return answerProblem(shifts.problem)
      return success({ items: shifts.value.map(showShift), nextCursor: null })
    },
  }),

  route({
    method: 'get',
    path: '/api/hp-scanner/till-report/{eventId}',
    summary: 'What was taken at the door, by staff, gate, method and currency, in minor units',
    tag,
    role: 'supervisor',
    answer: z.object({ items: z.array(tillShape), nextCursor: z.null(), at: z.string() }),
    async handle({ env, eventId, actor, at }) {
      const till = await askGatekeeper(env, eventId, (gatekeeper) => gatekeeper.till(actor))
      if (!till.ok) return answerProblem(till.problem)
      return success({ items: till.value, nextCursor: null, at: iso(at) })
    },
  }),
]

async function sellAtTheDoor(call: Call<z.output<typeof WalkInRequest>, { eventId?: string | undefined }>) {
  const { env, caller, actor, body, query, at, origin } = call
  const eventId = eventOfCaller(caller, query.eventId)
  if (eventId === null) return eventNeeded()
  const { scanId, gateId, people } = body
  const ask = {
    scanId,
    gateId,
    people,
    direction: 'entry' as const,
    forceReason: null,
    source: 'manual' as const,
    deviceId: caller.kind === 'device' ? caller.deviceId : null,
    staffId: caller.kind === 'device' ? caller.staffId : null,
    fingerprint: fingerprintOf(['walk-in', body]),
    spentMs: 0,
  }
  const selling = { request: body, ticketId: inNoShard(eventId, newUuid<TicketId>(at)), ask }
  const sold = await askGatekeeper(env, eventId, (gatekeeper) => gatekeeper.sell(actor, selling, at))
  if (!sold.ok) return answerProblem(sold.problem)
  if (sold.value.kind === 'refused') return answerUnsold(sold.value.refusal, sold.value.useGates, scanId)
  const { ticket, recorded, standings, rotates } = sold.value
  const shown = showTicket({ ticket, standings }, { origin, ring: ringOf(env), eventId })
  const { text: token } = await shownCode(env, eventId, ticket, rotates, at)
  return success(
    {
      ticket: shown,
      qr: { token, ...shown.qr },
      verdict: recorded?.entry.verdict.kind ?? null,
      scan: recorded && scanOf(recorded),
      replay: recorded?.replay ?? false,
    },
    { status: 201, message: recorded ? 'Sold, entry granted' : 'Sold' },
  )
}

function newUuid<T extends ScanId | TicketId>(at: number): T {
  return uuidAt<T>(at, crypto.getRandomValues(new Uint8Array(16)))
}
