import { createPrivateKey, createPublicKey, sign } from 'node:crypto'
import { hexToBytes } from '@noble/hashes/utils.js'
import { expect } from 'vitest'
import { toBase64url } from '../../core/base64url.ts'
import { writeCursor } from '../../core/cursor.ts'
import { defaultPolicy, type Policy } from '../../core/event.ts'
import type { EventId, GateId, OrganisationId, TicketId, TypeId, ZoneId } from '../../core/ids.ts'
import { deriveSealingKeys, eventTagOf } from '../../core/keys.ts'
import { defaultLimits } from '../../core/limits.ts'
import { defaultRetention, nothingForgotten } from '../../core/retention.ts'
import type { Snapshot } from '../../core/snapshot.ts'
import { encodeSnapshot } from '../../core/snapshot-bytes.ts'
import { sealToken } from '../../core/token.ts'
import type { HttpAnswer, HttpRequest, Ports } from '../../web/scanner/engine/ports.ts'
import type { Shown } from '../../web/scanner/engine/shown.ts'
import { realTime } from '../../web/scanner/platform/time.ts'
import { Phone } from './phone.ts'

const eventId = '0198c0de-0000-7000-8000-0000000000ee' as EventId
export const ticketId = '0198c0de-0000-7000-8000-000000000001' as TicketId
export const otherTicketId = '0198c0de-0000-7000-8000-000000000002' as TicketId
const keys = deriveSealingKeys('a secret of the tests', eventTagOf(eventId), 1)
const privateKey = createPrivateKey({
  key: Buffer.concat([Buffer.from(hexToBytes('302e020100300506032b657004220420')), Buffer.from(keys.signingSeed)]),
  format: 'der',
  type: 'pkcs8',
})
const publicKey = createPublicKey(privateKey).export({ format: 'jwk' }).x ?? ''
export const tokenOf = (id: TicketId) =>
  sealToken(
    { ticketId: id, issuedAt: 1_700_000_000, validFrom: null, validUntil: null, type: 0, admits: 1 },
    keys,
    async (message) => new Uint8Array(sign(null, message, privateKey)),
  )
export const token = await tokenOf(ticketId)

export type Answer = { status: number; body?: unknown; bytes?: Uint8Array; headers?: Record<string, string> } | 'none'
/** Whether the phone has a network, and how much later it is than it was. */
type Around = { isUp: boolean; passedMs: number }
export type Server = (request: HttpRequest) => Answer | Promise<Answer>

export const hour = 3_600_000
export const day = 24 * hour
const phones: Phone[] = []

/** For after each test. */
export function turnAllOff(): void {
  for (const phone of phones.splice(0)) phone.turnOff()
}

export const ok = (data: unknown, status = 200): Answer => ({ status, body: { success: true, data } })
export const refused = (status: number, code: string, more: object = {}): Answer => ({
  status,
  body: { success: false, code, message: 'In words.', ...more },
})
export const admitted: Answer = {
  status: 200,
  body: {
    success: true,
    verdict: 'admitted',
    data: { entryLogId: '7', ticketId, scan: { admitted: 1, remaining: 0 } },
  },
}

/** Waiting takes a twentieth of the time. */
const impatient = { ...realTime, after: (ms: number, call: () => void) => realTime.after(ms / 20, call) }

