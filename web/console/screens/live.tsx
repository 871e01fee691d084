import { useEffect, useMemo } from 'preact/hooks'
import type { AlertKind } from '../../../core/alerts.ts'
import { useEvent } from '../event.ts'
import { Gates } from '../live/gates.tsx'
import '../live/live.css'
import { Newest } from '../live/newest.tsx'
import { Numbers } from '../live/numbers.tsx'
import { Arrivals, PerMinute } from '../live/over-time.tsx'
import { type Doors, watchDoors } from '../live/source.ts'
import { Worries } from '../live/worry-list.tsx'
import { Zones } from '../live/zones.tsx'
import { useNow } from '../now.ts'
import { Heading } from '../parts/heading.tsx'
import { Icon } from '../parts/icon.tsx'
import { Empty, Failed, Loading, sayProblem } from '../parts/states.tsx'
import { say } from '../parts/toast.tsx'
import { signedInSince } from '../session.ts'
import type { EventDetails } from '../things.ts'
import { ago, moment, span, words } from '../words/language.ts'

/** The doors as they are now. */
export default function LiveScreen() {
  const { event, reload } = useEvent()
  const watched = useMemo(
    () => watchDoors(event, { onAlert: tell, onChange: reload }),
    [event.id, event.closedAt, signedInSince.value],
  )
  useEffect(() => watched.stop, [watched])
  const { doors } = watched
  const t = words.value.live
  return (
    <>
      <Heading title={event.title} of={t.title}>
        <HowFresh doors={doors} />
      </Heading>
      <p class="dim when">
        {span(event.startsAt, event.endsAt, event.timezone)}
        {event.location && ` · ${event.location}`}
      </p>
      {event.closedAt && (
        <p class="notice">
          <Icon name="lock" />
          {t.closed}
          {moment(event.closedAt, event.timezone)}. {t.closedHow}
        </p>
      )}
      <Body doors={doors} event={event} />
    </>
  )
}

function tell(kind: AlertKind): void {
  say(words.value.live.told[kind], 'alarm')
}

function Body({ doors, event }: { doors: Doors; event: EventDetails }) {
  const known = doors.stats.value
  const problem = doors.problem.value
  if (!known) return problem && problem.code !== 'unauthenticated' ? <Failed problem={problem} /> : <Loading />
  const { data } = known
  const hasScans = data.cacheCount > 0 || Object.keys(data.refusals).length > 0 || (doors.newest.value?.length ?? 0) > 0
  return (
    <>
      <Worries doors={doors} event={event} />
      <Numbers stats={data} />
      {!hasScans && <NoScans event={event} />}
      <Zones zones={data.zones} />
      <div class="panels">
        {hasScans && (
          <div class="column">
            <PerMinute doors={doors} event={event} />
            <Arrivals doors={doors} stats={data} event={event} />
          </div>
        )}
        <div class="column">
          <Gates doors={doors} stats={data} event={event} />
          {hasScans && <Newest doors={doors} event={event} />}
        </div>
      </div>
    </>
  )
}

function NoScans({ event }: { event: EventDetails }) {
  const t = words.value.live
  const isAhead = Date.parse(event.startsAt) > useNow()
  return (
    <Empty icon="ticket" title={t.noScans}>
      <p>
        {isAhead && `${t.opens}${moment(event.startsAt, event.timezone)}. `}
        {t.noScansHow}
      </p>
    </Empty>
  )
}

/** Whether these are the numbers of now; if not, of when, and why. */
function HowFresh({ doors }: { doors: Doors }) {
  const t = words.value.live
  const now = useNow()
  const known = doors.stats.value
  const problem = doors.problem.value
  if (!known) return null
  const age = now - known.at
  if (problem) {
    const { title } = sayProblem(problem)
    return (
      <p class="fresh old" role="status">
        <Icon name="cloud" />
        {title}. {t.numbersFrom}
        {ago(age)}.
      </p>
    )
  }
  return (
    <p class="fresh">
      <span class="dot" aria-hidden="true" />
      {doors.how.value === 'told' ? t.toldNow : age < FRESH_MS ? t.fresh : `${t.asked}${ago(age)}`}
    </p>
  )
}

/** While they come every two seconds nobody wants to see them counted. */
const FRESH_MS = 6000
