import type { Entry } from './log.ts'

/** The contract's `entry`. Nothing in it is personal. */
export type WireEntry = {
  id: string
  seq: number
  scanId: string
  ticketId: string | null
  gateId: string | null
  gateName: string | null
  zone: string
  deviceId: string | null
  staffId: string | null
  direction: string
  verdict: string
  code: string | null
  scannedAt: string
  receivedAt: string
  offline: boolean
  forced: boolean
  people: number
  duplicateAttemptNumber: number | null
  validationTime: number
  annulledAt: string | null
}

/** Takes an entry's id, the entry, its gate's name and when the admission in it was taken back, if it was; gives the contract's words. */
export function toWireEntry(id: string, entry: Entry, gateName: string | null, annulledAt: number | null): WireEntry {
  const { verdict } = entry
  const refusal = verdict.kind === 'refused' ? verdict.refusal : null
  return {
    id,
    seq: entry.seq,
    scanId: entry.scanId,
    ticketId: entry.ticketId,
    gateId: entry.gateId,
    gateName,
    zone: entry.zone,
    deviceId: entry.deviceId,
    staffId: entry.staffId,
    direction: entry.direction,
    verdict: verdict.kind,
    code: refusal?.reason ?? null,
    scannedAt: iso(entry.scannedAt),
    receivedAt: iso(entry.receivedAt),
    offline: entry.offline !== null,
    forced: verdict.kind === 'admitted' && verdict.forced !== null,
    people: entry.people,
    duplicateAttemptNumber: refusal?.reason === 'already_admitted' ? refusal.attempt : null,
    validationTime: entry.validationMs,
    annulledAt: annulledAt === null ? null : iso(annulledAt),
  }
}

function iso(at: number): string {
  return new Date(at).toISOString()
}
