import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Api, connect, Refusal } from './api.ts'
import { Failure } from './failure.ts'
import { followJob } from './follow-job.ts'
import { startImport } from './import-file.ts'
import { readStateFile, stateFiles, writeStateFile } from './state-folder.ts'

/** What is kept of the demo event in the state folder, for later starts and for the `admit` command. */
export type Demo = {
  url: string
  organisationId: string
  organisationKey: string
  eventId: string
  title: string
  tickets: number
  isComplete: boolean
}

type Options = { root: string; url: string; adminKey: string; stateDir: string }

/**
 * Gives the demo event of a state folder, making it through the API at the first start. Each step may be done
 * again, so that a start which was cut off is mended by the next.
 */
export async function openDemo({ root, url, adminKey, stateDir }: Options): Promise<Demo> {
  const kept = await stillThere(url, readStateFile<Demo>(stateDir, stateFiles.demo))
  const organisation = kept ?? (await makeOrganisation(url, adminKey))
  const keep = (more: Partial<Demo>) => {
    const demo = { ...organisation, ...more, url }
    writeStateFile(stateDir, stateFiles.demo, demo)
    return demo
  }
  keep({})

  const api = connect(url, organisation.organisationKey)
  const eventId = kept?.eventId ?? (await findOrMakeEvent(api))
  if (kept?.isComplete) {
    await moveToToday(api, eventId)
    return keep({}) as Demo
  }
  keep({ eventId, title, isComplete: false })
  await furnish(api, eventId)
  const tickets = await issueAttendees(api, eventId, join(root, 'examples/attendees.csv'))
  return keep({ eventId, title, tickets, isComplete: true }) as Demo
}

const title = 'Tech Expo 2026'
const hour = 3_600_000

type Organisation = Pick<Demo, 'organisationId' | 'organisationKey'>

// The databases may have been removed without this file, or the other way round.
async function stillThere(url: string, kept: Partial<Demo> | null): Promise<(Partial<Demo> & Organisation) | null> {
  const { organisationId, organisationKey, eventId } = kept ?? {}
  if (!organisationId || !organisationKey) return null
  try {
    await connect(url, organisationKey).get(eventId ? `/api/events/${eventId}` : '/api/events?limit=1')
    return { ...kept, organisationId, organisationKey }
  } catch (error) {
    if (error instanceof Refusal && (error.status === 401 || error.status === 404)) return null
    throw error
  }
}

async function makeOrganisation(url: string, adminKey: string): Promise<Organisation> {
  const { data } = await connect(url, adminKey).post<{ data: { organisation: { id: string }; key: string } }>(
    '/api/organisations',
    { name: 'Demo' },
  )
  return { organisationId: data.organisation.id, organisationKey: data.key }
}

async function findOrMakeEvent(api: Api): Promise<string> {
  const { data: list } = await api.get<{ data: { items: { id: string; title: string }[] } }>('/api/events')
  const found = list.items.find((event) => event.title === title)
  if (found) return found.id
  const { data } = await api.post<{ data: { event: { id: string } } }>('/api/events', {
    title,
    ...fromOneHourAgo(),
    timezone: 'Europe/Berlin',
    location: 'Messe Berlin, Hall 7',
    capacity: 2500,
  })
  return data.event.id
}

async function moveToToday(api: Api, eventId: string): Promise<void> {
  const { data } = await api.get<{ data: { event: { endsAt: string } } }>(`/api/events/${eventId}`)
  if (Date.parse(data.event.endsAt) < Date.now() + hour) await api.patch(`/api/events/${eventId}`, fromOneHourAgo())
}

function fromOneHourAgo(): { startsAt: string; endsAt: string } {
  const now = Date.now()
  return { startsAt: new Date(now - hour).toISOString(), endsAt: new Date(now + 10 * hour).toISOString() }
}

async function furnish(api: Api, eventId: string): Promise<void> {
  for (const [path, body] of Object.entries(furniture)) await api.put(`/api/events/${eventId}/${path}`, body)
}

/** The supervisor that the welcome enrols a device for. */
export const demoSupervisor = 'mara'

const furniture: Record<string, object> = {
  'ticket-types/standard': { name: 'Standard' },
  'ticket-types/vip': { name: 'VIP' },
  'ticket-types/crew': { name: 'Crew' },
  'gates/GATE-A': { name: 'Main Entrance', kind: 'entry' },
  'gates/GATE-B': { name: 'VIP Entrance', kind: 'entry', accepts: ['vip', 'crew'] },
  'gates/GATE-X': { name: 'Exit', kind: 'exit' },
  [`staff/${demoSupervisor}`]: { name: 'Mara Lindqvist', email: 'mara@example.org', role: 'supervisor' },
  'staff/jonas': { name: 'Jonas Okafor', email: 'jonas@example.org', role: 'scanner' },
  'staff/ayla': { name: 'Ayla Demir', email: 'ayla@example.org', role: 'scanner' },
  'staff/tomek': { name: 'Tomek Nowak', email: 'tomek@example.org', role: 'scanner' },
}

async function issueAttendees(api: Api, eventId: string, file: string): Promise<number> {
  const csv = await readFile(file).catch(() => {
    throw new Failure(`The demo event needs ${file}, which cannot be read; start with --empty to do without.`)
  })
  const { job } = await startImport(api, eventId, csv)
  const { done, errors } = await followJob(api, eventId, job, 'Making the demo event')
  const [first] = errors
  if (first) throw new Failure(`${file} is wrong in line ${first.row}: ${first.field} ${first.message}.`)
  return done
}
