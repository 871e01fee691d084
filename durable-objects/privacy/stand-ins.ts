import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { Meta } from '../meta.ts'

/**
 * What stands in the place of an organiser's text that said who somebody was, once that person was erased: a keyed hash
 * of it. The text cannot be read from it, and yet who issues under the same text again is found to have done so before.
 */
export class StandIns {
  /** Whether a text is a stand-in already. */
  static is(text: string): boolean {
    return /^erased-[0-9a-f]{24}$/.test(text)
  }

  readonly #meta: Meta

  constructor(sql: SqlStorage) {
    this.#meta = new Meta(sql)
  }

  /** The stand-in of a text where anybody was erased yet; null saves looking for it. */
  known(text: string): string | null {
    const key = this.#meta.text('erasure_key')
    return key === null ? null : standIn(key, text)
  }

  make(text: string): string {
    const key = this.#meta.text('erasure_key') ?? bytesToHex(crypto.getRandomValues(new Uint8Array(32)))
    this.#meta.set('erasure_key', key)
    return standIn(key, text)
  }
}

function standIn(key: string, text: string): string {
  return `erased-${bytesToHex(hmac(sha256, hexToBytes(key), utf8ToBytes(text)).slice(0, 12))}`
}
