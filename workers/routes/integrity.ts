import { z } from 'zod'
import type { Result } from '../../core/answers.ts'
import type { EventId } from '../../core/ids.ts'
import type { Entry } from '../../core/log.ts'
import { entryIdOf } from '../../core/shards.ts'
import type { TallyScope } from '../../core/tally.ts'
import type { Discrepancy, LogMark, LogSlice, StandingSlice } from '../../durable-objects/scans/checking.ts'
import type { StandingKey } from '../../durable-objects/scans/standings.ts'
import { drainedInD1, entriesInD1 } from '../db/integrity.ts'
import { totalsOf } from '../db/reports.ts'
import { askGatekeeper } from '../gatekeepers.ts'
import { answerProblem } from '../problems.ts'
import { type Call, route, success } from '../route.ts'
import { checkAuditLog } from './audit.ts'

/** More than so many help nobody. */
const MAX_TOLD = 1000

export const integrityRoutes = [
  route({
    method: 'get',
    path: '/api/hp-scanner/integrity/{eventId}',
    summary: 'Check every invariant anew from the log, and D1 against it',
    tag: 'Reports',
    role: 'viewer',
    limit: 'report',
    answer: z.object({
      ok: z.boolean(),
      checked: z.object({ entries: z.int(), tickets: z.int() }),
      discrepancies: z
        .array(
          z.object({
            invariant: z.enum(['sequence', 'chain', 'counts', 'standing', 'once_only', 'd1', 'audit']),
            ticketId: z.string().optional(),
            entryId: z.string().optional(),
            detail: z.string(),
          }),
        )
        .describe(`at most ${MAX_TOLD}`),
      outbox: z.object({ pending: z.int() }),
    }),
    handle: checkIntegrity,
  }),
]

type CheckCall = Pick<Call<unknown, unknown>, 'env' | 'eventId' | 'actor' | 'at'>

/** In slices, between which the Gatekeeper judges scans; so the numbers are those of the moment each slice was read. */
async function checkIntegrity(call: CheckCall): Promise<Response> {
  const { env, eventId, actor, at } = call
  const told = await askGatekeeper(env, eventId, (gatekeeper) => gatekeeper.catchUp(actor))
  if (!told.ok) return answerProblem(told.problem)
  const found: Discrepancy[] = []
  const log = await checkWholeLog(call, found)
  if (!log.ok) return answerProblem(log.problem)
  const standings = await checkAllStandings(call, found)
  if (!standings.ok) return answerProblem(standings.problem)
  const audit = await checkAuditLog((mark) => askGatekeeper(env, eventId, (it) => it.checkAudit(actor, mark)))
  if (!audit.ok) return answerProblem(audit.problem)
  found.push(...audit.value.wrong.map(auditDiscrepancy))
  const live = await askGatekeeper(env, eventId, (gatekeeper) => gatekeeper.live(actor, at))
  if (!live.ok) return answerProblem(live.problem)
  return success({
    ok: found.length === 0,
    checked: { entries: log.value, tickets: standings.value },
    discrepancies: found.slice(0, MAX_TOLD),
    outbox: { pending: live.value.pending },
  })
}

/** The log against itself, and D1 against the log as far as D1 says that it has it. Gives how many entries. */
async function checkWholeLog({ env, eventId, actor }: CheckCall, found: Discrepancy[]): Promise<Result<number>> {
  const inD1 = await drainedInD1(env.DB, eventId)
  const passed: Sums = new Map()
  let from: LogMark | null = null
  let entries = 0
  let isWhole = true
  do {
    const begin: LogMark | null = from
    const slice: Result<LogSlice> = await askGatekeeper(env, eventId, (gatekeeper) => gatekeeper.checkLog(actor, begin))
    if (!slice.ok) return slice
    found.push(...slice.value.discrepancies)
    const drained = slice.value.entries.filter(({ seq }) => seq <= inD1.seq)
    const last = drained.at(-1)
    if (last) {
      const rows = await entriesInD1(env.DB, eventId, inD1.epoch, begin?.seq ?? 0, last.seq)
      found.push(...differences(eventId, drained, rows))
    }
    for (const entry of drained) countScan(passed, entry)
    isWhole &&= slice.value.forgotten === 0
    entries += slice.value.entries.length
    from = slice.value.mark
  } while (from !== null)
  // What reports count stays when the entries themselves were forgotten.
  if (!isWhole) return { ok: true, value: entries }
  const tallied = await tallyDifferences(env.DB, eventId, passed)
  // Where scans were drained meanwhile, the tally is rightly ahead; the next check is of that.
  if ((await drainedInD1(env.DB, eventId)).seq === inD1.seq) found.push(...tallied)
  return { ok: true, value: entries }
}

