/** Who was using a token when its successor was first used may do so for so long: answers come late. */
const OVERLAP_MS = 60_000

/** More successors of one token than this that nobody used are forgotten, the oldest first. */
const MOST_UNUSED = 16

/** `over`: it has a successor in use, so whoever comes with it now is not the one who has that. */
export type TokenState = 'good' | 'over' | 'unknown'

type Row = { ended_at: number | null; used_at: number | null }

/**
 * The device tokens of each device, by their SHA-256: each succeeds the one before. A token stays good until a successor of
 * it is first used, so that a device that lost the answer to its renewal asks again with what it has, and gets another
 * successor. From then on the token is over, and so is every other successor of it.
 */
export class DeviceTokens {
  readonly #sql: SqlStorage

  constructor(sql: SqlStorage) {
    this.#sql = sql
  }

  /** `first` is the token that the device was enrolled with, or that it used last; it may stand in no table. */
  state(first: Uint8Array, device: number, hash: Uint8Array, at: number): TokenState {
    const row = this.#sql
      .exec<Row>('SELECT ended_at, used_at FROM device_token WHERE hash = ? AND device = ?', hash, device)
      .toArray()[0]
    if (!row) return sameBytes(first, hash) ? 'good' : 'unknown'
    return row.ended_at === null || at <= row.ended_at + OVERLAP_MS ? 'good' : 'over'
  }

  /** Notes that a good token was used. Gives whether that was the first time. */
  use(device: number, hash: Uint8Array, at: number): boolean {
    const isFirst =
      this.#sql.exec('UPDATE device_token SET used_at = ? WHERE hash = ? AND used_at IS NULL', at, hash).rowsWritten > 0
    if (!isFirst) return false
    this.#sql.exec(
      'UPDATE device_token SET ended_at = ? WHERE device = ? AND hash <> ? AND ended_at IS NULL',
      at,
      device,
      hash,
    )
    return true
  }

  /** Whether a token may have a successor: one that is over has one in use. */
  maySucceed(hash: Uint8Array): boolean {
    return (
      this.#sql.exec('SELECT 1 FROM device_token WHERE hash = ? AND ended_at IS NOT NULL', hash).toArray().length === 0
    )
  }

  /** Keeps a successor of a token that is in use. */
  succeed(device: number, hash: Uint8Array, successor: Uint8Array, at: number): void {
    const insert =
      'INSERT OR IGNORE INTO device_token (hash, device, made_at, used_at, ended_at) VALUES (?, ?, ?, ?, NULL)'
    this.#sql.exec(insert, hash, device, at, at)
    this.#sql.exec(insert, successor, device, at, null)
    this.#sql.exec(
      `DELETE FROM device_token WHERE hash IN (SELECT hash FROM device_token
       WHERE device = ? AND used_at IS NULL AND ended_at IS NULL ORDER BY made_at DESC LIMIT -1 OFFSET ?)`,
      device,
      MOST_UNUSED,
    )
  }

  /** The device enrols anew: what it had before is unknown. */
  forget(device: number): void {
    this.#sql.exec('DELETE FROM device_token WHERE device = ?', device)
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && crypto.subtle.timingSafeEqual(a, b)
}
