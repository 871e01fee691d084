import { bytesToHex, concatBytes, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { decodeBase32 } from '../../core/base32.ts'
import type { SealingKeys } from '../../core/keys.ts'
import {
  type Claims,
  type Opened,
  openToken,
  type Sign,
  sealToken,
  type Unseal,
  type VerifySignature,
} from '../../core/token.ts'
import type { Check } from './check.ts'
import vectors from './tokens.json' with { type: 'json' }

type Vector = (typeof vectors.tokens)[number]

/** What opens a token: a verifier and what decrypts. The edge has its own, and a device has its own. */
export type Opener = { verify: VerifySignature; unseal: Unseal }
/** The same for the tokens of one vector. */
export type OpenerOf = (vector: Vector) => Promise<Opener>
type MakerOf = (vector: Vector) => Promise<{ sealing: SealingKeys; publicKey: Uint8Array; sign: Sign }>

const first = vectors.tokens[0] as Vector

/** That the keys and the claims give the token, letter for letter. */
export function sealingChecks(makerOf: MakerOf): Check[] {
  return vectors.tokens.map((vector) => ({
    name: `${vector.name}: the same keys and claims give the same token`,
    given: async () => {
      const { sealing, sign, publicKey } = await makerOf(vector)
      return {
        eventTag: bytesToHex(sealing.eventTag),
        readKey: bytesToHex(sealing.readKey),
        publicKey: bytesToHex(publicKey),
        token: await sealToken(vector.claims as Claims, sealing, sign),
      }
    },
    expected: {
      eventTag: vector.eventTag,
      readKey: vector.readKey,
      publicKey: vector.publicKey,
      token: vector.token,
    },
  }))
}

/** That the public key is enough to tell that the token is genuine. */
export const signatureChecks: Check[] = vectors.tokens.map((vector) => ({
  name: `${vector.name}: the signature verifies with the public key, which is all that a device has`,
  given: async () => {
    const bytes = decodeBase32(vector.token.slice(2)) as Uint8Array
    const key = await crypto.subtle.importKey('raw', hexToBytes(vector.publicKey), 'Ed25519', false, ['verify'])
    const message = concatBytes(utf8ToBytes('admit-one/ticket/v1\0'), bytes.subarray(0, 67))
    return crypto.subtle.verify('Ed25519', key, bytes.slice(67), message)
  },
  expected: true,
}))

/** That the token opens to its claims, and nothing else opens, whichever way it is opened. */
export function openingChecks(openers: Record<string, OpenerOf>): Check[] {
  return Object.entries(openers).flatMap(([way, openerOf]) => [
    ...vectors.tokens.map((vector) => ({
      name: `${vector.name}: opens to its claims, in capitals or not, and changed does not (${way})`,
      given: () => {
        const { token } = vector
        const changed = token.slice(0, 60) + (token[60] === 'B' ? 'C' : 'B') + token.slice(61)
        return Promise.all([token, token.toLowerCase(), changed].map((text) => opened(text, vector, openerOf)))
      },
      expected: [
        { ok: true, claims: vector.claims },
        { ok: true, claims: vector.claims },
        { ok: false, reason: 'forged' },
      ],
    })),
    ...vectors.refused.map(({ name, text, reason }) => ({
      name: `${name}: ${reason} (${way})`,
      given: () => opened(text, first, openerOf),
      expected: { ok: false, reason },
    })),
  ])
}

async function opened(text: string, vector: Vector, openerOf: OpenerOf): Promise<Opened> {
  const { verify, unseal } = await openerOf(vector)
  const { keyId, eventTag, readKey } = vector
  return openToken(text, [{ keyId, eventTag: hexToBytes(eventTag), readKey: hexToBytes(readKey) }], verify, unseal)
}
