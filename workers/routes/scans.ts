import { sha256 } from '@noble/hashes/sha2.js'
import { z } from 'zod'
import type { Recorded, Result } from '../../core/answers.ts'
import { ScanRequest } from '../../core/device-messages.ts'
import { type EventId, parseUuid, type ScanId, uuidAt } from '../../core/ids.ts'
import { readHeader } from '../../core/token.ts'
import { utf8 } from '../../core/utf8.ts'
import type { ScanAsk } from '../../durable-objects/scans/judging.ts'
import type { Judge } from '../../durable-objects/scans/scan-lane.ts'
import { type Caller, reaches } from '../access.ts'
import { type Answer, respond } from '../answer.ts'
import { forgetFormats } from '../code-formats.ts'
import { findEventByTag } from '../db/directory.ts'
import type { Env } from '../env.ts'
import { askGatekeeper, askJudge, Unavailable } from '../gatekeepers.ts'
import { countInvalid } from '../invalid-codes.ts'
import { type OpenedScan, openShown } from '../opening.ts'
import {
  answerProblem,
  badRequestResponse,
  problemAnswer,
  problemResponse,
  roleAnswer,
  tellProblem,
} from '../problems.ts'
import { type Call, route } from '../route.ts'
import { answerScan, tellInvalid, tellScan } from '../verdict-answer.ts'

const tag = 'Scanner'

const scanAnswer = z.object({
  success: z.boolean(),
  message: z.string(),
  verdict: z.enum(['admitted', 'exited', 'visited', 'refused']),
  scanId: z.string(),
  replay: z.boolean(),
  data: z.record(z.string(), z.unknown()).optional(),
  validationTime: z.number(),
  cacheHit: z.boolean(),
})

export const scanRoutes = [
  ...['/api/hp-scanner/validate-qr', '/api/scan/validate'].map((path) =>
    route({
      method: 'post',
      path,
      audit: { because: 'a scan is an entry of the log' },
      summary: 'Scan a ticket at a gate',
      tag,
      role: 'scanner',
      limit: null,
      body: ScanRequest,
      answer: scanAnswer,
      handle: validate,
    }),
  ),

  route({
    method: 'get',
    path: '/api/hp-scanner/scans/{scanId}',
    summary: 'The recorded answer to a scan whose reply was lost',
    tag,
    role: 'scanner',
    query: z.object({ eventId: z.string().optional() }),
    answer: scanAnswer,
    async handle({ env, caller, actor, params, query }) {
      const scanId = parseUuid<ScanId>(params.scanId ?? '')
      const eventId = eventOfCaller(caller, query.eventId)
      if (eventId === null) return eventNeeded()
      if (scanId === null) return problemResponse('not_found')
      const answer = await askGatekeeper(env, eventId, (gatekeeper) => gatekeeper.answer(actor, scanId))
      return answer.ok ? answerScan(answer.value) : answerProblem(answer.problem)
    },
  }),
]

type ScanCall = Call<z.output<typeof ScanRequest>, object>

async function validate(call: ScanCall): Promise<Response> {
  const { env, caller, actor, body } = call
  const startedAt = performance.now()
  const no = mayNot(caller, body)
  if (no) return respond(no)
  const eventId = caller.kind === 'device' ? caller.eventId : await eventOf(call)
  if (eventId === null) {
    return badRequestResponse([
      { field: 'eventId', message: 'is needed where the credential is not bound to an event' },
    ])
  }
  const answer = await judgeScan(
    { env, caller, body, eventId, startedAt },
    {
      record: (ask) => askJudge(env, eventId, actor, ask),
      countInvalid: (reason) => countInvalid(env, eventId, actor, reason),
    },
  )
  return respond(answer)
}

/** A scan that its caller may make, at one event. */
export type AskedScan = {
  env: Env
  caller: Caller
  body: z.output<typeof ScanRequest>
  eventId: EventId
  /** By `performance.now()`. */
  startedAt: number
}

/** Opens the code, has it judged and words the answer: the same for a scan over HTTP and over a device's socket. */
export async function judgeScan(scan: AskedScan, judge: Judge): Promise<Answer> {
  const scanId = scan.body.scanId ?? uuidAt<ScanId>(Date.now(), crypto.getRandomValues(new Uint8Array(16)))
  const { opened, result } = await openAndRecord(scan, scanId, judge)
  if (result?.ok) return tellScan(result.value, scan.body.numbered === true)
  if (result && result.problem.code !== 'unreadable_code') return tellProblem(result.problem)
  const reason = opened?.kind === 'invalid' ? opened.reason : 'unreadable'
  const blocked = await judge.countInvalid(reason)
  return blocked ? tellProblem(blocked) : tellInvalid(reason, scanId)
}

