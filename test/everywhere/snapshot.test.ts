import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromBase64url, toBase64url } from '../../core/base64url.ts'
import { covers, readCursor, writeCursor } from '../../core/cursor.ts'
import { defaultPolicy, MAIN_ZONE } from '../../core/event.ts'
import {
  bytesToUuid,
  type EventId,
  type GateId,
  type OrganisationId,
  type TicketId,
  type TypeId,
  type ZoneId,
} from '../../core/ids.ts'
import { defaultLimits } from '../../core/limits.ts'
import { defaultRetention, nothingForgotten } from '../../core/retention.ts'
import {
  type KnownCode,
  type KnownStanding,
  type KnownState,
  knownStatuses,
  merge,
  type Snapshot,
} from '../../core/snapshot.ts'
import {
  decodeSnapshot,
  encodeSnapshot,
  endOfParts,
  openSnapshot,
  partOf,
  startOfParts,
} from '../../core/snapshot-bytes.ts'
import { codeHash, type PackedRows, rowLength } from '../../core/snapshot-rows.ts'

const BACKSTAGE = 'backstage ✓' as ZoneId
const gates = ['GATE-A', 'GATE-B', 'Tor Süd'] as GateId[]
const types = ['standard', 'vip'] as TypeId[]

const head = {
  event: {
    id: '019f0000-0000-7000-8000-000000000001' as EventId,
    organisationId: '019f0000-0000-7000-8000-000000000002' as OrganisationId,
    title: 'Tech Expo ✨',
    startsAt: 1_790_000_000_000,
    endsAt: 1_790_100_000_000,
    timezone: 'Europe/Berlin',
    location: null,
    capacity: null,
    zones: [MAIN_ZONE, BACKSTAGE].map((id) => ({
      id,
      name: id,
      capacity: null,
      reentry: 'none' as const,
      everyoneOutAt: null,
    })),
    limits: defaultLimits,
    policy: defaultPolicy,
    rehearsalOf: null,
    retention: defaultRetention,
    forgotten: nothingForgotten,
    createdAt: 1_780_000_000_000,
    closedAt: null,
  },
  keys: { readKey: 'AAAA', publicKeys: [{ keyId: 1, publicKey: 'BBBB', validUntil: null }] },
  ticketTypes: types.map((id, i) => ({
    id,
    number: i + 1,
    name: id,
    admits: 1,
    validFrom: null,
    validUntil: null,
    zones: [MAIN_ZONE],
    capacity: null,
    price: null,
    requiresAttention: false,
    note: null,
  })),
  gates: gates.map((id) => ({ id, name: id, kind: 'entry' as const, zone: MAIN_ZONE, accepts: null })),
  policy: defaultPolicy,
  everyoneOut: [{ zone: MAIN_ZONE, at: 1_790_000_000_000 }],
  lease: null,
  cursor: '7.3.1',
  full: true,
  serverTime: 1_790_000_000_123,
}

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
// Few different tickets, so that a difference meets what is known already.
const ticketId = fc.oneof(
  fc.nat(20).map((n) => bytesToUuid<TicketId>(new Uint8Array(16).fill(n * 12))),
  bytes(16).map((id) => bytesToUuid<TicketId>(id)),
)
const instant = fc.integer({ min: 1_577_836_800_000, max: 2_600_000_000_000 })
const count = fc.integer({ min: 0, max: 65_535 })
const standing: fc.Arbitrary<KnownStanding> = fc.record({
  ticketId,
  zone: fc.constantFrom(MAIN_ZONE, BACKSTAGE),
  entries: count,
  exits: count,
  inside: count,
  presented: count,
  today: fc.integer({ min: 0, max: 255 }),
  firstAt: fc.option(instant),
  lastAt: fc.option(instant),
  gateId: fc.option(fc.constantFrom(...gates)),
})
const state: fc.Arbitrary<KnownState> = fc.record({
  ticketId,
  at: instant,
  status: fc.constantFrom(...knownStatuses),
  validSince: fc.integer({ min: 0, max: 0xffff_ffff }),
})
const code: fc.Arbitrary<KnownCode> = fc.record({
  hash: fc.oneof(
    bytes(12).map(toBase64url),
    fc.nat(20).map((n) => toBase64url(new Uint8Array(12).fill(n))),
  ),
  ticketId,
  type: fc.constantFrom(...types),
  admits: fc.integer({ min: 1, max: 255 }),
  validFrom: fc.option(instant),
  validUntil: fc.option(instant),
})
const keyOf = (one: KnownStanding) => `${one.ticketId} ${one.zone}`
const rows = {
  standings: fc.uniqueArray(standing, { selector: keyOf, maxLength: 40 }),
  codes: fc.uniqueArray(code, { selector: ({ hash }) => hash, maxLength: 40 }),
}
const barred = state.filter(({ status }) => status !== 'valid')
const states = (one: fc.Arbitrary<KnownState>) =>
  fc.uniqueArray(one, { selector: ({ ticketId: id }) => id, maxLength: 40 })
