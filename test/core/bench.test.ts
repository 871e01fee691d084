import { describe, expect, it } from 'vitest'
import { benchHelp, parseBenchOptions } from '../../bench/options.ts'
import { reportCalls } from '../../bench/report-calls.ts'
import { table } from '../../bench/table.ts'
import { find, type Taken } from '../../bench/trials/findings.ts'
import { type Reading, trialNames } from '../../bench/trials/trial.ts'

const planOf = (...args: string[]) => {
  const plan = parseBenchOptions(args)?.plan
  if (!plan) throw new Error('the help was asked for')
  return plan
}

const live = { name: 'live' as const, about: 'live: scans', sides: { value: '100 listeners', base: 'nobody' } }
const p95 = (value: number, base: number | null): Reading => ({ what: 'a scan, p95', unit: 'ms', value, base })
const rounds = (...readings: Reading[][]): Taken[] =>
  readings.map((ones, at) => ({ trial: 'live', round: at + 1, readings: ones, cpu: null }))

describe('what the bench measures', () => {
  it('is everything unless parts are named, and each part by its name', () => {
    const all = planOf()
    expect(all.trials).toEqual([...trialNames])
    expect(all.settings.length).toBeGreaterThan(40)
    expect(all.peers).toContain('express-redis-postgres')
    expect(planOf('--only', 'import, live')).toMatchObject({ trials: ['live', 'import'], settings: [], peers: [] })
    expect(planOf('--only', 'sync,reports')).toMatchObject({ trials: ['reports'], peers: ['express-postgres'] })
    expect(planOf('--only', 'open').trials).toEqual([])
    for (const name of trialNames) expect(benchHelp).toContain(`\n  ${name} `)
  })

  it('names a part that there is not', () => {
    expect(() => planOf('--only', 'live,imports')).toThrow('There is no part "imports"')
  })
})

describe('what rounds come to', () => {
  it('is the median of the ratios of each round, not the ratio of the medians', () => {
    const others: Taken = { trial: 'import', round: 1, readings: [p95(1, 1)], cpu: null }
    const [found] = find([live], [...rounds([p95(10, 10)], [p95(40, 20)], [p95(90, 30)]), others])
    expect(found).toEqual({ ...live, findings: [{ what: 'a scan, p95', unit: 'ms', value: 40, base: 20, ratio: 2 }] })
    const [opposed] = find([live], rounds([p95(10, 20)], [p95(20, 5)], [p95(30, 60)]))
    expect(opposed?.findings[0]).toMatchObject({ value: 20, base: 20, ratio: 0.5 })
  })

  it('has no ratio where there is nothing to hold a figure against', () => {
    const [found] = find([live], rounds([p95(10, null)], [p95(20, null)]))
    expect(found?.findings).toEqual([{ what: 'a scan, p95', unit: 'ms', value: 15, base: null, ratio: null }])
  })

  it('is a failure where a figure is missing, none at all, or of something else than before', () => {
    for (const wrong of [
      p95(Number.NaN, 1),
      p95(1, Number.NaN),
      p95(0, 1),
      p95(1, 0),
      p95(Number.POSITIVE_INFINITY, 1),
    ])
      expect(() => find([live], rounds([p95(1, 1)], [wrong]))).toThrow('the live came to')
    expect(() => find([live], rounds([p95(1, 1)], []))).toThrow('after a scan, p95')
    expect(() => find([live], rounds([p95(1, 1)], [p95(1, null)]))).toThrow('after a scan, p95')
    expect(() => find([live], rounds([]))).toThrow('showed nothing')
    expect(() => find([live], [])).toThrow('showed nothing')
  })
})

it('takes no report for right that is of another log than the one it was asked of', () => {
  const gates = (scans: number) => ({ items: Array.from({ length: 20 }, () => ({ scans })) })
  const { isRight } = reportCalls['gate report']
  expect(isRight(gates(50), 1000)).toBe(true)
  expect(isRight(gates(0), 0)).toBe(true)
  for (const [report, entries] of [[gates(0), 1000] as const, [gates(50), 0] as const, [{ items: [] }, 0] as const])
    expect(isRight(report, entries)).toBe(false)

  const page = (length: number, verdict = 'refused') => ({ items: Array.from({ length }, () => ({ verdict })) })
  const refused = reportCalls['entries refused'].isRight
  expect(refused(page(50), 1000)).toBe(true)
  expect(refused(page(0), 0)).toBe(true)
  expect(refused(page(0), 1000)).toBe(false)
  expect(refused(page(50, 'admitted'), 1000)).toBe(false)
})

it('tells of scans, of what else was measured and of what was left out in one table', () => {
  const machine = { cores: 2, cpu: 'a CPU', node: '24', workerd: '1', syncMs: 0.5 }
  const reach: Reading = { what: 'from a scan to a listener, p50', unit: 'ms', value: 150.04, base: null }
  const trials = find([live], rounds([p95(12, 8), reach]))
  const rate = { connections: 64, system: 'http' as const, work: 'first' as const, perSecond: 2419, cpuMicros: 396 }
  const summary = { rates: [rate], races: [], latencies: [], trials, othersCores: null }
  const skipped = [
    { name: 'ws-redis', because: 'Redis is not installed' },
    { name: 'Express + qrcode + Redis', because: 'Redis is not installed' },
  ]
  const lines = table(machine, summary, 1, skipped).split('\n')
  expect(lines).toContain('Left out: ws + Redis, each write on the disk, since Redis is not installed.')
  expect(lines).toContain('Left out: Express + qrcode + Redis, since Redis is not installed.')
  expect(lines).toContain('64   Admit One   first scan       2419      396')
  const at = lines.indexOf('Live: scans')
  expect(lines.slice(at, at + 4)).toEqual([
    'Live: scans',
    'what                             in   100 listeners   nobody   ratio',
    'a scan, p95                      ms            12.0      8.0    1.50',
    'from a scan to a listener, p50   ms           150.0',
  ])
})
