import { z } from 'zod'
import type { Recorded, Result } from '../../core/answers.ts'
import { OfflineScan, SyncRequest } from '../../core/device-messages.ts'
import { type EventId, parseUuid, type ScanId } from '../../core/ids.ts'
import { ConflictFilter, HandleConflict } from '../../core/organiser-messages.ts'
import { entryIdOf } from '../../core/shards.ts'
import type { RefusalReason } from '../../core/verdict.ts'
import type { Actor } from '../../durable-objects/actor.ts'
import type { Handled, KnownConflict } from '../../durable-objects/offline/conflicts.ts'
import type { ShownAlone, SyncedScan, SyncOutcome } from '../../durable-objects/offline/syncing.ts'
import { type Caller, reaches } from '../access.ts'
import { parse } from '../body.ts'
import { forgetFormats } from '../code-formats.ts'
import type { Env } from '../env.ts'
import { askGatekeeper } from '../gatekeepers.ts'
import { openShown } from '../opening.ts'
import { answerProblem, badRequestResponse, problemResponse } from '../problems.ts'
import { type Call, route, success } from '../route.ts'
import { iso } from '../shapes.ts'
import { refusalWords } from '../verdict-answer.ts'
import { askOf, eventOfCaller } from './scans.ts'

const MAX_BYTES = 256 * 1024

const conflictShape = z.object({
  id: z.string(),
  ticketId: z.string().nullable(),
  scanId: z.string(),
  zone: z.string().nullable(),
  gateId: z.string().nullable(),
  deviceId: z.string().nullable(),
  scannedAt: z.iso.datetime(),
  shown: z.string(),
  judged: z.string(),
  with: z
    .object({
      scanId: z.string(),
      deviceId: z.string().nullable(),
      gateId: z.string().nullable(),
      scannedAt: z.iso.datetime(),
    })
    .nullable(),
  handled: z
    .object({ at: z.iso.datetime(), by: z.string(), note: z.string().nullable() })
    .nullable()
    .describe('when and by whom it was dealt with; null while it is open'),
})

const itemShape = z.object({
  index: z.int(),
  scanId: z.string().nullable(),
  outcome: z.enum(['ok', 'duplicate', 'conflict', 'refused', 'replayed']),
  /** What stands in the log. */
  verdict: z.string().optional(),
  entryLogId: z.string().optional(),
  judgeSeq: z.int().optional().describe('where `numbered` asks for it'),
  scannedAt: z.iso.datetime().optional(),
  annulledAt: z.iso.datetime().nullable().optional(),
  code: z.string().optional(),
  shown: z.string().optional(),
  judged: z.string().optional(),
  with: conflictShape.shape.with.optional(),
})
type Item = z.input<typeof itemShape>

const errorShape = z.object({
  index: z.int(),
  scanId: z.string().nullable(),
  qrPayload: z.string(),
  code: z.string(),
  error: z.string(),
})

const resultsShape = z.object({
  success: z.literal(true),
  message: z.string(),
  results: z.object({
    total: z.int(),
    successful: z.int(),
    failed: z.int(),
    duplicate: z.int(),
    conflicts: z.int(),
    replayed: z.int(),
    errors: z.array(errorShape),
    items: z.array(itemShape),
  }),
})

