import { bytesToHex } from '@noble/hashes/utils.js'
import { z } from 'zod'
import { auditKinds } from '../core/audit.ts'
import type { OrganisationId } from '../core/ids.ts'
import type { Actor } from '../durable-objects/actor.ts'
import type { Audited } from '../durable-objects/audit/audit.ts'
import { keyNames } from './db/directory.ts'
import { memberNames } from './db/members.ts'
import type { Env } from './env.ts'
import { iso } from './shapes.ts'

/** A line of the audit log as it is shown. */
export const auditLineShape = z.object({
  id: z.string().describe('its number: 1, 2, 3 … without a gap'),
  at: z.iso.datetime(),
  kind: z.enum(auditKinds),
  actor: z.object({
    kind: z.enum(['deployment', 'key', 'member', 'device', 'invited', 'system']),
    id: z.string().describe('of the key, the member or the device; else the same as kind'),
    name: z
      .string()
      .nullable()
      .describe("what the key or the device's member of staff is called now, or a member's address"),
    role: z.string().nullable(),
    staffId: z.string().nullable(),
  }),
  subject: z.object({ kind: z.string(), id: z.string() }).nullable().describe('what it was done to'),
  changes: z
    .array(z.object({ field: z.string(), before: z.unknown().optional(), after: z.unknown().optional() }))
    .describe('with neither value: it may be personal or secret, and is told by its name alone'),
  network: z.string().nullable().describe('where it came from, /24 or /48, for seven days'),
  requestId: z.string().nullable(),
  hash: z.string().describe('SHA-256 over the hash before and this line'),
})
export type WireAuditLine = z.output<typeof auditLineShape>

type Line = Audited & { name?: string | null }

/** Takes a line and what keys and members are called; gives it as it is shown. */
export function showAuditLine(
  { line, network, chain, name = null }: Line,
  names: ReadonlyMap<string, string>,
): WireAuditLine {
  const { by } = line
  return {
    id: String(line.no),
    at: iso(line.at),
    kind: line.kind,
    actor: {
      kind: by.kind,
      id: by.id,
      name: by.kind === 'key' || by.kind === 'member' ? (names.get(by.id) ?? null) : name,
      role: by.kind === 'key' || by.kind === 'member' ? by.role : null,
      staffId: by.kind === 'device' ? by.staffId : null,
    },
    subject: line.subject,
    changes: line.changes,
    network,
    requestId: line.requestId,
    hash: bytesToHex(chain),
  }
}

/** What the keys and members of whoever asks are called; the deployment key belongs to nobody, and sees their ids. */
export async function namesFor(env: Env, actor: Actor): Promise<ReadonlyMap<string, string>> {
  return actor.kind === 'organisation' ? namesIn(env, actor.organisationId) : new Map()
}

/** What the keys and members of an organisation are called, by their ids. */
export async function namesIn({ DB }: Env, organisationId: OrganisationId): Promise<ReadonlyMap<string, string>> {
  const [keys, members] = await Promise.all([keyNames(DB, organisationId), memberNames(DB, organisationId)])
  return new Map([...keys, ...members])
}
