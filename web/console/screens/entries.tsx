import { refusalReasons } from '../../../core/verdict.ts'
import { withQuery } from '../api.ts'
import { useEvent } from '../event.ts'
import { useList, useWhole } from '../loading.ts'
import { entryColumns } from '../manage/entry-columns.tsx'
import { ChoiceFilter, filterNow } from '../manage/filters.tsx'
import { Listing } from '../manage/listing.tsx'
import type { Gate, TicketType } from '../manage/things.ts'
import { reasons, verdicts } from '../manage/words.ts'
import { Heading } from '../parts/heading.tsx'
import { Empty } from '../parts/states.tsx'
import { setQuery } from '../router.ts'
import { may } from '../session.ts'
import type { Entry } from '../things.ts'
import { instantAt, localAt } from '../times.ts'
import { words } from '../words/language.ts'

const t = words.value.entries

const names = ['verdict', 'code', 'gate', 'type', 'staff', 'device', 'ticket', 'from', 'to'] as const

/** The whole log, the newest scan first. */
export default function EntriesScreen() {
  const { event, path, home } = useEvent()
  const filter = filterNow(names)
  const list = useList<Entry>(withQuery(`${path}/entries`, filter))
  const gates = useWhole<Gate>(`${path}/gates`)
  const types = useWhole<TicketType>(`${path}/ticket-types`)
  const isFiltered = Object.values(filter).some((value) => value !== '')
  return (
    <>
      <Heading title={t.scans} of={event.title}>
        <button type="button" onClick={() => void list.reload()}>
          {t.refresh}
        </button>
      </Heading>
      <p class="dim">{t.everyScanLetIn}</p>
      <div class="filters">
        <ChoiceFilter
          name="verdict"
          label={t.outcome}
          all={t.everyOutcome}
          options={Object.entries(verdicts).map(([value, label]) => ({ value, label }))}
        />
        <ChoiceFilter
          name="code"
          label={t.refusedBecause}
          all={t.forAnyReason}
          options={refusalReasons.map((value) => ({ value, label: reasons[value] }))}
        />
        <ChoiceFilter
          name="gate"
          label={t.gate}
          all={t.everyGate}
          options={(gates.value?.items ?? []).map(({ id, name }) => ({ value: id, label: name }))}
        />
        <ChoiceFilter
          name="type"
          label={t.ticketType}
          all={t.everyType}
          options={(types.value?.items ?? []).map(({ id, name }) => ({ value: id, label: name }))}
        />
        <TimeFilter name="from" label={t.from} />
        <TimeFilter name="to" label={t.before} />
        {isFiltered && (
          <button type="button" class="plain" onClick={() => setQuery(Object.fromEntries(names.map((n) => [n, null])))}>
            {t.showAll}
          </button>
        )}
      </div>
      <Listing<Entry>
        list={list}
        caption={t.scans}
        keyOf={({ id, scanId }) => `${id} ${scanId}`}
        columns={entryColumns({ timezone: event.timezone, home, withTicket: may('supervisor') })}
        empty={
          <Empty icon="clock" title={isFiltered ? t.noScanMatches : t.nothingWasScannedYet}>
            {isFiltered && <p>{t.tryAnotherFilterOr}</p>}
          </Empty>
        }
      />
    </>
  )
}

function TimeFilter({ name, label }: { name: 'from' | 'to'; label: string }) {
  const { event } = useEvent()
  const now = filterNow([name])[name]
  return (
    <label class="filter time-filter">
      {label}
      <input
        type="datetime-local"
        value={now ? localAt(now, event.timezone) : ''}
        onChange={({ currentTarget }) => setQuery({ [name]: instantAt(currentTarget.value, event.timezone) })}
      />
    </label>
  )
}
