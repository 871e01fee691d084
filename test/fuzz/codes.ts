import { decodeBase32, encodeBase32 } from '../../core/base32.ts'
import { bytesToUuid, type EventId, type TicketId } from '../../core/ids.ts'
import { readKeyRing } from '../../core/key-ring.ts'
import { eventTagOf } from '../../core/keys.ts'
import { type Claims, openToken, sealToken } from '../../core/token.ts'
import { webCryptography } from '../../web/scanner/platform/cryptography.ts'
import { openScan } from '../../workers/opening.ts'
import { type EventKeys, eventKeys } from '../../workers/signing.ts'
import { Chance } from '../chance.ts'

/*
 * Codes that are nearly tickets: what somebody can make who has genuine ones, other events' ones, or the read key out of a
 * stolen phone. None of them may open, at the edge or on a phone.
 */

const TICKET_KEY = 'the ticket key of the distorted codes'
const ring = readKeyRing(TICKET_KEY)
const HEADER = 8
const SIGNATURE_AT = 67

type Genuine = { text: string; bytes: Uint8Array; claims: Claims }

/** An event, and everything that can be had of it without its signing key. */
type Forgery = {
  chance: Chance
  eventId: EventId
  keys: EventKeys
  tickets: Genuine[]
  /** Genuine tickets of another event. */
  foreign: Genuine[]
  /** The keys of whoever makes codes of their own for this event. */
  forger: EventKeys
  /** Whether a phone with no network opens a text: it has the read key and the public key, and no signing key. */
  inPhone: (text: string) => Promise<boolean>
}

type Distort = (forgery: Forgery, ticket: Genuine) => string | Promise<string>

/** Every way in which a code is distorted. */
export const distortions: Record<string, Distort> = {
  'bits flipped': ({ chance }, { bytes }) =>
    changed(bytes, (copy) => {
      for (let i = chance.between(1, 3); i > 0; i--) flip(copy, chance.between(0, copy.length * 8 - 1))
    }),
  'bytes replaced': ({ chance }, { bytes }) =>
    changed(bytes, (copy) => {
      const at = chance.between(0, copy.length - 1)
      copy.set(chance.bytes(Math.min(chance.between(1, 16), copy.length - at)), at)
    }),
  'characters replaced': ({ chance }, { text }) => replaced(text, chance, base32),
  'characters that look alike': ({ chance }, { text }) => replaced(text, chance, lookalikes),
  'cut short': ({ chance }, { text }) => text.slice(0, chance.between(0, text.length - 1)),
  'cut short in whole bytes': ({ chance }, { bytes }) => spelt(bytes.slice(0, chance.between(0, bytes.length - 1))),
  'made longer': ({ chance }, { text }) => text + of(chance, base32, chance.between(1, 40)),
  'characters left out, others added': ({ chance }, { text }) => {
    const from = chance.between(2, text.length - 1)
    const count = chance.between(1, 8)
    return (text.slice(0, from) + text.slice(from + count) + of(chance, base32, count)).slice(0, text.length)
  },
  'spare bits set': ({ chance }, { text }) => {
    const last = base32.indexOf(text.at(-1) ?? '')
    return text.slice(0, -1) + base32[last ^ chance.between(1, 3)]
  },
  'another spelling': ({ chance }, { text }) => chance.of(spellings)(text),
  'another version or key id': ({ chance }, { bytes }) => changed(bytes, (copy) => flip(copy, chance.between(0, 15))),
  "another event's head": ({ chance, foreign }, { bytes }) => {
    const other = chance.of(foreign).bytes
    return spelt(Uint8Array.of(...other.slice(0, HEADER), ...bytes.slice(HEADER)))
  },
  "this event's head on another's ticket": ({ chance, foreign }, { bytes }) => {
    const other = chance.of(foreign).bytes
    return spelt(Uint8Array.of(...bytes.slice(0, HEADER), ...other.slice(HEADER)))
  },
  "another event's ticket": ({ chance, foreign }) => chance.of(foreign).text,
  'two halves of two tickets': ({ chance, tickets }, { bytes }) => {
    const cut = chance.between(HEADER + 1, bytes.length - 1)
    return spelt(Uint8Array.of(...bytes.slice(0, cut), ...otherThan(chance, tickets, bytes).slice(cut)))
  },
  'a part of another ticket': ({ chance, tickets }, { bytes }) => {
    const [from, to] = chance.of([
      [8, 20],
      [20, 67],
      [67, 131],
    ] as const)
    return changed(bytes, (copy) => copy.set(otherThan(chance, tickets, bytes).slice(from, to), from))
  },
  'sealed and signed with keys of their own': ({ chance, forger }) =>
    sealToken(someClaims(chance), forger.sealing, forger.sign, forger.seal),
  'sealed with the read key, signed with a key of their own': ({ chance, keys, forger }) =>
    sealToken(someClaims(chance), keys.sealing, forger.sign, keys.seal),
  "sealed with the read key, signed with a genuine ticket's signature": ({ chance, keys }, { bytes }) =>
    sealToken(someClaims(chance), keys.sealing, async () => bytes.slice(SIGNATURE_AT), keys.seal),
  'sealed with the read key, signed with nothing': ({ chance, keys }) => {
    const signature = chance.of([new Uint8Array(64), chance.bytes(64)])
    return sealToken(someClaims(chance), keys.sealing, async () => signature, keys.seal)
  },
  'the same signature in another form': (_, { bytes }) => changed(bytes, addOrder),
  'anything of the same length': ({ chance }) => `A1${of(chance, base32, 210)}`,
}

