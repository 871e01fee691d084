import { hkdf } from '@noble/hashes/hkdf.js'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, concatBytes, hexToBytes } from '@noble/hashes/utils.js'
import { describe, expect, it } from 'vitest'
import { type OpeningKeys, type Unseal, unsealHere } from '../../core/token.ts'
import { webCryptography } from '../../web/scanner/platform/cryptography.ts'
import aesGcm from '../vectors/wycheproof/aes_gcm_test.json' with { type: 'json' }
import ed25519 from '../vectors/wycheproof/ed25519_test.json' with { type: 'json' }
import hkdfSha256 from '../vectors/wycheproof/hkdf_sha256_test.json' with { type: 'json' }
import hmacSha256 from '../vectors/wycheproof/hmac_sha256_test.json' with { type: 'json' }

/*
 * The public vectors of Project Wycheproof, which know every mistake that was ever made with these primitives, through what
 * opens and signs our codes: the library at the edge and what a phone has. `test/core/formats-wycheproof.test.ts` has
 * those for JSON signatures.
 */

const keysWith = (readKey: string): OpeningKeys => ({
  keyId: 1,
  eventTag: new Uint8Array(6),
  readKey: hexToBytes(readKey),
})

describe('AES-GCM', () => {
  // Our nonces are of 96 bits, all of them.
  const tests = aesGcm.testGroups.filter(({ ivSize }) => ivSize === 96).flatMap((group) => group.tests)
  const ways: [string, Unseal][] = [
    ['noble', unsealHere],
    ['WebCrypto, as on a phone', webCryptography().unseal],
  ]

  it.each(ways)('decrypts what is valid, and nothing else (%s)', async (_, unseal) => {
    expect(tests).toHaveLength(197)
    for (const { tcId, key, iv, aad, ct, tag, msg, result } of tests) {
      const sealed = concatBytes(hexToBytes(ct), hexToBytes(tag))
      const plain = await unseal(keysWith(key), hexToBytes(iv), hexToBytes(aad), sealed)
      expect(plain && bytesToHex(plain), `test ${tcId}`).toBe(result === 'valid' ? msg : null)
    }
  })
})

describe('Ed25519', () => {
  it('threat 01: verifies what is valid, and nothing else', async () => {
    expect(ed25519.numberOfTests).toBe(151)
    for (const { publicKey, tests } of ed25519.testGroups) {
      const verify = webCryptography().verifier(() => hexToBytes(publicKey.pk))
      for (const { tcId, msg, sig, result } of tests) {
        const verified = await verify(keysWith(''), hexToBytes(msg), hexToBytes(sig))
        expect(verified, `test ${tcId}`).toBe(result === 'valid')
      }
    }
  })
})

describe('HMAC-SHA256', () => {
  it('makes the tags that are valid, and no other', () => {
    expect(hmacSha256.numberOfTests).toBe(174)
    for (const { tagSize, tests } of hmacSha256.testGroups) {
      for (const { tcId, key, msg, tag, result } of tests) {
        const made = hmac(sha256, hexToBytes(key), hexToBytes(msg)).slice(0, tagSize / 8)
        expect(bytesToHex(made) === tag, `test ${tcId}`).toBe(result === 'valid')
      }
    }
  })
})

describe('HKDF-SHA256', () => {
  it('derives the keys that are valid, and none that is longer than it can be', () => {
    expect(hkdfSha256.numberOfTests).toBe(86)
    for (const { tcId, ikm, salt, info, size, okm, result } of hkdfSha256.testGroups.flatMap(({ tests }) => tests)) {
      const derive = () => bytesToHex(hkdf(sha256, hexToBytes(ikm), hexToBytes(salt), hexToBytes(info), size))
      if (result === 'valid') expect(derive(), `test ${tcId}`).toBe(okm)
      else expect(derive, `test ${tcId}`).toThrow()
    }
  })
})
