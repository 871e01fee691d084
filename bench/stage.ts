import { type Api, connect } from '../cli/api.ts'
import { type EventId, parseUuid, type TicketId } from '../core/ids.ts'
import { eventTagOf } from '../core/keys.ts'
import { openToken, sealToken, unsealHere } from '../core/token.ts'
import { type EventKeys, eventKeys } from '../workers/signing.ts'
import type { Server } from './server.ts'

/** An event with its devices, and codes of its tickets: those nobody has scanned yet and those that are in. */
export type Stage = {
  api: Api
  /** The organisation's key. */
  key: string
  port: number
  eventId: EventId
  keys: EventKeys
  devices: { staffToken: string; gateId: string }[]
  /** A genuine code for the calls that look at none. */
  idleToken: string
  fresh: string[]
  used: string[]
  /** How many calls were made, to take the devices in turn and the used codes round and round. */
  calls: number
}

/** Codes that nobody has scanned yet and those that are in, of ours or of a peer. */
export type Codes = Pick<Stage, 'fresh' | 'used' | 'calls'>

const DEVICES = 20
const GATES = 4
const BATCH = 500
const USED = 2000

/** Makes an organisation, an event among so many objects, its gates and staff, and enrols the devices. */
export async function setStage({ url, port, adminKey, ticketKey }: Server, shards = 1): Promise<Stage> {
  type Created = { data: { key: string } }
  const { key } = (await connect(url, adminKey).post<Created>('/api/organisations', { name: 'Bench' })).data
  const api = connect(url, key)
  const hour = 3_600_000
  const { event } = (
    await api.post<{ data: { event: { id: string } } }>('/api/events', {
      title: 'Bench',
      startsAt: new Date(Date.now() - hour).toISOString(),
      endsAt: new Date(Date.now() + 12 * hour).toISOString(),
      timezone: 'Europe/Berlin',
      capacity: 1_000_000,
      shards,
      // A connection here stands for many devices.
      limits: {
        scanBurst: 1_000_000,
        scansPerMinute: 1_000_000,
        callsPerMinute: 1_000_000,
        syncsPerFiveMinutes: 1_000_000,
        invalidCodesPerFiveMinutes: 1_000_000,
      },
    })
  ).data
  const eventId = parseUuid<EventId>(event.id)
  if (eventId === null) throw new Error(`the server named an event "${event.id}"`)
  await api.put(`/api/events/${eventId}/ticket-types/standard`, { name: 'Standard' })
  await api.put(`/api/events/${eventId}/staff/steward`, { name: 'Steward', role: 'scanner' })
  for (let gate = 1; gate <= GATES; gate++)
    await api.put(`/api/events/${eventId}/gates/G${gate}`, { name: `Gate ${gate}` })

  const keys = await eventKeys(ticketKey, eventTagOf(eventId))
  const stage: Stage = { api, key, port, eventId, keys, devices: [], idleToken: '', fresh: [], used: [], calls: 0 }
  for (let device = 0; device < DEVICES; device++) {
    const gateId = `G${1 + (device % GATES)}`
    stage.devices.push({ gateId, staffToken: await enrol(stage, gateId, device) })
  }
  await supply(stage, 1)
  stage.idleToken = takeFresh(stage)
  return stage
}

/** Issues tickets until so many are there that nobody has scanned. */
export async function supply(stage: Stage, count: number): Promise<void> {
  while (stage.fresh.length < count) stage.fresh.push(...(await issueBatch(stage)))
}

/** Lets the Gatekeeper tell D1 everything. */
export async function settle({ api, eventId }: Stage): Promise<void> {
  await api.post(`/bench/settle/${eventId}`, {})
}

export function takeFresh(stage: Codes): string {
  const token = stage.fresh.pop()
  if (token === undefined) throw new Error('the bench ran out of tickets')
  return token
}

/** One of the latest codes that were admitted, in turn: of which that was answered, and which are not just under way. */
export function takeUsed({ used, calls }: Codes): string {
  const oldest = Math.max(0, used.length - USED)
  const token = used[oldest + (calls % (used.length - oldest))]
  if (token === undefined) throw new Error('no ticket was scanned yet')
  return token
}

async function enrol({ api, eventId }: Stage, gateId: string, number: number): Promise<string> {
  const { data: invited } = await api.post<{ data: { code: string } }>(`/api/events/${eventId}/enrolments`, {
    staffId: 'steward',
    gateId,
  })
  const { data: enrolled } = await api.post<{ data: { staffToken: string } }>('/api/devices/enrol', {
    code: invited.code,
    deviceName: `Scanner ${number + 1}`,
    deviceType: 'handheld',
  })
  return enrolled.staffToken
}

/**
 * Issues tickets and seals their codes here, since asking for thousands of images would take minutes. One code of each
 * batch is the server's own: it says what the claims are, and ours must be the same to the letter.
 */
async function issueBatch({ api, eventId, keys }: Stage): Promise<string[]> {
  const wanted = Array.from({ length: BATCH }, (_, index) => ({
    type: 'standard',
    holder: { name: `Guest ${index}`, email: `guest${index}@example.com` },
  }))
  const issued = await api.post<{ data: { tickets: { id: TicketId }[] } }>(`/api/events/${eventId}/tickets`, {
    tickets: wanted,
  })
  const ids = issued.data.tickets.map(({ id }) => id)
  const { qr_token: sample } = await api.get<{ qr_token: string }>(`/api/events/${eventId}/tickets/${ids[0]}/qr`)
  const opened = await openToken(sample, [keys.sealing], keys.verify, unsealHere)
  if (!opened.ok) throw new Error(`the server gave a code that is ${opened.reason}`)
  const tokens = await Promise.all(
    ids.map((ticketId) => sealToken({ ...opened.claims, ticketId }, keys.sealing, keys.sign)),
  )
  if (tokens[0] !== sample) throw new Error('the server seals its codes differently')
  return tokens
}
