import type { EventDetails } from '../core/event.ts'

const parts = { year: 'numeric', month: 'long', day: 'numeric', hour: 'numeric', minute: '2-digit' } as const

/** From when to when the event is, on the venue's clock, with the clock named. `tag` is the reader's language. */
export function spanOf(event: Pick<EventDetails, 'startsAt' | 'endsAt' | 'timezone'>, tag: string): string {
  const { timezone: timeZone, startsAt, endsAt } = event
  const format = new Intl.DateTimeFormat(tag, { ...parts, weekday: 'long', timeZone, timeZoneName: 'short' })
  return format.formatRange(startsAt, endsAt)
}

/** An instant on the venue's clock, with the clock named. */
export function momentOf(at: number, { timezone: timeZone }: Pick<EventDetails, 'timezone'>, tag: string): string {
  return new Intl.DateTimeFormat(tag, { ...parts, timeZone, timeZoneName: 'short' }).format(at)
}
