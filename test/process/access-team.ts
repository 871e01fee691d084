import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'

export const audience = 'the audience tag of the console'

/** Cloudflare Access as the Worker sees it: a team with keys to fetch, and what it says of whoever came past it. */
export async function startAccessTeam() {
  let keys = [await newKey('first')]
  let fetched = 0
  let answer = (response: ServerResponse) => {
    response.setHeader('Content-Type', 'application/json')
    response.end(JSON.stringify({ keys: keys.map(({ jwk }) => jwk) }))
  }
  const server = createServer((request, response) => {
    if (request.url !== '/cdn-cgi/access/certs') {
      response.writeHead(404).end()
      return
    }
    fetched++
    answer(response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const settings = { ACCESS_TEAM_DOMAIN: url, ACCESS_AUD: `another application, ${audience}` }
  return {
    url,
    settings,
    get fetched() {
      return fetched
    },
    newKey,
    /** From now on it signs with another key, and says so where its keys are fetched. */
    rotate: async (kid: string) => {
      keys = [await newKey(kid), ...keys]
    },
    /** From now on whoever fetches the keys is answered so. */
    answerWith: (how: (response: ServerResponse) => void) => {
      answer = how
    },
    publicKey: () => keys[0]?.jwk as JWK,
    /** What Access says of somebody, with claims that are otherwise. An undefined one is left out. */
    assertion: (claims: Record<string, unknown> = {}, with_: { key?: Key; header?: Record<string, unknown> } = {}) => {
      const key = with_.key ?? (keys[0] as Key)
      const now = Math.floor(Date.now() / 1000)
      const payload = { iss: url, aud: [audience], sub: 'user-1', type: 'app', iat: now, nbf: now, exp: now + 3600 }
      return new SignJWT({ ...payload, email: 'olga@organisers.example', ...claims })
        .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: key.kid, ...with_.header })
        .sign(key.privateKey)
    },
    stop: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

type Key = Awaited<ReturnType<typeof newKey>>

async function newKey(kid: string) {
  const { publicKey, privateKey } = await generateKeyPair('RS256')
  return { kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: 'RS256', use: 'sig' } }
}
