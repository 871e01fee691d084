/*
 * Which colours a scanner can tell apart. Measured with zxing-wasm on drawn camera pictures (blurred, noisy, unevenly
 * lit, with a veil of glare): a ratio of 4 is read nearly as often as black on white, one of 3 half as often, one of 2.4
 * not at all; and however black the modules are, on grey paper of a luminance under 0.4 they drown in the glare. Red on
 * white stands just below the line, where it belongs: to a scanner that lights with red, red is white.
 */

const LEAST_RATIO = 4
const LEAST_LIGHT = 0.4

/** What is wrong with the colours of a symbol, and with which of the two. */
export type ColourFault = { field: 'dark' | 'light'; message: string }

/** Takes a symbol's two colours as `#rrggbb`; gives why a scanner could not read it, or null where one can. */
export function colourFault(dark: string, light: string): ColourFault | null {
  const [below, above] = [luminance(dark), luminance(light)]
  // Many scanners, and ours where it hurries, take a light code on a dark ground for no code at all.
  if (below > above) return { field: 'dark', message: 'must be darker than light: scanners miss an inverted code' }
  const ratio = (above + 0.05) / (below + 0.05)
  if (ratio < LEAST_RATIO) {
    const said = `the contrast is ${floored(ratio)}:1, and a scanner needs ${LEAST_RATIO}:1`
    return { field: 'dark', message: `is too close to light: ${said}` }
  }
  if (above >= LEAST_LIGHT) return null
  const said = `its luminance is ${floored(above)}, and a scanner needs ${LEAST_LIGHT}`
  return { field: 'light', message: `is too dark to scan in poor light: ${said}` }
}

/** From 0, black, to 1, white: the relative luminance of sRGB (IEC 61966-2-1), which contrast ratios are made of. */
export function luminance(hex: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => linear(Number.parseInt(hex.slice(at, at + 2), 16) / 255))
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

function linear(coded: number): number {
  return coded <= 0.04045 ? coded / 12.92 : ((coded + 0.055) / 1.055) ** 2.4
}

/** Never rounded up to what would be enough. */
function floored(value: number): string {
  return (Math.floor(value * 100) / 100).toFixed(2)
}
