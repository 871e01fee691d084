import { foldText, searchWords } from './search.ts'

/** What is known of a person. */
export type Person = { name: string | null; email: string | null }

/**
 * Whether a text that an organiser chose, such as a reference, says who somebody is: an address, or any part of the
 * person's name or of what stands before the @ in their address, of at least three characters.
 */
export function saysWho(text: string, ...people: (Person | null)[]): boolean {
  if (text.includes('@')) return true
  const telling = people.flatMap((person) => searchWords(person?.name, person?.email?.split('@')[0]))
  const folded = foldText(text)
  return telling.some((word) => word.length >= 3 && !/^\d+$/.test(word) && folded.includes(word))
}

/** Whether two are one and the same, by name or by address. One of whom nothing is known is nobody. */
export function samePerson(a: Person, b: Person): boolean {
  const same = (one: string | null, other: string | null) =>
    one !== null && other !== null && foldText(one.trim()) === foldText(other.trim())
  return same(a.email, b.email) || same(a.name, b.name)
}
