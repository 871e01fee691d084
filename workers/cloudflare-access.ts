import { createRemoteJWKSet, customFetch, errors, type JWTVerifyGetKey, jwtVerify } from 'jose'

/** What says whose word is taken for who somebody is; where either is empty, nobody's is. */
export type AccessSettings = {
  /** The team's domain at Cloudflare Access, such as `the-organisers.cloudflareaccess.com`. */
  ACCESS_TEAM_DOMAIN: string
  /** The audience tags of the Access applications that stand before this Worker, with commas between them. */
  ACCESS_AUD: string
}

/** Somebody whom Access has signed in. `expiresAt`, in milliseconds since 1970, is when it would ask them again. */
export type AccessIdentity = { email: string; expiresAt: number }

/** The keys of the team could not be fetched: who it is is not known now, and may be asked again. */
export class AccessUnavailable extends Error {}

const HEADER = 'Cf-Access-Jwt-Assertion'
const LONGEST_ASSERTION = 16_384
const LARGEST_KEY_SET = 65_536
/** Access and we do not look at the same clock. */
const SKEW = '10s'

export function isAccessConfigured({ ACCESS_TEAM_DOMAIN, ACCESS_AUD }: AccessSettings): boolean {
  return Boolean(ACCESS_TEAM_DOMAIN && ACCESS_AUD)
}

/**
 * Takes a request; gives whom Cloudflare Access says that it comes from, or null where it says nothing that can be
 * believed: no assertion, not for us, too old, not signed by the team. The header alone counts, since Access takes it away
 * from whatever comes past it; the cookie of the same content is the browser's to send anywhere.
 */
export async function readAccess(
  settings: AccessSettings,
  request: Request,
  at: number,
): Promise<AccessIdentity | null> {
  const assertion = request.headers.get(HEADER)
  if (!assertion || assertion.length > LONGEST_ASSERTION || !isAccessConfigured(settings)) return null
  const team = teamUrl(settings.ACCESS_TEAM_DOMAIN)
  try {
    const { payload } = await jwtVerify(assertion, keysOf(team), {
      algorithms: ['RS256'],
      issuer: team,
      audience: settings.ACCESS_AUD.split(',').map((tag) => tag.trim()),
      requiredClaims: ['exp', 'iat', 'email'],
      clockTolerance: SKEW,
      currentDate: new Date(at),
    })
    const { email, exp } = payload
    // A service token of Access has no address, and so is nobody here.
    if (typeof email !== 'string' || !email.includes('@') || exp === undefined) return null
    return { email: foldEmail(email), expiresAt: exp * 1000 }
  } catch (error) {
    // jose throws for whatever is not a good token, and for keys that are none.
    if (error instanceof errors.JOSEError && !aboutTheKeys.includes(error.code)) return null
    throw error instanceof errors.JOSEError ? new AccessUnavailable() : error
  }
}

/**
 * Takes an address; gives it as it is compared. Only the letters of ASCII lose their case: folding all of Unicode would
 * make one address of two, such as the one with the sign for kelvin in place of a k.
 */
export function foldEmail(email: string): string {
  return email.trim().replace(/[A-Z]/g, (letter) => letter.toLowerCase())
}

const aboutTheKeys: readonly string[] = [errors.JWKSInvalid.code, errors.JWKSTimeout.code, errors.JOSEError.code]

/** Plain http is for a test on this computer, and for nobody else. */
function teamUrl(domain: string): string {
  return /^http:\/\/127\.0\.0\.1:\d+$/.test(domain) ? domain : `https://${domain.replace(/^https:\/\/|\/+$/g, '')}`
}

const kept = new Map<string, JWTVerifyGetKey>()

/** The team's keys, kept for ten minutes; one that is not among them has them fetched anew, twice a minute at most. */
function keysOf(team: string): JWTVerifyGetKey {
  const known = kept.get(team)
  if (known) return known
  const keys = createRemoteJWKSet(new URL('/cdn-cgi/access/certs', team), {
    timeoutDuration: 3000,
    cooldownDuration: 30_000,
    cacheMaxAge: 600_000,
    [customFetch]: fetchSmall,
  })
  kept.set(team, keys)
  return keys
}

/** Fetches what is no larger than a set of keys can be. */
async function fetchSmall(url: string, init: RequestInit): Promise<Response> {
  try {
    const response = await fetch(url, init)
    if (response.status !== 200) throw new AccessUnavailable()
    const chunks: Uint8Array<ArrayBuffer>[] = []
    let length = 0
    for await (const chunk of response.body ?? []) {
      length += chunk.byteLength
      if (length > LARGEST_KEY_SET) throw new AccessUnavailable()
      chunks.push(chunk)
    }
    return new Response(new Blob(chunks), { status: 200 })
  } catch {
    // Nobody answers, not in time, or too much.
    throw new AccessUnavailable()
  }
}
