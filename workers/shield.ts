import type { Env } from './env.ts'
import { problemResponse } from './problems.ts'

/*
 * In front of everything else: whoever comes without a good credential is counted by address, and whoever has a ticket's
 * link by that link, with Cloudflare's Rate Limiting, which counts in each of its places on its own. It only keeps a flood
 * off what lies behind; what a device may do is counted exactly, in the Gatekeeper. Only the front of Cloudflare says
 * where a request comes from, so that a local start has no shield unless one says so.
 */

/** The first wait of who came too often, and the longest. */
const FIRST_WAIT_MS = 10_000
const LONGEST_WAIT_MS = 300_000
/** So many that came too often are remembered by an isolate. */
const REMEMBERED = 10_000

/** Who came too often, since when it is shut to them, and how many times that happened. */
const shut = new Map<string, { until: number; times: number }>()

/**
 * Takes the answer for somebody who has no business here: a wrong key, code or link. Gives it, or a 429 once there were too
 * many from this address. All wrong ones are counted together, so that nobody guesses at each in turn.
 */
export async function turnAway(request: Request, env: Env, answer: Response): Promise<Response> {
  return (await countStranger(request, env)) ?? answer
}

/** Counts what was wrong; gives a 429 once there was too much from this address. */
export async function countStranger(request: Request, env: Env): Promise<Response | null> {
  const name = strangerAt(request)
  return name === null ? null : countIn(env.STRANGERS, name, Date.now())
}

/** Whether too much that was wrong came from this address: what would have to be looked up is not, for a while. */
export function isShutOut(request: Request): boolean {
  const name = strangerAt(request)
  return name !== null && waitOf(name, Date.now()) > 0
}

/** Counts a call with a ticket's link, which is good; gives a 429 once there are too many. */
export async function countLink(request: Request, env: Env, ref: string): Promise<Response | null> {
  return request.headers.has('CF-Connecting-IP') ? countIn(env.LINKS, `link ${ref}`, Date.now()) : null
}

function strangerAt(request: Request): string | null {
  const address = request.headers.get('CF-Connecting-IP')
  return address === null ? null : `address ${address}`
}

async function countIn(limiter: RateLimit, name: string, at: number): Promise<Response | null> {
  const waitMs = waitOf(name, at)
  if (waitMs > 0) return tooMany(waitMs)
  const { success } = await limiter.limit({ key: name })
  return success ? null : tooMany(shutOut(name, at))
}

function waitOf(name: string, at: number): number {
  return Math.max(0, (shut.get(name)?.until ?? 0) - at)
}

/** Each time lasts twice as long as the one before, until as long a time was kept quiet. */
function shutOut(name: string, at: number): number {
  const before = shut.get(name)
  const times = before && at < before.until + LONGEST_WAIT_MS ? before.times + 1 : 1
  const waitMs = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (times - 1))
  shut.delete(name)
  shut.set(name, { until: at + waitMs, times })
  if (shut.size > REMEMBERED) shut.delete(shut.keys().next().value as string)
  return waitMs
}

function tooMany(waitMs: number): Response {
  return problemResponse('rate_limited', {
    data: { retryAfterMs: waitMs },
    headers: { 'Retry-After': String(Math.ceil(waitMs / 1000)) },
  })
}
