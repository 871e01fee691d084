import type {
  Bucket,
  ReportItem,
  SeriesAnswer,
  ShiftLine,
  StallLine,
  SummaryAnswer,
  TillLine,
} from '../../core/report-answers.ts'
import { type Api, listWhole } from '../api.ts'
import type { Cell, Sheet } from '../terminal/table.ts'

/** A report: where it is asked for, and the tables that people read it as. Instants stay as the server gave them. */
type Report<T> = { ask: (api: Api, eventId: string) => Promise<T>; sheets: (data: T) => Sheet[] }

/** Every report, by the word that asks for it. */
export const reports = {
  summary: report<SummaryAnswer>(one('summary'), summarySheets),
  gates: report<Items<PerWho>>(one('gate-report'), ({ items }) => [perWho('Gates', 'gate', items)]),
  staff: report<Items<PerWho>>(one('staff-report'), ({ items }) => [perWho('Staff', 'staff', items)]),
  series: report<SeriesAnswer>(one('analytics', '/series?bucket=5min'), ({ items }) => [overTime('Arrivals', items)]),
  duplicates: report<Items<Duplicate>>(allDuplicates, ({ items }) => [
    {
      name: 'Duplicates',
      columns: ['scanned at', 'gate', 'attempt', 'ticket', 'name', 'first let in', 'there'],
      rows: items.map(({ scannedAt, gateId, duplicateAttemptNumber, ticketId, booking, originalScanId }) => [
        scannedAt,
        gateId,
        duplicateAttemptNumber,
        ticketId,
        booking.user.name,
        originalScanId?.scannedAt ?? null,
        originalScanId?.gateId ?? null,
      ]),
    },
  ]),
  conflicts: report<Items<Conflict>>(allConflicts, ({ items }) => [
    {
      name: 'Conflicts',
      columns: ['scanned at', 'gate', 'device', 'shown', 'judged', 'ticket', 'with', 'there'],
      rows: items.map(({ scannedAt, gateId, deviceId, shown, judged, ticketId, with: other }) => [
        scannedAt,
        gateId,
        deviceId,
        shown,
        judged,
        ticketId,
        other?.scannedAt ?? null,
        other?.gateId ?? null,
      ]),
    },
  ]),
  shifts: report<Items<ShiftLine>>(one('shift-report'), ({ items }) => [
    {
      name: 'Shifts',
      columns: ['staff', 'device', 'from', 'until', 'scans', 'admitted'],
      rows: items.map(({ staffId, deviceId, startedAt, endedAt, scans, admitted }) => {
        return [staffId, deviceId, startedAt, endedAt, scans, admitted]
      }),
    },
  ]),
  till: report<Items<TillLine>>(one('till-report'), ({ items }) => [
    {
      name: 'Till',
      columns: ['staff', 'gate', 'method', 'currency', 'sales', 'people', 'amount in minor units'],
      rows: items.map(({ staffId, gateId, method, currency, sales, people, amount }) => {
        return [staffId, gateId, method, currency, sales, people, amount]
      }),
    },
  ]),
  stalls: report<Items<StallLine>>(one('stall-report'), ({ items }) => [
    {
      name: 'Stalls',
      columns: ['stall', 'name', 'visits', 'visitors'],
      rows: items.map(({ gateId, name, visits, visitors }) => [gateId, name, visits, visitors]),
    },
  ]),
} as const

export type ReportKind = keyof typeof reports
export const reportKinds = Object.keys(reports) as ReportKind[]

type Items<T> = { items: T[] }
type PerWho = ReportItem & { gateId?: string; staffId?: string }
type Place = { scannedAt: string; gateId: string | null }
type Duplicate = Place & {
  duplicateAttemptNumber: number | null
  ticketId: string
  booking: { user: { name: string | null } }
  originalScanId: Place | null
}
type Conflict = Place & {
  deviceId: string | null
  shown: string
  judged: string
  ticketId: string | null
  with: Place | null
}
function report<T>(ask: Report<T>['ask'], sheets: Report<T>['sheets']): Report<unknown> {
  return { ask, sheets: (data) => sheets(data as T) }
}

function one<T>(name: string, rest = ''): Report<T>['ask'] {
  return async (api, eventId) => {
    const path = `/api/hp-scanner/${name}/${encodeURIComponent(eventId)}${rest}`
    return (await api.get<{ data: T }>(path)).data
  }
}

async function allDuplicates(api: Api, eventId: string): Promise<Items<Duplicate>> {
  type Page = { data: { duplicates: Duplicate[]; pagination: { pages: number } } }
  const items: Duplicate[] = []
  for (let page = 1, pages = 1; page <= pages; page++) {
    const path = `/api/hp-scanner/duplicate-attempts/${encodeURIComponent(eventId)}?limit=200&page=${page}`
    const { data } = await api.get<Page>(path)
    items.push(...data.duplicates)
    pages = data.pagination.pages
  }
  return { items }
}

async function allConflicts(api: Api, eventId: string): Promise<Items<Conflict>> {
  return { items: await listWhole<Conflict>(api, `/api/events/${encodeURIComponent(eventId)}/conflicts`) }
}

function summarySheets(summary: SummaryAnswer): Sheet[] {
  const { totals, zones, gates, staff, types, refusals, arrivals, peak, offline, latency } = summary
  const busiest: Cell[][] = peak ? [['people a minute at the peak', peak.perMinute]] : []
  return [
    {
      name: summary.event.title,
      columns: ['', 'count'],
      rows: [
        ...Object.entries(totals).map(([name, count]): Cell[] => [spelledOut(name), count]),
        ...busiest,
        ['scans judged without a network', offline.scans],
        ['conflicts', offline.conflicts],
      ],
    },
    { name: 'Refusals', columns: ['reason', 'scans'], rows: Object.entries(refusals) },
    {
      name: 'Zones',
      columns: ['zone', 'name', 'inside', 'capacity'],
      rows: zones.map(({ id, name, inside, capacity }) => [id, name, inside, capacity]),
    },
    perWho('Gates', 'gate', gates),
    perWho('Staff', 'staff', staff),
    {
      name: 'Ticket types',
      columns: ['type', 'name', 'tickets', 'people', 'admitted'],
      rows: types.map(({ id, name, tickets, people, admitted }) => [id, name, tickets, people, admitted]),
    },
    overTime('Arrivals', arrivals.items),
    {
      name: 'Time to decide, in milliseconds',
      columns: ['', 'p50', 'p95', 'p99'],
      rows: [['all scans', latency.p50, latency.p95, latency.p99]],
    },
  ]
}

function perWho(name: string, who: 'gate' | 'staff', items: PerWho[]): Sheet {
  const columns = [
    'scans',
    'admitted',
    'exited',
    'visited',
    'refused',
    'duplicates',
    'first',
    'last',
    'p50 ms',
    'p95 ms',
  ]
  return {
    name,
    columns: [who, 'name', ...columns],
    rows: items.map((item) => [
      item[`${who}Id`] ?? '',
      item.name,
      item.scans,
      item.admitted,
      item.exited,
      item.visited,
      Object.values(item.refused).reduce((sum, count) => sum + count, 0),
      item.duplicates,
      item.firstScanAt,
      item.lastScanAt,
      item.validationTime.p50,
      item.validationTime.p95,
    ]),
  }
}

function overTime(name: string, items: Bucket[]): Sheet {
  return {
    name,
    columns: ['from', 'admitted', 'exited', 'refused'],
    rows: items.map(({ at, admitted, exited, refused }) => [at, admitted, exited, refused]),
  }
}

/** `admittedTickets` → `admitted tickets`. */
function spelledOut(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
}
