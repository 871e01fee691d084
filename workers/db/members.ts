import { and, asc, eq, gt } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/d1'
import type { OrganisationId } from '../../core/ids.ts'
import type { OrganisationRole, Page } from './directory.ts'
import { member, organisation } from './schema.ts'

/*
 * Who belongs to an organisation, by the address that Cloudflare Access vouches for. Addresses are stored folded.
 */

export type Member = { id: string; email: string; role: OrganisationRole; createdAt: number }

/** An organisation that somebody belongs to. */
export type Membership = {
  id: string
  email: string
  role: OrganisationRole
  organisationId: OrganisationId
  organisationName: string
}

/** Makes somebody a member, or gives the member that has this address another role. */
export async function putMember(db: D1Database, organisationId: OrganisationId, made: Member): Promise<Member> {
  const { id, email, role, createdAt } = member
  const rows = await drizzle(db)
    .insert(member)
    .values({ ...made, organisation: organisationId })
    .onConflictDoUpdate({ target: [member.email, member.organisation], set: { role: made.role } })
    .returning({ id, email, role, createdAt })
  return rows[0] ?? made
}

/** Members of an organisation in the order they were made. One more than `limit` is asked for. */
export function listMembers(db: D1Database, organisationId: OrganisationId, { limit, cursor }: Page) {
  const { id, email, role, createdAt } = member
  return drizzle(db)
    .select({ id, email, role, createdAt })
    .from(member)
    .where(and(eq(member.organisation, organisationId), cursor ? gt(id, cursor) : undefined))
    .orderBy(asc(id))
    .limit(limit + 1)
}

/** Whether there was such a member. */
export async function removeMember(db: D1Database, organisationId: OrganisationId, id: string): Promise<boolean> {
  const rows = await drizzle(db)
    .delete(member)
    .where(and(eq(member.id, id), eq(member.organisation, organisationId)))
    .returning({ id: member.id })
  return rows.length > 0
}

/** What an address is a member of, the organisation that it was made a member of first at the head; at most 50. */
export async function membershipsOf(db: D1Database, email: string): Promise<Membership[]> {
  const rows = await memberships(db).where(eq(member.email, email)).orderBy(asc(member.id)).limit(50)
  return rows as Membership[]
}

export async function findMembership(db: D1Database, id: string): Promise<Membership | null> {
  const rows = await memberships(db).where(eq(member.id, id))
  return (rows[0] as Membership | undefined) ?? null
}

function memberships(db: D1Database) {
  return drizzle(db)
    .select({
      id: member.id,
      email: member.email,
      role: member.role,
      organisationId: member.organisation,
      organisationName: organisation.name,
    })
    .from(member)
    .innerJoin(organisation, eq(organisation.id, member.organisation))
}
