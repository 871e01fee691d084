import { startOfLocalHour } from '../../core/local-day.ts'
import type { RefusalReason } from '../../core/verdict.ts'
import type { TillLine } from '../../durable-objects/tickets/sales.ts'
import type { Summary } from '../summary-shape.ts'
import { momentOf, spanOf } from '../times.ts'
import { type AxisWords, type Bucket, drawFilling, drawPace } from './curves.ts'
import { FontUse } from './font-use.ts'
import { openSans } from './open-sans.ts'
import { type Column, margin, Pages, WIDTH, writeTable } from './pages.ts'
import { writePdf } from './pdf.ts'
import { deflate, streamOf } from './streaming.ts'

type Item = Summary['gates'][number] | Summary['staff'][number]

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS

/** More bars than these are no bars any more. */
const MOST_BUCKETS = 360
const FEWEST_BUCKETS = 24

const bucketMs = { minute: MINUTE_MS, '5min': 5 * MINUTE_MS, hour: 60 * MINUTE_MS }

/** The report after the event on A4 pages. `till` is null where whoever asks may not see what was taken. */
export async function summaryPdf(
  summary: Summary,
  till: TillLine[] | null,
  at: number,
): Promise<ReadableStream<Uint8Array>> {
  const { font, name } = await openSans()
  const use = new FontUse(font, name)
  const pages = summaryPages(use, summary, till, at)
  async function* drawn() {
    yield* pages
  }
  return streamOf(writePdf(drawn(), use, `${summary.event.title} – report`, deflate))
}

/** Takes the report and the time; gives the operators of its pages. */
export function summaryPages(use: FontUse, summary: Summary, till: TillLine[] | null, at: number): string[] {
  const { event } = summary
  const { timezone } = event
  // What this font cannot write is told by its id, which the organiser chose as well.
  const written = (text: string | null, id = '') => (text && use.writable(text)) ?? use.writable(id) ?? '–'
  const foot = `Written ${momentOf(at, { timezone }, 'en-GB')} by Admit One`
  const pages = new Pages(use, written(event.title, event.id), written(foot))
  const when = spanOf({ startsAt: Date.parse(event.startsAt), endsAt: Date.parse(event.endsAt), timezone }, 'en-GB')
  writeHead(pages, written(event.title, event.id), [
    written(when),
    ...(event.location === null ? [] : [written(event.location)]),
    ...(event.closedAt === null ? [] : [`Closed ${clockOf(timezone).moment(event.closedAt)}`]),
  ])
  writeTiles(pages, summary)
  writeCurves(pages, summary)
  writeReasons(pages, summary.refusals)
  writeTable(pages, 'Zones', summary.zones, zoneColumns(written), 'There are none.')
  writeTable(pages, 'Ticket types', summary.types, typeColumns(written), 'There are none.')
  writeTable(pages, 'Gates', summary.gates, itemColumns('Gate', timezone, gateName(written)), 'There are none.')
  writeTable(pages, 'Staff', summary.staff, itemColumns('Name', timezone, staffName(written)), 'There are none.')
  if (till !== null) {
    writeTable(pages, 'Tills', till, tillColumns(summary, written), 'Nothing was sold at the door.')
    if (till.length > 1) pages.paragraph(`Taken in all: ${takenInAll(till)}.`)
  }
  pages.heading('How it went', 12)
  pages.paragraph(inWords(summary.latency))
  pages.paragraph(aloneInWords(summary.offline))
  if ((summary.totals.visited ?? 0) > 0) {
    pages.paragraph(`${plural(summary.totals.visited ?? 0, 'visit was', 'visits were')} noted at checkpoints.`)
  }
  return [...pages.drawn()]
}

function writeHead(pages: Pages, title: string, lines: string[]): void {
  const { left: x } = margin
  pages.y += pages.canvas.label(title, { x, y: pages.y, width: WIDTH, size: 22, least: 13, isBold: true }) + 1
  for (const line of lines) {
    pages.y += pages.canvas.label(line, { x, y: pages.y, width: WIDTH, size: 10, least: 7, colour: 'soft' })
  }
  pages.y += 3
}

