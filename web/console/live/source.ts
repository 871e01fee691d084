import { type Signal, signal } from '@preact/signals'
import type { AlertKind, WireAlert } from '../../../core/alerts.ts'
import { get, type Problem, withQuery } from '../api.ts'
import { getWhole } from '../loading.ts'
import { may } from '../session.ts'
import type { Device, Entry, EventDetails } from '../things.ts'
import { type Poll, poll } from './polling.ts'
import { listen } from './socket.ts'
import type { GateReport, LiveStats, Series } from './stats.ts'

/** What the live view shows. Each part comes by itself, and what came last stays when the next does not come. */
export type Doors = {
  stats: Signal<{ data: LiveStats; at: number } | null>
  newest: Signal<Entry[] | null>
  /** The last two hours by the minute. */
  minutes: Signal<Series | null>
  /** All of it, in coarser steps. */
  whole: Signal<Series | null>
  gates: Signal<GateReport[] | null>
  /** null where whoever looks may not see them. */
  devices: Signal<Device[] | null>
  conflicts: Signal<number | null>
  alerts: Signal<WireAlert[] | null>
  /** How the numbers come: told by the Gatekeeper, or asked for. */
  how: Signal<'told' | 'asked'>
  /** Why the last numbers did not come; null where they did. */
  problem: Signal<Problem | null>
}

const STATS_MS = 2000
const SERIES_MS = 10_000
const SLOW_MS = 15_000
/** Nothing happens at an event that is closed; but somebody may take an admission back. */
const CLOSED_MS = 30_000
const NEWEST = 10
const RECENT_MS = 2 * 60 * 60 * 1000
const DAY_MS = 24 * 60 * 60 * 1000

type Handlers = {
  onAlert: (kind: AlertKind) => void
  /** The event itself is another: its zones, its capacity. */
  onChange: () => void
}

/** Watches the doors of an event until it is told to stop. */
export function watchDoors(event: EventDetails, { onAlert, onChange }: Handlers): { doors: Doors; stop: () => void } {
  const doors: Doors = {
    stats: signal(null),
    newest: signal(null),
    minutes: signal(null),
    whole: signal(null),
    gates: signal(null),
    devices: signal(null),
    conflicts: signal(null),
    alerts: signal(null),
    how: signal('asked'),
    problem: signal(null),
  }
  const scanner = (call: string, rest = '') => `/api/hp-scanner/${call}/${event.id}${rest}`
  const own = (rest: string) => `/api/events/${event.id}${rest}`
  const unlessTold = (ask: Poll['ask']) => async (abort: AbortSignal) =>
    doors.how.peek() === 'told' ? true : ask(abort)

  const stats = unlessTold(async (abort) => {
    const answer = await get<{ liveStats: LiveStats; timestamp: string }>(scanner('analytics'), abort)
    if (answer.ok) takeStats(answer.value.liveStats)
    else if (!abort.aborted) doors.problem.value = answer.problem
    return answer.ok
  })
  const takeStats = (data: LiveStats) => {
    doors.problem.value = null
    doors.stats.value = { data, at: Date.now() }
  }
  const newest = (abort: AbortSignal) =>
    into(doors.newest, withQuery(own('/entries'), { limit: NEWEST }), abort, (page: { items: Entry[] }) => page.items)
  const gates = (abort: AbortSignal) =>
    into(doors.gates, scanner('gate-report'), abort, (report: { items: GateReport[] }) => report.items)
  const minutes = (abort: AbortSignal) => {
    const now = Date.now()
    const query = {
      bucket: 'minute',
      by: 'gate',
      from: new Date(now - RECENT_MS).toISOString(),
      to: new Date(now).toISOString(),
    }
    return into(doors.minutes, withQuery(scanner('analytics', '/series'), query), abort, (series: Series) => series)
  }
  const whole = async (abort: AbortSignal) => {
    if (!(await gates(abort))) return false
    const query = { bucket: spanOf(doors.gates.peek() ?? []) > DAY_MS ? 'hour' : '5min', by: 'gate' }
    return into(doors.whole, withQuery(scanner('analytics', '/series'), query), abort, (series: Series) => series)
  }
  const devices = async (abort: AbortSignal) => {
    const answer = await getWhole<Device>(own('/devices'), abort)
    if (answer.ok) doors.devices.value = answer.value.items
    return answer.ok
  }
  const conflicts = (abort: AbortSignal) =>
    into(
      doors.conflicts,
      withQuery(own('/conflicts'), { limit: 200 }),
      abort,
      (page: { items: unknown[] }) => page.items.length,
    )

  const alerts = (abort: AbortSignal) =>
    into(doors.alerts, withQuery(own('/alerts'), { limit: 20 }), abort, (page: { items: WireAlert[] }) => page.items)

  const pace = (ms: number) => (event.closedAt ? Math.max(ms, CLOSED_MS) : ms)
  const stopped = new AbortController()
  const quick = [
    poll({ ask: stats, everyMs: pace(STATS_MS) }),
    poll({ ask: unlessTold(newest), everyMs: pace(STATS_MS) }),
  ]
  const slow = [
    poll({ ask: minutes, everyMs: pace(SERIES_MS) }),
    poll({ ask: whole, everyMs: pace(SLOW_MS) }),
    ...(may('supervisor') ? [devices, conflicts, alerts].map((ask) => poll({ ask, everyMs: pace(SLOW_MS) })) : []),
  ]
  const end = event.closedAt
    ? () => {}
    : listen(event.id, {
        onMessage(message) {
          switch (message.type) {
            case 'stats':
              // What happened between the last asking and the first telling is in neither.
              if (doors.how.peek() === 'asked') void newest(stopped.signal)
              doors.how.value = 'told'
              return takeStats(message.data)
            case 'scans':
              doors.newest.value = withNewer(doors.newest.peek() ?? [], message.items)
              return
            case 'alert':
              onAlert(message.alert.kind)
              return askNow(slow)
            case 'conflict':
              return askNow(slow)
            case 'config':
              return onChange()
            case 'hello':
            case 'bye':
            case 'standings':
            case 'revocations':
            case 'recall':
            case 'lease':
              // Whoever watches did not ask for these, or has nothing to do for them.
              return
          }
        },
        onEnd() {
          if (doors.how.peek() === 'asked') return
          doors.how.value = 'asked'
          askNow(quick)
        },
      })
  return {
    doors,
    stop: () => {
      stopped.abort()
      for (const { stop } of [...quick, ...slow]) stop()
      end()
    },
  }
}

function askNow(polls: { now: () => void }[]): void {
  for (const { now } of polls) now()
}

/** Fetches something and puts it where it is shown; gives whether it came. */
async function into<T, S>(to: Signal<S | null>, path: string, abort: AbortSignal, take: (value: T) => S) {
  const answer = await get<T>(path, abort)
  if (answer.ok) to.value = take(answer.value)
  return answer.ok
}

/** Takes the newest entries and some that came after them, oldest first; gives the newest of all of them. */
export function withNewer(known: readonly Entry[], items: readonly Entry[]): Entry[] {
  const ids = new Set(items.map(({ id }) => id))
  return [...[...items].reverse(), ...known.filter(({ id }) => !ids.has(id))].slice(0, NEWEST)
}

function spanOf(gates: GateReport[]): number {
  const times = (of: (gate: GateReport) => string | null) => gates.flatMap((gate) => of(gate) ?? []).map(Date.parse)
  const [first, last] = [times((gate) => gate.firstScanAt), times((gate) => gate.lastScanAt)]
  return first.length > 0 ? Math.max(...last) - Math.min(...first) : 0
}
