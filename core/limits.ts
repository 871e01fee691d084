/** How much one device may ask, and what it may get wrong. A setting of the event; these are counts of calls or scans. */
export type Limits = {
  /** Scans a minute in the long run, and at once after a pause. */
  scansPerMinute: number
  scanBurst: number
  /** Other calls of a scanner. */
  callsPerMinute: number
  /** Batches of scans that were judged alone. */
  syncsPerFiveMinutes: number
  /** Statistics and reports. */
  reportsPerMinute: number
  /** More codes that are none in five minutes block the device for so long. */
  invalidCodesPerFiveMinutes: number
  blockMinutes: number
  /** More duplicates in five minutes raise an alert. */
  duplicatesPerFiveMinutes: number
}

export const defaultLimits: Limits = {
  scansPerMinute: 60,
  scanBurst: 20,
  callsPerMinute: 100,
  syncsPerFiveMinutes: 10,
  reportsPerMinute: 20,
  invalidCodesPerFiveMinutes: 20,
  blockMinutes: 15,
  duplicatesPerFiveMinutes: 30,
}

/** What is counted on its own. */
export const limitedCalls = ['scan', 'call', 'sync', 'report'] as const
export type LimitedCall = (typeof limitedCalls)[number]

/** What is left of an allowance, and since when it fills up again. Milliseconds since 1970. */
export type Bucket = { left: number; at: number; offences: number }

/** So many at once, and one more every so often. */
export type Allowance = { capacity: number; refillMs: number }

/** Takes the event's limits; gives what a device has of one kind of call. */
export function allowanceFor(call: LimitedCall, limits: Limits): Allowance {
  switch (call) {
    case 'scan':
      return { capacity: limits.scanBurst, refillMs: MINUTE_MS / limits.scansPerMinute }
    case 'call':
      return { capacity: limits.callsPerMinute, refillMs: MINUTE_MS / limits.callsPerMinute }
    case 'sync':
      return { capacity: limits.syncsPerFiveMinutes, refillMs: (5 * MINUTE_MS) / limits.syncsPerFiveMinutes }
    case 'report':
      return { capacity: limits.reportsPerMinute, refillMs: MINUTE_MS / limits.reportsPerMinute }
  }
}

/**
 * Takes what was left of an allowance, null for the first call, and the time; gives what is left after one call and for
 * how long the caller is to wait, 0 where the call may pass. The wait doubles with each offence, up to five minutes, and
 * is a second again once a full allowance was left alone.
 */
export function spend(bucket: Bucket | null, { capacity, refillMs }: Allowance, at: number) {
  const before = bucket ?? { left: capacity, at, offences: 0 }
  const filled = Math.min(capacity, before.left + Math.max(0, at - before.at) / refillMs)
  const offences = filled >= capacity ? 0 : before.offences
  if (filled >= 1) return { bucket: { left: filled - 1, at, offences }, waitMs: 0 }
  const waitMs = Math.min(LONGEST_WAIT_MS, Math.max(1000, (1 - filled) * refillMs) * 2 ** offences)
  return { bucket: { left: filled, at, offences: Math.min(offences + 1, 20) }, waitMs }
}

const MINUTE_MS = 60_000
const LONGEST_WAIT_MS = 5 * MINUTE_MS
