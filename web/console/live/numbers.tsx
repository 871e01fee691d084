import type { ComponentChildren } from 'preact'
import { ago, milliseconds, number, percent, words } from '../words/language.ts'
import { type LiveStats, sumOf } from './stats.ts'

/** What one looks for first, readable from across the room. */
export function Numbers({ stats }: { stats: LiveStats }) {
  const t = words.value.live.numbers
  const { p50, p95 } = stats.latency
  const refused = sumOf(stats.refusals)
  return (
    <dl class="numbers">
      <Tile label={t.inside} value={stats.inside} isMain>
        {Number(stats.occupancyPercentage) > 0 && `${percent(Number(stats.occupancyPercentage) / 100)} ${t.ofRoom}`}
      </Tile>
      <Tile label={t.admitted} value={stats.cacheCount}>
        {stats.totalTickets > 0 &&
          `${number(stats.admittedTickets)} ${t.of} ${number(stats.totalTickets)} ${t.tickets} · ${percent(stats.checkInRate / 100)}`}
      </Tile>
      <Tile label={t.perMinute} value={stats.perMinute}>
        {lastGuest(stats)}
      </Tile>
      <Tile label={t.refused} value={refused} tone={refused > 0 ? 'warn' : ''}>
        {gravest(stats.refusals)}
      </Tile>
      <Tile label={t.duplicates} value={stats.duplicateAttempts} tone={stats.duplicateAttempts > 0 ? 'alarm' : ''}>
        {t.duplicatesHow}
      </Tile>
      <Tile label={t.waiting} value={stats.pendingEntries}>
        {stats.pendingEntries > 0
          ? `${t.since} ${ago(stats.lagMs)}`
          : p50 === null
            ? t.allWritten
            : `${t.allWritten}; ${t.decidedIn} ${milliseconds(p50)}, ${percent(0.95)} ${t.within} ${milliseconds(p95 ?? p50)}`}
      </Tile>
    </dl>
  )
}

type Props = { label: string; value: number; isMain?: boolean; tone?: string; children?: ComponentChildren }

function Tile({ label, value, isMain = false, tone = '', children }: Props) {
  return (
    <div class={`number-tile card ${isMain ? 'main' : ''} ${tone}`}>
      <dt>{label}</dt>
      <dd>
        <strong>{number(value)}</strong>
        {children && <small>{children}</small>}
      </dd>
    </div>
  )
}

function lastGuest({ minutesToLast, totalTickets, admittedTickets }: LiveStats): string {
  const t = words.value.live.numbers
  if (totalTickets > 0 && admittedTickets >= totalTickets) return t.everybodyIn
  if (minutesToLast === null || minutesToLast === 0) return ''
  const minutes = Math.ceil(minutesToLast)
  const hours = Math.floor(minutes / 60)
  return `${t.lastIn} ${hours > 0 ? `${number(hours)} h ` : ''}${minutes % 60} min`
}

/** The reason that most were refused for. */
function gravest(refusals: Record<string, number>): string {
  const [most] = Object.entries(refusals).sort(([, a], [, b]) => b - a)
  return most ? `${words.value.live.numbers.mostly} ${sayCode(most[0]).toLowerCase()}` : ''
}

/** Takes a reason; gives it in words. */
export function sayCode(code: string): string {
  return (words.value.refusals as Record<string, string>)[code] ?? code.replaceAll('_', ' ')
}
