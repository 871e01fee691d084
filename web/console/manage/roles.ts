import { words } from '../words/language.ts'

/** The roles that a key or a member may have, from the largest, for a form. */
export function roleOptions() {
  return Object.entries(words.value.roles).map(([value, [label, hint]]) => ({ value, label, hint }))
}
