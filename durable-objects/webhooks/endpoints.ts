import { ok, problem, type Result } from '../../core/answers.ts'
import { differences } from '../../core/audit.ts'
import type { Actor } from '../actor.ts'
import { webhookChanges } from '../audit/audit-changes.ts'
import type { Host } from '../host.ts'
import type { Delivery } from './deliveries.ts'
import type { SealedSecrets, Webhook, WebhookWish } from './webhooks.ts'

/** A webhook as it is now; whether it is new, and whether its secret was made here. */
export type PutWebhook = { webhook: Webhook; secretIsMade: boolean; isNew: boolean }

/** The organiser's endpoints as people set them up; what they are told, and how that fares, is in `webhooks.ts`. */
export class Endpoints {
  readonly #host: Host

  constructor(host: Host) {
    this.#host = host
  }

  put(actor: Actor, id: string, wish: WebhookWish, at: number): Result<PutWebhook> {
    const { event, alarm } = this.#host
    return event.change(actor, ({ webhooks, audit }) => {
      const was = webhooks.get(id)
      const put = webhooks.put(id, wish, at)
      if (put.ok) alarm.by(at)
      if (put.ok) webhookChanges(audit, id, was, put.value.webhook)
      return put
    })
  }

  rotateSecret(actor: Actor, id: string, secret: Uint8Array, at: number): Result<Webhook> {
    return this.#host.event.change(actor, ({ webhooks, audit }) => {
      audit.about({ kind: 'webhook', id }, [{ field: 'secret' }])
      return webhooks.rotate(id, secret, at)
    })
  }

  remove(actor: Actor, id: string): Result<null> {
    return this.#host.event.change(actor, ({ webhooks, audit }) => {
      audit.about({ kind: 'webhook', id })
      return webhooks.remove(id)
    })
  }

  one(actor: Actor, id: string, at: number): Result<{ webhook: Webhook; secrets: SealedSecrets }> {
    return this.#host.event.for(actor, ({ webhooks }) => {
      const webhook = webhooks.get(id)
      const secrets = webhooks.secretsOf(id, at)
      return webhook && secrets ? ok({ webhook, secrets }) : problem('not_found')
    })
  }

  replayFailed(actor: Actor, id: string, at: number): Result<number> {
    const { event, alarm } = this.#host
    return event.change(actor, ({ webhooks, audit }) => {
      const replayed = webhooks.replayFailed(id, at)
      if (replayed.ok) alarm.by(at)
      if (replayed.ok) audit.about({ kind: 'webhook', id }, differences({}, { deliveries: replayed.value }))
      return replayed
    })
  }

  replay(actor: Actor, id: string, no: number, at: number): Result<Delivery> {
    const { event, alarm } = this.#host
    return event.change(actor, ({ webhooks, audit }) => {
      const replayed = webhooks.replay(id, no, at)
      if (replayed.ok) alarm.by(at)
      audit.about({ kind: 'webhook', id }, differences({}, { delivery: no }))
      return replayed
    })
  }
}
