import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { zonedIso } from '../../core/local-day.ts'

describe('an instant in the time of the event', () => {
  it.each([
    ['Europe/Berlin', '2026-10-25T00:59:59.999Z', '2026-10-25T02:59:59.999+02:00'],
    ['Europe/Berlin', '2026-10-25T01:00:00.000Z', '2026-10-25T02:00:00.000+01:00'],
    ['Asia/Kathmandu', '2026-11-21T00:00:00.000Z', '2026-11-21T05:45:00.000+05:45'],
    ['America/St_Johns', '2026-01-01T00:00:00.000Z', '2025-12-31T20:30:00.000-03:30'],
    ['UTC', '2026-01-01T00:00:00.001Z', '2026-01-01T00:00:00.001+00:00'],
  ])('in %s: %s is %s', (zone, utc, local) => expect(zonedIso(zone)(Date.parse(utc))).toBe(local))

  it('is the same instant, whatever the zone', () => {
    const zones = ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Pacific/Apia', 'Asia/Tehran']
    fc.assert(
      fc.property(fc.constantFrom(...zones), fc.integer({ min: 0, max: 4_000_000_000_000 }), (zone, at) => {
        expect(Date.parse(zonedIso(zone)(at))).toBe(at)
      }),
    )
  })
})
