import { connect } from '../cli/api.ts'
import { median } from './quantile.ts'
import { type Server, startServer } from './server.ts'

/*
 * What `npm run bench:reports` runs: every report, page and list of an event whose log has a million entries in D1, and of one
 * in the same database where nobody came. What counts is the time each takes and how it grows; the fastest call is the one
 * that whatever else ran on the machine disturbed least.
 */

const ENTRIES = Number(process.argv[2] ?? 1_000_000)
const GATES = 20
const ROUNDS = 15
const start = Date.UTC(2026, 6, 10, 8)
const at = (hours: number) => new Date(start + hours * 3_600_000).toISOString()

/** Each call by the name under which it is told. */
const calls: Record<string, (eventId: string) => string> = {
  'live numbers': (id) => `/api/hp-scanner/analytics/${id}`,
  'series, 2 hours by the minute': (id) => series(id, `bucket=minute&from=${at(5)}&to=${at(7)}`),
  'the same with each gate': (id) => series(id, `bucket=minute&by=gate&from=${at(5)}&to=${at(7)}`),
  'series, all by 5 minutes, each gate': (id) => series(id, 'bucket=5min&by=gate'),
  'series, all by the hour': (id) => series(id, 'bucket=hour'),
  'gate report': (id) => `/api/hp-scanner/gate-report/${id}`,
  'gate report, one gate': (id) => `/api/hp-scanner/gate-report/${id}?gateId=G7`,
  'staff report': (id) => `/api/hp-scanner/staff-report/${id}`,
  summary: (id) => `/api/hp-scanner/summary/${id}`,
  'summary as a PDF': (id) => `/api/hp-scanner/summary/${id}?format=pdf`,
  duplicates: (id) => `/api/hp-scanner/duplicate-attempts/${id}`,
  'duplicates, page 1,000': (id) => `/api/hp-scanner/duplicate-attempts/${id}?page=1000`,
  'duplicates of a gate': (id) => `/api/hp-scanner/duplicate-attempts/${id}?gateId=G7`,
  'duplicates of a gate, page 50': (id) => `/api/hp-scanner/duplicate-attempts/${id}?gateId=G7&page=50`,
  entries: (id) => entries(id, ''),
  'entries of a gate': (id) => entries(id, 'gate=G7'),
  'entries of a member of staff': (id) => entries(id, 'staff=S7'),
  'entries of an hour, oldest page': (id) => entries(id, `to=${at(0.01)}`),
  'entries refused': (id) => entries(id, 'verdict=refused'),
  'entries refused for a reason': (id) => entries(id, 'code=unpaid'),
  'entries refused for a reason that nobody was': (id) => entries(id, 'code=full'),
  'entries of a device': (id) => entries(id, 'device=scanner-3'),
  'entries of a device that scanned nothing': (id) => entries(id, 'device=nobody'),
  'entries of a verdict that nobody got': (id) => entries(id, 'verdict=annulled'),
  'entries of a type that nobody had': (id) => entries(id, 'type=vip'),
  'a gate and a reason that do not meet': (id) => entries(id, 'gate=G7&code=full'),
  shifts: (id) => `/api/hp-scanner/shift-report/${id}`,
  tills: (id) => `/api/hp-scanner/till-report/${id}`,
  conflicts: (id) => `/api/events/${id}/conflicts`,
  alerts: (id) => `/api/events/${id}/alerts`,
  events: () => '/api/events',
}

const series = (id: string, query: string) => `/api/hp-scanner/analytics/${id}/series?${query}`
const entries = (id: string, query: string) => `/api/events/${id}/entries?${query}`

const server = await startServer()
try {
  const { key, full, empty } = await setEvents(server)
  const times = new Map<string, { full: number[]; empty: number[] }>()
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [name, pathOf] of Object.entries(calls)) {
      const known = times.get(name) ?? { full: [], empty: [] }
      times.set(name, known)
      for (const [which, id] of [
        ['empty', empty],
        ['full', full],
      ] as const) {
        const ms = await timed(server.url + pathOf(id), key)
        // The first round is the compiler's.
        if (round > 0) known[which].push(ms)
      }
    }
  }
  console.log(
    `${ENTRIES.toLocaleString('en')} entries at ${GATES} gates; milliseconds of ${ROUNDS} calls, from asking to the last byte\n`,
  )
  const line = (name: string, ...cells: string[]) => name.padEnd(46) + cells.map((cell) => cell.padStart(9)).join('')
  console.log(line('', 'nobody', 'nobody', 'full', 'full', 'ratio of'))
  console.log(line('call', 'fastest', 'median', 'fastest', 'median', 'medians'))
  for (const [name, { full, empty }] of times) {
    const cells = [Math.min(...empty), median(empty), Math.min(...full), median(full), median(full) / median(empty)]
    console.log(line(name, ...cells.map((cell) => cell.toFixed(1))))
  }
} finally {
  await server.stop()
}

/** Two events of one organisation: one with a log, one without. */
async function setEvents({ url, adminKey }: Server) {
  type Created = { data: { key: string } }
  const { key } = (await connect(url, adminKey).post<Created>('/api/organisations', { name: 'Bench' })).data
  const api = connect(url, key)
  const make = async (title: string) => {
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
  const full = await make('Everybody came')
  const empty = await make('Nobody came')
  const began = performance.now()
  const log = { entries: ENTRIES, gates: GATES, start }
  await api.post(`/bench/fill-log/${full}`, log, { tries: 1, timeoutMs: 900_000 })
  process.stderr.write(`filled in ${((performance.now() - began) / 1000).toFixed(0)} s\n`)
  return { key, full, empty }
}

async function timed(url: string, key: string): Promise<number> {
  const began = performance.now()
  const response = await fetch(url, { headers: { Authorization: `Bearer ${key}` } })
  await response.arrayBuffer()
  if (response.status !== 200) throw new Error(`${url} gave ${response.status}`)
  return performance.now() - began
}
