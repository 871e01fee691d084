import { describe, expect, test } from 'vitest'
import { colourFault, luminance } from '../../core/contrast.ts'

describe('the colours of a code', () => {
  test.each([
    ['#000000', '#ffffff'],
    ['#1a237e', '#fff8e1'],
    ['#b00020', '#ffffff'],
    ['#000000', '#ffd700'],
    ['#666666', '#ffff00'],
    ['#767676', '#ffffff'],
  ])('%s on %s can be scanned', (dark, light) => {
    expect(colourFault(dark, light)).toBeNull()
  })

  test.each([
    ['#ffffff', '#ffffff', 'dark', /1\.00:1/],
    ['#8a8a8a', '#ffffff', 'dark', /3\.45:1, and a scanner needs 4:1/],
    ['#ffff00', '#ffffff', 'dark', /contrast/],
    ['#ff0000', '#ffffff', 'dark', /3\.99:1/],
    ['#ffffff', '#000000', 'dark', /inverted/],
    ['#ffd700', '#1a237e', 'dark', /inverted/],
    ['#000000', '#808080', 'light', /luminance is 0\.21/],
  ])('%s on %s cannot, and it says why', (dark, light, field, message) => {
    expect(colourFault(dark, light)).toEqual({ field, message: expect.stringMatching(message) })
  })

  test('are as bright as the standard says', () => {
    expect([luminance('#000000'), luminance('#ffffff')]).toEqual([0, 1])
    expect(luminance('#ff0000')).toBeCloseTo(0.2126, 4)
    expect(luminance('#808080')).toBeCloseTo(0.2159, 4)
  })
})