function writeTiles(pages: Pages, { totals, peak, offline, event }: Summary): void {
  const of = (name: string) => totals[name] ?? 0
  const shareOf = (name: string) =>
    of('tickets') > 0 ? `${((100 * of(name)) / of('tickets')).toFixed(1)} % of ${count(of('tickets'))}` : ''
  const tiles: [number: string, label: string, more: string][] = [
    [count(of('admitted')), 'People let in', `of ${count(of('people'))} with a ticket`],
    [count(of('admittedTickets')), 'Tickets used', shareOf('admittedTickets')],
    [count(of('noShows')), 'Tickets not used', shareOf('noShows')],
    [
      peak ? count(peak.perMinute) : '–',
      'Busiest minute',
      peak ? `people, on ${clockOf(event.timezone).moment(peak.at)}` : '',
    ],
    [count(of('refused')), 'Scans refused', `of ${count(of('scans'))}`],
    [count(of('duplicates')), 'Shown again', 'after they were let in'],
    [count(of('exited')), 'People went out', ''],
    [count(offline.scans), 'Scans without network', plural(offline.conflicts, 'conflict', 'conflicts')],
  ]
  const [columns, gap, height] = [4, 3, 20]
  const width = (WIDTH - (columns - 1) * gap) / columns
  const top = pages.y
  for (const [i, [number, label, more]] of tiles.entries()) {
    const x = margin.left + (i % columns) * (width + gap)
    const y = top + Math.floor(i / columns) * (height + gap)
    pages.canvas.fill([{ x, y, width, height }], 'pale')
    const inner = { x: x + 3, width: width - 6 }
    pages.canvas.label(label, { ...inner, y: y + 2, size: 8, colour: 'soft' })
    pages.canvas.label(number, { ...inner, y: y + 5.5, size: 17, least: 10, isBold: true })
    if (more !== '') pages.canvas.label(more, { ...inner, y: y + 14.5, size: 7.5, least: 6, colour: 'soft' })
  }
  pages.y = top + Math.ceil(tiles.length / columns) * (height + gap)
}

function writeCurves(pages: Pages, { arrivals, totals, event }: Summary): void {
  pages.heading('Arrivals', 110)
  const told = arrivals.items.map(({ at, ...counts }) => ({ at: Date.parse(at), ...counts }))
  if (told.length === 0) {
    pages.paragraph('Nobody has been scanned yet.')
    return
  }
  const buckets = padded(merged(told), bucketMs[arrivals.bucket])
  const box = { x: margin.left, width: WIDTH }
  const words = () => axisWords(buckets, event.timezone)
  const people = totals.people ?? 0
  pages.paragraph(
    `People let in so far${people > 0 ? `; the dashed line is the ${count(people)} who have a ticket` : ''}.`,
  )
  drawFilling(pages.canvas, { ...box, y: pages.y, height: 46 }, buckets, people, words())
  pages.y += 49
  const size = { minute: 'minute', '5min': 'five minutes', hour: 'hour' }[arrivals.bucket]
  const isMerged = buckets.length < told.length
  pages.paragraph(
    `People let in (upwards) and scans refused (downwards) by ${isMerged ? `${Math.ceil(told.length / MOST_BUCKETS)} hours` : `the ${size}`}.`,
  )
  drawPace(pages.canvas, { ...box, y: pages.y, height: 46 }, buckets, words())
  pages.y += 48
}

/** With nothing before and after where there is so little that a bar would fill the page. */
function padded(buckets: Bucket[], sizeMs: number): Bucket[] {
  const lacking = Math.max(0, FEWEST_BUCKETS - buckets.length)
  const before = Math.floor(lacking / 2)
  const nothing = (from: number, many: number) =>
    Array.from({ length: many }, (_, i) => ({ at: from + i * sizeMs, admitted: 0, refused: 0 }))
  const [first, last] = [buckets[0]?.at ?? 0, buckets.at(-1)?.at ?? 0]
  return [...nothing(first - before * sizeMs, before), ...buckets, ...nothing(last + sizeMs, lacking - before)]
}

/** Adjacent buckets together, where there are more than can be seen. */
function merged(buckets: Bucket[]): Bucket[] {
  const size = Math.ceil(buckets.length / MOST_BUCKETS)
  if (size <= 1) return buckets
  return Array.from({ length: Math.ceil(buckets.length / size) }, (_, i) => {
    const some = buckets.slice(i * size, (i + 1) * size)
    return {
      at: some[0]?.at ?? 0,
      admitted: some.reduce((sum, { admitted }) => sum + admitted, 0),
      refused: some.reduce((sum, { refused }) => sum + refused, 0),
    }
  })
}

