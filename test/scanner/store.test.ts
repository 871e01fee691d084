import 'fake-indexeddb/auto'
import { beforeEach, describe, expect, it } from 'vitest'
import { writeCursor } from '../../core/cursor.ts'
import { eventIdAt } from '../../core/event-address.ts'
import type { EventId, GateId, ScanId, TicketId, ZoneId } from '../../core/ids.ts'
import { shardOf } from '../../core/shards.ts'
import { mayBeForgotten } from '../../web/scanner/engine/knowing.ts'
import type { KeptScan, Store } from '../../web/scanner/engine/store.ts'
import { openStore } from '../../web/scanner/platform/idb-store.ts'

let store: Store
let stores = 0

beforeEach(async () => {
  store = await openStore(`store-${stores++}`)
})

const ticketId = '0198c0de-0000-7000-8000-000000000001' as TicketId
const scanOf = (n: number, more: Partial<KeptScan> = {}): Omit<KeptScan, 'sequence'> => ({
  scanId: `0198c0de-0000-7000-8000-${String(n).padStart(12, '0')}` as ScanId,
  state: 'alone',
  ticketId,
  asked: { text: 'A1', ticketId: null, source: 'camera', direction: null, force: null },
  gateId: 'A' as GateId,
  gateName: 'A',
  zone: 'main' as ZoneId,
  direction: 'entry',
  people: 1,
  at: 1000 + n,
  clock: null,
  verdict: { kind: 'admitted', people: 1 },
  seq: null,
  annulled: false,
  problem: null,
  ...more,
})
const states = async () => (await store.ofTicket(ticketId)).map(({ state }) => state)

describe('the storage of a device', () => {
  it('numbers scans in the order they were made, and goes on after some were forgotten', async () => {
    for (const n of [1, 2, 3]) await store.add(scanOf(n, { state: 'answered', seq: n }))
    await store.forgetAnswered(() => true)
    expect(await store.ofTicket(ticketId)).toEqual([])
    expect((await store.add(scanOf(4))).sequence).toBe(4)
  })

  it('forgets answered scans and no others, of those the ones it is told to', async () => {
    await store.add(scanOf(1, { state: 'answered', seq: 5 }))
    await store.add(scanOf(2, { state: 'answered', seq: 6 }))
    await store.add(scanOf(3))
    await store.forgetAnswered(() => false)
    expect(await states()).toEqual(['answered', 'answered', 'alone'])
    await store.forgetAnswered(({ seq }) => seq !== 6)
    expect(await states()).toEqual(['answered', 'alone'])
  })

  it('need not keep an answered scan that is a day old and in its list, as whoever judged it numbered it', () => {
    const now = Date.now()
    const old = now - 25 * 3_600_000
    const event = { id: '0198c0de-0000-7000-8000-0000000000ee' as EventId }
    const divided = { id: eventIdAt(now, new Uint8Array(16), null, 2) }
    const judge = shardOf(divided.id, ticketId)
    const upTo = (seq: number) =>
      writeCursor({ seq: 99, revision: 1, epoch: 1, shards: [1, 2].map((no) => (no === judge ? seq : 99)) })
    const scan = (seq: number | null, at = old) => ({ ticketId, seq, at })
    expect(mayBeForgotten(scan(5), { cursor: '5.1.1', event }, now)).toBe(true)
    expect(mayBeForgotten(scan(6), { cursor: '5.1.1', event }, now)).toBe(false)
    expect(mayBeForgotten(scan(5, now), { cursor: '5.1.1', event }, now)).toBe(false)
    expect(mayBeForgotten(scan(null), { cursor: '5.1.1', event }, now)).toBe(true)
    expect(mayBeForgotten(scan(5), { cursor: upTo(5), event: divided }, now)).toBe(true)
    expect(mayBeForgotten(scan(6), { cursor: upTo(5), event: divided }, now)).toBe(false)
  })

  it('keeps a scan under its id once', async () => {
    await store.add(scanOf(1))
    await expect(store.add(scanOf(1))).rejects.toThrow()
    expect(await store.count('alone')).toBe(1)
  })

  it('decides with everything that was written before, and nothing comes in between', async () => {
    // Two tabs and a recall at the same moment: each sees what those before it wrote.
    const admitted: boolean[] = []
    const tab = async (n: number) => {
      const scan = await store.add(scanOf(n, { state: 'asked', verdict: null }))
      await store.decide(ticketId, ({ scans, isGone }) => {
        const isFirst = !isGone && !scans.some(({ verdict }) => verdict?.kind === 'admitted')
        admitted.push(isFirst)
        const verdict = isFirst ? ({ kind: 'admitted', people: 1 } as const) : { kind: 'refused' as const, code: 'no' }
        return { ...scan, state: 'alone', verdict }
      })
    }
    await Promise.all([tab(1), tab(2), tab(3), tab(4)])
    expect(admitted.filter(Boolean)).toHaveLength(1)
    await store.putGone([ticketId])
    await tab(5)
    expect(admitted.filter(Boolean)).toHaveLength(1)
  })

  it('writes nothing of a decision that fails', async () => {
    const scan = await store.add(scanOf(1, { state: 'asked', verdict: null }))
    const failing = store.decide(ticketId, () => {
      throw new Error('a bug')
    })
    await expect(failing).rejects.toThrow('a bug')
    expect(await store.scan(scan.scanId)).toEqual(scan)
    await store.clearGone()
    expect(await store.count('asked')).toBe(1)
  })

  it('keeps keys that cannot be taken out', async () => {
    const key = await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify'])
    await store.put('pin', { key, salt: new Uint8Array(16), check: new Uint8Array(32), wrong: 0, notBefore: 0 })
    const kept = (await store.get('pin'))?.key as CryptoKeyPair
    expect(kept.privateKey.extractable).toBe(false)
    const signature = await crypto.subtle.sign('Ed25519', kept.privateKey, new Uint8Array(3))
    expect(await crypto.subtle.verify('Ed25519', kept.publicKey, signature, new Uint8Array(3))).toBe(true)
  })

  it('is empty after it was wiped, for another tab too', async () => {
    const name = `store-${stores++}`
    const here = await openStore(name)
    const there = await openStore(name)
    await here.add(scanOf(1))
    await here.wipe()
    await there.reopen()
    expect(await there.count('alone')).toBe(0)
    await there.add(scanOf(2))
    expect(await here.count('alone')).toBe(1)
  })
})
