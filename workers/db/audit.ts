import { and, asc, desc, eq, gt, isNotNull, lt, type SQL, sql } from 'drizzle-orm'
import type { BatchItem } from 'drizzle-orm/batch'
import { type DrizzleD1Database, drizzle } from 'drizzle-orm/d1'
import type { AuditChange, AuditSubject, Doing } from '../../core/audit.ts'
import type { OrganisationId } from '../../core/ids.ts'
import type { AuditFilter } from '../../core/organiser-messages.ts'
import {
  type AuditMark,
  type AuditSlice,
  audited,
  checkAudit,
  nextLine,
  type StoredLine,
} from '../../durable-objects/audit/audit.ts'
import { organisationAudit as table } from './schema.ts'

/*
 * What people changed about an organisation. A change and its line are one transaction, as in a Gatekeeper.
 */

/** So many may change an organisation in the same moment; each but one writes its line after another's. */
const ATTEMPTS = 8

/** So many lines are checked with one query. */
const CHECKED = 500

type Said = { subject: AuditSubject | null; changes: AuditChange[] }
type Changes = (orm: DrizzleD1Database) => BatchItem<'sqlite'>[]

/** Writes changes and the line that tells of them, all or nothing. */
export async function writeAudited(
  db: D1Database,
  organisation: OrganisationId,
  doing: Doing,
  said: Said,
  at: number,
  changes: Changes = () => [],
): Promise<void> {
  const orm = drizzle(db)
  for (let attempt = 1; ; attempt++) {
    const [last] = await orm
      .select()
      .from(table)
      .where(eq(table.organisation, organisation))
      .orderBy(desc(table.no))
      .limit(1)
    const {
      no,
      text: line,
      salt,
      chain,
    } = nextLine(last ? { no: last.no, chain: bytesOf(last.chain) } : null, doing, said, at)
    try {
      await orm.batch([
        orm.insert(table).values({ organisation, no, line, network: doing.network, salt, chain }),
        ...changes(orm),
      ])
      return
    } catch (error) {
      // Another's line has this number by now; nothing was written.
      if (attempt === ATTEMPTS || !isTaken(error)) throw error
    }
  }
}

function isTaken(error: unknown): boolean {
  const causes = [error, (error as Error).cause].map(String).join(' ')
  return causes.includes('UNIQUE constraint failed: organisation_audit')
}

/** The lines that a filter leaves, the newest first. */
export async function listOrganisationAudit(db: D1Database, organisation: OrganisationId, filter: AuditFilter) {
  const { cursor, limit, actor, kind, subject, from, to } = filter
  const says = (path: string, value: string | number | undefined, is: SQL = sql`=`) =>
    value === undefined ? undefined : sql`${table.line}->>${path} ${is} ${value}`
  const rows = await drizzle(db)
    .select()
    .from(table)
    .where(
      and(
        eq(table.organisation, organisation),
        cursor ? lt(table.no, cursor) : undefined,
        says('$.by.id', actor),
        says('$.kind', kind),
        says('$.subject.id', subject),
        says('$.at', from, sql`>=`),
        says('$.at', to, sql`<`),
      ),
    )
    .orderBy(desc(table.no))
    .limit(limit)
  return rows.map((row) => audited(stored(row)))
}

/** Up to `limit` lines after `no`, in order. */
export async function organisationAuditAfter(db: D1Database, organisation: OrganisationId, no: number, limit: number) {
  return (await rowsAfter(db, organisation, no, limit)).map(audited)
}

/** Checks the next lines; `mark` is null after the last. */
export async function checkOrganisationAudit(
  db: D1Database,
  organisation: OrganisationId,
  from: AuditMark,
): Promise<AuditSlice> {
  const rows = await rowsAfter(db, organisation, from.no, CHECKED)
  const { wrong, mark } = checkAudit(rows, from)
  return { checked: rows.length, wrong, mark: rows.length < CHECKED ? null : mark }
}

/** Forgets the networks of lines written before then. */
export async function forgetOrganisationNetworks(db: D1Database, before: number): Promise<void> {
  await drizzle(db)
    .update(table)
    .set({ network: null, salt: null })
    .where(and(isNotNull(table.network), sql`${table.line}->>'$.at' < ${before}`))
}

async function rowsAfter(db: D1Database, organisation: OrganisationId, no: number, limit: number) {
  const rows = await drizzle(db)
    .select()
    .from(table)
    .where(and(eq(table.organisation, organisation), gt(table.no, no)))
    .orderBy(asc(table.no))
    .limit(limit)
  return rows.map(stored)
}

function stored({ no, line, network, salt, chain }: typeof table.$inferSelect): StoredLine {
  return { no, line, network, salt: salt && bytesOf(salt), chain: bytesOf(chain) }
}

/** D1 gives a blob as an array of numbers. */
function bytesOf(bytes: Uint8Array | number[]): Uint8Array {
  return Uint8Array.from(bytes)
}
