// Crockford's base32: nothing that is mistaken for something else when it is read out or typed.
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

export const SHORT_CODE_LENGTH = 8

/** Takes random bytes, one a character; gives a short code. */
export function shortCodeOf(random: Uint8Array): string {
  return [...random].map((byte) => alphabet[byte & 31]).join('')
}

/** Takes what a person typed; gives the short code they meant, or null where it cannot be one. */
export function readShortCode(typed: string): string | null {
  const plain = typed.replace(/[\s-]/g, '').toUpperCase().replace(/O/g, '0').replace(/[IL]/g, '1')
  return plain.length === SHORT_CODE_LENGTH && [...plain].every((letter) => alphabet.includes(letter)) ? plain : null
}
