import { useContext } from 'preact/hooks'
import { auditKinds } from '../../../core/audit.ts'
import { withQuery } from '../api.ts'
import { EventContext } from '../event.ts'
import { useList } from '../loading.ts'
import { type AuditLine, sayChange, sayWho } from '../manage/audit.ts'
import { ChoiceFilter, filterNow } from '../manage/filters.tsx'
import { Listing } from '../manage/listing.tsx'
import { exactMoment } from '../manage/moments.ts'
import { Heading } from '../parts/heading.tsx'
import { Icon } from '../parts/icon.tsx'
import { Empty } from '../parts/states.tsx'
import { setQuery } from '../router.ts'
import type { ScreenProps } from '../routes.ts'
import { ownTimezone } from '../times.ts'
import { words } from '../words/language.ts'

const names = ['kind', 'actor', 'subject'] as const

/** What people and their keys changed, of an event or of an organisation: who, what, before and after. */
export default function AuditScreen({ params }: ScreenProps) {
  const t = words.value.audit
  const timezone = useContext(EventContext)?.event.timezone ?? ownTimezone
  const path = params.eventId
    ? `/api/events/${encodeURIComponent(params.eventId)}`
    : `/api/organisations/${encodeURIComponent(params.organisationId ?? '')}`
  const filter = filterNow(names)
  const list = useList<AuditLine>(withQuery(`${path}/audit`, filter))
  const isFiltered = Object.values(filter).some((value) => value !== '')
  return (
    <>
      <Heading title={t.title} of={params.eventId ? t.ofEvent : t.ofOrganisation}>
        <a href={`${path}/exports/audit.csv`} class="button" download>
          <Icon name="report" />
          {t.csv}
        </a>
      </Heading>
      <p class="dim">{t.how}</p>
      <div class="filters">
        <ChoiceFilter
          name="kind"
          label={t.kind}
          all={t.allKinds}
          options={auditKinds.map((value) => ({ value, label: t.kinds[value] }))}
        />
        {isFiltered && (
          <button type="button" class="plain" onClick={() => setQuery({ kind: null, actor: null, subject: null })}>
            {t.showAll}
          </button>
        )}
      </div>
      <Listing<AuditLine>
        list={list}
        caption={t.title}
        keyOf={({ id }) => id}
        columns={[
          { title: t.when, cell: ({ at }) => <span class="nowrap">{exactMoment(at, timezone)}</span> },
          { title: t.what, cell: ({ kind }) => <strong>{t.kinds[kind] ?? kind}</strong> },
          {
            title: t.who,
            cell: ({ actor }) => (
              <button type="button" class="in-text" onClick={() => setQuery({ actor: actor.id })}>
                {sayWho(actor)}
              </button>
            ),
          },
          {
            title: t.subject,
            cell: ({ subject }) =>
              subject && (
                <button type="button" class="in-text nowrap" onClick={() => setQuery({ subject: subject.id })}>
                  {subject.id.length > 20 ? `…${subject.id.slice(-6)}` : subject.id}
                </button>
              ),
          },
          {
            title: t.changes,
            cell: ({ changes }) =>
              changes.length === 0 ? (
                '–'
              ) : (
                <ul class="changes">
                  {changes.map((change) => (
                    <li key={change.field}>{sayChange(change, timezone)}</li>
                  ))}
                </ul>
              ),
          },
          { title: t.network, cell: ({ network }) => network ?? '–' },
        ]}
        empty={
          <Empty icon="check" title={isFiltered ? t.noMatch : t.none}>
            <p>{isFiltered ? t.noMatchHow : t.noneHow}</p>
          </Empty>
        }
      />
    </>
  )
}
