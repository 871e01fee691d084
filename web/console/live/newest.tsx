import { useRef } from 'preact/hooks'
import { Icon, type IconName } from '../parts/icon.tsx'
import type { Entry, EventDetails } from '../things.ts'
import { exactTime, number, words } from '../words/language.ts'
import { sayCode } from './numbers.tsx'
import type { Doors } from './source.ts'

const looks: Record<string, { icon: IconName; tone: string }> = {
  admitted: { icon: 'check', tone: 'fine' },
  exited: { icon: 'exit', tone: '' },
  visited: { icon: 'pin', tone: 'fine' },
  refused: { icon: 'cross', tone: 'alarm' },
}

/** What was just scanned. Nobody is named: the log knows tickets. */
export function Newest({ doors, event }: { doors: Doors; event: EventDetails }) {
  const t = words.value.live.newest
  const entries = doors.newest.value
  // What was there when one came is not new.
  const old = useRef<Set<string> | null>(null)
  if (!entries) return null
  old.current ??= new Set(entries.map(({ id }) => id))
  return (
    <section class="card panel">
      <h2>{t.title}</h2>
      <ol class="newest">
        {entries.map((entry) => (
          <Scan key={entry.id} entry={entry} timezone={event.timezone} isNew={!old.current?.has(entry.id)} />
        ))}
      </ol>
    </section>
  )
}

function Scan({ entry, timezone, isNew }: { entry: Entry; timezone: string; isNew: boolean }) {
  const t = words.value.live.newest
  const look = looks[entry.verdict] ?? { icon: 'clock' as const, tone: '' }
  const verdict = (t.verdicts as Record<string, string>)[entry.verdict] ?? entry.verdict
  const marks = [
    entry.people > 1 && `${number(entry.people)} ${t.people}`,
    entry.forced && t.forced,
    entry.offline && t.alone,
    entry.annulledAt && t.annulled,
    entry.duplicateAttemptNumber && `${t.shown[0]} ${number(entry.duplicateAttemptNumber)} ${t.shown[1]}`,
  ].filter(Boolean)
  return (
    <li class={isNew ? `${look.tone} new` : look.tone}>
      <Icon name={look.icon} />
      <span class="what">
        <strong>{entry.code ? sayCode(entry.code) : verdict}</strong>
        {marks.length > 0 && <small>{marks.join(' · ')}</small>}
      </span>
      <span class="where dim">{entry.gateName ?? entry.gateId ?? '–'}</span>
      <time class="dim" dateTime={entry.scannedAt}>
        {exactTime(entry.scannedAt, timezone)}
      </time>
    </li>
  )
}