/** Times of day about eight times over the axis, at those that a person would choose; days where it is about days. */
function axisWords(buckets: Bucket[], timezone: string): AxisWords {
  const [first, last] = [buckets[0]?.at ?? 0, buckets.at(-1)?.at ?? 0]
  const clock = clockOf(timezone)
  const wanted = (last - first) / 8
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720].map((minutes) => minutes * MINUTE_MS)
  const step = steps.find((one) => one >= wanted)
  let days = 0
  let lastDay = ''
  return (at) => {
    if (step !== undefined) {
      // Clocks change by the quarter of an hour and more: the minutes of the local hour say which time of day it is.
      const [hours = 0, minutes = 0] = clock.time(at).split(':').map(Number)
      return ((hours * 60 + minutes) * MINUTE_MS) % step === 0
        ? hours + minutes === 0
          ? clock.day(at)
          : clock.time(at)
        : null
    }
    const day = clock.day(startOfLocalHour(at, timezone))
    if (day === lastDay) return null
    lastDay = day
    days += 1
    return (days - 1) % Math.max(1, Math.ceil(wanted / DAY_MS)) === 0 ? day : null
  }
}

function writeReasons(pages: Pages, refusals: Summary['refusals']): void {
  const rows = Object.entries(refusals)
    .filter(([, scans]) => scans > 0)
    .sort(([, a], [, b]) => b - a)
  pages.heading('Refusals by reason', 8)
  if (rows.length === 0) {
    pages.paragraph('Nobody was refused.')
    return
  }
  const most = Math.max(...rows.map(([, scans]) => scans))
  const [names, numbers] = [45, 18]
  const room = WIDTH - names - numbers
  for (const [code, scans] of rows) {
    pages.makeRoom(6)
    const { y } = pages
    pages.canvas.label(reasonWords(code), { x: margin.left, y: y + 0.6, width: names - 2, size: 8.5, least: 6 })
    const bar = { x: margin.left + names, y: y + 0.8, width: Math.max(0.4, (room * scans) / most), height: 3.4 }
    pages.canvas.fill([bar], 'refused')
    const number = { x: margin.left + names + room, y: y + 0.6, width: numbers, size: 8.5 }
    pages.canvas.label(count(scans), { ...number, align: 'right' })
    pages.y += 5.4
  }
}

type Written = (text: string | null, id?: string) => string

function zoneColumns(written: Written): Column<Summary['zones'][number]>[] {
  return [
    { title: 'Zone', cell: ({ name, id }) => written(name, id) },
    { title: 'Inside now', width: 30, isNumber: true, cell: ({ inside }) => count(inside) },
    {
      title: 'Room for',
      width: 30,
      isNumber: true,
      cell: ({ capacity }) => (capacity === null ? 'no limit' : count(capacity)),
    },
  ]
}

function typeColumns(written: Written): Column<Summary['types'][number]>[] {
  return [
    { title: 'Type', cell: ({ name, id }) => written(name, id) },
    { title: 'Tickets', width: 30, isNumber: true, cell: ({ tickets }) => count(tickets) },
    { title: 'People', width: 30, isNumber: true, cell: ({ people }) => count(people) },
    { title: 'Let in', width: 30, isNumber: true, cell: ({ admitted }) => count(admitted) },
  ]
}

const gateName = (written: Written) => (item: Item) => written(item.name, 'gateId' in item ? item.gateId : '')
const staffName = (written: Written) => (item: Item) => written(item.name, 'staffId' in item ? item.staffId : '')

function itemColumns(title: string, timezone: string, nameOf: (item: Item) => string): Column<Item>[] {
  const { moment } = clockOf(timezone)
  const number = (title: string, width: number, of: (item: Item) => number): Column<Item> => {
    return { title, width, isNumber: true, cell: (item) => count(of(item)) }
  }
  return [
    { title, cell: nameOf },
    number('Scans', 15, ({ scans }) => scans),
    number('Let in', 15, ({ admitted }) => admitted),
    number('Out', 14, ({ exited }) => exited),
    number('Refused', 15, ({ refused }) => Object.values(refused).reduce((sum, scans) => sum + scans, 0)),
    number('Again', 13, ({ duplicates }) => duplicates),
    {
      title: 'First scan',
      width: 23,
      isNumber: true,
      cell: ({ firstScanAt }) => (firstScanAt ? moment(firstScanAt) : ''),
    },
    { title: 'Last scan', width: 23, isNumber: true, cell: ({ lastScanAt }) => (lastScanAt ? moment(lastScanAt) : '') },
    { title: '95 % within', width: 17, isNumber: true, cell: ({ validationTime }) => milliseconds(validationTime.p95) },
  ]
}