const snapshot: fc.Arbitrary<Snapshot> = fc
  .record({ ...rows, revocations: states(barred) })
  .map((known) => ({ ...head, ...known }))
const difference: fc.Arbitrary<Snapshot> = fc
  .record({ ...rows, revocations: states(state) })
  .map((changed) => ({ ...head, ...changed, full: false, cursor: '9.4.1' }))

/** The order of the rows says nothing. */
function sorted({ standings, revocations, codes, ...rest }: Snapshot): Snapshot {
  const by =
    <T>(name: (one: T) => string) =>
    (a: T, b: T) =>
      name(a) < name(b) ? -1 : 1
  return {
    ...rest,
    standings: standings.toSorted(by(keyOf)),
    revocations: revocations.toSorted(by(({ ticketId: id }) => id)),
    codes: codes.toSorted(by(({ hash }) => hash)),
  }
}

function opened(known: Snapshot) {
  const open = openSnapshot(encodeSnapshot(known))
  if (!open) throw new Error('our own bytes do not open')
  return open
}

describe('a snapshot as bytes', () => {
  it('says the same when it is read again', () => {
    fc.assert(
      fc.property(snapshot, (known) => {
        const read = decodeSnapshot(encodeSnapshot(known))
        expect(read && sorted(read)).toEqual(sorted(known))
      }),
    )
  })

  it('is the same bytes whatever the order of its rows', () => {
    fc.assert(
      fc.property(snapshot, (known) => {
        const turned = { ...known, standings: known.standings.toReversed(), codes: known.codes.toReversed() }
        expect(encodeSnapshot(turned)).toEqual(encodeSnapshot(known))
      }),
    )
  })

  it('is none where a byte is missing, or one is too many, or the rows are out of order', () => {
    const known = { ...head, standings: [], revocations: [], codes: [] }
    const good = encodeSnapshot(known)
    for (let length = 0; length < good.length; length += 7) expect(decodeSnapshot(good.slice(0, length))).toBeNull()
    expect(decodeSnapshot(Uint8Array.of(...good, 0))).toBeNull()
    expect(decodeSnapshot(good.with(4, 2))).toBeNull()
    expect(decodeSnapshot(good.with(12, 255))).toBeNull()
    const at = 1_790_000_000_000
    const ids = [1, 2].map((n) => bytesToUuid<TicketId>(new Uint8Array(16).fill(n)))
    const revocations = ids.map((id) => ({ ticketId: id, at, status: 'blocked' as const, validSince: 5 }))
    const two = encodeSnapshot({ ...known, revocations })
    const second = two.length - 4 - 26
    const turned = Uint8Array.of(
      ...two.slice(0, second - 26),
      ...two.slice(second, second + 26),
      ...two.slice(second - 26, second),
      ...two.slice(-4),
    )
    expect(decodeSnapshot(turned)).toBeNull()
  })

  it('throws for no bytes at all', () => {
    const good = encodeSnapshot({ ...head, standings: [], revocations: [], codes: [] })
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1 }), (changes) => {
        const changed = good.slice()
        for (const [at, byte] of changes) changed[at] = byte
        decodeSnapshot(changed)
      }),
    )
    fc.assert(
      fc.property(fc.uint8Array(), (noise) => {
        expect(decodeSnapshot(noise)).toBeNull()
      }),
    )
  })
})

/** A snapshot's bytes in parts of so many rows, the codes in no order. */
function inParts(known: Snapshot, size: number): Uint8Array[] {
  const bytes = encodeSnapshot(known)
  const view = new DataView(bytes.buffer)
  const top = JSON.parse(new TextDecoder().decode(bytes.slice(9, 9 + view.getUint32(5))))
  let at = 9 + view.getUint32(5)
  const noRows: PackedRows = { standings: new Uint8Array(), states: new Uint8Array(), codes: new Uint8Array() }
  const parts = [
    ['standings', rowLength.standing] as const,
    ['states', rowLength.state] as const,
    ['codes', rowLength.code] as const,
  ].flatMap(([kind, length]) => {
    const rows = bytes.slice(at + 4, at + 4 + view.getUint32(at) * length)
    at += 4 + rows.length
    const chunks = Array.from({ length: Math.ceil(rows.length / length / size) }, (_, i) =>
      partOf({ ...noRows, [kind]: rows.slice(i * size * length, (i + 1) * size * length) }),
    )
    return kind === 'codes' ? chunks.reverse() : chunks
  })
  return [startOfParts(top.head), ...parts, endOfParts(top.words)]
}

