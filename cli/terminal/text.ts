import { stripVTControlCharacters } from 'node:util'

/** Characters that a terminal draws two columns wide: East Asian wide and full-width ones, and pictures. */
const wide =
  /^[\p{Emoji_Presentation}\u{1100}-\u{115f}\u{2e80}-\u{303e}\u{3041}-\u{a4cf}\u{ac00}-\u{d7a3}\u{f900}-\u{faff}\u{fe30}-\u{fe6f}\u{ff00}-\u{ff60}\u{ffe0}-\u{ffe6}\u{20000}-\u{3fffd}]/u
const invisible = /^[\p{Mark}\p{Format}]+$/u

const letters = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

/** How many columns of a terminal a text takes; its colours take none. */
export function widthOf(text: string): number {
  return lettersOf(stripVTControlCharacters(text)).reduce((sum, letter) => sum + letterWidth(letter), 0)
}

/** Takes what somebody else wrote; gives it as one line that does nothing to a terminal but stand there. */
export function harmless(text: string): string {
  return stripVTControlCharacters(text)
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/[\p{Control}\u{202a}-\u{202e}\u{2066}-\u{2069}]/gu, '')
    .trim()
}

/** Cuts a text without colours to so many columns; what is left out is told by an ellipsis. */
export function clipped(text: string, width: number): string {
  if (widthOf(text) <= width) return text
  if (width < 1) return ''
  let kept = ''
  let used = 0
  for (const letter of lettersOf(text)) {
    if (used + letterWidth(letter) > width - 1) break
    kept += letter
    used += letterWidth(letter)
  }
  return `${kept}…`
}

/** Fills a text up with blanks to so many columns, or cuts it to them. */
export function padded(text: string, width: number, side: 'left' | 'right' = 'left'): string {
  const fitting = widthOf(text) > width ? clipped(text, width) : text
  const blanks = ' '.repeat(Math.max(0, width - widthOf(fitting)))
  return side === 'left' ? fitting + blanks : blanks + fitting
}

const eighths = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']

/** Takes a share from 0 to 1; gives a bar of so many columns, filled to an eighth of one. */
export function bar(share: number, width: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, share)) * width * 8)
  const full = '█'.repeat(Math.floor(filled / 8)) + (eighths[filled % 8] ?? '')
  return full + '░'.repeat(Math.max(0, width - full.length))
}

const steps = '▁▂▃▄▅▆▇█'

/** Takes counts; gives a curve of one column each. Nothing at all is a blank, so that little can be told from nothing. */
export function sparkline(counts: readonly number[], highest: number = Math.max(0, ...counts)): string {
  return counts
    .map((count) => (count <= 0 ? ' ' : steps[Math.min(7, Math.floor((count / Math.max(1, highest)) * 7.999))]))
    .join('')
}

function lettersOf(text: string): string[] {
  // Most of what is written needs no looking for letters of several parts.
  if (/^[\x20-\x7e]*$/.test(text)) return [...text]
  return Array.from(letters.segment(text), ({ segment }) => segment)
}

function letterWidth(letter: string): number {
  if (invisible.test(letter)) return 0
  return wide.test(letter) ? 2 : 1
}
