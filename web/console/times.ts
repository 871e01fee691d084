import { localInstant, zonedIso } from '../../core/local-day.ts'

/** Takes what a `datetime-local` field holds and the event's time zone; gives the instant, or null where it is none. */
export function instantAt(local: string, timezone: string): string | null {
  const wall = Date.parse(`${local}Z`)
  return Number.isNaN(wall) ? null : new Date(localInstant(wall, timezone)).toISOString()
}

/** Takes an instant and the event's time zone; gives what a `datetime-local` field shows for it. */
export function localAt(at: number | string, timezone: string): string {
  return zonedIso(timezone)(typeof at === 'string' ? Date.parse(at) : at).slice(0, 16)
}

export const ownTimezone = Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC'

/** Every time zone by its continent, for a list to choose from. */
export function timezonesByRegion(): [region: string, zones: string[]][] {
  const regions = new Map<string, string[]>()
  for (const zone of new Set([...Intl.supportedValuesOf('timeZone'), ownTimezone, 'UTC'])) {
    const region = zone.includes('/') ? (zone.split('/')[0] ?? '') : '…'
    regions.set(region, [...(regions.get(region) ?? []), zone])
  }
  return [...regions]
}
