import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it } from 'vitest'
import { shownCode } from '../../workers/codes.ts'
import { ringOf } from '../../workers/key-ring.ts'
import { openLink } from '../../workers/links.ts'
import { call, gatekeeperOf, issue, newDevice, newEvent, type Party, scan } from './api.ts'

let event: Party
let rotating: Party
beforeAll(async () => {
  event = await newEvent({ location: 'Hall 7', timezone: 'Asia/Kolkata', startsAt: '2026-12-01T13:30:00Z', endsAt })
  rotating = await newEvent({ policy: { rotatingCodes: true } })
})
const endsAt = '2099-12-01T18:00:00Z'

const one = async (of: Party, ticket: Record<string, unknown> = {}) => {
  const [issued] = await issue(of, { holder: { name: 'Ada Lovelace' }, ...ticket })
  if (!issued) throw new Error('no ticket was issued')
  return issued
}
const open = (url: string, language = 'en-GB', more = '') =>
  call('GET', url + more, { headers: { Accept: 'text/html,*/*', 'Accept-Language': language } })

/** The text of the code that the page shows at a time. */
async function codeAt(of: Party, url: string, at: number): Promise<string> {
  const link = openLink(ringOf(env), url.split('/').at(-1) ?? '')
  if (!link) throw new Error('not a link')
  const found = await gatekeeperOf(of).codeByLink(link.ticketId, link.link)
  if (!found.ok) throw new Error(found.problem.code)
  return (await shownCode(env, link.eventId, found.value.ticket, found.value.event.policy.rotatingCodes, at)).text
}

