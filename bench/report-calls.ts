import { type Api, connect } from '../cli/api.ts'
import type { Server } from './server.ts'

/** One report, page or list, and whether its `data` is that of a log of so many entries. */
export type ReportCall = {
  path: (eventId: string) => string
  isRight: (data: unknown, entries: number) => boolean
}

const GATES = 20
const PAGE = 50
const start = Date.UTC(2026, 6, 10, 8)
const at = (hours: number) => new Date(start + hours * 3_600_000).toISOString()

/** Each call by the name under which it is told. */
export const reportCalls = {
  'live numbers': call((id) => `/api/hp-scanner/analytics/${id}`, isMostlyAdmitted),
  'series, 2 hours by the minute': call((id) => series(id, `bucket=minute&from=${at(5)}&to=${at(7)}`)),
  'the same with each gate': call((id) => series(id, `bucket=minute&by=gate&from=${at(5)}&to=${at(7)}`)),
  'series, all by 5 minutes, each gate': call((id) => series(id, 'bucket=5min&by=gate'), isWholeSeries),
  'series, all by the hour': call((id) => series(id, 'bucket=hour')),
  'gate report': call((id) => `/api/hp-scanner/gate-report/${id}`, hasAllScans),
  'gate report, one gate': call((id) => `/api/hp-scanner/gate-report/${id}?gateId=G7`),
  'staff report': call((id) => `/api/hp-scanner/staff-report/${id}`, hasAllScans),
  summary: call(
    (id) => `/api/hp-scanner/summary/${id}`,
    ({ gates }: { gates: Scans }, entries) => hasAllScans({ items: gates }, entries),
  ),
  'summary as a PDF': call((id) => `/api/hp-scanner/summary/${id}?format=pdf`),
  duplicates: call((id) => `/api/hp-scanner/duplicate-attempts/${id}`, isPageOfDuplicates),
  'duplicates, page 1,000': call((id) => `/api/hp-scanner/duplicate-attempts/${id}?page=1000`),
  'duplicates of a gate': call((id) => `/api/hp-scanner/duplicate-attempts/${id}?gateId=G7`, isPageOfDuplicates),
  'duplicates of a gate, page 50': call((id) => `/api/hp-scanner/duplicate-attempts/${id}?gateId=G7&page=50`),
  entries: call((id) => entries(id, ''), isPageOf({})),
  'entries of a gate': call((id) => entries(id, 'gate=G7'), isPageOf({ gateId: 'G7' })),
  'entries of a member of staff': call((id) => entries(id, 'staff=S7'), isPageOf({ staffId: 'S7' })),
  'entries of an hour, oldest page': call((id) => entries(id, `to=${at(0.01)}`)),
  'entries refused': call((id) => entries(id, 'verdict=refused'), isPageOf({ verdict: 'refused' })),
  'entries refused for a reason': call((id) => entries(id, 'code=unpaid'), isPageOf({ code: 'unpaid' })),
  'entries refused for a reason that nobody was': call((id) => entries(id, 'code=full')),
  'entries of a device': call((id) => entries(id, 'device=scanner-3'), isPageOf({ deviceId: 'scanner-3' })),
  'entries of a device that scanned nothing': call((id) => entries(id, 'device=nobody')),
  'entries of a verdict that nobody got': call((id) => entries(id, 'verdict=annulled')),
  'entries of a type that nobody had': call((id) => entries(id, 'type=vip')),
  'a gate and a reason that do not meet': call((id) => entries(id, 'gate=G7&code=full')),
  shifts: call((id) => `/api/hp-scanner/shift-report/${id}`),
  tills: call((id) => `/api/hp-scanner/till-report/${id}`),
  conflicts: call((id) => `/api/events/${id}/conflicts`),
  alerts: call((id) => `/api/events/${id}/alerts`),
  events: call(() => '/api/events'),
} satisfies Record<string, ReportCall>

export type ReportName = keyof typeof reportCalls

/** Two events of one organisation: one with a log of so many entries, one without. */
export type ReportStage = { url: string; key: string; entries: number; full: string; empty: string }

