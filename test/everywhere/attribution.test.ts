import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { attribute, type Surroundings } from '../../core/attribution.ts'
import { defaultPolicy, type Gate, MAIN_ZONE, type Reentry, type Ticket } from '../../core/event.ts'
import type { DeviceId, GateId, ScanId, TicketId, TypeId } from '../../core/ids.ts'
import type { Entry } from '../../core/log.ts'
import type { Verdict } from '../../core/verdict.ts'

const START = 1_790_000_000_000
const gates = new Map<GateId, Gate>(
  (['GATE-A', 'GATE-B'] as GateId[]).map((id) => [id, { id, name: id, kind: 'both', zone: MAIN_ZONE, accepts: null }]),
)
const ticket: Ticket = {
  id: '019f0000-0000-7000-8000-000000000001' as TicketId,
  type: 'standard' as TypeId,
  admits: 1,
  issuedAt: 1_780_000_000,
  validFrom: null,
  validUntil: null,
  paid: true,
  blockedAt: null,
  revokedAt: null,
  reason: null,
  note: null,
  requiresAttention: false,
}

function surroundings(more: Partial<Ticket> = {}, reentry: Reentry = 'none'): Surroundings {
  return {
    ticketAt: () => ({ ...ticket, ...more }),
    type: {
      id: ticket.type,
      number: 1,
      name: 'Standard',
      admits: 1,
      validFrom: null,
      validUntil: null,
      zones: [MAIN_ZONE],
      capacity: null,
      price: null,
      requiresAttention: false,
      note: null,
    },
    zone: { id: MAIN_ZONE, name: 'Main', capacity: null, reentry, everyoneOutAt: null },
    event: { closedAt: null, timezone: 'Europe/Berlin' },
    policy: defaultPolicy,
    gates,
    clearedAt: [],
  }
}

const admitted: Verdict = { kind: 'admitted', people: 1, remaining: 0, forced: null, overfull: false }
const exited: Verdict = { kind: 'exited', people: 1 }
const duplicate: Verdict = { kind: 'refused', refusal: { reason: 'already_admitted', attempt: 2, admission: null } }

/** What a gate did, without when it became known. */
type Done = { minute: number; device: string; verdict: Verdict; alone?: boolean; people?: number }

/** The scans as they arrived: in this order. */
function arrived(...done: Done[]): Entry[] {
  return done.map(({ minute, device, verdict, alone = true, people = 1 }, i) => ({
    seq: i + 1,
    scanId: `${device} ${minute} ${verdict.kind}` as ScanId,
    ticketId: ticket.id,
    type: ticket.type,
    gateId: (device < 'n' ? 'GATE-A' : 'GATE-B') as GateId,
    zone: MAIN_ZONE,
    deviceId: device as DeviceId,
    staffId: null,
    direction: verdict.kind === 'exited' ? 'exit' : 'entry',
    people,
    verdict: verdict.kind === 'admitted' || verdict.kind === 'exited' ? { ...verdict, people } : verdict,
    insideChange: 0,
    first: false,
    source: null,
    forceReason: null,
    scannedAt: START + minute * 60_000,
    receivedAt: START + 3_600_000,
    validationMs: 0,
    offline: alone ? { sequence: minute, token: null, clock: 'anchored', amends: null } : null,
  }))
}

/** What became of it, told by the scans' names in place of the numbers that they happened to get. */
function told(entries: Entry[], around: Surroundings) {
  const nameOf = (seq: number | null) => entries.find((entry) => entry.seq === seq)?.scanId ?? null
  const { standing, conflicts } = attribute(entries, around)
  return {
    standing: { ...standing, admission: nameOf(standing.admission) },
    conflicts: conflicts
      .map(({ seq, shown, judged, with: other }) => ({ scan: nameOf(seq), shown, judged, with: nameOf(other) }))
      .sort((a, b) => ((a.scan ?? '') < (b.scan ?? '') ? -1 : 1)),
  }
}

describe('two cut-off devices that each let one ticket in', () => {
  const early = { minute: 1, device: 'a', verdict: admitted }
  const late = { minute: 2, device: 'z', verdict: admitted }
  const conflict = { scan: 'z 2 admitted', shown: 'admitted', judged: 'already_admitted', with: 'a 1 admitted' }

  it.each([
    ['the earlier one', [early, late]],
    ['the later one', [late, early]],
  ])('make the later admission the conflict, where %s arrives first', (_, done) => {
    const { standing, conflicts } = told(arrived(...done), surroundings())
    expect(conflicts).toEqual([conflict])
    expect(standing).toMatchObject({ entries: 2, inside: 2, presented: 2, admission: 'a 1 admitted' })
  })

  it('make the one that the Gatekeeper judged the conflict, where that was the later one', () => {
    const { conflicts } = told(arrived({ ...late, alone: false }, early), surroundings())
    expect(conflicts).toEqual([conflict])
  })

  it('are in no conflict where the ticket is for two', () => {
    expect(told(arrived(early, late), surroundings({ admits: 2 })).conflicts).toEqual([])
  })
})

