import { z } from 'zod'
import { type OrganisationId, uuidAt } from '../../core/ids.ts'
import { NewKey, NewOrganisation, Page } from '../../core/organiser-messages.ts'
import { addKey, addOrganisation, hasOrganisation, listKeys, listOrganisations, revokeKey } from '../db/directory.ts'
import { told } from '../doing.ts'
import { dropSockets } from '../drop-sockets.ts'
import { problemResponse } from '../problems.ts'
import { route, success } from '../route.ts'
import { hashSecret, newSecret } from '../secrets.ts'
import { iso, isoOrNull, listOf, page } from '../shapes.ts'

const tag = 'Organisations'
const keyShape = z.object({
  id: z.string(),
  name: z.string(),
  role: z.string(),
  createdAt: z.string(),
  expiresAt: z.string().nullable(),
  revokedAt: z.string().nullable(),
})

export const organisationRoutes = [
  route({
    method: 'post',
    path: '/api/organisations',
    audit: 'organisation.created',
    summary: 'Make an organisation and its first key, which is shown once',
    tag,
    role: 'admin',
    body: NewOrganisation,
    answer: z.object({ organisation: z.object({ id: z.string(), name: z.string() }), key: z.string() }),
    status: 201,
    async handle({ env, body, at, doing }) {
      const id = newId<OrganisationId>(at)
      const key = newSecret('a1_org_')
      await addOrganisation(env.DB, id, body.name, newKey(at, 'First key', 'organiser', key, null), told(doing))
      return success({ organisation: { id, name: body.name }, key }, { status: 201 })
    },
  }),

  route({
    method: 'get',
    path: '/api/organisations',
    summary: 'List the organisations',
    tag,
    role: 'admin',
    query: Page,
    answer: listOf(z.object({ id: z.string(), name: z.string(), createdAt: z.iso.datetime() })),
    async handle({ env, query }) {
      const { items, nextCursor } = page(await listOrganisations(env.DB, query), query.limit)
      return success({ items: items.map((one) => ({ ...one, createdAt: iso(one.createdAt) })), nextCursor })
    },
  }),

  route({
    method: 'post',
    path: '/api/organisations/{organisationId}/keys',
    audit: 'key.created',
    summary: 'Make another key, which is shown once',
    tag,
    role: 'organiser',
    body: NewKey,
    answer: z.object({ id: z.string(), key: z.string() }),
    status: 201,
    async handle({ env, organisationId, body, at, doing }) {
      if (!(await hasOrganisation(env.DB, organisationId))) return problemResponse('not_found')
      const key = newSecret('a1_org_')
      const row = newKey(at, body.name, body.role, key, body.expiresAt ?? null)
      await addKey(env.DB, organisationId, row, told(doing))
      return success({ id: row.id, key }, { status: 201 })
    },
  }),

  route({
    method: 'get',
    path: '/api/organisations/{organisationId}/keys',
    summary: 'List the keys, never the secrets',
    tag,
    role: 'organiser',
    query: Page,
    answer: listOf(keyShape),
    async handle({ env, organisationId, query }) {
      const { items, nextCursor } = page(await listKeys(env.DB, organisationId, query), query.limit)
      const shown = items.map((key) => ({
        ...key,
        createdAt: iso(key.createdAt),
        expiresAt: isoOrNull(key.expiresAt),
        revokedAt: isoOrNull(key.revokedAt),
      }))
      return success({ items: shown, nextCursor })
    },
  }),

  route({
    method: 'delete',
    path: '/api/organisations/{organisationId}/keys/{keyId}',
    audit: 'key.revoked',
    summary: 'Revoke a key',
    tag,
    role: 'organiser',
    answer: z.object({ id: z.string() }),
    async handle({ env, ctx, organisationId, params, at, doing }) {
      const id = params.keyId ?? ''
      const isId = /^[0-9a-f-]{36}$/.test(id)
      if (!isId || !(await revokeKey(env.DB, organisationId, id, at, told(doing)))) return problemResponse('not_found')
      ctx.waitUntil(dropSockets(env, organisationId, id, at))
      return success({ id })
    },
  }),
]

function newKey(at: number, name: string, role: NewKey['role'], key: string, expiresAt: number | null) {
  return { id: newId<OrganisationId>(at), name, role, hash: hashSecret(key), createdAt: at, expiresAt }
}

function newId<T extends OrganisationId>(at: number): T {
  return uuidAt<T>(at, crypto.getRandomValues(new Uint8Array(16)))
}
