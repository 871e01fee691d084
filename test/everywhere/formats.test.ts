import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseBase64url, toBase64url } from '../../core/base64url.ts'
import { hmacJsonChecksum, hmacJsonMessage, openFormat } from '../../core/formats.ts'
import type { EventId } from '../../core/ids.ts'
import { readShortCode } from '../../core/short-code.ts'
import vectors from '../vectors/formats.json' with { type: 'json' }
import { type Case, corpora, formatChecks, keyOf, open } from '../vectors/formats.ts'

const eventId = vectors.eventId as EventId
const secrets = vectors.secrets.map((secret) => utf8ToBytes(secret))
describe.each(corpora)('a code in the format %s', (format, cases) => {
  it.each(formatChecks(format, cases))('$name', ({ given, expected }) => expect(given()).toEqual(expected))

  it('opens with none of its secrets gone wrong', () => {
    const other = [utf8ToBytes('a secret that signed none of these codes')]
    for (const { text, expected } of cases) {
      if (expected?.ok) expect(open(format, text, { secrets: other })).toEqual({ ok: false, reason: 'forged' })
    }
  })

  it('opens for no other event', () => {
    const key = keyOf(format, { externalEventId: null })
    const elsewhere = '01a1fc37-f632-7fa5-821f-aaaaaaaaaaaa' as EventId
    for (const { text, expected } of cases) {
      if (expected?.ok) expect(openFormat(text, key, elsewhere)).toEqual({ ok: false, reason: 'wrong_event' })
    }
  })

  it('says nothing else once any of its characters was changed', () => {
    const genuine = cases.filter(({ expected }) => expected?.ok)
    fc.assert(
      fc.property(
        fc.constantFrom(...genuine),
        fc.nat(),
        fc.constantFrom('replace', 'remove', 'insert', 'swap', 'cut'),
        fc.string({ unit: 'binary', minLength: 1, maxLength: 3 }),
        ({ text, expected }, where, how, put) => {
          const changed = mutate(text, where % text.length, how, put)
          const opened = open(format, changed)
          // A change of white space, or of the case of a signature, leaves what was signed as it is.
          if (opened?.ok) expect(meaningOf(opened)).toEqual(meaningOf(expected))
        },
      ),
      { numRuns: 1000 },
    )
  })

  it('throws for no text at all', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json(), fc.base64String()), (text) => {
        openFormat(text, keyOf(format), eventId)
        openFormat(`{${text}}`, keyOf(format), eventId)
        openFormat(`${text}.${text}.${text}`, keyOf(format), eventId)
      }),
    )
  })
})

describe('the age of a code', () => {
  const fields = {
    ticketId: 'T-1',
    eventId: vectors.eventId,
    guestId: '',
    ticketCode: '',
    timestamp: 1_795_000_000_000,
  }
  const message = hmacJsonMessage(fields)
  const signature = bytesToHex(hmac(sha256, secrets[0] as Uint8Array, utf8ToBytes(message)))
  const text = JSON.stringify({ ...fields, signature, checksum: hmacJsonChecksum(message) })

  it('counts from its timestamp, with five minutes for a clock that is ahead', () => {
    expect(open('hmac-json', text, { maxAgeMs: 60_000 })).toMatchObject({
      signed: { validFrom: 1_794_999_700_000, validUntil: 1_795_000_060_000 },
    })
  })

  it('is over for a JWT that does not say when it was made', () => {
    const plain = vectors.jwt[0]?.text ?? ''
    expect(open('jwt', plain, { maxAgeMs: 60_000 })).toMatchObject({ signed: { validUntil: 60_000 } })
  })

  it('never lengthens what exp says', () => {
    const over = vectors.jwt.find(({ name }) => name.startsWith('every claim'))?.text ?? ''
    expect(open('jwt', over, { maxAgeMs: 1_000_000_000 })).toMatchObject({ signed: { validUntil: 1_795_000_200_499 } })
    expect(open('jwt', over, { maxAgeMs: 1000 })).toMatchObject({ signed: { validUntil: 1_795_000_001_000 } })
  })
})

describe('base64url', () => {
  it('gives back what it was given, in one spelling', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const text = toBase64url(bytes)
        expect(parseBase64url(text)).toEqual(bytes)
        expect(parseBase64url(`${text}=`)).toBeNull()
      }),
    )
  })

  it('takes no text that it would not have given', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'ABab09-_+/=') }), (text) => {
        const bytes = parseBase64url(text)
        if (bytes) expect(toBase64url(bytes)).toBe(text)
      }),
    )
  })
})

describe('a short code', () => {
  it.each([
    ['0123ABCD', '0123ABCD'],
    ['o123 abcd', '0123ABCD'],
    ['ilil-0oO0', '11110000'],
    [' 01 23-AB CD ', '0123ABCD'],
  ])('typed as "%s" is read as %s', (typed, meant) => {
    expect(readShortCode(typed)).toBe(meant)
  })

  it.each(['', '0123ABC', '0123ABCDE', '0123ABCU', '0123ABC!'])('"%s" is none', (typed) => {
    expect(readShortCode(typed)).toBeNull()
  })
})

function meaningOf(opened: Case['expected']) {
  return opened?.signed
}

function mutate(text: string, at: number, how: string, put: string): string {
  switch (how) {
    case 'replace':
      return text.slice(0, at) + put + text.slice(at + put.length)
    case 'remove':
      return text.slice(0, at) + text.slice(at + put.length)
    case 'insert':
      return text.slice(0, at) + put + text.slice(at)
    case 'swap':
      return text.slice(0, at) + (text[at + 1] ?? '') + (text[at] ?? '') + text.slice(at + 2)
    default:
      return text.slice(0, at)
  }
}
