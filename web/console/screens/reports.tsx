import { useEvent } from '../event.ts'
import { useGet } from '../loading.ts'
import { Curve } from '../manage/curve.tsx'
import { exactMoment } from '../manage/moments.ts'
import type { List } from '../manage/things.ts'
import { reasonWords } from '../manage/words.ts'
import { Heading } from '../parts/heading.tsx'
import { Loaded } from '../parts/states.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { may } from '../session.ts'
import { moment, money, number, span, timeOfDay } from '../words/language.ts'

type Item = {
  name: string
  scans: number
  admitted: number
  exited: number
  refused: Record<string, number>
  duplicates: number
  firstScanAt: string | null
  lastScanAt: string | null
  validationTime: { p50: number | null; p95: number | null }
}
type Summary = {
  totals: Record<string, number>
  zones: { id: string; name: string; inside: number; capacity: number | null }[]
  gates: (Item & { gateId: string })[]
  staff: (Item & { staffId: string })[]
  types: { id: string; name: string; tickets: number; people: number; admitted: number }[]
  refusals: Record<string, number>
  arrivals: {
    bucket: string
    timezone: string
    items: { at: string; admitted: number; exited: number; refused: number }[]
  }
  peak: { at: string; perMinute: number } | null
  offline?: { scans: number; conflicts: number }
  latency: { p50: number | null; p95: number | null; p99: number | null }
}
type Shift = {
  id: string
  staffId: string
  deviceId: string
  startedAt: string
  endedAt: string | null
  scans: number
  admitted: number
}
type TillLine = {
  staffId: string | null
  gateId: string | null
  method: string
  currency: string | null
  sales: number
  people: number
  amount: number
}
type Stall = { gateId: string; name: string; visits: number; visitors: number }

/** What happened, on one page that can be printed. */
export default function ReportsScreen() {
  const { event } = useEvent()
  const loaded = useGet<Summary>(`/api/hp-scanner/summary/${event.id}`)
  return (
    <>
      <Heading title="Report" of={event.title}>
        <button type="button" class="no-print" onClick={() => print()}>
          Print
        </button>
      </Heading>
      <p>
        <strong>{event.title}</strong>, {span(event.startsAt, event.endsAt, event.timezone)}
        {event.location && `, ${event.location}`}
        {event.closedAt && `. Closed ${moment(event.closedAt, event.timezone)}`}
      </p>
      <Downloads />
      <Loaded of={loaded}>{(summary) => <Report summary={summary} />}</Loaded>
      <AtTheDoor />
    </>
  )
}

const totalWords: Record<string, string> = {
  tickets: 'Tickets',
  people: 'People with a ticket',
  admitted: 'People let in',
  admittedTickets: 'Tickets used',
  noShows: 'Did not come',
  exited: 'Went out',
  visited: 'Visits',
  refused: 'Refused',
  duplicates: 'Shown twice',
  scans: 'Scans',
}

