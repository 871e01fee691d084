/** Letters that Unicode does not take apart, and how people type them. */
const plain: Record<string, string> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  ł: 'l',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  ı: 'i',
  ħ: 'h',
}

/** The least that a search asks for, in characters: less would be a list of everybody. */
export const SEARCH_MIN = 3

/** Takes any text; gives it without case and without marks: "Łukasz Müller-Weiß" becomes "lukasz muller-weiss". */
export function foldText(text: string): string {
  return text
    .toLowerCase()
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[ßæœøłđðþıħ]/g, (letter) => plain[letter] ?? letter)
}

/** Takes texts; gives the different words in them, folded. A word is letters and digits. */
export function searchWords(...texts: (string | null | undefined)[]): string[] {
  const folded = foldText(texts.filter((text) => text != null).join(' '))
  return [...new Set(folded.split(/[^\p{L}\p{N}]+/u).filter((word) => word !== ''))]
}
