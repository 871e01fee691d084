import { Audit } from './audit/audit.ts'
import { type Allowances, DeviceLimits } from './devices/device-limits.ts'
import { Devices } from './devices/devices.ts'
import { Shifts } from './devices/shifts.ts'
import { CodeFormats } from './event/code-formats.ts'
import { Configuration } from './event/configuration.ts'
import { Images } from './jobs/images.ts'
import { Jobs } from './jobs/jobs.ts'
import { Warming } from './jobs/warming.ts'
import { Notices } from './live/notices.ts'
import type { Meta } from './meta.ts'
import { Conflicts } from './offline/conflicts.ts'
import { Leases } from './offline/leases.ts'
import { Snapshots } from './offline/snapshots.ts'
import { Drained } from './outbox/drained.ts'
import { Outbox } from './outbox/outbox.ts'
import { Erasures } from './privacy/erasures.ts'
import { Counters } from './scans/counters.ts'
import { Judging } from './scans/judging.ts'
import { ScanLog } from './scans/scan-log.ts'
import { Standings, type ZoneStanding } from './scans/standings.ts'
import { Telling } from './scans/telling.ts'
import { Rooms } from './shards/rooms.ts'
import { Sales } from './tickets/sales.ts'
import type { TicketDetails } from './tickets/ticket-rows.ts'
import { Tickets } from './tickets/tickets.ts'
import { Webhooks } from './webhooks/webhooks.ts'

/** Everything that knows something of the event: memory over the tables, opened when the object wakes up. */
export type EventParts = ReturnType<typeof openParts>

/** What the parts take from the deployment. */
type Settings = { DB: D1Database; QR_WARM_HOURS: string }

/** Opens all of them. What it reads does not grow with the event. */
export function openParts(
  sql: SqlStorage,
  meta: Meta,
  { DB: db, QR_WARM_HOURS: warmHours }: Settings,
  allowances: Allowances,
) {
  const configuration = new Configuration(sql, meta)
  const devices = new Devices(sql, configuration)
  const tickets = new Tickets(sql, configuration)
  const standings = new Standings(sql)
  const log = new ScanLog(sql, configuration, devices)
  const counters = new Counters(meta, log)
  const outbox = new Outbox(db, meta, log, configuration)
  const drained = new Drained(log, outbox, counters)
  const telling = new Telling(configuration, tickets, log)
  const erasures = new Erasures(sql)
  const audit = new Audit(sql, meta)
  const formats = new CodeFormats(sql, meta)
  const notices = new Notices(sql, configuration)
  const leases = new Leases(sql, meta, configuration, devices)
  const rooms = new Rooms(sql, meta, configuration, counters)
  const conflicts = new Conflicts(sql, configuration, devices, tickets, standings, log)
  const judging = new Judging(
    configuration,
    tickets,
    standings,
    log,
    counters,
    telling,
    formats,
    notices,
    conflicts,
    leases,
    rooms,
  )
  const sales = new Sales(sql, configuration, devices)
  const shifts = new Shifts(sql, configuration, devices, counters)
  const webhooks = new Webhooks(sql, meta, configuration, tickets, log, notices)
  const jobs = new Jobs(sql)
  const snapshots = new Snapshots(sql, meta, configuration, standings, log)
  const limits = new DeviceLimits(sql, configuration, devices, allowances)
  const opened = { configuration, devices, tickets, standings, log, counters, outbox, drained, telling }
  const images = new Images(meta, tickets, configuration)
  const warming = new Warming(meta, tickets, configuration, jobs, images, warmHours)
  const judged = { judging, sales, shifts, jobs, formats, erasures, notices, audit }
  return { ...opened, ...judged, rooms, webhooks, snapshots, images, limits, conflicts, leases, warming }
}

/** A ticket and where it stands. */
export type TicketFacts = { ticket: TicketDetails; standings: ZoneStanding[] }

export function factsOf({ configuration, standings }: EventParts, ticket: TicketDetails): TicketFacts {
  const named = standings
    .of(ticket.id)
    .map(({ zone, standing }) => ({ zone: configuration.zones.byNumber(zone)?.id ?? String(zone), standing }))
  return { ticket, standings: named }
}
