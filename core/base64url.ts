const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

const digitOf = new Int8Array(128).fill(-1)
for (let i = 0; i < 64; i++) digitOf[alphabet.charCodeAt(i)] = i

/** Takes bytes; gives base64url without padding (RFC 4648 §5). */
export function toBase64url(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += 3) {
    const held = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0)
    const digits = Math.min(4, bytes.length - at + 1)
    for (let i = 0; i < digits; i++) text += alphabet[(held >> (18 - 6 * i)) & 63]
  }
  return text
}

/** Takes base64url; gives the bytes. What is no base64url is taken for zero bits: the text is one that we wrote. */
export function fromBase64url(text: string): Uint8Array {
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4))
  for (let at = 0, out = 0; at < text.length; at += 4) {
    let held = 0
    for (let i = 0; i < 4; i++) held = (held << 6) | Math.max(0, digitOf[text.charCodeAt(at + i)] ?? 0)
    for (let i = 16; i >= 0 && out < bytes.length; i -= 8) bytes[out++] = (held >> i) & 255
  }
  return bytes
}

/**
 * Takes a text from outside; gives the bytes, or null where a character is foreign, the length is impossible or a spare
 * bit is set: one sequence of bytes has one spelling.
 */
export function parseBase64url(text: string): Uint8Array | null {
  if (!/^[\w-]*$/.test(text) || text.length % 4 === 1) return null
  const bytes = fromBase64url(text)
  return toBase64url(bytes) === text ? bytes : null
}
