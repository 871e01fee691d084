import { chain, chainStart, type Entry } from '../../core/log.ts'
import { isLinearizable, type Model, type Operation } from '../linearizability.ts'
import type { Answer, Scan, ScanAnswer } from './client.ts'
import type { D1Row, Stored } from './stored.ts'

/**
 * One answer that a scanner got. Times are of one clock, in milliseconds: when its scanId was first sent, and when
 * this answer was read to its end.
 */
export type Acked = {
  scan: Scan
  ticketId: string
  status: number
  body: ScanAnswer
  sentAt: number
  at: number
}

/**
 * One scan that a device judged alone and brought home until it was answered. `triedAt` is when the same scan had been
 * asked of the Gatekeeper before, in vain.
 */
export type Synced = {
  scanId: string
  ticketId: string
  shown: 'admitted' | 'refused'
  triedAt: number | null
  sentAt: number
  at: number
}

/** A scan that was asked and not listened to: it may have been judged, at any time since. */
export type Unheard = { scanId: string; ticketId: string; sentAt: number }

/** All that those at the doors know. */
export type Told = { acked: Acked[]; synced?: Synced[]; unheard?: Unheard[] }

/** A promise that was broken, and where. */
export type Violation = { rule: Rule; detail: string }

export type Rule =
  | 'lost'
  | 'changed'
  | 'answered differently'
  | 'in twice'
  | 'untold conflict'
  | 'not linearizable'
  | 'miscounted'
  | 'out of order'
  | 'broken log'
  | 'broken chain'
  | 'missing in D1'
  | 'extra in D1'
  | 'twice in D1'
  | 'different in D1'
  | 'no image'
  | 'told as a bug'

/**
 * Takes every answer that scanners got, the Gatekeeper's log and D1's, of an event whose tickets all admit one person
 * once; gives what was promised and does not hold. What was never answered may stand in the log or not. What gates did
 * while they were cut off stands in it as they did it.
 */
export function checkHistory(
  { acked, synced = [], unheard = [] }: Told,
  { log, conflicts }: Pick<Stored, 'log' | 'conflicts'>,
  d1: D1Row[],
): Violation[] {
  const entries = log.map(({ entry }) => entry)
  return [
    ...lostOrChanged(acked, entries),
    ...lostOrChangedAlone(synced, entries),
    ...answeredDifferently(acked),
    ...inTwice(acked, entries),
    ...untoldConflicts(entries, new Set(conflicts)),
    ...notLinearizable(acked, synced, unheard),
    ...miscounted(entries),
    ...outOfOrder(acked, entries),
    ...brokenLog(entries),
    ...brokenChain(log),
    ...differences(entries, d1),
  ]
}

export function ackOf(scan: Scan, answer: Answer<ScanAnswer>, ticketId: string, sentAt: number): Acked {
  return { scan, ticketId, status: answer.status, body: answer.body, sentAt, at: performance.now() }
}

/** What an answer says, whether it is the first or a replay of it. */
export function substance({ status, body: { replay: _, ...rest } }: Pick<Acked, 'status' | 'body'>): string {
  return `${status} ${JSON.stringify(rest)}`
}

/** An answer is a promise: its entry is in the log, and says the same. */
function lostOrChanged(acked: Acked[], entries: Entry[]): Violation[] {
  const byScan = new Map(entries.map((entry) => [entry.scanId as string, entry]))
  return acked.flatMap((ack): Violation[] => {
    const entry = byScan.get(ack.scan.scanId)
    if (!entry) return [{ rule: 'lost', detail: `${ack.body.verdict} scan ${ack.scan.scanId} is not in the log` }]
    const told = toldBy(ack)
    const stands = standsIn(entry)
    return told === stands
      ? []
      : [{ rule: 'changed', detail: `scan ${ack.scan.scanId}: told ${told}, logged ${stands}` }]
  })
}