export const syncRoutes = [
  route({
    method: 'post',
    path: '/api/hp-scanner/offline-sync',
    audit: { because: 'a scan is an entry of the log' },
    summary:
      'What a device did while it was cut off: each scan is written down as its gate did it (outside the envelope)',
    tag: 'Scanner',
    role: 'scanner',
    body: SyncRequest,
    limit: 'sync',
    maxBytes: MAX_BYTES,
    answer: resultsShape,
    handle: syncScans,
  }),

  route({
    method: 'get',
    path: '/api/events/{eventId}/conflicts',
    summary: 'Where gates showed something else than is judged, the newest first',
    tag: 'Reports',
    role: 'supervisor',
    query: ConflictFilter,
    answer: z.object({ items: z.array(conflictShape), nextCursor: z.string().nullable() }),
    async handle({ env, eventId, actor, query }) {
      const found = await askGatekeeper(env, eventId, (gatekeeper) =>
        gatekeeper.listConflicts(actor, query.cursor ?? null, query.limit + 1, query.state),
      )
      if (!found.ok) return answerProblem(found.problem)
      const { conflicts, strays } = found.value
      const page = conflicts.slice(0, query.limit)
      return success({
        items: [...strays, ...page.map(({ conflict }) => conflict)].map(showConflict),
        nextCursor: conflicts.length > query.limit ? String(page.at(-1)?.seq) : null,
      })
    },
  }),

  route({
    method: 'post',
    path: '/api/events/{eventId}/conflicts/{conflictId}/handle',
    audit: 'conflict.handled',
    summary: 'Note that somebody has dealt with a conflict, and how',
    tag: 'Reports',
    role: 'supervisor',
    body: HandleConflict,
    bodyOptional: true,
    answer: z.object({ conflict: conflictShape }),
    async handle({ env, eventId, actor, caller, params, body, at }) {
      return handleConflict(env, eventId, actor, params, { at, by: whoOf(caller), note: body.note || null })
    },
  }),

  route({
    method: 'post',
    path: '/api/events/{eventId}/conflicts/{conflictId}/reopen',
    audit: 'conflict.reopened',
    summary: 'Take back that a conflict was dealt with',
    tag: 'Reports',
    role: 'supervisor',
    answer: z.object({ conflict: conflictShape }),
    handle: ({ env, eventId, actor, params }) => handleConflict(env, eventId, actor, params, null),
  }),
]

/** The id of the key or the member, the member of staff at a device, or the deployment. */
function whoOf(caller: Caller): string {
  switch (caller.kind) {
    case 'admin':
      return 'deployment'
    case 'organisation':
      return (caller.key ?? caller.member)?.id ?? caller.organisationId
    case 'device':
      return caller.staffId
  }
}

async function handleConflict(
  env: Env,
  eventId: EventId,
  actor: Actor,
  params: Record<string, string>,
  handled: Handled | null,
): Promise<Response> {
  const id = params.conflictId ?? ''
  const done = await askGatekeeper(env, eventId, (gatekeeper) => gatekeeper.handleConflict(actor, id, handled))
  return done.ok ? success({ conflict: showConflict(done.value) }) : answerProblem(done.problem)
}

/** A scan of a batch: understood, or with what is wrong about it. */
type Read =
  | { scan: SyncedScan; shown: ShownAlone | null }
  | { wrong: { code: string; error: string; scanId: string | null } }

async function syncScans(call: Call<z.output<typeof SyncRequest>, unknown>): Promise<Response> {
  const { env, caller, body, at } = call
  const eventId = eventOfCaller(caller, body.eventId ?? undefined)
  if (eventId === null) {
    return badRequestResponse([
      { field: 'eventId', message: 'is needed where the credential is not bound to an event' },
    ])
  }
  if (caller.kind === 'device' && body.deviceId != null && body.deviceId !== caller.deviceId) {
    return problemResponse('device_mismatch')
  }
  const read = await Promise.all(body.scans.map((scan) => readScan(env, eventId, caller, scan, at)))
  const items = read.map((one, index): Item => {
    if ('wrong' in one) return { index, scanId: one.wrong.scanId, outcome: 'refused', code: one.wrong.code }
    return { index, scanId: one.scan.ask.scanId, outcome: 'refused', code: 'internal' }
  })
  // What is no ticket of the event needs no judging: it is counted with the others.
  const alone = placesWhere(read, ({ shown, scan }) => shown !== null || scan.invalid !== null)
  const synced = await syncAlone(env, eventId, call, alone)
  if ('problem' in synced) return answerProblem(synced.problem)
  const waiting = placesWhere(read, ({ shown, scan }) => shown === null && scan.invalid === null)
  const judged = await judgeNow(env, eventId, call, waiting)
  if ('problem' in judged) return answerProblem(judged.problem)
  for (const [index, { judgeSeq, ...item }] of [...synced.items, ...judged.items]) {
    items[index] = { index, ...item, ...(body.numbered ? { judgeSeq } : {}) }
  }
  return answer(items, body.scans, read)
}

type Placed = { index: number; scan: SyncedScan; shown: ShownAlone | null }

function placesWhere(read: Read[], wanted: (one: Extract<Read, { scan: SyncedScan }>) => boolean): Placed[] {
  return read.flatMap((one, index) => ('scan' in one && wanted(one) ? [{ index, ...one }] : []))
}

