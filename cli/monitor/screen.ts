import { styleText } from 'node:util'
import type { WireLiveStats } from '../../core/live-stats.ts'
import { bar, clipped, harmless, padded, sparkline, widthOf } from '../terminal/text.ts'
import { MOMENT_MS, rateAt, ratesOf, type View } from './view.ts'
import { clockOf, verdictWords, worryWords } from './words.ts'

export type Size = { columns: number; rows: number }

/** Takes what is known, the size of the terminal and the time; gives the lines of the screen, none longer than it is wide. */
export function screenOf(view: View, size: Size, at: number): string[] {
  const columns = Math.max(40, size.columns)
  const head = [...heading(view, columns, at), '']
  const foot = [footer(view, columns, at)]
  if (view.stats === null) return [...head, styleText('dim', ' Waiting for the first numbers…'), '', ...foot]
  const { data } = view.stats
  const top = [...head, ...numbers(data, columns), '', ...rate(view, data, columns, at), '']
  const room = Math.max(4, size.rows - top.length - foot.length)
  const arrange = columns >= 100 ? sideBySide : stacked
  const body = arrange(view, data, { columns, rows: room }, at)
  return [...[...top, ...body].slice(0, size.rows - foot.length), ...foot]
}

function heading({ occasion, link }: View, columns: number, at: number): string[] {
  const state = {
    connecting: styleText('dim', '○ connecting'),
    live: styleText('green', '● live'),
    lost: styleText('red', '○ lost, coming back'),
  }[link.state]
  const right = `${state}  ${clockOf(occasion.timezone)(at)} `
  const place = [occasion.title, occasion.location, phaseOf(occasion, at)]
    .filter(Boolean)
    .map((part) => harmless(String(part)))
  const left = clipped(` ${place.join(' · ')}`, columns - widthOf(right) - 1)
  return [styleText('bold', padded(left, columns - widthOf(right))) + right]
}

function phaseOf({ startsAt, endsAt, closedAt }: View['occasion'], at: number): string | null {
  if (closedAt !== null) return 'closed'
  if (at < Date.parse(startsAt)) return `begins in ${span(Date.parse(startsAt) - at)}`
  return at > Date.parse(endsAt) ? 'over' : null
}

function numbers(stats: WireLiveStats, columns: number): string[] {
  const refused = Object.values(stats.refusals).reduce((sum, count) => sum + count, 0)
  const all: [name: string, value: string][] = [
    ['ADMITTED', count(stats.cacheCount)],
    ['INSIDE', count(stats.inside)],
    ['TICKETS IN', `${stats.checkInRate.toFixed(0)} % of ${count(stats.totalTickets)}`],
    ['A MINUTE', count(stats.perMinute)],
    ['REFUSED', count(refused)],
    ['DUPLICATES', count(stats.duplicateAttempts)],
    ['TO THE LAST', stats.minutesToLast === null ? '–' : span(stats.minutesToLast * 60_000)],
  ]
  const widths = all.map(([name, value]) => Math.max(widthOf(name), widthOf(value)) + 3)
  const end = (i: number) => widths.slice(0, i + 1).reduce((sum, width) => sum + width, 1)
  const shown = all.filter((_, i) => end(i) <= columns + 2)
  const line = (part: 0 | 1) => shown.map((one, i) => padded(one[part], widths[i] ?? 0)).join('')
  return [` ${styleText('dim', line(0).trimEnd())}`, ` ${styleText('bold', line(1).trimEnd())}`]
}

function rate(view: View, stats: WireLiveStats, columns: number, at: number): string[] {
  const width = Math.min(90, columns - 30)
  const rates = ratesOf(view, width, at)
  const highest = Math.max(...rates)
  const minutes = Math.round((width * MOMENT_MS) / 60_000)
  const peak = highest > 0 ? `peak ${count(Math.round(highest))} a minute` : 'nobody yet'
  const reasons = Object.entries(stats.refusals).toSorted((a, b) => b[1] - a[1])
  const why = reasons.map(([code, scans]) => `${code.replaceAll('_', ' ')} ${count(scans)}`).join(' · ')
  return [
    ` ${styleText('cyan', sparkline(rates))} ${styleText('dim', clipped(`${minutes} min, ${peak}`, columns - width - 3))}`,
    ...(why === '' ? [] : [styleText('dim', clipped(` refused: ${why}`, columns))]),
  ]
}

function sideBySide(view: View, stats: WireLiveStats, { columns, rows }: Size, at: number): string[] {
  const left = Math.floor((columns - 3) / 2)
  const right = columns - 3 - left
  const places = [...zones(stats, left), '', ...gates(view, stats, left, at), '']
  const worries = worriesOf(view, left, Math.max(3, rows - places.length))
  return beside([...places, ...worries], newest(view, right, rows), left, rows)
}

function stacked(view: View, stats: WireLiveStats, { columns, rows }: Size, at: number): string[] {
  const places = [...zones(stats, columns), '', ...gates(view, stats, columns, at), '']
  const worries = worriesOf(view, columns, 4)
  const scans = newest(view, columns, Math.max(3, rows - places.length - worries.length - 1))
  return [...places, ...worries, '', ...scans].slice(0, rows)
}

