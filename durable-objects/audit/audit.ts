import {
  type AuditChange,
  type AuditLine,
  type AuditSubject,
  auditStart,
  chainAudit,
  commitTo,
  type Doing,
} from '../../core/audit.ts'
import type { AuditFilter } from '../../core/organiser-messages.ts'
import type { EventParts } from '../event-parts.ts'
import type { Meta } from '../meta.ts'

/** A line with its hash, and the network it came from for as long as that is known. */
export type Audited = { line: AuditLine; network: string | null; chain: Uint8Array }

/** How far the lines were checked. */
export type AuditMark = { no: number; chain: Uint8Array }

export type AuditSlice = { checked: number; wrong: { no: number; detail: string }[]; mark: AuditMark | null }

type Row = { no: number; line: string; network: string | null; salt: ArrayBuffer | null; chain: ArrayBuffer }

type About = { subject: AuditSubject | null; changes: AuditChange[] }

const nothingSaid: About = { subject: null, changes: [] }

/** So many lines are checked in one go. */
const CHECKED = 500

/**
 * What people changed about the event, a line each. A change says what it is about while it is made; the line is
 * written with it, in the same transaction, so that there is neither without the other.
 */
export class Audit {
  readonly #sql: SqlStorage
  readonly #meta: Meta
  #about: About | null = nothingSaid

  constructor(sql: SqlStorage, meta: Meta) {
    this.#sql = sql
    this.#meta = meta
  }

  /** Says what the change that is being made is about. */
  about(subject: AuditSubject | null, changes: AuditChange[] = []): void {
    this.#about = { subject, changes }
  }

  /** Says that what is being asked for is so already, or only told again: no line is written. */
  aboutNothing(): void {
    this.#about = null
  }

  /** Writes the line of what was done, and forgets what was said. The caller holds the transaction. */
  write(doing: Doing | undefined, at: number): void {
    const about = this.#about
    this.#about = nothingSaid
    if (doing && about) this.#append(doing, about, at)
  }

  /** The lines that a filter leaves, the newest first. */
  list({ cursor, limit, actor, kind, subject, from, to }: AuditFilter): Audited[] {
    return this.#sql
      .exec<Row>(
        `SELECT * FROM audit WHERE no < ? AND (?2 IS NULL OR line->>'$.by.id' = ?2 OR line->>'$.by.staffId' = ?2)
         AND (?3 IS NULL OR line->>'$.kind' = ?3) AND (?4 IS NULL OR line->>'$.subject.id' = ?4)
         AND (?5 IS NULL OR line->>'$.at' >= ?5) AND (?6 IS NULL OR line->>'$.at' < ?6) ORDER BY no DESC LIMIT ?7`,
        cursor ?? Number.MAX_SAFE_INTEGER,
        actor ?? null,
        kind ?? null,
        subject ?? null,
        from ?? null,
        to ?? null,
        limit,
      )
      .toArray()
      .map(audited)
  }

  /** Up to `limit` lines after `no`, in order. */
  after(no: number, limit: number): Audited[] {
    return this.#rowsAfter(no, limit).map(audited)
  }

  /** Checks the next lines: numbered without a gap, each hash the hash of what stands there, and none gone at the end. */
  check({ no, chain }: AuditMark): AuditSlice {
    const rows = this.#rowsAfter(no, CHECKED)
    const { wrong, mark } = checkAudit(rows, { no, chain })
    const isDone = rows.length < CHECKED
    const head = this.#meta.number('audit')
    if (isDone && mark.no < head) wrong.push({ no: head, detail: `is gone; the last line there is ${mark.no}` })
    return { checked: rows.length, wrong, mark: isDone ? null : mark }
  }