function toldBy({ ticketId, body: { verdict, code, data } }: Acked): string {
  return JSON.stringify([ticketId, verdict, code, data?.duplicateAttemptNumber, data?.scan?.scannedAt])
}

function standsIn({ ticketId, verdict, scannedAt }: Entry): string {
  const refusal = verdict.kind === 'refused' ? verdict.refusal : null
  const attempt = refusal?.reason === 'already_admitted' ? refusal.attempt : undefined
  const at = refusal ? undefined : new Date(scannedAt).toISOString()
  return JSON.stringify([ticketId, verdict.kind, refusal?.reason, attempt, at])
}

/** The same scanId has one answer for ever. */
function answeredDifferently(acked: Acked[]): Violation[] {
  const first = new Map<string, string>()
  return acked.flatMap((ack): Violation[] => {
    const before = first.get(ack.scan.scanId)
    first.set(ack.scan.scanId, before ?? substance(ack))
    if (before === undefined || before === substance(ack)) return []
    return [{ rule: 'answered differently', detail: `scan ${ack.scan.scanId}: ${before}, then ${substance(ack)}` }]
  })
}

/** What a gate did alone is in the log, and as the gate did it. */
function lostOrChangedAlone(synced: Synced[], entries: Entry[]): Violation[] {
  const byScan = new Map(entries.map((entry) => [entry.scanId as string, entry]))
  const amending = new Map(entries.flatMap((entry) => (entry.offline?.amends ? [[entry.offline.amends, entry]] : [])))
  return synced.flatMap(({ scanId, shown }): Violation[] => {
    const stands = [byScan.get(scanId), amending.get(scanId as Entry['scanId'])].flatMap((entry) => entry ?? [])
    if (stands.length === 0) return [{ rule: 'lost', detail: `what a gate did alone as ${scanId} is not in the log` }]
    if (stands.some(({ verdict }) => verdict.kind === shown)) return []
    return [{ rule: 'changed', detail: `scan ${scanId}: its gate showed ${shown}, logged ${stands[0]?.verdict.kind}` }]
  })
}

/**
 * One ticket, one entry: in the log, and in what the stewards were told. The Gatekeeper never lets in whom it knows to be
 * in; what two gates do that are both cut off is another matter.
 */
function inTwice(acked: Acked[], entries: Entry[]): Violation[] {
  const admittedBy = new Map<string, Set<string>>()
  const note = (ticketId: string, scanId: string) =>
    admittedBy.set(ticketId, (admittedBy.get(ticketId) ?? new Set()).add(scanId))
  for (const ack of acked) if (ack.body.verdict === 'admitted') note(ack.ticketId, ack.scan.scanId)
  const isIn = new Set<string>()
  for (const { ticketId, scanId, verdict, offline } of entries) {
    if (verdict.kind !== 'admitted') continue
    if (offline === null) note(String(ticketId), scanId)
    if (offline === null && isIn.has(String(ticketId))) note(String(ticketId), 'an earlier one')
    isIn.add(String(ticketId))
  }
  return [...admittedBy]
    .filter(([, scans]) => scans.size > 1)
    .map(([ticket, scans]) => ({ rule: 'in twice', detail: `ticket ${ticket} by scans ${[...scans].join(', ')}` }))
}

/** Of those whom gates let in with one ticket, all but one are conflicts. */
function untoldConflicts(entries: Entry[], conflicts: ReadonlySet<number>): Violation[] {
  const admissions = entries.filter(({ verdict }) => verdict.kind === 'admitted')
  return [...Map.groupBy(admissions, ({ ticketId }) => ticketId)].flatMap(([ticket, entered]): Violation[] => {
    const told = entered.filter(({ seq }) => conflicts.has(seq)).length
    if (told >= entered.length - 1) return []
    return [{ rule: 'untold conflict', detail: `ticket ${ticket}: ${entered.length} entered, ${told} conflicts` }]
  })
}

/** What is done to one ticket: a scan, with what was answered if anything was, or what a gate did alone is brought home. */
type Does =
  | { what: 'scan'; scanId: string; answer: string | null }
  | { what: 'sync'; scanId: string; shown: 'admitted' | 'refused' }

