import { bytesToHex } from '@noble/hashes/utils.js'
import { describe, expect, it } from 'vitest'
import { decodeBase32, encodeBase32 } from '../../core/base32.ts'
import { type EventId, parseUuid, type TicketId } from '../../core/ids.ts'
import { eventTagOf } from '../../core/keys.ts'
import { type Claims, openToken, sealToken, TOKEN_LENGTH, unsealHere } from '../../core/token.ts'
import { eventKeys } from '../../workers/signing.ts'
import vectors from '../vectors/tokens.json' with { type: 'json' }
import { type OpenerOf, openingChecks, sealingChecks, signatureChecks } from '../vectors/tokens.ts'

const first = vectors.tokens[0] as (typeof vectors.tokens)[number]

const keysOf = (eventId: string, keyId: number) =>
  eventKeys(vectors.ticketKey, eventTagOf(parseUuid<EventId>(eventId) as EventId), keyId)

/** Decrypted by noble or by WebCrypto: both must agree. */
const openers: Record<string, OpenerOf> = {
  noble: async ({ eventId, keyId }) => ({ ...(await keysOf(eventId, keyId)), unseal: unsealHere }),
  WebCrypto: ({ eventId, keyId }) => keysOf(eventId, keyId),
}

describe('the published vectors', () => {
  it.each([
    ...sealingChecks(({ eventId, keyId }) => keysOf(eventId, keyId)),
    ...openingChecks(openers),
    ...signatureChecks,
  ])('$name', async ({ given, expected }) => {
    expect(await given()).toEqual(expected)
  })
})

describe('a token', () => {
  it('is 212 characters that a QR code holds in alphanumeric mode', () => {
    expect(TOKEN_LENGTH).toBe(212)
    expect(first.token).toMatch(/^A1[A-Z2-7]{210}$/)
  })

  it('threat 01: is refused when any one of its characters is another', { timeout: 30_000 }, async () => {
    const { sealing, verify } = await keysOf(first.eventId, first.keyId)
    for (let at = 0; at < first.token.length; at++) {
      const other = first.token[at] === 'B' ? 'C' : 'B'
      const changed = first.token.slice(0, at) + other + first.token.slice(at + 1)
      expect((await openToken(changed, [sealing], verify, unsealHere)).ok, `character ${at}`).toBe(false)
    }
  })

  it('is refused under any key id but its own, even where that key exists too', async () => {
    const one = await keysOf(first.eventId, 1)
    const two = await keysOf(first.eventId, 2)
    expect(await openToken(first.token, [two.sealing], two.verify, unsealHere)).toEqual({ ok: false, reason: 'forged' })
    expect((await openToken(first.token, [two.sealing, one.sealing], one.verify, unsealHere)).ok).toBe(true)
  })

  it('is forged where it was sealed with the read key but not signed by the event', async () => {
    // What the thief of a phone can do at most: the read key is on every device.
    const { sealing, verify } = await keysOf(first.eventId, 1)
    const thief = await eventKeys('another secret', sealing.eventTag, 1)
    const made = await sealToken(first.claims as Claims, { ...sealing }, thief.sign)
    expect(await openToken(made, [sealing], verify, unsealHere)).toEqual({ ok: false, reason: 'forged' })
  })

  it('says nothing in the clear of the ticket', () => {
    const bytes = bytesToHex(decodeBase32(first.token.slice(2)) as Uint8Array)
    expect(bytes).not.toContain((first.claims.ticketId as TicketId).replaceAll('-', ''))
  })
})

describe('base32', () => {
  it('gives back every length of bytes', () => {
    for (let length = 0; length < 70; length++) {
      const bytes = Uint8Array.from({ length }, (_, i) => (i * 37 + length) & 255)
      expect(decodeBase32(encodeBase32(bytes))).toEqual(bytes)
    }
  })

  it('agrees with RFC 4648', () => {
    const text = (bytes: string) => encodeBase32(Uint8Array.from(bytes, (c) => c.charCodeAt(0)))
    expect(['', 'f', 'fo', 'foo', 'foob', 'fooba', 'foobar'].map(text)).toEqual([
      '',
      'MY',
      'MZXQ',
      'MZXW6',
      'MZXW6YQ',
      'MZXW6YTB',
      'MZXW6YTBOI',
    ])
  })

  it.each(['M', 'MZ X', 'MZ', 'M1', 'MÄ', 'MY======', 'MZXW6YTBOJ'])('refuses %s', (text) => {
    expect(decodeBase32(text)).toBeNull()
  })
})
