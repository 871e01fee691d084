import { describe, expect, test } from 'vitest'
import { chain, chainStart, type Entry } from '../../core/log.ts'
import type { Verdict } from '../../core/verdict.ts'
import { type Acked, checkHistory, rowOf, type Synced, type Told } from './history.ts'
import type { D1Row, Stored } from './stored.ts'

// The checker is only worth what it can see: each thing that must not happen is done to a history once.

describe('the checker of a history', () => {
  test('has nothing to say of a good one', () => {
    expect(found(() => {})).toEqual([])
  })

  test('lets a scan that was never answered stand in the log or not', () => {
    expect(found(({ acked }) => acked.splice(1, 2))).toEqual([])
  })

  test('sees an answer that is not in the log', () => {
    expect(found((history) => cut(history, 2))).toEqual(['lost'])
  })

  test('sees an answer that says something else than the log', () => {
    expect(found(({ acked }) => told(acked, 1, { data: { duplicateAttemptNumber: 3 } }))).toEqual([
      'changed',
      'not linearizable',
    ])
  })

  test('sees one scanId with two answers', () => {
    expect(
      found(({ acked }) => {
        acked.push(structuredClone(acked[1]) as Acked)
        told(acked, 3, { error: 'Another word' })
      }),
    ).toEqual(['answered differently'])
  })

  test('sees one ticket let in by two scans', () => {
    const rules = found((history) => relog(history, [entry(1, 'a', admitted), entry(2, 'a', admitted)]))
    expect(rules).toContain('in twice')
  })

  test('sees one ticket let in by two scans where the log forgot one of them', () => {
    const rules = found((history) => {
      told(history.acked, 1, { verdict: 'admitted' })
      relog(history, [entry(1, 'a', admitted)])
    })
    expect(rules).toContain('in twice')
  })

  test('sees an attempt that was not counted', () => {
    const log = [entry(1, 'a', admitted), entry(2, 'a', duplicate(3)), entry(3, 'b', admitted)]
    expect(found((history) => relog(history, log))).toContain('miscounted')
  })

  test('sees a scan logged before one that was answered before it was sent', () => {
    expect(
      found(({ acked: [first, second] }) => {
        Object.assign(first as Acked, { sentAt: 50, at: 60 })
        Object.assign(second as Acked, { sentAt: 10, at: 20 })
      }),
    ).toEqual(['not linearizable', 'out of order'])
  })

  test('sees by the answers alone that no one who judges one at a time could have given them', () => {
    const rules = found((history) => {
      told(history.acked, 1, { data: { duplicateAttemptNumber: 2 } })
      // It had been refused as the second before the first was even sent.
      Object.assign(history.acked[0] as Acked, { sentAt: 100, at: 110 })
    })
    expect(rules).toContain('not linearizable')
  })

  test('sees what a gate did alone and the log has not, or has otherwise', () => {
    expect(found(({ synced }) => synced.push(broughtHome('nowhere')))).toContain('lost')
    expect(found(({ synced }) => synced.push(broughtHome('scan 2')))).toContain('changed')
  })

  test('lets two cut-off gates let two in with one ticket, where that is a conflict', () => {
    const both = (history: History) => {
      relog(history, [entry(1, 'a', admitted), entry(2, 'a', duplicate(2)), alone(entry(3, 'a', admitted))])
      history.acked.pop()
      history.synced.push(broughtHome('scan 3'))
    }
    expect(found(both)).toEqual(['untold conflict'])
    expect(found((history) => [both(history), history.conflicts.push(3)])).toEqual([])
  })

  test('sees somebody let in whom the Gatekeeper knew to be in by a gate that was cut off', () => {
    const rules = found((history) => {
      relog(history, [alone(entry(1, 'a', admitted)), entry(2, 'a', admitted), entry(3, 'b', admitted)])
      history.acked = history.acked.filter(({ ticketId }) => ticketId === 'b')
    })
    expect(rules).toContain('in twice')
  })

  test('sees a gap in the log', () => {
    const log = [entry(1, 'a', admitted), entry(2, 'a', duplicate(2)), entry(4, 'b', admitted)]
    expect(found((history) => relog(history, log))).toContain('broken log')
  })

  test('sees an entry that was changed afterwards', () => {
    expect(found(({ log }) => Object.assign(log[1]?.entry ?? {}, { people: 2 }))).toContain('broken chain')
  })

  test('sees what D1 has not, has too much, has twice and has otherwise', () => {
    expect(found(({ d1 }) => d1.pop())).toEqual(['missing in D1'])
    expect(found(({ d1 }) => d1.push({ ...row(d1), scan: 'foreign' }))).toEqual(['extra in D1'])
    expect(found(({ d1 }) => d1.push({ ...row(d1), seq: 9 }))).toEqual(['twice in D1'])
    expect(found(({ d1 }) => Object.assign(row(d1), { verdict: 'exited' }))).toEqual(['different in D1'])
  })
})

