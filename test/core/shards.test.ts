import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { eventIdAt, jurisdictionOf, jurisdictions, MOST_SHARDS, shardsOf } from '../../core/event-address.ts'
import { type DeviceId, parseUuid, type TicketId, uuidAt } from '../../core/ids.ts'
import { counterOf, inNoShard, inSomeShard, shardOf } from '../../core/shards.ts'

const random = fc.uint8Array({ minLength: 16, maxLength: 16 })
const ticketId = random.map((bytes) => uuidAt<TicketId>(Date.now(), bytes))
const shards = fc.integer({ min: 1, max: MOST_SHARDS })
const where = fc.constantFrom(null, ...jurisdictions)

describe('an event’s id', () => {
  test('says where the event is kept and among how many objects its tickets are divided, and is a UUID', () => {
    fc.assert(
      fc.property(random, where, shards, (bytes, jurisdiction, count) => {
        const id = eventIdAt(Date.now(), bytes, jurisdiction, count)
        expect(parseUuid(id)).toBe(id)
        expect([jurisdictionOf(id), shardsOf(id)]).toEqual([jurisdiction, count])
      }),
    )
  })

  test('of before there were shards says that there is one', () => {
    fc.assert(
      fc.property(random, (bytes) => {
        const plain = uuidAt(Date.now(), bytes)
        for (const id of [plain, `${plain.slice(0, 14)}81${plain.slice(16)}`]) expect(shardsOf(id as never)).toBe(1)
      }),
    )
  })
})

describe('a device', () => {
  test('is counted by one shard of a divided event, and by the Gatekeeper where there are none', () => {
    fc.assert(
      fc.property(random, shards, fc.string({ unit: 'grapheme' }), (bytes, count, name) => {
        const counter = counterOf(eventIdAt(0, bytes, null, count), name as DeviceId)
        if (count === 1) expect(counter).toBe(0)
        else expect(Array.from({ length: count }, (_, i) => i + 1)).toContain(counter)
      }),
    )
  })

  test('is as likely to be counted by the one as by the other', () => {
    const event = eventIdAt(0, new Uint8Array(16), null, 4)
    const each = [0, 0, 0, 0, 0]
    const bytes = Uint8Array.from({ length: 16 }, (_, i) => i)
    for (let n = 0; n < 400; n++) {
      bytes[n % 16] = (n * 37) % 256
      const shard = counterOf(event, uuidAt<TicketId>(n, bytes) as unknown as DeviceId)
      each[shard] = (each[shard] ?? 0) + 1
    }
    expect(Math.min(...each.slice(1))).toBeGreaterThan(60)
  })
})

describe('a ticket', () => {
  test('of an event that is not divided is the Gatekeeper’s own, whatever its id', () => {
    fc.assert(
      fc.property(random, ticketId, (bytes, ticket) => {
        const event = eventIdAt(0, bytes, null)
        expect(shardOf(event, ticket)).toBe(0)
        expect([inSomeShard(event, ticket), inNoShard(event, ticket)]).toEqual([ticket, ticket])
      }),
    )
  })

  test('that is issued is some shard’s, and one that is sold at the door the Gatekeeper’s, and both are good ids', () => {
    fc.assert(
      fc.property(random, shards, ticketId, (bytes, count, ticket) => {
        const event = eventIdAt(0, bytes, null, count)
        const issued = inSomeShard(event, ticket)
        const sold = inNoShard(event, ticket)
        expect([parseUuid(issued), parseUuid(sold)]).toEqual([issued, sold])
        expect(shardOf(event, sold)).toBe(0)
        if (count === 1) return
        expect(shardOf(event, issued)).toBeGreaterThanOrEqual(1)
        expect(shardOf(event, issued)).toBeLessThanOrEqual(count)
      }),
    )
  })

  test('is as likely to be the one shard’s as the other’s', () => {
    const event = eventIdAt(0, new Uint8Array(16), null, 4)
    const each = [0, 0, 0, 0, 0]
    for (let byte = 0; byte < 256; byte++) {
      const id = uuidAt<TicketId>(0, new Uint8Array(16).fill(byte))
      each[shardOf(event, inSomeShard(event, id))] = (each[shardOf(event, inSomeShard(event, id))] ?? 0) + 1
    }
    expect(each[0]).toBe(0)
    expect(Math.max(...each.slice(1)) - Math.min(...each.slice(1))).toBeLessThanOrEqual(8)
  })
})