export async function setReportStage({ url, adminKey }: Server, entries: number): Promise<ReportStage> {
  type Created = { data: { key: string } }
  const { key } = (await connect(url, adminKey).post<Created>('/api/organisations', { name: 'Bench' })).data
  const api = connect(url, key)
  const full = await newEvent(api, 'Everybody came')
  const empty = await newEvent(api, 'Nobody came')
  const began = performance.now()
  const log = { entries, gates: GATES, start }
  await api.post(`/bench/fill-log/${full}`, log, { tries: 1, timeoutMs: 900_000 })
  process.stderr.write(`a log of ${entries} entries in ${((performance.now() - began) / 1000).toFixed(0)} s\n`)
  return { url, key, entries, full, empty }
}

/** Makes a call of the event with the log or of the other; gives the milliseconds until its last byte. */
export async function timeReport({ url, key, entries, ...ids }: ReportStage, name: ReportName, of: 'full' | 'empty') {
  const { path, isRight } = reportCalls[name]
  const began = performance.now()
  const response = await fetch(url + path(ids[of]), { headers: { Authorization: `Bearer ${key}` } })
  const body = Buffer.from(await response.arrayBuffer())
  const ms = performance.now() - began
  if (response.status !== 200) throw new Error(`${path(ids[of])} gave ${response.status}`)
  const isJson = response.headers.get('content-type')?.includes('json')
  if (isJson && !isRight(JSON.parse(body.toString()).data, of === 'full' ? entries : 0))
    throw new Error(`${path(ids[of])} is not of the log that there is: ${body.toString('utf8', 0, 1000)}`)
  return ms
}

/** What is not looked into was answered with 200 at least. */
function call<T>(path: ReportCall['path'], isRight: (data: T, entries: number) => boolean = () => true): ReportCall {
  return { path, isRight: (data, entries) => isRight(data as T, entries) }
}

function series(id: string, query: string): string {
  return `/api/hp-scanner/analytics/${id}/series?${query}`
}

function entries(id: string, query: string): string {
  return `/api/events/${id}/entries?${query}`
}

type Scans = { scans: number }[]

function hasAllScans({ items }: { items: Scans }, entries: number): boolean {
  return items.length === GATES && items.reduce((sum, { scans }) => sum + scans, 0) === entries
}

/** Four in five are let in, by the dice that the log was thrown with. */
function isMostlyAdmitted({ liveStats }: { liveStats: { totalEntries: number } }, entries: number): boolean {
  return Math.abs(liveStats.totalEntries - 0.8 * entries) <= 0.02 * entries
}

function isWholeSeries(
  { items, gates }: { items: Record<Counted, number>[]; gates: Record<Counted, number[]>[] },
  entries: number,
): boolean {
  const ofAll = items.reduce((sum, item) => sum + item.admitted + item.exited + item.refused, 0)
  const ofGates = gates.flatMap((gate) => [...gate.admitted, ...gate.exited, ...gate.refused])
  return ofAll === entries && ofGates.reduce((sum, count) => sum + count, 0) === entries
}

type Counted = 'admitted' | 'exited' | 'refused'

function isPageOfDuplicates({ duplicates }: { duplicates: unknown[] }, entries: number): boolean {
  return duplicates.length === (entries === 0 ? 0 : PAGE)
}

/** A page is full, and all on it are as they were asked for. */
function isPageOf(wanted: Record<string, string>) {
  return ({ items }: { items: Record<string, unknown>[] }, entries: number): boolean =>
    items.length === (entries === 0 ? 0 : PAGE) &&
    items.every((item) => Object.entries(wanted).every(([name, value]) => item[name] === value))
}

async function newEvent(api: Api, title: string): Promise<string> {
  const { data } = await api.post<{ data: { event: { id: string } } }>('/api/events', {
    title,
    startsAt: at(0),
    endsAt: at(12),
    timezone: 'Europe/Berlin',
  })
  const { id } = data.event
  await api.put(`/api/events/${id}/ticket-types/standard`, { name: 'Standard' })
  for (let i = 1; i <= GATES; i++) {
    await api.put(`/api/events/${id}/gates/G${i}`, { name: `Gate ${i}` })
    await api.put(`/api/events/${id}/staff/S${i}`, { name: `Steward ${i}`, role: 'scanner' })
  }
  return id
}
