import { beforeAll, describe, expect, it } from 'vitest'
import { admin, call, newEvent, newOrganisation, type Party } from './api.ts'

let event: Party
let path: string
beforeAll(async () => {
  event = await newEvent()
  path = `/api/organisations/${event.organisation.id}/members`
})

const put = (email: string, role: string, as = event.key) => call('POST', path, { as, body: { email, role } })
const list = async () => (await call('GET', path, { as: event.key })).body.data.items

describe('the members of an organisation', () => {
  it('are listed with their roles, one to an address', async () => {
    const made = await put('Olga@Organisers.example', 'viewer')
    expect(made.status).toBe(201)
    const again = await put('olga@organisers.EXAMPLE', 'organiser')
    expect(again.status).toBe(200)
    expect(again.body.data.member.id).toBe(made.body.data.member.id)
    expect(await list()).toEqual([
      {
        id: made.body.data.member.id,
        email: 'olga@organisers.example',
        role: 'organiser',
        createdAt: expect.stringMatching(/Z$/),
      },
    ])
  })

  it('go as soon as they are taken out', async () => {
    const { body } = await put('otto@organisers.example', 'supervisor')
    const take = () => call('DELETE', `${path}/${body.data.member.id}`, { as: event.key })
    expect((await take()).status).toBe(200)
    expect((await take()).status).toBe(404)
    expect((await list()).map(({ email }: { email: string }) => email)).not.toContain('otto@organisers.example')
  })

  it('are nobody else’s to see or to make', async () => {
    const other = await newOrganisation()
    const viewer = await call('POST', `/api/organisations/${event.organisation.id}/keys`, {
      as: event.key,
      body: { name: 'screen', role: 'viewer' },
    })
    for (const key of [other.key, viewer.body.data.key]) {
      const status = key === other.key ? 404 : 403
      expect((await put('mallory@evil.example', 'organiser', key)).status).toBe(status)
      expect((await call('GET', path, { as: key })).status).toBe(status)
    }
    expect((await put('not an address', 'viewer')).body.data.issues).toMatchObject([{ field: 'email' }])
    expect((await put('o@x.example', 'admin')).body.data.issues).toMatchObject([{ field: 'role' }])
  })
})

describe('what looks like Cloudflare Access where it is not set up', () => {
  it('signs nobody in', async () => {
    const headers = { 'Cf-Access-Jwt-Assertion': 'eyJhbGciOiJub25lIn0.eyJlbWFpbCI6Im9sZ2FAeC5leGFtcGxlIn0.' }
    expect((await call('GET', '/api/session', { headers })).status).toBe(401)
    expect((await call('POST', '/api/session', { headers, body: {} })).body.data.issues).toMatchObject([
      { field: 'key' },
    ])
  })
})

describe('the list of organisations', () => {
  it('is for whoever deployed, page by page', async () => {
    expect((await call('GET', '/api/organisations', { as: event.key })).status).toBe(403)
    const seen: string[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { body } = await call('GET', `/api/organisations?limit=1${cursor && `&cursor=${cursor}`}`, { as: admin })
      expect(body.data.items).toHaveLength(1)
      seen.push(body.data.items[0].id)
      cursor = body.data.nextCursor
    }
    expect(seen).toContain(event.organisation.id)
    expect(new Set(seen).size).toBe(seen.length)
  })
})
