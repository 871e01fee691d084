import { WorkerEntrypoint } from 'cloudflare:workers'
import type { EventId } from '../core/ids.ts'
import type { Outcome } from '../durable-objects/webhooks/deliveries.ts'
import type { Parcel } from '../durable-objects/webhooks/webhooks.ts'
import type { Env } from './env.ts'
import { ringOf } from './key-ring.ts'
import { VERSION } from './version.ts'
import { openSecret, signMessage } from './webhook-secret.ts'
import { webhookUrlIssue } from './webhook-url.ts'

/** An endpoint has so long to answer. */
const TIMEOUT_MS = 10_000

/** Connections at once to one endpoint: a Worker has six. */
const AT_ONCE = 6

type Letter = Parcel['letters'][number]

/** Where a Gatekeeper hands in what is to be sent, so that neither signing nor waiting happens beside its scans. */
export class WebhookSender extends WorkerEntrypoint<Env> {
  /** Sends the letters, and stops at the first that fails: the endpoint is not to be pressed while it is unwell. */
  async send(parcel: Parcel): Promise<Outcome[]> {
    const waiting = [...parcel.letters]
    const outcomes: Outcome[] = []
    let hasFailed = false
    const sendOneByOne = async () => {
      for (let letter = waiting.shift(); letter && !hasFailed; letter = waiting.shift()) {
        const outcome = await sendLetter(this.env, parcel, letter)
        outcomes.push(outcome)
        hasFailed ||= outcome.kind === 'failed'
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, sendOneByOne))
    return outcomes
  }
}

/** Sends one letter; gives how it went, whatever the endpoint does. */
export async function sendLetter(env: Env, parcel: Parcel, letter: Letter): Promise<Outcome> {
  const { no, messageId, body } = letter
  const failed = (problem: string, status: number | null = null, retryAfterMs: number | null = null): Outcome => ({
    no,
    kind: 'failed',
    status,
    problem,
    retryAfterMs,
  })
  // Rules may have become stricter since the address was taken.
  if (webhookUrlIssue(parcel.url, null, allowsLocal(env)) !== null) return failed('address_not_allowed')
  const seconds = Math.floor(Date.now() / 1000)
  const signature = signMessage(openSecrets(env, parcel), messageId, seconds, body)
  try {
    const response = await fetch(parcel.url, {
      method: 'POST',
      body,
      headers: {
        'Content-Type': 'application/json',
        'User-Agent': `AdmitOne/${VERSION}`,
        'webhook-id': messageId,
        'webhook-timestamp': String(seconds),
        'webhook-signature': signature,
      },
      // A redirect could lead anywhere.
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    // Nothing of what it says is read, however much that is.
    await response.body?.cancel()
    if (response.ok) return { no, kind: 'delivered', status: response.status }
    const isRedirect = response.status >= 300 && response.status < 400
    return failed(isRedirect ? 'redirected' : 'bad_status', response.status, retryAfterMs(response))
  } catch (error) {
    // Nobody there, no such name, a broken answer or none in time: all of it is the endpoint's, and told in a word.
    return failed((error as Error).name === 'TimeoutError' ? 'timed_out' : 'unreachable')
  }
}

/** Whether endpoints on this computer may be told: only a local start that was asked to says so. */
export function allowsLocal(env: Env): boolean {
  return env.ALLOW_LOCAL_WEBHOOKS === 'true'
}

function openSecrets(env: Env, { eventId, webhookId, secrets }: Parcel): Uint8Array[] {
  return [secrets.secret, secrets.oldSecret]
    .filter((sealed) => sealed !== null)
    .map((sealed) => openSecret(ringOf(env), eventId as EventId, webhookId, sealed))
}

function retryAfterMs(response: Response): number | null {
  const seconds = Number(response.headers.get('Retry-After') ?? Number.NaN)
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : null
}
