import { describe, expect, it } from 'vitest'
import { parseBase64url } from '../../core/base64url.ts'
import { type FormatKey, formatOf, openFormat } from '../../core/formats.ts'
import type { EventId } from '../../core/ids.ts'
import vectors from '../vectors/wycheproof/json_web_signature_test.json' with { type: 'json' }

/* The public vectors of Project Wycheproof for JWS. */

type Test = { tcId: number; comment: string; jws: unknown; result: string }
type Group = { comment: string; private?: { kty: string; k?: string }; public?: { kty: string }; tests: Test[] }

const groups = vectors.testGroups as Group[]
const eventId = '01a1fc37-f632-7fa5-821f-c5cf221a540e' as EventId

describe('the public vectors for signed JSON', () => {
  const all = groups.flatMap((group) => group.tests.map((test) => ({ ...test, group })))

  it('are there', () => {
    expect(all.length).toBeGreaterThan(400)
  })

  // Two of them, 367 and 370, are to the byte the same text as 357, which is valid.
  it('that are invalid open nothing, whatever key they come with', () => {
    const validTexts = all.filter(({ result }) => result === 'valid').map(({ jws }) => jws)
    const opened = all.filter(
      ({ jws, result, group }) => result === 'invalid' && !validTexts.includes(jws) && opensWith(jws, group),
    )
    expect(opened.map(({ tcId, comment }) => [tcId, comment])).toEqual([])
  })

  it('signed with anything but HS256 and a shared secret open nothing', () => {
    const others = all.filter(({ jws, group }) => group.private?.kty !== 'oct' || !/"HS256"/.test(headOf(jws)))
    expect(others.filter(({ jws, group }) => opensWith(jws, group))).toEqual([])
  })

  // Two of them have a foreign character put in, which others pass over; here one code has one spelling.
  it('that are valid HS256 are found to be genuine', () => {
    const valid = all.filter(
      ({ jws, result, group }) => result === 'valid' && group.private?.kty === 'oct' && isPlainHs256(jws),
    )
    expect(valid.length).toBeGreaterThan(0)
    expect(valid.filter(({ jws, group }) => !opensWith(jws, group)).map(({ tcId }) => tcId)).toEqual([])
  })
})

/** Whether its signature is taken for genuine: what is inside is no ticket, which is told apart from a forgery. */
function opensWith(jws: unknown, group: Group): boolean {
  if (typeof jws !== 'string' || formatOf(jws) !== 'jwt') return false
  // One whose payload is not even base64url is refused for that, however it was signed.
  if (parseBase64url(jws.split('.')[1] ?? '') === null) return false
  const secret = parseBase64url(group.private?.k ?? '') ?? new Uint8Array()
  const key: FormatKey = { format: 'jwt', secrets: [secret], externalEventId: null, maxAgeMs: null }
  const opened = openFormat(jws, key, eventId)
  return opened.ok || (opened.reason !== 'forged' && isGenuine(jws, key))
}

/** With every other secret it is forged, so it was this one that made it genuine. */
function isGenuine(jws: string, key: FormatKey): boolean {
  const other = openFormat(jws, { ...key, secrets: [new Uint8Array(32).fill(1)] }, eventId)
  return !other.ok && other.reason === 'forged'
}

function headOf(jws: unknown): string {
  return typeof jws === 'string' ? Buffer.from(jws.split('.')[0] ?? '', 'base64url').toString() : ''
}

function isPlainHs256(jws: unknown): boolean {
  if (!headOf(jws).includes('"HS256"') || formatOf(String(jws)) !== 'jwt') return false
  const names = Object.keys(JSON.parse(headOf(jws)))
  return names.every((name) => ['alg', 'typ', 'kid'].includes(name))
}
