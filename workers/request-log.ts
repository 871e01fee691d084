import { log, setLogLevel } from '../durable-objects/logging.ts'
import type { Caller } from './access.ts'
import type { Env } from './env.ts'

/** What is known of a request beside what it says itself. */
type RequestContext = {
  requestId: string
  startedAt: number
  /** The pattern that it was routed by. */
  route: string | null
  eventId: string | null
  caller: string | null
}

const contexts = new WeakMap<Request, RequestContext>()

/** A UUID, or a trace id in hex. Anything freer could hold a name or a key, which would then stand in every log. */
const requestIdShape = /^(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{16,64})$/i

/** The request's context, made when it is first asked for. */
export function contextOf(request: Request): RequestContext {
  const known = contexts.get(request)
  if (known) return known
  const given = request.headers.get('X-Request-Id') ?? ''
  const requestId = requestIdShape.test(given) ? given.toLowerCase() : crypto.randomUUID()
  const context = { requestId, startedAt: Date.now(), route: null, eventId: null, caller: null }
  contexts.set(request, context)
  return context
}

/** Notes who is asking, and about which event where the path does not say so. */
export function noteCaller(request: Request, caller: Caller | null, eventId: string | undefined): void {
  const context = contextOf(request)
  context.caller = caller && (caller.kind === 'organisation' ? caller.role : caller.kind)
  context.eventId = eventId ?? (caller?.kind === 'device' ? caller.eventId : null)
}

/** Says that a request was answered: one line, and one point where Analytics Engine is bound. */
export function logRequest(request: Request, env: Env, response: Response): void {
  const { requestId, startedAt, route, eventId, caller } = contextOf(request)
  const ms = Date.now() - startedAt
  const { method } = request
  const { status } = response
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
