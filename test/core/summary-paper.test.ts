import { beforeAll, describe, expect, it } from 'vitest'
import { FontUse } from '../../workers/paper/font-use.ts'
import { openSans } from '../../workers/paper/open-sans.ts'
import { summaryPages } from '../../workers/paper/summary.ts'
import type { TrueType } from '../../workers/paper/true-type.ts'
import type { Summary } from '../../workers/summary-shape.ts'

let font: TrueType
beforeAll(async () => {
  font = (await openSans()).font
})

const start = Date.UTC(2026, 6, 10, 16, 0)
const iso = (at: number) => new Date(at).toISOString()

/** An event at which nothing has happened. */
const nothing = {
  event: {
    id: '01910000-0000-7000-8000-000000000001',
    title: 'Tech Expo',
    startsAt: iso(start),
    endsAt: iso(start + 18_000_000),
    timezone: 'Europe/Berlin',
    location: null,
    closedAt: null,
  } as Summary['event'],
  totals: { tickets: 0, people: 0, scans: 0, admitted: 0, admittedTickets: 0, noShows: 0, exited: 0, refused: 0 },
  zones: [{ id: 'main', name: 'Main', inside: 0, capacity: null }],
  gates: [],
  staff: [],
  types: [],
  refusals: {},
  arrivals: { bucket: 'minute', timezone: 'Europe/Berlin', items: [] },
  peak: null,
  offline: { scans: 0, conflicts: 0 },
  latency: { p50: null, p95: null, p99: null },
} satisfies Summary

const gate = (gateId: string, name: string): Summary['gates'][number] => ({
  gateId,
  name,
  scans: 12_345,
  admitted: 9876,
  exited: 3,
  visited: 0,
  refused: { already_admitted: 40, wrong_gate: 2 },
  duplicates: 40,
  firstScanAt: iso(start),
  lastScanAt: iso(start + 3_600_000),
  perHour: [],
  validationTime: { p50: 2.1, p95: 8.4 },
})

const arrivals = (items: number, bucket: 'minute' | 'hour' = 'minute'): Summary['arrivals'] => ({
  bucket,
  timezone: 'Europe/Berlin',
  items: Array.from({ length: items }, (_, i) => {
    return {
      at: iso(start + i * (bucket === 'minute' ? 60_000 : 3_600_000)),
      admitted: i % 90,
      exited: 0,
      refused: i % 7,
    }
  }),
})

/** The pages as they are drawn, and what can be read on each. */
function written(summary: Summary, till: Parameters<typeof summaryPages>[2] = null) {
  const use = new FontUse(font, 'OpenSans')
  const pages = summaryPages(use, summary, till, start + 30_000_000)
  const letters = new Map<string, string>()
  for (const [, glyph = '', code = ''] of use.toUnicode().matchAll(/^<(\w{4})> <(\w{4})>$/gm)) {
    letters.set(glyph, String.fromCharCode(Number.parseInt(code, 16)))
  }
  const read = (hex: string) => (hex.match(/.{4}/g) ?? []).map((glyph) => letters.get(glyph)).join('')
  const texts = pages.map((page) => [...page.matchAll(/<(\w*)> Tj/g)].map(([, hex = '']) => read(hex)))
  return { pages, texts, all: texts.flat() }
}

/** The row of a table that begins with a text. */
const rowOf = (all: string[], first: string, cells: number) => all.slice(all.indexOf(first), all.indexOf(first) + cells)

