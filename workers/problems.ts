import type { Issue, Problem } from '../core/answers.ts'
import type { Role } from './access.ts'
import { type Answer, respond } from './answer.ts'

/** Everything that can be wrong with a request, in words and with its one HTTP status. */
const problems = {
  bad_request: [400, 'Bad request', 'The request is not what this call expects.'],
  too_large: [413, 'Too large', 'The request is larger than this call takes.'],
  unauthenticated: [401, 'Not signed in', 'This call needs a valid credential.'],
  device_signature_invalid: [
    401,
    'Not signed by the device',
    'This device signs its requests with a key of its own, and this one is not signed with it, or was sent before.',
  ],
  device_signature_stale: [
    401,
    'Signed at another time',
    'The time in the signature is too far from ours, which data.serverTime says. Sign again with that.',
  ],
  digest_mismatch: [400, 'Body changed', 'The body is not the one that Content-Digest is of.'],
  device_revoked: [401, 'Device revoked', 'This device may not scan at this event any more.'],
  role_required: [403, 'Not allowed', 'This call needs a higher role.'],
  not_a_member: [
    403,
    'Not a member',
    'Cloudflare Access knows who you are, but no organisation here has your address among its members.',
  ],
  device_mismatch: [403, 'Wrong device', 'The request names another device than the one that is signed in.'],
  device_token_invalid: [403, 'Device token invalid', 'The device token is not the current one of this device.'],
  not_found: [404, 'Not found', 'There is nothing here.'],
  unknown_gate: [404, 'Unknown gate', 'The event has no such gate.'],
  enrolment_unknown: [
    404,
    'Unknown enrolment code',
    'Nobody can enrol with this code. Check it, or ask for a new one.',
  ],
  enrolment_used: [410, 'Enrolment code used', 'This code was used or has expired. Ask for a new one.'],
  live_ticket_used: [401, 'Ticket used', 'This ticket opened a connection already, or is too old. Ask for another.'],
  forbidden_origin: [403, 'Another origin', 'Only pages of this origin may open a connection.'],
  upgrade_required: [426, 'Not a WebSocket', 'This call opens a WebSocket.'],
  scan_id_conflict: [409, 'Scan id used', 'This scanId was used for another scan.'],
  not_admitted: [409, 'Not an admission', 'This scan let nobody in, so there is nothing to take back.'],
  already_annulled: [409, 'Taken back already', 'This admission was taken back already.'],
  too_late_to_annul: [403, 'Too late', 'This admission can only be taken back by a supervisor now.'],
  device_blocked: [
    403,
    'Device blocked',
    'This device showed too many codes that were none. A supervisor can unblock it.',
  ],
  codes_rotate: [
    409,
    'Codes rotate',
    'The codes of this event change all the time, so they cannot be printed. Switch rotatingCodes off first.',
  ],
  rate_limited: [429, 'Too many requests', 'Wait a moment, then try again.'],
  internal: [500, 'Internal error', 'Something went wrong here. The same request may be sent again.'],
  unavailable: [503, 'Unavailable', 'The answer is not known yet. Send the same request again in a moment.'],
} as const satisfies Record<string, readonly [number, string, string]>

export type ProblemCode = keyof typeof problems

/** What is told beside a problem's own words, or in their place. */
type More = { data?: Record<string, unknown>; headers?: Record<string, string>; message?: string }

/** Takes a problem's code and what to tell beside it; gives the answer. */
export function problemAnswer(code: ProblemCode, more: More = {}): Answer {
  const [status, error, message] = problems[code]
  return {
    status,
    body: { success: false, error, code, message: more.message ?? message, ...(more.data ? { data: more.data } : {}) },
    headers: { ...(status === 503 ? { 'Retry-After': '1' } : {}), ...more.headers },
  }
}

export function problemResponse(code: ProblemCode, more: More = {}): Response {
  return respond(problemAnswer(code, more))
}

export function answerProblem(problem: Problem): Response {
  return respond(tellProblem(problem))
}

/** The answer to a problem that the Gatekeeper found. */
export function tellProblem(problem: Problem): Answer {
  switch (problem.code) {
    case 'bad_request':
      return badRequestAnswer(problem.issues)
    case 'unreadable_code':
    case 'formats_changed':
      throw new Error(`${problem.code} is answered where the code was scanned`)
    case 'rate_limited':
      return problemAnswer('rate_limited', {
        data: { retryAfterMs: problem.waitMs },
        headers: { 'Retry-After': String(Math.ceil(problem.waitMs / 1000)) },
      })
    case 'device_blocked':
      return problemAnswer('device_blocked', {
        data: { blockedUntil: new Date(problem.blockedUntil).toISOString() },
      })
    case 'supervisor_needed':
      return roleAnswer('supervisor')
    default:
      return problemAnswer(problem.code)
  }
}

export function badRequestResponse(issues: Issue[]): Response {
  return respond(badRequestAnswer(issues))
}

export function badRequestAnswer(issues: Issue[]): Answer {
  return problemAnswer('bad_request', { data: { issues }, message: sentenceOf(issues) })
}

export function roleRequired(required: Role): Response {
  return respond(roleAnswer(required))
}

export function roleAnswer(required: Role): Answer {
  return problemAnswer('role_required', { data: { required }, message: `This call needs the role ${required}.` })
}

function sentenceOf([first, ...others]: Issue[]): string {
  if (!first) return problems.bad_request[2]
  const more = others.length > 0 ? ` And ${others.length} more.` : ''
  return `${first.field || 'The request'} ${first.message}.${more}`
}
