import { useSignal } from '@preact/signals'
import { withQuery } from '../api.ts'
import { useList } from '../loading.ts'
import { Heading } from '../parts/heading.tsx'
import { Icon } from '../parts/icon.tsx'
import { Link } from '../parts/link.tsx'
import { Empty, Failed, Loading } from '../parts/states.tsx'
import { MoreButton } from '../parts/table.tsx'
import { place, setQuery } from '../router.ts'
import { may } from '../session.ts'
import type { EventItem } from '../things.ts'
import { span, words } from '../words/language.ts'

/** The events of the organisation: what is on, what comes, what was. */
export default function EventsScreen() {
  const t = words.value.events
  const search = place.value.query.get('search') ?? ''
  const list = useList<EventItem>(withQuery('/api/events', { order: 'newest', search }))
  const isFirst = list.items?.length === 0 && search === ''
  return (
    <>
      <Heading title={t.title}>
        {may('admin') && (
          <Link to="/organisations" class="button">
            <Icon name="people" />
            {t.organisations}
          </Link>
        )}
        {may('organiser') && !isFirst && (
          <Link to="/new" class="button primary">
            <Icon name="plus" />
            {t.create}
          </Link>
        )}
      </Heading>
      {!isFirst && <Search value={search} />}
      {list.items ? (
        <Found items={list.items} isSearch={search !== ''} />
      ) : list.problem ? (
        <Failed problem={list.problem} onRetry={() => void list.reload()} />
      ) : (
        <Loading />
      )}
      <MoreButton
        hasMore={list.hasMore}
        isLoading={list.isLoadingMore}
        label={words.value.common.more}
        onMore={list.more}
      />
    </>
  )
}

function Search({ value }: { value: string }) {
  const t = words.value.events
  const timer = useSignal<ReturnType<typeof setTimeout> | undefined>(undefined)
  return (
    <search class="search">
      <Icon name="search" />
      <input
        type="search"
        aria-label={t.search}
        placeholder={t.search}
        defaultValue={value}
        maxLength={100}
        onInput={(event) => {
          const text = event.currentTarget.value.trim()
          clearTimeout(timer.peek())
          timer.value = setTimeout(() => setQuery({ search: text }), 250)
        }}
      />
    </search>
  )
}

function Found({ items, isSearch }: { items: EventItem[]; isSearch: boolean }) {
  const t = words.value.events
  if (items.length === 0) return isSearch ? <NoMatch /> : <First />
  const now = Date.now()
  const isOver = (event: EventItem) => event.closedAt !== null || Date.parse(event.endsAt) <= now
  const isAhead = (event: EventItem) => Date.parse(event.startsAt) > now
  const starts = (event: EventItem) => Date.parse(event.startsAt)
  const past = items.filter(isOver).sort((a, b) => starts(b) - starts(a))
  const next = items.filter((event) => !isOver(event) && isAhead(event)).sort((a, b) => starts(a) - starts(b))
  const current = items.filter((event) => !isOver(event) && !isAhead(event)).sort((a, b) => starts(b) - starts(a))
  return (
    <>
      <Group title={t.now} items={current} />
      <Group title={t.next} items={next} />
      <Group title={t.past} items={past} />
    </>
  )
}

function Group({ title, items }: { title: string; items: EventItem[] }) {
  const t = words.value.events
  if (items.length === 0) return null
  return (
    <section class="group">
      <h2>{title}</h2>
      <ul class="cards">
        {items.map((event) => (
          <li key={event.id}>
            <Link to={`/events/${event.id}`} class="card event-card">
              <strong>{event.title}</strong>
              <span class="dim">{span(event.startsAt, event.endsAt, event.timezone)}</span>
              {event.location && <span class="dim">{event.location}</span>}
              {event.closedAt && <span class="tag">{t.closed}</span>}
            </Link>
          </li>
        ))}
      </ul>
    </section>
  )
}

function First() {
  const t = words.value.events
  if (!may('organiser')) {
    return (
      <Empty icon="events" title={t.emptyViewer}>
        <p>{t.emptyViewerHow}</p>
      </Empty>
    )
  }
  return (
    <Empty icon="events" title={t.first}>
      <p>{t.firstHow}</p>
      <Link to="/new" class="button primary">
        <Icon name="plus" />
        {t.create}
      </Link>
    </Empty>
  )
}

function NoMatch() {
  const t = words.value.events
  return (
    <Empty icon="search" title={t.noMatch}>
      <p>{t.noMatchHow}</p>
    </Empty>
  )
}
