import { hex4 } from './pdf.ts'
import type { TrueType } from './true-type.ts'

/** Written from right to left, or with letters that change with their neighbours: one glyph a character makes rubbish. */
const needsShaping =
  /[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Devanagari}\p{Script=Bengali}\p{Script=Thai}\p{Script=Khmer}\p{Script=Myanmar}\p{Script=Tamil}\p{Script=Telugu}]/u

/** Controls, marks that steer the direction, and pictures: a name is whole without them. */
const leftOut = /[\p{Cc}\p{Cf}\p{Extended_Pictographic}\u{1f1e6}-\u{1f1ff}\u{1f3fb}-\u{1f3ff}\ufe00-\ufe0f\u20e3]/gu

/** A font, and which of its glyphs a document has used so far. */
export class FontUse {
  readonly font: TrueType
  /** Six letters and a plus sign mark a font of which only a part is there. */
  readonly name: string
  /** What each glyph stands for. */
  readonly #used = new Map<number, number>()

  constructor(font: TrueType, name: string) {
    this.font = font
    this.name = `ADMITO+${name}`
  }

  /** Takes any text; gives what of it goes to paper, or null where the font cannot write it. */
  writable(text: string): string | null {
    // Digits, # and * count as pictures in Unicode, since an emoji may begin with one.
    const plain = text
      .normalize('NFC')
      .replace(leftOut, (character) => (/[\d#*©®™]/.test(character) ? character : /\s/.test(character) ? ' ' : ''))
      .replace(/\s+/g, ' ')
      .trim()
    if (plain === '' || needsShaping.test(plain)) return null
    return [...plain].every((character) => this.font.glyph(codeOf(character)) !== undefined) ? plain : null
  }

  /** The width of a text in thousandths of its size. */
  widthOf(text: string): number {
    let width = 0
    for (const character of text) width += this.font.width(this.#glyphOf(character))
    return width
  }

  /** The text as a PDF string of glyphs. */
  encode(text: string): string {
    let encoded = ''
    for (const character of text) {
      const glyph = this.#glyphOf(character)
      this.#used.set(glyph, codeOf(character))
      encoded += hex4(glyph)
    }
    return `<${encoded}>`
  }

  subset(): Uint8Array {
    return this.font.subset(this.#used.keys())
  }

  widths(): string {
    return this.#sorted()
      .map(([glyph]) => `${glyph} [${this.font.width(glyph)}]`)
      .join(' ')
  }

  /** What the glyphs mean, so that the text can be searched, copied and read aloud. */
  toUnicode(): string {
    const lines = this.#sorted().map(([glyph, code]) => `<${hex4(glyph)}> <${hex4(code)}>`)
    const blocks: string[] = []
    // A block holds at most a hundred.
    for (let i = 0; i < lines.length; i += 100) {
      const block = lines.slice(i, i + 100)
      blocks.push(`${block.length} beginbfchar\n${block.join('\n')}\nendbfchar`)
    }
    return `/CIDInit /ProcSet findresource begin
12 dict begin
begincmap
/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def
/CMapName /Adobe-Identity-UCS def
/CMapType 2 def
1 begincodespacerange
<0000> <ffff>
endcodespacerange
${blocks.join('\n')}
endcmap
CMapName currentdict /CMap defineresource pop
end
end
`
  }

  #glyphOf(character: string): number {
    return this.font.glyph(codeOf(character)) ?? 0
  }

  #sorted(): [number, number][] {
    return [...this.#used].sort(([a], [b]) => a - b)
  }
}

function codeOf(character: string): number {
  return character.codePointAt(0) ?? 0
}
