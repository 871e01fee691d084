import type { EventDetails } from './event.ts'

/** How many days after the event's end each kind of thing is kept. */
export type Retention = {
  /** Names, addresses and free texts about the people with tickets, and addresses of staff. */
  personDays: number
  /** What devices are called and how they did. */
  deviceDays: number
  /** The log and whatever else tells of one ticket. The sums stay. */
  logDays: number
}

/** What is kept at most. An organiser may say less. */
export const defaultRetention: Retention = { personDays: 30, deviceDays: 30, logDays: 365 }

/** How long the network that a change came from is kept. */
export const NETWORK_KEPT_MS = 7 * 86_400_000

/** What is forgotten, each with its own time. */
export const forgettings = ['people', 'devices', 'log'] as const
export type Forgetting = (typeof forgettings)[number]

/** When each was forgotten; null: not yet. */
export type Forgotten = Record<Forgetting, number | null>

export const nothingForgotten: Forgotten = { people: null, devices: null, log: null }

/** What says how long each is kept. */
export const daysOf = { people: 'personDays', devices: 'deviceDays', log: 'logDays' } as const satisfies Record<
  Forgetting,
  keyof Retention
>

/** When something of an event is to be forgotten, in milliseconds since 1970 as its end is. */
export function forgettingAt(
  { endsAt, retention }: Pick<EventDetails, 'endsAt' | 'retention'>,
  what: Forgetting,
): number {
  return endsAt + retention[daysOf[what]] * 86_400_000
}

/** Takes an event; gives what is to be forgotten next and when, or null where all is. */
export function nextForgetting(
  event: Pick<EventDetails, 'endsAt' | 'retention' | 'forgotten'>,
): { what: Forgetting; at: number } | null {
  const due = forgettings
    .map((what) => ({ what, at: forgettingAt(event, what) }))
    // An event that was moved to a later day has new people, and is forgotten once more.
    .filter(({ what, at }) => (event.forgotten[what] ?? Number.NEGATIVE_INFINITY) < at)
    .sort((a, b) => a.at - b.at)
  return due[0] ?? null
}