type Items = { items: [index: number, item: Omit<Item, 'index'>][] } | { problem: Parameters<typeof answerProblem>[0] }

/** Writes down what gates did alone. */
async function syncAlone(
  env: Env,
  eventId: EventId,
  { actor }: Pick<Call<unknown, unknown>, 'actor'>,
  scans: Placed[],
): Promise<Items> {
  if (scans.length === 0) return { items: [] }
  const given = scans.map(({ scan }) => scan)
  const synced = await askGatekeeper(env, eventId, (gatekeeper) => gatekeeper.sync(actor, given))
  if (!synced.ok) return { problem: synced.problem }
  return {
    items: scans.map(({ index, scan }, i) => [index, showOutcome(eventId, scan.ask.scanId, synced.value[i])]),
  }
}

/** Has those judged that no device judged. They come after the others: what those did bears on them. */
async function judgeNow(
  env: Env,
  eventId: EventId,
  { actor }: Pick<Call<unknown, unknown>, 'actor'>,
  scans: Placed[],
): Promise<Items> {
  if (scans.length === 0) return { items: [] }
  const asks = scans.map(({ scan }) => scan.ask)
  const results = await askGatekeeper(env, eventId, (gatekeeper) => gatekeeper.record(actor, asks, null))
  // The next try opens them with the formats that hold now.
  if (results.some((result) => !result.ok && result.problem.code === 'formats_changed')) forgetFormats(eventId)
  const refusal = results.find((result) => !result.ok && aboutTheCaller.includes(result.problem.code))
  if (refusal && !refusal.ok) return { problem: refusal.problem }
  return { items: scans.map(({ index, scan }, i) => [index, showJudged(eventId, scan.ask.scanId, results[i])]) }
}

/** Problems that no other scan of the batch would be without. */
const aboutTheCaller: readonly string[] = ['not_found', 'device_revoked', 'device_blocked', 'device_token_invalid']

async function readScan(env: Env, eventId: EventId, caller: Caller, given: unknown, at: number): Promise<Read> {
  const parsed = parse(OfflineScan, given)
  const scanId = scanIdIn(given)
  if (!parsed.ok) {
    const { message } = await parsed.response.json<{ message: string }>()
    return { wrong: { code: 'bad_request', error: message, scanId } }
  }
  const item = parsed.value
  const shown = shownBy(item)
  const isSupervisor = reaches(caller.role, 'supervisor')
  if (shown === null && !isSupervisor && (item.force != null || item.ticketId != null)) {
    return { wrong: { code: 'role_required', error: 'This scan needs the role supervisor.', scanId } }
  }
  const opened = item.ticketId ? null : await openShown(env, eventId, item.qrPayload ?? '', item.source ?? null)
  // What the gate did stands, but only a supervisor's word overrules a rule.
  const asked = isSupervisor ? item : { ...item, force: null }
  const ask = askOf({ caller, body: asked }, item.scanId, opened?.kind === 'invalid' ? null : opened, 0)
  const scan = {
    ask,
    shown: shown ?? { kind: 'refused' as const, code: null },
    invalid: opened?.kind === 'invalid' ? opened.reason : null,
    ...timeOf(item, at),
    sequence: item.sequence ?? null,
  }
  return { scan, shown }
}

function timeOf({ clock, localTimestamp }: OfflineScan, at: number): Pick<SyncedScan, 'scannedAt' | 'clock'> {
  if (clock && clock.anchorAt <= at) return { scannedAt: clock.anchorAt + clock.elapsedMs, clock: 'anchored' }
  return { scannedAt: localTimestamp ?? at, clock: 'wall' }
}

function shownBy({ verdict, code }: OfflineScan): ShownAlone | null {
  if (verdict == null) return null
  if (typeof verdict === 'string')
    return verdict === 'refused' ? { kind: verdict, code: told(code) } : { kind: verdict }
  if ('refused' in verdict) return { kind: 'refused', code: verdict.refused }
  return verdict.verdict === 'refused' ? { kind: 'refused', code: told(verdict.code) } : { kind: verdict.verdict }
}

/** null is a reason that we do not know, and nothing that none was told. */
function told(code: RefusalReason | null | undefined) {
  return code === undefined ? 'untold' : code
}

