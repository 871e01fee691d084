import type { WireAlert } from '../../core/alerts.ts'
import type { Gate, Policy, TicketType, Zone } from '../../core/event.ts'
import type { Limits } from '../../core/limits.ts'
import type { WireLiveStats } from '../../core/live-stats.ts'
import { type Api, ifAllowed, listWhole } from '../api.ts'
import { checkIntegrity, type Integrity } from '../commands/integrity.ts'
import type { Job } from '../follow-job.ts'
import { type CodeCheck, checkCode } from './codes.ts'

/** What the check looks at. Instants are texts, as the server gave them; null where the key may not see it. */
export type Facts = {
  /** Milliseconds since 1970, by this computer's clock, and by how much that is ahead of the server's. */
  at: number
  skewMs: number
  health: Health
  event: {
    title: string
    startsAt: string
    endsAt: string
    closedAt: string | null
    capacity: number | null
    timezone: string
    zones: Zone[]
    policy: Policy
    limits: Limits
    rehearsalOf: string | null
  }
  gates: Gate[]
  types: (Omit<TicketType, 'validFrom' | 'validUntil'> & { validFrom: string | null; validUntil: string | null })[]
  issued: { id: string; tickets: number; people: number }[]
  staff: { id: string; role: string }[] | null
  devices: KnownDevice[] | null
  stats: WireLiveStats
  images: { cached: number } | null
  code: CodeCheck | null
  keys: { name: string; role: string; expiresAt: string | null; revokedAt: string | null }[] | null
  jobs: (Job & { kind: string; createdAt: string })[] | null
  webhooks: { id: string; state: 'active' | 'failing' | 'disabled' }[] | null
  alerts: WireAlert[] | null
  integrity: Integrity
}

export type Health = { status: string; version: string; components: Record<string, string> }

export type KnownDevice = {
  name: string
  gateId: string | null
  revokedAt: string | null
  blockedUntil: string | null
  connected: boolean
  lastSeenAt: string | null
  pendingScans: number | null
  clockSkewMs: number | null
  appVersion: string | null
  readyOffline: boolean | null
  snapshotAt: string | null
  battery: number | null
}

type Data<T> = { data: T }
type Items<T> = Data<{ items: T[] }>

/** Asks for all of it. `told` hears what is being looked at. */
export async function gather(api: Api, eventId: string, told: (what: string) => void): Promise<Facts> {
  const id = encodeURIComponent(eventId)
  const path = `/api/events/${id}`
  told('the event')
  const { event } = (await api.get<Data<{ event: Facts['event'] & { organisationId: string } }>>(path)).data
  told('the server and its clock')
  const { health, skewMs } = await lookAtClock(api)
  const [gates, types, summary] = await Promise.all([
    listWhole<Gate>(api, `${path}/gates`),
    listWhole<Facts['types'][number]>(api, `${path}/ticket-types`),
    api.get<Data<{ types: Facts['issued'] }>>(`/api/hp-scanner/summary/${id}`),
  ])
  told('staff, devices and numbers')
  const [staff, devices, stats] = await Promise.all([
    ifAllowed(listWhole<{ id: string; role: string }>(api, `${path}/staff`)),
    ifAllowed(listWhole<KnownDevice>(api, `${path}/devices`)),
    api.get<Data<{ liveStats: WireLiveStats }>>(`/api/hp-scanner/analytics/${id}`),
  ])
  told('images, keys, jobs and webhooks')
  const [images, keys, jobs, webhooks, alerts] = await Promise.all([
    ifAllowed(api.get<Data<{ cached: number }>>(`${path}/qr-cache`)),
    ifAllowed(
      api.get<Items<NonNullable<Facts['keys']>[number]>>(`/api/organisations/${event.organisationId}/keys?limit=200`),
    ),
    ifAllowed(api.get<Items<NonNullable<Facts['jobs']>[number]>>(`${path}/jobs?limit=50`)),
    ifAllowed(listWhole<NonNullable<Facts['webhooks']>[number]>(api, `${path}/webhooks`)),
    ifAllowed(api.get<Items<WireAlert>>(`${path}/alerts?limit=50`)),
  ])
  told('whether a code can be opened')
  const code = await ifAllowed(checkCode(api, eventId))
  told('the log')
  const integrity = await checkIntegrity(api, eventId)
  return {
    at: Date.now(),
    skewMs,
    health,
    event,
    gates,
    types,
    issued: summary.data.types,
    staff,
    devices,
    stats: stats.data.liveStats,
    images: images?.data ?? null,
    code,
    keys: keys?.data.items ?? null,
    jobs: jobs?.data.items ?? null,
    webhooks,
    alerts: alerts?.data.items ?? null,
    integrity,
  }
}

/** The server's time is that of its answer, which was half of the way there and back ago. The shortest way of three counts. */
async function lookAtClock(api: Api): Promise<{ health: Health; skewMs: number }> {
  let best: { health: Health; skewMs: number; tripMs: number } | null = null
  for (let i = 0; i < 3; i++) {
    const askedAt = Date.now()
    const health = await api.get<Health & { timestamp: string }>('/api/hp-scanner/health')
    const tripMs = Date.now() - askedAt
    const skewMs = askedAt + tripMs / 2 - Date.parse(health.timestamp)
    if (best === null || tripMs < best.tripMs) best = { health, skewMs, tripMs }
  }
  return best as NonNullable<typeof best>
}
