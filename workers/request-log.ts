import { log, setLogLevel } from '../durable-objects/logging.ts'
import type { Caller } from './access.ts'
import type { Env } from './env.ts'

/** What is known of a request beside what it says itself. */
export type RequestContext = {
  requestId: string
  startedAt: number
  /** The pattern that it was routed by. */
  route: string | null
  eventId: string | null
  caller: string | null
}

/** A UUID, or a trace id in hex. Anything freer could hold a name or a key, which would then stand in every log. */
const requestIdShape = /^(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{16,64})$/i

/** What the router hands on with each request. */
export type Routed = { Bindings: Env; Variables: { context: RequestContext } }

/**
 * Makes a request's context. It is handed on from there and not looked up by the request: an object of the runtime that was
 * a key of a WeakMap once is left to the full collections of garbage, with everything behind it, and those stop the
 * thread for tens of milliseconds.
 */
export function newContext(request: Request): RequestContext {
  const given = request.headers.get('X-Request-Id') ?? ''
  const requestId = requestIdShape.test(given) ? given.toLowerCase() : crypto.randomUUID()
  return { requestId, startedAt: Date.now(), route: null, eventId: null, caller: null }
}

/** Notes who is asking, and about which event where the path does not say so. */
export function noteCaller(context: RequestContext, caller: Caller | null, eventId: string | undefined): void {
  context.caller = caller && (caller.kind === 'organisation' ? caller.role : caller.kind)
  context.eventId = eventId ?? (caller?.kind === 'device' ? caller.eventId : null)
}

/** Says that a request was answered: one line, and one point where Analytics Engine is bound. */
export function logRequest(context: RequestContext, method: string, env: Env, status: number): void {
  const { requestId, startedAt, route, eventId, caller } = context
  const ms = Date.now() - startedAt
  setLogLevel(env.LOG_LEVEL)
  log(status >= 500 ? 'warn' : 'info', 'request', {
    requestId,
    method,
    // What no route took is not ours to repeat.
    route: route ?? '(none)',
    status,
    ms,
    ...(eventId === null ? {} : { eventId }),
    ...(caller === null ? {} : { caller }),
  })
  env.ANALYTICS?.writeDataPoint({
    indexes: [eventId ?? ''],
    blobs: [method, route ?? '(none)', String(status), caller ?? ''],
    doubles: [ms, 1],
  })
}
