import { ok, problem, type Result } from '../../core/answers.ts'
import type { EnrolRequest } from '../../core/device-messages.ts'
import type { DeviceId, GateId, StaffId } from '../../core/ids.ts'
import type { Configuration, Staff } from '../event/configuration.ts'
import { DeviceTokens, type TokenState } from './device-tokens.ts'

/** A scanner known to the event. Instants are milliseconds since 1970. */
export type Device = {
  no: number
  id: DeviceId
  name: string
  type: string
  staff: Staff
  gateId: GateId | null
  enrolledAt: number
  revokedAt: number | null
  /** The public key that its requests are signed with; null where it signs none. */
  signingKey: string | null
}

type Row = {
  no: number
  id: string
  name: string
  type: string
  staff: number
  gate: number | null
  token_hash: ArrayBuffer
  enrolled_at: number
  revoked_at: number | null
  signing_key: string | null
}

/** What the bearer of an enrolment code wants, with the device token's SHA-256 in place of the token. */
export type Enrolling = {
  codeHash: Uint8Array
  tokenHash: Uint8Array
  deviceId: DeviceId
  request: EnrolRequest
  /** The key that the request itself was signed with, where it was. */
  signingKey?: string | null
}

/** Enrolments and devices. There are as many as scanners, so the devices are kept in memory over their table. */
export class Devices {
  readonly #sql: SqlStorage
  readonly #configuration: Configuration
  readonly tokens: DeviceTokens
  readonly #byId = new Map<string, { device: Device; tokenHash: Uint8Array }>()
  readonly #byNumber = new Map<number, Device>()

  constructor(sql: SqlStorage, configuration: Configuration) {
    this.#sql = sql
    this.#configuration = configuration
    this.tokens = new DeviceTokens(sql)
    for (const row of sql.exec<Row>('SELECT * FROM device ORDER BY no')) this.#keep(row)
  }

  get(id: string): Device | undefined {
    return this.#byId.get(id)?.device
  }

  byNumber(no: number): Device | undefined {
    return this.#byNumber.get(no)
  }

  all(): Device[] {
    return [...this.#byNumber.values()]
  }

  hasToken(id: string, tokenHash: Uint8Array, at: number): boolean {
    return this.tokenState(id, tokenHash, at) === 'good'
  }

  tokenState(id: string, tokenHash: Uint8Array, at: number): TokenState {
    const known = this.#byId.get(id)
    return known ? this.tokens.state(known.tokenHash, known.device.no, tokenHash, at) : 'unknown'
  }

  /** Notes that a device's token was used, and keeps a successor of it where one is wanted. Gives whether it was kept. */
  useToken({ id, no }: Device, tokenHash: Uint8Array, successor: Uint8Array | null, at: number): boolean {
    if (this.tokens.use(no, tokenHash, at)) {
      this.#sql.exec('UPDATE device SET token_hash = ? WHERE no = ?', tokenHash, no)
      this.#reread(id)
    }
    if (successor === null || !this.tokens.maySucceed(tokenHash)) return false
    this.tokens.succeed(no, tokenHash, successor, at)
    return true
  }

  /** Keeps the right to enrol one device, by the SHA-256 of its code. The caller knows that the staff and gate exist. */
  invite(codeHash: Uint8Array, staffId: StaffId, gateId: GateId | null, expiresAt: number): void {
    this.#sql.exec(
      'INSERT OR IGNORE INTO enrolment (code_hash, staff, gate, expires_at) VALUES (?, ?, ?, ?)',
      codeHash,
      this.#configuration.staff.numberOf(staffId) ?? 0,
      gateId === null ? null : (this.#configuration.gates.numberOf(gateId) ?? null),
      expiresAt,
    )
  }

  /** Makes a device of whoever brings a code, once. The same call again, with the same token, is the same device. */
  enrol({ codeHash, tokenHash, deviceId, request, signingKey = null }: Enrolling, at: number): Result<Device> {
    const invitation = this.#sql
      .exec<{ staff: number; gate: number | null; expires_at: number; token_hash: ArrayBuffer | null }>(
        'SELECT staff, gate, expires_at, token_hash FROM enrolment WHERE code_hash = ?',
        codeHash,
      )
      .toArray()[0]
    if (!invitation) return problem('enrolment_unknown')
    const usedBy = invitation.token_hash
    if (usedBy === null ? at > invitation.expires_at : !sameBytes(new Uint8Array(usedBy), tokenHash)) {
      return problem('enrolment_used')
    }
    this.#sql.exec('UPDATE enrolment SET token_hash = ? WHERE code_hash = ?', tokenHash, codeHash)
    this.#sql.exec(
      `INSERT INTO device (id, name, type, staff, gate, token_hash, public_key, enrolled_at, signing_key)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET name = excluded.name, type = excluded.type, staff = excluded.staff,
       gate = excluded.gate, token_hash = excluded.token_hash, public_key = excluded.public_key,
       enrolled_at = excluded.enrolled_at, revoked_at = NULL, signing_key = excluded.signing_key`,
      deviceId,
      request.deviceName,
      request.deviceType,
      invitation.staff,
      invitation.gate,
      tokenHash,
      request.publicKey ?? null,
      at,
      signingKey,
    )
    const device = this.#reread(deviceId)
    // The same call again keeps what was made of it meanwhile.
    if (usedBy === null) this.tokens.forget(device.no)
    return ok(device)
  }

  revoke(id: DeviceId, at: number): Device | null {
    if (!this.#byId.has(id)) return null
    this.#sql.exec('UPDATE device SET revoked_at = ifnull(revoked_at, ?) WHERE id = ?', at, id)
    return this.#reread(id)
  }

  /** Takes away what a device is called and what it could come back with. It stays revoked, with its id. */
  forget(id: DeviceId, at: number): void {
    this.#sql.exec(
      `UPDATE device SET name = id, public_key = NULL, signing_key = NULL, token_hash = zeroblob(32), revoked_at = ifnull(revoked_at, ?)
       WHERE id = ?`,
      at,
      id,
    )
    this.tokens.forget(this.#reread(id).no)
  }

  #reread(id: string): Device {
    return this.#keep(this.#sql.exec<Row>('SELECT * FROM device WHERE id = ?', id).one())
  }

  #keep(row: Row): Device {
    const staff = this.#configuration.staff.byNumber(row.staff)
    if (!staff) throw new Error(`device ${row.no} belongs to staff ${row.staff}, which is not there`)
    const device = {
      no: row.no,
      id: row.id as DeviceId,
      name: row.name,
      type: row.type,
      staff,
      gateId: row.gate === null ? null : (this.#configuration.gates.byNumber(row.gate)?.id ?? null),
      enrolledAt: row.enrolled_at,
      revokedAt: row.revoked_at,
      signingKey: row.signing_key,
    }
    this.#byId.set(row.id, { device, tokenHash: new Uint8Array(row.token_hash) })
    this.#byNumber.set(row.no, device)
    return device
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && crypto.subtle.timingSafeEqual(a, b)
}
