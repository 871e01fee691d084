import { z } from 'zod'
import { type OrganisationId, uuidAt } from '../../core/ids.ts'
import { NewMember, Page } from '../../core/organiser-messages.ts'
import { foldEmail } from '../cloudflare-access.ts'
import { hasOrganisation } from '../db/directory.ts'
import { listMembers, type Member, putMember, removeMember } from '../db/members.ts'
import { told } from '../doing.ts'
import { dropSockets } from '../drop-sockets.ts'
import { problemResponse } from '../problems.ts'
import { route, success } from '../route.ts'
import { iso, listOf, page } from '../shapes.ts'

const tag = 'Organisations'
const memberShape = z.object({ id: z.string(), email: z.string(), role: z.string(), createdAt: z.iso.datetime() })

/** Who may sign in through Cloudflare Access. An address is in no path: paths are logged. */
export const memberRoutes = [
  route({
    method: 'post',
    path: '/api/organisations/{organisationId}/members',
    audit: 'member.put',
    summary: 'Let somebody sign in through Cloudflare Access, by their e-mail address; known already: another role',
    tag,
    role: 'organiser',
    body: NewMember,
    answer: z.object({ member: memberShape }),
    status: 201,
    async handle({ env, ctx, organisationId, body, at, doing }) {
      if (!(await hasOrganisation(env.DB, organisationId))) return problemResponse('not_found')
      const id = uuidAt<OrganisationId>(at, crypto.getRandomValues(new Uint8Array(16)))
      const wanted = { id, email: foldEmail(body.email), role: body.role, createdAt: at }
      const member = await putMember(env.DB, organisationId, wanted, told(doing))
      // What somebody listens to was opened with the role that they had.
      if (member.id !== id) ctx.waitUntil(dropSockets(env, organisationId, member.id, at))
      return success({ member: showMember(member) }, { status: member.id === id ? 201 : 200 })
    },
  }),

  route({
    method: 'get',
    path: '/api/organisations/{organisationId}/members',
    summary: 'List who may sign in through Cloudflare Access',
    tag,
    role: 'organiser',
    query: Page,
    answer: listOf(memberShape),
    async handle({ env, organisationId, query }) {
      const { items, nextCursor } = page(await listMembers(env.DB, organisationId, query), query.limit)
      return success({ items: items.map(showMember), nextCursor })
    },
  }),

  route({
    method: 'delete',
    path: '/api/organisations/{organisationId}/members/{memberId}',
    audit: 'member.removed',
    summary: 'Let a member sign in no more; their sessions end at once',
    tag,
    role: 'organiser',
    answer: z.object({ id: z.string() }),
    async handle({ env, ctx, organisationId, params, at, doing }) {
      const id = params.memberId ?? ''
      const isId = /^[0-9a-f-]{36}$/.test(id)
      if (!isId || !(await removeMember(env.DB, organisationId, id, told(doing), at)))
        return problemResponse('not_found')
      ctx.waitUntil(dropSockets(env, organisationId, id, at))
      return success({ id })
    },
  }),
]

function showMember({ createdAt, ...member }: Member): z.input<typeof memberShape> {
  return { ...member, createdAt: iso(createdAt) }
}
