import { describe, expect, it } from 'vitest'
import { csvRow } from '../../core/csv.ts'

describe('a row of CSV that we write', () => {
  it.each([
    ['plain words', ['Ada Lovelace', 3, true, null], 'Ada Lovelace,3,true,\r\n'],
    ['commas, quotes and line ends', ['a,b', 'say "hi"', 'two\nlines'], '"a,b","say ""hi""","two\nlines"\r\n'],
    ['blanks at either end', [' a', 'b '], '" a","b "\r\n'],
    ['a negative number, which is no formula', [-3.5], '-3.5\r\n'],
  ])('holds %s', (_, cells, line) => expect(csvRow(cells)).toBe(line))

  it.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', ' =1', '|calc', '%0A=1', '\r=1'])(
    'makes a formula harmless: %j',
    (text) => {
      const cell = csvRow([text]).replace(/^"|"?\r\n$/g, '')
      expect(cell.startsWith("'")).toBe(true)
    },
  )
})