type OneTicket = { presented: number; isIn: boolean; known: Record<string, string> }

/** The whole of what a ticket that admits one person once may answer, in the fewest words. */
const oneTicket: Model<OneTicket, Does> = {
  initial: { presented: 0, isIn: false, known: {} },
  step: ({ presented, isIn, known }, does) => {
    const { scanId } = does
    const before = known[scanId]
    if (does.what === 'sync') {
      const isKnown = before !== undefined && (before === does.shown || before === 'synced')
      if (isKnown) return { presented, isIn, known }
      return {
        presented: presented + 1,
        isIn: isIn || does.shown === 'admitted',
        known: { ...known, [scanId]: 'synced' },
      }
    }
    if (before !== undefined) return { presented, isIn, known }
    const answer = isIn ? `already_admitted ${presented + 1}` : 'admitted'
    if (does.answer !== null && does.answer !== answer) return null
    return {
      presented: presented + 1,
      isIn: true,
      known: { ...known, [scanId]: isIn ? 'refused' : 'admitted' },
    }
  },
  keyOf: ({ presented, isIn, known }) => `${presented} ${isIn} ${JSON.stringify(known)}`,
}

/** Whether what the stewards were told of each ticket could have been said by somebody who judges one at a time. */
function notLinearizable(acked: Acked[], synced: Synced[], unheard: Unheard[]): Violation[] {
  const operations = new Map<string, Map<string, Operation<Does>>>()
  const note = (ticketId: string, name: string, operation: Operation<Does>) => {
    const ofTicket = operations.get(ticketId) ?? new Map<string, Operation<Does>>()
    operations.set(ticketId, ofTicket)
    const known = ofTicket.get(name)
    // The same scan again is the same operation: from when it was first asked until it was first answered.
    if (known === undefined) ofTicket.set(name, operation)
    else {
      known.start = Math.min(known.start, operation.start)
      const ends = [known.end, operation.end].filter((end) => end !== null)
      known.end = ends.length === 0 ? null : Math.min(...ends)
      if (operation.end !== null) known.does = operation.does
    }
  }
  for (const { ticketId, scanId, sentAt } of unheard) {
    note(ticketId, scanId, { start: sentAt, end: null, does: { what: 'scan', scanId, answer: null } })
  }
  for (const { ticketId, scan, body, sentAt, at } of acked) {
    const attempt = body.data?.duplicateAttemptNumber
    const answer = body.verdict === 'admitted' ? 'admitted' : `${body.code} ${attempt}`
    note(ticketId, scan.scanId, { start: sentAt, end: at, does: { what: 'scan', scanId: scan.scanId, answer } })
  }
  for (const { ticketId, scanId, shown, triedAt, sentAt, at } of synced) {
    if (triedAt !== null) {
      note(ticketId, scanId, { start: triedAt, end: null, does: { what: 'scan', scanId, answer: null } })
    }
    note(ticketId, `${scanId} synced`, { start: sentAt, end: at, does: { what: 'sync', scanId, shown } })
  }
  return [...operations].flatMap(([ticket, ofTicket]): Violation[] =>
    isLinearizable([...ofTicket.values()], oneTicket)
      ? []
      : [{ rule: 'not linearizable', detail: `ticket ${ticket}: ${JSON.stringify([...ofTicket.values()])}` }],
  )
}

/** A ticket's first scan admits it, and those after it are the second, third … attempt at it. */
function miscounted(entries: Entry[]): Violation[] {
  return [...Map.groupBy(entries, (entry) => entry.ticketId)].flatMap(([ticket, scans]): Violation[] => {
    const found = scans.map(({ verdict }) => {
      if (verdict.kind !== 'refused') return verdict.kind
      return verdict.refusal.reason === 'already_admitted' ? verdict.refusal.attempt : verdict.refusal.reason
    })
    // What gates did alone comes when it comes, and is counted with the others from then on.
    const wrong = found.some((one, i) => scans[i]?.offline === null && one !== (i === 0 ? 'admitted' : i + 1))
    return wrong ? [{ rule: 'miscounted', detail: `ticket ${ticket}: ${found.join(', ')}` }] : []
  })
}

