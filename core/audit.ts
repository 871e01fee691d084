import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'

/*
 * What people and their keys change, a line each, apart from scans, which have a log of their own. A line names nobody
 * who holds a ticket and holds no secret: it has ids, and of what may be personal only that it changed.
 */

/** What was done. The word before the dot is what it was done to. */
export const auditKinds = [
  'event.created',
  'event.changed',
  'event.closed',
  'ticket_type.put',
  'gate.put',
  'staff.put',
  'tickets.issued',
  'tickets.imported',
  'tickets.exported',
  'tickets.printed',
  'ticket.sold',
  'ticket.revoked',
  'ticket.restored',
  'ticket.blocked',
  'ticket.paid',
  'ticket.reissued',
  'person.erased',
  'person.shown',
  'device.invited',
  'device.enrolled',
  'device.revoked',
  'device.unblocked',
  'conflict.handled',
  'conflict.reopened',
  'format.put',
  'format.removed',
  'webhook.put',
  'webhook.removed',
  'webhook.secret_rotated',
  'webhook.replayed',
  'images.warmed',
  'images.cleared',
  'entries.exported',
  'duplicates.exported',
  'audit.exported',
  'people.forgotten',
  'devices.forgotten',
  'log.forgotten',
  'organisation.created',
  'key.created',
  'key.revoked',
  'member.put',
  'member.removed',
] as const
export type AuditKind = (typeof auditKinds)[number]

/** Who did it. `id` is what a filter names: a key's, a member's or a device's id, or the word for who has none. */
export type AuditActor =
  | { kind: 'deployment'; id: 'deployment' }
  | { kind: 'key'; id: string; role: string }
  | { kind: 'member'; id: string; role: string }
  | { kind: 'device'; id: string; staffId: string }
  /** Whoever had an enrolment code, which is how a device becomes known. */
  | { kind: 'invited'; id: 'invited' }
  /** Nobody: its time had come. */
  | { kind: 'system'; id: 'system' }

/** What it was done to. */
export type AuditSubject = { kind: string; id: string }

/** One field that changed. With neither value: it may be personal or secret, and is told by its name alone. */
export type AuditChange = { field: string; before?: unknown; after?: unknown }

/** What somebody is about to do, as far as the request alone says it. */
export type Doing = {
  kind: AuditKind
  by: AuditActor
  /** The network that it came from, never the whole address; null where that is not known. */
  network: string | null
  requestId: string | null
}

/** One line. Instants are milliseconds since 1970. */
export type AuditLine = {
  /** The version of this spelling. */
  v: 1
  /** 1, 2, 3 … without a gap. */
  no: number
  at: number
  kind: AuditKind
  by: AuditActor
  subject: AuditSubject | null
  changes: AuditChange[]
  requestId: string | null
  /** Stands for the network, which is kept beside the line and forgotten sooner; see `commitTo`. */
  network: string | null
}

const DOMAIN = utf8ToBytes('admit-one/audit/v1\0')

/** The hash before the first line. */
export const auditStart: Uint8Array = new Uint8Array(32)

/** Takes the hash of the line before and a line's text as it is stored; gives the line's own hash. */
export function chainAudit(previous: Uint8Array, text: string): Uint8Array {
  return sha256(concatBytes(DOMAIN, previous, utf8ToBytes(text)))
}

/**
 * Takes a network and random bytes; gives what stands for it in the line. Once both are forgotten nothing can be told
 * from it, and the chain still holds.
 */
export function commitTo(network: string, salt: Uint8Array): string {
  return bytesToHex(sha256(concatBytes(salt, utf8ToBytes(network))))
}

/** Takes an IP address; gives the network it is in, /24 or /48, or null where it is none. */
export function networkOf(address: string): string | null {
  const v4 = /^(?:::ffff:)?(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.\d{1,3}$/i.exec(address)
  if (v4) return `${v4[1]}.${v4[2]}.${v4[3]}.0/24`
  if (!/^[0-9a-f:]+$/i.test(address) || !address.includes(':')) return null
  const [head = '', tail] = address.toLowerCase().split('::')
  const groups = head === '' ? [] : head.split(':')
  const missing = tail === undefined ? 0 : 8 - groups.length - (tail === '' ? 0 : tail.split(':').length)
  const first = [...groups, ...Array<string>(Math.max(0, missing)).fill('0')].slice(0, 3)
  return first.length === 3 ? `${first.map((group) => group.replace(/^0+(?=.)/, '')).join(':')}::/48` : null
}

/**
 * Takes what something was and what it is; gives the fields in which they differ, those of an object inside as
 * `outer.inner`. Of a field in `unnamed` it is told that it changed, and nothing more.
 */
export function differences(before: object | null | undefined, after: object, unnamed: readonly string[] = []) {
  const [old, now] = [flat(before ?? {}), flat(after)]
  const changes: AuditChange[] = []
  for (const field of new Set([...old.keys(), ...now.keys()])) {
    const [was, is] = [old.get(field) ?? null, now.get(field) ?? null]
    if (JSON.stringify(was) === JSON.stringify(is)) continue
    changes.push(unnamed.includes(field) ? { field } : { field, before: was, after: is })
  }
  return changes
}

function flat(value: object): Map<string, unknown> {
  const fields = new Map<string, unknown>()
  for (const [name, inner] of Object.entries(value)) {
    const isPlain = typeof inner === 'object' && inner !== null && !Array.isArray(inner)
    if (!isPlain) fields.set(name, inner)
    else for (const [inside, deeper] of Object.entries(inner)) fields.set(`${name}.${inside}`, deeper)
  }
  return fields
}
