import { lastTimeOfDay } from './local-day.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/**
 * Takes hours of the day as "from-to" ("1-6", "22-5", "0-24" for any time), an instant and a time zone; gives the next
 * instant within them, which may be this one. Null for an empty text, or one that is no such hours: never.
 */
export function nextWithin(hours: string, at: number, timezone: string): number | null {
  const [, from, to] = /^(\d{1,2})-(\d{1,2})$/.exec(hours.trim())?.map(Number) ?? []
  if (from === undefined || to === undefined || from > 23 || to > 24 || from === to) return null
  const time = `${String(from).padStart(2, '0')}:00`
  const began = lastTimeOfDay(at, time, timezone)
  const lastsMs = (to > from ? to - from : to + 24 - from) * HOUR_MS
  return at < began + lastsMs ? at : lastTimeOfDay(at + DAY_MS, time, timezone)
}
