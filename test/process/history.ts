import { chain, chainStart, type Entry } from '../../core/log.ts'
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

/** A promise that was broken, and where. */
export type Violation = { rule: Rule; detail: string }

export type Rule =
  | 'lost'
  | 'changed'
  | 'answered differently'
  | 'in twice'
  | 'miscounted'
  | 'out of order'
  | 'broken log'
  | 'broken chain'
  | 'missing in D1'
  | 'extra in D1'
  | 'twice in D1'
  | 'different in D1'

/**
 * Takes every answer that scanners got, the Gatekeeper's log and D1's, of an event whose tickets all admit one person
 * once; gives what was promised and does not hold. What was never answered may stand in the log or not.
 */
export function checkHistory(acked: Acked[], log: Stored['log'], d1: D1Row[]): Violation[] {
  const entries = log.map(({ entry }) => entry)
  return [
    ...lostOrChanged(acked, entries),
    ...answeredDifferently(acked),
    ...inTwice(acked, entries),
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

/** One ticket, one entry: in the log, and in what the stewards were told. */
function inTwice(acked: Acked[], entries: Entry[]): Violation[] {
  const admittedBy = new Map<string, Set<string>>()
  const note = (ticketId: string, scanId: string) =>
    admittedBy.set(ticketId, (admittedBy.get(ticketId) ?? new Set()).add(scanId))
  for (const ack of acked) if (ack.body.verdict === 'admitted') note(ack.ticketId, ack.scan.scanId)
  for (const entry of entries) if (entry.verdict.kind === 'admitted') note(String(entry.ticketId), entry.scanId)
  return [...admittedBy]
    .filter(([, scans]) => scans.size > 1)
    .map(([ticket, scans]) => ({ rule: 'in twice', detail: `ticket ${ticket} by scans ${[...scans].join(', ')}` }))
}

/** A ticket's first scan admits it, and those after it are the second, third … attempt at it. */
function miscounted(entries: Entry[]): Violation[] {
  return [...Map.groupBy(entries, (entry) => entry.ticketId)].flatMap(([ticket, scans]): Violation[] => {
    const found = scans.map(({ verdict }) => {
      if (verdict.kind !== 'refused') return verdict.kind
      return verdict.refusal.reason === 'already_admitted' ? verdict.refusal.attempt : verdict.refusal.reason
    })
    const wrong = found.some((one, i) => one !== (i === 0 ? 'admitted' : i + 1))
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
    offline: 0,
    inside_change: entry.insideChange,
    scanned_at: entry.scannedAt,
    received_at: entry.receivedAt,
    validation_ms: entry.validationMs,
  }
}
