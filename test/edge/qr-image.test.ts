import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it } from 'vitest'
import { call, codeOf, issue, newEvent, type Party } from './api.ts'

let event: Party
beforeAll(async () => {
  event = await newEvent()
})

const one = async () => {
  const [ticket] = await issue(event, { holder: { name: '<b>Ada</b> & "Co"' } })
  if (!ticket) throw new Error('no ticket was issued')
  return ticket
}

describe('an image', () => {
  it('is rendered once, kept, and not sent again to whoever has it', async () => {
    const svg = `${(await one()).qr.svg}?size=400`
    const first = await call('GET', svg)
    expect([first.status, first.headers.get('Content-Type'), first.headers.get('X-Cache')]).toEqual([
      200,
      'image/svg+xml',
      'MISS',
    ])
    expect(first.headers.get('Cache-Control')).toMatch(/^private/)
    await expect.poll(async () => (await call('GET', svg)).headers.get('X-Cache')).toBe('HIT')
    expect((await call('GET', svg)).text).toBe(first.text)
    const again = await call('GET', svg, { headers: { 'If-None-Match': first.headers.get('ETag') ?? '' } })
    expect([again.status, again.text]).toEqual([304, ''])
  })

  it('is a PNG where one is asked for', async () => {
    const ticket = await one()
    const png = await call('GET', ticket.qr.png)
    expect([png.status, png.headers.get('Content-Type')]).toEqual([200, 'image/png'])
    expect(png.text).toContain('PNG')
  })

  it('is made anew for each option', async () => {
    const { svg } = (await one()).qr
    const texts = new Set<string>()
    for (const query of ['', '?size=500', '?margin=2', '?ecc=Q', '?dark=003366', '?light=%23eeeeee']) {
      const answer = await call('GET', svg + query)
      expect(answer.status, query).toBe(200)
      texts.add(answer.text)
    }
    expect(texts.size).toBe(6)
  })

  it.each(['size=10', 'size=99999', 'size=x', 'margin=0', 'margin=99', 'ecc=Z', 'dark=red', 'light=%23fff'])(
    'is refused with %s, and the field is named',
    async (query) => {
      const answer = await call('GET', `${(await one()).qr.png}?${query}`)
      expect([answer.status, answer.body.code]).toEqual([400, 'bad_request'])
      expect(answer.body.data.issues[0].field).toBe(query.split('=')[0])
    },
  )

  it('too small for the code says how large it must be', async () => {
    const answer = await call('GET', `${(await one()).qr.png}?size=64&margin=16`)
    expect(answer.status).toBe(400)
    expect(answer.body.data.issues[0].message).toMatch(/at least \d+ px/)
  })

  it('under a wrong link is not there, whatever the link looks like', async () => {
    const { svg } = (await one()).qr
    const ref = svg.split('/').at(-1)?.replace('.svg', '') ?? ''
    const wrong = [
      `${ref.slice(0, -1)}${ref.endsWith('A') ? 'B' : 'A'}`,
      ref.slice(1),
      `${ref}A`,
      'x',
      '%00',
      ref.toLowerCase(),
    ]
    for (const other of wrong) {
      const answer = await call('GET', `/qr/${other}.svg`)
      expect([answer.status, answer.body.code], other).toEqual([404, 'not_found'])
      expect((await call('GET', `/t/${other}`)).status).toBe(404)
    }
    expect((await call('GET', `/qr/${ref}.gif`)).status).toBe(404)
  })

  it('of a reissued ticket is the new one under the same link', async () => {
    const ticket = await one()
    const before = await call('GET', ticket.qr.svg)
    await call('POST', `${event.path}/tickets/${ticket.id}/reissue`, { as: event.key })
    const after = await call('GET', ticket.qr.svg, { headers: { 'If-None-Match': before.headers.get('ETag') ?? '' } })
    expect([after.status, after.headers.get('X-Cache')]).toEqual([200, 'MISS'])
    expect(after.text).not.toBe(before.text)
  })

  it('is not shown any more under a link that was made new', async () => {
    const ticket = await one()
    const body = { reason: 'the link was passed on', newLink: true }
    const reissued = await call('POST', `${event.path}/tickets/${ticket.id}/reissue`, { as: event.key, body })
    expect((await call('GET', ticket.qr.svg)).status).toBe(404)
    expect((await call('GET', reissued.body.data.ticket.qr.svg)).status).toBe(200)
  })

  it('names nobody in KV', async () => {
    const ticket = await one()
    await call('GET', ticket.qr.svg)
    await expect.poll(async () => (await env.QR_IMAGES.list()).keys.length).toBeGreaterThan(0)
    const { keys } = await env.QR_IMAGES.list()
    expect(JSON.stringify(keys)).not.toContain('Ada')
    expect(JSON.stringify(keys)).not.toContain(ticket.id)
  })
})

describe('the JSON form', () => {
  it('gives the code and its image as a data URI', async () => {
    const ticket = await one()
    const answer = await call('GET', `${event.path}/tickets/${ticket.id}/qr?format=png`, { as: event.key })
    expect(answer.body).toEqual({
      success: true,
      qr_token: await codeOf(event, ticket.id),
      qr_image: expect.stringMatching(/^data:image\/png;base64,iVBOR/),
      cached: false,
    })
  })
})

describe("the attendee's page", () => {
  it('shows the code and the holder, and runs nothing', async () => {
    const ticket = await one()
    const page = await call('GET', ticket.url)
    expect(page.status).toBe(200)
    expect(page.headers.get('Content-Security-Policy')).toContain("default-src 'none'")
    expect(page.headers.get('Referrer-Policy')).toBe('no-referrer')
    expect(page.text).toContain('&lt;b&gt;Ada&lt;/b&gt; &amp; &quot;Co&quot;')
    expect(page.text).not.toContain('<script')
    expect(page.text).toContain('data:image/svg+xml;base64,')
  })

  it('says so when the ticket was revoked', async () => {
    const ticket = await one()
    await call('POST', `${event.path}/tickets/${ticket.id}/revoke`, { as: event.key })
    expect((await call('GET', ticket.url)).text).toContain('This ticket was revoked')
  })
})

describe('the description', () => {
  it('names every route, and its page too', async () => {
    const { routes } = await import('../../workers/api.ts')
    const { body } = await call('GET', '/openapi.json')
    expect(body.openapi).toBe('3.1.0')
    for (const { path, method } of routes) expect(body.paths[path]?.[method], `${method} ${path}`).toBeDefined()
    const page = await call('GET', '/docs')
    for (const { path } of routes) expect(page.text).toContain(path)
  })

  it('says that all is well, and the version', async () => {
    const { body } = await call('GET', '/api/hp-scanner/health')
    expect(body).toEqual({
      success: true,
      status: 'operational',
      timestamp: expect.any(String),
      scanner: 'high-performance',
      version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
      components: { gatekeeper: 'operational', d1: 'operational', kv: 'operational' },
    })
  })
})
