import { withQuery } from '../api.ts'
import { useEvent } from '../event.ts'
import { useGet, useWhole } from '../loading.ts'
import { ChoiceFilter, filterNow } from '../manage/filters.tsx'
import { exactMoment } from '../manage/moments.ts'
import type { Gate } from '../manage/things.ts'
import { nameIn } from '../names.ts'
import { Heading } from '../parts/heading.tsx'
import { Link } from '../parts/link.tsx'
import { Empty, Loaded } from '../parts/states.tsx'
import { Table } from '../parts/table.tsx'
import { setQuery } from '../router.ts'
import { number, words } from '../words/language.ts'

const t = words.value.duplicates

type Duplicate = {
  id: string
  ticketId: string | null
  booking: { user: { name: string | null; email: string | null } }
  staff: { name: string | null }
  gateId: string
  scannedAt: string
  duplicateAttemptNumber: number | null
  originalScanId: { scannedAt: string; gateId: string } | null
}
type Page = { duplicates: Duplicate[]; pagination: { total: number; page: number; pages: number } }

/** Tickets that were shown again after they had let in. */
export default function DuplicatesScreen() {
  const { event, path, home } = useEvent()
  const filter = filterNow(['gateId', 'page'])
  const loaded = useGet<Page>(withQuery(`/api/hp-scanner/duplicate-attempts/${event.id}`, { ...filter, limit: 50 }))
  const gates = useWhole<Gate>(`${path}/gates`)
  const gateName = (id: string) => nameIn(gates.value?.items, id)
  return (
    <>
      <Heading title={t.duplicates} of={event.title} />
      <p class="dim">{t.aTicketThatHas}</p>
      <div class="filters">
        <ChoiceFilter
          name="gateId"
          label={t.gate}
          all={t.everyGate}
          options={(gates.value?.items ?? []).map(({ id, name }) => ({ value: id, label: name }))}
        />
      </div>
      <Loaded of={loaded}>
        {({ duplicates, pagination }) =>
          duplicates.length === 0 ? (
            <Empty icon="twice" title={t.nobodyWasShownTwice} />
          ) : (
            <>
              <p class="dim" role="status">
                {number(pagination.total)}
                {t.inAllPage}
                {pagination.page}
                {t.of}
                {pagination.pages}
              </p>
              <Table
                stacks
                caption={t.duplicates}
                items={duplicates}
                keyOf={({ id }) => id}
                columns={[
                  {
                    title: t.holder,
                    cell: ({ ticketId, booking }) =>
                      ticketId ? (
                        <Link to={`${home}/tickets/${ticketId}`}>{booking.user.name ?? `…${ticketId.slice(-6)}`}</Link>
                      ) : (
                        '–'
                      ),
                  },
                  {
                    title: t.shownAgain,
                    cell: ({ scannedAt }) => <span class="nowrap">{exactMoment(scannedAt, event.timezone)}</span>,
                  },
                  { title: t.at, cell: ({ gateId }) => gateName(gateId) },
                  {
                    title: t.time,
                    isNumber: true,
                    cell: ({ duplicateAttemptNumber }) => duplicateAttemptNumber ?? '–',
                  },
                  {
                    title: t.hadComeIn,
                    cell: ({ originalScanId }) => (
                      <span class="nowrap">{exactMoment(originalScanId?.scannedAt ?? null, event.timezone)}</span>
                    ),
                  },
                  {
                    title: t.through,
                    cell: ({ originalScanId }) => (originalScanId ? gateName(originalScanId.gateId) : '–'),
                  },
                  { title: t.staff, cell: ({ staff }) => staff.name ?? '–' },
                ]}
              />
              <Pager {...pagination} />
            </>
          )
        }
      </Loaded>
      <p>
        <a href={`${path}/exports/duplicates.csv`} download>
          {t.downloadAllAsCsv}
        </a>
      </p>
    </>
  )
}

function Pager({ page, pages }: { page: number; pages: number }) {
  if (pages <= 1) return null
  return (
    <nav class="actions" aria-label={t.pages}>
      <button type="button" disabled={page <= 1} onClick={() => setQuery({ page: String(page - 1) })}>
        {t.newer}
      </button>
      <button type="button" disabled={page >= pages} onClick={() => setQuery({ page: String(page + 1) })}>
        {t.older}
      </button>
    </nav>
  )
}