async function checkAllStandings({ env, eventId, actor }: CheckCall, found: Discrepancy[]): Promise<Result<number>> {
  let from: StandingKey | null = null
  let tickets = 0
  do {
    const begin: StandingKey | null = from
    const slice: Result<StandingSlice> = await askGatekeeper(env, eventId, (gatekeeper) =>
      gatekeeper.checkStandings(actor, begin),
    )
    if (!slice.ok) return slice
    found.push(...slice.value.discrepancies)
    tickets += slice.value.tickets
    from = slice.value.next
  } while (from !== null)
  return { ok: true, value: tickets }
}

/** Names the line, whose number is its id. */
function auditDiscrepancy({ no, detail }: { no: number; detail: string }): Discrepancy {
  return { invariant: 'audit', entryId: String(no), detail: `line ${no} of the audit log ${detail}` }
}

type Row = Awaited<ReturnType<typeof entriesInD1>>[number]

function differences(eventId: EventId, entries: Entry[], rows: Row[]): Discrepancy[] {
  const bySeq = new Map(rows.map((row) => [row.seq, row]))
  return entries.flatMap((entry): Discrepancy[] => {
    const row = bySeq.get(entry.seq)
    const entryId = entryIdOf(eventId, entry)
    if (!row) return [{ invariant: 'd1', entryId, detail: 'is not in D1' }]
    const expected: Row = {
      seq: entry.seq,
      scan: entry.scanId,
      ticket: entry.ticketId,
      gate: entry.gateId ?? '',
      zone: entry.zone,
      people: entry.people,
      verdict: entry.verdict.kind,
      code: entry.verdict.kind === 'refused' ? entry.verdict.refusal.reason : null,
      scannedAt: entry.scannedAt,
    }
    const wrong = (Object.keys(expected) as (keyof Row)[]).filter((field) => expected[field] !== row[field])
    return wrong.length === 0 ? [] : [{ invariant: 'd1', entryId, detail: `differs in D1: ${wrong.join(', ')}` }]
  })
}

/** What a kind of outcome came to, of the event or at one gate or by one member of staff. */
type Sum = { scope: TallyScope; key: string; outcome: string; scans: number; people: number }
type Sums = Map<string, Sum>

const summed = ['event', 'gate', 'staff'] as const

function countScan(sums: Sums, { verdict, people, gateId, staffId }: Entry): void {
  switch (verdict.kind) {
    case 'everyone_out':
      return
    case 'annulled':
      // The scan did happen, and nobody came in by it.
      addSum(sums, 'admitted', { gate: gateId, staff: verdict.staffId }, 0, -people)
      return
    case 'refused':
      addSum(sums, verdict.refusal.reason, { gate: gateId, staff: staffId }, 1, people)
      return
    case 'admitted':
    case 'exited':
    case 'visited':
      addSum(sums, verdict.kind, { gate: gateId, staff: staffId }, 1, people)
  }
}

function addSum(
  sums: Sums,
  outcome: string,
  of: Record<'gate' | 'staff', string | null>,
  scans: number,
  people: number,
) {
  for (const scope of summed) {
    const key = scope === 'event' ? '' : of[scope]
    if (key === null) continue
    const name = `${scope} ${outcome} ${key}`
    const known = sums.get(name) ?? { scope, key, outcome, scans: 0, people: 0 }
    sums.set(name, { ...known, scans: known.scans + scans, people: known.people + people })
  }
}

/** Whether the sums that reports are made of are the sums of the log. */
async function tallyDifferences(db: D1Database, eventId: CheckCall['eventId'], expected: Sums): Promise<Discrepancy[]> {
  const inD1: Sums = new Map()
  for (const scope of summed) {
    for (const { key, outcome, scans, people } of await totalsOf(db, eventId, scope)) {
      inD1.set(`${scope} ${outcome} ${key}`, { scope, key, outcome, scans, people })
    }
  }
  const names = new Set([...expected.keys(), ...inD1.keys()])
  return [...names].flatMap((name): Discrepancy[] => {
    const [wanted, told] = [expected.get(name), inD1.get(name)]
    if (told?.scans === wanted?.scans && told?.people === wanted?.people) return []
    const one = wanted ?? told
    const where = !one || one.scope === 'event' ? '' : ` (${one.scope} ${one.key})`
    return [
      {
        invariant: 'd1',
        detail: `the reports count ${inWords(told)} ${one?.outcome}${where}; the log has ${inWords(wanted)}`,
      },
    ]
  })
}

function inWords(sum: Sum | undefined): string {
  return `${sum?.scans ?? 0} scans of ${sum?.people ?? 0} people`
}