describe("the attendee's page", () => {
  it('says what, when on the venue’s clock, where, who, for how many, and the note of what was bought', async () => {
    const { text } = await open((await one(event, { type: 'vip', admits: 3 })).url)
    for (const part of ['Tech Expo 2026', 'Hall 7', 'Ada Lovelace', 'VIP', 'Welcome drink', '<bdi>3</bdi>']) {
      expect(text).toContain(part)
    }
    expect(text).toContain('19:00')
    expect(text).toContain('datetime="2026-12-01T13:30:00.000Z"')
  })

  it('keeps the staff’s remarks on the ticket to the staff', async () => {
    const { text } = await open((await one(event, { note: 'check the passport' })).url)
    expect(text).not.toContain('passport')
  })

  it.each([
    ['de-AT, en;q=0.5', 'de-AT', 'ltr', 'Am Einlass vorzeigen'],
    ['fr', 'fr', 'ltr', 'Présentez ce code'],
    ['xx, es;q=0.4', 'es', 'ltr', 'Muestre este código'],
    ['hi-IN', 'hi-IN', 'ltr', 'प्रवेश द्वार'],
    ['ar', 'ar', 'rtl', 'أظهر هذا الرمز'],
    ['en;q=0.1, ar;q=0.9', 'ar', 'rtl', 'أظهر هذا الرمز'],
    ['xx', 'en-GB', 'ltr', 'Show this code'],
    ['*', 'en-GB', 'ltr', 'Show this code'],
    ['"><script>', 'en-GB', 'ltr', 'Show this code'],
    ['constructor', 'en-GB', 'ltr', 'Show this code'],
  ])('speaks the reader’s language: %s', async (header, lang, direction, said) => {
    const { text, headers } = await open((await one(event)).url, header)
    expect(text).toContain(`<html lang="${lang}" dir="${direction}">`)
    expect(text).toContain(said)
    expect(headers.get('Vary')).toContain('Accept-Language')
  })

  it('is made for a screen reader: one landmark, one heading, a text for the image, and the state is told', async () => {
    const ticket = await one(event, { paid: false })
    const { text } = await open(ticket.url)
    expect(text.match(/<main[ >]/g)).toHaveLength(1)
    expect(text.match(/<h1[ >]/g)).toHaveLength(1)
    expect(text).toContain(`alt="QR code of ticket ${ticket.shortCode}. Show it at the entrance."`)
    expect(text).toContain('<p class="state" role="status">This ticket is not paid yet.</p>')
  })

  it('is in no index, no cache, nobody’s frame, sends no referrer and may nothing but keep the screen on', async () => {
    const { headers } = await open((await one(event)).url)
    expect(headers.get('X-Robots-Tag')).toContain('noindex')
    expect(headers.get('Cache-Control')).toBe('private, no-store')
    expect(headers.get('Referrer-Policy')).toBe('no-referrer')
    const policy = headers.get('Content-Security-Policy') ?? ''
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).not.toMatch(/unsafe|\*|http/)
    const permissions = (headers.get('Permissions-Policy') ?? '').split(', ')
    expect(permissions.filter((permission) => !permission.endsWith('=()'))).toEqual(['screen-wake-lock=(self)'])
  })

  it('has the one style that its policy names, and no style or handler of an element’s own', async () => {
    const { text, headers } = await open((await one(event)).url)
    const style = /<style>([\s\S]*?)<\/style>/.exec(text)?.[1] ?? ''
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(style))
    const hash = btoa(String.fromCharCode(...new Uint8Array(digest)))
    expect(headers.get('Content-Security-Policy')).toContain(`style-src 'sha256-${hash}'`)
    expect(text).not.toMatch(/ style=| on\w+=|javascript:/)
  })

  it('leads to no other ticket, and carries no address of a person', async () => {
    const booking = { id: 'B-1', name: 'The Byrons', email: 'byron@example.org', quantity: 2 }
    const [first, second] = await issue(event, { booking }, { booking, holder: { email: 'ada@example.org' } })
    const { text } = await open(second?.url ?? '')
    expect(text).not.toContain(first?.shortCode ?? '-')
    expect(text).not.toMatch(/byron|ada@|example\.org/)
  })

  const states: [string, Record<string, unknown>, string | null, string][] = [
    ['unpaid', { paid: false }, null, 'not paid yet'],
    ['on hold', {}, 'block', 'on hold'],
    ['not valid yet', { validFrom: '2098-01-01T00:00:00Z' }, null, 'valid from 1 January 2098'],
    ['not valid any more', { validUntil: '2020-01-01T00:00:00Z' }, null, 'valid until 1 January 2020'],
  ]
  it.each(states)('says when the ticket is %s, and still shows its code', async (_state, ticket, action, said) => {
    const issued = await one(event, ticket)
    if (action) await call('POST', `${event.path}/tickets/${issued.id}/${action}`, { as: event.key })
    const { text } = await open(issued.url)
    expect(text).toContain(said)
    expect(text).toContain('data:image/svg+xml')
  })

  it('says when the ticket was revoked, and shows no code', async () => {
    const issued = await one(event)
    await call('POST', `${event.path}/tickets/${issued.id}/revoke`, { as: event.key })
    const { text } = await open(issued.url)
    expect(text).toContain('This ticket was revoked')
    expect(text).not.toContain('data:image')
    expect((await call('GET', `${issued.url}/code`)).status).toBe(404)
  })

  it('says when the event is closed, and still shows the code: people leave with it', async () => {
    const closing = await newEvent()
    const issued = await one(closing)
    await call('POST', `${closing.path}/close`, { as: closing.key })
    const { text } = await open(issued.url)
    expect(text).toContain('The event is closed')
    expect(text).toContain('data:image')
  })

  it('threat 17: is the same page for every wrong link, to the byte', async () => {
    const { url } = await one(event)
    const ref = url.split('/').at(-1) ?? ''
    const voided = await one(event)
    const body = { reason: 'passed on', newLink: true }
    await call('POST', `${event.path}/tickets/${voided.id}/reissue`, { as: event.key, body })
    const wrong = [
      `${ref.slice(0, -1)}${ref.endsWith('A') ? 'B' : 'A'}`,
      `${ref}A`,
      'x',
      '%00',
      '<b>',
      'a'.repeat(3000),
    ]
    const pages = []
    for (const link of [...wrong.map((other) => `/t/${other}`), '/half/a/link', voided.url]) {
      const { status, text, headers } = await open(link)
      // Each answer has a number of its own, whatever it is.
      const others = [...headers].filter(([name]) => name !== 'x-request-id')
      pages.push(JSON.stringify([status, text, others]))
    }
    expect(new Set(pages).size).toBe(1)
    expect(pages[0]).toContain('There is no ticket here')
    expect(JSON.parse(pages[0] ?? '')[0]).toBe(404)
    expect((await call('GET', '/t/x')).body.code).toBe('not_found')
  })

  it('says of a saved copy when it was made', async () => {
    const { text } = await open((await one(event)).url, 'en', '?saved')
    expect(text).toContain('Saved copy from')
    expect(text).toContain('data:image')
  })

  it('gives the event to a calendar, and nothing of the ticket', async () => {
    const named = await newEvent({ title: 'One, two; three\\ 🎟️ '.repeat(6), location: 'Hall\n7' })
    const ticket = await one(named)
    const { text, headers } = await call('GET', `${ticket.url}/event.ics`)
    expect(headers.get('Content-Type')).toBe('text/calendar; charset=utf-8')
    for (const line of text.split('\r\n')) expect(new TextEncoder().encode(line).length).toBeLessThanOrEqual(75)
    const unfolded = text.replaceAll('\r\n ', '')
    expect(unfolded).toContain('SUMMARY:One\\, two\\; three\\\\ 🎟️')
    expect(unfolded).toContain('LOCATION:Hall\\n7')
    expect(unfolded).not.toContain(ticket.url.split('/').at(-1))
    expect(unfolded).not.toContain('Ada')
  })

  it.each([
    '<script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    "'><svg onload=alert(1)>",
    '</style><script>alert(1)</script>',
    '<bdi onclick=alert(1)>',
    '{{constructor.constructor("alert(1)")()}}',
    '\u202Etest\u202E',
    'javascript:alert(1)',
    '&lt;script&gt;',
    '{seconds}{time}',
  ])('shows the name %s as it is written', async (name) => {
    const { text } = await open((await one(event, { holder: { name } })).url)
    const shown = /<dt>Name<\/dt><dd class="[^"]*"><bdi>([\s\S]*?)<\/bdi>/.exec(text)?.[1]
    expect(shown).toBe(escaped(name))
  })
})