function scanIdIn(given: unknown): string | null {
  const scanId = typeof given === 'object' && given !== null && 'scanId' in given ? given.scanId : null
  return typeof scanId === 'string' ? (parseUuid<ScanId>(scanId) ?? scanId.slice(0, 64)) : null
}

/** As online: which of the two it was stands nowhere but in the log. */
function withoutDetail(code: string): string {
  return code === 'forged' ? 'unreadable' : code
}

function showOutcome(eventId: EventId, scanId: ScanId, came: SyncOutcome | undefined): Omit<Item, 'index'> {
  if (!came) throw new Error('the Gatekeeper gave no answer to a scan')
  const { outcome, code, conflict, recorded, annulledAt } = came
  return {
    scanId,
    outcome,
    ...(code === null ? {} : { code: withoutDetail(code) }),
    ...(recorded === null
      ? {}
      : {
          verdict: recorded.verdict.kind,
          entryLogId: entryIdOf(eventId, recorded),
          judgeSeq: recorded.seq,
          scannedAt: iso(recorded.scannedAt),
        }),
    ...(annulledAt === null ? {} : { annulledAt: iso(annulledAt) }),
    ...(conflict === null ? {} : { shown: conflict.shown, judged: conflict.judged, with: showWith(conflict) }),
  }
}

function showJudged(eventId: EventId, scanId: ScanId, result: Result<Recorded> | undefined): Omit<Item, 'index'> {
  if (!result) throw new Error('the Gatekeeper gave no answer to a scan')
  if (!result.ok) return { scanId, outcome: 'refused', code: codeOfProblem(result.problem.code) }
  const { entry, replay, annulledAt } = result.value
  const code = entry.verdict.kind === 'refused' ? entry.verdict.refusal.reason : null
  const outcome = replay ? 'replayed' : code === null ? 'ok' : code === 'already_admitted' ? 'duplicate' : 'refused'
  return showOutcome(eventId, scanId, { outcome, code, conflict: null, recorded: entry, annulledAt })
}

function codeOfProblem(code: string): string {
  if (code === 'unreadable_code') return 'unreadable'
  // The code is to be opened anew, with formats that were changed a moment ago.
  return code === 'formats_changed' ? 'internal' : code
}

function showWith({ with: other }: KnownConflict) {
  return other && { ...other, scannedAt: iso(other.scannedAt) }
}

function showConflict(conflict: KnownConflict): z.input<typeof conflictShape> {
  const { settled: _, scannedAt, handled, ...rest } = conflict
  const shownHandled = handled && { ...handled, at: iso(handled.at) }
  return { ...rest, scannedAt: iso(scannedAt), with: showWith(conflict), handled: shownHandled }
}

function answer(items: Item[], scans: unknown[], read: Read[]): Response {
  const many = (outcome: Item['outcome']) => items.filter((item) => item.outcome === outcome).length
  const results = {
    total: items.length,
    successful: many('ok'),
    failed: many('refused'),
    duplicate: many('duplicate'),
    conflicts: many('conflict'),
    replayed: many('replayed'),
    errors: items
      .filter(({ outcome }) => outcome === 'refused')
      .map((item) => showError(item, scans[item.index], read[item.index])),
    items,
  }
  const message = `${items.length} ${items.length === 1 ? 'scan' : 'scans'} taken over`
  return Response.json({ success: true, message, results } satisfies z.input<typeof resultsShape>)
}

function showError({ index, scanId, code = 'internal' }: Item, given: unknown, read: Read | undefined) {
  const error =
    read && 'wrong' in read ? read.wrong.error : (refusalWords(code) ?? otherWords[code] ?? 'It may be sent again.')
  return { index, scanId, qrPayload: beginningOf(given), code, error }
}

const otherWords: Record<string, string> = {
  unknown_gate: 'The event has no such gate.',
  scan_id_conflict: 'This scanId was used for another scan.',
  internal: 'Something went wrong here. This scan may be sent again.',
} satisfies Partial<Record<RefusalReason | string, string>>

/** Enough to find the code by, and not enough to enter with. */
function beginningOf(given: unknown): string {
  const { qrPayload, ticketId } = (given ?? {}) as { qrPayload?: unknown; ticketId?: unknown }
  const text = typeof qrPayload === 'string' ? qrPayload : typeof ticketId === 'string' ? ticketId : ''
  return `${text.slice(0, 20)}...`
}
