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

/** Whether a request was turned down before anything of it was done, so that nothing of it may be stored. */
export function isTurnedDown({ status, text }: Answered): boolean {
  const code = (parsed(text) as { code?: unknown } | null)?.code
  return (
    status >= 400 &&
    ['bad_request', 'too_large', 'unauthenticated', 'role_required', 'not_found'].includes(String(code))
  )
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
