/** The small values of a Gatekeeper that have a name: a number, a text or bytes each. */
export class Meta {
  readonly #sql: SqlStorage

  constructor(sql: SqlStorage) {
    this.#sql = sql
  }

  number(key: string): number {
    return Number(this.#sql.exec('SELECT value FROM meta WHERE key = ?', key).toArray()[0]?.value ?? 0)
  }

  /** Whether one number is larger than another. */
  isAhead(key: string, of: string): boolean {
    const value = '(SELECT value FROM meta WHERE key = ?)'
    const query = `SELECT ifnull(${value}, 0) > ifnull(${value}, 0) AS ahead`
    return this.#sql.exec<{ ahead: number }>(query, key, of).one().ahead === 1
  }

  text(key: string): string | null {
    const value = this.#sql.exec('SELECT value FROM meta WHERE key = ?', key).toArray()[0]?.value
    return typeof value === 'string' ? value : null
  }

  set(key: string, value: number | string): void {
    this.#sql.exec('INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)', key, value)
  }
}
