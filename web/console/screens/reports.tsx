import type { ReportItem, ShiftLine, StallLine, SummaryAnswer, TillLine } from '../../../core/report-answers.ts'
import { useEvent } from '../event.ts'
import { useGet } from '../loading.ts'
import { Curve } from '../manage/curve.tsx'
import type { List } from '../manage/things.ts'
import { reasonWords } from '../manage/words.ts'
import { Heading } from '../parts/heading.tsx'
import { Loaded } from '../parts/states.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { may } from '../session.ts'
import {
  day,
  exactTime,
  milliseconds,
  moment,
  money,
  number,
  percent,
  span,
  timeOfDay,
  words,
} from '../words/language.ts'

const t = words.value.reports

/** What happened, on one page that can be printed. */
export default function ReportsScreen() {
  const { event } = useEvent()
  const loaded = useGet<SummaryAnswer>(`/api/hp-scanner/summary/${event.id}`)
  return (
    <>
      <Heading title={t.report} of={event.title}>
        <a class="button no-print" href={`/api/hp-scanner/summary/${event.id}?format=pdf`} download>
          {t.asPdf}
        </a>
        <button type="button" class="no-print" onClick={() => print()}>
          {t.print}
        </button>
      </Heading>
      <p>
        <strong>{event.title}</strong>, {span(event.startsAt, event.endsAt, event.timezone)}
        {event.location && `, ${event.location}`}
        {event.closedAt && t.closedThis(moment(event.closedAt, event.timezone))}
      </p>
      <Downloads />
      <Loaded of={loaded}>{(summary) => <Report summary={summary} />}</Loaded>
      <AtTheDoor summary={loaded.value} />
    </>
  )
}

const totalWords: Record<string, string> = {
  tickets: t.tickets,
  people: t.peopleWithATicket,
  admitted: t.peopleLetIn,
  admittedTickets: t.ticketsUsed,
  noShows: t.didNotCome,
  exited: t.wentOut,
  visited: t.visits,
  refused: t.refused,
  duplicates: t.shownTwice,
  scans: t.scans,
}

function Report({ summary }: { summary: SummaryAnswer }) {
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
        <div>
          <dt>{t.withoutNetwork}</dt>
          <dd>{number(offline.scans)}</dd>
        </div>
      </dl>
      <section class="card panel">
        <h2>{t.arrivals}</h2>
        {peak ? (
          <p>
            {t.theBusiestMinuteWas}
            {timeOfDay(peak.at, event.timezone)}
            {t.with}
            {number(peak.perMinute)} {peak.perMinute === 1 ? 'person' : 'people'}
            {t.letIn}
          </p>
        ) : (
          <p>{t.nobodyHasBeenLet}</p>
        )}
        {arrivals.items.length > 0 && (
          <Curve items={arrivals.items} timezone={event.timezone} bucket={arrivals.bucket} />
        )}
      </section>
      <section class="group">
        <h2>{t.refusalsByReason}</h2>
        <Bars
          caption={t.refusalsByReason}
          rows={Object.entries(refusals).map(([code, count]) => [reasonWords(code), count])}
          none={t.nobodyWasRefused}
        />
      </section>
      <Section title={t.zones}>
        <Table
          caption={t.zones}
          items={summary.zones}
          keyOf={({ id }) => id}
          columns={[
            { title: t.zone, cell: ({ name }) => name },
            { title: t.insideNow, isNumber: true, cell: ({ inside }) => number(inside) },
            {
              title: t.roomFor,
              isNumber: true,
              cell: ({ capacity }) => (capacity === null ? t.noLimit : number(capacity)),
            },
          ]}
        />
      </Section>
      <Section title={t.ticketTypes} isEmpty={summary.types.length === 0}>
        <Table
          caption={t.ticketTypes}
          items={summary.types}
          keyOf={({ id }) => id}
          columns={[
            { title: t.type, cell: ({ name }) => name },
            { title: t.tickets, isNumber: true, cell: ({ tickets }) => number(tickets) },
            { title: t.people, isNumber: true, cell: ({ people }) => number(people) },
            { title: t.letIn2, isNumber: true, cell: ({ admitted }) => number(admitted) },
          ]}
        />
      </Section>
      <Section title={t.gates} isEmpty={summary.gates.length === 0}>
        <Table
          stacks
          caption={t.gates}
          items={summary.gates}
          keyOf={({ gateId }) => gateId}
          columns={itemColumns(t.gate, event.timezone)}
        />
      </Section>
      <Section title={t.staff} isEmpty={summary.staff.length === 0}>
        <Table
          stacks
          caption={t.staff}
          items={summary.staff}
          keyOf={({ staffId }) => staffId}
          columns={itemColumns(t.name, event.timezone)}
        />
      </Section>
      {latency.p50 !== null && (
        <p class="dim">
          {t.decidingAScanTook}
          {took(latency.p50)}
          {t.inHalfOfAll}
          {took(latency.p95)}
          {t.in95Of100}
          {took(latency.p99)}
          {t.in99Of100}
        </p>
      )}
    </div>
  )
}

type SectionProps = { title: string; isEmpty?: boolean; children: preact.ComponentChildren }

function Section({ title, isEmpty = false, children }: SectionProps) {
  return (
    <section class="group">
      <h2>{title}</h2>
      {isEmpty ? <p>{t.noneYet}</p> : children}
    </section>
  )
}

