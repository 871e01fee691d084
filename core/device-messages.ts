import { z } from 'zod'
import type { ScanId, TicketId } from './ids.ts'
import { scanSources } from './log.ts'
import { deviceId, email, instant, name, note, people, typeId, uuid } from './message-fields.ts'
import { refusalReasons } from './verdict.ts'

/* What devices send from the doors, as schemas. Unknown fields are dropped. */

export const deviceTypes = ['mobile', 'tablet', 'desktop', 'handheld', 'turnstile'] as const

export const EnrolRequest = z.object({
  code: z.string().max(200),
  deviceId: deviceId.nullish(),
  deviceName: name,
  deviceType: z.enum(deviceTypes),
  publicKey: z.string().max(1000).nullish(),
})
export type EnrolRequest = z.output<typeof EnrolRequest>

/** `rotate`: the answer holds the device token that is to be used from now on. */
export const RenewRequest = z.object({
  deviceId: z.string().max(64),
  deviceToken: z.string().max(200),
  rotate: z.boolean().nullish(),
})

/** Devices that decide alone now and then tell by it which of their scans are in their list. */
const numbered = z
  .boolean()
  .nullish()
  .describe('says of each scan its number in the log of the object that judged it, as `judgeSeq`')

/** A scan. `ticketId` stands in for the text of a code at a check-in from the search. */
export const ScanRequest = z
  .object({
    qrPayload: z.string().min(1).max(16_384).nullish(),
    ticketId: uuid<TicketId>().nullish(),
    gateId: z.string().min(1).max(64),
    gateName: z.string().max(200).nullish(),
    eventId: z.string().max(64).nullish(),
    deviceId: z.string().max(64).nullish(),
    deviceName: z.string().max(200).nullish(),
    deviceType: z.string().max(40).nullish(),
    localTimestamp: z.union([instant, z.number()]).nullish(),
    scanId: uuid<ScanId>().nullish(),
    direction: z.enum(['entry', 'exit']).nullish(),
    source: z.enum(scanSources).nullish(),
    people: people.default(1),
    force: z.object({ reason: z.string().trim().min(1).max(500) }).nullish(),
    numbered,
  })
  .refine((scan) => scan.qrPayload != null || scan.ticketId != null, {
    path: ['qrPayload'],
    message: 'is required',
    // Beside whatever else is wrong: each bad field is named at once.
    when: ({ value }) => typeof value === 'object' && value !== null && !Array.isArray(value),
  })
export type ScanRequest = z.output<typeof ScanRequest>

/** Scans that a device judged alone or could not send. Each is parsed by itself, so that a bad one stops none. */
export const SyncRequest = z.object({
  scans: z.array(z.unknown()).min(1).max(500),
  deviceId: z.string().max(64).nullish(),
  eventId: z.string().max(64).nullish(),
  numbered,
})

const refusedWith = z.enum(refusalReasons).nullable().catch(null)

/** What the device showed. A reason that we do not know is told as none. */
const shownVerdict = z.union([
  z.enum(['admitted', 'exited', 'visited', 'refused']),
  z.object({ refused: refusedWith }),
  z.object({ verdict: z.enum(['admitted', 'exited', 'visited', 'refused']), code: refusedWith.optional() }),
])

export const OfflineScan = z
  .object({
    scanId: uuid<ScanId>(),
    qrPayload: z.string().min(1).max(16_384).nullish(),
    ticketId: uuid<TicketId>().nullish(),
    gateId: z.string().min(1).max(64),
    direction: z.enum(['entry', 'exit']).nullish(),
    people: people.default(1),
    source: z.enum(scanSources).nullish(),
    force: z.object({ reason: z.string().trim().min(1).max(500) }).nullish(),
    localTimestamp: z.union([instant, z.number().min(0).max(8.64e15)]).nullish(),
    /** Without it the device did not judge, and the scan is judged now. */
    verdict: shownVerdict.nullish(),
    /** Why it was refused, beside a bare verdict. */
    code: refusedWith.optional(),
    /** The device's own number of the scan, rising. */
    sequence: z.int().min(0).max(Number.MAX_SAFE_INTEGER).nullish(),
    /** The server's time at some moment, and how long after it the scan was by a clock that is never set. */
    clock: z
      .object({
        anchorAt: z.union([instant, z.number().min(0).max(8.64e15)]),
        elapsedMs: z.number().min(0).max(1e10),
        anchorId: z.string().max(64).nullish(),
      })
      .nullish(),
  })
  .refine((scan) => scan.qrPayload != null || scan.ticketId != null, {
    path: ['qrPayload'],
    message: 'is required',
    when: ({ value }) => typeof value === 'object' && value !== null && !Array.isArray(value),
  })
export type OfflineScan = z.output<typeof OfflineScan>

export const AnnulRequest = z.object({ reason: note.min(1) })

export const WalkInRequest = z.object({
  type: typeId,
  holder: z.object({ name: name.nullish(), email: email.nullish() }).nullish(),
  people: people.default(1),
  payment: z.object({
    method: z.enum(['cash', 'card', 'free']),
    /** Minor units of the currency, for all of them together. Without it, the type's price is meant. */
    amount: z.int().min(0).max(1_000_000_000).nullish(),
    currency: z
      .string()
      .regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code')
      .nullish(),
  }),
  gateId: z.string().min(1).max(64),
  scanId: uuid<ScanId>(),
  admit: z.boolean().default(true),
})
export type WalkInRequest = z.output<typeof WalkInRequest>

export const SearchQuery = z.object({
  q: z.string().max(200),
  limit: z.coerce.number().int().min(1).max(50).default(20),
})
