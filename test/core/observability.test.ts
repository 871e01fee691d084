import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Exposition } from '../../workers/exposition.ts'
import { type MetricName, metricKinds } from '../../workers/metric-kinds.ts'

const folder = join(import.meta.dirname, '../../docs')
const page = readFileSync(join(folder, 'observability.md'), 'utf8')
const alerts = readFileSync(join(folder, 'observability/alerts.yaml'), 'utf8')
const dashboard = readFileSync(join(folder, 'observability/grafana-dashboard.json'), 'utf8')

const promtool = (...args: string[]) => spawnSync('promtool', args, { encoding: 'utf8' })
const hasPromtool = promtool('--version').status === 0

const names = Object.keys(metricKinds) as MetricName[]
const isHistogram = (name: string) => metricKinds[name as MetricName]?.type === 'histogram'
/** Every metric that a text names, without the endings that a histogram's samples have. */
const namedIn = (text: string) =>
  new Set(
    [...text.matchAll(/\badmit_(?!one\b)[a-z_]+\b/g)].map(([name]) => {
      const base = name.replace(/_(bucket|sum|count)$/, '')
      return isHistogram(base) ? base : name
    }),
  )

describe('the dashboard, the alert rules and their page', () => {
  it.each([
    ['the page', page],
    ['the alert rules', alerts],
    ['the dashboard', dashboard],
  ])('%s names only metrics that there are', (_what, text) => {
    const named = namedIn(text)
    expect(named.size).toBeGreaterThan(5)
    expect([...named].filter((name) => !names.includes(name as MetricName))).toEqual([])
  })

  it('the page explains every metric, with its type', () => {
    for (const name of names) {
      const row = page.split('\n').find((line) => line.startsWith('|') && line.includes(`\`${name}\``))
      expect([name, row?.split('|')[2]?.trim()]).toEqual([name, metricKinds[name].type])
    }
  })

  it('takes no rate of a gauge and no plain look at a counter', () => {
    for (const text of [alerts, dashboard]) {
      const rated = [...text.matchAll(/(?:rate|increase)\((admit_[a-z_]+)/g)].map(([, name = '']) => name)
      const gauges = rated.filter((name) => metricKinds[name as MetricName]?.type === 'gauge')
      // Of jobs that were given up there are only ever more, until they are forgotten.
      expect(gauges.filter((name) => name !== 'admit_jobs')).toEqual([])
    }
  })

  it('every panel has a place of its own and asks for something', () => {
    const { panels } = JSON.parse(dashboard) as {
      panels: {
        id: number
        title: string
        gridPos: { x: number; y: number; w: number; h: number }
        targets: unknown[]
      }[]
    }
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`),
    )
    expect(new Set(cells).size).toBe(cells.length)
    for (const { title, targets, gridPos } of panels) {
      expect([title, targets.length > 0, gridPos.x + gridPos.w <= 24]).toEqual([title, true, true])
    }
  })

  it.skipIf(!hasPromtool)('promtool understands every alert rule', () => {
    const { status, stdout } = promtool('check', 'rules', join(folder, 'observability/alerts.yaml'))
    expect([status, stdout.includes('SUCCESS')]).toEqual([0, true])
  })
})

describe('the text for Prometheus', () => {
  it('escapes what would end a label or a line', () => {
    const text = new Exposition({ a: { type: 'gauge', help: 'One\\two\nthree' } })
    text.add('a', { title: 'a "b" \\ c\nd' }, 1)
    expect(text.text()).toBe('# HELP a One\\\\two\\nthree\n# TYPE a gauge\na{title="a \\"b\\" \\\\ c\\nd"} 1\n')
  })

  it('keeps the lines of a metric together, in whatever order they came', () => {
    const text = new Exposition({ a: { type: 'gauge', help: 'A' }, b: { type: 'counter', help: 'B' } })
    text.add('b', { x: '1' }, 1)
    text.add('a', {}, 2)
    text.add('b', { x: '2' }, 3)
    expect(text.text()).toBe('# HELP b B\n# TYPE b counter\nb{x="1"} 1\nb{x="2"} 3\n# HELP a A\n# TYPE a gauge\na 2\n')
  })

  it('ends counters in _total and names a unit where there is one', () => {
    for (const name of names) {
      expect([name, name.endsWith('_total')]).toEqual([name, metricKinds[name].type === 'counter'])
      expect(name).not.toMatch(/milliseconds|_ms\b|minutes/)
    }
  })
})
