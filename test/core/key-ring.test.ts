import { describe, expect, it } from 'vitest'
import type { DeviceId, EventId, StaffId, TicketId } from '../../core/ids.ts'
import { readKeyRing } from '../../core/key-ring.ts'
import { eventTagOf } from '../../core/keys.ts'
import { sealToken } from '../../core/token.ts'
import { openLink, openStall, sealLink, sealStall } from '../../workers/links.ts'
import { openScan } from '../../workers/opening.ts'
import { issuingKeys } from '../../workers/signing.ts'
import { signStaffToken, verifyStaffToken } from '../../workers/staff-token.ts'
import { openSecret, sealSecret } from '../../workers/webhook-secret.ts'

const old = readKeyRing('the first secret')
/** The next secret is made known before anything is made with it. */
const announced = readKeyRing('the first secret', '2.the second secret, the first secret')
const changed = readKeyRing('2.the second secret', '2.the second secret,1.the first secret')
/** The first one got into wrong hands: it opens what was handed out, and vouches for nobody. */
const distrusted = readKeyRing('2.the second secret', 'codes:the first secret')
const over = readKeyRing('2.the second secret')

const eventId = '01a1fc37-f632-7fa5-821f-c5cf221a540e' as EventId
const ticketId = '01a1fc37-f632-7fa5-821f-c5cf221a540f' as TicketId
const at = Date.UTC(2026, 10, 20)

describe('the secrets that tickets are made with', () => {
  it('are read as they are written, one that makes and others that open', () => {
    expect(changed.current).toEqual({ id: 2, secret: 'the second secret', opens: 'everything' })
    expect(changed.all.map(({ id }) => id)).toEqual([2, 1])
    expect(announced.current.id).toBe(1)
    expect(announced.all.map(({ id }) => id)).toEqual([1, 2])
    expect([changed.eldest.id, announced.eldest.id, over.eldest.id]).toEqual([1, 1, 2])
    expect(distrusted.all[1]).toEqual({ id: 1, secret: 'the first secret', opens: 'codes' })
    expect(readKeyRing('q+/9=').current).toEqual({ id: 1, secret: 'q+/9=', opens: 'everything' })
  })

  it('are refused where it is not clear which is which', () => {
    expect(() => readKeyRing('one', 'another')).toThrow(/same number/)
    expect(() => readKeyRing('2.one', '3.two, 3.three')).toThrow(/same number/)
    for (const wrong of ['', '0.zero', '256.many', '7.']) expect(() => readKeyRing(wrong)).toThrow(/numbered 1 to 255/)
  })

  it('open every code ever printed, as long as its secret is there, and nothing else', async () => {
    const print = async (ring: typeof old) => {
      const { sealing, sign, seal } = await issuingKeys(ring, eventTagOf(eventId))
      return sealToken(
        { ticketId, issuedAt: 1, validFrom: null, validUntil: null, type: 1, admits: 1 },
        sealing,
        sign,
        seal,
      )
    }
    const [first, second] = [await print(old), await print(changed)]
    expect(await print(announced)).toBe(first)
    const kinds = (ring: typeof old) =>
      Promise.all([first, second].map(async (code) => (await openScan(ring, eventId, code)).kind))
    expect(await kinds(old)).toEqual(['token', 'invalid'])
    for (const ring of [announced, changed, distrusted]) expect(await kinds(ring)).toEqual(['token', 'token'])
    expect(await kinds(over)).toEqual(['invalid', 'token'])
    // A secret that guesses the number is no more than a forger.
    expect(await openScan(readKeyRing('1.another'), eventId, first)).toEqual({ kind: 'invalid', reason: 'forged' })
  })

  it("open attendees' links, stalls and stored secrets the same way", () => {
    const link = { eventId, ticketId, link: 3 }
    const stall = { eventId, gateId: 'STALL-1' as Parameters<typeof sealStall>[1]['gateId'] }
    const secret = sealSecret(old, eventId, 'crm', `whsec_${btoa('0123456789abcdef01234567')}`)
    for (const ring of [old, announced, changed, distrusted]) {
      expect(openLink(ring, sealLink(old, link))).toEqual(link)
      expect(openStall(ring, sealStall(old, stall))).toEqual(stall)
      expect(openSecret(ring, eventId, 'crm', secret)).toHaveLength(24)
    }
    expect(sealLink(changed, link)).not.toBe(sealLink(old, link))
    expect(openLink(changed, sealLink(changed, link))).toEqual(link)
    expect(openLink(over, sealLink(old, link))).toBeNull()
    expect(openStall(over, sealStall(old, stall))).toBeNull()
    expect(() => openSecret(over, eventId, 'crm', secret)).toThrow()
  })

  it('vouch for staff who are signed in, but for one that is trusted with codes only', async () => {
    const who = { eventId, staffId: 'sam' as StaffId, deviceId: 'd' as DeviceId }
    const claims = { ...who, role: 'scanner' as const, signingKey: null }
    const { staffToken: before } = await signStaffToken(old, claims, at)
    const { staffToken: after } = await signStaffToken(changed, claims, at)
    const taken = async (ring: typeof old) =>
      Promise.all([before, after].map(async (token) => (await verifyStaffToken(ring, token, at)) !== null))
    expect(await taken(old)).toEqual([true, false])
    for (const ring of [announced, changed]) expect(await taken(ring)).toEqual([true, true])
    for (const ring of [distrusted, over]) expect(await taken(ring)).toEqual([false, true])
  })
})
