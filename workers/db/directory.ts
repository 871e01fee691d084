import { and, asc, desc, eq, gt, isNotNull, isNull, lt, or, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/d1'
import { type Doing, differences } from '../../core/audit.ts'
import type { EventId, OrganisationId } from '../../core/ids.ts'
import { writeAudited } from './audit.ts'
import { event, organisation, organisationKey, wrongCode } from './schema.ts'

/*
 * The directory in D1: organisations, their keys, and which events there are. Nothing here decides an entry.
 */

export type OrganisationRole = 'organiser' | 'supervisor' | 'viewer'
export type Page = { limit: number; cursor?: string | undefined }

type NewKey = {
  id: string
  name: string
  role: OrganisationRole
  hash: Uint8Array
  createdAt: number
  expiresAt: number | null
}

export async function addOrganisation(
  db: D1Database,
  id: OrganisationId,
  name: string,
  key: NewKey,
  doing: Doing,
): Promise<void> {
  const said = { subject: { kind: 'organisation', id }, changes: [{ field: 'firstKeyId', after: key.id }] }
  await writeAudited(db, id, doing, said, key.createdAt, (orm) => [
    orm.insert(organisation).values({ id, name, createdAt: key.createdAt }),
    orm.insert(organisationKey).values({ ...key, organisation: id }),
  ])
}

/** All organisations in the order they were made. One more than `limit` is asked for. */
export function listOrganisations(db: D1Database, { limit, cursor }: Page) {
  const { id, name, createdAt } = organisation
  return drizzle(db)
    .select({ id, name, createdAt })
    .from(organisation)
    .where(cursor ? gt(id, cursor) : undefined)
    .orderBy(asc(id))
    .limit(limit + 1)
}

export async function findOrganisation(db: D1Database, id: OrganisationId) {
  const rows = await drizzle(db)
    .select({ id: organisation.id, name: organisation.name })
    .from(organisation)
    .where(eq(organisation.id, id))
  return rows[0] ? { id: rows[0].id as string, name: rows[0].name } : null
}

export async function hasOrganisation(db: D1Database, id: OrganisationId): Promise<boolean> {
  const rows = await drizzle(db).select({ id: organisation.id }).from(organisation).where(eq(organisation.id, id))
  return rows.length > 0
}

export async function addKey(db: D1Database, organisationId: OrganisationId, key: NewKey, doing: Doing): Promise<void> {
  const { id, role, expiresAt } = key
  const said = { subject: { kind: 'key', id }, changes: differences({}, { role, expiresAt }) }
  await writeAudited(db, organisationId, doing, said, key.createdAt, (orm) => [
    orm.insert(organisationKey).values({ ...key, organisation: organisationId }),
  ])
}

/** Keys of an organisation in the order they were made, without their hashes. One more than `limit` is asked for. */
export function listKeys(db: D1Database, organisationId: OrganisationId, { limit, cursor }: Page) {
  const { id, name, role, createdAt, expiresAt, revokedAt } = organisationKey
  return drizzle(db)
    .select({ id, name, role, createdAt, expiresAt, revokedAt })
    .from(organisationKey)
    .where(and(eq(organisationKey.organisation, organisationId), cursor ? gt(id, cursor) : undefined))
    .orderBy(asc(id))
    .limit(limit + 1)
}

/** Whether there was such a key. One that is revoked already stays as it is. */
export async function revokeKey(db: D1Database, organisationId: OrganisationId, id: string, at: number, doing: Doing) {
  const isIt = and(eq(organisationKey.id, id), eq(organisationKey.organisation, organisationId))
  const { revokedAt } = organisationKey
  const [known] = await drizzle(db).select({ revokedAt }).from(organisationKey).where(isIt)
  if (known?.revokedAt === null) {
    await writeAudited(db, organisationId, doing, { subject: { kind: 'key', id }, changes: [] }, at, (orm) => [
      orm.update(organisationKey).set({ revokedAt: at }).where(isIt),
    ])
  }
  return known !== undefined
}

/** What the organisation's keys are called, by their ids. */
export async function keyNames(db: D1Database, organisationId: OrganisationId): Promise<Map<string, string>> {
  const { id, name } = organisationKey
  const rows = await drizzle(db)
    .select({ id, name })
    .from(organisationKey)
    .where(eq(organisationKey.organisation, organisationId))
  return new Map(rows.map((row) => [row.id as string, row.name]))
}

/** Whose key this is, by its SHA-256 or its id, if it is good at this time. */
export async function findKey(db: D1Database, by: { hash: Uint8Array } | { id: string }, at: number) {
  const { id, organisation: organisationId, role, expiresAt, hash, revokedAt } = organisationKey
  const rows = await drizzle(db)
    .select({ id, organisationId, role, expiresAt })
    .from(organisationKey)
    .where(and('hash' in by ? eq(hash, by.hash) : eq(id, by.id), isNull(revokedAt)))
  const key = rows[0]
  if (!key || (key.expiresAt !== null && key.expiresAt <= at)) return null
  return { ...key, id: key.id as string, organisationId: key.organisationId as OrganisationId }
}

type EventPage = Page & { search?: string | undefined; order: 'oldest' | 'newest' }

/** Events of an organisation, or of all of them, rehearsals left out, in the order they were made. One more than `limit` is asked for. */
export function listEvents(db: D1Database, organisationId: OrganisationId | null, wanted: EventPage) {
  const { limit, cursor, search, order } = wanted
  const isNewest = order === 'newest'
  return drizzle(db)
    .select()
    .from(event)
    .where(
      and(
        organisationId ? eq(event.organisation, organisationId) : undefined,
        isNull(event.rehearsalOf),
        cursor ? (isNewest ? lt(event.id, cursor) : gt(event.id, cursor)) : undefined,
        search ? or(contains(event.title, search), contains(event.location, search)) : undefined,
      ),
    )
    .orderBy(isNewest ? desc(event.id) : asc(event.id))
    .limit(limit + 1)
}

/** No LIKE: the platform takes no pattern of more than 50 bytes. */
function contains(column: typeof event.title | typeof event.location, text: string) {
  return sql`instr(lower(${column}), lower(${text})) > 0`
}

export async function hasEvent(db: D1Database, id: EventId, organisationId: OrganisationId): Promise<boolean> {
  const rows = await drizzle(db)
    .select({ id: event.id })
    .from(event)
    .where(and(eq(event.id, id), eq(event.organisation, organisationId)))
  return rows.length > 0
}

/** The event whose tag stands in a token, among those of an organisation or of all. */
export async function findEventByTag(
  db: D1Database,
  tag: Uint8Array,
  organisationId: OrganisationId | null,
): Promise<EventId | null> {
  const rows = await drizzle(db)
    .select({ id: event.id })
    .from(event)
    .where(and(eq(event.tag, tag), organisationId ? eq(event.organisation, organisationId) : undefined))
  return (rows[0]?.id as EventId | undefined) ?? null
}

/** Events of an organisation that are not over for long, the next ones first: at most 200. */
export async function currentEventsOf(db: D1Database, organisationId: OrganisationId, at: number): Promise<EventId[]> {
  const day = 24 * 60 * 60 * 1000
  const rows = await drizzle(db)
    .select({ id: event.id })
    .from(event)
    .where(and(eq(event.organisation, organisationId), gt(event.endsAt, at - day)))
    .orderBy(asc(event.startsAt))
    .limit(200)
  return rows.map(({ id }) => id as EventId)
}

/** Events that are on, give or take a day: at most 500, since one run of the sweep may ask no more. */
export async function eventsAround(db: D1Database, at: number): Promise<EventId[]> {
  const day = 24 * 60 * 60 * 1000
  const rows = await drizzle(db)
    .select({ id: event.id })
    .from(event)
    .where(and(gt(event.endsAt, at - day), lt(event.startsAt, at + day)))
    .limit(500)
  return rows.map(({ id }) => id as EventId)
}

/** Up to `limit` events of an organisation, or of all, rehearsals left out, that are on, give or take a day; the next to end come first. */
export async function currentEvents(
  db: D1Database,
  organisationId: OrganisationId | null,
  at: number,
  limit: number,
): Promise<EventId[]> {
  const day = 24 * 60 * 60 * 1000
  const rows = await drizzle(db)
    .select({ id: event.id })
    .from(event)
    .where(
      and(
        gt(event.endsAt, at - day),
        lt(event.startsAt, at + day),
        isNull(event.rehearsalOf),
        organisationId ? eq(event.organisation, organisationId) : undefined,
      ),
    )
    .orderBy(asc(event.endsAt))
    .limit(limit)
  return rows.map(({ id }) => id as EventId)
}

/** The rehearsals of an event, the newest first. */
export function rehearsalsOf(db: D1Database, eventId: EventId, limit: number) {
  const { id, title, createdAt } = event
  return drizzle(db)
    .select({ id, title, createdAt })
    .from(event)
    .where(eq(event.rehearsalOf, eventId))
    .orderBy(desc(event.createdAt))
    .limit(limit)
}

/** Rehearsals that were made before a time and are still there: at most 20. */
export async function rehearsalsBefore(db: D1Database, before: number) {
  const rows = await drizzle(db)
    .select({ id: event.id, of: event.rehearsalOf })
    .from(event)
    .where(and(isNotNull(event.rehearsalOf), lt(event.createdAt, before)))
    .limit(20)
  return rows.map(({ id, of }) => ({ id: id as EventId, of: of as EventId }))
}

/** Counts a wrong enrolment code of this address; gives how many it tried in these ten minutes, this one included. */
export async function countWrongCode(db: D1Database, address: Uint8Array, at: number): Promise<number> {
  const minute = Math.floor(at / 600_000) * 10
  const rows = await drizzle(db)
    .insert(wrongCode)
    .values({ address, minute, tries: 1 })
    .onConflictDoUpdate({ target: [wrongCode.address, wrongCode.minute], set: { tries: sql`${wrongCode.tries} + 1` } })
    .returning({ tries: wrongCode.tries })
  return rows[0]?.tries ?? 1
}

/** Forgets wrong codes of yesterday. */
export async function forgetWrongCodes(db: D1Database, at: number): Promise<void> {
  await drizzle(db)
    .delete(wrongCode)
    .where(sql`${wrongCode.minute} < ${Math.floor(at / 60_000) - 1440}`)
}

/** Events that have kept something for as long as they may: at most 50, those that waited longest first. */
export async function eventsToForget(db: D1Database, at: number): Promise<EventId[]> {
  const rows = await drizzle(db)
    .select({ id: event.id })
    .from(event)
    .where(lt(event.forgetAt, at))
    .orderBy(asc(event.forgetAt))
    .limit(50)
  return rows.map(({ id }) => id as EventId)
}
