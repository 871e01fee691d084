import type { Recorded } from '../../../core/answers.ts'
import type { Gate, TicketType } from '../../../core/event.ts'
import type { DeviceId, GateId, TypeId, ZoneId } from '../../../core/ids.ts'
import type { Entry } from '../../../core/log.ts'
import type { CodeFormats } from '../../../durable-objects/event/code-formats.ts'
import type { Configuration } from '../../../durable-objects/event/configuration.ts'
import type { EventParts } from '../../../durable-objects/event-parts.ts'
import type { Notices } from '../../../durable-objects/live/notices.ts'
import type { Conflicts } from '../../../durable-objects/offline/conflicts.ts'
import type { Leases } from '../../../durable-objects/offline/leases.ts'
import type { Counters } from '../../../durable-objects/scans/counters.ts'
import { Judging } from '../../../durable-objects/scans/judging.ts'
import type { Logged, ScanLog } from '../../../durable-objects/scans/scan-log.ts'
import type { Standings } from '../../../durable-objects/scans/standings.ts'
import type { Telling } from '../../../durable-objects/scans/telling.ts'
import type { Rooms } from '../../../durable-objects/shards/rooms.ts'
import type { Tickets } from '../../../durable-objects/tickets/tickets.ts'
import type { Evening } from './evening.ts'
import type { LeaseBook } from './lease-book.ts'
import type { Ledger } from './ledger.ts'
import type { Broken } from './rules.ts'

/** The shipped judge, and what the shipped syncing takes, over tables in memory. */
export function partsOver(
  ledger: Ledger,
  leases: LeaseBook,
  evening: Evening,
  broken: Broken,
): { parts: EventParts; judging: Judging } {
  const configuration = over<Configuration>({
    event: evening.event,
    gates: {
      get: (id: string): Gate | undefined => ledger.gates.get(id as GateId),
      all: () => ledger.gates.values(),
      values: () => ledger.gates.values(),
    },
    zones: {
      numberOf: (zone: ZoneId) => ledger.zoneAt(zone),
      byNumber: (number: number) => evening.zones[number],
      get: (zone: ZoneId) => evening.zones[ledger.zoneAt(zone)],
    },
    type: (id: TypeId): TicketType => ledger.type(id),
  })
  const tell = (entry: Entry) => over<Recorded>({ entry })
  const telling = over<Telling>({
    first: tell,
    again: ({ entry }: Logged) => tell(entry),
    fromLog: ({ entry }: Logged) => tell(entry),
  })
  const rooms = over<Rooms>({
    areShared: false,
    own: (zone: ZoneId, type: TypeId | null) => {
      const at = ledger.zoneAt(zone)
      const inside = type === null ? ledger.inside[at] : ledger.insideOfType[ledger.typeAt(zone, type)]
      const { capacity } = type === null ? ledger.zone(at) : ledger.type(type)
      return { capacity, inside: broken === 'fullIsFull' ? 0 : inside }
    },
  })
  const counters = over<Counters>({ inside: (zone: ZoneId) => ledger.inside[ledger.zoneAt(zone)], count: () => {} })
  const notices = over<Notices>({ ofEntry: () => {}, raise: () => {} })
  const holders = over<Leases>({
    heldAgainst: (share: Parameters<LeaseBook['heldAgainst']>[0], deviceId: DeviceId | null) =>
      leases.isStrict ? leases.heldAgainst(share, deviceId) : null,
  })
  const judging = new Judging(
    configuration,
    over<Tickets>(ledger.tickets),
    over<Standings>(ledger.standings),
    over<ScanLog>(ledger.log),
    counters,
    telling,
    over<CodeFormats>({ version: 0 }),
    notices,
    over<Conflicts>(ledger.conflicts),
    holders,
    rooms,
  )
  const { log, standings, tickets, conflicts } = ledger
  const parts = over<EventParts>({ configuration, log, standings, tickets, conflicts, judging, notices })
  return { parts, judging }
}

/** What of a part is asked for here, with everything else that the part can do left out. */
function over<T>(part: object): T {
  return part as T
}
