import { defaultPolicy, type EventDetails, type Policy } from './event.ts'

const HOUR_MS = 3_600_000

/** So long after its end an event is over: no device decides alone any more, and none keeps what it carried for it. */
const AFTER_THE_END_MS = 24 * HOUR_MS

/** Until when a device may decide alone, and what it is that ends it: since when nothing was heard, or the event ended. */
export type AloneUntil = { at: number; because: 'list_too_old' | 'event_over'; since: number }

/** Takes what a device knows and the time that this is from; gives until when it may decide alone by it. */
export function aloneUntil(
  known: { event: Pick<EventDetails, 'endsAt'>; policy: Pick<Policy, 'aloneHours'> },
  knownAt: number,
): AloneUntil {
  // A snapshot that was kept before this could be set does not say it.
  const { aloneHours = defaultPolicy.aloneHours } = known.policy
  const { endsAt } = known.event
  const tooOldAt = knownAt + aloneHours * HOUR_MS
  const overAt = endsAt + AFTER_THE_END_MS
  return overAt <= tooOldAt
    ? { at: overAt, because: 'event_over', since: endsAt }
    : { at: tooOldAt, because: 'list_too_old', since: knownAt }
}

/** Whether the event has been over for so long that a device needs nothing of it any more. */
export function isOver({ endsAt }: Pick<EventDetails, 'endsAt'>, at: number): boolean {
  return at >= endsAt + AFTER_THE_END_MS
}