function itemColumns(title: string, timezone: string): Column<ReportItem>[] {
  return [
    { title, cell: ({ name }) => name },
    { title: t.scans, isNumber: true, cell: ({ scans }) => number(scans) },
    { title: t.letIn2, isNumber: true, cell: ({ admitted }) => number(admitted) },
    { title: t.wentOut, isNumber: true, cell: ({ exited }) => number(exited) },
    {
      title: t.refused,
      isNumber: true,
      cell: ({ refused }) => number(Object.values(refused).reduce((sum, count) => sum + count, 0)),
    },
    { title: t.shownTwice, isNumber: true, cell: ({ duplicates }) => number(duplicates) },
    { title: t.firstScan, cell: ({ firstScanAt }) => <When at={firstScanAt} timezone={timezone} /> },
    { title: t.lastScan, cell: ({ lastScanAt }) => <When at={lastScanAt} timezone={timezone} /> },
    { title: t.median, isNumber: true, cell: ({ validationTime }) => took(validationTime.p50) },
    { title: percent(0.95), isNumber: true, cell: ({ validationTime }) => took(validationTime.p95) },
  ]
}

/** The day over the time: there are many columns. */
function When({ at, timezone }: { at: string | null; timezone: string }) {
  if (at === null) return <>–</>
  return (
    <>
      <span class="nowrap">{day(at, timezone)},</span> <span class="nowrap">{exactTime(at, timezone)}</span>
    </>
  )
}

function took(value: number | null): string {
  return value === null ? '–' : milliseconds(value)
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
        { title: t.reason, cell: ([label]) => label },
        { title: t.scans, isNumber: true, cell: ([, count]) => number(count) },
        {
          title: t.share,
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
    [t.scansCsv, `${path}/exports/entries.csv`, 'viewer'],
    [t.scansNdjson, `${path}/exports/entries.ndjson`, 'viewer'],
    [t.duplicatesCsv, `${path}/exports/duplicates.csv`, 'viewer'],
    [t.ticketsCsv, `${path}/exports/tickets.csv`, 'organiser'],
    [t.ticketsOnPaperPdf, `${path}/sheet.pdf`, 'organiser'],
    [t.badgesPdf, `${path}/sheet.pdf?layout=badges`, 'organiser'],
    [t.codesAsImagesZip, `${path}/sheet.zip`, 'organiser'],
  ]
  return (
    <section class="group no-print">
      <h2>{t.downloads}</h2>
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
function AtTheDoor({ summary }: { summary: SummaryAnswer | null }) {
  const { event } = useEvent()
  const staffName = (id: string | null) => summary?.staff.find(({ staffId }) => staffId === id)?.name ?? id ?? '–'
  const gateName = (id: string | null) => summary?.gates.find(({ gateId }) => gateId === id)?.name ?? id ?? '–'
  const { timezone } = event
  const shifts = useGet<List<ShiftLine>>(`/api/hp-scanner/shift-report/${event.id}`)
  const till = useGet<List<TillLine>>(`/api/hp-scanner/till-report/${event.id}`)
  const stalls = useGet<List<StallLine>>(`/api/hp-scanner/stall-report/${event.id}`)
  return (
    <div class="report">
      {(shifts.value?.items.length ?? 0) > 0 && (
        <Section title={t.shifts}>
          <Table
            caption={t.shifts}
            items={shifts.value?.items ?? []}
            keyOf={({ id }) => id}
            columns={[
              { title: t.staff, cell: ({ staffId }) => staffName(staffId) },
              { title: t.from, cell: ({ startedAt }) => moment(startedAt, timezone) },
              { title: t.to, cell: ({ endedAt }) => (endedAt ? moment(endedAt, timezone) : t.stillOn) },
              { title: t.scans, isNumber: true, cell: ({ scans }) => number(scans) },
              { title: t.letIn2, isNumber: true, cell: ({ admitted }) => number(admitted) },
            ]}
          />
        </Section>
      )}
      {(till.value?.items.length ?? 0) > 0 && (
        <Section title={t.till}>
          <Table
            caption={t.till}
            items={till.value?.items ?? []}
            keyOf={(_, index) => index}
            columns={[
              { title: t.staff, cell: ({ staffId }) => staffName(staffId) },
              { title: t.gate, cell: ({ gateId }) => gateName(gateId) },
              { title: t.paidBy, cell: ({ method }) => t.methods[method] ?? method },
              { title: t.sales, isNumber: true, cell: ({ sales }) => number(sales) },
              { title: t.people, isNumber: true, cell: ({ people }) => number(people) },
              { title: t.taken, isNumber: true, cell: ({ amount, currency }) => money(amount, currency) },
            ]}
          />
        </Section>
      )}
      {(stalls.value?.items.length ?? 0) > 0 && (
        <Section title={t.stalls}>
          <Table
            caption={t.stalls}
            items={stalls.value?.items ?? []}
            keyOf={({ gateId }) => gateId}
            columns={[
              { title: t.stall, cell: ({ name }) => name },
              { title: t.visits, isNumber: true, cell: ({ visits }) => number(visits) },
              { title: t.differentTickets, isNumber: true, cell: ({ visitors }) => number(visitors) },
            ]}
          />
        </Section>
      )}
    </div>
  )
}