  /** Forgets the networks of lines written before then. */
  forgetNetworks(before: number): void {
    this.#sql.exec(
      "UPDATE audit SET network = NULL, salt = NULL WHERE network IS NOT NULL AND line->>'$.at' < ?",
      before,
    )
  }

  /** When the oldest line with a network was written; null where none has one. */
  oldestNetworkAt(): number | null {
    const query = "SELECT line->>'$.at' AS at FROM audit WHERE network IS NOT NULL ORDER BY no LIMIT 1"
    return this.#sql.exec<{ at: number }>(query).toArray()[0]?.at ?? null
  }

  #append(doing: Doing, about: About, at: number): void {
    const last = this.#sql.exec<Row>('SELECT * FROM audit ORDER BY no DESC LIMIT 1').toArray()[0]
    const { text, salt, chain, no } = nextLine(last ? markOf(last) : null, doing, about, at)
    this.#sql.exec(
      'INSERT INTO audit (no, line, network, salt, chain) VALUES (?, ?, ?, ?, ?)',
      no,
      text,
      doing.network,
      salt,
      chain,
    )
    this.#meta.set('audit', no)
  }

  #rowsAfter(no: number, limit: number): Row[] {
    return this.#sql.exec<Row>('SELECT * FROM audit WHERE no > ? ORDER BY no LIMIT ?', no, limit).toArray()
  }
}

export const auditBegin = (): AuditMark => ({ no: 0, chain: auditStart })

/** Makes the line that follows another; null: it is the first. */
export function nextLine(last: AuditMark | null, doing: Doing, { subject, changes }: About, at: number) {
  const { kind, by, requestId, network } = doing
  const salt = network === null ? null : crypto.getRandomValues(new Uint8Array(16))
  const no = (last?.no ?? 0) + 1
  const line: AuditLine = {
    v: 1,
    no,
    at,
    kind,
    by,
    subject,
    changes,
    requestId,
    network: network !== null && salt !== null ? commitTo(network, salt) : null,
  }
  const text = JSON.stringify(line)
  return { no, text, salt, chain: chainAudit(last?.chain ?? auditStart, text) }
}

/** Checks lines as they are stored, from a mark on; gives what is wrong, and how far it came. */
export function checkAudit(rows: StoredLine[], from: AuditMark) {
  const wrong: { no: number; detail: string }[] = []
  let mark = from
  for (const { no, line, network, salt, chain } of rows) {
    if (no !== mark.no + 1) wrong.push({ no, detail: `follows line ${mark.no}` })
    if (!sameBytes(chainAudit(mark.chain, line), chain)) wrong.push({ no, detail: 'is not what its hash was made of' })
    else if (network !== null && salt !== null && !isOf(line, network, salt)) {
      wrong.push({ no, detail: 'came from another network than stands beside it' })
    }
    mark = { no, chain: bytesOf(chain) }
  }
  return { wrong, mark }
}

/** A line as a table holds it. */
export type StoredLine = {
  no: number
  line: string
  network: string | null
  salt: ArrayBuffer | Uint8Array | null
  chain: ArrayBuffer | Uint8Array
}

export function audited({ line, network, chain }: StoredLine): Audited {
  return { line: JSON.parse(line) as AuditLine, network, chain: bytesOf(chain) }
}

function isOf(line: string, network: string, salt: ArrayBuffer | Uint8Array): boolean {
  return (JSON.parse(line) as AuditLine).network === commitTo(network, bytesOf(salt))
}

function markOf({ no, chain }: StoredLine): AuditMark {
  return { no, chain: bytesOf(chain) }
}

function bytesOf(bytes: ArrayBuffer | Uint8Array): Uint8Array {
  return new Uint8Array(bytes)
}

function sameBytes(a: Uint8Array, b: ArrayBuffer | Uint8Array): boolean {
  const other = bytesOf(b)
  return a.length === other.length && a.every((byte, i) => byte === other[i])
}

/** A line of the audit log and what whoever did it is called now, where it was a device. */
export type AuditedBy = Audited & { name: string | null }

export function withNames({ configuration }: EventParts, lines: Audited[]): AuditedBy[] {
  const nameOf = ({ by }: AuditLine) => (by.kind === 'device' ? configuration.staff.get(by.staffId)?.name : null)
  return lines.map((one) => ({ ...one, name: nameOf(one.line) ?? null }))
}
