import { useSignal } from '@preact/signals'
import { useEffect, useMemo, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { number, timeOfDay, words } from '../words/language.ts'
import { type Column, Table } from './table.tsx'

export type Line = {
  label: string
  /** null: it has none at that time. */
  values: (number | null)[]
  /** A custom property of the style sheet, so that it is another in the dark. */
  colour: '--blue' | '--alarm' | '--fine' | '--dim' | '--warn' | `--gate-${1 | 2 | 3 | 4 | 5 | 6}`
  /** `stacked` are bars that stand on those before them. */
  as: 'bars' | 'stacked' | 'line' | 'dashed' | 'area'
}

type Props = {
  title: string
  /** Milliseconds since 1970, rising. */
  times: number[]
  lines: Line[]
  timezone: string
  /** What a table is told for a time: a minute, a day with an hour. */
  sayTime?: (at: number) => string
  /** What has to be known to read it. */
  hint?: string
}

/** A curve over time, and the same numbers as a table for whoever would rather read, or has to. */
export function Chart({ title, times, lines, timezone, sayTime, hint }: Props) {
  const t = words.value.chart
  const isTable = useSignal(false)
  const say = sayTime ?? ((at: number) => timeOfDay(at, timezone))
  return (
    <figure class="chart card">
      <figcaption>
        <h2>{title}</h2>
        <button
          type="button"
          class="plain small"
          aria-pressed={isTable.value}
          onClick={() => {
            isTable.value = !isTable.value
          }}
        >
          {t.asTable}
        </button>
      </figcaption>
      {isTable.value ? (
        <AsTable title={title} times={times} lines={lines} say={say} />
      ) : (
        <>
          <Legend lines={lines} />
          <Plot label={`${title}. ${summary(times, lines, say)}`} times={times} lines={lines} timezone={timezone} />
        </>
      )}
      {hint && <p class="hint">{hint}</p>}
    </figure>
  )
}

function Legend({ lines }: { lines: Line[] }) {
  if (lines.length < 2) return null
  return (
    <ul class="legend" aria-hidden="true">
      {lines.map(({ label, colour, as }) => (
        <li key={label}>
          <span class={`swatch ${as}`} style={{ background: `var(${colour})` }} />
          {label}
        </li>
      ))}
    </ul>
  )
}

type TableProps = { title: string; times: number[]; lines: Line[]; say: (at: number) => string }

/** The newest first, and no row in which nothing happened. */
function AsTable({ title, times, lines, say }: TableProps) {
  const t = words.value.chart
  const rows = times
    .map((at, i) => ({ at, values: lines.map(({ values }) => values[i] ?? null) }))
    .filter(({ values }) => values.some((value) => value !== 0 && value !== null))
    .reverse()
    .slice(0, MOST_ROWS)
  const columns: Column<(typeof rows)[number]>[] = [
    { title: t.time, cell: ({ at }) => say(at) },
    ...lines.map(({ label }, i) => ({
      title: label,
      isNumber: true,
      cell: ({ values }: (typeof rows)[number]) => (values[i] == null ? '–' : number(Math.round(values[i] ?? 0))),
    })),
  ]
  if (rows.length === 0) return <p class="hint">{t.nothing}</p>
  return <Table caption={title} columns={columns} items={rows} keyOf={({ at }) => at} />
}

const MOST_ROWS = 300

function summary(times: number[], lines: Line[], say: (at: number) => string): string {
  const t = words.value.chart
  return lines
    .map(({ label, values }) => {
      const most = Math.round(Math.max(0, ...values.map((value) => value ?? 0)))
      const at = times[values.findIndex((value) => Math.round(value ?? 0) === most)]
      return most === 0 || at === undefined ? `${label}: 0` : `${label}: ${t.most} ${number(most)} (${say(at)})`
    })
    .join('. ')
}

type PlotProps = Pick<Props, 'times' | 'lines' | 'timezone'> & { label: string }

function Plot({ label, times, lines, timezone }: PlotProps) {
  const element = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | null>(null)
  const data = useMemo<uPlot.AlignedData>(
    () => [times.map((at) => at / 1000), ...drawn(lines).map(({ values }) => values)],
    [times, lines],
  )
  const kind = lines.map(({ label: name, as }) => name + as).join()
  useEffect(() => {
    const to = element.current
    if (!to) return
    const draw = () => {
      plot.current?.destroy()
      plot.current = new uPlot(optionsFor(to.clientWidth, lines, timezone), data, to)
    }
    draw()
    const resized = new ResizeObserver(() => plot.current?.setSize({ width: to.clientWidth, height: HEIGHT }))
    resized.observe(to)
    const dark = matchMedia('(prefers-color-scheme: dark)')
    dark.addEventListener('change', draw)
    return () => {
      resized.disconnect()
      dark.removeEventListener('change', draw)
      plot.current?.destroy()
      plot.current = null
    }
    // Another set of lines is another chart; new numbers are not.
  }, [kind, timezone])
  useEffect(() => plot.current?.setData(data), [data])
  return <div ref={element} class="plot" role="img" aria-label={label} />
}

const HEIGHT = 220

/** As they are drawn: what is stacked is added up, and the highest comes first, so that the others stand before it. */
function drawn(lines: Line[]): Line[] {
  let below: number[] = []
  const stacked = lines
    .filter(({ as }) => as === 'stacked')
    .map((line) => {
      below = line.values.map((value, i) => (value ?? 0) + (below[i] ?? 0))
      return { ...line, values: below }
    })
  return [...stacked.reverse(), ...lines.filter(({ as }) => as !== 'stacked')]
}

function optionsFor(width: number, lines: Line[], timezone: string): uPlot.Options {
  const style = getComputedStyle(document.documentElement)
  const colour = (name: string) => style.getPropertyValue(name).trim()
  const axis: uPlot.Axis = {
    stroke: colour('--dim'),
    font: '12px system-ui, sans-serif',
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
  }
  return {
    width,
    height: HEIGHT,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), timezone),
    legend: { show: false },
    cursor: { show: false },
    padding: [12, 30, 0, 0],
    scales: { y: { range: (_plot, _low, high) => [0, Math.max(5, Math.ceil(high * 1.1))] } },
    axes: [
      {
        ...axis,
        size: 30,
        values: (_plot, splits) => splits.map((seconds) => timeOfDay(seconds * 1000, timezone)),
        space: 70,
      },
      {
        ...axis,
        size: 48,
        values: (_plot, splits) => splits.map((value) => (Number.isInteger(value) ? number(value) : '')),
      },
    ],
    series: [{}, ...drawn(lines).map((line) => seriesFor(line, colour(line.colour)))],
  }
}

function seriesFor({ label, as }: Line, stroke: string): uPlot.Series {
  const points = { show: false }
  switch (as) {
    case 'bars':
    case 'stacked':
      return { label, stroke, fill: stroke, points, ...pathsOf(uPlot.paths.bars?.({ size: [0.75, 40] })) }
    case 'line':
      return { label, stroke, width: 2, points }
    case 'dashed':
      return { label, stroke, width: 2, points, dash: [6, 6] }
    case 'area':
      return { label, stroke, width: 2, points, fill: `${stroke}33` }
  }
}

function pathsOf(paths: uPlot.Series.PathBuilder | undefined): { paths?: uPlot.Series.PathBuilder } {
  return paths ? { paths } : {}
}
