/** How deep what somebody else signed may be nested. A ticket code is flat; deeper is an attempt at something. */
const DEEPEST = 8

export type SignedObject = { readonly [name: string]: unknown }

/**
 * Takes a text from outside; gives the JSON object in it, or null where it is none, names a member twice (two readers
 * would then read two things), is nested deeper than eight levels or holds half a character.
 */
export function parseSignedObject(text: string): SignedObject | null {
  if (!text.isWellFormed() || depthOf(text) > DEEPEST) return null
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
    return namesOf(text) === Object.keys(value).length ? (value as SignedObject) : null
  } catch {
    // A SyntaxError is how JSON.parse says that this is no JSON.
    return null
  }
}

/** What stands under a name in the object itself, and never what its prototype has. */
export function member(object: SignedObject, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined
}

function depthOf(text: string): number {
  let deepest = 0
  walk(text, (_, depth) => {
    deepest = Math.max(deepest, depth)
  })
  return deepest
}

/** How many names the object itself has, a name that stands there twice counted twice. Takes valid JSON. */
function namesOf(text: string): number {
  let names = 0
  walk(text, (character, depth) => {
    if (character === ':' && depth === 1) names++
  })
  return names
}

/** Visits every character that is not inside a text, with how deep it is nested. */
function walk(text: string, visit: (character: string, depth: number) => void): void {
  let depth = 0
  let inText = false
  for (let i = 0; i < text.length; i++) {
    const character = text[i] ?? ''
    if (inText) {
      if (character === '\\') i++
      else if (character === '"') inText = false
      continue
    }
    if (character === '"') inText = true
    if (character === '{' || character === '[') depth++
    visit(character, depth)
    if (character === '}' || character === ']') depth--
  }
}
