const formats = new Map<string, Intl.DateTimeFormat>()

/**
 * Takes an instant in milliseconds and an IANA time zone; gives the local calendar day there as days since
 * 1970-01-01, right on days with a clock change. Throws a RangeError for a zone that does not exist.
 */
export function localDay(at: number, timezone: string): number {
  const parts = Object.fromEntries(
    formatFor(timezone)
      .formatToParts(at)
      .map(({ type, value }) => [type, Number(value)]),
  )
  return Date.UTC(parts.year ?? 0, (parts.month ?? 1) - 1, parts.day ?? 1) / 86_400_000
}

function formatFor(timezone: string): Intl.DateTimeFormat {
  const known = formats.get(timezone)
  if (known) return known
  const made = new Intl.DateTimeFormat('en', {
    timeZone: timezone,
    calendar: 'iso8601',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
  })
  formats.set(timezone, made)
  return made
}
