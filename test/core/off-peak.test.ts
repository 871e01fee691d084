import { expect, test } from 'vitest'
import { nextWithin } from '../../core/off-peak.ts'

const berlin = (text: string) => Date.parse(`${text}+01:00`)
const next = (hours: string, at: string) => {
  const found = nextWithin(hours, berlin(at), 'Europe/Berlin')
  return found === null ? null : new Date(found + 3_600_000).toISOString().slice(0, 16)
}

test.each([
  ['1-6', '2026-11-20T14:00', '2026-11-21T01:00'],
  ['1-6', '2026-11-20T00:59', '2026-11-20T01:00'],
  ['1-6', '2026-11-20T01:00', '2026-11-20T01:00'],
  ['1-6', '2026-11-20T05:59', '2026-11-20T05:59'],
  ['1-6', '2026-11-20T06:00', '2026-11-21T01:00'],
  ['22-5', '2026-11-20T23:30', '2026-11-20T23:30'],
  ['22-5', '2026-11-20T04:59', '2026-11-20T04:59'],
  ['22-5', '2026-11-20T05:00', '2026-11-20T22:00'],
  ['0-24', '2026-11-20T12:34', '2026-11-20T12:34'],
  ['', '2026-11-20T12:00', null],
  ['6', '2026-11-20T12:00', null],
  ['25-26', '2026-11-20T12:00', null],
])('within the hours %s, at %s comes %s', (hours, at, expected) => {
  expect(next(hours, at)).toBe(expected)
})
