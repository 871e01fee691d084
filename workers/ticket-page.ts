import { z } from 'zod'
import type { PageSource } from '../durable-objects/tickets/attending.ts'
import { shownCode } from './codes.ts'
import type { Env } from './env.ts'
import { askGatekeeperAlone } from './gatekeepers.ts'
import { ringOf } from './key-ring.ts'
import { openLink } from './links.ts'
import { problemResponse } from './problems.ts'
import { type Route, route, success } from './route.ts'
import { iso } from './shapes.ts'
import { countLink, turnAway } from './shield.ts'
import { calendarOf } from './ticket-page/calendar.ts'
import { imageOf, notFoundPage, ticketPage } from './ticket-page/render.ts'
import { styleSource } from './ticket-page/style.ts'
import { languageFor } from './ticket-page/words.ts'

const tag = 'Attendees'

/** The attendee's page and what it asks for: the event, the holder and the code, large, for whoever has the link. */
export const ticketPageRoutes: Route[] = [
  route({
    method: 'get',
    path: '/t/{ref}',
    summary: "The attendee's page, for whoever has the ticket's link (HTML, in the reader's language)",
    tag,
    role: null,
    query: z.object({ saved: z.string().optional() }),
    async handle({ request, env, params, query, at }) {
      const ref = params.ref ?? ''
      const found = await find(request, env, ref)
      if (found instanceof Response) return found
      const isSaved = query.saved !== undefined
      const page = await ticketPage(
        { ...found, ref, isSaved, now: at, code: await codeToShow(env, found, isSaved, at) },
        languageFor(request.headers.get('Accept-Language')),
      )
      return new Response(page, { headers: pageHeaders })
    },
  }),

  route({
    method: 'get',
    path: '/t/{ref}/code',
    summary: "The ticket's code of this moment, for its page to show. With rotatingCodes it lives for 30 seconds",
    tag,
    role: null,
    answer: z.object({
      svg: z.string(),
      validUntil: z.iso.datetime().nullable(),
      nextAt: z.iso.datetime().nullable(),
      serverTime: z.iso.datetime(),
    }),
    async handle({ request, env, params, at }) {
      const found = await find(request, env, params.ref ?? '')
      if (found instanceof Response) return found
      const code = await codeToShow(env, found, false, at)
      if (!code) return problemResponse('not_found', { headers: uncached })
      const { turn } = code
      const answer = success({
        svg: imageOf(code),
        validUntil: turn && iso(turn.validUntil),
        nextAt: turn && iso(turn.nextAt),
        serverTime: iso(at),
      })
      for (const [name, value] of Object.entries(uncached)) answer.headers.set(name, value)
      return answer
    },
  }),

  route({
    method: 'get',
    path: '/t/{ref}/event.ics',
    summary: 'The event for a calendar. Says nothing of the ticket',
    tag,
    role: null,
    async handle({ request, env, params, at }) {
      const found = await find(request, env, params.ref ?? '')
      if (found instanceof Response) return found
      return new Response(calendarOf(found.event, at), {
        headers: {
          ...uncached,
          'Content-Type': 'text/calendar; charset=utf-8',
          'Content-Disposition': 'attachment; filename="event.ics"',
        },
      })
    },
  }),
]

/** The ticket behind a link, or what to answer where the link is wrong, void, or asked for all too often. */
async function find(request: Request, env: Env, ref: string): Promise<PageSource | Response> {
  const link = openLink(ringOf(env), ref)
  if (link === null) return turnAway(request, env, await notHere(request))
  const tooMany = await countLink(request, env, ref)
  if (tooMany) return tooMany
  const found = await askGatekeeperAlone(env, link.eventId, (gatekeeper) =>
    gatekeeper.pageByLink(link.ticketId, link.link),
  )
  return found.ok ? found.value : notHere(request)
}

/** A revoked ticket shows no code. Nor does a saved copy where codes rotate: its code would be long over. */
async function codeToShow(env: Env, { ticket, event }: PageSource, isSaved: boolean, at: number) {
  if (ticket.revokedAt !== null || (isSaved && event.policy.rotatingCodes)) return null
  return shownCode(env, event.id, ticket, event.policy.rotatingCodes, at)
}

/** The same for every wrong link, to the byte, and for every other address where there is nothing. */
export async function notHere(request: Request): Promise<Response> {
  if (!request.headers.get('Accept')?.includes('text/html')) return problemResponse('not_found', { headers: uncached })
  const page = await notFoundPage(languageFor(request.headers.get('Accept-Language')))
  return new Response(page, { status: 404, headers: pageHeaders })
}

const uncached = { 'Cache-Control': 'private, no-store', 'X-Robots-Tag': 'noindex' }

/** Scripts come from our own files only, styles are the page's own, and nobody else is ever asked for anything. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  `style-src ${styleSource}`,
  'img-src data:',
  "connect-src 'self'",
  "worker-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  'trusted-types admit-one',
].join('; ')

const forbidden = [
  'accelerometer',
  'autoplay',
  'bluetooth',
  'camera',
  'display-capture',
  'encrypted-media',
  'fullscreen',
  'geolocation',
  'gyroscope',
  'hid',
  'idle-detection',
  'magnetometer',
  'microphone',
  'midi',
  'payment',
  'publickey-credentials-get',
  'serial',
  'usb',
  'web-share',
]

const pageHeaders = {
  'Content-Type': 'text/html; charset=utf-8',
  // Whoever has the page has the ticket: it is in no cache but the one that its holder's phone keeps for itself.
  ...uncached,
  Vary: 'Accept-Language, Accept',
  'Content-Security-Policy': policy,
  'Permissions-Policy': ['screen-wake-lock=(self)', ...forbidden.map((feature) => `${feature}=()`)].join(', '),
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'Strict-Transport-Security': 'max-age=31536000; includeSubDomains',
  'X-Robots-Tag': 'noindex, nofollow',
}
