import { z } from 'zod'
import { toWireStanding, toWireState } from '../core/live.ts'
import { knownStatuses, type Snapshot, type SnapshotHead } from '../core/snapshot.ts'
import {
  eventShape,
  gateShape,
  iso,
  isoOrNull,
  showEvent,
  showGate,
  showTicketType,
  ticketTypeShape,
} from './shapes.ts'

const instant = z.iso.datetime()
const count = z.int()

/** A snapshot as JSON. */
export const snapshotShape = z.object({
  event: eventShape,
  keys: z.object({
    readKey: z.string(),
    publicKeys: z.array(
      z.object({ keyId: count, publicKey: z.string(), readKey: z.string().optional(), validUntil: instant.nullable() }),
    ),
  }),
  ticketTypes: z.array(ticketTypeShape.extend({ number: count })),
  gates: z.array(gateShape),
  policy: eventShape.shape.policy,
  standings: z.array(
    z.object({
      ticketId: z.string(),
      zone: z.string(),
      entries: count,
      exits: count,
      inside: count,
      presented: count,
      today: count,
      firstAt: instant.nullable(),
      lastAt: instant.nullable(),
      gateId: z.string().nullable(),
    }),
  ),
  revocations: z.array(
    z.object({ ticketId: z.string(), at: instant, status: z.enum(knownStatuses), validSince: count }),
  ),
  codes: z.array(
    z.object({
      hash: z.string(),
      ticketId: z.string(),
      type: z.string(),
      admits: count,
      validFrom: instant.nullable(),
      validUntil: instant.nullable(),
    }),
  ),
  everyoneOut: z.array(z.object({ zone: z.string(), at: instant })),
  lease: z
    .object({
      generation: count,
      gateId: z.string(),
      gates: z.array(z.object({ gateId: z.string(), zone: z.string(), types: z.array(z.string()) })),
      state: z.enum(['offered', 'held', 'ending']),
      cursor: z.string().nullable(),
    })
    .nullable(),
  cursor: z.string(),
  full: z.boolean(),
  serverTime: instant,
})

/** All of a snapshot but its rows, as JSON has it. */
export function showHead(head: SnapshotHead): Omit<z.input<typeof snapshotShape>, keyof Rows> {
  return {
    ...head,
    event: showEvent(head.event),
    keys: {
      ...head.keys,
      publicKeys: head.keys.publicKeys.map((key) => ({ ...key, validUntil: isoOrNull(key.validUntil) })),
    },
    ticketTypes: head.ticketTypes.map((type) => ({ ...showTicketType(type), number: type.number })),
    gates: head.gates.map(showGate),
    everyoneOut: head.everyoneOut.map(({ zone, at }) => ({ zone, at: iso(at) })),
    serverTime: iso(head.serverTime),
  }
}

type Rows = Pick<Snapshot, 'standings' | 'revocations' | 'codes'>

export function showRows({ standings, revocations, codes }: Rows): Pick<z.input<typeof snapshotShape>, keyof Rows> {
  return {
    standings: standings.map(toWireStanding),
    revocations: revocations.map(toWireState),
    codes: codes.map((code) => ({
      ...code,
      validFrom: isoOrNull(code.validFrom),
      validUntil: isoOrNull(code.validUntil),
    })),
  }
}