/** Who was answered before another asked comes before it in the log. */
function outOfOrder(acked: Acked[], entries: Entry[]): Violation[] {
  const bySeq = Map.groupBy(acked, (ack) => ack.scan.scanId)
  let latest: Acked | null = null
  const violations: Violation[] = []
  for (const entry of entries) {
    for (const ack of bySeq.get(entry.scanId) ?? []) {
      if (latest && ack.at < latest.sentAt) {
        const detail = `scan ${ack.scan.scanId} was answered before ${latest.scan.scanId} was sent, and is logged after it`
        violations.push({ rule: 'out of order', detail })
      }
      if (!latest || ack.sentAt > latest.sentAt) latest = ack
    }
  }
  return violations
}

function brokenLog(entries: Entry[]): Violation[] {
  const scans = new Set(entries.map(({ scanId }) => scanId))
  const gap = entries.find(({ seq }, i) => seq !== i + 1)
  return [
    ...(gap ? [{ rule: 'broken log', detail: `entry ${gap.seq} follows a gap` } as const] : []),
    ...(scans.size < entries.length ? [{ rule: 'broken log', detail: 'a scanId is logged twice' } as const] : []),
  ]
}

function brokenChain(log: Stored['log']): Violation[] {
  let previous = chainStart
  for (const { entry, chain: stored } of log) {
    if (!Buffer.from(chain(previous, entry)).equals(stored)) {
      return [{ rule: 'broken chain', detail: `the hash of entry ${entry.seq} is wrong` }]
    }
    previous = stored
  }
  return []
}

/** D1 has each entry of the log, once and as it is, and nothing else. */
function differences(entries: Entry[], d1: D1Row[]): Violation[] {
  const scansOfD1 = Map.groupBy(d1, (row) => row.scan)
  const scansOfLog = new Set<string>(entries.map(({ scanId }) => scanId))
  return [
    ...entries.flatMap((entry): Violation[] => {
      const [row, ...more] = scansOfD1.get(entry.scanId) ?? []
      const detail = `entry ${entry.seq}, scan ${entry.scanId}`
      if (!row) return [{ rule: 'missing in D1', detail }]
      if (more.length > 0) return [{ rule: 'twice in D1', detail }]
      const [expected, found] = [JSON.stringify(rowOf(entry)), JSON.stringify(row)]
      return expected === found ? [] : [{ rule: 'different in D1', detail: `${expected} is there as ${found}` }]
    }),
    ...d1
      .filter(({ scan }) => !scansOfLog.has(scan))
      .map(({ seq, scan }): Violation => ({ rule: 'extra in D1', detail: `row ${seq}, scan ${scan}` })),
  ]
}

/** An entry as D1 is to have it. */
export function rowOf(entry: Entry): D1Row {
  const { verdict } = entry
  const refusal = verdict.kind === 'refused' ? verdict.refusal : null
  return {
    seq: entry.seq,
    scan: entry.scanId,
    ticket: entry.ticketId,
    type: entry.type,
    gate: entry.gateId ?? '',
    zone: entry.zone,
    device: entry.deviceId,
    staff: entry.staffId,
    direction: entry.direction,
    people: entry.people,
    verdict: verdict.kind,
    code: refusal?.reason ?? null,
    attempt: refusal?.reason === 'already_admitted' ? refusal.attempt : null,
    forced: verdict.kind === 'admitted' && verdict.forced !== null ? 1 : 0,
    offline: entry.offline === null ? 0 : 1,
    inside_change: entry.insideChange,
    scanned_at: entry.scannedAt,
    received_at: entry.receivedAt,
    validation_ms: entry.validationMs,
  }
}
