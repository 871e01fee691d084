import { and, asc, eq, gt } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/d1'
import { type Doing, differences } from '../../core/audit.ts'
import type { OrganisationId } from '../../core/ids.ts'
import { writeAudited } from './audit.ts'
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
export async function putMember(
  db: D1Database,
  organisationId: OrganisationId,
  made: Member,
  doing: Doing,
): Promise<Member> {
  const { id, email, role, createdAt } = member
  const isIt = and(eq(email, made.email), eq(member.organisation, organisationId))
  const [known] = await drizzle(db).select({ id, email, role, createdAt }).from(member).where(isIt)
  const now = known ? { ...known, role: made.role } : made
  const changes = differences(known && { role: known.role }, { role: now.role })
  if (changes.length === 0) return now
  const said = { subject: { kind: 'member', id: now.id }, changes }
  await writeAudited(db, organisationId, doing, said, made.createdAt, (orm) => [
    known
      ? orm.update(member).set({ role: now.role }).where(isIt)
      : orm.insert(member).values({ ...now, organisation: organisationId }),
  ])
  return now
}

/** The addresses of an organisation's members, by their ids. */
export async function memberNames(db: D1Database, organisationId: OrganisationId): Promise<Map<string, string>> {
  const { id, email } = member
  const rows = await drizzle(db).select({ id, email }).from(member).where(eq(member.organisation, organisationId))
  return new Map(rows.map((row) => [row.id, row.email]))
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
export async function removeMember(
  db: D1Database,
  organisationId: OrganisationId,
  id: string,
  doing: Doing,
  at: number,
): Promise<boolean> {
  const isIt = and(eq(member.id, id), eq(member.organisation, organisationId))
  const [known] = await drizzle(db).select({ role: member.role }).from(member).where(isIt)
  if (!known) return false
  const said = { subject: { kind: 'member', id }, changes: differences(known, { role: null }) }
  await writeAudited(db, organisationId, doing, said, at, (orm) => [orm.delete(member).where(isIt)])
  return true
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