describe('the report on paper', () => {
  it('says what every table of the report says, on the clocks of the venue', () => {
    const { all } = written(
      {
        ...nothing,
        totals: {
          ...nothing.totals,
          tickets: 20_000,
          people: 20_100,
          admitted: 9876,
          admittedTickets: 9000,
          noShows: 11_000,
        },
        gates: [gate('G1', 'North')],
        staff: [{ ...gate('', 'Sam'), staffId: 'sam' }],
        types: [{ id: 'vip', name: 'VIP', tickets: 7, people: 8, admitted: 6 }],
        refusals: { already_admitted: 40, wrong_gate: 2 },
        arrivals: arrivals(61),
        peak: { at: iso(start + 1_740_000), perMinute: 89 },
        offline: { scans: 50, conflicts: 1 },
        latency: { p50: 2.1, p95: 8.4, p99: 31.7 },
      },
      [
        {
          staffId: 'sam' as never,
          gateId: 'G1' as never,
          method: 'cash',
          currency: 'EUR',
          sales: 3,
          people: 4,
          amount: 6000,
        },
        { staffId: null, gateId: 'G1' as never, method: 'card', currency: 'JPY', sales: 1, people: 1, amount: 1500 },
      ],
    )
    const figures = ['12,345', '9,876', '3', '42', '40', '10 Jul, 18:00', '10 Jul, 19:00', '8.4 ms']
    expect(rowOf(all, 'North', 9)).toEqual(['North', ...figures])
    expect(rowOf(all, 'VIP', 4)).toEqual(['VIP', '7', '8', '6'])
    expect(rowOf(all, 'People let in', 3)).toEqual(['People let in', '9,876', 'of 20,100 with a ticket'])
    expect(rowOf(all, 'Tickets used', 3)).toEqual(['Tickets used', '9,000', '45.0 % of 20,000'])
    expect(rowOf(all, 'Busiest minute', 3)).toEqual(['Busiest minute', '89', 'people, on 10 Jul, 18:29'])
    expect(rowOf(all, 'Already let in', 4)).toEqual(['Already let in', '40', 'Wrong gate', '2'])
    expect(rowOf(all, 'cash', 4)).toEqual(['cash', '3', '4', 'EUR 60.00'])
    expect(all).toContain('Taken in all: EUR 60.00, JPY 1,500.')
    expect(all.join(' ')).toContain('2.1 ms or less in half of all cases, 8.4 ms or less in 95 of 100 and 32 ms')
    expect(all.join(' ')).toContain('There was 1 conflict')
  })

  it('is one page of plain words where nothing has happened', () => {
    const { texts, all } = written(nothing)
    expect(texts).toHaveLength(1)
    for (const words of ['Nobody has been scanned yet.', 'Nobody was refused.', 'Page 1 of 1'])
      expect(all).toContain(words)
    expect(all.join(' ')).not.toMatch(/NaN|Infinity|undefined|null/)
    expect(all).not.toContain('Tills')
  })

  it.each([
    ['a single scan', 1, 'minute'],
    ['an evening', 400, 'minute'],
    ['half a year', 4400, 'hour'],
  ] as const)('draws the curves of %s within the page', (_, items, bucket) => {
    const { pages, all } = written({
      ...nothing,
      totals: { ...nothing.totals, people: 50 },
      arrivals: arrivals(items, bucket),
    })
    const places = [...(pages[0] ?? '').matchAll(/^(?:q .*? )?(-?[\d.]+) (-?[\d.]+) (?:([\d.]+) ([\d.]+) re|[ml])/gm)]
    expect(places.length).toBeGreaterThan(20)
    for (const [, x, y, width = '0', height = '0'] of places) {
      expect(Number(x)).toBeGreaterThanOrEqual(0)
      expect(Number(x) + Number(width)).toBeLessThanOrEqual(595)
      expect(Number(y)).toBeGreaterThanOrEqual(0)
      expect(Number(y) + Number(height)).toBeLessThanOrEqual(842)
    }
    expect(all.join(' ')).not.toMatch(/NaN|Infinity|undefined/)
  })

  it('goes on over as many pages as there are gates for, and each says what its columns are', () => {
    const gates = Array.from({ length: 150 }, (_, i) => gate(`G${i}`, `Gate ${i}`))
    const { texts } = written({ ...nothing, gates })
    expect(texts.length).toBeGreaterThan(3)
    for (const [i, page] of texts.entries()) {
      expect(page).toContain(`Page ${i + 1} of ${texts.length}`)
      if (page.some((text) => /^Gate \d/.test(text))) expect(page).toContain('95 % within')
    }
    const told = texts.flat().filter((text) => /^Gate \d/.test(text))
    expect(told).toEqual(gates.map(({ name }) => name))
  })

  it('writes names of other alphabets, ends long ones in dots, and tells those that it cannot write by their ids', () => {
    const title = 'عيد'
    const { all } = written({
      ...nothing,
      event: { ...nothing.event, title },
      gates: [
        gate('G1', 'Вход с Невского'),
        gate('G2', 'W'.repeat(400)),
        gate('west-door', 'المدخل'),
        gate('東', '東'),
      ],
    })
    expect(all).toContain('Вход с Невского')
    expect(all.some((text) => /^W{5,40}…$/.test(text))).toBe(true)
    expect(all).toContain('west-door')
    expect(all).toContain('–')
    expect(all).toContain(nothing.event.id)
  })
})
