import { createCipheriv, createHash, createHmac, createPrivateKey, hkdfSync, sign } from 'node:crypto'
import { expect, it } from 'vitest'
import vectors from '../vectors/tokens.json' with { type: 'json' }

/*
 * The token once more, from `docs/architecture.md` and with OpenSSL: nothing of ours but the vectors. It shows that
 * the vectors follow the description, and not only the code that made them.
 */

it.each(vectors.tokens)('$name: OpenSSL makes the same token', (vector) => {
  const eventId = Buffer.from(vector.eventId.replaceAll('-', ''), 'hex')
  const tag = createHash('sha256')
    .update(Buffer.concat([Buffer.from('admit-one/event-tag/v1\0'), eventId]))
    .digest()
    .subarray(0, 6)
  const derive = (purpose: string) => {
    const info = Buffer.concat([Buffer.from(`ticket/${purpose}\0`), tag, Buffer.of(vector.keyId)])
    return Buffer.from(hkdfSync('sha256', vectors.ticketKey, 'admit-one/v1', info, 32))
  }
  const header = Buffer.concat([Buffer.of(1, vector.keyId), tag])
  const claims = claimsOf(vector.claims)
  const nonce = createHmac('sha256', derive('nonce'))
    .update(Buffer.concat([header, claims]))
    .digest()
    .subarray(0, 12)
  const cipher = createCipheriv('aes-256-gcm', derive('read'), nonce).setAAD(header)
  const sealed = Buffer.concat([cipher.update(claims), cipher.final(), cipher.getAuthTag()])
  const signed = Buffer.concat([header, nonce, sealed])
  const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), derive('sign')])
  const privateKey = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
  const signature = sign(null, Buffer.concat([Buffer.from('admit-one/ticket/v1\0'), signed]), privateKey)
  expect(`A1${base32(Buffer.concat([signed, signature]))}`).toBe(vector.token)
})

function claimsOf(claims: (typeof vectors.tokens)[number]['claims']): Buffer {
  const bytes = Buffer.alloc(31)
  Buffer.from(claims.ticketId.replaceAll('-', ''), 'hex').copy(bytes)
  bytes.writeUInt32BE(claims.issuedAt, 16)
  bytes.writeUInt32BE(claims.validFrom ?? 0, 20)
  bytes.writeUInt32BE(claims.validUntil ?? 0, 24)
  bytes.writeUInt16BE(claims.type, 28)
  bytes.writeUInt8(claims.admits, 30)
  return bytes
}

function base32(bytes: Buffer): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('')
  const fives = bits.match(/.{1,5}/g) ?? []
  return fives.map((five) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'[Number.parseInt(five.padEnd(5, '0'), 2)]).join('')
}
