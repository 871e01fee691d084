import type { Hostile } from './naughty.ts'

export type Answered = { status: number; headers: Record<string, string | string[] | undefined>; text: string }

/** Takes a request and what came of it; gives what must not be, or null where all is as the contract says. */
export function faultOf({ method }: Hostile, { status, headers, text }: Answered): string | null {
  if (status >= 500) return `answers ${status}`
  if (
    /\bat \w+ \(|SQLITE_|D1_ERROR|TypeError|RangeError|ReferenceError|SyntaxError|node_modules/.test(text) &&
    status >= 400
  ) {
    return 'says what goes on inside'
  }
  if (status < 400 || method === 'HEAD' || headers['content-type']?.includes('text/html')) return null
  const body = parsed(text)
  if (typeof body !== 'object' || body === null) return 'is refused without the envelope'
  const { success, error, code, message, data } = body as Record<string, unknown>
  const isEnvelope =
    success === false && [error, code, message].every((word) => typeof word === 'string' && word !== '')
  if (!isEnvelope) return 'is refused in another form than the envelope'
  return code === 'bad_request' && !areIssues((data as { issues?: unknown } | undefined)?.issues)
    ? 'is refused without saying what is wrong'
    : null
}

/** What is answered at the door, before anybody has looked at what a request brings. */
const atTheDoor = [
  'unauthenticated',
  'role_required',
  'not_found',
  'rate_limited',
  'device_revoked',
  'device_token_invalid',
  'device_mismatch',
]

/**
 * Whether a request came past the door, so that its query and body were read. Of something that is not there, it cannot
 * be told whether it was looked for; it counts as stopped.
 */
export function isHeard({ status, text }: Answered): boolean {
  if (status < 400) return true
  const code = (parsed(text) as { code?: unknown } | null)?.code
  return typeof code === 'string' && !atTheDoor.includes(code)
}

/** Whether a request was turned down before anything of it was done, so that nothing of it may be stored. */
export function isTurnedDown({ status, text }: Answered): boolean {
  const code = (parsed(text) as { code?: unknown } | null)?.code
  return (
    status >= 400 &&
    ['bad_request', 'too_large', 'unauthenticated', 'role_required', 'not_found'].includes(String(code))
  )
}

/** What the server had to say, but for workerd's two lines on each webhook whose address is nowhere, as it is meant to be. */
export function faultsNoted(stderr: string): string {
  return stderr.replace(/^.*failed to lookup address information.*\n(stack: .*\n?)?/gm, '').trim()
}

function areIssues(issues: unknown): boolean {
  return (
    Array.isArray(issues) &&
    issues.length > 0 &&
    issues.every(({ field, message }) => typeof field === 'string' && typeof message === 'string' && message !== '')
  )
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Whatever it is, it is no JSON.
    return null
  }
}