/** Opens the code and has it judged. Without a result, it was no code of this event and nobody judged it. */
async function openAndRecord(
  scan: AskedScan,
  scanId: ScanId,
  judge: Judge,
): Promise<{ opened: OpenedScan | null; result?: Result<Recorded> }> {
  const { env, body, eventId, startedAt } = scan
  for (let attempt = 1; attempt <= 3; attempt++) {
    const opened = body.ticketId ? null : await openShown(env, eventId, body.qrPayload ?? '', body.source ?? null)
    if (opened?.kind === 'invalid') return { opened }
    const ask = askOf(scan, scanId, opened, performance.now() - startedAt)
    const result = await judge.record(ask)
    if (result.ok || result.problem.code !== 'formats_changed') return { opened, result }
    // The formats were changed since this isolate heard of them: the code is opened anew with what holds now.
    forgetFormats(eventId)
  }
  throw new Unavailable('the formats of other codes are being changed')
}

/** What who could be asking of any event is told where they name none. */
export function eventNeeded(): Response {
  return badRequestResponse([{ field: 'eventId', message: 'is needed in the query' }])
}

/** A staff token is bound to its event; any other credential names it. */
export function eventOfCaller(caller: Caller, named: string | undefined): EventId | null {
  return caller.kind === 'device' ? caller.eventId : parseUuid<EventId>(named ?? '')
}

/** What the contract allows only some callers: naming another device, forcing, and scanning without a code. */
export function mayNot(caller: Caller, body: z.output<typeof ScanRequest>): Answer | null {
  const isAnother = caller.kind === 'device' && body.deviceId != null && body.deviceId !== caller.deviceId
  if (isAnother) return problemAnswer('device_mismatch')
  const needsSupervisor = body.force != null || body.ticketId != null
  return needsSupervisor && !reaches(caller.role, 'supervisor') ? roleAnswer('supervisor') : null
}

/** Which event an organiser's own scan is for: the one it names, or the one its code is of. */
async function eventOf({ env, caller, body }: ScanCall): Promise<EventId | null> {
  if (body.eventId != null) return parseUuid<EventId>(body.eventId)
  const header = readHeader(body.qrPayload?.trim() ?? '')
  return (
    header && findEventByTag(env.DB, header.eventTag, caller.kind === 'organisation' ? caller.organisationId : null)
  )
}

/** Who asked for what, as far as it bears on the verdict. */
type Asked = {
  caller: Caller
  body: Pick<
    z.output<typeof ScanRequest>,
    'qrPayload' | 'ticketId' | 'gateId' | 'direction' | 'people' | 'force' | 'source'
  >
}

/** The scan as the Gatekeeper takes it. */
export function askOf({ caller, body }: Asked, scanId: ScanId, opened: OpenedScan | null, spentMs: number): ScanAsk {
  const presented = presentedBy(body, opened)
  const direction = body.direction ?? null
  const forceReason = body.force?.reason ?? null
  const asked = [saidBy(presented, body), body.gateId, direction, body.people, forceReason]
  return {
    scanId,
    presented,
    gateId: body.gateId,
    direction,
    people: body.people,
    forceReason,
    source: body.source ?? null,
    deviceId: caller.kind === 'device' ? caller.deviceId : null,
    staffId: caller.kind === 'device' ? caller.staffId : null,
    fingerprint: fingerprintOf(asked),
    spentMs,
  }
}

/** 8 bytes that stand for what was asked under a scanId. */
export function fingerprintOf(asked: unknown): Uint8Array {
  return sha256(utf8(JSON.stringify(asked))).slice(0, 8)
}

function presentedBy(body: Asked['body'], opened: OpenedScan | null): ScanAsk['presented'] {
  if (body.ticketId) return { by: 'ticket', ticketId: body.ticketId }
  if (opened?.kind === 'token') {
    const { ticketId, issuedAt, validFrom, validUntil } = opened.claims
    return { by: 'token', ticketId, issuedAt, validFrom, validUntil }
  }
  if (opened?.kind === 'signed') return { by: 'signed', signed: opened.signed, formats: opened.formats }
  if (opened?.kind !== 'code') return { by: 'code', code: '' }
  const { code, shortCode } = opened
  return shortCode === undefined ? { by: 'code', code } : { by: 'code', code, shortCode }
}

/** What was asked for: of somebody else's code its text, since what it opens to depends on the format's settings. */
function saidBy(presented: ScanAsk['presented'], body: Asked['body']) {
  return presented.by === 'signed' ? { by: 'signed', text: body.qrPayload?.trim() } : presented
}
