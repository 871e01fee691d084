import type { WireAlert } from '../../core/alerts.ts'
import type { ServerMessage } from '../../core/live.ts'
import type { WireLiveStats } from '../../core/live-stats.ts'
import type { WireEntry } from '../../core/wire-entry.ts'
import { type Api, ifAllowed, listWhole } from '../api.ts'
import { command, eventIdArg, jsonArg } from '../command.ts'
import { apiOf, type Connection, connectionArgs, findConnection } from '../connection.ts'
import { UsageFailure } from '../failure.ts'
import { follow } from '../monitor/feed.ts'
import { PlainTeller } from '../monitor/plain.ts'
import { screenOf } from '../monitor/screen.ts'
import { hear, newView, noteWorries, type Occasion, remember, type View, worryOf } from '../monitor/view.ts'
import { say } from '../output.ts'
import { Terminal } from '../terminal/terminal.ts'

export const monitor = command({
  name: 'monitor',
  description: 'Shows the doors as they are now, and with --real-time as they go on',
  args: {
    ...eventIdArg,
    'real-time': { type: 'boolean', description: 'Go on showing what happens, until q or Ctrl-C', default: false },
    for: { type: 'string', description: 'End by itself after so many seconds', valueHint: 'SECONDS' },
    ...connectionArgs,
    ...jsonArg,
  },
  examples: `
  admit monitor 01a1fc37-f632-7fa5-821f-c5cf221a540e --real-time
  admit monitor
  admit monitor --real-time --json | jq -c 'select(.type == "alert")'

  Where the output is no terminal, --real-time prints a line for each scan; with --json one for each message, as
  docs/live.md describes them. When the server or the network was away, it goes on where it was. A key with the role viewer is
  enough; the alerts of before are for supervisors.

EXIT CODES
  0 shown, or quit   1 the server said no, or did not answer   2 wrong usage`,
  run: async ({ eventId, 'real-time': isRealTime, for: seconds, json, ...args }) => {
    const connection = findConnection({ ...args, event: eventId ?? args.event }, process.env)
    const stop = stopper(seconds)
    const api = apiOf(connection)
    if (!isRealTime) return showOnce(api, connection.eventId, json)
    if (json) return tellEach(connection, stop)
    const { view } = await look(api, connection.eventId)
    if (process.stdout.isTTY) await drawOn(connection, view, stop)
    else await tellPlainly(connection, view, stop)
  },
})

type Seen = { view: View; liveStats: WireLiveStats; newest: WireEntry[]; alerts: WireAlert[] | null }

async function showOnce(api: Api, eventId: string, json: boolean): Promise<void> {
  const { view, liveStats, newest, alerts } = await look(api, eventId)
  const { gates, devices: _, ...event } = view.occasion
  const columns = process.stdout.columns ?? 100
  const lines = screenOf({ ...view, link: { state: 'live' } }, { columns, rows: 60 }, Date.now())
  const words = lines.slice(0, -1).join('\n').replace(/\n+$/, '')
  say(json, { success: true, data: { event, gates, liveStats, newest, alerts } }, words)
}

/** What the doors look like now, and what there was before. */
async function look(api: Api, eventId: string): Promise<Seen> {
  const id = encodeURIComponent(eventId)
  const { data: about } = await api.get<{ data: { event: Omit<Occasion, 'gates' | 'devices'> } }>(`/api/events/${id}`)
  const [gates, devices, analytics, series, entries, alerts] = await Promise.all([
    listWhole<Occasion['gates'][number]>(api, `/api/events/${id}/gates`),
    // null: a viewer is not shown devices, nor the alerts of before.
    ifAllowed(listWhole<Occasion['devices'][number]>(api, `/api/events/${id}/devices`)),
    api.get<{ data: { liveStats: WireLiveStats; timestamp: string } }>(`/api/hp-scanner/analytics/${id}`),
    api.get<{ data: { items: Parameters<typeof remember>[1] } }>(
      `/api/hp-scanner/analytics/${id}/series?bucket=minute&from=${new Date(Date.now() - 20 * 60_000).toISOString()}`,
    ),
    api.get<{ data: { items: WireEntry[] } }>(`/api/events/${id}/entries?limit=20`),
    ifAllowed(api.get<{ data: { items: WireAlert[] } }>(`/api/events/${id}/alerts?limit=20`)),
  ])
  const { id: itsId, title, location, timezone, startsAt, endsAt, closedAt } = about.event
  const view = newView({
    id: itsId,
    title,
    location,
    timezone,
    startsAt,
    endsAt,
    closedAt,
    gates,
    devices: devices ?? [],
  })
  const { liveStats, timestamp } = analytics.data
  hear(view, { type: 'stats', data: liveStats, at: timestamp }, Date.now())
  remember(view, series.data.items)
  view.newest = entries.data.items
  noteWorries(view, (alerts?.data.items ?? []).map(worryOf))
  return { view, liveStats, newest: entries.data.items, alerts: alerts?.data.items ?? null }
}

async function drawOn(connection: Connection, view: View, stop: AbortController): Promise<void> {
  const draw = () => terminal.draw(screenOf(view, terminal.size, Date.now()))
  const terminal = new Terminal({ quit: () => stop.abort(), resize: () => draw() })
  // Four times a second is as often as anything is told, and the clock on the screen goes on by itself.
  const clock = setInterval(draw, 250)
  try {
    draw()
    await follow(
      connection,
      {
        hear: (message) => hear(view, message, Date.now()),
        link: (link) => {
          view.link = link
        },
      },
      stop.signal,
    )
  } finally {
    clearInterval(clock)
    terminal.close()
  }
}

async function tellPlainly(connection: Connection, view: View, stop: AbortController): Promise<void> {
  const teller = new PlainTeller(view.occasion, line)
  await follow(
    connection,
    { hear: (message) => teller.hear(message, Date.now()), link: (link) => teller.link(link) },
    stop.signal,
  )
}

async function tellEach(connection: Connection, stop: AbortController): Promise<void> {
  let state = ''
  await follow(
    connection,
    {
      hear: (message: ServerMessage) => line(JSON.stringify(message)),
      link: (link) => {
        if (link.state !== state) line(JSON.stringify({ type: 'link', ...link }))
        state = link.state
      },
    },
    stop.signal,
  )
}

function line(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** Ends when somebody says so, when nobody reads on, or when the time is over. */
function stopper(seconds: string | undefined): AbortController {
  const stop = new AbortController()
  if (seconds !== undefined && !(Number(seconds) > 0)) throw new UsageFailure(`--for takes seconds, not ${seconds}.`)
  if (seconds !== undefined) setTimeout(() => stop.abort(), Number(seconds) * 1000).unref()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stop.abort())
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    stop.abort()
  })
  return stop
}
