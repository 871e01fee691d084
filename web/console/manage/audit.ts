import type { AuditChange, AuditKind } from '../../../core/audit.ts'
import { moment, words } from '../words/language.ts'

export type AuditLine = {
  id: string
  at: string
  kind: AuditKind
  actor: { kind: string; id: string; name: string | null; role: string | null; staffId: string | null }
  subject: { kind: string; id: string } | null
  changes: AuditChange[]
  network: string | null
}

/** Takes who did it; gives their name with what they are, or their id where they have none any more. */
export function sayWho({ kind, id, name, role, staffId }: AuditLine['actor']): string {
  const what = words.value.audit.actors[kind] ?? kind
  const called = name ?? staffId ?? (id === kind ? null : `…${id.slice(-6)}`)
  const as = role === null ? '' : ` (${words.value.roles[role]?.[0] ?? role})`
  return called === null ? what : `${called}, ${what}${as}`
}

/** Takes a change; gives the field with what it was and is, as far as the log says. */
export function sayChange({ field, before, after }: AuditChange, timezone: string): string {
  if (before === undefined && after === undefined) return field
  const say = (value: unknown) => sayValue(field, value, timezone)
  if (before === undefined || before === null) return `${field}: ${say(after)}`
  return `${field}: ${say(before)} → ${say(after)}`
}

const LONGEST = 120

function sayValue(field: string, value: unknown, timezone: string): string {
  if (typeof value === 'number' && /(At|From|Until)$/.test(field)) return moment(value, timezone)
  const text = typeof value === 'string' ? value : JSON.stringify(value ?? null)
  return text === 'null' ? '–' : text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text
}
