import { base64url, type JWTPayload, SignJWT } from 'jose'

/** One token that must be refused, and what is wrong with it. */
export type BadToken = { what: string; token: string }

type Json = Record<string, unknown>
type Header = { alg: string; typ: string; kid: string }

const encode = (json: unknown) => base64url.encode(typeof json === 'string' ? json : JSON.stringify(json))

/**
 * Takes a good staff token's key and claims; gives tokens that each differ from it in one thing, signed with the right key
 * wherever that is possible: what they are refused for is that one thing.
 */
export async function badTokens(
  key: Uint8Array,
  header: Header,
  claims: JWTPayload,
  good: string,
): Promise<BadToken[]> {
  const hmac = (hash: string) => crypto.subtle.importKey('raw', key, { name: 'HMAC', hash }, false, ['sign'])
  const [sha256, sha384, sha512] = [await hmac('SHA-256'), await hmac('SHA-384'), await hmac('SHA-512')]
  const sign = async (head: unknown, body: unknown, withKey = sha256) => {
    const text = `${encode(head)}.${encode(body)}`
    const signature = await crypto.subtle.sign('HMAC', withKey, new TextEncoder().encode(text))
    return `${text}.${base64url.encode(new Uint8Array(signature))}`
  }
  const bad: BadToken[] = []
  const add = (what: string, token: string) => bad.push({ what, token })
  const [goodHead = '', goodBody = '', goodSignature = ''] = good.split('.')

  for (const alg of ['none', 'None', 'NONE', 'nOnE', '']) {
    add(`alg ${alg || 'empty'}, no signature`, `${encode({ ...header, alg })}.${goodBody}.`)
    add(`alg ${alg || 'empty'}, the good signature`, `${encode({ ...header, alg })}.${goodBody}.${goodSignature}`)
    add(`alg ${alg || 'empty'}, signed`, await sign({ ...header, alg }, claims))
  }
  add('no signature', `${goodHead}.${goodBody}.`)
  add('two parts', `${goodHead}.${goodBody}`)
  add('alg HS384', await sign({ ...header, alg: 'HS384' }, claims, sha384))
  add('alg HS512', await sign({ ...header, alg: 'HS512' }, claims, sha512))
  add('alg HS256 said in small letters', await sign({ ...header, alg: 'hs256' }, claims))
  add('no alg', await sign({ ...header, alg: undefined }, claims))
  add('alg a list', await sign({ ...header, alg: ['HS256'] }, claims))

  const pair = (await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify'])) as CryptoKeyPair
  const jwk = { ...(await crypto.subtle.exportKey('jwk', pair.publicKey)) } as Json
  const own = new SignJWT(claims).setProtectedHeader({ ...header, alg: 'EdDSA', jwk })
  add('a key of its own in jwk, and signed with it', await own.sign(pair.privateKey))
  const symmetric = { kty: 'oct', k: base64url.encode('k'.repeat(32)) }
  const chosen = new SignJWT(claims).setProtectedHeader({ ...header, jwk: symmetric })
  add('a secret of its own in jwk, and signed with it', await chosen.sign(new TextEncoder().encode('k'.repeat(32))))
  const confused = new SignJWT(claims).setProtectedHeader(header)
  add('signed with a public key as the secret', await confused.sign(base64url.decode(String(jwk.x))))
  add('signed with nothing', await confused.sign(new Uint8Array(32)))

  for (const [name, value] of Object.entries({
    jwk: symmetric,
    jku: 'https://evil.example/keys.json',
    x5u: 'https://evil.example/cert.pem',
    x5c: ['MIIB'],
    x5t: 'AAAA',
    crit: ['exp'],
    b64: false,
    zip: 'DEF',
    enc: 'A256GCM',
    cty: 'JWT',
    extra: 1,
  })) {
    add(`${name} in its header`, await sign({ ...header, [name]: value }, claims))
  }
  add('crit and b64 together', await sign({ ...header, crit: ['b64'], b64: false }, claims))

  for (const kid of [
    'staff-2',
    'staff-0',
    'staff-01',
    'staff-1 ',
    'STAFF-1',
    '../staff-1',
    "' OR 1=1 --",
    '',
    1,
    null,
  ]) {
    add(`kid ${JSON.stringify(kid)}`, await sign({ ...header, kid }, claims))
  }
  add('no kid', await sign({ ...header, kid: undefined }, claims))
  for (const typ of ['JWT', 'session+jwt', 'live+jwt', 'application/staff+jwt', 'STAFF+JWT', undefined]) {
    add(`typ ${typ}`, await sign({ ...header, typ }, claims))
  }

  const { alg, typ, kid } = header
  add('its header in another order', await sign(`{"typ":"${typ}","alg":"${alg}","kid":"${kid}"}`, claims))
  add('its header with spaces', await sign(`{ "alg":"${alg}","typ":"${typ}","kid":"${kid}"}`, claims))
  add('alg said twice', await sign(`{"alg":"none","alg":"${alg}","typ":"${typ}","kid":"${kid}"}`, claims))
  add('alg said in escapes', await sign(`{"\\u0061lg":"${alg}","typ":"${typ}","kid":"${kid}"}`, claims))
  add('a header that is no object', await sign('"HS256"', claims))
  add('a header that is no JSON', await sign('{', claims))

  const at = Math.floor(Date.now() / 1000)
  const changes: [string, Json][] = [
    ['no exp', { exp: undefined }],
    ['exp a text', { exp: String(claims.exp) }],
    ['exp not a number', { exp: null }],
    ['exp over', { exp: at - 1 }],
    ['no iat', { iat: undefined }],
    ['iat to come', { iat: at + 3600 }],
    ['made longer ago than any is good for', { iat: at - 13 * 3600 }],
    ['not good yet', { nbf: at + 3600 }],
    ['no aud', { aud: undefined }],
    ['aud elsewhere', { aud: 'admit-one/console' }],
    ['no iss', { iss: undefined }],
    ['iss elsewhere', { iss: 'https://admit-one.example' }],
    ['no sub', { sub: undefined }],
    ['no device', { device: undefined }],
    ['device a list', { device: ['a', 'b'] }],
    ['no event', { event: undefined }],
    ['event that is none', { event: '*' }],
    ['no role', { role: undefined }],
    ['role of an organiser', { role: 'organiser' }],
    ['role of whoever deployed', { role: 'admin' }],
    ['role inherited', { role: undefined, ['__proto__']: { role: 'supervisor' } }],
  ]
  for (const [what, change] of changes) add(what, await sign(header, { ...claims, ...change }))
  const said = JSON.stringify(claims)
  add('role said twice', await sign(header, said.replace('{', '{"role":"supervisor",')))
  add('claims with spaces', await sign(header, said.replace('{', '{ ')))
  add('claims that are a list', await sign(header, `[${said}]`))
  add('claims that are no JSON', await sign(header, said.slice(1)))
  add('no claims', await sign(header, ''))
  add('claims of 10,000 characters', await sign(header, { ...claims, filler: 'x'.repeat(10_000) }))
  add(
    'claims nested 1,000 deep',
    await sign(header, said.replace('{', `{"deep":${'['.repeat(1000)}${']'.repeat(1000)},`)),
  )
  add('a good token inside', await sign({ ...header, cty: 'JWT' }, good))
  add('good claims, changed afterwards', `${goodHead}.${encode({ ...claims, role: 'supervisor' })}.${goodSignature}`)

  // The same bytes, spelled otherwise, would be the same token under another name.
  add('padded', `${good}=`)
  const last = good.at(-1) ?? ''
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  add('with a spare bit set', good.slice(0, -1) + alphabet[alphabet.indexOf(last) + 1])
  add('with a space in it', `${goodHead}. ${goodBody}.${goodSignature}`)
  add('with a tab in it', `${goodHead}.${goodBody}\t.${goodSignature}`)
  add(
    'in the other base64',
    good.includes('-') || good.includes('_') ? good.replaceAll('-', '+').replaceAll('_', '/') : `${good}+`,
  )
  add('four parts', `${good}.${goodSignature}`)
  add('five parts, as if it were encrypted', `${goodHead}..${goodBody}.${goodSignature}.AAAA`)
  add('only dots', '..')
  add('dots without end', '.'.repeat(1000))
  add('as JSON', JSON.stringify({ payload: goodBody, protected: goodHead, signature: goodSignature }))
  add('twice over', `${good},${good}`)
  return bad
}