export type Tally = { distorted: number; accepted: string[]; byAnswer: Record<string, number>; genuine: number }

/** So many are opened at a time: what decrypts and signs has threads of its own. */
const AT_ONCE = 250

/** Makes so many distorted codes by the seed and opens each as the edge does, and some as a phone does too. */
export async function openDistorted(seed: number, count: number): Promise<Tally> {
  const forgery = await prepare(new Chance(seed))
  const tally: Tally = { distorted: 0, accepted: [], byAnswer: {}, genuine: 0 }
  for (let i = 0; i < count; i += AT_ONCE) {
    const made = Array.from({ length: Math.min(AT_ONCE, count - i) }, (_, k) => makeOne(forgery, i + k))
    await Promise.all(made.map(async (one) => openOne(forgery, tally, await one)))
    // That what is genuine is opened is looked at all along.
    if (await isOpened(forgery, forgery.chance.of(forgery.tickets))) tally.genuine++
  }
  return tally
}

const ways = Object.entries(distortions)

async function makeOne(forgery: Forgery, no: number): Promise<{ way: string; text: string; alsoInPhone: boolean }> {
  const [way, distort] = ways[no % ways.length] as [string, Distort]
  const text = await distort(forgery, forgery.chance.of(forgery.tickets))
  // Up to the signature the two are the same code; that is where they are not.
  const reachesSignature = /^sealed with the read key|^the same signature/.test(way)
  return { way, text, alsoInPhone: reachesSignature || no % 8 === 0 }
}

async function openOne(forgery: Forgery, tally: Tally, made: Awaited<ReturnType<typeof makeOne>>): Promise<void> {
  const { way, text, alsoInPhone } = made
  // A change that changed nothing, or capitals to small letters, which a code may be typed in.
  if (forgery.tickets.some((one) => one.text === text.toUpperCase())) return
  tally.distorted++
  const opened = await openScan(ring, forgery.eventId, text)
  const answer = opened.kind === 'invalid' ? opened.reason : opened.kind
  tally.byAnswer[answer] = (tally.byAnswer[answer] ?? 0) + 1
  if (opened.kind === 'token' || opened.kind === 'signed') tally.accepted.push(`${way}, at the edge: ${text}`)
  if (alsoInPhone && (await forgery.inPhone(text))) tally.accepted.push(`${way}, on a phone: ${text}`)
}

async function prepare(chance: Chance): Promise<Forgery> {
  const [eventId, otherId] = [bytesToUuid<EventId>(chance.bytes(16)), bytesToUuid<EventId>(chance.bytes(16))]
  const keys = await eventKeys(TICKET_KEY, eventTagOf(eventId))
  return {
    chance,
    eventId,
    keys,
    tickets: await issue(chance, keys),
    foreign: await issue(chance, await eventKeys(TICKET_KEY, eventTagOf(otherId))),
    forger: await eventKeys('the key of somebody else', eventTagOf(eventId)),
    inPhone: phoneOf(keys),
  }
}

