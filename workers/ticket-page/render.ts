import { html, raw } from 'hono/html'
import { defaultQrStyle, qrSvg } from '../../core/qr.ts'
import type { PageSource } from '../../durable-objects/tickets/attending.ts'
import type { ShownCode } from '../codes.ts'
import { iso, svgDataUri } from '../shapes.ts'
import { momentOf, spanOf } from '../times.ts'
import { stateOf, type TicketState } from './states.ts'
import { style } from './style.ts'
import { filled, type Language, type Words } from './words.ts'

/** What a page is made of. `code` is null where it must not be shown. */
export type Shown = PageSource & {
  ref: string
  code: ShownCode | null
  /** A copy that the phone keeps for when there is no network. */
  isSaved: boolean
  now: number
}

/** The attendee's page, whole without a script and without any other file. */
export async function ticketPage(shown: Shown, language: Language): Promise<string> {
  const { ticket, event, type, code, now } = shown
  const { words } = language
  const state = stateOf(ticket, type, event, now)
  const rotates = event.policy.rotatingCodes
  const reloadS = code?.turn && !shown.isSaved ? Math.max(1, Math.ceil((code.turn.nextAt - now) / 1000)) : null
  const time = (at: number) => momentOf(at, event, language.tag)
  const body = html`<body class="${rotates ? 'rotates' : ''}">
<main id="ticket" data-ref="${shown.ref}" data-saved="${String(shown.isSaved)}" data-rotates="${String(rotates)}" data-now="${now}"
  data-until="${code?.turn?.validUntil ?? ''}" data-next="${code?.turn?.nextAt ?? ''}" data-offline="${words.offline}"
  data-online="${words.online}" data-runs-out="${words.runsOut}" data-hidden="${words.hidden}">
  <h1><bdi>${event.title}</bdi></h1>
  ${shown.isSaved ? html`<p class="live" role="status">${filled(words.savedFrom, { time: time(now) })}</p>` : ''}
  ${stateNotice(state, words, time)}
  <p id="network" class="live screen-only" role="status"></p>
  ${codeOrWhyNot(shown, words)}
  ${rotates ? html`<p class="state print-only">${words.noPrint}</p>` : ''}
  <section aria-label="${words.ticketType}">
    <dl>
      ${row(words.holder, ticket.holder.name ?? ticket.booking?.name ?? null)}
      ${row(words.ticketType, type.name)}
      ${row(words.people, ticket.admits.toLocaleString(language.tag))}
      ${row(words.ticketNumber, ticket.shortCode, 'number')}
      ${row(words.when, html`<time datetime="${iso(event.startsAt)}">${spanOf(event, language.tag)}</time>`)}
      ${row(words.where, event.location)}
      ${row(words.note, type.note)}
    </dl>
  </section>
  <p class="actions screen-only"><a href="/t/${shown.ref}/event.ics" download="event.ics">${words.calendar}</a></p>
</main>
<script type="module" src="/ticket.js"></script>
</body>`
  const refresh = reloadS ? html`<noscript><meta http-equiv="refresh" content="${String(reloadS)}"></noscript>` : ''
  return document(event.title, language, body, refresh)
}

/** What a browser is shown under a link that leads nowhere, whatever is wrong with the link. */
export function notFoundPage(language: Language): Promise<string> {
  const { words } = language
  return document(
    words.notFound,
    language,
    html`<body><main><h1>${words.notFound}</h1><p class="under">${words.notFoundHint}</p></main></body>`,
  )
}

type Html = ReturnType<typeof html>

async function document(title: string, language: Language, body: Html, more: Html | string = ''): Promise<string> {
  return String(
    await html`<!doctype html>
<html lang="${language.tag}" dir="${language.direction}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex, nofollow">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>${raw(style)}</style>
${more}
</head>
${body}
</html>
`,
  )
}

function codeOrWhyNot({ ticket, event, code, isSaved }: Shown, words: Words): Html | string {
  const rotates = event.policy.rotatingCodes
  if (code === null) return isSaved && rotates ? html`<p class="state">${words.savedWithoutCode}</p>` : ''
  const alt = filled(words.codeAlt, { number: ticket.shortCode })
  return html`<div id="shown"><div class="code" id="code"><img id="image" width="342" height="342" src="${imageOf(code)}" alt="${alt}"></div>
  <p class="under screen-only"><strong>${words.show}</strong> ${words.brighten}</p>
  ${rotates ? html`<p class="under soft screen-only">${words.rotates}<noscript> ${words.rotatesReload}</noscript></p>` : ''}
  <p class="actions screen-only"><button id="enlarge" type="button" hidden>${words.enlarge}</button></p>
  <dialog id="large" aria-label="${alt}"><img id="largeImage" width="342" height="342" alt="${alt}"><button id="close" type="button">${words.close}</button></dialog></div>`
}

/** A code as an image: black on white with its quiet zone, whatever the page around it looks like. */
export function imageOf(code: ShownCode): string {
  return svgDataUri(qrSvg(code.text, defaultQrStyle))
}

function stateNotice(state: TicketState, words: Words, time: (at: number) => string): Html | string {
  if (state.kind === 'valid') return ''
  return html`<p class="state" role="status">${filled(words[state.kind], 'at' in state ? { time: time(state.at) } : {})}</p>`
}

function row(name: string, value: string | Html | null, className = ''): Html | string {
  return value === null ? '' : html`<div><dt>${name}</dt><dd class="${className}"><bdi>${value}</bdi></dd></div>`
}
