import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { gcm } from '@noble/ciphers/aes.js'
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import { shardsOf } from '../../core/event-address.ts'
import type { EventId, TicketId } from '../../core/ids.ts'
import { deriveSealingKeys, eventTagOf, type SealingKeys } from '../../core/keys.ts'
import type { SnapshotKeys } from '../../core/snapshot.ts'
import { type Claims, openToken, sealToken } from '../../core/token.ts'
import type { Ports } from '../../web/scanner/engine/ports.ts'
import { GROUP_OF, group, single } from './scenario.ts'
import { snapshotKeys } from './server.ts'

/** As the types are numbered when they are made in this order. */
export const typeNumbers = { [single]: 1, [group]: 2 }
/** Every so many tickets one is a group's. */
const GROUP_EVERY = 6
/** Of a divided event, every so many tickets one is the Gatekeeper's own, as those are that are sold at the door. */
const OWN_EVERY = 7

export type Sealed = { id: TicketId; text: string; admits: number }

const offices = new Map<EventId, TicketOffice>()

export function ticketOffice(eventId: EventId, issuedAt: number): TicketOffice {
  const known = offices.get(eventId) ?? new TicketOffice(eventId, issuedAt)
  offices.set(eventId, known)
  return known
}

/** An event's tickets: sealed, opened and verified once, for all runs. Signatures are not what is tried here. */
export class TicketOffice {
  readonly #eventId: EventId
  readonly #issuedAt: number
  readonly #keys: SealingKeys
  readonly #privateKey: KeyObject
  readonly #publicKey: KeyObject
  readonly #rawPublicKey: Uint8Array
  readonly #sealed: Sealed[] = []
  readonly #claims = new Map<string, Claims>()
  readonly #plains = new Map<string, Uint8Array>()
  readonly #verified = new Set<string>()

  constructor(eventId: EventId, issuedAt: number) {
    this.#eventId = eventId
    this.#issuedAt = issuedAt
    this.#keys = deriveSealingKeys('the secret of the simulation', eventTagOf(eventId), 1)
    this.#privateKey = createPrivateKey({
      key: Buffer.concat([
        Buffer.from(hexToBytes('302e020100300506032b657004220420')),
        Buffer.from(this.#keys.signingSeed),
      ]),
      format: 'der',
      type: 'pkcs8',
    })
    this.#publicKey = createPublicKey(this.#privateKey)
    this.#rawPublicKey = rawOf(this.#publicKey)
  }

  /** What devices carry to open them. */
  get snapshotKeys(): SnapshotKeys {
    return snapshotKeys(this.#keys.readKey, this.#rawPublicKey)
  }

  /** What a code opens to. */
  readonly open = (text: string): Claims | null => this.#claims.get(text) ?? null

  async tickets(count: number): Promise<Sealed[]> {
    while (this.#sealed.length < count) this.#sealed.push(await this.#seal(this.#sealed.length))
    return this.#sealed.slice(0, count)
  }

  readonly crypto: Ports['crypto'] = {
    verifier: () => async (_keys, message, signature) => {
      const name = bytesToHex(signature)
      if (this.#verified.has(name)) return true
      const isGenuine = verify(null, message, this.#publicKey, signature)
      if (isGenuine) this.#verified.add(name)
      return isGenuine
    },
    unseal: async ({ readKey }, nonce, header, bytes) => {
      const name = bytesToHex(nonce)
      const plain = this.#plains.get(name) ?? gcm(readKey, nonce, header).decrypt(bytes)
      this.#plains.set(name, plain)
      return plain
    },
    newDeviceKey: never,
    sign: never,
    sha256: never,
    newPinKey: never,
    stretchPin: never,
    seal: never,
    open: never,
  }

  async #seal(number: number): Promise<Sealed> {
    const id = this.#idOf(number)
    const isGroup = number % GROUP_EVERY === GROUP_EVERY - 1
    const claims = {
      ticketId: id,
      issuedAt: this.#issuedAt,
      validFrom: null,
      validUntil: null,
      type: typeNumbers[isGroup ? group : single] ?? 0,
      admits: isGroup ? GROUP_OF : 1,
    }
    const signed = async (message: Uint8Array) => new Uint8Array(sign(null, message, this.#privateKey))
    const text = await sealToken(claims, this.#keys, signed)
    const verifier = this.crypto.verifier(() => this.#rawPublicKey)
    const opened = await openToken(text, [this.#keys], verifier, this.crypto.unseal)
    if (!opened.ok) throw new Error('a ticket of our own does not open')
    this.#claims.set(text, opened.claims)
    return { id, text, admits: claims.admits }
  }

  /** Who judges a ticket of a divided event is in its last byte. */
  #idOf(number: number): TicketId {
    const start = '0198c0de-0000-7000-9000-'
    if (shardsOf(this.#eventId) === 1) return `${start}${String(number).padStart(12, '0')}` as TicketId
    const byte = number % OWN_EVERY === OWN_EVERY - 1 ? 0xf0 + (number % 16) : (number * 53) % 0xf0
    return `${start}${String(number).padStart(10, '0')}${byte.toString(16).padStart(2, '0')}` as TicketId
  }
}

const never = () => Promise.reject(new Error('nobody sets a PIN here'))

function rawOf(key: KeyObject): Uint8Array {
  return new Uint8Array(Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url'))
}
