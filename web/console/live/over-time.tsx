import { useMemo } from 'preact/hooks'
import { Chart, type Line } from '../parts/chart.tsx'
import type { EventDetails } from '../things.ts'
import { moment, number, words } from '../words/language.ts'
import type { Doors } from './source.ts'
import type { LiveStats, Series } from './stats.ts'

type Props = { doors: Doors; event: EventDetails }

/** Who came in and who was refused: the last two hours by the minute, or all of it where nothing happened in them. */
export function PerMinute({ doors, event }: Props) {
  const t = words.value.live.overTime
  const minutes = doors.minutes.value
  const whole = doors.whole.value
  const isRecent = minutes?.items.some(({ admitted, refused }) => admitted + refused > 0) ?? false
  const series = isRecent ? minutes : whole
  const times = useTimes(series)
  const lines = useMemo<Line[]>(
    () => [
      { label: t.admitted, values: series?.items.map(({ admitted }) => admitted) ?? [], colour: '--blue', as: 'bars' },
      { label: t.refused, values: series?.items.map(({ refused }) => refused) ?? [], colour: '--alarm', as: 'line' },
    ],
    [series, t],
  )
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

/** How far the arriving is: everybody who came so far, and the tickets that are still to come. */
export function Arrivals({ doors, stats, event }: Props & { stats: LiveStats }) {
  const t = words.value.live.overTime
  const whole = doors.whole.value
  const times = useTimes(whole)
  const lines = useMemo<Line[]>(() => {
    let sum = 0
    const values = whole?.items.map(({ admitted }) => {
      sum += admitted
      return sum
    })
    return [{ label: t.soFar, values: values ?? [], colour: '--fine', as: 'area' }]
  }, [whole, t])
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

function useTimes(series: Series | null): number[] {
  return useMemo(() => series?.items.map(({ at }) => Date.parse(at)) ?? [], [series])
}