function Report({ summary }: { summary: Summary }) {
  const { event } = useEvent()
  const { totals, arrivals, peak, latency, refusals, offline } = summary
  return (
    <div class="report">
      <dl class="figures">
        {Object.entries(totalWords).map(([name, label]) => (
          <div key={name}>
            <dt>{label}</dt>
            <dd>{number(totals[name] ?? 0)}</dd>
          </div>
        ))}
        {offline && (
          <div>
            <dt>Without network</dt>
            <dd>{number(offline.scans)}</dd>
          </div>
        )}
      </dl>
      <section class="card panel">
        <h2>Arrivals</h2>
        {peak ? (
          <p>
            The busiest minute was {timeOfDay(peak.at, event.timezone)}, with {number(peak.perMinute)}{' '}
            {peak.perMinute === 1 ? 'person' : 'people'} let in.
          </p>
        ) : (
          <p>Nobody has been let in yet.</p>
        )}
        {arrivals.items.length > 0 && (
          <Curve items={arrivals.items} timezone={event.timezone} bucket={arrivals.bucket} />
        )}
      </section>
      <section class="group">
        <h2>Refusals by reason</h2>
        <Bars
          caption="Refusals by reason"
          rows={Object.entries(refusals).map(([code, count]) => [reasonWords(code), count])}
          none="Nobody was refused."
        />
      </section>
      <Section title="Zones">
        <Table
          caption="Zones"
          items={summary.zones}
          keyOf={({ id }) => id}
          columns={[
            { title: 'Zone', cell: ({ name }) => name },
            { title: 'Inside now', isNumber: true, cell: ({ inside }) => number(inside) },
            {
              title: 'Room for',
              isNumber: true,
              cell: ({ capacity }) => (capacity === null ? 'No limit' : number(capacity)),
            },
          ]}
        />
      </Section>
      <Section title="Ticket types">
        <Table
          caption="Ticket types"
          items={summary.types}
          keyOf={({ id }) => id}
          columns={[
            { title: 'Type', cell: ({ name }) => name },
            { title: 'Tickets', isNumber: true, cell: ({ tickets }) => number(tickets) },
            { title: 'People', isNumber: true, cell: ({ people }) => number(people) },
            { title: 'Let in', isNumber: true, cell: ({ admitted }) => number(admitted) },
          ]}
        />
      </Section>
      <Section title="Gates">
        <Table
          stacks
          caption="Gates"
          items={summary.gates}
          keyOf={({ gateId }) => gateId}
          columns={itemColumns('Gate', event.timezone)}
        />
      </Section>
      <Section title="Staff">
        <Table
          stacks
          caption="Staff"
          items={summary.staff}
          keyOf={({ staffId }) => staffId}
          columns={itemColumns('Name', event.timezone)}
        />
      </Section>
      <p class="dim">
        Deciding a scan took {milliseconds(latency.p50)} in half of all cases, less than {milliseconds(latency.p95)} in
        95 of 100 and less than {milliseconds(latency.p99)} in 99 of 100.
      </p>
    </div>
  )
}

function Section({ title, children }: { title: string; children: preact.ComponentChildren }) {
  return (
    <section class="group">
      <h2>{title}</h2>
      {children}
    </section>
  )
}

function itemColumns(title: string, timezone: string): Column<Item>[] {
  return [
    { title, cell: ({ name }) => name },
    { title: 'Scans', isNumber: true, cell: ({ scans }) => number(scans) },
    { title: 'Let in', isNumber: true, cell: ({ admitted }) => number(admitted) },
    { title: 'Went out', isNumber: true, cell: ({ exited }) => number(exited) },
    {
      title: 'Refused',
      isNumber: true,
      cell: ({ refused }) => number(Object.values(refused).reduce((sum, count) => sum + count, 0)),
    },
    { title: 'Shown twice', isNumber: true, cell: ({ duplicates }) => number(duplicates) },
    { title: 'First scan', cell: ({ firstScanAt }) => exactMoment(firstScanAt, timezone) },
    { title: 'Last scan', cell: ({ lastScanAt }) => exactMoment(lastScanAt, timezone) },
    { title: 'Median', isNumber: true, cell: ({ validationTime }) => milliseconds(validationTime.p50) },
    { title: '95 %', isNumber: true, cell: ({ validationTime }) => milliseconds(validationTime.p95) },
  ]
}

function milliseconds(value: number | null): string {
  return value === null ? '–' : `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`
}

/** Counts as bars; the number beside each is the table. */
function Bars({ caption, rows, none }: { caption: string; rows: [string, number][]; none: string }) {
  const sorted = rows.filter(([, count]) => count > 0).sort(([, a], [, b]) => b - a)
  const most = Math.max(1, ...sorted.map(([, count]) => count))
  if (sorted.length === 0) return <p>{none}</p>
  return (
    <Table
      caption={caption}
      items={sorted}
      keyOf={([label]) => label}
      columns={[
        { title: 'Reason', cell: ([label]) => label },
        { title: 'Scans', isNumber: true, cell: ([, count]) => number(count) },
        {
          title: 'Share',
          cell: ([label, count]) => (
            <svg
              class="share"
              viewBox="0 0 100 8"
              preserveAspectRatio="none"
              role="img"
              aria-label={`${label}: ${count}`}
            >
              <rect class="refused" width={(100 * count) / most} height="8" />
            </svg>
          ),
        },
      ]}
    />
  )
}

