import { z } from 'zod'
import { SignIn } from '../../core/organiser-messages.ts'
import { type Caller, holderOfKey, memberCaller } from '../access.ts'
import { readAccess } from '../cloudflare-access.ts'
import { findOrganisation } from '../db/directory.ts'
import { findMembership, membershipsOf } from '../db/members.ts'
import { ringOf } from '../key-ring.ts'
import { badRequestResponse, problemResponse } from '../problems.ts'
import { type Call, route, success } from '../route.ts'
import { beginSession, comesFromOurselves, endSession, type SessionHolder } from '../session.ts'
import { isShutOut, turnAway } from '../shield.ts'

const tag = 'Sessions'

const organisationShape = z.object({ id: z.string(), name: z.string() })

const whoShape = z.object({
  role: z.string(),
  organisation: organisationShape.nullable().describe('null for the deployment key'),
  member: z
    .object({ organisations: z.array(organisationShape).describe('all that have them as a member') })
    .optional()
    .describe('signed in through Cloudflare Access'),
})

/** Signing in with a browser: the key is shown once and kept nowhere; a cookie that no script can read stands for it. */
export const sessionRoutes = [
  route({
    method: 'post',
    path: '/api/session',
    audit: { because: 'signing in and out changes nothing that is stored; the request log has it' },
    summary: 'Sign in with a key, for a browser; behind Cloudflare Access without one, as a member of an organisation',
    tag,
    role: null,
    body: SignIn,
    answer: whoShape,
    async handle({ request, env, body, at }) {
      if (body.key == null) return signInByAccess(request, env, body.organisationId ?? null, at)
      const holder = await holderOfKey(body.key, env, at, isShutOut(request))
      if (!holder) return turnAway(request, env, problemResponse('unauthenticated'))
      return signedIn(env, await who(env, holder.caller), holder.session, at)
    },
  }),

  route({
    method: 'get',
    path: '/api/session',
    summary: 'Who is signed in',
    tag,
    role: 'viewer',
    answer: whoShape,
    async handle({ env, caller }) {
      return success(await who(env, caller))
    },
  }),

  route({
    method: 'delete',
    path: '/api/session',
    audit: { because: 'signing in and out changes nothing that is stored; the request log has it' },
    summary: 'Sign out',
    tag,
    role: null,
    async handle() {
      const answer = success(null)
      answer.headers.set('Set-Cookie', endSession)
      return answer
    },
  }),
]

type Bindings = Call<unknown, unknown>['env']
type Who = z.input<typeof whoShape>

/** Signs in whom Access vouches for, to one of the organisations that have them as a member. */
async function signInByAccess(request: Request, env: Bindings, wanted: string | null, at: number): Promise<Response> {
  const identity = comesFromOurselves(request) ? await readAccess(env, request, at) : null
  if (!identity) return badRequestResponse([{ field: 'key', message: 'is required' }])
  const memberships = await membershipsOf(env.DB, identity.email)
  const chosen = wanted === null ? memberships[0] : memberships.find(({ organisationId }) => organisationId === wanted)
  if (!chosen) return problemResponse('not_a_member')
  const session = { kind: 'member' as const, memberId: chosen.id, until: identity.expiresAt }
  return signedIn(env, await who(env, memberCaller(chosen, identity.expiresAt)), session, at)
}

async function signedIn(env: Bindings, data: Who, session: SessionHolder, at: number): Promise<Response> {
  const answer = success(data)
  answer.headers.set('Set-Cookie', await beginSession(ringOf(env), session, at))
  return answer
}

async function who(env: Bindings, caller: Caller): Promise<Who> {
  if (caller.kind !== 'organisation') return { role: caller.role, organisation: null }
  const organisation = await findOrganisation(env.DB, caller.organisationId)
  if (!caller.member) return { role: caller.role, organisation }
  const membership = await findMembership(env.DB, caller.member.id)
  const all = membership ? await membershipsOf(env.DB, membership.email) : []
  const organisations = all.map(({ organisationId, organisationName }) => ({
    id: organisationId,
    name: organisationName,
  }))
  return { role: caller.role, organisation, member: { organisations } }
}
