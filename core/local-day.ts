const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000

/**
 * Takes an instant in milliseconds and an IANA time zone; gives the local calendar day there as days since
 * 1970-01-01, right on days with a clock change. Throws a RangeError for a zone that does not exist.
 */
export function localDay(at: number, timezone: string): number {
  return Math.floor((at + aheadAt(at, timezone)) / DAY_MS)
}

// Clocks in any zone are changed at a quarter of an hour of UTC.
const QUARTER_MS = 900_000

/**
 * Takes an instant, a time of day as "HH:MM" and a time zone; gives the last instant, not after it, at which clocks
 * there showed that time. A time that a clock change skips counts as that much later.
 */
export function lastTimeOfDay(at: number, time: string, timezone: string): number {
  const [hours = 0, minutes = 0] = time.split(':').map(Number)
  const today = localDay(at, timezone)
  const instants = [today, today - 1].map((day) =>
    localInstant(day * DAY_MS + (hours * 60 + minutes) * 60_000, timezone),
  )
  return instants.find((instant) => instant <= at) ?? localInstant((today - 2) * DAY_MS, timezone)
}

/** Takes an instant and a time zone; gives the instant at which the hour began that clocks there show. */
export function startOfLocalHour(at: number, timezone: string): number {
  const quarter = Math.floor(at / QUARTER_MS) * QUARTER_MS
  const wall = wallClock(quarter, timezone)
  return quarter - (((wall % HOUR_MS) + HOUR_MS) % HOUR_MS)
}

/** Takes what a clock in the zone shows, as if it were UTC; gives the instant at which it does. */
export function localInstant(wall: number, timezone: string): number {
  // The offset at the guess may be another than at the answer, around a clock change; the second try is right.
  const guess = wall - (wallClock(wall, timezone) - wall)
  return wall - (wallClock(guess, timezone) - guess)
}

/**
 * Takes a time zone; gives what writes instants there, as ISO 8601 with the zone's offset at that instant:
 * `2026-11-21T11:00:00.000+01:00`. Right around clock changes, and made for a million of them.
 */
export function zonedIso(timezone: string): (at: number) => string {
  return (at) => {
    const minutes = Math.round(aheadAt(at, timezone) / 60_000)
    const size = Math.abs(minutes)
    const offset = `${minutes < 0 ? '-' : '+'}${twoDigits(Math.floor(size / 60))}:${twoDigits(size % 60)}`
    return new Date(at + minutes * 60_000).toISOString().slice(0, -1) + offset
  }
}

function twoDigits(number: number): string {
  return String(number).padStart(2, '0')
}

const offsets = new Map<string, Map<number, number>>()
const MOST_OFFSETS = 10_000

/** Milliseconds by which clocks in the zone are ahead of UTC. Remembered, as asking Intl costs more than judging. */
function aheadAt(at: number, timezone: string): number {
  const quarter = Math.floor(at / QUARTER_MS)
  const ofZone = offsets.get(timezone) ?? new Map<number, number>()
  const known = ofZone.get(quarter)
  if (known !== undefined) return known
  const from = quarter * QUARTER_MS
  const ahead = wallClock(from, timezone) - from
  if (ofZone.size >= MOST_OFFSETS) ofZone.clear()
  ofZone.set(quarter, ahead)
  offsets.set(timezone, ofZone)
  return ahead
}

/** What a clock in the zone shows, as if it were UTC. */
function wallClock(at: number, timezone: string): number {
  const parts = Object.fromEntries(
    formatFor(timezone)
      .formatToParts(at)
      .map(({ type, value }) => [type, Number(value)]),
  )
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts
  return Date.UTC(year, month - 1, day, hour, minute, second)
}

const formats = new Map<string, Intl.DateTimeFormat>()

function formatFor(timezone: string): Intl.DateTimeFormat {
  const known = formats.get(timezone)
  if (known) return known
  const made = new Intl.DateTimeFormat('en', {
    timeZone: timezone,
    calendar: 'iso8601',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  })
  formats.set(timezone, made)
  return made
}
