import { toBase64url } from '../../../core/base64url.ts'
import type { Unseal } from '../../../core/token.ts'
import type { Cryptography } from '../engine/ports.ts'

/** Guessing a PIN of six digits takes a week of one processor, and this browser's own secret on top. */
const PIN_ROUNDS = 600_000

const subtle = crypto.subtle
/** What WebCrypto takes: TypeScript wants to know that no memory is shared. */
const bytes = (data: Uint8Array) => data as Uint8Array<ArrayBuffer>

/** WebCrypto, as the engine wants it. Keys are imported once. */
export function webCryptography(): Cryptography {
  return {
    verifier(publicKeyOf) {
      const keyFor = imported((raw) => subtle.importKey('raw', raw, 'Ed25519', false, ['verify']))
      return async (keys, message, signature) => {
        const publicKey = publicKeyOf(keys)
        // What is not of its length is no signature; one runtime would throw over it.
        if (publicKey === null || signature.length !== 64) return false
        return subtle.verify('Ed25519', await keyFor(publicKey), bytes(signature), bytes(message))
      }
    },
    unseal: unsealer(),
    async newDeviceKey() {
      const pair = await generateDeviceKey()
      return {
        key: pair,
        publicKey: toBase64url(new Uint8Array((await subtle.exportKey('raw', pair.publicKey)) as ArrayBuffer)),
      }
    },
    async sign(key, message) {
      const { privateKey } = key as CryptoKeyPair
      const how = privateKey.algorithm.name === 'Ed25519' ? 'Ed25519' : { name: 'ECDSA', hash: 'SHA-256' }
      return new Uint8Array(await subtle.sign(how, privateKey, bytes(message)))
    },
    sha256: async (data) => new Uint8Array(await subtle.digest('SHA-256', bytes(data))),
    newPinKey: () => subtle.generateKey({ name: 'HMAC', hash: 'SHA-256' }, false, ['sign']),
    async stretchPin(pinKey, pin, salt) {
      const typed = await subtle.importKey('raw', new TextEncoder().encode(pin), 'PBKDF2', false, ['deriveBits'])
      const slow = { name: 'PBKDF2', hash: 'SHA-256', salt: bytes(salt), iterations: PIN_ROUNDS }
      const stretched = new Uint8Array(await subtle.deriveBits(slow, typed, 256))
      const halves = await Promise.all(
        [1, 2].map((half) => subtle.sign('HMAC', pinKey as CryptoKey, Uint8Array.of(half, ...stretched))),
      )
      return Uint8Array.from(halves.flatMap((half) => [...new Uint8Array(half)]))
    },
    async seal(key, iv, plain) {
      const cipher = await subtle.importKey('raw', bytes(key), 'AES-GCM', false, ['encrypt'])
      return new Uint8Array(await subtle.encrypt({ name: 'AES-GCM', iv: bytes(iv) }, cipher, bytes(plain)))
    },
    async open(key, iv, sealed) {
      const cipher = await subtle.importKey('raw', bytes(key), 'AES-GCM', false, ['decrypt'])
      try {
        return new Uint8Array(await subtle.decrypt({ name: 'AES-GCM', iv: bytes(iv) }, cipher, bytes(sealed)))
      } catch {
        // An OperationError is how WebCrypto says that the authentication tag does not match.
        return null
      }
    },
  }
}

function unsealer(): Unseal {
  const keyFor = imported((raw) => subtle.importKey('raw', raw, 'AES-GCM', false, ['decrypt']))
  return async ({ readKey }, iv, additionalData, sealed) => {
    const how = { name: 'AES-GCM', iv: bytes(iv), additionalData: bytes(additionalData) }
    try {
      return new Uint8Array(await subtle.decrypt(how, await keyFor(readKey), bytes(sealed)))
    } catch {
      // An OperationError: the token was changed or made up.
      return null
    }
  }
}

/** Keeps each key that was imported, by the bytes it came from. A device has a handful. */
function imported(importKey: (raw: Uint8Array<ArrayBuffer>) => Promise<CryptoKey>) {
  const known = new Map<string, Promise<CryptoKey>>()
  return (raw: Uint8Array): Promise<CryptoKey> => {
    const name = toBase64url(raw)
    const key = known.get(name) ?? importKey(bytes(raw))
    known.set(name, key)
    return key
  }
}

async function generateDeviceKey(): Promise<CryptoKeyPair> {
  try {
    return (await subtle.generateKey('Ed25519', false, ['sign', 'verify'])) as CryptoKeyPair
  } catch {
    // A NotSupportedError: a browser from before 2025. It has P-256.
    return (await subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, [
      'sign',
      'verify',
    ])) as CryptoKeyPair
  }
}
