import { z } from 'zod'
import { wordShape } from '../../core/ids.ts'
import { DeliveryFilter, RotateSecret, WebhookBody } from '../../core/organiser-messages.ts'
import type { Parcel } from '../../durable-objects/webhooks/webhooks.ts'
import { askGatekeeper, askGatekeeperAlone } from '../gatekeepers.ts'
import { ringOf } from '../key-ring.ts'
import { answerProblem, badRequestResponse, problemResponse } from '../problems.ts'
import { type Call, route, success } from '../route.ts'
import { deliveryShape, listOf, showDelivery, showWebhook, webhookShape } from '../shapes.ts'
import { ShortListQuery, shortList } from '../short-list.ts'
import { newWebhookSecret, sealSecret } from '../webhook-secret.ts'
import { allowsLocal, sendLetter } from '../webhook-sender.ts'
import { webhookUrlIssue } from '../webhook-url.ts'

const tag = 'Webhooks'
const role = 'organiser'
const path = '/api/events/{eventId}/webhooks/{webhookId}'
const deliveryPath = `${path}/deliveries/{deliveryId}`

export const webhookRoutes = [
  route({
    method: 'put',
    path,
    audit: 'webhook.put',
    summary: 'Say whom to tell of what; the secret made for it is shown once',
    tag,
    role,
    body: WebhookBody,
    answer: z.object({ webhook: webhookShape, secret: z.string().optional() }),
    async handle(call) {
      const { env, eventId, actor, body, at, origin } = call
      const id = idIn(call)
      if (id instanceof Response) return id
      const issue = webhookUrlIssue(body.url, new URL(origin).hostname, allowsLocal(env))
      if (issue) return badRequestResponse([{ field: 'url', message: issue }])
      const made = newWebhookSecret()
      const seal = (secret: string) => sealSecret(ringOf(env), eventId, id, secret)
      const wish = {
        url: new URL(body.url).href,
        events: body.events,
        secret: body.secret == null ? null : seal(body.secret),
        made: seal(made),
      }
      const put = await askGatekeeperAlone(env, eventId, (gatekeeper) => gatekeeper.putWebhook(actor, id, wish, at))
      if (!put.ok) return answerProblem(put.problem)
      const { webhook, secretIsMade, isNew } = put.value
      const data = { webhook: showWebhook(webhook), ...(secretIsMade ? { secret: made } : {}) }
      return success(data, { status: isNew ? 201 : 200 })
    },
  }),

  route({
    method: 'get',
    path: '/api/events/{eventId}/webhooks',
    summary: 'List the webhooks, never their secrets',
    tag,
    role,
    query: ShortListQuery,
    answer: listOf(webhookShape),
    async handle({ env, eventId, actor, query }) {
      const webhooks = await askGatekeeperAlone(env, eventId, (gatekeeper) => gatekeeper.listWebhooks(actor))
      if (!webhooks.ok) return answerProblem(webhooks.problem)
      return shortList(webhooks.value.map(showWebhook), query)
    },
  }),

  route({
    method: 'get',
    path,
    summary: 'Show a webhook and how its endpoint fares',
    tag,
    role,
    answer: z.object({ webhook: webhookShape }),
    async handle({ env, eventId, actor, params, at }) {
      const found = await askGatekeeperAlone(env, eventId, (gatekeeper) =>
        gatekeeper.webhook(actor, params.webhookId ?? '', at),
      )
      return found.ok ? success({ webhook: showWebhook(found.value.webhook) }) : answerProblem(found.problem)
    },
  }),

  route({
    method: 'delete',
    path,
    audit: 'webhook.removed',
    summary: 'Remove a webhook, with its deliveries',
    tag,
    role,
    answer: z.object({}),
    async handle({ env, eventId, actor, params }) {
      const removed = await askGatekeeperAlone(env, eventId, (gatekeeper) =>
        gatekeeper.removeWebhook(actor, params.webhookId ?? ''),
      )
      return removed.ok ? success({}, { message: 'Removed' }) : answerProblem(removed.problem)
    },
  }),

  route({
    method: 'post',
    path: `${path}/rotate-secret`,
    audit: 'webhook.secret_rotated',
    summary: 'Sign with a new secret; for a day the old one signs too',
    tag,
    role,
    body: RotateSecret,
    bodyOptional: true,
    answer: z.object({ webhook: webhookShape, secret: z.string().optional() }),
    async handle(call) {
      const { env, eventId, actor, body, at } = call
      const id = idIn(call)
      if (id instanceof Response) return id
      const secret = body.secret ?? newWebhookSecret()
      const sealed = sealSecret(ringOf(env), eventId, id, secret)
      const rotated = await askGatekeeperAlone(env, eventId, (gatekeeper) =>
        gatekeeper.rotateWebhookSecret(actor, id, sealed, at),
      )
      if (!rotated.ok) return answerProblem(rotated.problem)
      return success({ webhook: showWebhook(rotated.value), ...(body.secret == null ? { secret } : {}) })
    },
  }),

  route({
    method: 'post',
    path: `${path}/test`,
    audit: { because: 'it sends a message of no content and changes nothing' },
    summary: 'Send a message of type webhook.test now, and say how it went',
    tag,
    role,
    answer: z.object({
      messageId: z.string(),
      delivered: z.boolean(),
      status: z.int().nullable(),
      problem: z.string().nullable(),
      tookMs: z.number(),
    }),
    handle: (call) => sendTest(call),
  }),

  route({
    method: 'get',
    path: `${path}/deliveries`,
    summary: 'List what was told, the newest first',
    tag,
    role,
    query: DeliveryFilter,
    answer: listOf(deliveryShape),
    async handle({ env, eventId, actor, params, query }) {
      const deliveries = await askGatekeeperAlone(env, eventId, (gatekeeper) =>
        gatekeeper.listDeliveries(actor, params.webhookId ?? '', query),
      )
      if (!deliveries.ok) return answerProblem(deliveries.problem)
      const { items, nextCursor } = deliveries.value
      return success({ items: items.map(showDelivery), nextCursor })
    },
  }),

  route({
    method: 'get',
    path: deliveryPath,
    summary: 'Show a delivery with its payload',
    tag,
    role,
    answer: z.object({ delivery: deliveryShape.extend({ payload: z.record(z.string(), z.unknown()) }) }),
    async handle({ env, eventId, actor, params }) {
      const no = deliveryNumber(params.deliveryId)
      const found = await askGatekeeperAlone(env, eventId, (gatekeeper) =>
        gatekeeper.delivery(actor, params.webhookId ?? '', no),
      )
      if (!found.ok) return answerProblem(found.problem)
      return success({ delivery: { ...showDelivery(found.value.delivery), payload: found.value.payload } })
    },
  }),

  route({
    method: 'post',
    path: `${path}/replay-failed`,
    audit: 'webhook.replayed',
    summary: 'Tell again everything that was given up',
    tag,
    role,
    answer: z.object({ replayed: z.int() }),
    async handle({ env, eventId, actor, params, at }) {
      const replayed = await askGatekeeper(env, eventId, (gatekeeper) =>
        gatekeeper.replayFailedDeliveries(actor, params.webhookId ?? '', at),
      )
      return replayed.ok ? success({ replayed: replayed.value }) : answerProblem(replayed.problem)
    },
  }),

  route({
    method: 'post',
    path: `${deliveryPath}/replay`,
    audit: 'webhook.replayed',
    summary: 'Tell it again, under the same message id',
    tag,
    role,
    answer: z.object({ delivery: deliveryShape }),
    async handle({ env, eventId, actor, params, at }) {
      const no = deliveryNumber(params.deliveryId)
      const replayed = await askGatekeeperAlone(env, eventId, (gatekeeper) =>
        gatekeeper.replayDelivery(actor, params.webhookId ?? '', no, at),
      )
      return replayed.ok ? success({ delivery: showDelivery(replayed.value) }) : answerProblem(replayed.problem)
    },
  }),
]

