import { z } from 'zod'
import { type Caller, holderOfKey } from '../access.ts'
import { findOrganisation } from '../db/directory.ts'
import { ringOf } from '../key-ring.ts'
import { problemResponse } from '../problems.ts'
import { type Call, route, success } from '../route.ts'
import { beginSession, endSession } from '../session.ts'

const tag = 'Sessions'

const whoShape = z.object({
  role: z.string(),
  organisation: z.object({ id: z.string(), name: z.string() }).nullable().describe('null for the deployment key'),
})

/** Signing in with a browser: the key is shown once and kept nowhere; a cookie that no script can read stands for it. */
export const sessionRoutes = [
  route({
    method: 'post',
    path: '/api/session',
    summary: 'Sign in with a key, for a browser',
    tag,
    role: null,
    body: z.object({ key: z.string().trim().min(1).max(500) }),
    answer: whoShape,
    async handle({ env, body, at }) {
      const holder = await holderOfKey(body.key, env, at)
      if (!holder) return problemResponse('unauthenticated')
      const answer = success(await who(env, holder.caller))
      answer.headers.set('Set-Cookie', await beginSession(ringOf(env), holder.session, at))
      return answer
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

async function who(env: Call<unknown, unknown>['env'], caller: Caller): Promise<z.input<typeof whoShape>> {
  const organisation = caller.kind === 'organisation' ? await findOrganisation(env.DB, caller.organisationId) : null
  return { role: caller.role, organisation }
}
