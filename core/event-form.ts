import { defaultPolicy, type EventDetails, MAIN_ZONE, type Policy, type Zone } from './event.ts'
import type { EventId, OrganisationId } from './ids.ts'
import { defaultLimits } from './limits.ts'
import type { EventChanges, NewEvent } from './organiser-messages.ts'
import { defaultRetention, nothingForgotten } from './retention.ts'

/** Takes what an organiser asked for; gives the event. Without zones it is one place. */
export function newEvent(id: EventId, organisationId: OrganisationId, form: NewEvent, at: number): EventDetails {
  return {
    id,
    organisationId,
    title: form.title,
    startsAt: form.startsAt,
    endsAt: form.endsAt,
    timezone: form.timezone,
    location: form.location ?? null,
    capacity: form.capacity ?? null,
    zones: form.zones?.map(toZone) ?? [
      { id: MAIN_ZONE, name: 'Main', capacity: null, reentry: 'none', everyoneOutAt: null },
    ],
    policy: withPolicy(defaultPolicy, form.policy),
    limits: { ...defaultLimits, ...given(form.limits ?? {}) },
    rehearsalOf: null,
    retention: { ...defaultRetention, ...given(form.retention ?? {}) },
    forgotten: nothingForgotten,
    createdAt: at,
    closedAt: null,
  }
}

/** Takes an event and what is to be otherwise; gives the event as it is then. What is not named stays. */
export function changedEvent(event: EventDetails, changes: EventChanges): EventDetails {
  const { zones, policy, limits, retention, ...plain } = changes
  return {
    ...event,
    ...given(plain),
    ...(zones ? { zones: zones.map(toZone) } : {}),
    policy: withPolicy(event.policy, policy),
    limits: { ...event.limits, ...given(limits ?? {}) },
    retention: { ...event.retention, ...given(retention ?? {}) },
  }
}

function toZone(zone: NonNullable<NewEvent['zones']>[number]): Zone {
  return { ...zone, capacity: zone.capacity ?? null, everyoneOutAt: zone.everyoneOutAt ?? null }
}

function withPolicy(policy: Policy, changes: NewEvent['policy']): Policy {
  return { ...policy, ...given(changes ?? {}) }
}

/** Only what was named: `undefined` is how a schema says that it was not. */
function given<T extends object>(form: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(form).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }
}
