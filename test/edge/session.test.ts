import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { admin, call, newEvent, newOrganisation, type Party } from './api.ts'

let event: Party
beforeAll(async () => {
  event = await newEvent()
})
afterEach(() => {
  vi.useRealTimers()
})

const signIn = (key: string) => call('POST', '/api/session', { body: { key } })
const cookieOf = (answer: Awaited<ReturnType<typeof signIn>>) =>
  (answer.headers.get('Set-Cookie') ?? '').split(';')[0] ?? ''
const ask = (cookie: string, headers: Record<string, string> = {}, method = 'GET', path = event.path, body?: unknown) =>
  call(method, path, { headers: { Cookie: cookie, ...headers }, ...(body ? { body } : {}) })
const rename = (cookie: string, headers: Record<string, string>) =>
  ask(cookie, headers, 'PATCH', event.path, { title: 'Renamed' })

describe('a session in a browser', () => {
  it('begins with a key and stands for it, in a cookie that no script and no other site can use', async () => {
    const answer = await signIn(event.key)
    expect(answer.body).toEqual({
      success: true,
      data: { role: 'organiser', organisation: { id: event.organisation.id, name: 'The Organisers' } },
    })
    const cookie = answer.headers.get('Set-Cookie') ?? ''
    for (const part of ['HttpOnly', 'Secure', 'SameSite=Strict', 'Path=/']) expect(cookie).toContain(part)
    expect(cookie).not.toContain(event.key)
    expect((await ask(cookieOf(answer))).body.data.event.id).toBe(event.id)
    expect((await ask(cookieOf(answer), {}, 'GET', '/api/session')).body.data.role).toBe('organiser')
  })

  it('may be of whoever deployed', async () => {
    const answer = await signIn(admin)
    expect(answer.body.data).toEqual({ role: 'admin', organisation: null })
    expect((await ask(cookieOf(answer))).status).toBe(200)
  })

  it('is not had with a key that is none', async () => {
    for (const key of ['a1_org_made_up', 'made up', 'x'.repeat(500)]) expect((await signIn(key)).status).toBe(401)
    expect((await signIn('')).status).toBe(400)
  })

  it('is over after twelve hours, and when it is signed out', async () => {
    const answer = await signIn(event.key)
    const out = await ask(cookieOf(answer), {}, 'DELETE', '/api/session')
    expect(out.headers.get('Set-Cookie')).toMatch(/^__Host-session=; .*Max-Age=0/)
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 12 * 3_600_000 + 1000 })
    expect((await ask(cookieOf(answer))).status).toBe(401)
  })

  it('is over at once when its key is revoked', async () => {
    const { id, key } = await newOrganisation()
    const made = await call('POST', `/api/organisations/${id}/keys`, {
      as: key,
      body: { name: 'laptop', role: 'organiser' },
    })
    const cookie = cookieOf(await signIn(made.body.data.key))
    const list = () => ask(cookie, {}, 'GET', `/api/organisations/${id}/keys`)
    expect((await list()).status).toBe(200)
    await call('DELETE', `/api/organisations/${id}/keys/${made.body.data.id}`, { as: key })
    expect((await list()).status).toBe(401)
  })

  it('changes nothing for a page of another site', async () => {
    const cookie = cookieOf(await signIn(event.key))
    const site = (name: string) => ({ 'Sec-Fetch-Site': name })
    expect((await rename(cookie, { Origin: 'https://evil.example' })).status).toBe(401)
    expect((await rename(cookie, { Origin: 'null' })).status).toBe(401)
    for (const name of ['cross-site', 'same-site']) expect((await rename(cookie, site(name))).status).toBe(401)
    expect((await ask(cookie, site('cross-site'))).status).toBe(401)
    expect((await rename(cookie, { Origin: 'https://admit.example', ...site('same-origin') })).status).toBe(200)
  })

  it('is not a token for anything else, and no other token is a session', async () => {
    const cookie = cookieOf(await signIn(event.key))
    const token = cookie.slice(cookie.indexOf('=') + 1)
    expect((await call('GET', event.path, { as: token })).status).toBe(401)
    const [head, body, signature = ''] = token.split('.')
    const forged = `${head}.${body}.${signature.slice(0, -2)}${signature.endsWith('AA') ? 'BB' : 'AA'}`
    expect((await ask(`__Host-session=${forged}`)).status).toBe(401)
    expect((await ask(`__Host-session=${event.key}`)).status).toBe(401)
  })
})
