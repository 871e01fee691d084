import { describe, expect, it } from 'vitest'
import { countFindings, inWords } from '../../cli/findings.ts'
import { type Figures, waitsOf } from '../../cli/rehearsal/figures.ts'
import { plan, type Sold } from '../../cli/rehearsal/plan.ts'
import { verdictOn } from '../../cli/rehearsal/verdict.ts'
import type { Gate } from '../../core/event.ts'
import type { GateId, TypeId, ZoneId } from '../../core/ids.ts'
import { randomFrom } from '../process/load.ts'

const main = 'main' as ZoneId
const gate = (id: string, more: Partial<Gate> = {}): Gate => {
  return { id: id as GateId, name: id, kind: 'entry', zone: main, accepts: null, ...more }
}
const type = (id: string, tickets: number): Sold => {
  return { id: id as TypeId, name: id, admits: 1, zones: [main], capacity: null, tickets }
}
const gates = [
  gate('A'),
  gate('V', { accepts: ['vip' as TypeId] }),
  gate('X', { kind: 'exit' }),
  gate('S', { kind: 'checkpoint' }),
]

describe('the plan of a rehearsal', () => {
  const planned = plan(
    { devices: 10, perSecond: 20, minutes: 4 },
    gates,
    [type('standard', 9000), type('vip', 1000)],
    randomFrom(1),
  )
  const { arrivals, cut, wayIn, tickets } = planned
  const of = (kind: string) => arrivals.filter(({ act }) => act.kind === kind).length

  it('has few come at first and at last, and as many as wished in between', () => {
    const minutes = [0, 1, 2, 3].map(
      (minute) => arrivals.filter(({ atMs }) => Math.floor(atMs / 60_000) === minute).length,
    )
    const [first = 0, second = 0, third = 0, last = 0] = minutes
    for (const busy of [second, third]) expect(Math.abs(busy - 1200)).toBeLessThan(60)
    for (const quiet of [first, last]) expect(quiet).toBeLessThan(0.7 * second)
    expect(arrivals.map(({ atMs }) => atMs)).toEqual(arrivals.map(({ atMs }) => atMs).toSorted((a, b) => a - b))
  })

  it('brings everybody to a gate that takes their ticket, and nobody twice', () => {
    expect(wayIn.map(({ id }) => id)).toEqual(['A', 'V'])
    for (const { act } of arrivals) if (act.kind === 'first' && act.gate.id === 'V') expect(act.type.id).toBe('vip')
    expect([...tickets.values()].reduce((sum, count) => sum + count, 0)).toBe(of('first'))
    for (const [{ tickets: sold }, count] of tickets) expect(count).toBeLessThanOrEqual(sold)
  })

  it('has some who come again, some who go out, a few forgeries, and devices that are cut off', () => {
    expect(of('again') / arrivals.length).toBeCloseTo(0.04, 1)
    expect(of('exit')).toBeGreaterThan(0)
    expect(of('forged')).toBeGreaterThan(0)
    expect(of('forged') / arrivals.length).toBeLessThan(0.03)
    expect(cut.devices.size).toBe(2)
  })

  it('brings nobody where no gate takes any ticket', () => {
    expect(
      plan({ devices: 1, perSecond: 1, minutes: 1 }, [gate('X', { kind: 'exit' })], [type('vip', 5)], Math.random)
        .wayIn,
    ).toEqual([])
  })
})

describe('the verdict on a rehearsal', () => {
  const good: Figures = {
    planned: 1000,
    answered: 990,
    waits: { p50: 8, p95: 30, p99: 60, max: 200 },
    late: 0,
    unanswered: 0,
    wrong: [],
    outcomes: { admitted: 900, already_admitted: 80, unreadable: 10 },
    limited: 0,
    overdue: 0,
    synced: { scans: 10, conflicts: 0, refused: 0 },
    lagMs: 2000,
    drainedMs: 400,
    people: { told: 910, counted: 910 },
    integrity: { ok: true, entries: 990, discrepancies: 0 },
  }
  const failing = (more: Partial<Figures>) =>
    verdictOn({ ...good, ...more })
      .filter(({ state }) => state !== 'pass')
      .map(({ about, state }) => `${about}: ${state}`)

  it('is good where all went well, and says with which figures', () => {
    expect(countFindings(verdictOn(good))).toEqual({ pass: 8, warning: 0, failure: 0 })
    expect(inWords(verdictOn(good))).toContain('p50 8.0 ms, p95 30 ms, p99 60 ms')
  })

  it('names everything that would stand in the way of the evening', () => {
    expect(failing({ wrong: [{ kind: 'a first scan', got: 'wrong_gate', scans: 3 }] })).toEqual(['answers: failure'])
    expect(failing({ unanswered: 1 })).toEqual(['answers: failure'])
    expect(failing({ waits: { ...good.waits, p95: 700 } })).toEqual(['waiting: warning'])
    expect(failing({ late: 5 })).toEqual(['in time: warning'])
    expect(failing({ late: 50 })).toEqual(['in time: failure'])
    expect(failing({ limited: 1 })).toEqual(['limits: failure'])
    expect(failing({ synced: { scans: 10, conflicts: 1, refused: 0 } })).toEqual(['cut off: warning'])
    expect(failing({ drainedMs: null })).toEqual(['reports: failure'])
    expect(failing({ people: { told: 910, counted: 909 } })).toEqual(['counts: failure'])
    expect(failing({ integrity: { ok: false, entries: 990, discrepancies: 2 } })).toEqual(['log: failure'])
    expect(failing({ overdue: 100 })).toEqual(['this computer: warning'])
  })

  it('goes by the waits of the many and of the few', () => {
    const waits = Array.from({ length: 100 }, (_, i) => 100 - i)
    expect(waitsOf(waits)).toEqual({ p50: 50, p95: 95, p99: 99, max: 100 })
    expect(waitsOf([])).toEqual({ p50: 0, p95: 0, p99: 0, max: 0 })
  })
})