function tillColumns({ gates, staff }: Summary, written: Written): Column<TillLine>[] {
  const nameOf = (id: string | null, all: Item[], key: 'gateId' | 'staffId') => {
    const one = all.find((item) => (item as Record<string, unknown>)[key] === id)
    return id === null ? '–' : written(one?.name ?? null, id)
  }
  return [
    { title: 'Staff', cell: ({ staffId }) => nameOf(staffId, staff, 'staffId') },
    { title: 'Gate', width: 50, cell: ({ gateId }) => nameOf(gateId, gates, 'gateId') },
    { title: 'Paid by', width: 18, cell: ({ method }) => method },
    { title: 'Sales', width: 15, isNumber: true, cell: ({ sales }) => count(sales) },
    { title: 'People', width: 15, isNumber: true, cell: ({ people }) => count(people) },
    { title: 'Taken', width: 30, isNumber: true, cell: ({ amount, currency }) => money(amount, currency) },
  ]
}

function inWords({ p50, p95, p99 }: Summary['latency']): string {
  if (p50 === null) return 'No scan was judged with the network, so there is nothing to say of how long it took.'
  return `Deciding a scan took ${milliseconds(p50)} or less in half of all cases, ${milliseconds(p95)} or less in 95 of 100 and ${milliseconds(p99)} or less in 99 of 100.`
}

function aloneInWords({ scans, conflicts }: Summary['offline']): string {
  if (scans === 0 && conflicts === 0) return 'No device had to decide without the network.'
  const decided = `${plural(scans, 'scan was', 'scans were')} decided by devices without the network.`
  if (conflicts === 0) return `${decided} None of them turned out otherwise.`
  return `${decided} There ${conflicts === 1 ? 'was 1 conflict' : `were ${count(conflicts)} conflicts`}: the gate did something else than is judged now that everything is known.`
}

function takenInAll(till: TillLine[]): string {
  const sums = new Map<string | null, number>()
  for (const { amount, currency } of till) {
    if (currency !== null) sums.set(currency, (sums.get(currency) ?? 0) + amount)
  }
  return sums.size === 0 ? 'nothing' : [...sums].map(([currency, amount]) => money(amount, currency)).join(', ')
}

/** A currency's minor units as people write them; some currencies have none. */
function money(amount: number, currency: string | null): string {
  if (currency === null) return amount === 0 ? 'free' : count(amount)
  const format = new Intl.NumberFormat('en', { style: 'currency', currency, currencyDisplay: 'code' })
  return format.format(amount / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2)).replace(/\s/g, ' ')
}

function count(value: number): string {
  return value.toLocaleString('en')
}

function plural(value: number, one: string, many: string): string {
  return `${count(value)} ${value === 1 ? one : many}`
}

function milliseconds(value: number | null): string {
  return value === null ? '' : `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`
}

/** Times as clocks at the venue show them. */
function clockOf(timeZone: string) {
  const of = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat('en-GB', { timeZone, ...options })
  const time = of({ hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
  const day = of({ day: 'numeric', month: 'short' })
  return {
    time: (at: number) => time.format(at),
    day: (at: number) => day.format(at),
    moment: (at: string) => `${day.format(Date.parse(at))}, ${time.format(Date.parse(at))}`,
  }
}

const reasons: Record<RefusalReason, string> = {
  unreadable: 'Could not be read',
  forged: 'Forged',
  wrong_event: 'Another event’s ticket',
  event_closed: 'Event closed',
  unknown: 'No ticket of the event',
  revoked: 'Revoked',
  blocked: 'On hold',
  unpaid: 'Not paid',
  too_early: 'Not valid yet',
  too_late: 'No longer valid',
  wrong_gate: 'Wrong gate',
  already_admitted: 'Already let in',
  limit_reached: 'No entries left',
  too_soon: 'Too soon after the last',
  full: 'Zone full',
  held_elsewhere: 'Held by another gate',
}

function reasonWords(code: string): string {
  return reasons[code as RefusalReason] ?? code
}
