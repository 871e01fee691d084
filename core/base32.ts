const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

const digitOf = new Int8Array(128).fill(-1)
for (let i = 0; i < 32; i++) {
  digitOf[alphabet.charCodeAt(i)] = i
  digitOf[alphabet.toLowerCase().charCodeAt(i)] = i
}

/** Takes bytes; gives upper-case base32 without padding (RFC 4648 §6), which a QR code holds in alphanumeric mode. */
export function encodeBase32(bytes: Uint8Array): string {
  let text = ''
  let bits = 0
  let held = 0
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xfff
    bits += 8
    while (bits >= 5) {
      bits -= 5
      text += alphabet[(held >> bits) & 31]
    }
  }
  return bits === 0 ? text : text + alphabet[(held << (5 - bits)) & 31]
}

/**
 * Takes base32 in either case, without padding; gives the bytes, or null where a character is foreign, the length
 * is impossible or a spare bit is set: one sequence of bytes has one spelling, its case aside.
 */
export function decodeBase32(text: string): Uint8Array | null {
  const spare = (text.length * 5) % 8
  if (spare >= 5) return null
  const bytes = new Uint8Array((text.length * 5 - spare) / 8)
  let bits = 0
  let held = 0
  let at = 0
  for (let i = 0; i < text.length; i++) {
    const value = digitOf[text.charCodeAt(i)] ?? -1
    if (value < 0) return null
    held = ((held << 5) | value) & 0xfff
    bits += 5
    if (bits >= 8) {
      bits -= 8
      bytes[at++] = (held >> bits) & 255
    }
  }
  return (held & ((1 << spare) - 1)) === 0 ? bytes : null
}
