import { utf8ToBytes } from '@noble/hashes/utils.js'

/**
 * Takes a text; gives it in UTF-8. ASCII, which nearly all is that a scan hashes, is written here: the library asks the
 * platform for a new encoder each time, and what the platform makes by the thousand it collects with a pause.
 */
export function utf8(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code > 0x7f) return utf8ToBytes(text)
    bytes[i] = code
  }
  return bytes
}
