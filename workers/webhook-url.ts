/** Names that mean this computer or this house, wherever they are looked up. */
const privateEndings = [
  'localhost',
  'local',
  'internal',
  'intranet',
  'private',
  'lan',
  'home',
  'corp',
  'home.arpa',
  'onion',
]

/** Public names that answer with whatever address stands in them. */
const addressNames = ['nip.io', 'sslip.io', 'xip.io', 'localtest.me', 'lvh.me']

/**
 * Takes an address that an organiser wants to be told at, and our own host where it is known; gives null where it may be
 * used, or why not in words that follow the field's name. What a name resolves to cannot be seen from a Worker. In
 * production there is no private network around it, and the flag `global_fetch_strictly_public` in `wrangler.toml` has
 * even hosts of our own zone asked from outside, as anybody would.
 */
export function webhookUrlIssue(text: string, ownHost: string | null, allowLocal: boolean): string | null {
  if (!URL.canParse(text)) return 'must be a URL'
  const url = new URL(text)
  if (url.username !== '' || url.password !== '') return 'must hold no user name or password'
  if (url.hash !== '') return 'must have no part behind a #'
  if (allowLocal && isLoopback(url.hostname)) return null
  if (url.protocol !== 'https:') return 'must begin with https://'
  if (url.port !== '') return 'must use port 443'
  // The parser has written every spelling of an IPv4 address, 0x7f.1 as well as 2130706433, with four numbers.
  if (/^[\d.]+$/.test(url.hostname) || url.hostname.startsWith('[')) return 'must name a host, not an IP address'
  // A dot at the end is the same host in another spelling.
  const host = url.hostname.replace(/\.+$/, '')
  if (!host.includes('.')) return 'must be a public address'
  const isIn = (domain: string) => host === domain || host.endsWith(`.${domain}`)
  if ([...privateEndings, ...addressNames].some(isIn)) return 'must be a public address'
  if (ownHost !== null && isIn(ownHost.replace(/\.+$/, ''))) return 'must not be this server itself'
  return null
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(host)
}
