import type { z } from 'zod'
import type { AuditKind, Doing } from '../core/audit.ts'
import { type EventId, type OrganisationId, parseUuid } from '../core/ids.ts'
import type { LimitedCall } from '../core/limits.ts'
import type { Actor } from '../durable-objects/actor.ts'
import { actorOf, authorize, type Caller, identify, type Role } from './access.ts'
import { respond } from './answer.ts'
import { DEFAULT_MAX_BYTES, parse, parseBody } from './body.ts'
import { doingOf } from './doing.ts'
import type { Env } from './env.ts'
import { askGatekeeperAlone } from './gatekeepers.ts'
import { answerProblem, problemResponse } from './problems.ts'
import { noteCaller, type RequestContext } from './request-log.ts'

/** One call of the API: what it takes, who may make it, what it does, and what the description says of it. */
export type Route = {
  method: 'get' | 'post' | 'put' | 'patch' | 'delete'
  /** With `{name}` for parameters, as OpenAPI writes them. */
  path: string
  summary: string
  tag: string
  /** null: no credential is asked for. */
  role: Role | null
  body?: z.ZodType
  query?: z.ZodObject
  /** What comes back in `data`, or as the whole body where it stands outside the envelope. */
  answer?: z.ZodType
  status: number
  /** What the audit log is told of it; or why it is told nothing. */
  audit?: AuditKind | NotAudited
  handle: (
    request: Request,
    env: Env,
    ctx: ExecutionContext,
    params: Record<string, string>,
    context: RequestContext,
  ) => Promise<Response>
}

/** Why a call that changes something leaves no line in the audit log. */
export type NotAudited = { because: string }

/** What a handler gets: everything parsed, and a caller who may make this call. */
export type Call<B, Q> = {
  request: Request
  env: Env
  ctx: ExecutionContext
  params: Record<string, string>
  body: B
  query: Q
  caller: Caller
  /** The caller as the Gatekeeper sees it. */
  actor: Actor
  /** What the audit log is to say of this call, where it is to say anything. */
  doing: Doing | undefined
  /** The event or organisation that the path names; nobody else's gets this far. */
  eventId: EventId
  organisationId: OrganisationId
  /** Milliseconds since 1970. */
  at: number
  /** `https://host`, as it was asked. */
  origin: string
}

type Definition<B extends z.ZodType, Q extends z.ZodObject> = Described<B, Q> & Audited

/** Whatever changes something says what the audit log is told. One that only reads may: what is taken away is told, too. */
type Audited =
  | { method: 'get'; audit?: AuditKind }
  | { method: 'post' | 'put' | 'patch' | 'delete'; audit: AuditKind | NotAudited }

type Described<B extends z.ZodType, Q extends z.ZodObject> = {
  path: string
  summary: string
  tag: string
  role: Role | null
  body?: B
  /** A request may hold no body at all, which then counts as `{}`. */
  bodyOptional?: boolean
  maxBytes?: number
  query?: Q
  answer?: z.ZodType
  status?: number
  /** What a call of a device counts as. null: the handler's Gatekeeper call counts it, or nothing does. */
  limit?: LimitedCall | null
  handle: (call: Call<z.output<B>, z.output<Q>>) => Promise<Response>
}

const nobody: Caller = { kind: 'admin', role: 'admin' }

/** Makes a route: who is asking, may they, is it well-formed, and then the handler. */
export function route<B extends z.ZodType, Q extends z.ZodObject>(definition: Definition<B, Q>): Route {
  const { method, path, summary, tag, role, body, query, answer, status = 200 } = definition
  return {
    method,
    path,
    summary,
    tag,
    role,
    ...(body ? { body } : {}),
    ...(query ? { query } : {}),
    ...(answer ? { answer } : {}),
    status,
    ...(definition.audit ? { audit: definition.audit } : {}),
    handle: (request, env, ctx, params, context) => run(definition, request, env, ctx, params, context),
  }
}

async function run<B extends z.ZodType, Q extends z.ZodObject>(
  definition: Definition<B, Q>,
  request: Request,
  env: Env,
  ctx: ExecutionContext,
  params: Record<string, string>,
  context: RequestContext,
): Promise<Response> {
  const at = Date.now()
  const eventId = idOf<EventId>(params.eventId)
  const organisationId = idOf<OrganisationId>(params.organisationId)
  if (eventId === null || organisationId === null) return problemResponse('not_found')
  const caller = definition.role === null ? nobody : await identify(request, env, at)
  noteCaller(context, caller, eventId)
  if (definition.role !== null) {
    const no = await authorize(request, env, caller, { role: definition.role, eventId, organisationId })
    if (no) return no
  }
  const { audit } = definition
  const doing =
    typeof audit === 'string' ? doingOf(audit, definition.role === null ? null : caller, request, context) : undefined
  const actor = { ...actorOf(caller ?? nobody, request), ...(doing ? { doing } : {}) }
  const limit = definition.limit === undefined ? 'call' : definition.limit
  if (caller?.kind === 'device' && limit !== null) {
    const spent = await askGatekeeperAlone(env, caller.eventId, (gatekeeper) => gatekeeper.spend(actor, limit, at))
    if (!spent.ok) return answerProblem(spent.problem)
  }
  const bodyResult = await readBody(definition, request)
  if (!bodyResult.ok) return bodyResult.response
  const queryResult = definition.query
    ? parse(definition.query, Object.fromEntries(new URL(request.url).searchParams))
    : empty
  if (!queryResult.ok) return queryResult.response
  if (definition.method === 'get' && doing && eventId !== undefined) {
    const noted = await askGatekeeperAlone(env, eventId, (gatekeeper) => gatekeeper.noteTaken(actor))
    if (!noted.ok) return answerProblem(noted.problem)
  }
  return definition.handle({
    request,
    env,
    ctx,
    params,
    body: bodyResult.value as z.output<B>,
    query: queryResult.value as z.output<Q>,
    caller: caller ?? nobody,
    actor,
    doing,
    // A route without the parameter does not read it.
    eventId: eventId as EventId,
    organisationId: organisationId as OrganisationId,
    at,
    // Most calls never ask for it.
    get origin() {
      return new URL(request.url).origin
    },
  })
}

const empty = { ok: true, value: {} } as const

async function readBody<B extends z.ZodType, Q extends z.ZodObject>(definition: Definition<B, Q>, request: Request) {
  if (!definition.body) return empty
  const hasNone = request.body === null || request.headers.get('Content-Length') === '0'
  if (definition.bodyOptional && hasNone) return parse(definition.body, {})
  return parseBody(request, definition.body, definition.maxBytes ?? DEFAULT_MAX_BYTES)
}

/** undefined: the path has no such parameter; null: it has one that is no id of ours. */
function idOf<T extends EventId | OrganisationId>(text: string | undefined): T | null | undefined {
  return text === undefined ? undefined : parseUuid<T>(text)
}

/** The envelope around what a call gives. */
export function success(data: unknown, options: { status?: number; message?: string } = {}): Response {
  const { status = 200, message } = options
  return respond({ status, body: { success: true, ...(message ? { message } : {}), data } })
}
