import { toBase64url } from '../../../core/base64url.ts'
import { contentDigest, signatureBase, signatureInput } from '../../../core/request-signature.ts'
import type { Clock } from './clock.ts'
import type { HttpAnswer, Ports } from './ports.ts'
import type { KeptDevice } from './store.ts'
import { instant, number, parseJson, record, text, type Wire } from './wire.ts'

/** What came of a call. Everything that leaves it open whether the server acted is `no_answer`. */
export type Reply =
  | { kind: 'answer'; status: number; body: Wire; bytes: Uint8Array }
  | { kind: 'no_answer' }
  /** The server asks for patience. Nothing was done. */
  | { kind: 'wait'; ms: number }
  /** The device may not take part any more. */
  | { kind: 'revoked' }
  | { kind: 'not_enrolled' }

export type Call = {
  method: 'GET' | 'POST'
  path: string
  body?: unknown
  timeoutMs: number
  /** Bytes are asked for in place of JSON. */
  binary?: boolean
  /** Made by whoever is no device yet, with the key that it is going to have. */
  enrolsWith?: unknown
}

/** Whose call it is, and what its requests are signed with; null where there is no such key. */
type Identity = { staffToken: string | null; key: unknown }

/** A staff token is renewed so long before its end. */
const RENEW_BEFORE_MS = 60_000
const DEFAULT_WAIT_MS = 5000

type CallPorts = Pick<Ports, 'http' | 'store' | 'time' | 'random' | 'crypto' | 'origin'>

/**
 * Makes calls for this device: signs them in and signs them, renews what has run out, and tells an answer from the lack of
 * one.
 */
export class Calls {
  readonly #ports: CallPorts
  readonly #clock: Clock
  readonly #appVersion: string
  /** Told of each call whether the server was heard. */
  onContact: (heard: boolean) => void = () => {}

  constructor(ports: CallPorts & Pick<Ports, 'appVersion'>, clock: Clock) {
    this.#ports = ports
    this.#clock = clock
    this.#appVersion = ports.appVersion
  }

  async send(call: Call): Promise<Reply> {
    const startedAt = this.#ports.time.monotonic()
    const left = () => Math.max(1, call.timeoutMs - (this.#ports.time.monotonic() - startedAt))
    if (call.enrolsWith !== undefined) return this.#once(call, { staffToken: null, key: call.enrolsWith }, left)
    const device = await this.#ports.store.get('device')
    if (device === null) return { kind: 'not_enrolled' }
    let current = device
    if (device.expiresAt - this.#clock.now() < RENEW_BEFORE_MS) {
      const renewed = await this.#renew(device, left)
      if ('kind' in renewed) return renewed
      current = renewed
    }
    const reply = await this.#once(call, identityOf(current), left)
    const isExpired = reply.kind === 'answer' && reply.status === 401 && current === device
    if (!isExpired) return reply
    const renewed = await this.#renew(device, left)
    return 'kind' in renewed ? renewed : this.#once(call, identityOf(renewed), left)
  }

  /**
   * Gets a new staff token, and the device token that comes after the one that it is got with. An answer that is lost costs
   * nothing: the one before is good until the next one is used, which is kept here before that.
   */
  async #renew(device: KeptDevice, left: () => number): Promise<KeptDevice | Reply> {
    const { deviceId, deviceToken, deviceKey: key } = device
    const body = { deviceId, deviceToken, rotate: true }
    const call = { method: 'POST', path: '/api/devices/token', body, timeoutMs: left() } as const
    const reply = await this.#once(call, { staffToken: null, key }, left)
    if (reply.kind !== 'answer') return reply
    const data = record(reply.body.data)
    const staffToken = text(data.staffToken)
    if (reply.status !== 200 || staffToken === null) return reply
    const next = { staffToken, deviceToken: text(data.deviceToken) ?? deviceToken }
    const renewed = { ...device, ...next, expiresAt: instant(data.expiresAt) ?? device.expiresAt }
    await this.#ports.store.put('device', renewed)
    return renewed
  }

  async #once(call: Call, who: Identity, left: () => number): Promise<Reply> {
    const sentAt = this.#ports.time.monotonic()
    const reply = await this.#tell(call, who, left())
    if (!isStale(reply)) return reply
    // The server does not take a signature of another time. With its own the same request is a good one.
    this.#clock.correct(instant(record(reply.body.data).serverTime) ?? Number.NaN, sentAt, () =>
      toBase64url(this.#ports.random(16)),
    )
    return this.#tell(call, who, left())
  }

