import { z } from 'zod'
import { ok, type Result } from '../../core/answers.ts'
import { type JobId, parseUuid, type TicketId, uuidAt } from '../../core/ids.ts'
import { WarmBody } from '../../core/organiser-messages.ts'
import { codeOf } from '../codes.ts'
import type { Env } from '../env.ts'
import { askGatekeeperAlone } from '../gatekeepers.ts'
import { takeLookups } from '../image-lookups.ts'
import { kvPrefix, tryKv } from '../images.ts'
import { answerProblem, problemResponse } from '../problems.ts'
import { type Call, route, success } from '../route.ts'
import { jobShape, showJob } from '../shapes.ts'

const tag = 'Tickets'

/** KV lists a thousand keys at a time. A hundred such pages are as far as one answer counts. */
const MOST_PAGES = 100
/** Of the thousand operations that KV allows a request, what is left for deleting after listing. */
const MOST_DELETED = 900

const cacheShape = z.object({
  cached: z.int(),
  hits: z.int(),
  misses: z.int(),
  hitRate: z.number(),
  bytes: z.int(),
  /** false: there are more images than were counted. */
  complete: z.boolean(),
})

export const qrCacheRoutes = [
  route({
    method: 'post',
    path: '/api/events/{eventId}/qr-cache/warm',
    audit: 'images.warmed',
    summary: 'Draw the default QR images of all valid tickets before they are asked for, as a job',
    tag,
    role: 'organiser',
    body: WarmBody,
    bodyOptional: true,
    answer: z.object({ job: jobShape }),
    status: 202,
    async handle({ env, eventId, actor, body, at }) {
      const id = uuidAt<JobId>(at, crypto.getRandomValues(new Uint8Array(16)))
      const formats = [...new Set(body.formats)]
      const begun = await askGatekeeperAlone(env, eventId, (gatekeeper) => gatekeeper.warm(actor, id, formats, at))
      if (!begun.ok) return answerProblem(begun.problem)
      return success({ job: showJob(begun.value, [], at) }, { status: 202 })
    },
  }),

  route({
    method: 'get',
    path: '/api/events/{eventId}/qr-cache',
    summary: 'How many QR images are kept and how often one was found, since they were last cleared',
    tag,
    role: 'supervisor',
    answer: cacheShape,
    async handle({ env, eventId, actor, at }) {
      const counted = takeLookups(eventId, at, true)
      const told = await askGatekeeperAlone(env, eventId, (gatekeeper) => gatekeeper.imageLookups(actor, counted))
      if (!told.ok) return answerProblem(told.problem)
      const { hits, misses, generation } = told.value
      const kept = await countKept(env, kvPrefix(eventId, generation))
      if (kept === null) return problemResponse('unavailable')
      const hitRate = hits + misses === 0 ? 0 : hits / (hits + misses)
      return success({ cached: kept.images, hits, misses, hitRate, bytes: kept.bytes, complete: kept.complete })
    },
  }),

  route({
    method: 'delete',
    path: '/api/events/{eventId}/qr-cache',
    audit: 'images.cleared',
    summary: 'Clear all QR images of the event, wherever they are kept; they are drawn again when they are asked for',
    tag,
    role: 'supervisor',
    answer: z.object({ cleared: z.literal(true) }),
    async handle({ env, eventId, actor, at }) {
      takeLookups(eventId, at, true)
      const cleared = await askGatekeeperAlone(env, eventId, (gatekeeper) => gatekeeper.clearImages(actor))
      // Nothing asks for the old generation any more. KV lets go of it by itself when its time is over.
      return cleared.ok ? success({ cleared: true }) : answerProblem(cleared.problem)
    },
  }),

  route({
    method: 'delete',
    path: '/api/events/{eventId}/qr-cache/{ticketId}',
    audit: 'images.cleared',
    summary: 'Clear the QR images of one ticket',
    tag,
    role: 'supervisor',
    answer: z.object({ cleared: z.literal(true) }),
    async handle({ env, eventId, actor, params }) {
      const id = parseUuid<TicketId>(params.ticketId ?? '')
      if (id === null) return problemResponse('not_found')
      const cleared = await clearImagesOf({ env, eventId, actor }, id)
      return cleared.ok ? success({ cleared: true }) : answerProblem(cleared.problem)
    },
  }),
]

/** Clears the QR images of one ticket. */
export async function clearImagesOf(
  { env, eventId, actor }: Pick<Call<unknown, unknown>, 'env' | 'eventId' | 'actor'>,
  id: TicketId,
): Promise<Result<null>> {
  const cleared = await askGatekeeperAlone(env, eventId, (gatekeeper) => gatekeeper.clearImagesOf(actor, id))
  if (!cleared.ok) return cleared
  const { ticket, generation } = cleared.value
  await forget(env, kvPrefix(eventId, generation, await codeOf(env, eventId, ticket)))
  return ok(null)
}

/** Counts what is kept under a prefix; null where KV does not answer. */
async function countKept(env: Env, prefix: string) {
  let [images, bytes] = [0, 0]
  let cursor: string | null = null
  for (let page = 0; page < MOST_PAGES; page++) {
    const list: KVNamespaceListResult<{ bytes: number }> | null = await tryKv(() =>
      env.QR_IMAGES.list<{ bytes: number }>({ prefix, cursor }),
    )
    if (list === null) return null
    images += list.keys.length
    bytes += list.keys.reduce((sum, { metadata }) => sum + (metadata?.bytes ?? 0), 0)
    if (list.list_complete) return { images, bytes, complete: true }
    cursor = list.cursor
  }
  return { images, bytes, complete: false }
}

async function forget(env: Env, prefix: string): Promise<void> {
  const list = await tryKv(() => env.QR_IMAGES.list({ prefix, limit: MOST_DELETED }))
  // An image that KV does not let go of now is the same as the one that would be drawn, and ends with its time.
  await Promise.all((list?.keys ?? []).map(({ name }) => tryKv(() => env.QR_IMAGES.delete(name))))
}
