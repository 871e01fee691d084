import type { JobMessage } from '../core/job.ts'
import { everybody } from './actor.ts'
import { Alarm } from './alarm.ts'
import { BringingHome } from './bringing-home.ts'
import type { Gatekeepers } from './calling.ts'
import { CommitGroup } from './commit-group.ts'
import { Courier } from './courier.ts'
import type { Outcome } from './deliveries.ts'
import { Allowances } from './device-limits.ts'
import { DeviceStatuses } from './device-status.ts'
import { Draining } from './draining.ts'
import { Endpoints } from './endpoints.ts'
import { Entrance } from './entrance.ts'
import { openParts } from './event-parts.ts'
import type { Host } from './host.ts'
import { ImageSources } from './image-sources.ts'
import { JobOrders } from './job-orders.ts'
import { JobRunner } from './job-running.ts'
import { KnownDevices } from './known-devices.ts'
import { LiveSockets } from './live.ts'
import { log } from './logging.ts'
import { Meta } from './meta.ts'
import { OpenEvent } from './open-event.ts'
import type { Desk } from './scan-lane.ts'
import { AsShard } from './shards/as-shard.ts'
import { Dividing } from './shards/dividing.ts'
import { Lending } from './shards/lending.ts'
import { Tending } from './tending.ts'
import { Upkeep } from './upkeep.ts'
import { WalkIns } from './walk-ins.ts'
import type { Parcel } from './webhooks.ts'
import { ZoneClearing } from './zone-clearing.ts'

export type Bindings = {
  DB: D1Database
  GATEKEEPER: Gatekeepers
  JOBS: Queue<JobMessage>
  LOG_LEVEL: string
  QR_WARM_HOURS: string
}

/** What of the Worker's own entrances is used from here. */
type Exports = { WebhookSender: { send: (parcel: Parcel) => Promise<Outcome[]> } }

/**
 * Puts together what the Gatekeeper consists of while it is awake, and who knows of whom; what is known of the event is in
 * `event-parts.ts`. Nothing is read here. Without a desk, scans are taken over HTTP alone.
 */
export function gatekeeperParts(ctx: () => DurableObjectState, env: Bindings, desk: Desk | null) {
  const meta = new Meta(ctx().storage.sql)
  const alarm = new Alarm(() => ctx().storage)
  const allowances = new Allowances()
  const statuses = new DeviceStatuses(ctx().storage.sql, () => event.parts().devices)
  const event: OpenEvent = new OpenEvent({
    storage: () => ctx().storage,
    open: () => openParts(ctx().storage.sql, meta, env, allowances),
    statuses,
    alarm,
    hasNews: () => dividing.hasNews(),
    changed: () => live.wake(),
  })
  const host: Host = {
    ctx,
    meta,
    event,
    alarm,
    group: new CommitGroup(() => ctx().storage.sync()),
    statuses,
    live: () => live,
    zones: new ZoneClearing(event),
    gatekeepers: env.GATEKEEPER,
    named: () => named(ctx().id),
  }
  const dividing: Dividing = new Dividing(host)
  const lending = new Lending(host, dividing)
  const asShard = new AsShard(host, dividing)
  const entrance = new Entrance(host, dividing, lending, asShard)
  const bringingHome = new BringingHome(host, dividing, asShard)
  const walkIns = new WalkIns(host, entrance, lending)
  const jobRunner = new JobRunner(env.JOBS, (work) => host.group.run(() => event.change(everybody, work)))
  const tending = new Tending(host, jobRunner, dividing)
  const jobOrders = new JobOrders(host, jobRunner, tending)
  const draining = new Draining(host)
  const courier = new Courier({
    webhooks: () => event.parts().webhooks,
    transact: (work) => ctx().storage.transactionSync(() => work(event.parts().webhooks)),
    send: (parcel) => (ctx().exports as unknown as Exports).WebhookSender.send(parcel),
    wakeBy: (at) => alarm.by(at),
    failed: (error) => log('error', 'webhooks: nothing could be sent', { ...host.named(), error }),
  })
  const upkeep = new Upkeep(host, { dividing, asShard, courier, draining, tending })
  const devices = new KnownDevices(host)
  const images = new ImageSources(event)
  const endpoints = new Endpoints(host)
  const live: LiveSockets = new LiveSockets({
    ctx: ctx(),
    parts: () => event.parts(),
    statuses,
    lane: desk && entrance.laneWith(desk),
    change: (work) => event.change(everybody, work),
    failed: (error) => log('error', 'live: nothing could be told', { ...host.named(), error }),
  })
  const scans = { entrance, bringingHome, walkIns, dividing, lending, asShard }
  return { host, ...scans, jobOrders, jobRunner, draining, upkeep, devices, images, endpoints, live }
}

/** The event's id is the object's name. */
function named({ name }: DurableObjectId): { eventId?: string } {
  return name === undefined ? {} : { eventId: name }
}
