import type { JobMessage } from '../core/job.ts'
import { everybody } from './actor.ts'
import { Alarm } from './alarm.ts'
import type { Gatekeepers } from './calling.ts'
import { CommitGroup } from './commit-group.ts'
import { Allowances } from './devices/device-limits.ts'
import { DeviceStatuses } from './devices/device-status.ts'
import { KnownDevices } from './devices/known-devices.ts'
import { ZoneClearing } from './event/zone-clearing.ts'
import { openParts } from './event-parts.ts'
import type { Host } from './host.ts'
import { ImageSources } from './jobs/image-sources.ts'
import { JobOrders } from './jobs/job-orders.ts'
import { JobRunner } from './jobs/job-running.ts'
import { LiveSockets } from './live/live.ts'
import { log } from './logging.ts'
import { Meta } from './meta.ts'
import { BringingHome } from './offline/bringing-home.ts'
import { OpenEvent } from './open-event.ts'
import { Draining } from './outbox/draining.ts'
import { Entrance } from './scans/entrance.ts'
import type { Desk } from './scans/scan-lane.ts'
import { AsShard } from './shards/as-shard.ts'
import { Dividing } from './shards/dividing.ts'
import { Lending } from './shards/lending.ts'
import { Tending } from './tending.ts'
import { WalkIns } from './tickets/walk-ins.ts'
import { Upkeep } from './upkeep.ts'
import { Courier } from './webhooks/courier.ts'
import type { Outcome } from './webhooks/deliveries.ts'
import { Endpoints } from './webhooks/endpoints.ts'
import type { Parcel } from './webhooks/webhooks.ts'

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
