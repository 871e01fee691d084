import { day, exactTime } from '../words/language.ts'

/** The day and the time to the second, on the event's clocks; a dash for never. */
export function exactMoment(at: string | null, timezone: string): string {
  return at === null ? '–' : `${day(at, timezone)}, ${exactTime(at, timezone)}`
}

/** How long is left, as minutes and seconds. */
export function countdown(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000))
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}
