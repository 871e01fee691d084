import { SignJWT, UnsecuredJWT } from 'jose'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { AccessUnavailable, foldEmail, readAccess } from '../../workers/cloudflare-access.ts'
import { audience, startAccessTeam } from '../process/access-team.ts'

let team: Awaited<ReturnType<typeof startAccessTeam>>
beforeEach(async () => {
  team = await startAccessTeam()
})
afterEach(() => {
  team.stop()
  vi.useRealTimers()
})

const read = (assertion: string | null, settings = team.settings) =>
  readAccess(
    settings,
    new Request('https://admit.example/api/session', {
      headers: assertion === null ? {} : { 'Cf-Access-Jwt-Assertion': assertion },
    }),
    Date.now(),
  )

describe('whom Cloudflare Access vouches for', () => {
  it('is known by their address, whatever the case of its letters, until Access would ask again', async () => {
    const exp = Math.floor(Date.now() / 1000) + 600
    const assertion = await team.assertion({ email: 'Olga@Organisers.EXAMPLE', exp })
    expect(await read(assertion)).toEqual({ email: 'olga@organisers.example', expiresAt: exp * 1000 })
  })

  it('is nobody where Access is not set up, or nothing is said', async () => {
    const assertion = await team.assertion()
    expect(await read(assertion, { ...team.settings, ACCESS_AUD: '' })).toBeNull()
    expect(await read(assertion, { ...team.settings, ACCESS_TEAM_DOMAIN: '' })).toBeNull()
    expect(await read(null)).toBeNull()
    expect(team.fetched).toBe(0)
  })

  it('is nobody where it is said of another team or application, is too old, or lacks what it must say', async () => {
    const now = Math.floor(Date.now() / 1000)
    for (const claims of [
      { iss: 'https://another.cloudflareaccess.com' },
      { iss: `${team.url}/` },
      { aud: ['another audience'] },
      { aud: undefined },
      { exp: now - 60 },
      { exp: undefined },
      { iat: undefined },
      { nbf: now + 600 },
      { email: undefined },
      { email: 'no address' },
      { email: ['olga@organisers.example'] },
    ]) {
      expect(await read(await team.assertion(claims)), JSON.stringify(claims)).toBeNull()
    }
  })

  it('is nobody where the team did not sign it, in whatever way that is attempted', async () => {
    const stranger = await team.newKey('first')
    const good = await team.assertion()
    const [header = '', body = '', signature = ''] = good.split('.')
    const claims = { iss: team.url, aud: audience, email: 'olga@organisers.example' }
    const modulus = new TextEncoder().encode(String(team.publicKey().n))
    const symmetric = new SignJWT(claims).setIssuedAt().setExpirationTime('1h')
    const attempts = {
      'another key under the same name': await team.assertion({}, { key: stranger }),
      'a key of its own in the header': await team.assertion({}, { key: stranger, header: { jwk: stranger.jwk } }),
      'a place to fetch another key from': await team.assertion(
        {},
        { key: stranger, header: { jku: 'https://evil.example' } },
      ),
      'no signature at all': new UnsecuredJWT(claims).setIssuedAt().setExpirationTime('1h').encode(),
      'the public key as a shared secret': await symmetric
        .setProtectedHeader({ alg: 'HS256', kid: 'first' })
        .sign(modulus),
      'a signature that was cut off': `${header}.${body}.`,
      'another body': `${header}.${btoa(JSON.stringify({ ...claims, exp: 9e9 })).replaceAll('=', '')}.${signature}`,
      rubbish: 'not.a.token',
      'far too much': `${good}${'A'.repeat(20_000)}`,
    }
    for (const [how, assertion] of Object.entries(attempts)) expect(await read(assertion), how).toBeNull()
    expect(await read(good)).not.toBeNull()
  })

  it('is known with the team’s next key too, and made-up keys do not have the keys fetched over and over', async () => {
    await read(await team.assertion())
    await team.rotate('second')
    const assertion = await team.assertion({ exp: Math.floor(Date.now() / 1000) + 7200 })
    for (let i = 0; i < 20; i++) expect(await read(assertion)).toBeNull()
    expect(team.fetched).toBe(1)
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 31_000 })
    expect(await read(assertion)).toMatchObject({ email: 'olga@organisers.example' })
    expect(team.fetched).toBe(2)
  })

  it('is not known for now, and not refused for ever, where the keys cannot be had', async () => {
    const assertion = await team.assertion()
    team.answerWith((response) => response.writeHead(500).end())
    await expect(read(assertion)).rejects.toThrow(AccessUnavailable)
    team.answerWith((response) => response.end('<html>'))
    await expect(read(assertion)).rejects.toThrow(AccessUnavailable)
    team.answerWith((response) => response.writeHead(302, { Location: 'https://evil.example' }).end())
    await expect(read(assertion)).rejects.toThrow(AccessUnavailable)
    team.answerWith((response) => response.end(JSON.stringify({ keys: [], more: 'x'.repeat(100_000) })))
    await expect(read(assertion)).rejects.toThrow(AccessUnavailable)
    team.answerWith(() => {})
    await expect(read(assertion)).rejects.toThrow(AccessUnavailable)
    team.stop()
    await expect(read(assertion)).rejects.toThrow(AccessUnavailable)
  })
})

describe('an address', () => {
  it('is not another one whose letters merely become the same', () => {
    expect(foldEmail(' OLGA@x.example')).toBe('olga@x.example')
    // The sign for kelvin, which the lower case of Unicode makes a k.
    expect(foldEmail('mi\u212Ae@x.example')).not.toBe('mike@x.example')
  })
})
