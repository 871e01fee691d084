import { type IRequestStrict, Router } from 'itty-router'
import { z } from 'zod'
import { colourFault } from '../core/contrast.ts'
import { type EventId, parseUuid, type TicketId } from '../core/ids.ts'
import { defaultQrStyle, type QrStyle } from '../core/qr.ts'
import { actorOf, authorize, identify } from './access.ts'
import { parse } from './body.ts'
import { shownCode } from './codes.ts'
import type { Env } from './env.ts'
import { askGatekeeperAlone } from './gatekeepers.ts'
import { countLookup, takeLookups } from './image-lookups.ts'
import { sourceByRef } from './image-sources.ts'
import { etagOf, type Format, type Image, type ImageAsk, imageOf } from './images.ts'
import { ringOf } from './key-ring.ts'
import { openLink } from './links.ts'
import { answerProblem, badRequestResponse, problemResponse } from './problems.ts'
import type { Route } from './route.ts'
import { countLink, turnAway } from './shield.ts'

const contentTypes: Record<Format, string> = { svg: 'image/svg+xml', png: 'image/png' }

const colour = z
  .string()
  .regex(/^#?[0-9a-fA-F]{6}$/, 'must be six hexadecimal digits')
  .transform((text) => `#${text.replace('#', '').toLowerCase()}`)

const options = {
  size: z.coerce.number().int().min(64).max(2048).default(defaultQrStyle.size),
  margin: z.coerce.number().int().min(1).max(16).default(defaultQrStyle.margin),
  ecc: z.enum(['L', 'M', 'Q', 'H']).default(defaultQrStyle.ecc),
  dark: colour.default(defaultQrStyle.dark),
  light: colour.default(defaultQrStyle.light),
}

/** How the image is to look. Colours that a scanner cannot tell apart make no ticket. */
export const QrOptions = z.object(options).superRefine(refuseUnreadable)

/** The same for the JSON form, which also says which kind of image. */
export const QrJsonOptions = z
  .object({ ...options, format: z.enum(['svg', 'png']).default('svg') })
  .superRefine(refuseUnreadable)

function refuseUnreadable({ dark, light }: QrStyle, context: z.RefinementCtx): void {
  const fault = colourFault(dark, light)
  if (fault) context.addIssue({ code: 'custom', path: [fault.field], message: fault.message })
}

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
  // HEAD too: the router before this one has seen to it that nothing else comes here.
  .all('/qr/:ref.:format', serveImage)
  .all('/api/events/:eventId/tickets/:ticketId/qr', serveJson)

async function serveQr(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
  return (await router.fetch(request, env, ctx)) ?? problemResponse('not_found')
}

async function serveImage(request: IRequestStrict, env: Env, ctx: ExecutionContext): Promise<Response> {
  const format = request.params.format
  if (format !== 'svg' && format !== 'png') return problemResponse('not_found')
  const style = styleOf(request)
  if (!style.ok) return style.response
  const ref = request.params.ref ?? ''
  if (openLink(ringOf(env), ref) === null) return turnAway(request, env, problemResponse('not_found'))
  const tooMany = await countLink(request, env, ref)
  if (tooMany) return tooMany
  const found = await sourceByRef(env, ref)
  if (found === null) return problemResponse('not_found')
  if (!found.ok) return answerProblem(found.problem)
  const { eventId, source } = found.value
  const ask: ImageAsk = { eventId, source, format, style: style.value }
  const has = request.headers.get('If-None-Match')
  if (has !== null && !source.rotating && names(has, etagOf(ask))) {
    countLookup(eventId, true)
    return new Response(null, { status: 304, headers: headersOf(format, etagOf(ask), true) })
  }
  const image = await drawn(env, ctx, ask)
  if (image instanceof Response) return image
  return new Response(image.bytes, { headers: headersOf(format, image.etag, image.cached) })
}

async function serveJson(request: IRequestStrict, env: Env, ctx: ExecutionContext): Promise<Response> {
  const eventId = parseUuid<EventId>(request.params.eventId ?? '')
  const ticketId = parseUuid<TicketId>(request.params.ticketId ?? '')
  if (eventId === null) return problemResponse('not_found')
  const caller = await identify(request, env, Date.now())
  const no = await authorize(request, env, caller, { role: 'supervisor', eventId })
  if (no || !caller) return no ?? problemResponse('unauthenticated')
  const actor = actorOf(caller, request)
  if (caller.kind === 'device') {
    const spent = await askGatekeeperAlone(env, eventId, (gatekeeper) => gatekeeper.spend(actor, 'call', Date.now()))
    if (!spent.ok) return answerProblem(spent.problem)
  }
  if (ticketId === null) return problemResponse('not_found')
  const wanted = parse(QrJsonOptions, request.query)
  if (!wanted.ok) return wanted.response
  const { format, ...style } = wanted.value
  const counted = takeLookups(eventId, Date.now())
  const found = await askGatekeeperAlone(env, eventId, (gatekeeper) => gatekeeper.imageById(actor, ticketId, counted))
  if (!found.ok) return answerProblem(found.problem)
  const { text: code } = await shownCode(env, eventId, found.value.ticket, found.value.rotating, Date.now())
  const image = await drawn(env, ctx, { eventId, source: found.value, format, style }, code)
  if (image instanceof Response) return image
  const uri = `data:${contentTypes[format]};base64,${btoa(String.fromCharCode(...image.bytes))}`
  const headers = { 'Cache-Control': 'private, no-store' }
  return Response.json({ success: true, qr_token: code, qr_image: uri, cached: image.cached }, { headers })
}

/** Nearly everybody asks for the default, which needs no parsing. */
function styleOf(request: IRequestStrict): ReturnType<typeof parse<typeof QrOptions>> {
  return request.url.includes('?') ? parse(QrOptions, request.query) : { ok: true, value: defaultQrStyle }
}

/** The image, or for one too small for so many modules a 400 that says how large it must be. */
async function drawn(env: Env, ctx: ExecutionContext, ask: ImageAsk, code?: string): Promise<Image | Response> {
  try {
    const image = await imageOf(env, ctx, ask, code)
    countLookup(ask.eventId, image.cached)
    return image
  } catch (error) {
    if (error instanceof RangeError) return badRequestResponse([{ field: 'size', message: error.message }])
    throw error
  }
}

/** Whoever has the image has the ticket: no shared cache keeps it, and a reissued one is asked for anew. */
function headersOf(format: Format, etag: string, cached: boolean): Record<string, string> {
  return {
    'Content-Type': contentTypes[format],
    // Without a tag it is a code that lives for seconds.
    ...(etag === '' ? { 'Cache-Control': 'private, no-store' } : { 'Cache-Control': 'private, no-cache', ETag: etag }),
    'X-Cache': cached ? 'HIT' : 'MISS',
    'X-Robots-Tag': 'noindex',
    'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    // Organisers show it in mails and on pages of their own.
    'Cross-Origin-Resource-Policy': 'cross-origin',
  }
}

/** Whether an If-None-Match names this tag: one, several, weak ones too, or `*` for any (RFC 9110 §13.1.2). */
function names(ifNoneMatch: string, etag: string): boolean {
  return ifNoneMatch.split(',').some((one) => ['*', etag].includes(one.trim().replace(/^W\//, '')))
}
