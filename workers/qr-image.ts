import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { type IRequestStrict, Router } from 'itty-router'
import { base64url } from 'jose'
import { z } from 'zod'
import { type EventId, parseUuid, type TicketId } from '../core/ids.ts'
import { defaultQrStyle, type QrStyle, qrPng, qrSvg } from '../core/qr.ts'
import type { TicketDetails } from '../durable-objects/tickets.ts'
import { actorOf, authorize, identify } from './access.ts'
import { parse } from './body.ts'
import { codeOf } from './codes.ts'
import type { Env } from './env.ts'
import { askGatekeeper } from './gatekeepers.ts'
import { openLink } from './links.ts'
import { answerProblem, badRequestResponse, problemResponse } from './problems.ts'
import type { Route } from './route.ts'

type Format = 'svg' | 'png'
type Image = { bytes: Uint8Array; cached: boolean; etag: string }

const DAY_S = 24 * 60 * 60
const contentTypes: Record<Format, string> = { svg: 'image/svg+xml', png: 'image/png' }

const colour = z
  .string()
  .regex(/^#?[0-9a-fA-F]{6}$/, 'must be six hexadecimal digits')
  .transform((text) => `#${text.replace('#', '').toLowerCase()}`)

/** How the image is to look. */
export const QrOptions = z.object({
  size: z.coerce.number().int().min(64).max(2048).default(defaultQrStyle.size),
  margin: z.coerce.number().int().min(1).max(16).default(defaultQrStyle.margin),
  ecc: z.enum(['L', 'M', 'Q', 'H']).default(defaultQrStyle.ecc),
  dark: colour.default(defaultQrStyle.dark),
  light: colour.default(defaultQrStyle.light),
})

/** The same for the JSON form, which also says which kind of image. */
export const QrJsonOptions = QrOptions.extend({ format: z.enum(['svg', 'png']).default('svg') })

const serve = (request: Request, env: Env, ctx: ExecutionContext) => serveQr(request, env, ctx)

/** What the description says of the images. */
export const qrRoutes: Route[] = [
  {
    method: 'get',
    path: '/api/events/{eventId}/tickets/{ticketId}/qr',
    summary: "A ticket's code: its text, and its image as a data URI (outside the envelope's data)",
    tag: 'Tickets',
    role: 'supervisor',
    query: QrJsonOptions,
    answer: z.object({ success: z.literal(true), qr_token: z.string(), qr_image: z.string(), cached: z.boolean() }),
    status: 200,
    handle: serve,
  },
  ...(['svg', 'png'] as const).map(
    (format): Route => ({
      method: 'get',
      path: `/qr/{ref}.${format}`,
      summary: `The QR image as ${format.toUpperCase()}, for whoever has the ticket's link`,
      tag: 'Attendees',
      role: null,
      query: QrOptions,
      status: 200,
      handle: serve,
    }),
  ),
]

const router = Router<IRequestStrict, [Env, ExecutionContext]>()
  .get('/qr/:ref.:format', serveImage)
  .get('/api/events/:eventId/tickets/:ticketId/qr', serveJson)

async function serveQr(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
  return (await router.fetch(request, env, ctx)) ?? problemResponse('not_found')
}

async function serveImage(request: IRequestStrict, env: Env, ctx: ExecutionContext): Promise<Response> {
  const format = request.params.format
  const link = openLink(env.TICKET_KEY, request.params.ref ?? '')
  if (link === null || (format !== 'svg' && format !== 'png')) return problemResponse('not_found')
  const style = parse(QrOptions, request.query)
  if (!style.ok) return style.response
  const found = await askGatekeeper(env, link.eventId, (gatekeeper) => gatekeeper.codeByLink(link.ticketId, link.link))
  if (!found.ok) return answerProblem(found.problem)
  const image = await imageOf(env, ctx, link.eventId, found.value.ticket, format, style.value)
  if (image instanceof Response) return image
  const headers = {
    'Content-Type': contentTypes[format],
    // Whoever has the image has the ticket: no shared cache keeps it, and a reissued one is asked for anew.
    'Cache-Control': 'private, no-cache',
    ETag: image.etag,
    'X-Cache': image.cached ? 'HIT' : 'MISS',
    'X-Robots-Tag': 'noindex',
    'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'",
  }
  const unchanged = request.headers.get('If-None-Match') === image.etag
  return unchanged ? new Response(null, { status: 304, headers }) : new Response(image.bytes, { headers })
}

async function serveJson(request: IRequestStrict, env: Env, ctx: ExecutionContext): Promise<Response> {
  const eventId = parseUuid<EventId>(request.params.eventId ?? '')
  const ticketId = parseUuid<TicketId>(request.params.ticketId ?? '')
  if (eventId === null) return problemResponse('not_found')
  const caller = await identify(request, env, Date.now())
  const no = authorize(caller, { role: 'supervisor', eventId })
  if (no || !caller) return no ?? problemResponse('unauthenticated')
  if (ticketId === null) return problemResponse('not_found')
  const options = parse(QrJsonOptions, request.query)
  if (!options.ok) return options.response
  const { format, ...style } = options.value
  const actor = actorOf(caller, request)
  const found = await askGatekeeper(env, eventId, (gatekeeper) => gatekeeper.ticket(actor, ticketId))
  if (!found.ok) return answerProblem(found.problem)
  const { ticket } = found.value
  const image = await imageOf(env, ctx, eventId, ticket, format, style)
  if (image instanceof Response) return image
  const uri = `data:${contentTypes[format]};base64,${btoa(String.fromCharCode(...image.bytes))}`
  return Response.json({
    success: true,
    qr_token: await codeOf(env, eventId, ticket),
    qr_image: uri,
    cached: image.cached,
  })
}

/** The image from KV, or rendered and put there. KV is only a cache: what fails there costs a rendering. */
async function imageOf(
  env: Env,
  ctx: ExecutionContext,
  eventId: EventId,
  ticket: TicketDetails,
  format: Format,
  style: QrStyle,
): Promise<Image | Response> {
  const code = await codeOf(env, eventId, ticket)
  const key = cacheKey(code, format, style)
  const etag = `"${base64url.encode(sha256(utf8ToBytes(key)).slice(0, 12))}"`
  const kept = await env.QR_IMAGES.get(key, 'arrayBuffer').catch(noteKvFailure)
  if (kept) return { bytes: new Uint8Array(kept), cached: true, etag }
  const bytes = await render(code, format, style)
  if (bytes instanceof Response) return bytes
  ctx.waitUntil(env.QR_IMAGES.put(key, bytes, { expirationTtl: DAY_S }).catch(noteKvFailure))
  return { bytes, cached: false, etag }
}

/** Holds the code's hash and every option, so that a reissued ticket can never show its old image. */
function cacheKey(code: string, format: Format, style: QrStyle): string {
  const hash = base64url.encode(sha256(utf8ToBytes(code)))
  return ['qr', 'v1', hash, format, style.size, style.margin, style.ecc, style.dark, style.light].join(':')
}

async function render(code: string, format: Format, style: QrStyle): Promise<Uint8Array | Response> {
  if (format === 'svg') return utf8ToBytes(qrSvg(code, style))
  try {
    return await qrPng(code, style, deflate)
  } catch (error) {
    // Too few pixels for so many modules: it says how many it takes.
    if (error instanceof RangeError) return badRequestResponse([{ field: 'size', message: error.message }])
    throw error
  }
}

async function deflate(raw: Uint8Array): Promise<Uint8Array> {
  const stream = new Blob([raw]).stream().pipeThrough(new CompressionStream('deflate'))
  return new Uint8Array(await new Response(stream).arrayBuffer())
}

function noteKvFailure(error: unknown): null {
  console.warn(JSON.stringify({ message: 'KV did not answer; the image is rendered', error: String(error) }))
  return null
}
