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
  signed?: boolean
}

/** A staff token is renewed so long before its end. */
const RENEW_BEFORE_MS = 60_000
const DEFAULT_WAIT_MS = 5000

/** Makes calls for this device: signs them in, renews what has run out, and tells an answer from the lack of one. */
export class Calls {
  readonly #ports: Pick<Ports, 'http' | 'store' | 'time'>
  readonly #clock: Clock
  readonly #appVersion: string
  /** Told of each call whether the server was heard. */
  onContact: (heard: boolean) => void = () => {}

  constructor(ports: Pick<Ports, 'http' | 'store' | 'time' | 'appVersion'>, clock: Clock) {
    this.#ports = ports
    this.#clock = clock
    this.#appVersion = ports.appVersion
  }

  async send(call: Call): Promise<Reply> {
    const startedAt = this.#ports.time.monotonic()
    const left = () => Math.max(1, call.timeoutMs - (this.#ports.time.monotonic() - startedAt))
    if (call.signed === false) return this.#once(call, null, left())
    const device = await this.#ports.store.get('device')
    if (device === null) return { kind: 'not_enrolled' }
    let current = device
    if (device.expiresAt - this.#clock.now() < RENEW_BEFORE_MS) {
      const renewed = await this.#renew(device, left())
      if ('kind' in renewed) return renewed
      current = renewed
    }
    const reply = await this.#once(call, current.staffToken, left())
    const isExpired = reply.kind === 'answer' && reply.status === 401 && current === device
    if (!isExpired) return reply
    const renewed = await this.#renew(device, left())
    return 'kind' in renewed ? renewed : this.#once(call, renewed.staffToken, left())
  }

  async #renew(device: KeptDevice, timeoutMs: number): Promise<KeptDevice | Reply> {
    const { deviceId, deviceToken } = device
    const call = { method: 'POST', path: '/api/devices/token', body: { deviceId, deviceToken } } as const
    const reply = await this.#once({ ...call, timeoutMs }, null, timeoutMs)
    if (reply.kind !== 'answer') return reply
    const data = record(reply.body.data)
    const staffToken = text(data.staffToken)
    if (reply.status !== 200 || staffToken === null) return reply
    const renewed = { ...device, staffToken, expiresAt: instant(data.expiresAt) ?? device.expiresAt }
    await this.#ports.store.put('device', renewed)
    return renewed
  }

  async #once(call: Call, staffToken: string | null, timeoutMs: number): Promise<Reply> {
    const reply = read(await this.#ask(call, staffToken, timeoutMs), call.binary ?? false)
    this.onContact(reply.kind !== 'no_answer')
    return reply
  }

  async #ask(call: Call, staffToken: string | null, timeoutMs: number): Promise<HttpAnswer | null> {
    try {
      return await this.#ports.http({
        method: call.method,
        path: call.path,
        headers: {
          ...(staffToken === null ? {} : { Authorization: `Bearer ${staffToken}` }),
          ...(call.body === undefined ? {} : { 'Content-Type': 'application/json' }),
          Accept: call.binary ? 'application/octet-stream' : 'application/json',
          'X-App-Version': this.#appVersion,
        },
        body: call.body === undefined ? null : JSON.stringify(call.body),
        timeoutMs,
      })
    } catch {
      // The port rejects where no whole answer came in time; whether the server acted is not known.
      return null
    }
  }
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
