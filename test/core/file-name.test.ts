import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { attachment, fileNamePart } from '../../core/file-name.ts'

describe('the name of an exported file', () => {
  it.each([
    ['Tech Expo 2026', 'Tech Expo 2026'],
    ['../../etc/passwd', 'etc passwd'],
    ['a\r\nSet-Cookie: x=1', 'a Set-Cookie x=1'],
    ['C:\\con|aux?*', 'C con aux'],
    ['...', 'event'],
    ['\u{202e}gpj.exe', 'gpj.exe'],
    ['Fête “été”', 'Fête “été”'],
  ])('of "%s" is "%s"', (title, name) => expect(fileNamePart(title)).toBe(name))

  it('is one header line of plain characters for every title, and reads back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (title) => {
        const name = `${fileNamePart(title)} - tickets.csv`
        const header = attachment(name)
        expect(header).toMatch(/^attachment; filename="[\x20-\x21\x23-\x7e]+"; filename\*=UTF-8''[\w!#$&+.^`|~%-]+$/)
        expect(decodeURIComponent(header.split("UTF-8''")[1] ?? '')).toBe(name)
        expect(name).not.toMatch(/[/\\:*?"<>|\p{Cc}]|^\./u)
      }),
    )
  })
})
