import { createHmac, timingSafeEqual } from 'node:crypto'

/*
 * What the peers have in common: a code is a ticket's id and an HMAC over it, as most tutorials have it. That is less than
 * what our own codes are checked for, and cheaper.
 */

export type PeerScan = { scanId: string; qrPayload: string; gateId: string }

/** What a peer is started with. The secrets are those of its codes and of whoever scans. */
export const { PORT = '0', REDIS_PORT = '0', PG_SOCKET = '', CODE_SECRET = '', DEVICE_TOKEN = '' } = process.env

export function codeOf(secret: string, ticketId: string): string {
  return `${ticketId}.${macOf(secret, ticketId).toString('base64url')}`
}

/** Gives the ticket's id, or null where the code is not ours. */
export function openCode(secret: string, code: string): string | null {
  const [ticketId = '', mac = ''] = code.split('.')
  const given = Buffer.from(mac, 'base64url')
  const right = macOf(secret, ticketId)
  return given.length === right.length && timingSafeEqual(given, right) ? ticketId : null
}

/** Gives a scan that is well-formed, or null. */
export function readScan(body: unknown): PeerScan | null {
  if (typeof body !== 'object' || body === null) return null
  const { scanId, qrPayload, gateId } = body as Record<string, unknown>
  if (typeof scanId !== 'string' || typeof qrPayload !== 'string' || typeof gateId !== 'string') return null
  return { scanId, qrPayload, gateId }
}

export function isDevice(authorization: string | undefined): boolean {
  return authorization === `Bearer ${DEVICE_TOKEN}`
}

/** The same answers from each of them. */
export const admitted = ({ scanId, gateId }: PeerScan, ticketId: string, at: number) => ({
  success: true,
  verdict: 'admitted',
  scanId,
  replay: false,
  data: { ticketId, scan: { gateId, scannedAt: new Date(at).toISOString() } },
})

export const duplicate = ({ scanId }: PeerScan, ticketId: string) => ({
  success: false,
  verdict: 'refused',
  code: 'already_admitted',
  scanId,
  replay: false,
  data: { ticketId },
})

export const invalid = { success: false, verdict: 'refused', code: 'unreadable' }

function macOf(secret: string, ticketId: string): Buffer {
  return createHmac('sha256', secret).update(ticketId).digest()
}