describe('a snapshot in parts', () => {
  it('says the same as in one piece, however it is cut', () => {
    fc.assert(
      fc.property(snapshot, fc.integer({ min: 1, max: 4 }), (known, size) => {
        const bytes = Uint8Array.from(inParts(known, size).flatMap((part) => [...part]))
        expect(decodeSnapshot(bytes)).toEqual(decodeSnapshot(encodeSnapshot(known)))
        const open = openSnapshot(bytes)
        for (const one of known.codes) expect(open?.byCode(fromBase64url(one.hash))).toEqual(one)
      }),
    )
  })

  it('is none where its end is missing, be it cut between two parts or within one', () => {
    fc.assert(
      fc.property(snapshot, fc.integer({ min: 1, max: 4 }), fc.nat(), (known, size, cut) => {
        const parts = inParts(known, size)
        const bytes = Uint8Array.from(parts.flatMap((part) => [...part]))
        expect(decodeSnapshot(bytes.slice(0, cut % bytes.length))).toBeNull()
        expect(decodeSnapshot(bytes.slice(0, -(parts.at(-1)?.length ?? 0)))).toBeNull()
        expect(decodeSnapshot(Uint8Array.of(...bytes, 0))).toBeNull()
      }),
    )
  })
})

describe('what a device knows', () => {
  it('is what the snapshot says, ticket by ticket and code by code', () => {
    fc.assert(
      fc.property(snapshot, (known) => {
        const tickets = opened(known)
        for (const one of known.standings) expect(tickets.standing(one.ticketId, one.zone)).toEqual(one)
        for (const one of known.revocations) expect(tickets.state(one.ticketId)).toEqual(one)
        for (const one of known.codes) expect(tickets.byCode(fromBase64url(one.hash))).toEqual(one)
        const stranger = 'ffffffff-ffff-4fff-8fff-fffffffffff0' as TicketId
        expect([tickets.standing(stranger, MAIN_ZONE), tickets.state(stranger)]).toEqual([null, null])
        expect(tickets.byCode(codeHash('a barcode of nobody'))).toBeNull()
      }),
    )
  })

  it('after a difference is what the merged snapshot says', () => {
    fc.assert(
      fc.property(snapshot, difference, (known, changed) => {
        const tickets = opened(known)
        expect(tickets.applyDelta(encodeSnapshot(changed))).toBe(true)
        const merged = merge(known, changed)
        expect(sorted(tickets.toSnapshot())).toEqual(sorted(merged))
        for (const one of merged.standings) expect(tickets.standing(one.ticketId, one.zone)).toEqual(one)
        for (const { ticketId: id } of changed.revocations) {
          expect(tickets.state(id)).toEqual(merged.revocations.find((one) => one.ticketId === id) ?? null)
        }
        expect(tickets.head.cursor).toBe('9.4.1')
      }),
    )
  })

  it('is forgotten for a full snapshot, and kept where bytes are none', () => {
    fc.assert(
      fc.property(snapshot, snapshot, (known, later) => {
        const tickets = opened(known)
        expect(tickets.applyDelta(Uint8Array.of(1, 2, 3))).toBe(false)
        expect(sorted(tickets.toSnapshot())).toEqual(sorted(known))
        expect(tickets.applyDelta(encodeSnapshot(later))).toBe(true)
        expect(sorted(tickets.toSnapshot())).toEqual(sorted(later))
      }),
    )
  })
})

describe('a cursor', () => {
  it('says the same when it is read again, and any other text is none', () => {
    const n = fc.nat(2 ** 31)
    fc.assert(
      fc.property(n, n, n, fc.array(n, { minLength: 2, maxLength: 16 }), (seq, revision, epoch, shards) => {
        const cursor = { seq, revision, epoch: epoch % 1000 }
        expect(readCursor(writeCursor(cursor))).toEqual(cursor)
        expect(readCursor(writeCursor({ ...cursor, shards }))).toEqual({ ...cursor, shards })
      }),
    )
    const others = [
      '',
      '1',
      '1.2',
      '1.2.3.4',
      '-1.2.3',
      '1.2.x',
      ' 1.2.3',
      '1.2.3~',
      '1.2.3~x',
      `1.2.3${'~1'.repeat(17)}`,
    ]
    for (const text of others) expect(readCursor(text)).toBeNull()
  })

  it('covers what is earlier in every way, and nothing of another epoch', () => {
    expect(covers('7.3.1', '7.3.1')).toBe(true)
    expect(covers('8.3.1', '7.3.1')).toBe(true)
    expect(covers('8.2.1', '7.3.1')).toBe(false)
    expect(covers('6.9.1', '7.3.1')).toBe(false)
    expect(covers('9.9.2', '7.3.1')).toBe(false)
    expect(covers('rubbish', '7.3.1')).toBe(false)
  })
})

describe('bytes in base64url', () => {
  it('are the same bytes when they are read again', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (any) => {
        expect(fromBase64url(toBase64url(any))).toEqual(any)
      }),
    )
    expect(toBase64url(Uint8Array.of(251, 255))).toBe('-_8')
  })
})