/** A phone whose server answers by a script: what a real one does in its worst moments. */
export async function phoneAt(
  server: Server,
  options: {
    policy?: Partial<Policy>
    endsAt?: number
    role?: string
    ports?: Partial<Ports>
    socket?: boolean
    around?: Around
    /** Answers in the place of a whole snapshot once the phone asks for what changed since the one it has. */
    difference?: () => Promise<Answer>
  } = {},
) {
  const requests: HttpRequest[] = []
  const http = async (request: HttpRequest): Promise<HttpAnswer> => {
    requests.push(request)
    const answer = await answerTo(request)
    if (answer === 'none') throw new Error('no answer')
    const bytes = answer.bytes ?? new TextEncoder().encode(JSON.stringify(answer.body ?? {}))
    return { status: answer.status, header: (name) => answer.headers?.[name] ?? null, bytes }
  }
  const answerTo = (request: HttpRequest): Answer | Promise<Answer> => {
    if (options.around?.isUp === false) return 'none'
    if (request.path === '/api/devices/enrol') {
      return ok(
        {
          deviceId: 'device',
          deviceToken: 'device token',
          staffToken: 'staff token',
          expiresAt: new Date(Date.now() + 365 * day).toISOString(),
          event: { id: eventId, title: 'Tech Expo', timezone: 'UTC', endsAt: options.endsAt ?? null },
          gate: { id: 'A', name: 'Gate A', kind: 'entry', zone: 'main' },
          staff: { id: 'sam', name: 'Sam', role: options.role ?? 'scanner' },
        },
        201,
      )
    }
    if (request.path.startsWith('/api/hp-scanner/snapshot')) {
      const { difference } = options
      return difference && request.path.includes('since=') ? difference() : { status: 200, bytes: snapshot(options) }
    }
    if (request.path.startsWith('/api/hp-scanner/live-tickets')) {
      return options.socket ? ok({ ticket: 'once' }) : refused(404, 'not_found')
    }
    return server(request)
  }
  const phone = new Phone('http://nowhere.invalid', { http, time: impatient, ...options.ports })
  phones.push(phone)
  const engine = await phone.start()
  const enrolled = await engine.enrol('https://nowhere.invalid/scan#enrol=ABCDEFGHIJKLMNOPQRSTUVWXYZ', {
    name: 'Phone',
    type: 'mobile',
  })
  expect(enrolled).toEqual({ ok: true, value: null })
  const scan = (more: { force?: { reason: string } } = {}) =>
    engine.scan({ what: { text: token }, source: 'camera', ...more })
  const asked = () => requests.filter(({ path }) => path.endsWith('/validate-qr')).length
  return { phone, engine, requests, scan, asked }
}

type Told = { policy?: Partial<Policy>; endsAt?: number; around?: Around }

/** The bytes of a snapshot with nothing known of any ticket, but for what is told later. */
export function snapshot(
  { policy = {}, endsAt = Date.now() + day, around }: Told,
  later: Partial<Snapshot> = {},
): Uint8Array {
  const nothing = { validFrom: null, validUntil: null, capacity: null, price: null, note: null }
  return encodeSnapshot({
    event: {
      id: eventId,
      organisationId: '0198c0de-0000-7000-8000-0000000000aa' as OrganisationId,
      title: 'Tech Expo',
      startsAt: 0,
      endsAt,
      timezone: 'UTC',
      location: null,
      capacity: null,
      zones: [{ id: 'main' as ZoneId, name: 'Main', capacity: null, reentry: 'none', everyoneOutAt: null }],
      policy: { ...defaultPolicy, ...policy },
      limits: defaultLimits,
      rehearsalOf: null,
      retention: defaultRetention,
      forgotten: nothingForgotten,
      createdAt: 0,
      closedAt: null,
    },
    keys: { readKey: toBase64url(keys.readKey), publicKeys: [{ keyId: 1, publicKey, validUntil: null }] },
    ticketTypes: [
      {
        id: 'vip' as TypeId,
        number: 0,
        name: 'VIP',
        admits: 1,
        zones: ['main' as ZoneId],
        requiresAttention: false,
        ...nothing,
      },
    ],
    gates: [{ id: 'A' as GateId, name: 'Gate A', kind: 'entry', zone: 'main' as ZoneId, accepts: null }],
    policy: { ...defaultPolicy, ...policy },
    everyoneOut: [],
    lease: null,
    cursor: writeCursor({ seq: 1, revision: 1, epoch: 1 }),
    full: true,
    serverTime: Date.now() + (around?.passedMs ?? 0),
    standings: [],
    revocations: [],
    codes: [],
    ...later,
  })
}

export const word = ({ verdict, judgedBy }: Shown) => {
  const what =
    verdict.kind === 'refused'
      ? verdict.refusal.reason
      : verdict.kind === 'undecided'
        ? verdict.because.reason
        : verdict.kind
  return `${what} by ${judgedBy}`
}