function Downloads() {
  const { path } = useEvent()
  const files: [string, string, 'viewer' | 'organiser'][] = [
    ['Scans (CSV)', `${path}/exports/entries.csv`, 'viewer'],
    ['Scans (NDJSON)', `${path}/exports/entries.ndjson`, 'viewer'],
    ['Duplicates (CSV)', `${path}/exports/duplicates.csv`, 'viewer'],
    ['Tickets (CSV)', `${path}/exports/tickets.csv`, 'organiser'],
    ['Tickets on paper (PDF)', `${path}/sheet.pdf`, 'organiser'],
    ['Badges (PDF)', `${path}/sheet.pdf?layout=badges`, 'organiser'],
    ['Codes as images (ZIP)', `${path}/sheet.zip`, 'organiser'],
  ]
  return (
    <section class="group no-print">
      <h2>Downloads</h2>
      <div class="actions">
        {files
          .filter(([, , role]) => may(role))
          .map(([label, href]) => (
            <a key={href} class="button" href={href} download>
              {label}
            </a>
          ))}
      </div>
    </section>
  )
}

/** Shifts, the till and stalls: each only where there is something. */
function AtTheDoor() {
  const { event } = useEvent()
  const { timezone } = event
  const shifts = useGet<List<Shift>>(`/api/hp-scanner/shift-report/${event.id}`)
  const till = useGet<List<TillLine>>(`/api/hp-scanner/till-report/${event.id}`)
  const stalls = useGet<List<Stall>>(`/api/hp-scanner/stall-report/${event.id}`)
  return (
    <div class="report">
      {(shifts.value?.items.length ?? 0) > 0 && (
        <Section title="Shifts">
          <Table
            caption="Shifts"
            items={shifts.value?.items ?? []}
            keyOf={({ id }) => id}
            columns={[
              { title: 'Staff', cell: ({ staffId }) => staffId },
              { title: 'From', cell: ({ startedAt }) => moment(startedAt, timezone) },
              { title: 'To', cell: ({ endedAt }) => (endedAt ? moment(endedAt, timezone) : 'Still on') },
              { title: 'Scans', isNumber: true, cell: ({ scans }) => number(scans) },
              { title: 'Let in', isNumber: true, cell: ({ admitted }) => number(admitted) },
            ]}
          />
        </Section>
      )}
      {(till.value?.items.length ?? 0) > 0 && (
        <Section title="Till">
          <Table
            caption="Till"
            items={till.value?.items ?? []}
            keyOf={(_, index) => index}
            columns={[
              { title: 'Staff', cell: ({ staffId }) => staffId ?? '–' },
              { title: 'Gate', cell: ({ gateId }) => gateId ?? '–' },
              { title: 'Paid by', cell: ({ method }) => method },
              { title: 'Sales', isNumber: true, cell: ({ sales }) => number(sales) },
              { title: 'People', isNumber: true, cell: ({ people }) => number(people) },
              { title: 'Taken', isNumber: true, cell: ({ amount, currency }) => money(amount, currency) },
            ]}
          />
        </Section>
      )}
      {(stalls.value?.items.length ?? 0) > 0 && (
        <Section title="Stalls">
          <Table
            caption="Stalls"
            items={stalls.value?.items ?? []}
            keyOf={({ gateId }) => gateId}
            columns={[
              { title: 'Stall', cell: ({ name }) => name },
              { title: 'Visits', isNumber: true, cell: ({ visits }) => number(visits) },
              { title: 'Different tickets', isNumber: true, cell: ({ visitors }) => number(visitors) },
            ]}
          />
        </Section>
      )}
    </div>
  )
}