function escaped(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? '')
}

describe('rotating codes', () => {
  it('are told with how long each is good, and kept nowhere', async () => {
    const { url } = await one(rotating)
    const { body, headers } = await call('GET', `${url}/code`)
    const { svg, validUntil, nextAt, serverTime } = body.data
    expect(svg).toMatch(/^data:image\/svg\+xml;base64,/)
    expect(headers.get('Cache-Control')).toBe('private, no-store')
    const left = Date.parse(validUntil) - Date.parse(serverTime)
    expect(left).toBeGreaterThan(15_000 - 1)
    expect(left).toBeLessThanOrEqual(30_000)
    expect(Date.parse(nextAt) - Date.parse(serverTime)).toBeLessThanOrEqual(15_000)
    expect(Date.parse(validUntil) - Date.parse(nextAt)).toBe(15_000)
  })

  it('come by themselves where no script runs', async () => {
    const { text } = await open((await one(rotating)).url)
    expect(text).toMatch(/<noscript><meta http-equiv="refresh" content="([1-9]|1[0-5])"><\/noscript>/)
  })

  it('are in no saved copy, and on no paper', async () => {
    const { url } = await one(rotating)
    expect((await open(url, 'en', '?saved')).text).not.toContain('data:image')
    expect((await open(url)).text).toContain('cannot be printed')
  })

  it('admit while they are good; the picture of an old one does not', async () => {
    const { token } = await newDevice(rotating)
    const { url } = await one(rotating)
    const old = await scan(token, await codeAt(rotating, url, Date.now() - 120_000))
    expect([old.status, old.body.code]).toEqual([400, 'too_late'])
    expect(Date.parse(old.body.data.validUntil)).toBeLessThan(Date.now() - 80_000)
    const early = await scan(token, await codeAt(rotating, url, Date.now() + 120_000))
    expect([early.status, early.body.code]).toEqual([400, 'too_early'])
    expect((await scan(token, await codeAt(rotating, url, Date.now()))).body.verdict).toBe('admitted')
    expect((await scan(token, await codeAt(rotating, url, Date.now()))).body.code).toBe('already_admitted')
  })

  it('make a code without an end worthless, but for going out', async () => {
    const { token } = await newDevice(rotating)
    const { url } = await one(rotating)
    const turned = await call('PATCH', rotating.path, { as: rotating.key, body: { policy: { rotatingCodes: false } } })
    expect(turned.status).toBe(200)
    const printed = await codeAt(rotating, url, Date.now())
    await call('PATCH', rotating.path, { as: rotating.key, body: { policy: { rotatingCodes: true } } })
    const refused = await scan(token, printed)
    expect([refused.status, refused.body.code]).toEqual([400, 'too_late'])
    expect((await scan(token, printed, { gateId: 'GATE-X' })).body.verdict).toBe('exited')
  })

  it('never outlive the ticket itself', async () => {
    const { token } = await newDevice(rotating)
    const early = await one(rotating, { validFrom: '2098-01-01T00:00:00Z' })
    const late = await one(rotating, { validUntil: '2020-01-01T00:00:00Z' })
    expect((await scan(token, await codeAt(rotating, early.url, Date.now()))).body.code).toBe('too_early')
    expect((await scan(token, await codeAt(rotating, late.url, Date.now()))).body.code).toBe('too_late')
  })

  it('are in its images and in the answer to a sale too, and in no cache', async () => {
    const { token } = await newDevice(rotating)
    const ticket = await one(rotating)
    for (const url of [ticket.qr.svg, ticket.qr.png]) {
      const image = await call('GET', url)
      expect([image.status, image.headers.get('Cache-Control'), image.headers.get('X-Cache')]).toEqual([
        200,
        'private, no-store',
        'MISS',
      ])
      expect(image.headers.get('ETag')).toBeNull()
    }
    const { body } = await call('GET', `${rotating.path}/tickets/${ticket.id}/qr`, { as: rotating.key })
    expect((await scan(token, body.qr_token)).body.verdict).toBe('admitted')
    const walkIn = { type: 'standard', payment: { method: 'free' }, gateId: 'GATE-A', scanId: crypto.randomUUID() }
    const sold = await call('POST', '/api/hp-scanner/walk-in', { as: token, body: { ...walkIn, admit: false } })
    expect((await scan(token, sold.body.data.qr.token)).body.verdict).toBe('admitted')
  })

  it('change nothing where the event has none: its codes are the same for ever', async () => {
    const { url } = await one(event)
    const { body } = await call('GET', `${url}/code`)
    expect([body.data.validUntil, body.data.nextAt]).toEqual([null, null])
    expect(await codeAt(event, url, 0)).toBe(await codeAt(event, url, Date.now()))
  })
})
