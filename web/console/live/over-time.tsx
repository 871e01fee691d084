import { useMemo } from 'preact/hooks'
import { Chart, type Line } from '../parts/chart.tsx'
import type { EventDetails } from '../things.ts'
import { moment, number, words } from '../words/language.ts'
import { arrivalsOf } from './arrivals.ts'
import type { Doors } from './source.ts'
import type { LiveStats, Series } from './stats.ts'

type Props = { doors: Doors; event: EventDetails }

/** Who came in by which gate and who was refused: the last two hours by the minute, or all of it where nothing happened in them. */
export function PerMinute({ doors, event }: Props) {
  const t = words.value.live.overTime
  const minutes = doors.minutes.value
  const whole = doors.whole.value
  const isRecent = minutes?.items.some(({ admitted, refused }) => admitted + refused > 0) ?? false
  const series = isRecent ? minutes : whole
  const times = useTimes(series)
  const lines = useMemo<Line[]>(() => {
    const values = series?.items.map(({ refused }) => refused) ?? []
    return [...gateLines(series), { label: t.refused, values, colour: '--alarm', as: 'line' }]
  }, [series, t])
  if (!series || series.items.length === 0) return null
  return (
    <Chart
      title={t.titles[series.bucket]}
      times={times}
      lines={lines}
      timezone={event.timezone}
      {...(series.bucket === 'minute' ? {} : { sayTime: (at: number) => moment(at, event.timezone) })}
    />
  )
}

const gateColours = ['--gate-1', '--gate-2', '--gate-3', '--gate-4', '--gate-5', '--gate-6'] as const

/** The busiest gates each by itself, the others together; without gates all who were let in. */
function gateLines(series: Series | null): Line[] {
  const t = words.value.live.overTime
  const gates = (series?.gates ?? []).filter(({ admitted }) => admitted.some((people) => people > 0))
  if (gates.length < 2) {
    const label = gates[0]?.name ?? t.admitted
    return [{ label, values: series?.items.map(({ admitted }) => admitted) ?? [], colour: '--gate-1', as: 'bars' }]
  }
  const sumOf = (people: number[]) => people.reduce((sum, count) => sum + count, 0)
  const sorted = gates.toSorted((a, b) => sumOf(b.admitted) - sumOf(a.admitted))
  const own = sorted.length > gateColours.length ? sorted.slice(0, gateColours.length - 1) : sorted
  const others = sorted.slice(own.length)
  const shown = own.map(({ name, admitted }) => ({ label: name, values: admitted }))
  const rest = series?.items.map((_, i) => sumOf(others.map(({ admitted }) => admitted[i] ?? 0))) ?? []
  return [...shown, ...(others.length > 0 ? [{ label: t.otherGates, values: rest }] : [])].map((line, i) => ({
    ...line,
    colour: gateColours[i] ?? '--gate-6',
    as: 'stacked',
  }))
}

/** How far the arriving is: everybody who came so far, how it goes on at this rate, and all who have a ticket. */
export function Arrivals({ doors, stats, event }: Props & { stats: LiveStats }) {
  const t = words.value.live.overTime
  const whole = doors.whole.value
  const { totalPeople } = stats
  const ends = event.closedAt ?? event.endsAt
  const { times, lines } = useMemo(() => {
    const curve = arrivalsOf(whole, totalPeople, Date.parse(ends))
    const ceiling = curve.times.map(() => totalPeople)
    const lines: Line[] = [
      { label: t.soFar, values: curve.soFar, colour: '--fine', as: 'area' },
      ...(curve.expected
        ? [{ label: t.atThisRate, values: curve.expected, colour: '--blue', as: 'dashed' } as const]
        : []),
      ...(totalPeople > 0 ? [{ label: t.ceiling, values: ceiling, colour: '--dim', as: 'line' } as const] : []),
    ]
    return { times: curve.times, lines }
  }, [whole, totalPeople, ends, t])
  const toCome = Math.max(0, stats.totalTickets - stats.admittedTickets)
  return (
    <>
      {whole && whole.items.length > 1 && (
        <Chart
          title={t.arrivals}
          times={times}
          lines={lines}
          timezone={event.timezone}
          sayTime={(at) => moment(at, event.timezone)}
          hint={countsSeveralTimes(event) ? `${t.how} ${t.howSeveral}` : t.how}
        />
      )}
      <section class="card panel">
        <h2>{t.tickets}</h2>
        <p class="between">
          <span>
            <strong class="amount">{number(stats.admittedTickets)}</strong> {t.cameIn}
          </span>
          <span>
            <strong class="amount">{number(toCome)}</strong> {t.toCome}
          </span>
        </p>
        <div class="meter fine" aria-hidden="true">
          <span style={{ width: `${Math.min(100, stats.checkInRate)}%` }} />
        </div>
      </section>
    </>
  )
}

function countsSeveralTimes({ zones }: EventDetails): boolean {
  return zones.length > 1 || zones.some(({ reentry }) => reentry !== 'none')
}

function useTimes(series: Series | null): number[] {
  return useMemo(() => series?.items.map(({ at }) => Date.parse(at)) ?? [], [series])
}