function beside(left: string[], right: string[], width: number, rows: number): string[] {
  return Array.from({ length: rows }, (_, i) => {
    const text = left[i] ?? ''
    return `${text}${' '.repeat(Math.max(0, width - widthOf(text)))}   ${right[i] ?? ''}`.trimEnd()
  })
}

/** A place with its share as a bar, and what is said of it behind that. */
type Row = { name: string; share: number; said: string; tone: 'green' | 'yellow' | 'red' | 'cyan' }

function zones({ zones, occupancyPercentage }: WireLiveStats, width: number): string[] {
  const isBounded = zones.some(({ capacity }) => capacity !== null)
  const highest = Math.max(1, ...zones.map(({ inside }) => inside))
  const rows = zones.map(({ name, inside, capacity }): Row => {
    const share = inside / (capacity ?? highest)
    const tone = capacity === null || share < 0.9 ? 'green' : share < 1 ? 'yellow' : 'red'
    if (capacity === null) return { name, share, tone, said: count(inside) }
    const percent = padded(`${Math.floor(100 * share)} %`, 5, 'right')
    return { name, share, tone, said: `${count(inside)} of ${count(capacity)} ${percent}` }
  })
  return bars('OCCUPANCY', isBounded ? '' : `${occupancyPercentage} % of all tickets`, rows, width)
}

function gates(view: View, { gateCounts }: WireLiveStats, width: number, at: number): string[] {
  const all = view.occasion.gates.filter(({ kind }) => kind !== 'exit')
  const highest = Math.max(1, ...Object.values(gateCounts))
  const rows = all.map(({ id, name }): Row => {
    const people = gateCounts[id] ?? 0
    const now = padded(count(rateAt(view, id, at)), 8, 'right')
    return { name, share: people / highest, tone: 'cyan', said: `${padded(count(people), 8, 'right')}  ${now}` }
  })
  return bars('GATES', 'admitted  a minute', rows, width)
}

function bars(title: string, saying: string, rows: Row[], width: number): string[] {
  const nameWidth = Math.min(22, Math.floor(width / 3))
  const saidWidth = Math.max(0, ...rows.map(({ said }) => widthOf(said)))
  const barWidth = Math.max(0, width - nameWidth - saidWidth - 4)
  const head = ` ${title}${padded(saying, width - widthOf(title) - 1, 'right')}`
  return [
    styleText('dim', head.trimEnd()),
    ...rows.map(({ name, share, said, tone }) => {
      const filled = styleText(tone, bar(share, barWidth))
      return ` ${padded(harmless(name), nameWidth)} ${filled}  ${padded(said, saidWidth, 'right')}`
    }),
  ]
}

function newest({ newest, occasion, skipped }: View, width: number, rows: number): string[] {
  const clock = clockOf(occasion.timezone)
  const lines = newest.slice(0, Math.max(1, rows - 1)).map((entry) => {
    const isWell = entry.verdict !== 'refused'
    const mark = styleText(isWell ? 'green' : 'red', isWell ? '✓' : '✗')
    const gate = clipped(harmless(entry.gateName ?? entry.gateId ?? ''), 20)
    const words = padded(verdictWords(entry), width - 13 - widthOf(gate))
    return ` ${styleText('dim', clock(entry.scannedAt))} ${mark} ${words} ${styleText('dim', gate)}`
  })
  const title = skipped > 0 ? `NEWEST SCANS (${count(skipped)} were too many to tell)` : 'NEWEST SCANS'
  return [styleText('dim', ` ${title}`), ...(lines.length > 0 ? lines : [styleText('dim', ' none yet')])]
}

function worriesOf({ worries, occasion }: View, width: number, rows: number): string[] {
  const clock = clockOf(occasion.timezone)
  const lines = worries.slice(0, rows - 1).map((worry) => {
    return ` ${styleText('dim', clock(worry.at))} ${styleText('yellow', '!')} ${clipped(worryWords(worry, occasion), width - 12)}`
  })
  return [styleText('dim', ' TO LOOK AT'), ...(lines.length > 0 ? lines : [styleText('dim', ' nothing')])]
}

function footer({ stats, link }: View, columns: number, at: number): string {
  const parts = [
    link.state === 'lost' ? link.because : null,
    stats && latencyWords(stats.data),
    stats && lagWords(stats.data, stats.at, at),
    'q quits',
  ].filter((part) => part !== null)
  return styleText('dim', clipped(` ${parts.join('   ')}`, columns))
}

function latencyWords({ latency: { p50, p95, p99 } }: WireLiveStats): string | null {
  if (p50 === null || p95 === null || p99 === null) return null
  return `decided in ${p50.toFixed(1)} ms, p95 ${p95.toFixed(1)}, p99 ${p99.toFixed(1)}`
}

function lagWords({ totalEntries, pendingEntries, lagMs }: WireLiveStats, toldAt: number, at: number): string {
  if (totalEntries === null) return 'the reports cannot be reached'
  if (pendingEntries === 0) return 'reports up to date'
  return `reports ${span(lagMs + Math.max(0, at - toldAt))} behind, ${count(pendingEntries)} entries`
}

function span(ms: number): string {
  if (ms < 90_000) return `${Math.round(ms / 1000)} s`
  const minutes = Math.round(ms / 60_000)
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

function count(number: number): string {
  return number.toLocaleString('en')
}