  async #tell(call: Call, who: Identity, timeoutMs: number): Promise<Reply> {
    const reply = read(await this.#ask(call, who, timeoutMs), call.binary ?? false)
    this.onContact(reply.kind !== 'no_answer')
    return reply
  }

  async #ask(call: Call, { staffToken, key }: Identity, timeoutMs: number): Promise<HttpAnswer | null> {
    const body = call.body === undefined ? null : JSON.stringify(call.body)
    const authorization = staffToken === null ? null : `Bearer ${staffToken}`
    const signature = key === null ? {} : await this.#signature(call, body, authorization, key)
    try {
      return await this.#ports.http({
        method: call.method,
        path: call.path,
        headers: {
          ...(authorization === null ? {} : { Authorization: authorization }),
          ...(body === null ? {} : { 'Content-Type': 'application/json' }),
          Accept: call.binary ? 'application/octet-stream' : 'application/json',
          'X-App-Version': this.#appVersion,
          ...signature,
        },
        body,
        timeoutMs,
      })
    } catch {
      // The port rejects where no whole answer came in time; whether the server acted is not known.
      return null
    }
  }

  /** The headers that show that a request is this device's own: core/request-signature.ts. */
  async #signature({ method, path }: Call, body: string | null, authorization: string | null, key: unknown) {
    const { crypto, random, origin } = this.#ports
    const encoder = new TextEncoder()
    const { pathname, search: query } = new URL(path, origin)
    const digest = body === null ? null : contentDigest(toBase64(await crypto.sha256(encoder.encode(body))))
    const parts = { method, path: pathname, query, contentDigest: digest, authorization }
    const params = { created: Math.floor(this.#clock.now() / 1000), nonce: toBase64url(random(16)) }
    const signature = await crypto.sign(key, encoder.encode(signatureBase(parts, params)))
    return {
      ...(digest === null ? {} : { 'Content-Digest': digest }),
      'Signature-Input': signatureInput(parts, params),
      Signature: `device=:${toBase64(signature)}:`,
    }
  }
}

function identityOf({ staffToken, deviceKey: key }: KeptDevice): Identity {
  return { staffToken, key }
}

function isStale(reply: Reply): reply is Extract<Reply, { kind: 'answer' }> {
  return reply.kind === 'answer' && reply.status === 401 && reply.body.code === 'device_signature_stale'
}

function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
}

function read(answer: HttpAnswer | null, binary: boolean): Reply {
  if (answer === null || answer.status >= 500) return { kind: 'no_answer' }
  const { status, bytes } = answer
  if (binary && status === 200) return { kind: 'answer', status, body: {}, bytes }
  const body = parseJson(bytes)
  // A portal that wants a login answers for our server, and so may any proxy: that is no answer.
  if (body === null || typeof body.success !== 'boolean') return { kind: 'no_answer' }
  if (status === 401 && body.code === 'device_revoked') return { kind: 'revoked' }
  if (status === 429) return { kind: 'wait', ms: waitOf(answer) }
  return { kind: 'answer', status, body, bytes }
}

/** Takes an answer that came over the socket, where whoever speaks is our server; gives what came of the call. */
export function replyOf(status: number, body: Wire): Reply {
  if (status >= 500 || typeof body.success !== 'boolean') return { kind: 'no_answer' }
  if (status === 401) return body.code === 'device_revoked' ? { kind: 'revoked' } : { kind: 'no_answer' }
  if (status === 429) return { kind: 'wait', ms: number(record(body.data).retryAfterMs) ?? DEFAULT_WAIT_MS }
  return { kind: 'answer', status, body, bytes: new Uint8Array() }
}

function waitOf(answer: HttpAnswer): number {
  const seconds = Number(answer.header('Retry-After'))
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : DEFAULT_WAIT_MS
}