describe('a scan that a device judged alone', () => {
  it('is in no conflict where the ticket was revoked only later', () => {
    const revoked = { ...ticket, revokedAt: START + 120_000 }
    const around = { ...surroundings(), ticketAt: (at: number) => (at < START + 120_000 ? ticket : revoked) }
    expect(told(arrived({ minute: 1, device: 'a', verdict: admitted }), around).conflicts).toEqual([])
    expect(told(arrived({ minute: 3, device: 'a', verdict: admitted }), around).conflicts).toEqual([
      { scan: 'a 3 admitted', shown: 'admitted', judged: 'revoked', with: null },
    ])
  })

  it('and refused somebody who might have come in is a conflict; one that only was cut off is none', () => {
    const refusing = (refusal: Extract<Verdict, { kind: 'refused' }>['refusal']) =>
      told(arrived({ minute: 1, device: 'a', verdict: { kind: 'refused', refusal } }), surroundings()).conflicts
    expect(refusing({ reason: 'blocked' })).toEqual([
      { scan: 'a 1 refused', shown: 'blocked', judged: 'admitted', with: null },
    ])
    expect(refusing({ reason: 'held_elsewhere', useGates: [] })).toEqual([])
  })

  it('is judged by an exit that became known only afterwards', () => {
    const again = { minute: 3, device: 'a', verdict: admitted }
    const around = surroundings({}, 'after_exit')
    const before = arrived({ minute: 1, device: 'a', verdict: admitted, alone: false }, again)
    expect(told(before, around).conflicts).toHaveLength(1)
    const after = arrived({ minute: 1, device: 'a', verdict: admitted, alone: false }, again, {
      minute: 2,
      device: 'z',
      verdict: exited,
    })
    expect(told(after, around)).toMatchObject({ conflicts: [], standing: { entries: 2, exits: 1, inside: 1 } })
  })

  it('after everybody had left finds nobody inside', () => {
    const around = { ...surroundings({}, 'after_exit'), clearedAt: [START + 90_000] }
    const done = [1, 2].map((minute) => ({ minute, device: 'a', verdict: admitted }))
    expect(told(arrived(...done), around)).toMatchObject({ conflicts: [], standing: { entries: 2, inside: 1 } })
  })
})

describe('what the Gatekeeper judged by itself', () => {
  const online = (minute: number, verdict: Verdict) => ({ minute, device: 'a', verdict, alone: false })

  it('threat 37: is in no conflict, whatever its clock did', () => {
    const entries = arrived(online(5, admitted), online(1, exited), online(3, admitted))
    expect(told(entries, surroundings({}, 'after_exit'))).toMatchObject({
      conflicts: [],
      standing: { entries: 2, exits: 1, inside: 1 },
    })
  })

  it('keeps the times that it was judged at, whatever its clock did', () => {
    const { standing } = told(arrived(online(5, admitted), online(3, admitted)), surroundings({}, 'unlimited'))
    expect(standing).toMatchObject({ firstAt: START + 3 * 60_000, lastAt: START + 5 * 60_000 })
  })

  it.each<[string, Partial<Surroundings>]>([
    ['the ticket was revoked', { ticketAt: () => ({ ...ticket, revokedAt: START }) }],
    ['the ticket was revoked, and it had not heard of it', { ticketAt: (at) => ({ ...ticket, revokedAt: at - 1 }) }],
    ['the event was closed', { event: { closedAt: START, timezone: 'Europe/Berlin' } }],
    ['its gate was taken away', { gates: new Map() }],
    ['its gate is for others now', { gates: new Map([...gates].map(([id, gate]) => [id, { ...gate, accepts: [] }])) }],
  ])('is a conflict where somebody had come in before, also if since then %s', (_, changed) => {
    const early = { minute: 1, device: 'z', verdict: admitted }
    const { conflicts } = told(arrived(online(2, admitted), early), { ...surroundings(), ...changed })
    expect(conflicts).toContainEqual({
      scan: 'a 2 admitted',
      shown: 'admitted',
      judged: 'already_admitted',
      with: 'z 1 admitted',
    })
  })

  it('is not judged again by what was configured since', () => {
    const around = { ...surroundings({ revokedAt: START }), event: { closedAt: START, timezone: 'Europe/Berlin' } }
    expect(told(arrived(online(1, admitted)), around).conflicts).toEqual([])
  })
})

describe('the same scans', () => {
  const done = fc.record({
    minute: fc.nat(6),
    device: fc.constantFrom('a', 'b', 'z'),
    verdict: fc.constantFrom(admitted, admitted, exited, duplicate),
    alone: fc.constant(true),
    people: fc.integer({ min: 1, max: 3 }),
  })
  const history = fc.uniqueArray(done, {
    selector: ({ device, minute, verdict }) => `${device} ${minute} ${verdict.kind}`,
    maxLength: 9,
  })
  const reentry = fc.constantFrom<Reentry>('none', 'after_exit', 'unlimited')
  const admits = fc.integer({ min: 1, max: 3 })

  it('come to the same standing and the same conflicts, in whatever order they arrive', () => {
    fc.assert(
      fc.property(history, fc.infiniteStream(fc.nat()), reentry, admits, (scans, order, how, many) => {
        const turned = scans
          .map((scan) => ({ scan, place: order.next().value ?? 0 }))
          .sort((a, b) => a.place - b.place)
          .map(({ scan }) => scan)
        const around = surroundings({ admits: many }, how)
        expect(told(arrived(...turned), around)).toEqual(told(arrived(...scans), around))
      }),
      { numRuns: 2000 },
    )
  })

  it('threat 15: without re-entry leave a conflict for each admission over what the ticket admits', () => {
    fc.assert(
      fc.property(history, admits, (scans, many) => {
        const entered = scans
          .filter(({ verdict }) => verdict.kind === 'admitted')
          .map((scan) => ({ ...scan, people: 1 }))
        const { conflicts } = told(arrived(...entered), surroundings({ admits: many }))
        expect(conflicts).toHaveLength(Math.max(0, entered.length - many))
      }),
      { numRuns: 1000 },
    )
  })
})