function issue(chance: Chance, keys: EventKeys): Promise<Genuine[]> {
  return Promise.all(
    Array.from({ length: 50 }, async () => {
      const claims = someClaims(chance)
      const text = await sealToken(claims, keys.sealing, keys.sign, keys.seal)
      return { text, bytes: decodeBase32(text.slice(2)) as Uint8Array, claims }
    }),
  )
}

function someClaims(chance: Chance): Claims {
  const issuedAt = chance.between(1_700_000_000, 1_900_000_000)
  return {
    ticketId: bytesToUuid<TicketId>(chance.bytes(16)),
    issuedAt,
    validFrom: chance.of([null, issuedAt]),
    validUntil: chance.of([null, issuedAt + 86_400]),
    type: chance.between(0, 65_535),
    admits: chance.between(1, 255),
  }
}

function phoneOf(keys: EventKeys): (text: string) => Promise<boolean> {
  const { verifier, unseal } = webCryptography()
  const verify = verifier(() => keys.publicKey)
  const { keyId, eventTag, readKey } = keys.sealing
  return async (text) => (await openToken(text.trim(), [{ keyId, eventTag, readKey }], verify, unseal)).ok
}

async function isOpened({ eventId, inPhone }: Forgery, { text, claims }: Genuine): Promise<boolean> {
  const opened = await openScan(ring, eventId, text)
  return opened.kind === 'token' && opened.claims.ticketId === claims.ticketId && (await inPhone(text))
}

const base32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
/** What is taken for another character by people, by fonts and by other alphabets of base 32. */
const lookalikes = '0189oOiIlLbBuU\u0410\u0412\u0415\u041a\u041c\u041e\uff21\uff12\u00c5\u0391\u2170\u0000 -='

const spellings: ((text: string) => string)[] = [
  (text) => `${text}======`,
  (text) => (text.match(/.{1,4}/g) ?? []).join('-'),
  (text) => text.normalize('NFKD').replace(/[A-Z]/g, (letter) => String.fromCodePoint(letter.charCodeAt(0) + 0xfee0)),
  (text) => text.replaceAll('O', '0').replaceAll('I', '1').replaceAll('S', '5'),
  (text) => `${text}\u200b`,
  (text) => text.replace('A1', 'a1\u0301'),
  (text) => text.replace(/I/g, '\u0131').replace(/K/g, '\u212a').replace(/S/g, '\u017f'),
  (text) => encodeURIComponent(text).replace('A1', '%41%31'),
  (text) => `https://tickets.example/t/${text}`,
  (text) => btoa(text),
  (text) => `${text.slice(0, 2)}\n${text.slice(2)}`,
  (text) => [...text].reverse().join(''),
]

function changed(bytes: Uint8Array, change: (copy: Uint8Array) => void): string {
  const copy = bytes.slice()
  change(copy)
  return spelt(copy)
}

function spelt(bytes: Uint8Array): string {
  return `A1${encodeBase32(bytes)}`
}

function flip(bytes: Uint8Array, bit: number): void {
  bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7))
}

function replaced(text: string, chance: Chance, alphabet: string): string {
  const characters = [...text]
  for (let i = chance.between(1, 4); i > 0; i--) {
    characters[chance.between(0, characters.length - 1)] = chance.of([...alphabet])
  }
  return characters.join('')
}

function of(chance: Chance, alphabet: string, length: number): string {
  return Array.from({ length }, () => alphabet[chance.between(0, alphabet.length - 1)]).join('')
}

function otherThan(chance: Chance, tickets: Genuine[], bytes: Uint8Array): Uint8Array {
  const other = chance.of(tickets).bytes
  return other === bytes ? otherThan(chance, tickets, bytes) : other
}

/** The order of Ed25519's group, from its lowest byte on: a signature whose second half is so much larger is the same to a lax verifier. */
const order = [0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14]

function addOrder(bytes: Uint8Array): void {
  let carry = 0
  for (let i = 0; i < 32; i++) {
    const at = SIGNATURE_AT + 32 + i
    const sum = (bytes[at] ?? 0) + (i === 31 ? 0x10 : (order[i] ?? 0)) + carry
    bytes[at] = sum & 255
    carry = sum >> 8
  }
}
