import { createExecutionContext } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it } from 'vitest'
import { app } from '../../workers/api.ts'
import { call, codeOf, issue, newDevice, newEvent, type Party } from './api.ts'

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

  it.each([
    ['dark=8a8a8a', 'dark', /contrast is 3\.45:1/],
    ['dark=ffffff&light=000000', 'dark', /inverted/],
    ['light=808080', 'light', /luminance/],
  ])('in colours that no scanner can read is refused with the reason: %s', async (query, field, message) => {
    const answer = await call('GET', `${(await one()).qr.svg}?${query}`)
    expect([answer.status, answer.body.code]).toEqual([400, 'bad_request'])
    expect(answer.body.data.issues).toEqual([{ field, message: expect.stringMatching(message) }])
  })

  it('is not sent again to whoever names its tag among others, weakly, or any', async () => {
    const { svg } = (await one()).qr
    const etag = (await call('GET', svg)).headers.get('ETag') ?? ''
    for (const has of [etag, `"other", ${etag}`, `W/${etag}`, '*']) {
      const again = await call('GET', svg, { headers: { 'If-None-Match': has } })
      expect([again.status, again.headers.get('ETag')], has).toEqual([304, etag])
    }
    expect((await call('GET', svg, { headers: { 'If-None-Match': '"other"' } })).status).toBe(200)
    // Another image of the same ticket has another tag.
    expect((await call('GET', `${svg}?margin=2`, { headers: { 'If-None-Match': etag } })).status).toBe(200)
  })

  it('answers HEAD as it does GET, without the image', async () => {
    const { png } = (await one()).qr
    const got = await call('GET', png)
    const head = await call('HEAD', png)
    expect([head.status, head.text, head.headers.get('ETag')]).toEqual([200, '', got.headers.get('ETag')])
    expect([head.headers.get('Content-Type'), head.headers.get('X-Cache')]).toEqual(['image/png', 'HIT'])
  })

  it('of a reissued ticket is the new one under the same link', async () => {
    const ticket = await one()
    const before = await call('GET', ticket.qr.svg)
    await call('POST', `${event.path}/tickets/${ticket.id}/reissue`, { as: event.key })
    const after = await call('GET', ticket.qr.svg, { headers: { 'If-None-Match': before.headers.get('ETag') ?? '' } })
    expect([after.status, after.headers.get('X-Cache')]).toEqual([200, 'MISS'])
    expect(after.text).not.toBe(before.text)
  })

  it('threat 25: of a reissued ticket is never the old one again, though both caches still hold it', async () => {
    const ticket = await one()
    const seen: string[] = []
    for (let time = 0; time < 5; time++) {
      const [{ text }, again] = [await call('GET', ticket.qr.svg), await call('GET', ticket.qr.svg)]
      expect([again.headers.get('X-Cache'), again.text]).toEqual(['HIT', text])
      expect(seen).not.toContain(text)
      seen.push(text)
      await call('POST', `${event.path}/tickets/${ticket.id}/reissue`, { as: event.key })
    }
    expect(seen).not.toContain((await call('GET', ticket.qr.svg)).text)
  })

  it.each(['revoke', 'block'])(
    'stays what it was after %s: the door refuses it, and the page says so',
    async (action) => {
      const ticket = await one()
      const before = await call('GET', ticket.qr.svg)
      await call('POST', `${event.path}/tickets/${ticket.id}/${action}`, { as: event.key })
      expect((await call('GET', ticket.qr.svg)).text).toBe(before.text)
    },
  )

  it('threat 29: is drawn all the same where KV fails, be it at once, late or for ever', async () => {
    const down = () => {
      throw new Error('KV is down')
    }
    const rejecting = async () => down()
    const never = () => new Promise(() => {})
    for (const fail of [down, rejecting, never]) {
      const failing = { ...env, QR_IMAGES: { get: fail, put: fail, list: fail, delete: fail } }
      const ticket = await one()
      const request = new Request(`${ticket.qr.png}?size=400`)
      const context = createExecutionContext()
      const answer = await app.fetch(request, failing, context)
      expect([answer.status, answer.headers.get('X-Cache')]).toEqual([200, 'MISS'])
      expect((await answer.arrayBuffer()).byteLength).toBeGreaterThan(500)
    }
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

describe('the cache of an event', () => {
  const cache = (as = event.key) => call('GET', `${event.path}/qr-cache`, { as })
  const xCache = async (path: string) => (await call('GET', path)).headers.get('X-Cache')

  it('tells what it keeps, and how often it had what was asked for', async () => {
    const party = await newEvent()
    const path = `${party.path}/qr-cache`
    const empty = await call('GET', path, { as: party.key })
    expect(empty.body.data).toEqual({ cached: 0, hits: 0, misses: 0, hitRate: 0, bytes: 0, complete: true })
    const [ticket] = await issue(party, { holder: { name: 'Ada' } })
    // Issuing in the tests asks for the code once, which draws the SVG.
    for (const image of [ticket?.qr.svg, ticket?.qr.png, ticket?.qr.png]) await call('GET', image ?? '')
    await expect
      .poll(async () => (await call('GET', path, { as: party.key })).body.data)
      .toMatchObject({ cached: 2, hits: 2, misses: 2, hitRate: 0.5, complete: true })
    const { bytes } = (await call('GET', path, { as: party.key })).body.data
    const sizes = [await call('GET', ticket?.qr.svg ?? ''), await call('GET', ticket?.qr.png ?? '')]
    expect(bytes).toBeGreaterThan(sizes[0]?.text.length ?? 0)
  })

  it('of one ticket is cleared everywhere, and others are still kept in KV', async () => {
    const [a, b] = [await one(), await one()]
    for (const { qr } of [a, b]) await call('GET', qr.svg)
    await expect.poll(async () => (await cache()).body.data.cached).toBeGreaterThan(1)
    const cleared = await call('DELETE', `${event.path}/qr-cache/${a.id}`, { as: event.key })
    expect([cleared.status, cleared.body.data]).toEqual([200, { cleared: true }])
    expect([await xCache(a.qr.svg), await xCache(b.qr.svg)]).toEqual(['MISS', 'HIT'])
    expect(await xCache(a.qr.svg)).toBe('HIT')
  })

  it('is cleared as a whole, and begins anew', async () => {
    const ticket = await one()
    await call('GET', ticket.qr.svg)
    expect((await call('DELETE', `${event.path}/qr-cache`, { as: event.key })).body.data).toEqual({ cleared: true })
    expect((await cache()).body.data).toMatchObject({ cached: 0, hits: 0, misses: 0, bytes: 0 })
    expect([await xCache(ticket.qr.svg), await xCache(ticket.qr.svg)]).toEqual(['MISS', 'HIT'])
  })

  it("is nobody else's, and no scanner's", async () => {
    const other = await newEvent()
    const ticket = await one()
    for (const path of [`${event.path}/qr-cache`, `${event.path}/qr-cache/${ticket.id}`]) {
      expect((await call('DELETE', path, { as: other.key })).status).toBe(404)
      expect((await call('DELETE', path)).status).toBe(401)
    }
    const { token } = await newDevice(event)
    expect((await call('GET', `${event.path}/qr-cache`, { as: token })).status).toBe(403)
    expect((await call('DELETE', `${event.path}/qr-cache/nobody`, { as: event.key })).status).toBe(404)
  })

  it('is no 5xx and no lie where KV fails', async () => {
    const down = () => Promise.reject(new Error('KV is down'))
    const failing = { ...env, QR_IMAGES: { get: down, put: down, list: down, delete: down } }
    const headers = { Authorization: `Bearer ${event.key}` }
    const ask = (method: string, path: string) =>
      app.fetch(new Request(`https://admit.example${path}`, { method, headers }), failing, createExecutionContext())
    const ticket = await one()
    expect((await ask('DELETE', `${event.path}/qr-cache/${ticket.id}`)).status).toBe(200)
    expect((await ask('GET', `${event.path}/qr-cache`)).status).toBe(503)
  })
})

describe('a code that rotates', () => {
  it('is drawn each time and kept nowhere', async () => {
    const party = await newEvent({ policy: { rotatingCodes: true } })
    const [ticket] = await issue(party)
    for (let time = 0; time < 2; time++) {
      const { status, headers } = await call('GET', ticket?.qr.png ?? '', { headers: { 'If-None-Match': '*' } })
      expect([status, headers.get('X-Cache'), headers.get('ETag')]).toEqual([200, 'MISS', null])
      expect(headers.get('Cache-Control')).toBe('private, no-store')
    }
    expect((await call('GET', `${party.path}/qr-cache`, { as: party.key })).body.data.cached).toBe(0)
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
  it('shows the code and the holder, and runs nothing of theirs', async () => {
    const ticket = await one()
    const page = await call('GET', ticket.url)
    expect(page.status).toBe(200)
    expect(page.headers.get('Content-Security-Policy')).toContain("default-src 'none'")
    expect(page.headers.get('Referrer-Policy')).toBe('no-referrer')
    expect(page.text).toContain('&lt;b&gt;Ada&lt;/b&gt; &amp; &quot;Co&quot;')
    expect(page.text).not.toMatch(/<script(?! type="module" src="\/ticket.js"><\/script>)/)
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

  it('is matched by one regular expression, which no path of ours keeps Hono from', async () => {
    await call('GET', '/docs')
    expect(app.router.name).toContain('RegExpRouter')
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