type History = Required<Told> & Pick<Stored, 'log' | 'conflicts'> & { d1: D1Row[] }

/** Breaks a good history: ticket a is admitted and shown again, then ticket b is admitted. */
function found(breakIt: (history: History) => unknown): string[] {
  const history: History = { acked: [], synced: [], unheard: [], log: [], conflicts: [], d1: [] }
  const log = [entry(1, 'a', admitted), entry(2, 'a', duplicate(2)), entry(3, 'b', admitted)]
  relog(history, log)
  history.acked.push(...log.map(ackOf))
  breakIt(history)
  return [...new Set(checkHistory(history, history, history.d1).map(({ rule }) => rule))]
}

function relog(history: History, entries: Entry[]): void {
  let previous = chainStart
  history.log = entries.map((one) => {
    previous = chain(previous, one)
    return { entry: one, chain: previous }
  })
  history.d1 = entries.map(rowOf)
}

function cut(history: History, length: number): void {
  const entries = history.log.slice(0, length).map((logged) => logged.entry)
  relog(history, entries)
}

const admitted: Verdict = { kind: 'admitted', people: 1, remaining: 0, forced: null, overfull: false }

function duplicate(attempt: number): Verdict {
  return { kind: 'refused', refusal: { reason: 'already_admitted', attempt, admission: 1 } }
}

function entry(seq: number, ticketId: string, verdict: Verdict): Entry {
  return {
    seq,
    scanId: `scan ${seq}`,
    ticketId,
    type: 'vip',
    gateId: 'GATE-A',
    zone: 'main',
    deviceId: 'device',
    staffId: 'sam',
    direction: 'entry',
    people: 1,
    verdict,
    insideChange: verdict.kind === 'admitted' ? 1 : 0,
    first: verdict.kind === 'admitted',
    source: null,
    forceReason: null,
    scannedAt: seq,
    receivedAt: seq,
    validationMs: 0.5,
    offline: null,
  } as unknown as Entry
}

function ackOf({ seq, scanId, ticketId, verdict, scannedAt }: Entry): Acked {
  const refusal = verdict.kind === 'refused' ? verdict.refusal : null
  const common = { success: refusal === null, verdict: verdict.kind, scanId, replay: false }
  const at = new Date(scannedAt).toISOString()
  const scan = { scannedAt: at, gateId: 'GATE-A', gateName: 'Main', staffId: 'sam' }
  return {
    scan: { scanId, qrPayload: 'A1', gateId: 'GATE-A' },
    ticketId: String(ticketId),
    status: refusal ? 409 : 200,
    body:
      refusal?.reason === 'already_admitted'
        ? { ...common, code: refusal.reason, data: { entryLogId: '', duplicateAttemptNumber: refusal.attempt } }
        : { ...common, data: { entryLogId: '', scan } },
    sentAt: seq * 10,
    at: seq * 10 + 5,
  }
}

function alone(entry: Entry): Entry {
  return { ...entry, offline: { sequence: 1, token: null, clock: 'wall', amends: null } }
}

function broughtHome(scanId: string): Synced {
  return { scanId, ticketId: 'a', shown: 'admitted', triedAt: null, sentAt: 200, at: 210 }
}

function told(acked: Acked[], i: number, otherwise: object): void {
  const ack = acked[i]
  if (ack) ack.body = { ...ack.body, ...otherwise }
}

function row(d1: D1Row[]): D1Row {
  return d1[0] as D1Row
}
