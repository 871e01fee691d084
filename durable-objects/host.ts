import type { Alarm } from './alarm.ts'
import type { Gatekeepers } from './calling.ts'
import type { CommitGroup } from './commit-group.ts'
import type { DeviceStatuses } from './devices/device-status.ts'
import type { ZoneClearing } from './event/zone-clearing.ts'
import type { LiveSockets } from './live/live.ts'
import type { Meta } from './meta.ts'
import type { OpenEvent } from './open-event.ts'

/** What the Gatekeeper lends to those parts of it that do more than look up and write. */
export type Host = {
  /** The object's own state, asked for each time that it is used. */
  ctx: () => DurableObjectState
  meta: Meta
  event: OpenEvent
  alarm: Alarm
  group: CommitGroup
  statuses: DeviceStatuses
  live: () => LiveSockets
  zones: ZoneClearing
  gatekeepers: Gatekeepers
  /** The event's id for a line in the logs. */
  named: () => { eventId?: string }
}