/** Straight from here, so that whoever sets a receiver up sees at once what it answered. */
async function sendTest({ env, eventId, actor, params, at }: Call<unknown, unknown>): Promise<Response> {
  const webhookId = params.webhookId ?? ''
  const found = await askGatekeeperAlone(env, eventId, (gatekeeper) => gatekeeper.webhook(actor, webhookId, at))
  if (!found.ok) return answerProblem(found.problem)
  const messageId = `msg_test_${crypto.randomUUID().replaceAll('-', '')}`
  const payload = { type: 'webhook.test', timestamp: new Date(at).toISOString(), data: { eventId, webhook: webhookId } }
  const letter = { no: 0, messageId, body: JSON.stringify(payload) }
  const parcel: Parcel = { eventId, webhookId, url: found.value.webhook.url, secrets: found.value.secrets, letters: [] }
  const outcome = await sendLetter(env, parcel, letter)
  if (outcome.kind === 'untried') return problemResponse('unavailable')
  return success({
    messageId,
    delivered: outcome.kind === 'delivered',
    status: outcome.status,
    problem: outcome.kind === 'delivered' ? null : outcome.problem,
    tookMs: Date.now() - at,
  })
}

function idIn({ params }: Call<unknown, unknown>): string | Response {
  const id = params.webhookId ?? ''
  if (wordShape.test(id)) return id
  return badRequestResponse([
    { field: 'webhookId', message: 'must be 1 to 64 letters, digits, spaces or . _ ~ : + @ -' },
  ])
}

/** A number that no delivery has stands for what is no number. */
function deliveryNumber(text: string | undefined): number {
  return /^[1-9]\d{0,14}$/.test(text ?? '') ? Number(text) : 0
}
