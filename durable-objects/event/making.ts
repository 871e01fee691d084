import type { Doing } from '../../core/audit.ts'
import type { EventDetails, Gate, TicketType } from '../../core/event.ts'
import { shardsOf } from '../../core/event-address.ts'
import { Audit } from '../audit/audit.ts'
import type { Meta } from '../meta.ts'
import { migrate } from '../schema.ts'
import { noteChanges } from '../shards/news.ts'
import { Configuration } from './configuration.ts'

/** What an event is made of where that is known already. */
export type EventSetup = { types: TicketType[]; gates: Gate[] }

/** Makes the event in an object that has none; the same event again is the same event. The caller holds the transaction. */
export function makeEvent(
  sql: SqlStorage,
  meta: Meta,
  event: EventDetails,
  setup: EventSetup | null,
  doing: Doing | undefined,
): void {
  migrate(sql)
  if (meta.text('event') !== null) return
  if (shardsOf(event.id) > 1) noteChanges(sql)
  meta.set('epoch', 1)
  const configuration = new Configuration(sql, meta)
  configuration.setEvent(event)
  for (const type of setup?.types ?? []) configuration.putType(type)
  for (const gate of setup?.gates ?? []) configuration.putGate(gate)
  const audit = new Audit(sql, meta)
  audit.about({ kind: 'event', id: event.id })
  audit.write(doing, event.createdAt)
}
