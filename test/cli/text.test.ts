import { describe, expect, it } from 'vitest'
import { asRows, asText } from '../../cli/terminal/table.ts'
import { bar, clipped, harmless, padded, sparkline, widthOf } from '../../cli/terminal/text.ts'

describe('text on a terminal', () => {
  it('is as wide as it is drawn, whatever the script', () => {
    expect(['Gate A', 'Größe', '東門', 'e\u0301', '🎫', '👩‍👩‍👧', '\x1b[31mred\x1b[0m'].map(widthOf)).toEqual([
      6, 5, 4, 1, 2, 2, 3,
    ])
  })

  it('is cut between letters, and says that it was', () => {
    expect(clipped('Main Entrance', 8)).toBe('Main En…')
    expect(clipped('東門東門', 6)).toBe('東門…')
    expect(clipped('Main', 4)).toBe('Main')
    expect([padded('東門', 6), padded('7', 3, 'right'), padded('Entrance', 3)]).toEqual(['東門  ', '  7', 'En…'])
  })

  it('of somebody else does nothing to the terminal', () => {
    expect(harmless('\x1b]0;owned\x07Gate\n\x1b[2JA\u202e \x9b31m')).toBe('Gate A')
  })

  it('draws shares and curves in the columns they are given', () => {
    expect([bar(0, 4), bar(0.5, 4), bar(1, 4), bar(7, 4), bar(0.56, 4)]).toEqual([
      '░░░░',
      '██░░',
      '████',
      '████',
      '██▎░',
    ])
    expect(sparkline([0, 1, 4, 8])).toBe(' ▁▄█')
    expect(sparkline([])).toBe('')
  })
})

describe('a table', () => {
  const gates = {
    name: 'Gates',
    columns: ['gate', 'scans'],
    rows: [
      ['A', 12000],
      ['東門', null],
    ],
  }

  it('has numbers to the right, and says where there is nothing', () => {
    expect(asText([gates]).split('\n').slice(1)).toEqual(['  A     12,000', '  東門'])
    expect(asText([{ ...gates, rows: [] }])).toBe('  nothing')
  })

  it('is one CSV file, also where there are several', () => {
    expect(asRows([gates])).toEqual([
      ['gate', 'scans'],
      ['A', 12000],
      ['東門', null],
    ])
    expect(asRows([gates, { name: 'Staff', columns: ['staff', 'scans'], rows: [['sam', 3]] }])).toEqual([
      ['table', 'about', 'what', 'value'],
      ['Gates', 'A', 'scans', 12000],
      ['Gates', '東門', 'scans', null],
      ['Staff', 'sam', 'scans', 3],
    ])
  })
})
