import { html } from 'hono/html'
import type { EventDetails, TicketStatus } from '../core/event.ts'
import { defaultQrStyle, qrSvg } from '../core/qr.ts'
import { codeOf } from './codes.ts'
import type { Env } from './env.ts'
import { askGatekeeper } from './gatekeepers.ts'
import { openLink } from './links.ts'
import { answerProblem, problemResponse } from './problems.ts'
import { type Route, route } from './route.ts'

/** The attendee's page: the event, the holder, and the code, large. It works without a script. */
export const ticketPageRoute: Route = route({
  method: 'get',
  path: '/t/{ref}',
  summary: "The attendee's page, for whoever has the ticket's link (HTML)",
  tag: 'Attendees',
  role: null,
  handle: ({ env, params }) => serveTicketPage(env, params.ref ?? ''),
})

async function serveTicketPage(env: Env, ref: string): Promise<Response> {
  const link = openLink(env.TICKET_KEY, ref)
  if (link === null) return problemResponse('not_found')
  const found = await askGatekeeper(env, link.eventId, (gatekeeper) => gatekeeper.codeByLink(link.ticketId, link.link))
  if (!found.ok) return answerProblem(found.problem)
  const { ticket, event } = found.value
  const code = `data:image/svg+xml;base64,${btoa(qrSvg(await codeOf(env, link.eventId, ticket), defaultQrStyle))}`
  const page = html`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${event.title}</title>
<style>
  body { margin: 0 auto; max-width: 30rem; padding: 1rem; font: 1.1rem/1.4 system-ui, sans-serif; text-align: center; background: #fff; color: #111 }
  img { width: min(100%, 24rem); height: auto; image-rendering: pixelated }
  .state { font-weight: bold; font-size: 1.3rem }
</style>
<main>
  <h1>${event.title}</h1>
  <p><time datetime="${new Date(event.startsAt).toISOString()}">${when(event)}</time>${event.location ? html`<br>${event.location}` : ''}</p>
  ${notices[ticket.status] ? html`<p class="state" role="status">${notices[ticket.status]}</p>` : ''}
  <img src="${code}" alt="The QR code of your ticket. Show it at the door.">
  <p>${ticket.holder.name ?? ''}</p>
  <p>Ticket ${ticket.shortCode}</p>
</main>
</html>`
  return new Response(String(await page), {
    headers: {
      'Content-Type': 'text/html; charset=utf-8',
      'Cache-Control': 'private, no-cache',
      'Content-Security-Policy': "default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'none'",
      'X-Robots-Tag': 'noindex',
    },
  })
}

const notices: Record<TicketStatus, string | null> = {
  valid: null,
  unpaid: 'This ticket is not paid yet.',
  blocked: 'This ticket is on hold. Please ask the organiser.',
  revoked: 'This ticket was revoked. It does not admit anyone.',
}

function when(event: EventDetails): string {
  return new Intl.DateTimeFormat('en-GB', { dateStyle: 'full', timeStyle: 'short', timeZone: event.timezone }).format(
    event.startsAt,
  )
}
